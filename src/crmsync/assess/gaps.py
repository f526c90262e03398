"""Which missing fields leave a condition undecided (domain.md A2, C2)."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import and_, or_

import polars as pl

from crmsync.program.conditions import All, Any_, Condition, Leaf, Named, Not, children
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


def filled_expr(condition: Condition, field: str, *, as_of: datetime, favourable: bool = True) -> pl.Expr:
    """The condition as it would be if `field`, where it is missing, were filled as favourably as possible.

    A leaf over it counts as true where that helps, and under a `not` as false; null is still unknown. Filling every
    field like this gives true exactly where the condition is not false, which is what a potential takes it for.
    """
    match condition:
        case Leaf():
            truth = compile_expr(condition, as_of=as_of)
            return truth.fill_null(value=favourable) if condition.field.name == field else truth
        case All(parts):
            each = [filled_expr(part, field, as_of=as_of, favourable=favourable) for part in parts]
            return reduce(and_, each, pl.lit(value=True))
        case Any_(parts):
            each = [filled_expr(part, field, as_of=as_of, favourable=favourable) for part in parts]
            return reduce(or_, each, pl.lit(value=False))
        case Not(part):
            return ~filled_expr(part, field, as_of=as_of, favourable=not favourable)
        case Named(_, part):
            return filled_expr(part, field, as_of=as_of, favourable=favourable)
