"""Money as whole minor units (cents), exactly.

The failure this prevents: `12,5 M€` guessed as 125 or as 12.5 million. Number properties carry plain machine numbers;
anything else is unreadable, so unknown, and is listed.
"""

from __future__ import annotations

import polars as pl

from crmsync.normalize.numbers import shifted, shifted_expr


def money(text: str | None, minor_digits: int = 2) -> int | None:
    """An amount in major units as whole minor units, half a unit rounded away from zero; None where unreadable.

    `minor_digits` is the currency's number of decimals (ISO 4217): `money("12.5")` is 1250, with 0 digits 13.
    """
    return shifted(text, minor_digits, whole_only=False)


def parse_money(expr: pl.Expr, minor_digits: int = 2) -> pl.Expr:
    """Column of strings in major units -> Int64 minor units, null where unreadable."""
    return shifted_expr(expr, minor_digits, whole_only=False)
