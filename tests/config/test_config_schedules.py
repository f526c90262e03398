"""Cron lines fire on the days that cron means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crmsync.config import cron_trigger

SUNDAY = datetime(2026, 11, 22, tzinfo=UTC)


def days_of(line: str) -> str:
    """The days of one week, from Sunday on, on which the line fires."""
    fired = []
    for number, name in enumerate(("Su", "Mo", "Tu", "We", "Th", "Fr", "Sa")):
        start = SUNDAY + timedelta(days=number)
        found = cron_trigger(line).get_next_fire_time(None, start)
        if found < start + timedelta(days=1):
            fired.append(name)
    return " ".join(fired)


@pytest.mark.parametrize(
    ("weekday", "days"),
    [
        ("0", "Su"),
        ("7", "Su"),
        ("sun", "Su"),
        ("1", "Mo"),
        ("SAT", "Sa"),
        ("1-5", "Mo Tu We Th Fr"),
        ("mon-fri", "Mo Tu We Th Fr"),
        ("5-7", "Su Fr Sa"),
        ("fri-sun", "Su Fr Sa"),
        ("0-6", "Su Mo Tu We Th Fr Sa"),
        ("*/2", "Su Tu Th Sa"),
        ("1-5/2", "Mo We Fr"),
        ("0,3", "Su We"),
        ("*", "Su Mo Tu We Th Fr Sa"),
    ],
)
def test_a_day_of_the_week_is_counted_as_cron_does(weekday: str, days: str) -> None:
    assert days_of(f"0 3 * * {weekday}") == days


def test_minutes_hours_and_zone_are_kept() -> None:
    fired = cron_trigger("*/10 4 * * *", "Europe/Berlin").get_next_fire_time(None, SUNDAY)
    assert fired.astimezone(UTC) == datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "line",
    ["", "* * *", "@daily", "60 * * * *", "* 25 * * *", "0 3 * * 8", "0 3 * * x", "0 3 * * 5-2", "0 3 1 * 1",
     "0 3 * * 1-", "0 3 * * */0", "0 3 32 * *", "* * * * * *"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused(line: str) -> None:
    with pytest.raises(ValueError):
        cron_trigger(line)
