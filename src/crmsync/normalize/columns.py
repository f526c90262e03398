"""Columns of raw text -> canonical columns: sets, what could not be read, and any text function over distinct values.

The parsers of single kinds (`parse_money`, `parse_integer`, `parse_datetime`, `parse_boolean`) are named here too, so
that a connector needs one import.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from crmsync.model.moments import parse_datetime
from crmsync.normalize.booleans import parse_boolean
from crmsync.normalize.money import parse_money
from crmsync.normalize.numbers import parse_integer

__all__ = [
    "normalize_unique",
    "parse_boolean",
    "parse_datetime",
    "parse_integer",
    "parse_money",
    "parse_set",
    "unreadable",
]


def parse_set(expr: pl.Expr) -> pl.Expr:
    """`a; b;;a` -> [a, b] as List(String): each value once, in the order given; null where there is none."""
    values = (
        expr.str.split(";").list.eval(pl.element().str.strip_chars()).list.eval(pl.element().filter(pl.element() != ""))
    )
    return pl.when(values.list.len() > 0).then(values.list.unique(maintain_order=True))


def unreadable(raw: pl.Expr, parsed: pl.Expr) -> pl.Expr:
    """Boolean, never null: there is text, and nothing could be read from it."""
    return raw.is_not_null() & (raw.str.strip_chars().fill_null("") != "") & parsed.is_null()


def normalize_unique(series: pl.Series, fn: Callable[[str], str | None]) -> pl.Series:
    """`fn` over a string column, called once for each distinct value; null stays null."""
    text = series.cast(pl.String)
    distinct = text.drop_nulls().unique()
    if distinct.is_empty():
        return text
    canonical = pl.Series([fn(value) for value in distinct], dtype=pl.String)
    return text.replace_strict(distinct, canonical, default=None, return_dtype=pl.String)
