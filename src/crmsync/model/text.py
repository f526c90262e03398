"""Values as a CRM writes them: date-time text and the order of record ids, for whoever compares them."""

from __future__ import annotations

from datetime import datetime

import polars as pl


def id_order(column: str = "id") -> list[pl.Expr]:
    """Sort keys that put numeric ids in numeric order, and any others after them in text order."""
    return [pl.col(column).cast(pl.Int64, strict=False), pl.col(column)]


def stamp(moment: datetime) -> str:
    """`moment` as the CRM's date-time text, in whole seconds of UTC."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def as_datetime(expr: pl.Expr) -> pl.Expr:
    """CRM date-time text (ISO 8601 or epoch milliseconds) -> Datetime in UTC, null where it is neither."""
    iso = expr.str.replace(r"Z$", "+00:00").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%:z", time_unit="us", strict=False)
    day = expr.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False).dt.replace_time_zone("UTC")
    epoch = pl.from_epoch(expr.cast(pl.Int64, strict=False), time_unit="ms").dt.cast_time_unit("us")
    return pl.coalesce(iso.dt.convert_time_zone("UTC"), day, epoch.dt.replace_time_zone("UTC"))
