"""API calls against the fewest that Salesforce allows: pulls, increments, writes and whole runs of one large org.

Salesforce sells calls by the day and lets as many short ones run side by side as one likes, so calls are the measure
here; seconds are those of a local org with a call's latency, for information. Each job runs through the engine in a
process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bench import salesforce_bounds as bounds
from bench.bounds import pages
from bench.salesforce_process import Org, org
from bench.table import Row, fact_row, limit_row, ratio_row

LATENCY_MS = 100
#: Where crmsync goes over to Bulk 2.0 by itself; the shipped default.
BULK_FROM = 2_000
#: Calls that are not pages, batches or jobs, of a run by itself: a login, four describes, and for each of three objects
#: a count and a look at the newest; the owners, or what became of contact roles. A worker that stays up logs in and
#: describes once.
BESIDE = 13
#: Looks at a job's state that find it still working.
LOOKS = 4
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `few`: accounts written by collections; all the others are written by bulk jobs."""

    accounts: int
    contacts: int
    changed_accounts: int
    changed_contacts: int
    few: int


FULL = Sizes(100_000, 500_000, 2_000, 10_000, 2_000)
QUICK = Sizes(10_000, 50_000, 500, 2_000, 1_000)


def rows(sizes: Sizes, say: Say) -> list[Row]:
    """Every figure, in the order of the table."""
    say(f"making and starting an org of {sizes.accounts:,} accounts and {sizes.contacts:,} contacts")
    with org(sizes.accounts, sizes.contacts, latency_ms=LATENCY_MS) as running:
        found = [
            fact_row("the local org", "seconds to load", running.loading, unit="s"),
            fact_row("the local org", "memory", running.memory_mb(), unit="MB"),
        ]
        running.work("bootstrap", token=running.token)
        found += _full_pulls(running, say)
        found += _nothing_changed(running, say)
        found += _increment(running, sizes, say)
        running.forget_store()
        running.work("pull", full=True)
        found += _write_back(running, sizes.few, say)
        found += _write_back(running, sizes.accounts - sizes.few, say)
        found += _whole_runs(running, say)
        return [*found, fact_row("the local org", "memory after all", running.memory_mb(), unit="MB")]


def _total(report: Mapping[str, Any]) -> int:
    return int(sum(report["calls"].values()))


def _full_pulls(running: Org, say: Say) -> list[Row]:
    """The same org twice: by pages of a query, and by bulk query jobs."""
    found: list[Row] = []
    counts = (running.accounts, running.contacts)
    for job, bulk_from, bound, looks in (
        ("full pull, query", None, bounds.pull_by_query(*counts), 0),
        ("full pull, Bulk query", 1, bounds.pull_by_bulk(*counts), LOOKS * len(counts)),
    ):
        say(job)
        running.forget_store()
        before = running.calls_of()
        done = running.work("pull", full=True, query_bulk_from=bulk_from)
        assert done["complete"], "the pull did not bring every record"
        answered = running.calls_of() - before
        assert answered == _total(done), f"counted {_total(done)} calls, the org answered {answered}"
        found += [
            _calls_row(job, done, bound, beside=BESIDE + looks),
            fact_row(job, "of them login and describe", _preparing(done)),
            fact_row(job, f"seconds, {LATENCY_MS} ms a call", done["seconds"], unit="s"),
            fact_row(job, "CPU", done["cpu"], unit="s"),
            fact_row(job, "peak memory, worker", done["peak_mb"], unit="MB"),
        ]
    return found


def _calls_row(job: str, report: Mapping[str, Any], bound: int, *, beside: int) -> Row:
    """All calls of a job; `beside` the bound so many more may be."""
    return ratio_row(job, "calls", _total(report), bound, round((bound + beside) / bound, 3))


def _preparing(report: Mapping[str, Any]) -> int:
    """Calls that a connection makes once."""
    return int(sum(report["calls"].get(family, 0) for family in ("login", "describe")))


def _nothing_changed(running: Org, say: Say) -> list[Row]:
    job = "nothing changed"
    say(f"{job}: preparing the mirror")
    running.work("settle")
    say(job)
    runs = [running.work("sync") for _ in range(2)]
    assert not any(run["changes"] for run in runs), "a settled org changed"
    last = runs[-1]
    return [
        limit_row(job, "calls, a login and describes among them", _total(last), BESIDE),
        limit_row(job, "calls of a worker that stays up", _total(last) - _preparing(last), 8),
        Row(job, "writes", "0", str(sum(last["calls"].get(family, 0) for family in ("write", "collections", "bulk")))),
        fact_row(job, f"seconds, {LATENCY_MS} ms a call", last["seconds"], unit="s"),
        fact_row(job, "CPU", last["cpu"], unit="s"),
        fact_row(job, "peak memory, worker", last["peak_mb"], unit="MB"),
    ]


def _increment(running: Org, sizes: Sizes, say: Say) -> list[Row]:
    job = f"increment, {sizes.changed_accounts:,} + {sizes.changed_contacts:,}"
    say(job)
    running.edit("Account", sizes.changed_accounts, {"Phone": "+1 555 0100"})
    running.edit("Contact", sizes.changed_contacts, {"Phone": "+1 555 0100"})
    done = running.work("pull")
    assert done["changed"]["company"] >= sizes.changed_accounts, f"read {done['changed']}"
    assert done["changed"]["contact"] >= sizes.changed_contacts, f"read {done['changed']}"
    bound = bounds.pull_by_query(sizes.changed_accounts, sizes.changed_contacts)
    # Of each object that changed, the page of the newest is read again with all the others.
    return [_calls_row(job, done, bound, beside=BESIDE + 2)]


def _write_back(running: Org, records: int, say: Say) -> list[Row]:
    """So many accounts' first values, with the ledger."""
    by_bulk = records > BULK_FROM
    job = f"write-back of {records:,}, {'Bulk' if by_bulk else 'collections'}"
    say(job)
    done = running.work("write", limit=records)
    assert set(done["outcomes"]) == {"applied"}, f"outcomes {done['outcomes']}"
    assert done["records"] == {"company": records}, f"wrote {done['records']}"
    bound = (bounds.write_by_bulk if by_bulk else bounds.write_by_collections)(records)
    return [
        ratio_row(job, "calls", _total(done), bound, 1.5 if by_bulk else 1.25),
        fact_row(job, "seconds", done["seconds"], unit="s"),
        fact_row(job, "CPU", done["cpu"], unit="s"),
    ]


def _whole_runs(running: Org, say: Say) -> list[Row]:
    """A sync from nothing, which writes what the contacts lack, and the one after it."""
    job = "whole run, empty store"
    say(job)
    running.forget_store()
    first = running.work("sync")
    assert set(first["outcomes"]) == {"applied"}, f"outcomes {first['outcomes']}"
    written = tuple(first["records"].values())
    bound = bounds.whole_run((running.accounts, running.contacts), written, BULK_FROM)
    jobs = 2 + sum(pages(number, bounds.JOB) for number in written if number > BULK_FROM)
    again = "whole run, the one after"
    say(again)
    second = running.work("sync")
    assert second["changes"] == 0, f"{second['changes']} changes in a second run"
    return [
        _calls_row(job, first, bound, beside=BESIDE + LOOKS * jobs),
        fact_row(job, "records written", sum(written)),
        fact_row(job, "seconds", first["seconds"], unit="s"),
        fact_row(job, "peak memory, worker", first["peak_mb"], unit="MB"),
        fact_row(again, "calls", _total(second)),
        fact_row(again, "seconds", second["seconds"], unit="s"),
    ]
