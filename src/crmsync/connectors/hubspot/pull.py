"""The full pull: every live record of one object, several cursors side by side, pages handed over through a bounded
queue so that memory stays flat however slow the store is.

It does not heal a page that HubSpot cut short in silence: it ends, and the caller compares counts. What it must never
do is lose or double a record by itself (`ranges`), or swallow a cursor's error.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlencode

from crmsync.connectors.base import Page
from crmsync.connectors.hubspot.ranges import Probe, Range, Ranges
from crmsync.connectors.hubspot.records import Records
from crmsync.connectors.hubspot.search import ID, PAGE, Filter, Search, body, condition, fits, records
from crmsync.connectors.hubspot.settings import BATCH
from crmsync.connectors.hubspot.transport import Query, Transport
from crmsync.connectors.hubspot.wire import RecordPage
from crmsync.model.fields import ObjectName

#: Property names in a list's address beyond this many characters are asked for by batch read instead (414 otherwise).
LONGEST_ADDRESS = 6_000
SEARCH_BESIDE_FROM = 50_000
_SEARCHERS = 3
#: Unread records from which a further cursor is worth a search and, now and then, a page.
_WORTH = 2_000


class Pull:
    """One pull of one object. Iterate `pages()` once; closing the iterator early ends the cursors."""

    def __init__(
        self,
        transport: Transport,
        search: Search,
        reads: Records,
        object_: ObjectName,
        properties: Sequence[str],
        expected: int,
    ) -> None:
        self._transport = transport
        self._search = search
        self._reads = reads
        self._object = object_
        self._properties = list(properties)
        self._expected = expected
        self._ranges = Ranges(expected, self._probe, worth=_WORTH)
        cursors = transport.settings.cursors
        self._pages: queue.Queue[Page | BaseException | None] = queue.Queue(maxsize=4 * cursors)
        self._stopped = threading.Event()

    def pages(self) -> Iterator[Page]:
        threads = [
            threading.Thread(target=self._work, args=(drain,), name=f"hubspot-pull-{number}", daemon=True)
            for number, drain in enumerate(self._cursors())
        ]
        try:
            for thread in threads:
                thread.start()
            running = len(threads)
            while running:
                item = self._pages.get()
                if item is None:
                    running -= 1
                elif isinstance(item, BaseException):
                    raise item
                else:
                    yield item
        finally:
            self._stopped.set()
            for thread in threads:
                thread.join()

    def _cursors(self) -> list[Callable[[Range], None]]:
        """One reading function a thread: lists, and searches beside them where they are worth it."""
        lists = min(self._transport.settings.cursors, max(1, self._expected // 1_000))
        wanted = self._transport.settings.search_beside_lists
        beside = self._expected >= SEARCH_BESIDE_FROM if wanted is None else wanted
        searchers = _SEARCHERS if beside and self._fits_search() and self._expected >= 2 * PAGE else 0
        return [*[self._list_range] * lists, *[self._search_range] * searchers]

    def _fits_search(self) -> bool:
        return fits(body(self._between(2**62, 2**62), self._properties, limit=PAGE))

    def _work(self, drain: Callable[[Range], None]) -> None:
        try:
            while not self._stopped.is_set() and (owned := self._ranges.take()):
                drain(owned)
                self._ranges.close(owned)
            self._hand_over(None)
        except BaseException as error:  # noqa: BLE001 - raised again in the consumer's thread, nothing is swallowed
            self._hand_over(error)

    def _hand_over(self, item: Page | BaseException | None) -> None:
        while not self._stopped.is_set():
            try:
                self._pages.put(item, timeout=0.2)
            except queue.Full:
                continue
            return

    def _list_range(self, owned: Range) -> None:
        page = self._first_page(owned.position)
        while True:
            beyond = self._claimed(owned, page)
            if beyond or page.after is None or self._stopped.is_set() or _next_is_beyond(page.after, owned):
                return
            page = self._list_page(page.after)

    def _first_page(self, start: int) -> RecordPage:
        """The page from `start` on, a record that exists, unless it is 0. `after` names the next record; should it ever
        mean "behind this one", the first record would be lost, so that is looked at."""
        if not start:
            return self._list_page(None)
        page = self._list_page(str(start))
        if page.results and int(page.results[0].id) == start:
            return page
        return self._list_page(str(start - 1))

    def _search_range(self, owned: Range) -> None:
        while not self._stopped.is_set():
            request = body(self._between(owned.position, owned.end), self._properties, limit=PAGE)
            page = self._search.find(self._object, request)
            if self._claimed(owned, page) or page.total <= len(page.results) or not page.results:
                return

    def _claimed(self, owned: Range, page: RecordPage) -> bool:
        """Hand over what is the range's own; true where the range is read."""
        mine, beyond = self._ranges.claim(owned, page.results)
        if mine:
            self._hand_over(Page(self._object, records(mine)))
        return beyond

    def _list_page(self, after: str | None) -> RecordPage:
        query: list[tuple[str, str]] = [("limit", str(BATCH))]
        if after:
            query.append(("after", after))
        named: Query = [*query, ("properties", ",".join(self._properties))]
        path = self._transport.paths.objects(self._object)
        if len(path) + len(urlencode(named)) <= LONGEST_ADDRESS:
            return self._transport.get("list", path, RecordPage, named)
        page = self._transport.get("list", path, RecordPage, query)
        if not page.results:
            return page
        ids = [one.id for one in page.results]
        full = {one.id: one for one in self._reads.read_page(self._object, ids, self._properties).results}
        # A record archived between the two calls is gone from both points of view.
        return RecordPage([full[id_] for id_ in ids if id_ in full], page.paging)

    def _probe(self, start: int, end: int | None, offset: int) -> Probe:
        found = self._search.find(self._object, body(self._between(start, end), [ID], limit=1, after=offset))
        return Probe(found.total, int(found.results[0].id) if found.results else None)

    def _between(self, start: int, end: int | None) -> list[Filter]:
        filters = [condition(ID, "GTE", str(start))] if start else []
        return [*filters, condition(ID, "LT", str(end))] if end is not None else filters


def _next_is_beyond(after: str, owned: Range) -> bool:
    """`after` is the next record's id: where that is the next range's, there is nothing left to read here."""
    return owned.end is not None and after.isdecimal() and int(after) >= owned.end
