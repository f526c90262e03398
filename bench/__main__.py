"""`python -m bench [--quick] [--json]`: what crmsync needs against the least that the CRMs' limits allow.

Every job runs through the engine in a process of its own against a sandbox in another; see `bench.jobs` for what is
measured. Times are those of a sandbox whose clock runs faster, together with its limits and its latency; one job runs
at both speeds to show that the ratios hold.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from bench import bounds, local, salesforce
from bench.local_portal import Size
from bench.processes import Portal, portal, work
from bench.table import Row, document, fact_row, limit_row, ratio_row, text
from crmsync.sandbox.hubspot.synthetic import FIRST_COMPANY, FIRST_CONTACT

LATENCY_MS = 200


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured. `scale`: how much faster than real the large portal's time runs."""

    companies: int
    contacts: int
    changed_companies: int
    changed_contacts: int
    scale: float
    small: int
    idle_runs: int
    local: Size


FULL = Sizes(100_000, 500_000, 10_000, 50_000, 4, 57_000, 3, Size(1_000_000, 5_000_000, 200_000))
QUICK = Sizes(10_000, 50_000, 2_000, 10_000, 8, 19_000, 1, Size(10_000, 50_000, 2_000))

Say = Callable[[str], None]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke test of two minutes on a small portal")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--only", choices=["local", "salesforce"], help="measure this alone")
    for name in ("companies", "contacts", "deals"):
        parser.add_argument(f"--{name}", type=int, help=f"{name} of the local work")
    options = parser.parse_args(arguments)
    sizes = QUICK if options.quick else FULL
    given = {name: getattr(options, name) for name in ("companies", "contacts", "deals")}
    size = replace(sizes.local, **{name: number for name, number in given.items() if number is not None})

    def say(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    rows: list[Row] = []
    if options.only is None:
        rows += measure(sizes, say)
    if options.only in (None, "salesforce"):
        rows += salesforce.rows(salesforce.QUICK if options.quick else salesforce.FULL, say)
    if options.only in (None, "local"):
        rows += local.rows(size, say)
    if options.json:
        print(json.dumps({"cpus": os.cpu_count(), "quick": options.quick, "rows": document(rows)}, indent=2))
    else:
        if options.only is None:
            print(
                f"{sizes.companies:,} companies, {sizes.contacts:,} contacts, {LATENCY_MS} ms a call, 190 calls in 10 s"
            )
        print(text(rows))
    return 0


def measure(sizes: Sizes, say: Say) -> list[Row]:
    """Every figure, in the order of the table."""
    rows: list[Row] = []
    say(f"starting a portal of {sizes.companies:,} companies and {sizes.contacts:,} contacts")
    with portal(sizes.companies, sizes.contacts, scale=sizes.scale, latency_ms=LATENCY_MS) as large:
        rows += full_pulls(large, say)
        rows += local_work(large, say)
        rows += nothing_changed(large, sizes, say)
        rows += increment(large, sizes, say)
    rows += scaling_and_writes(sizes, say)
    return rows


def _total(report: dict[str, Any]) -> int:
    return sum(report["calls"].values())


def _time_row(job: str, report: dict[str, Any], bound: bounds.Bound, goal: float | None, scale: float) -> Row:
    """Times as they would be at HubSpot's own clock."""
    return ratio_row(job, f"seconds, at {scale:g}x", report["seconds"] * scale, bound.seconds, goal, unit="s")


def full_pulls(large: Portal, say: Say) -> list[Row]:
    """The same portal twice: by lists alone, and with searches beside them, which is how crmsync does it."""
    real = bounds.Rates()
    rows: list[Row] = []
    for beside in (False, True):
        job = "full pull, lists and search" if beside else "full pull, lists alone"
        say(job)
        large.forget_store()
        done = work("pull", {"full": True, "beside": beside}, folder=large.folder, scale=large.scale)
        assert done["complete"], "the pull did not bring every record"
        bound = (bounds.full_pull_beside if beside else bounds.full_pull)(large.companies, large.contacts, real)
        rows += [
            ratio_row(job, "calls", _total(done), bound.calls, 1.02),
            _time_row(job, done, bound, 1.1, large.scale),
            limit_row(job, "CPU a page, all of it", done["cpu"] * 1000 / _total(done), 4.0, unit="ms"),
            fact_row(job, "calls refused (429)", done["throttled"]),
            fact_row(job, "peak memory, worker", done["peak_mb"], unit="MB"),
        ]
    rows.append(fact_row(job, "memory, sandbox", large.memory_mb(), unit="MB"))
    return rows


def local_work(large: Portal, say: Say) -> list[Row]:
    """From the mirror to a saved plan, at its worst: a first run, in which every record changes."""
    job = "first plan, no call"
    say(job)
    done = work("plan", {}, folder=large.folder, scale=large.scale)
    cpu = done["cpu"] - done["saving"]["cpu"]
    share = done["rows"] / 6_000_000
    return [
        fact_row(job, "records a CPU-second", done["rows"] / cpu, unit="rows"),
        limit_row(job, f"CPU, mirror to plan ({share:.0%} of 60 s)", cpu, 60 * share, unit="s"),
        fact_row(job, "changes", done["changes"]),
        fact_row(job, "CPU to save them", done["saving"]["cpu"], unit="s"),
        fact_row(job, "peak memory, worker", done["peak_mb"], unit="MB"),
    ]


def nothing_changed(large: Portal, sizes: Sizes, say: Say) -> list[Row]:
    """A whole sync of a portal in which everything stands as it should."""
    job = "nothing changed"
    say(f"{job}: preparing the mirror")
    work("settle", {}, folder=large.folder, scale=large.scale)
    say(job)
    runs = [work("sync", {}, folder=large.folder, scale=large.scale) for _ in range(sizes.idle_runs + 1)][1:]
    middle = statistics.median(run["seconds"] for run in runs)
    return [
        limit_row(job, "calls", max(_total(run) for run in runs), 8),
        Row(job, "writes", "0", str(max(run["calls"].get("write", 0) for run in runs))),
        limit_row(job, f"seconds, median of {len(runs)}", middle, 5.0, unit="s"),
        fact_row(job, "CPU", statistics.median(run["cpu"] for run in runs), unit="s"),
        fact_row(job, "peak memory, worker", max(run["peak_mb"] for run in runs), unit="MB"),
    ]


def increment(large: Portal, sizes: Sizes, say: Say) -> list[Row]:
    """Some records changed by another app, read by search."""
    companies, contacts = sizes.changed_companies, sizes.changed_contacts
    job = f"increment, {companies:,} + {contacts:,}"
    say(job)
    large.edit("companies", FIRST_COMPANY, companies, {"phone": "+1 555 0100"})
    large.edit("contacts", FIRST_CONTACT, contacts, {"phone": "+1 555 0100"})
    done = work("pull", {}, folder=large.folder, scale=large.scale)
    # The overlap with the watermark may bring the newest of the old ones again.
    assert done["changed"]["company"] >= companies, f"read {done['changed']}"
    assert done["changed"]["contact"] >= contacts, f"read {done['changed']}"
    bound = bounds.increment(companies, contacts, bounds.Rates())
    return [ratio_row(job, "calls", _total(done), bound.calls, 1.1), _time_row(job, done, bound, 1.1, large.scale)]


def scaling_and_writes(sizes: Sizes, say: Say) -> list[Row]:
    """One pull at both speeds; then a first write at the real one, for it is CPU as much as calls."""
    rows: list[Row] = []
    real = bounds.Rates()
    for scale in (sizes.scale, 1.0):
        job = f"pull of {sizes.small:,} companies"
        say(f"{job} at {scale:g}x")
        with portal(sizes.small, 0, scale=scale, latency_ms=LATENCY_MS) as small:
            done = work("pull", {"full": True, "beside": False}, folder=small.folder, scale=scale)
            rows.append(_time_row(job, done, bounds.full_pull(sizes.small, 0, real), None, scale))
            if scale == 1.0:
                rows += write_back(small, say)
    return rows


def write_back(small: Portal, say: Say) -> list[Row]:
    """Every company's first values, with the ledger."""
    job = f"write-back of {small.companies:,}"
    say(job)
    done = work("write", {}, folder=small.folder, scale=small.scale)
    assert set(done["outcomes"]) == {"applied"}, f"outcomes {done['outcomes']}"
    sent = {family: n for family, n in done["calls"].items() if family in ("write", "batch_read")}
    bound = bounds.write_back(done["records"].get("company", 0), 0, done["reread"], bounds.Rates())
    return [
        ratio_row(job, "calls", sum(sent.values()), bound.calls, 1.1),
        _time_row(job, done, bound, 1.1, small.scale),
        fact_row(job, "changes a batch", done["changes"] / sent["write"]),
        fact_row(job, "CPU a batch, ledger and all", done["cpu"] * 1000 / sent["write"], unit="ms"),
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
