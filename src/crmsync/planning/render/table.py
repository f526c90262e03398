"""A plan as CSV, one row a change, for a spreadsheet. A value that a spreadsheet would run as a formula is quoted."""

from __future__ import annotations

import csv
import re
from io import StringIO

import polars as pl

from crmsync.model.plan import Plan
from crmsync.planning.render.view import People

COLUMNS = ("seq", "object", "id", "name", "owner", "property", "before", "after", "rule", "reason", "url")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def render_csv(plan: Plan, people: pl.DataFrame | None = None) -> str:
    """`COLUMNS`, one row a change in the order of writing; RFC 4180 quoting, lines end in `\\n`."""
    known = People(people)
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    columns = ("seq", "object", "id", "property", "before", "after", "rule", "reason")
    for seq, object_, id_, property_, before, after, rule, reason in plan.changes.select(columns).iter_rows():
        who = known.get(object_, id_)
        cells = (object_, id_, who.name, who.owner, property_, before, after, rule, reason, who.url)
        writer.writerow([seq, *(harmless(cell) for cell in cells)])
    return out.getvalue()


def harmless(value: str | None) -> str:
    """`value` as a spreadsheet shows it: text that starts like a formula gets an apostrophe in front."""
    if not value:
        return ""
    if value[0] in "=+-@\t\r" and not _NUMBER.fullmatch(value):
        return "'" + value
    return value
