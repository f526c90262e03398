"""Comparisons over properties as Polars expressions, shared by search and by lists.

Prevents strings from being compared where HubSpot compares numbers and moments.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import polars as pl

from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.hubspot.catalog import Property
from crmsync.sandbox.hubspot.table import ID, Need, column
from crmsync.sandbox.hubspot.wire import invalid


@dataclass
class Compiled:
    """An expression that is true, false or null for a record, and the columns it reads."""

    expr: pl.Expr
    needs: set[Need] = field(default_factory=set)


def all_of(parts: Sequence[Compiled]) -> Compiled:
    """True where every part is; true without parts."""
    # A constant alone is no mask: over a large frame Polars evaluates it by parts and finds the wrong length.
    expr = reduce(lambda a, b: a & b, (p.expr.fill_null(value=False) for p in parts), pl.col(ID).is_not_null())
    return Compiled(expr, set().union(*(p.needs for p in parts)))


def any_of(parts: Sequence[Compiled]) -> Compiled:
    """True where any part is; false without parts."""
    expr = reduce(lambda a, b: a | b, (p.expr.fill_null(value=False) for p in parts), pl.col(ID).is_null())
    return Compiled(expr, set().union(*(p.needs for p in parts)))


def in_ids(ids: Sequence[int]) -> Compiled:
    """True for the records of these ids."""
    return Compiled(pl.col(ID).is_in(pl.Series(list(ids), dtype=pl.Int64).implode()))


def flavour_of(prop: Property) -> str:
    """How values of a property compare: number, moment, exact option, or text without regard to case."""
    if prop.type == "number":
        return "n"
    if prop.type in {"date", "datetime"}:
        return "t"
    return "s" if prop.type in {"enumeration", "bool"} else "l"


def operand(prop: Property, flavour: str, value: object) -> float | int | str:
    """A filter's value in the flavour of its property; 400 where it cannot be read."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if flavour == "n":
        try:
            return float(text)
        except ValueError as fault:
            raise invalid(f"{text} is not a valid number for property {prop.name}") from fault
    if flavour == "t":
        ms = parse_ms(text)
        if ms is None:
            raise invalid(f"{text} is not a valid date for property {prop.name}; use milliseconds since 1970")
        return ms
    return text


def known(prop: Property) -> Compiled:
    """The property has a value."""
    return Compiled(pl.col(column(prop.name, "s")).is_not_null(), {(prop.name, "s")})


def compare(prop: Property, operator: str, value: object, high: object = None) -> Compiled:
    """`EQ NEQ GT GTE LT LTE BETWEEN` with both ends; a missing value is null."""
    flavour = flavour_of(prop)
    if prop.multiple and operator in {"EQ", "NEQ"}:
        has = has_any(prop, [str(value)])
        return has if operator == "EQ" else Compiled(~has.expr, has.needs)
    col = pl.col(column(prop.name, flavour))
    raw = operand(prop, flavour, value)
    right = pl.lit(raw.lower() if flavour == "l" and isinstance(raw, str) else raw)
    match operator:
        case "EQ":
            expr = col == right
        case "NEQ":
            expr = col != right
        case "GT":
            expr = col > right
        case "GTE":
            expr = col >= right
        case "LT":
            expr = col < right
        case "LTE":
            expr = col <= right
        case _:
            top = operand(prop, flavour, high)
            expr = col.is_between(right, pl.lit(top.lower() if flavour == "l" and isinstance(top, str) else top))
    return Compiled(expr, {(prop.name, flavour)})


def is_in(prop: Property, values: Sequence[object]) -> Compiled:
    """The value is one of these. Text values count as they stand, so that only lower case can match."""
    if prop.multiple:
        return has_any(prop, [str(v) for v in values])
    flavour = flavour_of(prop)
    wanted = [operand(prop, flavour, v) for v in values]
    return Compiled(pl.col(column(prop.name, flavour)).is_in(wanted), {(prop.name, flavour)})


def _member(prop: Property, value: str) -> pl.Expr:
    col = pl.col(column(prop.name, "s"))
    return (pl.lit(";") + col + pl.lit(";")).str.contains(f";{value};", literal=True)


def has_any(prop: Property, values: Sequence[str]) -> Compiled:
    """A multi-select holds at least one of these options."""
    return Compiled(reduce(lambda a, b: a | b, (_member(prop, v) for v in values)), {(prop.name, "s")})


def has_all(prop: Property, values: Sequence[str]) -> Compiled:
    """A multi-select holds all of these options."""
    return Compiled(reduce(lambda a, b: a & b, (_member(prop, v) for v in values)), {(prop.name, "s")})


def exactly(prop: Property, values: Sequence[str]) -> Compiled:
    """A property holds these options and no others."""
    count = pl.col(column(prop.name, "s")).str.count_matches(";", literal=True) + 1
    every = has_all(prop, values)
    return Compiled(every.expr & (count == len(set(values))), every.needs)


def token(prop: Property, value: str) -> Compiled:
    """Every word of the value occurs as a word; `*` stands for any characters."""
    if prop.multiple:
        return has_any(prop, [value])
    col = pl.col(column(prop.name, "l"))
    words = re.findall(r"[\w*]+", value.lower())
    tests = [col.str.contains(rf"(^|[^\w]){re.escape(word).replace(chr(92) + '*', '.*')}($|[^\w])") for word in words]
    if not tests:
        raise invalid(f"The value of a token filter on {prop.name} has no word")
    return Compiled(reduce(lambda a, b: a & b, tests), {(prop.name, "l")})


def text(prop: Property, how: str, value: str) -> Compiled:
    """`contains`, `starts` or `ends`, without regard to case."""
    col, low = pl.col(column(prop.name, "l")), value.lower()
    tests = {"contains": col.str.contains(low, literal=True), "starts": col.str.starts_with(low)}
    return Compiled(tests.get(how, col.str.ends_with(low)), {(prop.name, "l")})
