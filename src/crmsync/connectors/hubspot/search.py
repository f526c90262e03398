"""Search: counts, increments and id probes. It stays within HubSpot's limits for search by paging on `hs_object_id`,
so that neither the 10,000 results of one query nor a record that moves between pages loses anything.

A search may silently answer short (its index lags); whatever is read here is compared with the total it promised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from crmsync.connectors.base import Page, Record
from crmsync.connectors.hubspot.records import Records, batches
from crmsync.connectors.hubspot.settings import BATCH, MODIFIED
from crmsync.connectors.hubspot.transport import SEARCH, Transport
from crmsync.connectors.hubspot.wire import RecordPage, WireRecord
from crmsync.errors import Unavailable
from crmsync.model.fields import ObjectName

PAGE = 200
LAST_OFFSET = 9_999
ID = "hs_object_id"
#: HubSpot refuses a longer body; some room is left for ids and stamps.
LONGEST_BODY = 2_900

Filter = dict[str, str]


def condition(name: str, operator: str, value: str) -> Filter:
    return {"propertyName": name, "operator": operator, "value": value}


def sort(name: str, direction: str) -> str:
    """A sort as HubSpot's typed clients send it: JSON in a text."""
    return msgspec.json.encode({"propertyName": name, "direction": direction}).decode()


def body(filters: Sequence[Filter], properties: Sequence[str], *, limit: int, after: int = 0) -> dict[str, Any]:
    """A search by id, ascending: the only order in which pages can be continued past 10,000 results."""
    return {
        "filterGroups": [{"filters": list(filters)}] if filters else [],
        "sorts": [sort(ID, "ASCENDING")],
        "properties": list(properties),
        "limit": limit,
        "after": str(after),
    }


def fits(request: dict[str, Any]) -> bool:
    """Whether HubSpot takes the body; many property names make it too long."""
    return len(msgspec.json.encode(request)) <= LONGEST_BODY


def records(found: Sequence[WireRecord]) -> list[Record]:
    return [Record(one.id, one.updated_at, bytes(one.properties)) for one in found]


class Search:
    """Searches of one portal. `reads` fetches values where their names do not fit into a search."""

    def __init__(self, transport: Transport, reads: Records) -> None:
        self._transport = transport
        self._reads = reads

    def find(self, object_: ObjectName, request: dict[str, Any]) -> RecordPage:
        return self._transport.post(SEARCH, self._transport.paths.objects(object_, "search"), RecordPage, request)

    def count(self, object_: ObjectName, filters: Sequence[Filter] = ()) -> int:
        """Live records that the index knows; new ones show up a few moments late."""
        return self.find(object_, body(filters, [ID], limit=1)).total

    def changes(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> Iterator[Page]:
        """Pages of 200, no record twice. A short read is searched once more from the start, then raises Unavailable."""
        modified = condition(MODIFIED[object_], "GTE", str(int(since.timestamp() * 1000)))
        for attempt in (1, 2):
            total = received = 0
            for page, promised in self._by_id(object_, [modified], properties):
                total = total or promised
                received += len(page.records)
                yield page
            if received >= total:
                return
            if attempt == 2:
                raise Unavailable(
                    f"HubSpot's search promised {total:,} changed {object_} records and gave {received:,}, twice. "
                    "Its index is behind: run again in a minute."
                )

    def newest(self, object_: ObjectName, properties: Sequence[str], since: datetime) -> tuple[int, Page]:
        """(how many changed at or after `since`, the 200 changed last)."""
        modified = condition(MODIFIED[object_], "GTE", str(int(since.timestamp() * 1000)))
        request = body([modified], properties, limit=PAGE)
        request["sorts"] = [sort(MODIFIED[object_], "DESCENDING")]
        whole = fits(request)
        found = self.find(object_, request if whole else request | {"properties": [ID]})
        return found.total, Page(object_, self._full(object_, found, properties, whole=whole))

    def _by_id(
        self, object_: ObjectName, filters: Sequence[Filter], properties: Sequence[str]
    ) -> Iterator[tuple[Page, int]]:
        """Pages with what each promised of the ids not yet read. Trusts the total rather than `paging.next`.

        From both ends of the ids towards the middle: one cursor waits for each answer and leaves searches unused.
        """
        longest = _Gap(10**18, 10**18).filters
        whole = fits(body([*filters, *longest], properties, limit=PAGE) | {"sorts": [sort(ID, "DESCENDING")]})
        gap, over = _Gap(), False
        left: int | None = None

        def ask(direction: str, where: list[Filter]) -> tuple[list[Record], int]:
            request = body(where, properties if whole else [ID], limit=PAGE) | {"sorts": [sort(ID, direction)]}
            found = self.find(object_, request)
            return self._full(object_, found, properties, whole=whole), found.total

        with ThreadPoolExecutor(2, "hubspot-search") as pool:
            flying = {pool.submit(ask, "ASCENDING", list(filters)): "ASCENDING"}
            while flying:
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    direction = flying.pop(future)
                    found, promised = future.result()
                    mine = gap.claim(found, direction)
                    left = (promised if left is None else left) - len(mine)
                    over = over or promised <= len(found) or not found or left <= 0
                    for towards in () if over else _directions(flying.values(), left):
                        flying[pool.submit(ask, towards, [*filters, *gap.filters])] = towards
                    yield Page(object_, mine), promised

    def _full(self, object_: ObjectName, found: RecordPage, properties: Sequence[str], *, whole: bool) -> list[Record]:
        if whole:
            return records(found.results)
        ids = [one.id for one in found.results]
        pages = [self._reads.read_page(object_, batch, properties) for batch in batches(ids, BATCH)]
        full = {one.id: one for page in pages for one in page.results}
        # One that was archived in between keeps its place, so that what was received still adds up to the total.
        return records([full.get(one.id, one) for one in found.results])


def _directions(flying: Collection[str], left: int) -> list[str]:
    """Which ends to ask next, while the pages under way do not hold all that is left anyway."""
    idle = [end for end in ("ASCENDING", "DESCENDING") if end not in flying]
    return idle[: max(-(-left // PAGE), 1) - len(flying)]


@dataclass(slots=True)
class _Gap:
    """The ids not yet read: above `low` and below `high`. Both cursors' pages are claimed by one thread."""

    low: int | None = None
    high: int | None = None

    @property
    def filters(self) -> list[Filter]:
        above = [condition(ID, "GT", str(self.low))] if self.low is not None else []
        return [*above, condition(ID, "LT", str(self.high))] if self.high is not None else above

    def claim(self, found: Sequence[Record], direction: str) -> list[Record]:
        """The records of a page that the other cursor has not handed over; the gap shrinks by the whole page."""
        mine = [one for one in found if self._holds(int(one.id))]
        ids = [int(one.id) for one in found]
        if ids and direction == "ASCENDING":
            self.low = max(ids) if self.low is None else max(self.low, *ids)
        elif ids:
            self.high = min(ids) if self.high is None else min(self.high, *ids)
        return mine

    def _holds(self, id_: int) -> bool:
        return (self.low is None or id_ > self.low) and (self.high is None or id_ < self.high)
