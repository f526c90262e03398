"""Reading given records: current values, survivors of merges, associations, archived ids, owners, list members.

It prevents the silent gap: every asked id ends up with values, as merged into a named survivor, or as missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from crmsync.connectors.base import Link, OwnerRecord, ReadBack
from crmsync.connectors.hubspot.settings import BATCH
from crmsync.connectors.hubspot.transport import Query, Transport
from crmsync.connectors.hubspot.wire import (
    AssociationAnswer,
    BatchAnswer,
    MembershipPage,
    OwnerPage,
    Paging,
    RecordPage,
    ValuedRecord,
)
from crmsync.errors import RecordNotFound, Rejected, Unavailable
from crmsync.model.fields import ObjectName

A = TypeVar("A")
B = TypeVar("B")

ASSOCIATION_BATCH = 1_000
_NONE_FOUND = "OBJECT_NOT_FOUND"


def batches(items: Sequence[A], size: int) -> list[Sequence[A]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


class Records:
    """Reads of one portal, several calls side by side."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._threads = transport.settings.cursors

    def read(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> ReadBack:
        """Current values by id. Merged-away ids come back in `merged`, with the survivor's values under its own id."""
        # One id that is no number would make HubSpot refuse the whole batch.
        asked = [id_ for id_ in dict.fromkeys(ids) if id_.isdecimal()]
        values: dict[str, dict[str, str | None]] = {}
        for found in self._each(lambda batch: self._read_batch(object_, batch, properties), batches(asked, BATCH)):
            values.update({one.id: one.properties for one in found})
        lost = [id_ for id_ in asked if id_ not in values]
        merged: dict[str, str] = {}
        for id_, survivor in zip(lost, self._each(lambda id_: self.find(object_, id_, properties), lost), strict=True):
            if survivor is not None:
                values[survivor.id] = survivor.properties
                if survivor.id != id_:
                    merged[id_] = survivor.id
        missing = tuple(id_ for id_ in dict.fromkeys(ids) if id_ not in merged and id_ not in values)
        return ReadBack(values, missing, merged)

    def _read_batch(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> list[ValuedRecord]:
        path = self._transport.paths.objects(object_, "batch", "read")
        return self._transport.post("batch_read", path, BatchAnswer, _batch_read(ids, properties)).results

    def read_page(self, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> RecordPage:
        """Batch read as raw records, for a pull whose property names do not fit into an address."""
        path = self._transport.paths.objects(object_, "batch", "read")
        return self._transport.post("batch_read", path, RecordPage, _batch_read(ids, properties))

    def find(self, object_: ObjectName, id_: str, properties: Sequence[str]) -> ValuedRecord | None:
        """The record that now answers to `id_` (HubSpot resolves merged ids one by one), or None."""
        query = [("properties", ",".join(properties))] if properties else []
        try:
            return self._transport.get("read", self._transport.paths.objects(object_, id_), ValuedRecord, query)
        except Rejected as error:
            if error.status == 404:
                return None
            raise

    def associations(self, from_: ObjectName, to: ObjectName, ids: Sequence[str]) -> dict[str, list[Link]]:
        """Every asked id -> all its associations with their labels, in HubSpot's order, none twice.

        Raises Unavailable where HubSpot says of some ids that it could not look: nothing known is not nothing there.
        """
        found: dict[str, dict[str, set[str]]] = {id_: {} for id_ in ids}
        inputs: list[dict[str, str]] = [{"id": id_} for id_ in found]
        path = self._transport.paths.associations(from_, to)

        def fetch(batch: Sequence[dict[str, str]]) -> AssociationAnswer:
            return self._transport.post("associations", path, AssociationAnswer, {"inputs": list(batch)})

        while inputs:
            more: list[dict[str, str]] = []
            for answer in self._each(fetch, batches(inputs, ASSOCIATION_BATCH)):
                _check_looked_up(from_, to, answer)
                for one in answer.results:
                    linked = found.setdefault(one.from_.id, {})
                    for other in one.to:
                        labels = {kind.label for kind in other.association_types if kind.label}
                        linked.setdefault(str(other.to_object_id), set()).update(labels)
                    if after := _after(one.paging):
                        more.append({"id": one.from_.id, "after": after})
            inputs = more
        return {id_: _links(linked) for id_, linked in found.items()}

    def archived_ids(self, object_: ObjectName) -> Iterator[str]:
        query = [("limit", str(BATCH)), ("archived", "true")]
        after: str | None = ""
        while after is not None:
            more: Query = [*query, ("after", after)] if after else query
            page = self._transport.get("list", self._transport.paths.objects(object_), RecordPage, more)
            yield from (record.id for record in page.results)
            after = page.after

    def owners(self) -> list[OwnerRecord]:
        """Active owners and deactivated ones, by id. The name is never the e-mail address."""
        found: dict[str, OwnerRecord] = {}
        for archived in ("false", "true"):
            after: str | None = ""
            while after is not None:
                query = [("limit", "500"), ("archived", archived), *([("after", after)] if after else [])]
                page = self._transport.get("owners", self._transport.paths.owners, OwnerPage, query)
                for owner in page.results:
                    name = " ".join(filter(None, [owner.first_name, owner.last_name])) or f"Owner {owner.id}"
                    found.setdefault(owner.id, OwnerRecord(owner.id, name, archived == "false"))
                after = _after(page.paging)
        return list(found.values())

    def list_members(self, list_id: str) -> Iterator[str]:
        path = self._transport.paths.lists(list_id, "memberships")
        after: str | None = ""
        while after is not None:
            query = [("limit", "250"), *([("after", after)] if after else [])]
            try:
                page = self._transport.get("lists", path, MembershipPage, query)
            except Rejected as error:
                if error.status == 404:
                    raise RecordNotFound(f"There is no list {list_id} in this HubSpot portal.") from None
                raise
            yield from (member.record_id for member in page.results)
            after = _after(page.paging)

    def _each(self, work: Callable[[A], B], items: Iterable[A]) -> list[B]:
        """`work` over all items in order, side by side where there are several."""
        todo = list(items)
        if len(todo) < 2:
            return [work(item) for item in todo]
        with ThreadPoolExecutor(min(self._threads, len(todo)), "hubspot-read") as pool:
            return list(pool.map(work, todo))


def _batch_read(ids: Sequence[str], properties: Sequence[str]) -> dict[str, Any]:
    return {"inputs": [{"id": id_} for id_ in ids], "properties": list(properties), "propertiesWithHistory": []}


def _links(labels_by_id: dict[str, set[str]]) -> list[Link]:
    return [Link(to, tuple(sorted(labels))) for to, labels in labels_by_id.items()]


def _check_looked_up(from_: ObjectName, to: ObjectName, answer: AssociationAnswer) -> None:
    """An id may be unknown or have no association; any other error means that HubSpot did not look."""
    for error in answer.errors:
        if error.category != _NONE_FOUND:
            raise Unavailable(
                f"HubSpot could not give the associations of some {from_} records with their {to} records "
                f"({error.category or 'no category'}: {error.message or 'no message'}). Run it again."
            )


def _after(paging: Paging | None) -> str | None:
    return paging.next.after if paging and paging.next else None
