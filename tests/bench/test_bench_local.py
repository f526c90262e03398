"""The local bench's portal and meter: what it measures is a day, and every second of it is counted once."""

from __future__ import annotations

import time
from pathlib import Path

import polars as pl
import pytest

from bench import local
from bench.local_jobs import job_local, job_prepare
from bench.local_portal import CHANGED, Size, parts
from bench.phases import Phases

SIZE = Size(400, 2_000, 40)


def test_the_generated_records_are_the_same_each_time_and_a_day_changes_one_in_a_hundred() -> None:
    before, again = (pl.concat(parts("contact", Size(100, 20_000, 0))) for _ in range(2))
    later = pl.concat(parts("contact", Size(100, 20_000, 0), later=True))
    assert before.equals(again)
    moved = (before["jobtitle"] != later["jobtitle"]).sum()
    # Of 20,000 / 100 records an eighth has no title; the draw is even to a fifth or so.
    assert 0.7 * 175 < moved < 1.3 * 175
    assert CHANGED == 100


def test_a_settled_portal_changes_little_in_a_day_and_a_fresh_one_everywhere(tmp_path: Path) -> None:
    counts = {}
    for settled in (True, False):
        folder = tmp_path / str(settled)
        local._write_config(folder)
        options = {"config": str(folder / "config")}
        sizes = {"companies": SIZE.companies, "contacts": SIZE.contacts, "deals": SIZE.deals}
        job_prepare(options | sizes | {"settled": settled})
        done = job_local(options)
        counts[settled] = done["changes"]
        assert sum(done["phases"].values()) == pytest.approx(done["cpu"])
    # Seniority, department, role, reason and influence of each contact, and more of each company.
    assert counts[False] > SIZE.contacts * 4
    assert 0 < counts[True] < counts[False] / 10


def test_cpu_is_counted_for_the_innermost_phase_that_runs() -> None:
    class Work:
        def outer(self) -> None:
            _burn(0.05)
            self.inner()

        def inner(self) -> None:
            _burn(0.15)

    phases = Phases("rest")
    with phases.watching([(Work, "outer", "outer"), (Work, "inner", "inner")]), phases.running():
        Work().outer()
    spent = phases.report()["phases"]
    assert spent["inner"] > spent["outer"] > spent["rest"]
    assert phases.report()["cpu"] == pytest.approx(sum(spent.values()))


def _burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
