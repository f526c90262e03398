"""What Salesforce answers: a page of rows, an error's body in its several shapes (salesforce.md 2.2, 2.6).

It prevents a gateway's page, or an error of another shape than expected, from ending in an exception of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec

from crmsync.errors import Unavailable

_LONGEST_MESSAGE = 600
#: Figures come as 3.5E8 too, and up to 18 digits: as decimals, so that none is rounded on the way.
_ANYTHING: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)


@dataclass(frozen=True)
class Answer:
    """One good answer. The names of `headers` mind no case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The decoded body, None for an empty one; figures with a point are decimals. Raises Unavailable."""
        return decode(self.body)


@dataclass(frozen=True, slots=True)
class Rows:
    """One page of a query: how many rows the whole result has, and the rows of this page."""

    total: int
    rows: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Found:
    """A page, and where the next one is."""

    rows: Rows
    next: str | None


@dataclass(frozen=True, slots=True)
class Problem:
    """An error: Salesforce's code, its message, and both with the fields for people to read."""

    code: str = ""
    message: str = ""
    words: str = ""


def decode(body: bytes) -> Any:
    """Any JSON. Raises Unavailable where it is none."""
    try:
        return _ANYTHING.decode(body) if body else None
    except msgspec.DecodeError:
        raise Unavailable("Salesforce's answer is no JSON. Run it again.") from None


def decode_rows(body: bytes) -> Found:
    """The page of a query. Raises Unavailable."""
    page = decode(body)
    if not isinstance(page, dict) or not isinstance(page.get("records"), list):
        raise Unavailable("Salesforce's answer is no page of a query. Run it again.")
    more = page.get("nextRecordsUrl")
    rows = Rows(int(page.get("totalSize") or 0), page["records"])
    if more is None and page.get("done") is False:
        raise Unavailable("Salesforce says that a query has more rows, and not where. Run it again.")
    return Found(rows, str(more) if more is not None else None)


def problem_of(body: bytes) -> Problem:
    """The first error of a body: a list of errors, one error, or an OAuth answer; anything else says nothing."""
    try:
        found = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return Problem()
    first = found[0] if isinstance(found, list) and found else found
    if not isinstance(first, dict):
        return Problem()
    code = _text(first.get("errorCode") or first.get("statusCode") or first.get("error"))
    message = _text(first.get("message") or first.get("error_description"))
    fields = first.get("fields")
    named = f" ({', '.join(map(str, fields))})" if isinstance(fields, list) and fields else ""
    # A refused query is repeated above the reason, which is the last line; the query has names of people in it.
    said = message.strip().rpartition("\n")[2]
    words = f"{code}: {said}" if code and said else code or said
    return Problem(code, message, f"{words[:_LONGEST_MESSAGE]}{named}")


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
