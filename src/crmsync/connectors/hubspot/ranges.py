"""The id space of one object, cut into ranges that cursors read side by side.

HubSpot's list is ordered by id and its `after` is an id, so a cursor may start anywhere. A range's owner claims ids
page by page under one lock; an idle cursor takes the far part of the largest range. Both look at the same position,
so that each id is handed out exactly once whoever reads it. The failure prevented: double or lost records at a cut.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from crmsync.connectors.hubspot.search import LAST_OFFSET
from crmsync.connectors.hubspot.settings import BATCH
from crmsync.connectors.hubspot.wire import WireRecord

#: Probes spent on one cut before the best one so far is taken.
_PROBES = 5
#: Up to so many records, the middle is within reach of a search's offset.
_EXACT = 2 * (LAST_OFFSET + 1)


@dataclass(frozen=True, slots=True)
class Probe:
    """What a search of one id range said: how many records it has, and the id found at the asked offset."""

    total: int
    id: int | None


#: (from id, before id or None, offset) -> Probe
Ask = Callable[[int, int | None, int], Probe]


@dataclass(slots=True)
class Range:
    """Ids from `position` (the next unread) to before `end` (None: no end). `remaining` is an estimate in records."""

    position: int
    end: int | None
    remaining: int


class Ranges:
    """Thread-safe. `worth` is the number of unread records from which a second cursor pays for the cut."""

    def __init__(self, expected: int, ask: Ask, *, worth: int) -> None:
        self._ask = ask
        self._worth = worth
        self._lock = threading.Lock()
        self._cutting = threading.Lock()
        self._whole: Range | None = Range(0, None, expected)
        self._open: list[Range] = []

    def take(self) -> Range | None:
        """A range to read: the whole at first, later the far part of the largest; None where no cut is worth it."""
        with self._cutting:
            with self._lock:
                if self._whole is not None:
                    first, self._whole = self._whole, None
                    self._open.append(first)
                    return first
            for _ in range(2):
                largest = self._largest()
                if largest is None:
                    return None
                if taken := self._cut(largest):
                    return taken
            return None

    def claim(self, owned: Range, found: Sequence[WireRecord]) -> tuple[list[WireRecord], bool]:
        """The records of a page that are this range's own, and whether the page reached beyond its end."""
        with self._lock:
            mine = [one for one in found if _within(int(one.id), owned)]
            last = int(found[-1].id) if found else owned.position
            owned.position = max(owned.position, last + 1)
            owned.remaining = max(0, owned.remaining - len(mine))
            return mine, owned.end is not None and owned.position >= owned.end

    def close(self, owned: Range) -> None:
        with self._lock:
            self._open.remove(owned)

    def _largest(self) -> Range | None:
        with self._lock:
            worth = [one for one in self._open if one.remaining >= self._worth]
            return max(worth, key=lambda one: one.remaining, default=None)

    def _cut(self, owned: Range) -> Range | None:
        with self._lock:
            start, end, count = owned.position, owned.end, owned.remaining
        cut = find_cut(self._ask, start, end, count)
        with self._lock:
            if cut is None or owned not in self._open:
                owned.remaining = 0 if cut is None else owned.remaining
                return None
            at, above = cut
            # The owner read on while we searched: what it has claimed is its own.
            if at <= owned.position or (owned.end is not None and at >= owned.end):
                return None
            far = Range(at, owned.end, above)
            owned.end, owned.remaining = at, max(0, owned.remaining - above)
            self._open.append(far)
            return far


def _within(id_: int, owned: Range) -> bool:
    return owned.position <= id_ and (owned.end is None or id_ < owned.end)


def find_cut(ask: Ask, start: int, end: int | None, count: int) -> tuple[int, int] | None:
    """An existing id near the middle of the records in [start, end), and how many stand at or above it.

    Up to 20,000 records one search finds the exact middle by its offset. Beyond that, ids are tried: the middle one,
    then by the density seen so far, then by bisection, at most seven searches. None where the range turned out to have
    no second half.
    """
    if end is not None and count > _EXACT:
        middle = ask((start + end) // 2, end, 0)
        if middle.id is not None and _balanced(middle.total, count):
            return middle.id, middle.total
    if start == 0 and count > _EXACT:
        # HubSpot's ids start anywhere: without the first one, nothing could be said about their density.
        lowest = ask(start, end, 0)
        start, count = lowest.id or start, lowest.total
    # In whole pages from `start`, so that the near part ends with a full page.
    rank = min(max(count // 2 // BATCH, 1) * BATCH, LAST_OFFSET // BATCH * BATCH)
    first = ask(start, end, rank)
    if first.id is None:
        return None
    total = first.total
    best = (first.id, total - rank)
    if total <= _EXACT:
        return best
    low, low_rank, high, high_rank = first.id, rank, end, total
    guess = start + (first.id - start) * (total // 2) // rank
    for step in range(_PROBES - 1):
        if high is not None and not low < guess < high:
            guess = (low + high) // 2
        if guess <= low:
            break
        found = ask(guess, end, 0)
        if found.id is not None and abs(found.total - total / 2) < abs(best[1] - total / 2):
            best = (found.id, found.total)
        if _balanced(found.total, total):
            break
        below = total - found.total
        if below > total / 2:
            high, high_rank = guess, below
        else:
            low, low_rank = guess, below
        guess = _next_guess(low, low_rank, high, high_rank, total, straight=step % 2 == 1)
    return best


def _balanced(above: int, total: int) -> bool:
    return 0.35 * total <= above <= 0.65 * total


def _next_guess(low: int, low_rank: int, high: int | None, high_rank: int, total: int, *, straight: bool) -> int:
    """Interpolated by rank, or straight in the middle: ids come in clumps that mislead the one or the other."""
    if high is None:
        return low * 2
    if straight or high_rank <= low_rank:
        return (low + high) // 2
    return low + (high - low) * (total // 2 - low_rank) // (high_rank - low_rank)
