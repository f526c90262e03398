"""True and false from text: `true false yes no 1 0`, in any case; anything else is unknown."""

from __future__ import annotations

import polars as pl

_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


def boolean(text: str | None) -> bool | None:
    """The value, or None where the text says neither."""
    word = text.strip().lower() if text else ""
    return True if word in _TRUE else False if word in _FALSE else None


def parse_boolean(expr: pl.Expr) -> pl.Expr:
    """Column of strings -> Boolean, null where the text says neither."""
    word = expr.str.strip_chars().str.to_lowercase()
    return pl.when(word.is_in(_TRUE)).then(pl.lit(True)).when(word.is_in(_FALSE)).then(pl.lit(False))
