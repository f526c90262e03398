"""Conditions as Polars expressions: the one evaluator, for the decision and for its explanation.

Three-valued (domain.md, "Three values, not two"): over a missing value every operator is null, except `known` and
`unknown`. `&` and `|` on nullable Booleans are Kleene in Polars; `all_horizontal`, `any()` and `filter` are not used
here because they skip or drop nulls.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import reduce
from operator import and_, or_
from typing import cast

import polars as pl

from crmsync.model.fields import Kind
from crmsync.model.snapshot import LEAST
from crmsync.program.conditions import All, Any_, Condition, Leaf, Named, Not, Operand, nodes

_FOLDED = (Kind.TEXT, Kind.DOMAIN, Kind.REGION)


def compile_expr(condition: Condition, *, as_of: datetime) -> pl.Expr:
    """A Boolean expression over the columns `fields_of(condition)`; null is unknown. `as_of` must carry a time zone."""
    match condition:
        case Leaf():
            return _leaf(condition, as_of)
        case All(parts):
            return reduce(and_, (compile_expr(part, as_of=as_of) for part in parts), pl.lit(value=True))
        case Any_(parts):
            return reduce(or_, (compile_expr(part, as_of=as_of) for part in parts), pl.lit(value=False))
        case Not(part):
            return ~compile_expr(part, as_of=as_of)
        case Named(_, part):
            return compile_expr(part, as_of=as_of)


def leaf_columns(condition: Condition, prefix: str, *, as_of: datetime) -> list[pl.Expr]:
    """One Boolean column for each node, named `prefix` + its position in `nodes(condition)`: same expressions."""
    return [
        compile_expr(node, as_of=as_of).alias(f"{prefix}{position}") for position, node in enumerate(nodes(condition))
    ]


def fold(text: str) -> str:
    """Text as it is compared where case does not matter."""
    return text.lower()


def _leaf(leaf: Leaf, as_of: datetime) -> pl.Expr:
    column = pl.col(leaf.field.name)
    if leaf.field.kind.is_text:
        # The column may hold its text as categories.
        column = column.cast(pl.String)
    match leaf.operator:
        case "known":
            return column.is_not_null() if leaf.value else column.is_null()
        case "unknown":
            return column.is_null() if leaf.value else column.is_not_null()
    match leaf.field.kind:
        case Kind.SET:
            return _set(leaf, column)
        case Kind.DATETIME:
            return _moment(leaf, column, as_of)
        case Kind.BOOLEAN:
            return column == leaf.value if leaf.operator == "eq" else column != leaf.value
        case Kind.INTEGER | Kind.MONEY:
            return _at_least(leaf, _number(leaf, column)) if leaf.field.at_least else _number(leaf, column)
        case _:
            return _text(leaf, column)


def _null_if_missing(column: pl.Expr, known: pl.Expr) -> pl.Expr:
    """`known` where the column has a value, else null: states the rule instead of trusting each Polars function."""
    return pl.when(column.is_null()).then(pl.lit(None, dtype=pl.Boolean)).otherwise(known)


def _operands(leaf: Leaf) -> tuple[Operand, ...]:
    return leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)


def _number(leaf: Leaf, column: pl.Expr) -> pl.Expr:
    values = cast(tuple[int, ...], _operands(leaf))
    first = values[0]
    match leaf.operator:
        case "eq":
            return column == first
        case "ne":
            return column != first
        case "gt":
            return column > first
        case "gte":
            return column >= first
        case "lt":
            return column < first
        case "lte":
            return column <= first
        case "between":
            return (column >= first) & (column <= values[1])
        case "in":
            return _null_if_missing(column, column.is_in(values))
        case "not_in":
            return _null_if_missing(column, ~column.is_in(values))
    raise AssertionError(f"{leaf.operator} does not fit {leaf.field.kind}")


def _at_least(leaf: Leaf, exact: pl.Expr) -> pl.Expr:
    """A figure that is known only from below lies anywhere from there on: certain where all of these say the same."""
    least, largest = pl.col(LEAST + leaf.field.name), max(cast(tuple[int, ...], _operands(leaf)))
    beyond = least >= largest if leaf.operator in ("gte", "lt") else least > largest
    upwards = leaf.operator in ("gt", "gte", "ne", "not_in")
    return pl.coalesce(exact, pl.when(beyond).then(pl.lit(value=upwards)))


def _text(leaf: Leaf, column: pl.Expr) -> pl.Expr:
    values = cast(tuple[str, ...], _operands(leaf))
    if leaf.operator == "matches":
        return _null_if_missing(column, column.str.contains(values[0]))
    if leaf.field.kind in _FOLDED:
        column, values = column.str.to_lowercase(), tuple(fold(value) for value in values)
    match leaf.operator:
        case "eq":
            return column == values[0]
        case "ne":
            return column != values[0]
        case "in":
            return _null_if_missing(column, column.is_in(values))
        case "not_in":
            return _null_if_missing(column, ~column.is_in(values))
        case "contains":
            return _null_if_missing(column, column.str.contains(values[0], literal=True))
    raise AssertionError(f"{leaf.operator} does not fit {leaf.field.kind}")


def _set(leaf: Leaf, column: pl.Expr) -> pl.Expr:
    members = column.list.eval(pl.element().str.to_lowercase())
    found = [members.list.contains(fold(str(value))).fill_null(value=False) for value in _operands(leaf)]
    joined = reduce(or_ if leaf.operator == "has_any" else and_, found)
    return _null_if_missing(column, joined)


def day_bounds(value: datetime | date) -> tuple[datetime, datetime]:
    """First moment of the value, and the first moment after it: a whole UTC day for a date, a microsecond else."""
    if isinstance(value, datetime):
        return value, value + timedelta(microseconds=1)
    start = datetime.combine(value, time(), tzinfo=UTC)
    return start, start + timedelta(days=1)


def _moment(leaf: Leaf, column: pl.Expr, as_of: datetime) -> pl.Expr:
    if leaf.operator in ("within_days", "older_than_days"):
        edge = _utc(as_of - timedelta(days=cast(int, leaf.value)))
        return column >= edge if leaf.operator == "within_days" else column < edge
    bounds = [day_bounds(cast("datetime | date", value)) for value in _operands(leaf)]
    start, after = _utc(bounds[0][0]), _utc(bounds[-1][1])
    match leaf.operator:
        case "eq" | "between":
            return (column >= start) & (column < after)
        case "ne":
            return (column < start) | (column >= after)
        case "gt":
            return column >= after
        case "gte":
            return column >= start
        case "lt":
            return column < start
        case "lte":
            return column < after
    raise AssertionError(f"{leaf.operator} does not fit {leaf.field.kind}")


def _utc(moment: datetime) -> pl.Expr:
    """A literal of the column's own type; a moment without a zone would silently be taken as local time."""
    if moment.tzinfo is None:
        raise ValueError("as_of must carry a time zone")
    naive = moment.astimezone(UTC).replace(tzinfo=None)
    return pl.lit(naive, dtype=pl.Datetime("us")).dt.replace_time_zone("UTC")
