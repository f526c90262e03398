"""What a HubSpot connection needs to know, and the one table of HubSpot's paths.

Every path stands here by API version, so that the next version is one more column and no search through the code
(platform facts: dated versions replace v3 and v4, whose support ends in 2027).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import ObjectName

BATCH = 100
"""Inputs of one object batch call."""

OBJECT_PATHS: dict[ObjectName, str] = {"company": "companies", "contact": "contacts", "deal": "deals"}
OBJECT_TYPES: dict[ObjectName, str] = {"company": "0-2", "contact": "0-1", "deal": "0-3"}
MODIFIED: dict[ObjectName, str] = {
    "company": "hs_lastmodifieddate",
    "contact": "lastmodifieddate",
    "deal": "hs_lastmodifieddate",
}


@dataclass(frozen=True, slots=True)
class HubSpotSettings:
    """One portal's connection. `token` is asked for every request, so that a rotated token is picked up.

    `daily_share`: the part of the day's calls that may be used before the rest is left to other apps.
    `cursors`: list cursors (threads) of a full pull. `search_rate`: searches a second for the whole account.
    `search_beside_lists`: read id ranges by search too, beside the lists; None means above 50,000 records.
    `patience` scales every wait between attempts (1.0 in production; tests and scaled sandboxes use less).
    `timeout`: seconds to connect, seconds to read.
    """

    base_url: str
    token: Callable[[], str] = field(repr=False)
    api_version: str = "2026-09"
    daily_share: float = 0.8
    cursors: int = 8
    timeout: tuple[float, float] = (5.0, 60.0)
    user_agent: str = "crmsync"
    search_rate: float = 5.0
    search_beside_lists: bool | None = None
    patience: float = 1.0

    def __post_init__(self) -> None:
        faults = [
            *_unless(self.api_version in PATHS, "api_version", f"one of {', '.join(PATHS)}"),
            *_unless(self.base_url.startswith(("http://", "https://")), "base_url", "an http(s) address"),
            *_unless(0 < self.daily_share <= 1, "daily_share", "above 0 and at most 1"),
            *_unless(1 <= self.cursors <= 64, "cursors", "1 to 64"),
            *_unless(self.search_rate > 0, "search_rate", "above 0"),
        ]
        if faults:
            raise ConfigError(faults)


def _unless(good: bool, name: str, expected: str) -> list[Fault]:
    return [] if good else [Fault(f"hubspot.{name}", None, f"expected {expected}")]


def _dated(version: str) -> dict[str, str]:
    return {
        "objects": f"/crm/objects/{version}/{{object}}",
        "associations": f"/crm/associations/{version}/{{from_}}/{{to}}/batch/read",
        "properties": f"/crm/properties/{version}/{{object}}",
        "lists": f"/crm/lists/{version}",
        "owners": f"/crm/owners/{version}",
        "account": f"/account-info/{version}/details",
        "usage": f"/account-info/{version}/api-usage/daily/private-apps",
    }


PATHS: dict[str, dict[str, str]] = {
    "2026-09": _dated("2026-09"),
    "2026-03": _dated("2026-03"),
    "v3": {
        "objects": "/crm/v3/objects/{object}",
        "associations": "/crm/v4/associations/{from_}/{to}/batch/read",
        "properties": "/crm/v3/properties/{object}",
        "lists": "/crm/v3/lists",
        "owners": "/crm/v3/owners",
        "account": "/account-info/v3/details",
        "usage": "/account-info/v3/api-usage/daily/private-apps",
    },
}


@dataclass(frozen=True, slots=True)
class Paths:
    """The paths of one API version. Methods end in what HubSpot puts behind the table's entry."""

    version: str

    def _at(self, name: str, *tail: str, **parts: str) -> str:
        head = PATHS[self.version][name].format(**{key: quote(value, safe="") for key, value in parts.items()})
        return "/".join([head, *(quote(part, safe="") for part in tail)])

    def objects(self, object_: ObjectName, *tail: str) -> str:
        return self._at("objects", *tail, object=OBJECT_PATHS[object_])

    def associations(self, from_: ObjectName, to: ObjectName) -> str:
        return self._at("associations", from_=OBJECT_PATHS[from_], to=OBJECT_PATHS[to])

    def properties(self, object_: ObjectName, *tail: str) -> str:
        return self._at("properties", *tail, object=OBJECT_PATHS[object_])

    def lists(self, *tail: str) -> str:
        return self._at("lists", *tail)

    @property
    def owners(self) -> str:
        return self._at("owners")

    @property
    def account(self) -> str:
        return self._at("account")

    @property
    def usage(self) -> str:
        return self._at("usage")
