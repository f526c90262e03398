"""What a handler is given and what it gives back: the call, the reply, and the service behind them all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.salesforce.errors import ApiError, Json, refuse
from crmsync.sandbox.salesforce.oauth import Sessions
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.usage import Usage

T = TypeVar("T")


@dataclass
class Call:
    """One request below `/services/data/vNN.0/`: `version` is `66.0`, `args` what the placeholders of its route took.

    `fault` names a fault that the handler itself has to act out, such as `bulk_fail`.
    """

    method: str
    path: str
    version: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    raw: bytes = b""
    args: tuple[str, ...] = ()
    fault: str | None = None
    user: str = ""

    def one(self, name: str, default: str | None = None) -> str | None:
        """The last value of a query parameter."""
        values = self.query.get(name)
        return values[-1] if values else default

    def flag(self, name: str) -> bool:
        """True where the parameter says `true`."""
        return (self.one(name) or "").lower() == "true"

    def json(self) -> Any:
        """The decoded body. Raises the 400 of a body that is no JSON."""
        try:
            return msgspec.json.decode(self.raw)
        except msgspec.DecodeError as fault:
            raise refuse(400, "JSON_PARSER_ERROR", f"{fault} at [line:1, column:1]") from fault

    def record(self) -> Json:
        """The body, which has to be a JSON object."""
        body = self.json()
        if not isinstance(body, dict):
            message = "The HTTP entity body is required, but this request has no entity body."
            raise refuse(400, "JSON_PARSER_ERROR", message)
        return body


@dataclass
class Reply:
    """Status and body: bytes as they stand, None for an empty body, anything else as JSON."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json;charset=UTF-8"


def _nowhere(method: str, path: str, *_: Any) -> "tuple[Call, Handler]":
    raise refuse(404, "NOT_FOUND", "The requested resource does not exist")


@dataclass
class Service:
    """Everything that handlers share. `parts` are what they keep between calls: cursors, jobs.

    `find` gives the call and the handler of a method, a path, its query, headers and body.
    """

    org: Org
    clock: Clock
    sessions: Sessions
    usage: Usage
    base_url: str = ""
    find: "Finder" = _nowhere
    parts: dict[Callable[[], Any], Any] = field(default_factory=dict)

    def part(self, make: Callable[[], T]) -> T:
        """The one thing of that kind; made when first asked for, forgotten by a reset."""
        if make not in self.parts:
            self.parts[make] = make()
        made: T = self.parts[make]
        return made


Handler = Callable[[Service, Call], Reply]
Finder = Callable[[str, str, Mapping[str, Sequence[str]], Mapping[str, str], bytes], tuple[Call, Handler]]


@dataclass(frozen=True)
class Route:
    """One call of the API: method, path below the version with `{}` for each placeholder, and its handler.

    A trailing slash means nothing. A `{*}` at the end takes the rest of the path, slashes included.
    """

    method: str
    path: str
    handler: Handler

    def match(self, parts: Sequence[str]) -> tuple[str, ...] | None:
        """What the placeholders take of a path's parts, decoded; None where the path is another."""
        mine = self.path.split("/")
        rest: tuple[str, ...] = ()
        if mine[-1] == "{*}":
            mine = mine[:-1]
            if len(parts) <= len(mine):
                return None
            parts, rest = parts[: len(mine)], (unquote("/".join(parts[len(mine) :])),)
        if len(mine) != len(parts):
            return None
        taken = []
        for one, part in zip(mine, parts, strict=True):
            if one == "{}":
                taken.append(unquote(part))
            elif one.lower() != part.lower():
                return None
        return (*taken, *rest)


__all__ = ["ApiError", "Call", "Handler", "Json", "Reply", "Route", "Service"]
