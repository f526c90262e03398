"""SOQL's words for days, such as TODAY and LAST_N_DAYS:30, as ranges of dates.

The day is that of UTC, the time zone of the sandbox's user; a week begins on Sunday, as in Salesforce's English locale.
"""

from datetime import date, timedelta


def day_range(word: str, today: date) -> tuple[date, date] | None:
    """First day, and the day after the last one. None for a word that is not known here."""
    name, _, many = word.upper().partition(":")
    if many:
        return _counted(name, int(many), today)
    if name in {"TODAY", "YESTERDAY", "TOMORROW"}:
        first = today + timedelta(days={"TODAY": 0, "YESTERDAY": -1, "TOMORROW": 1}[name])
        return first, first + timedelta(days=1)
    if name in {"LAST_90_DAYS", "NEXT_90_DAYS"}:
        return _counted(f"{name[:4]}_N_DAYS", 90, today)
    step, _, span = name.partition("_")
    if step not in {"LAST", "THIS", "NEXT"} or span not in {"WEEK", "MONTH", "QUARTER", "YEAR"}:
        return None
    offset = {"LAST": -1, "THIS": 0, "NEXT": 1}[step]
    return _span(span, offset, today), _span(span, offset + 1, today)


def _counted(name: str, many: int, today: date) -> tuple[date, date] | None:
    day = timedelta(days=1)
    if name == "LAST_N_DAYS":
        return today - many * day, today + day
    if name == "NEXT_N_DAYS":
        return today + day, today + (many + 1) * day
    if name == "N_DAYS_AGO":
        return today - many * day, today - (many - 1) * day
    return None


def _span(span: str, offset: int, today: date) -> date:
    """First day of the week, month, quarter or year that many after today's."""
    if span == "WEEK":
        return today - timedelta(days=today.isoweekday() % 7) + timedelta(weeks=offset)
    if span == "YEAR":
        return date(today.year + offset, 1, 1)
    length = 1 if span == "MONTH" else 3
    index = today.year * 12 + (today.month - 1) // length * length + offset * length
    return date(index // 12, index % 12 + 1, 1)
