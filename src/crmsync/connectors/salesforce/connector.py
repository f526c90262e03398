"""`SalesforceConnector`: the connector's contract (`connectors/base.py`) put together from its parts, no logic of its
own beyond what concerns the org."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

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
from crmsync.connectors.salesforce import ids
from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.links import Links
from crmsync.connectors.salesforce.reads import Reads
from crmsync.connectors.salesforce.schema import Schema
from crmsync.connectors.salesforce.settings import (
    BULK_ROWS,
    COLLECTION,
    MODIFIED,
    SOBJECTS,
    SalesforceSettings,
)
from crmsync.connectors.salesforce.transport import GONE, Transport
from crmsync.connectors.salesforce.write import Writer
from crmsync.errors import Rejected, Unauthorized, Unavailable
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import ListDefinition, Output
from crmsync.model.plan import Update, WriteResult

_ORGANIZATION = "SELECT Id, Name, TimeZoneSidKey FROM Organization"


class SalesforceConnector:
    """One org. Safe from several threads; close it when done (or use it as a context manager)."""

    name = "salesforce"
    title = "Salesforce"
    modified_property: dict[ObjectName, str] = MODIFIED
    makes_schema = False
    #: Rows of association objects are found by some 500 ids a call; of many, the whole object is read in fewer.
    link_batch = 50_000

    def __init__(
        self,
        settings: SalesforceSettings,
        *,
        prefix: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        #: A row carries the time at which its transaction wrote it, and is seen only once that commits.
        self.lag = settings.lookback
        self.transport = Transport(settings, clock=clock, sleep=sleep, jitter=jitter)
        self.fields = Fields(self.transport, prefix)
        self._reads = Reads(self.transport, self.fields)
        self._links = Links(self.transport, self.fields, self._reads)
        self._writer = Writer(self.transport, self.fields, self._reads)
        self._schema = Schema(self.transport, self.fields, prefix)

    def __enter__(self) -> SalesforceConnector:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def owns(self, id_: str) -> bool:
        return ids.owns(id_)

    def canonical_id(self, id_: str) -> str:
        return ids.canonical_id(id_)

    def batch_for(self, records: int) -> int:
        return COLLECTION if records <= self.transport.settings.bulk_from else BULK_ROWS

    def info(self) -> PortalInfo:
        """Allowed when the day's share is spent too: it is how one sees that."""
        self._learn_daily()
        org = self._organization()
        # Salesforce leads from the instance's address to that of its pages.
        opened = self.transport.session.current()
        limit, left = self.transport.budget.daily
        return PortalInfo(
            # A session's token begins with the org's id.
            id=ids.canonical_id(str(org.get("Id") or opened.token.partition("!")[0])),
            name=str(org.get("Name") or "Salesforce org"),
            timezone=str(org.get("TimeZoneSidKey") or "UTC"),
            record_url=f"{opened.instance}/lightning/r/{{object}}/{{id}}/view",
            daily_limit=limit,
            daily_left=left,
            object_codes=dict(SOBJECTS),
        )

    def _organization(self) -> dict[str, Any]:
        """Name and time zone, where this user may see them."""
        try:
            page = next(self.transport.soql(_ORGANIZATION, family="limits"))
        except Rejected:
            return {}
        return page.rows[0] if page.rows else {}

    def _learn_daily(self) -> None:
        """The limits page needs the right to view the setup; any other answer says the same of calls in its header."""
        try:
            limits = self.transport.get("limits", "limits").json()
        except Rejected as error:
            if error.status == GONE:
                raise
            if error.status == 404:
                self.transport.check_version()
            return
        except (Unauthorized, Unavailable):
            return
        daily = limits.get("DailyApiRequests") if isinstance(limits, dict) else None
        if isinstance(daily, dict) and daily.get("Max"):
            self.transport.budget.learn(int(daily["Max"]) - int(daily["Remaining"]), int(daily["Max"]))

    def count(self, object_: ObjectName) -> int:
        return self._reads.count(object_)

    def pull(self, object_: ObjectName, properties: Sequence[str], *, expected: int | None = None) -> Iterator[Page]:
        return self._reads.pull(object_, properties, expected)

    def changes(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> Iterator[Page]:
        return self._reads.changes(object_, properties, since)

    def newest(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> tuple[int, Page]:
        return self._reads.newest(object_, properties, since)

    def read(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> ReadBack:
        return self._reads.read(object_, ids, properties)

    def associations(self, from_: ObjectName, to: ObjectName, ids: Sequence[str]) -> dict[str, list[Link]]:
        return self._links.associations(from_, to, ids)

    def link_changes(self, from_: ObjectName, to: ObjectName, since: datetime) -> LinkChanges:
        return self._links.link_changes(from_, to, since)

    def owners(self) -> list[OwnerRecord]:
        return self._reads.owners()

    def archived_ids(self, object_: ObjectName) -> Iterator[str]:
        return self._reads.archived_ids(object_)

    def list_members(self, list_id: str) -> Iterator[str]:
        return self._reads.list_members(list_id)

    def missing_schema(self, outputs: Sequence[Output], lists: Sequence[ListDefinition]) -> list[SchemaChange]:
        """Fields alone: the package has a list view for each of `lists`, and nothing of ours rests on them."""
        return self._schema.missing(outputs)

    def ensure_schema(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        """Creates nothing: this user may not. Raises ConfigError naming what an admin has to create."""
        return self._schema.ensure(outputs)

    def ensure_lists(self, lists: Sequence[ListDefinition]) -> list[ListState]:
        return []

    def write(self, object_: ObjectName, updates: Sequence[Update]) -> list[WriteResult]:
        return self._writer.write(object_, updates)

    def property_names(self, object_: ObjectName) -> dict[str, bool]:
        return self._schema.names(object_)

    def unseen(self, object_: ObjectName, properties: Sequence[str]) -> tuple[str, ...]:
        return tuple(name for name in properties if self.fields.info(object_, name) is None)

    def usage(self) -> Usage:
        return self.transport.usage()

    def close(self) -> None:
        self.transport.close()
