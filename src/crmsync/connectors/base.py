"""What every CRM must do for us, in our words. Nothing outside `connectors/` knows a CRM's name or its SDK.

All calls are safe from several threads. All raise only `crmsync.errors`. Retries, rate limits and the day's budget are
the connector's; the order of calls, the store and the ledger are the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from crmsync.model.fields import ObjectName
from crmsync.model.outputs import ListDefinition, Output
from crmsync.model.plan import Update, WriteResult


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the CRM said it. `properties`: JSON text of an object, name -> text or null, kept as it is."""

    id: str
    modified_at: str
    properties: bytes


@dataclass(frozen=True, slots=True)
class Page:
    """Some records of one object, in no order; the engine stores a page at a time."""

    object: ObjectName
    records: Sequence[Record]


@dataclass(frozen=True, slots=True)
class ReadBack:
    """What reading given ids brought: `values[id][property]`; `merged` maps an asked id to its survivor's."""

    values: dict[str, dict[str, str | None]]
    missing: tuple[str, ...] = ()
    merged: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Link:
    """One association, as seen from the record that was asked for: `to` is the other record's id, `labels` what the CRM
    calls that record there ("Decision maker", "Primary"), sorted, empty for an association without a label. `ids` are
    those of the records that make the association, where it is a record of its own (OpportunityContactRole)."""

    to: str
    labels: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkChanges:
    """Associations that changed without their record being modified. `of`: ids of records whose associations are to be
    read again; `gone`: ids of association records (`Link.ids`) that were deleted; `lost`: the CRM no longer knows what
    was deleted since, so all are to be read again."""

    of: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    lost: bool = False


@dataclass(frozen=True, slots=True)
class PortalInfo:
    """`record_url` has `{object}` and `{id}`; `daily_left` is what all apps together may still call today.

    `object_codes` is what the CRM's addresses call an object where that differs from our word; `link` knows.
    """

    id: str
    name: str
    timezone: str
    record_url: str
    daily_limit: int | None
    daily_left: int | None
    object_codes: dict[ObjectName, str] = field(default_factory=dict)

    def link(self, object_: ObjectName, id_: str) -> str:
        """Address of a record, for people."""
        return self.record_url.format(object=self.object_codes.get(object_, object_), id=id_)


@dataclass(frozen=True, slots=True)
class OwnerRecord:
    id: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class ListState:
    """A list as it stands in the CRM. `created` is true where this call made it; `problem` says, for people, why a
    list of that name is not ours and was left alone."""

    id: str
    name: str
    size: int | None
    created: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class SchemaChange:
    """One thing that `ensure_*` created or would create: a property group, property, option or list.

    `by_admin`: our user may not create it; `ensure_schema` raises until an admin has (crmsync bootstrap)."""

    what: str
    name: str
    by_admin: bool = False


@dataclass(slots=True)
class Usage:
    """Calls made by this connector since it was opened, by family (list, search, batch_read, write, schema, ...)."""

    calls: dict[str, int] = field(default_factory=dict)
    throttled: int = 0
    retried: int = 0
    daily_limit: int | None = None
    daily_left: int | None = None

    @property
    def total(self) -> int:
        return sum(self.calls.values())


Progress = Callable[[ObjectName, int, int | None], None]
"""Called with object, records read so far, records expected."""


class Connector(Protocol):
    """One CRM portal. See the module's docstring for what is whose.

    `title` is the CRM's name for people. `lag`: how late a change may become visible; a watermark stays so far behind.
    `link_batch`: of so many records at once associations are asked for in the fewest calls.
    `makes_schema`: `ensure_schema` creates what is missing. One that does not only looks, at what it has read anyhow,
    and is asked before every apply: what an admin made, an admin may take away.
    """

    name: str
    title: str
    modified_property: dict[ObjectName, str]
    lag: timedelta
    link_batch: int
    makes_schema: bool

    def owns(self, id_: str) -> bool:
        """Whether `id_` has the form of this CRM's record ids; no id has the form of two CRMs'."""
        ...

    def canonical_id(self, id_: str) -> str:
        """An id as this CRM's records carry it, where people or another CRM write it in another way."""
        ...

    def batch_for(self, records: int) -> int:
        """The most records that one `write` takes, where `records` of one object are to be written in all."""
        ...

    def info(self) -> PortalInfo: ...

    def count(self, object_: ObjectName) -> int:
        """How many live records the CRM says it has."""
        ...

    def pull(self, object_: ObjectName, properties: Sequence[str], *, expected: int | None = None) -> Iterator[Page]:
        """Every live record, several cursors side by side. Ends when all cursors ended; the caller compares counts."""
        ...

    def changes(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> Iterator[Page]:
        """Records modified at or after `since`, each at least once.

        Raises Unavailable where the CRM gave fewer than it counted.
        """
        ...

    def newest(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> tuple[int, Page]:
        """(how many records changed at or after `since`, one page of those changed last): a single call."""
        ...

    def read(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> ReadBack:
        """Current values of the given records, any number of ids, batched."""
        ...

    def associations(self, from_: ObjectName, to: ObjectName, ids: Sequence[str]) -> dict[str, list[Link]]:
        """For each id, all its associations, each record once; none for an id that the CRM does not know.

        Raises Unavailable where the CRM gave no answer for some of the ids.
        """
        ...

    def link_changes(self, from_: ObjectName, to: ObjectName, since: datetime) -> LinkChanges:
        """What happened to associations since, where the CRM tells it apart from changes of the records."""
        ...

    def owners(self) -> list[OwnerRecord]: ...

    def archived_ids(self, object_: ObjectName) -> Iterator[str]: ...

    def list_members(self, list_id: str) -> Iterator[str]:
        """Record ids in a list, for `resync --list`."""
        ...

    def missing_schema(self, outputs: Sequence[Output], lists: Sequence[ListDefinition]) -> list[SchemaChange]:
        """What `ensure_schema` would create.

        Raises ConfigError where a property exists with another type or a needed option cannot be added.
        """
        ...

    def ensure_schema(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        """Create the property group, properties and options that are missing. Idempotent."""
        ...

    def ensure_lists(self, lists: Sequence[ListDefinition]) -> list[ListState]:
        """Create missing active lists, once, by name. A list of that name that is not ours is left and reported."""
        ...

    def write(self, object_: ObjectName, updates: Sequence[Update]) -> list[WriteResult]:
        """Write one batch (at most what `batch_for` said), every update settled: applied, rejected in the CRM's words,
        or unanswered. A bad record is found by bisection; the others land."""
        ...

    def property_names(self, object_: ObjectName) -> dict[str, bool]:
        """Every property of the object -> whether its value is read-only."""
        ...

    def unseen(self, object_: ObjectName, properties: Sequence[str]) -> tuple[str, ...]:
        """Those of `properties` that the CRM does not have or does not show, as far as it said so already: they are
        null in every record. One that is shown later comes with the next full pull alone, no record having changed."""
        ...

    def usage(self) -> Usage: ...

    def close(self) -> None: ...
