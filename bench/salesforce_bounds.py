"""The fewest API calls that Salesforce allows each job, by arithmetic alone.

Salesforce bounds calls by the day, not by the second, so calls are what is compared. Login, describe and the counts
that prove a pull complete are not in the bounds: the ratio shows what they cost.
"""

from __future__ import annotations

from bench.bounds import pages

QUERY_PAGE = 2_000
RESULT_PAGE = 50_000
COLLECTION = 200
JOB = 10_000
#: Create and one look at its state; an ingest job also takes its data, is closed, and has a list of what it wrote. What
#: it refused or left out are two lists more, where its state counts any.
QUERY_JOB_CALLS = 2
INGEST_JOB_CALLS = 5


def pull_by_query(*counts: int) -> int:
    """Every record of objects of these sizes, page by page."""
    return sum(pages(count, QUERY_PAGE) for count in counts)


def pull_by_bulk(*counts: int) -> int:
    """The same by one query job an object, done when it is first looked at."""
    return sum(QUERY_JOB_CALLS + pages(count, RESULT_PAGE) for count in counts)


def write_by_collections(*counts: int) -> int:
    """So many changed records of each object, 200 a call."""
    return sum(pages(count, COLLECTION) for count in counts)


def write_by_bulk(*counts: int) -> int:
    """The same by ingest jobs, each done when it is first looked at."""
    return sum(INGEST_JOB_CALLS * pages(count, JOB) for count in counts)


def whole_run(counts: tuple[int, ...], changed: tuple[int, ...], bulk_from: int) -> int:
    """A first sync: every object by whichever way needs fewer calls, and so many changed records of each written."""
    read = sum(min(pull_by_query(count), pull_by_bulk(count)) for count in counts)
    return read + sum(write_by_collections(n) if n <= bulk_from else write_by_bulk(n) for n in changed)
