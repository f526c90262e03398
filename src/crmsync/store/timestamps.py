"""Instants as text of one width in UTC, so that text order is time order in every database."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


# A batch stamps hundreds of entries with one instant.
@lru_cache(maxsize=64)
def to_text(at: datetime) -> str:
    """`at` in UTC with microseconds and `Z`. Raises ValueError for an instant without a time zone."""
    if at.tzinfo is None:
        raise ValueError("an instant without a time zone cannot be stored; pass an aware datetime")
    at = at.astimezone(UTC)
    # strftime writes years before 1000 without leading zeros on some systems, which would break the text order.
    return at.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def from_text(text: str) -> datetime:
    """The inverse of `to_text`."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
