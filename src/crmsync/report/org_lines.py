"""Who reports to whom at one account, cut down to what a picture can show."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from crmsync.assess.base import OUT, WHY
from crmsync.assess.role_section import DEPARTMENTS, ROLE_VALUES, SENIORITIES, UNCLASSIFIED
from crmsync.model.text import id_order

SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "name": pl.String(),
    "title": pl.String(),
    "department": pl.String(),
    "seniority": pl.String(),
    "role": pl.String(),
    "reports_to": pl.String(),
    "stale": pl.Boolean(),
}
_DEEPEST = 10
_REPORTS_SHOWN = 10
_BOXES = 150

Row = dict[str, Any]


def people_of_account(contacts: pl.DataFrame, account_id: str) -> pl.DataFrame:
    """The people of one account (SCHEMA), by department, level, name and id.

    `contacts` are assessed ones (`World.contacts`); what the program or the portal does not give is null, a role then
    `unclassified` and a department `unknown`. `reports_to` may name somebody outside the account.
    """
    given = {
        "title": "title",
        "department": OUT + "department",
        "seniority": OUT + "seniority",
        "role": OUT + "stakeholder_role",
        "reports_to": "reports_to",
    }
    mine = contacts.filter(pl.col("account").cast(pl.String) == account_id)
    none = pl.lit(None, dtype=pl.String)
    columns = {name: pl.col(col).cast(pl.String) if col in mine.columns else none for name, col in given.items()}
    names = [pl.col(name).cast(pl.String) for name in ("first_name", "last_name") if name in mine.columns]
    full = pl.concat_str(names, separator=" ", ignore_nulls=True).str.strip_chars() if names else none
    stale = pl.col(WHY + "stale") if WHY + "stale" in mine.columns else pl.lit(value=False)
    people = mine.select(
        pl.col("id").cast(pl.String),
        pl.when(full != "").then(full).otherwise(pl.concat_str(pl.lit("Contact "), "id")).alias("name"),
        columns["title"].alias("title"),
        columns["department"].fill_null("unknown").alias("department"),
        columns["seniority"].fill_null("unknown").alias("seniority"),
        columns["role"].fill_null(UNCLASSIFIED).alias("role"),
        columns["reports_to"].alias("reports_to"),
        stale.fill_null(value=False).alias("stale"),
    )
    return people.sort([_place("department", DEPARTMENTS), _place("seniority", SENIORITIES), "name", *id_order()])


def _place(name: str, values: tuple[str, ...]) -> pl.Expr:
    places = {value: place for place, value in enumerate(values)}
    return pl.col(name).replace_strict(places, default=len(values), return_dtype=pl.Int32)


def roles_of(row: Row) -> list[str]:
    """The roles of a person that have a colour; `unclassified` where there is none."""
    return [role for role in str(row["role"]).split(";") if role in ROLE_VALUES] or [UNCLASSIFIED]


@dataclass
class Lines:
    """The people in an order to draw them. `reports` has those shown under each, `more` how many are not.

    `heads` stand at the top of a line; `alone` have none, by department, with how many of it are not shown;
    `heads_more` are in lines that are not shown at all. Everybody is in exactly one of these.
    """

    rows: dict[str, Row]
    heads: list[str] = field(default_factory=list)
    reports: dict[str, list[str]] = field(default_factory=dict)
    more: dict[str, int] = field(default_factory=dict)
    alone: dict[str, list[str]] = field(default_factory=dict)
    alone_more: dict[str, int] = field(default_factory=dict)
    heads_more: int = 0
    notes: dict[str, str] = field(default_factory=dict)


def lines_of(people: pl.DataFrame, *, column: int) -> Lines:
    """Reporting lines and departments of `people` (SCHEMA); at most `column` people of a department without a line."""
    rows = {row["id"]: row for row in people.iter_rows(named=True)}
    lines = Lines(rows)
    parents = {id_: row["reports_to"] for id_, row in rows.items() if row["reports_to"] not in (None, id_)}
    for id_, parent in parents.items():
        if parent not in rows:
            lines.notes[id_] = f"reports to {parent}, elsewhere"
    parents = {id_: parent for id_, parent in parents.items() if parent in rows}
    for id_ in _cut_circles(rows, parents):
        lines.notes[id_] = "reporting lines in a circle"
    reports: dict[str, list[str]] = {}
    for id_ in rows:
        if id_ in parents:
            reports.setdefault(parents[id_], []).append(id_)
    heads = [id_ for id_ in rows if id_ not in parents and id_ in reports]
    _show(lines, heads, reports)
    for id_, row in rows.items():
        if id_ not in parents and id_ not in reports:
            shown = lines.alone.setdefault(row["department"], [])
            if len(shown) < column:
                shown.append(id_)
            else:
                lines.alone_more[row["department"]] = lines.alone_more.get(row["department"], 0) + 1
    return lines


def _cut_circles(rows: dict[str, Row], parents: dict[str, str]) -> list[str]:
    """Take one line out of every circle; returns who then stands at its top, the first of the circle in the order."""
    done: set[str] = set()
    tops = []
    for start in rows:
        path: dict[str, None] = {}
        at: str | None = start
        while at is not None and at not in done and at not in path:
            path[at] = None
            at = parents.get(at)
        if at is not None and at in path:
            members = list(path)[list(path).index(at) :]
            top = min(members, key=list(rows).index)
            del parents[top]
            tops.append(top)
        done.update(path)
    return tops


def _show(lines: Lines, heads: list[str], reports: dict[str, list[str]]) -> None:
    """Choose who is drawn, level by level, until the picture is full; the others are counted where they belong."""
    below = _sizes(heads, reports)
    lines.heads, hidden = heads[:_BOXES], heads[_BOXES:]
    lines.heads_more = sum(1 + below[id_] for id_ in hidden)
    boxes = len(lines.heads)
    waiting = deque((id_, 1) for id_ in lines.heads)
    while waiting:
        id_, depth = waiting.popleft()
        mine = reports.get(id_, [])
        room = 0 if depth >= _DEEPEST else min(_REPORTS_SHOWN, _BOXES - boxes)
        # One more costs as much room as the line that would count it.
        shown = mine if len(mine) == room + 1 and room else mine[:room]
        lines.reports[id_] = shown
        lines.more[id_] = sum(1 + below[other] for other in mine[len(shown) :])
        boxes += len(shown)
        waiting.extend((other, depth + 1) for other in shown)


def _sizes(heads: list[str], reports: dict[str, list[str]]) -> dict[str, int]:
    """How many people stand below each, at any depth."""
    order = list(heads)
    for id_ in order:
        order.extend(reports.get(id_, []))
    below: dict[str, int] = {}
    for id_ in reversed(order):
        below[id_] = sum(1 + below[other] for other in reports.get(id_, []))
    return below
