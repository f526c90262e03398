"""Whole numbers from machine text, exactly: digits are moved, nothing passes through a float.

The failure this prevents: 648125000000.01 that changes in its last cent, or `1,000` read as one. Only plain machine
numbers are read (`12`, `12.0`, `-3.5`, `6.48125E11`, the way HubSpot writes them); all else is unknown.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

_MACHINE_NUMBER = re.compile(
    r"^[ \t\r\n]*([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?[ \t\r\n]*$", re.ASCII
)
"""Groups: sign, whole part, fraction, exponent of ten. A caller checks for a digit before the exponent."""
_MOST_DIGITS = 19
_INT64 = 2**63
_SAFE = 10**15
"""Up to here a product with a currency's decimals (three at most) cannot overflow."""


def shifted(text: str | None, digits: int, *, whole_only: bool) -> int | None:
    """`text` times 10 to the `digits`, as a whole number that fits 64 bits, or None.

    Half a unit is rounded away from zero; with `whole_only` a remainder makes the text unreadable.
    """
    found = _MACHINE_NUMBER.match(text) if text else None
    if not found or not (found[2] or found[3]):
        return None
    sign, whole, fraction, exponent = found.groups()
    # Built in one piece: arithmetic would round to the context's 28 digits.
    number = Decimal(f"{sign}{whole or 0}.{fraction or 0}E{int(exponent or 0) + digits}")
    if number and number.adjusted() >= _MOST_DIGITS:
        return None
    rounded = int(number.to_integral_value(ROUND_HALF_UP))
    if not -_INT64 < rounded < _INT64 or (whole_only and rounded != number):
        return None
    return rounded


def integer(text: str | None) -> int | None:
    """A whole number (`12`, `12.0`, `1.2E3`), or None: `1,000` and `12.5` are unreadable."""
    return shifted(text, 0, whole_only=True)


def shifted_expr(expr: pl.Expr, digits: int, *, whole_only: bool) -> pl.Expr:
    """`shifted` for a column of strings: Int64, null where unreadable."""
    return expr.map_batches(
        lambda texts: _shifted_series(texts, digits, whole_only=whole_only), return_dtype=pl.Int64, is_elementwise=True
    )


def _shifted_series(texts: pl.Series, digits: int, *, whole_only: bool) -> pl.Series:
    """The plain forms at column speed; exponents, long numbers and the unreadable one distinct text at a time."""
    texts = texts.cast(pl.String)
    name, unit = texts.name, 10**digits
    values = texts.cast(pl.Int64, strict=False)
    values = pl.select(pl.when(values.is_between(-_SAFE, _SAFE)).then(values * unit)).to_series()
    rest = texts.to_frame("text").with_row_index("row").filter(values.is_null() & texts.is_not_null())
    if rest.is_empty():
        return values.rename(name)
    rest = rest.with_columns(_plain_decimal(pl.col("text"), digits, whole_only=whole_only).alias("value"))
    hard = rest.filter(pl.col("value").is_null())["text"].unique()
    if not hard.is_empty():
        read = pl.Series([shifted(text, digits, whole_only=whole_only) for text in hard], dtype=pl.Int64)
        told = pl.col("text").replace_strict(hard, read, default=None, return_dtype=pl.Int64)
        rest = rest.with_columns(pl.coalesce("value", told).alias("value"))
    return values.clone().scatter(rest["row"], rest["value"]).rename(name)


def _plain_decimal(text: pl.Expr, digits: int, *, whole_only: bool) -> pl.Expr:
    """`-12.345` in units of 10 to the minus `digits`; null for every other form and for more than 15 whole digits."""
    parts = text.str.extract_groups(r"^([+-]?)([0-9]{1,15})\.([0-9]+)$").struct
    fraction = parts.field("3")
    kept = (
        pl.concat_str(pl.lit("0"), fraction, pl.lit("0" * digits)).str.slice(0, digits + 1).cast(pl.Int64, strict=False)
    )
    value = parts.field("2").cast(pl.Int64, strict=False) * 10**digits + kept
    if whole_only:
        value = pl.when(fraction.str.slice(digits).str.strip_chars("0") == "").then(value)
    else:
        value = value + fraction.str.slice(digits, 1).is_in(list("56789")).cast(pl.Int64)
    return pl.when(parts.field("1") == "-").then(-value).otherwise(value)


def parse_integer(expr: pl.Expr) -> pl.Expr:
    """Column of strings -> Int64, null where it is no whole machine number."""
    return shifted_expr(expr, 0, whole_only=True)
