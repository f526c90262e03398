"""Which missing fields leave a condition undecided (domain.md A2, C2)."""

from __future__ import annotations

from datetime import datetime

import polars as pl

from crmsync.program.conditions import Condition, Leaf, children
from crmsync.program.evaluate import compile_expr


def gap_exprs(condition: Condition, *, as_of: datetime) -> dict[str, pl.Expr]:
    """Field -> Boolean (never null): the field is missing, and everything above it is undecided because of it.

    A missing value beside a true one in `any`, or beside a false one in `all`, decides nothing and is no gap.
    """
    here = compile_expr(condition, as_of=as_of).is_null()
    if isinstance(condition, Leaf):
        return {condition.field.name: here}
    gaps: dict[str, pl.Expr] = {}
    for child in children(condition):
        for name, missing in gap_exprs(child, as_of=as_of).items():
            found = here & missing
            gaps[name] = gaps[name] | found if name in gaps else found
    return gaps
