"""Values as a CRM writes them: date-time text (read by `moments`), and the order of record ids."""

from __future__ import annotations

from datetime import datetime

import polars as pl


def id_order(column: str = "id") -> list[pl.Expr]:
    """Sort keys that put numeric ids in numeric order, after any others, which come in text order."""
    return [pl.col(column).cast(pl.Int64, strict=False), pl.col(column)]


def in_range(frame: pl.DataFrame, ids: pl.Series) -> pl.DataFrame:
    """The rows of `frame` whose `id` lies between the least and the greatest of `ids`, as text.

    What is joined to a part of many need not be searched whole for each part.
    """
    return frame.filter(pl.col("id").is_between(pl.lit(ids.min()), pl.lit(ids.max())))


def stamp(moment: datetime) -> str:
    """`moment` as the CRM's date-time text, in whole seconds of UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
