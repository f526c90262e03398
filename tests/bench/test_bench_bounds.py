"""The bench's bounds against worked numbers (design.md, The bound, and our figures against it)."""

from __future__ import annotations

import pytest

from bench.bounds import Rates, full_pull, full_pull_beside, increment, write_back
from bench.table import Row, document, limit_row, ratio_row, text

REAL = Rates()


def test_a_million_companies_and_five_million_contacts_need_60_000_pages_and_52_6_minutes() -> None:
    bound = full_pull(1_000_000, 5_000_000, REAL)
    assert bound.calls == 60_000
    assert bound.seconds / 60 == pytest.approx(52.6, abs=0.05)  # 60,000 / 19 = 3,157.9 s


def test_lists_and_searches_side_by_side_read_2_900_records_a_second() -> None:
    assert full_pull_beside(1_000_000, 5_000_000, REAL).seconds / 60 == pytest.approx(34.5, abs=0.05)  # 6 M / 2,900


def test_an_increment_of_10_000_and_50_000_takes_300_searches_in_a_minute() -> None:
    bound = increment(10_000, 50_000, REAL)
    assert (bound.calls, bound.seconds) == (300, 60.0)  # 50 + 250 pages of 200 at 5/s


def test_writing_100_000_records_takes_1_000_batches_in_53_seconds() -> None:
    bound = write_back(100_000, 0, 0, REAL)
    assert bound.calls == 1_000
    assert bound.seconds == pytest.approx(52.6, abs=0.05)


def test_records_read_before_they_are_written_count_as_calls() -> None:
    assert write_back(250, 101, 199, REAL).calls == 3 + 2 + 2


def test_a_page_that_is_not_full_is_a_call_for_each_object() -> None:
    assert full_pull(1, 101, REAL).calls == 3
    assert increment(1, 201, REAL).calls == 3
    assert increment(0, 0, REAL).calls == 0


def test_scaled_limits_shorten_the_time_and_not_the_calls() -> None:
    real, fast = full_pull(1_900, 0, REAL), full_pull(1_900, 0, REAL.scaled(10))
    assert (real.calls, real.seconds) == (19, 1.0)
    assert (fast.calls, fast.seconds) == (19, pytest.approx(0.1))


def test_a_goal_is_met_up_to_its_ratio_and_not_beyond() -> None:
    assert ratio_row("pull", "calls", 102, 100, 1.02).met
    assert not ratio_row("pull", "calls", 103, 100, 1.02).met
    assert limit_row("idle", "calls", 8, 8).met
    assert not limit_row("idle", "calls", 9, 8).met
    assert ratio_row("pull", "calls", 103, 100, None).met is None


def test_the_table_says_which_goal_was_missed() -> None:
    rows = [ratio_row("pull", "calls", 103, 100, 1.02), Row("idle", "writes", "0", "0")]
    lines = text(rows).splitlines()
    assert lines[1].split() == ["pull", "calls", "100", "103", "1.030", "<=", "1.02", "MISSED"]
    assert lines[2].split() == ["idle", "writes", "0", "0"]
    assert [row["met"] for row in document(rows)] == [False, None]
