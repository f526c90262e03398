"""Which missing fields leave a condition undecided (domain.md A2, C2)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
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


def filled_expr(condition: Condition, fields: Collection[str], *, as_of: datetime, favourable: bool = True) -> pl.Expr:
    """The condition as it would be if `fields`, where they are missing, were filled as favourably as possible.

    A leaf over one of them counts as true where that helps, and under a `not` as false; null is still unknown. Filling
    every field like this gives true exactly where the condition is not false, which is what a potential takes it for.
    """
    match condition:
        case Leaf():
            truth = compile_expr(condition, as_of=as_of)
            return truth.fill_null(value=favourable) if condition.field.name in fields else truth
        case All(parts):
            each = [filled_expr(part, fields, as_of=as_of, favourable=favourable) for part in parts]
            return reduce(and_, each, pl.lit(value=True))
        case Any_(parts):
            each = [filled_expr(part, fields, as_of=as_of, favourable=favourable) for part in parts]
            return reduce(or_, each, pl.lit(value=False))
        case Not(part):
            return ~filled_expr(part, fields, as_of=as_of, favourable=not favourable)
        case Named(_, part):
            return filled_expr(part, fields, as_of=as_of, favourable=favourable)


@dataclass(frozen=True)
class Climb:
    """How a system comes to a tier, so that the same climb can be made as if a field were filled (domain.md C2).

    `names`, worst to best from `none` on, are what the ranks of `reached` stand for, an expression over the columns of
    the steps. `filled(fields)` gives these columns as they would be if `fields`, where missing, were filled favourably.
    """

    names: tuple[str, ...]
    reached: pl.Expr
    filled: Callable[[Collection[str]], Mapping[str, pl.Expr]]
