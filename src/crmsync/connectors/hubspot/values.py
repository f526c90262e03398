"""When two texts are the same value to HubSpot. It prevents a settled write from being taken for a failed one because
HubSpot says `5` for `5.0`, or a stamp in another spelling.
"""

from __future__ import annotations

from datetime import UTC, datetime

from crmsync.connectors.comparing import equal, number


def same(sent: str | None, stands: str | None) -> bool:
    """Whether `stands`, as HubSpot says it, is the value that was `sent` ("" and None are both no value)."""
    left, right = (sent or "").strip(), (stands or "").strip()
    if left == right:
        return True
    if not left or not right:
        return False
    if ";" in left + right and set(left.split(";")) == set(right.split(";")):
        return True
    return equal(number(left), number(right)) or equal(_moment(left), _moment(right))


def _moment(text: str) -> datetime | None:
    """A date, an ISO 8601 stamp or epoch milliseconds, in UTC."""
    try:
        if text.isdecimal() and len(text) >= 12:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
