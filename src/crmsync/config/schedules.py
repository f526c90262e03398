"""Cron lines as people know them, for APScheduler.

Prevents a Sunday job on Mondays: in cron 0 and 7 are Sunday, in APScheduler 0 is Monday (its `from_crontab` passes the
number on as it is). Days of the week are turned into names here before APScheduler sees them.
"""

from __future__ import annotations

import re

from apscheduler.triggers.cron import CronTrigger

_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_ITEM = re.compile(r"(?P<first>\*|[a-z]+|\d+)(?:-(?P<last>[a-z]+|\d+))?(?:/(?P<step>\d+))?")


def cron_trigger(line: str, timezone: str = "UTC") -> CronTrigger:
    """The trigger of five cron fields: minute, hour, day of the month, month, day of the week (0 or 7 is Sunday).

    Raises ValueError, which says what is wrong, for anything else.
    """
    fields = line.lower().split()
    if len(fields) != 5:
        raise ValueError(f"there are {len(fields)} fields")
    minute, hour, day, month, weekday = fields
    if day != "*" and weekday != "*":
        # cron means either, APScheduler both: neither is what everybody expects.
        raise ValueError("give a day of the month or a day of the week, not both")
    return CronTrigger(
        minute=minute, hour=hour, day=day, month=month, day_of_week=_weekdays(weekday), timezone=timezone
    )


def _weekdays(field: str) -> str:
    """`0`, `7`, `sun`, `5-7`, `*/2` as names, Monday first as APScheduler counts."""
    if field == "*":
        return field
    days = {day % 7 for item in field.split(",") for day in _item(item)}
    return ",".join(_DAYS[day] for day in sorted(days, key=lambda day: (day - 1) % 7))


def _item(item: str) -> range:
    parts = _ITEM.fullmatch(item)
    if parts is None:
        raise ValueError(f"{item} is no day of the week")
    step = int(parts["step"] or 1)
    if parts["first"] == "*":
        first, last = 0, 6
    else:
        first = _day(parts["first"])
        last = _day(parts["last"]) if parts["last"] else 6 if parts["step"] else first
        last = 7 if last == 0 and first > 0 else last
    if step < 1 or last < first:
        raise ValueError(f"{item} names no day of the week")
    return range(first, last + 1, step)


def _day(text: str) -> int:
    if text in _DAYS:
        return _DAYS.index(text)
    if text.isdigit() and int(text) <= 7:
        return int(text)
    raise ValueError(f"{text} is no day of the week; write 0 (Sunday) to 6, or sun to sat")
