"""Points in time from text, in UTC: ISO 8601 dates and date-times, and epoch milliseconds.

A date alone is its midnight in UTC, a date-time without an offset is in UTC (as HubSpot stores both). Days that do not
exist and every other form (`31.12.2026`, `12/31/26`) are unreadable: their order of day and month would be a guess.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import polars as pl

_ISO = (
    r"^[ \t\r\n]*([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.([0-9]{1,9}))?(?:Z|([+-])([0-9]{2}):?([0-9]{2}))?)?[ \t\r\n]*$"
)
_EPOCH_MS = r"^[ \t\r\n]*(-?[0-9]{11,14})[ \t\r\n]*$"
_ISO_PATTERN, _EPOCH_PATTERN = re.compile(_ISO, re.ASCII), re.compile(_EPOCH_MS, re.ASCII)
#: What HubSpot and Salesforce's own fields hold, almost always: read at a fifth of the cost.
_USUAL = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{3})?Z$"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def date_time(text: str | None) -> datetime | None:
    """The point in time in UTC, to the microsecond, or None."""
    if not text:
        return None
    if epoch := _EPOCH_PATTERN.match(text):
        return _EPOCH + timedelta(milliseconds=int(epoch[1]))
    found = _ISO_PATTERN.match(text)
    if not found:
        return None
    day, minutes, seconds, fraction, sign, hours_off, minutes_off = found.groups()
    try:
        local = datetime.fromisoformat(f"{day}T{minutes or '00:00'}{seconds or ':00'}+00:00")
        offset = timedelta(hours=int(hours_off or 0), minutes=int(minutes_off or 0))
        moment = local - (-offset if sign == "-" else offset)
    except (ValueError, OverflowError):
        return None
    return moment + timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))


def parse_datetime(expr: pl.Expr) -> pl.Expr:
    """Column of strings -> Datetime in microseconds, UTC; null where unreadable."""
    return expr.map_batches(_moments, return_dtype=pl.Datetime("us", "UTC"), is_elementwise=True)


def _moments(texts: pl.Series) -> pl.Series:
    """The usual form at column speed, every other one by `_any_form`."""
    column = pl.col("text")
    frame = texts.cast(pl.String).to_frame("text").with_columns(column.str.contains(_USUAL).alias("usual"))
    seconds = column.str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    millis = column.str.slice(20, 3).cast(pl.Int64, strict=False).fill_null(0)
    moment = (seconds + pl.duration(milliseconds=millis)).dt.replace_time_zone("UTC")
    moments = frame.select(pl.when("usual").then(moment))["text"].rename(texts.name)
    rest = frame.with_row_index("row").filter(~pl.col("usual"))
    if rest.is_empty():
        return moments
    return moments.scatter(rest["row"], rest.select(_any_form(column)).to_series())


def _any_form(expr: pl.Expr) -> pl.Expr:
    parts = expr.str.extract_groups(_ISO)
    field = parts.struct.field
    clock = pl.concat_str(
        field("1"), pl.lit("T"), field("2").fill_null("00:00"), field("3").fill_null(":00")
    ).str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    micros = pl.concat_str(field("4").fill_null("0"), pl.lit("000000")).str.slice(0, 6).cast(pl.Int64, strict=False)
    hours, minutes = (field(name).fill_null("0").cast(pl.Int64, strict=False) for name in ("6", "7"))
    seconds_off = (hours * 60 + minutes) * 60 * pl.when(field("5") == "-").then(-1).otherwise(1)
    moment = clock + pl.duration(microseconds=micros) - pl.duration(seconds=seconds_off)
    epoch = pl.from_epoch(expr.str.extract(_EPOCH_MS, 1).cast(pl.Int64, strict=False), time_unit="ms").cast(
        pl.Datetime("us")
    )
    return pl.coalesce(moment, epoch).dt.replace_time_zone("UTC")
