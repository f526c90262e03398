"""What a Salesforce connection needs to know, and how our names and Salesforce's go together.

Prevents an SDK's defaults from reaching production: no time limit, an old API version, a login by password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from crmsync.model.fields import ObjectName

SOBJECTS: dict[ObjectName, str] = {"company": "Account", "contact": "Contact", "deal": "Opportunity"}
KEY_PREFIXES: dict[ObjectName, str] = {"company": "001", "contact": "003", "deal": "006"}
MODIFIED: dict[ObjectName, str] = dict.fromkeys(SOBJECTS, "SystemModstamp")

COLLECTION = 200
"""Records of one call to `composite/sobjects`."""
PAGE = 2_000
"""Rows of one page of a query."""
BULK_ROWS = 10_000
"""Rows of one Bulk 2.0 ingest job of ours: what the server makes one batch of."""


@dataclass(frozen=True, slots=True)
class SalesforceSettings:
    """One org's connection. Secrets are asked for at each login, so that a rotated key is picked up.

    Either `private_key` (PEM text) with `username` (JWT bearer), or `consumer_secret` (client credentials, which need
    `domain`). `domain`: bare label, such as `acme.my`. `login`: where a JWT logs in, `login` or `test`.
    `base_url`: an address in the place of Salesforce's own, for a local org, with `ca_file` for its certificate.
    `daily_share`: the part of the day's calls that may be used before the rest is left to other apps.
    `bulk_from`: up to so many changed records are written in collections, more by Bulk 2.0.
    `query_bulk_from`: from so many records on a full pull reads by Bulk 2.0 query (None: never).
    `lookback`: how far an increment reads behind what it has seen, for rows that were committed late.
    `patience` scales every wait between attempts and polls (1.0 in production; tests use less).
    `timeout`: seconds to connect, seconds to read.
    """

    consumer_key: Callable[[], str] = field(repr=False)
    private_key: Callable[[], str] | None = field(default=None, repr=False)
    consumer_secret: Callable[[], str] | None = field(default=None, repr=False)
    username: str | None = None
    domain: str | None = None
    login: str = "login"
    base_url: str | None = None
    ca_file: str | None = None
    api_version: str = "66.0"
    daily_share: float = 0.8
    bulk_from: int = 2_000
    query_bulk_from: int | None = 50_000
    lookback: timedelta = timedelta(seconds=600)
    cursors: int = 4
    patience: float = 1.0
    timeout: tuple[float, float] = (5.0, 120.0)
    client_name: str = "crmsync"


def api_name(prefix: str, name: str) -> str:
    """The API name of an owned field: `abm_tier_changed_at` is `ABM_Tier_Changed_At__c` for the prefix `abm_`.

    `name` carries the prefix, as everywhere outside the connector.
    """
    words = name.removeprefix(prefix).split("_")
    return prefix.upper() + "_".join(word[:1].upper() + word[1:] for word in words) + "__c"
