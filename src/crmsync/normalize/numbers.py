"""Whole numbers from machine text, exactly: digits are moved, nothing passes through a float.

The failure this prevents: 648125000000.01 that changes in its last cent, or `1,000` read as one. Only plain machine
numbers are read (`12`, `12.0`, `-3.5`, `6.48125E11`, the way HubSpot writes them); all else is unknown.
"""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

import polars as pl

MACHINE_NUMBER = r"^[ \t\r\n]*([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?[ \t\r\n]*$"
"""Groups: sign, whole part, fraction, exponent of ten. A caller checks for a digit before the exponent."""

_MACHINE_NUMBER = re.compile(MACHINE_NUMBER, re.ASCII)
_MOST_DIGITS = 19
_INT64 = 2**63


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
    parts = expr.str.extract_groups(MACHINE_NUMBER)
    whole, fraction = (parts.struct.field(name).fill_null("") for name in ("2", "3"))
    readable = (whole.str.len_bytes() + fraction.str.len_bytes()) > 0
    exponent = parts.struct.field("4").fill_null("0").str.strip_prefix("+").cast(pl.Int64, strict=False)
    written = pl.concat_str(whole, fraction)
    kept = written.str.strip_chars_start("0")
    dropped = written.str.len_bytes().cast(pl.Int64) - kept.str.len_bytes().cast(pl.Int64)
    # Where the point stands, counted in digits of `kept`, once the value is in units.
    point = whole.str.len_bytes().cast(pl.Int64) - dropped + exponent + digits
    units = pl.concat_str(kept, pl.lit("0" * _MOST_DIGITS)).str.slice(0, point.clip(0, _MOST_DIGITS))
    rest = pl.when(point >= 0).then(kept.str.slice(point.clip(0))).otherwise(pl.lit("0"))
    value = pl.when(units == "").then(pl.lit("0")).otherwise(units).cast(pl.Int64, strict=False)
    if whole_only:
        remainder = (rest.str.strip_chars("0") != "") | ((point < 0) & (kept != ""))
        value = pl.when(~remainder).then(value)
    else:
        value = value + rest.str.slice(0, 1).is_in(list("56789")).cast(pl.Int64)
        value = pl.when(value >= 0).then(value)  # one more than the largest Int64 wraps around
    fits = (point <= _MOST_DIGITS) | (kept == "")
    signed = pl.when(parts.struct.field("1") == "-").then(-value).otherwise(value)
    return pl.when(readable & fits).then(pl.when(kept == "").then(pl.lit(0, dtype=pl.Int64)).otherwise(signed))


def parse_integer(expr: pl.Expr) -> pl.Expr:
    """Column of strings -> Int64, null where it is no whole machine number."""
    return shifted_expr(expr, 0, whole_only=True)
