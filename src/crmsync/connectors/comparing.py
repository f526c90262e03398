"""What any connector needs to tell whether two texts are one value."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation


def number(text: str) -> Decimal | None:
    """A finite number, None for any other text."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def equal(left: object, right: object) -> bool:
    """Whether both could be read, and are the same."""
    return left is not None and left == right
