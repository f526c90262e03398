"""What crosses the wire: a call, a reply, and HubSpot's error bodies.

Prevents two handlers from wording the same refusal differently.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

Json = dict[str, Any]
"""A JSON object as decoded from, or about to be written to, the wire."""

PORTAL_ID = 8_675_309


@dataclass
class Call:
    """One request: version and family from its path, the rest of the path, query and decoded body."""

    method: str
    path: str
    family: str
    version: str
    rest: str
    query: Mapping[str, Sequence[str]]
    body: Any
    size: int = 0
    args: tuple[str, ...] = ()
    vanished: frozenset[int] = frozenset()

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def many(self, name: str) -> list[str]:
        """All values of a query parameter, given repeatedly or with commas."""
        return [part.strip() for value in self.query.get(name, ()) for part in value.split(",") if part.strip()]

    def flag(self, name: str) -> bool:
        """True where the parameter says `true`."""
        return (self.one(name) or "").lower() == "true"

    def json(self) -> Json:
        """The body, which has to be a JSON object."""
        if not isinstance(self.body, dict):
            raise ApiError(400, "VALIDATION_ERROR", "Invalid input JSON: expected an object")
        return self.body


@dataclass
class Reply:
    """Status and body (None is an empty body)."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """A refusal in HubSpot's words. `extra` goes into the body as it stands."""

    def __init__(self, status: int, category: str | None, message: str, **extra: Any) -> None:
        super().__init__(message)
        self.status = status
        self.category = category
        self.message = message
        self.extra = extra

    def body(self, correlation_id: str) -> Json:
        """The error document of hubspot.md section 4."""
        document: Json = {"status": "error", "message": self.message, "correlationId": correlation_id}
        if self.category is not None:
            document["category"] = self.category
        document.update(self.extra)
        return document


def invalid(message: str, **extra: Any) -> ApiError:
    """A 400 VALIDATION_ERROR."""
    return ApiError(400, "VALIDATION_ERROR", message, **extra)


def not_found(message: str = "resource not found") -> ApiError:
    """A 404 OBJECT_NOT_FOUND."""
    return ApiError(404, "OBJECT_NOT_FOUND", message)


def correlation_id() -> str:
    """A fresh id for one response."""
    return str(uuid.uuid4())


def iso(ms: int) -> str:
    """Milliseconds since 1970 as HubSpot writes them: `2026-06-19T15:00:00.000Z`."""
    stamp = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{stamp:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"


def encode(body: Any) -> bytes:
    """JSON bytes."""
    return msgspec.json.encode(body)


def limit_of(call: Call, default: int, most: int) -> int:
    """The `limit` parameter, within 1 and `most`, or a 400."""
    text = call.one("limit")
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise invalid(f"Invalid input for limit: '{text}'. The limit must be between 1 and {most}.")
    return int(text)


def object_id(value: Any) -> int | None:
    """A record id as an integer; None where it is not one."""
    text = str(value)
    return int(text) if text.isdigit() and len(text) <= 18 else None
