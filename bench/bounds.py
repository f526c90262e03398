"""The least that each job can cost: calls and seconds, by arithmetic alone (design.md, The bound).

No figure of the machine enters here, so that a goal cannot be met by a slower measure.
"""

from __future__ import annotations

from dataclasses import dataclass

LIST_PAGE = 100
SEARCH_PAGE = 200
WRITE_BATCH = 100


@dataclass(frozen=True, slots=True)
class Rates:
    """What HubSpot allows: `calls` a second for everything but search, `searches` a second beside them."""

    calls: float = 19.0
    searches: float = 5.0

    def scaled(self, scale: float) -> Rates:
        """The same limits where a sandbox's time runs `scale` times as fast."""
        return Rates(self.calls * scale, self.searches * scale)


@dataclass(frozen=True, slots=True)
class Bound:
    """Fewest calls, and the seconds that the rate limits make of them."""

    calls: int
    seconds: float


def pages(records: int, size: int) -> int:
    """Calls that so many records of one object need."""
    return -(-records // size)


def full_pull(companies: int, contacts: int, rates: Rates) -> Bound:
    """Lists alone."""
    calls = pages(companies, LIST_PAGE) + pages(contacts, LIST_PAGE)
    return Bound(calls, calls / rates.calls)


def full_pull_beside(companies: int, contacts: int, rates: Rates) -> Bound:
    """Lists and searches side by side, both at their full rate; calls as lists alone would need them."""
    records_a_second = rates.calls * LIST_PAGE + rates.searches * SEARCH_PAGE
    return Bound(full_pull(companies, contacts, rates).calls, (companies + contacts) / records_a_second)


def increment(companies: int, contacts: int, rates: Rates) -> Bound:
    """Searches that read so many changed records."""
    calls = pages(companies, SEARCH_PAGE) + pages(contacts, SEARCH_PAGE)
    return Bound(calls, calls / rates.searches)


def write_back(companies: int, contacts: int, reread: int, rates: Rates) -> Bound:
    """Batches that write so many records, and the reads of `reread` of them whose values others may write too."""
    calls = pages(companies, WRITE_BATCH) + pages(contacts, WRITE_BATCH) + pages(reread, WRITE_BATCH)
    return Bound(calls, calls / rates.calls)
