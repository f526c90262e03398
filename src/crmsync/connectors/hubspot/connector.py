"""`HubSpotConnector`: the connector's contract (`connectors/base.py`) put together from its parts, no logic of its own
beyond what concerns the account."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from crmsync.connectors.base import (
    Link,
    LinkChanges,
    ListState,
    OwnerRecord,
    Page,
    PortalInfo,
    ReadBack,
    SchemaChange,
    Usage,
)
from crmsync.connectors.hubspot.limiter import Clock, Sleep
from crmsync.connectors.hubspot.lists import Lists
from crmsync.connectors.hubspot.pull import Pull
from crmsync.connectors.hubspot.records import ASSOCIATION_BATCH, Records
from crmsync.connectors.hubspot.schema import Schema
from crmsync.connectors.hubspot.search import Search
from crmsync.connectors.hubspot.settings import BATCH, MODIFIED, OBJECT_TYPES, HubSpotSettings
from crmsync.connectors.hubspot.transport import Transport
from crmsync.connectors.hubspot.wire import Account, ApiUsageList
from crmsync.connectors.hubspot.write import Writer
from crmsync.errors import Rejected, Unauthorized, Unavailable
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import ListDefinition, Output
from crmsync.model.plan import Update, WriteResult

_DAILY = "private-apps-api-calls-daily"


class HubSpotConnector:
    """One portal. Safe from several threads; close it when done (or use it as a context manager)."""

    name = "hubspot"
    title = "HubSpot"
    modified_property: dict[ObjectName, str] = MODIFIED
    makes_schema = True
    #: How late search may show a change (platform facts: reports up to 30 s).
    lag = timedelta(seconds=60)
    link_batch = ASSOCIATION_BATCH

    def __init__(
        self,
        settings: HubSpotSettings,
        *,
        prefix: str,
        group: tuple[str, str],
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self.transport = Transport(settings, clock=clock, sleep=sleep, jitter=jitter)
        self._records = Records(self.transport)
        self._search = Search(self.transport, self._records)
        self._schema = Schema(self.transport, prefix, group)
        self._lists = Lists(self.transport, prefix)
        self._writer = Writer(self.transport, self._records)

    def __enter__(self) -> HubSpotConnector:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def owns(self, id_: str) -> bool:
        return id_.isascii() and id_.isdecimal()

    def canonical_id(self, id_: str) -> str:
        return id_.strip()

    def batch_for(self, records: int) -> int:
        return BATCH

    def info(self) -> PortalInfo:
        account = self.transport.get("account", self.transport.paths.account, Account)
        self._learn_daily()
        limit, left = self.transport.limiter.daily
        portal = str(account.portal_id)
        return PortalInfo(
            id=portal,
            name=f"HubSpot portal {portal}",
            timezone=account.time_zone,
            record_url=f"https://{account.ui_domain}/contacts/{portal}/record/{{object}}/{{id}}",
            daily_limit=limit,
            daily_left=left,
            object_codes=dict(OBJECT_TYPES),
        )

    def _learn_daily(self) -> None:
        """The usage page counts for legacy private apps; whether it answers a service key is not documented."""
        try:
            usage = self.transport.get("account", self.transport.paths.usage, ApiUsageList).results
        except (Rejected, Unauthorized, Unavailable):
            return
        for one in usage:
            if one.name == _DAILY and one.usage_limit:
                self.transport.limiter.set_daily(one.usage_limit, one.usage_limit - one.current_usage)

    def count(self, object_: ObjectName) -> int:
        """By search, whose index learns of a new record a few moments late."""
        return self._search.count(object_)

    def pull(self, object_: ObjectName, properties: Sequence[str], *, expected: int | None = None) -> Iterator[Page]:
        total = self.count(object_) if expected is None else expected
        return Pull(self.transport, self._search, self._records, object_, properties, total).pages()

    def changes(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> Iterator[Page]:
        return self._search.changes(object_, properties, since)

    def newest(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> tuple[int, Page]:
        return self._search.newest(object_, properties, since)

    def read(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> ReadBack:
        return self._records.read(object_, ids, properties)

    def associations(self, from_: ObjectName, to: ObjectName, ids: Sequence[str]) -> dict[str, list[Link]]:
        return self._records.associations(from_, to, ids)

    def link_changes(self, from_: ObjectName, to: ObjectName, since: datetime) -> LinkChanges:
        """None: HubSpot does not say; whether an association alone moves a record's modified time is not verified."""
        return LinkChanges()

    def owners(self) -> list[OwnerRecord]:
        return self._records.owners()

    def archived_ids(self, object_: ObjectName) -> Iterator[str]:
        return self._records.archived_ids(object_)

    def list_members(self, list_id: str) -> Iterator[str]:
        return self._records.list_members(list_id)

    def missing_schema(self, outputs: Sequence[Output], lists: Sequence[ListDefinition]) -> list[SchemaChange]:
        return [*self._schema.missing(outputs), *self._lists.missing(lists)]

    def ensure_schema(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        return self._schema.ensure(outputs)

    def ensure_lists(self, lists: Sequence[ListDefinition]) -> list[ListState]:
        return self._lists.ensure(lists)

    def write(self, object_: ObjectName, updates: Sequence[Update]) -> list[WriteResult]:
        return self._writer.write(object_, updates)

    def property_names(self, object_: ObjectName) -> dict[str, bool]:
        return self._schema.names(object_)

    def unseen(self, object_: ObjectName, properties: Sequence[str]) -> tuple[str, ...]:
        """None: HubSpot does not say so with its answers, and a property that is made later is empty at first."""
        return ()

    def usage(self) -> Usage:
        return self.transport.usage()

    def close(self) -> None:
        self.transport.close()
