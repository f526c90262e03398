"""When two texts are the same value to HubSpot. It prevents a settled write from being taken for a failed one because
HubSpot says `5` for `5.0`, or a stamp in another spelling.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation


def same(sent: str | None, stands: str | None) -> bool:
    """Whether `stands`, as HubSpot says it, is the value that was `sent` ("" and None are both no value)."""
    left, right = (sent or "").strip(), (stands or "").strip()
    if left == right:
        return True
    if not left or not right:
        return False
    if ";" in left + right and set(left.split(";")) == set(right.split(";")):
        return True
    return _equal(_number(left), _number(right)) or _equal(_moment(left), _moment(right))


def _equal(left: object, right: object) -> bool:
    return left is not None and left == right


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> datetime | None:
    """A date, an ISO 8601 stamp or epoch milliseconds, in UTC."""
    try:
        if text.isdecimal() and len(text) >= 12:
            return datetime.fromtimestamp(int(text) / 1000, UTC)
        moment = datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
