"""The people of one account: a table, and their organisation chart. For the user's own eyes: a report of people."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmsync.assess.base import OUT, WHY
from crmsync.model.text import id_order
from crmsync.report.document import Part, Picture, Prose, Sheet, table_csv
from crmsync.report.org_chart import mermaid, people_of_account, svg

_SHOWN = 200
_LEVELS = ("c_suite", "vp", "director", "manager", "senior", "professional", "entry", "unknown")
_DECIDED = {
    "department": "department",
    "seniority": "seniority",
    "stakeholder_role": "role",
    "influence": "influence",
    "interest": "interest",
}


def people_rows(contacts: pl.DataFrame) -> list[dict[str, Any]]:
    """One dict a person: `id name title`, what was decided of them, and `stale` (None where nobody decides it).

    By level, best first, then by id. No e-mail address: a report is handed on.
    """
    missing = [
        pl.lit(None, dtype=pl.String).alias(OUT + name) for name in _DECIDED if OUT + name not in contacts.columns
    ]
    frame = contacts.with_columns(missing)
    stale = pl.col(WHY + "stale") if WHY + "stale" in frame.columns else pl.lit(None, dtype=pl.Boolean)
    full = pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True)
    level = pl.col(OUT + "seniority").cast(pl.String)
    frame = frame.sort(
        [level.replace_strict({name: i for i, name in enumerate(_LEVELS)}, default=len(_LEVELS)), *id_order()],
        nulls_last=True,
    )
    return frame.select(
        pl.col("id").cast(pl.String),
        pl.when(full != "").then(full).alias("name"),
        pl.col("title").cast(pl.String),
        *[pl.col(OUT + name).cast(pl.String).alias(called) for name, called in _DECIDED.items()],
        stale.alias("stale"),
    ).to_dicts()


def people_csv(contacts: pl.DataFrame) -> str:
    """One row a person, in the order of `people_rows`."""
    columns = ("id", "name", "title", *_DECIDED.values(), "stale")
    stale = {True: "yes", False: "no", None: ""}
    rows = [row | {"stale": stale[row["stale"]]} for row in people_rows(contacts)]
    return table_csv(columns, ([row[name] for name in columns] for row in rows))


def people_parts(contacts: pl.DataFrame, account: str, name: str) -> list[Part]:
    """The table of people and their chart; where there are none, that."""
    rows = people_rows(contacts)
    if not rows:
        return [Part("People", (Prose("Nobody is known at this account."),))]
    asked = [key for key in _DECIDED.values() if any(row[key] for row in rows)]
    columns = ("Name", "title", *asked, "")
    body = tuple(
        (
            row["name"] or f"contact {row['id']}",
            row["title"],
            *(_said(row[key]) for key in asked),
            "stale" if row["stale"] else "",
        )
        for row in rows[:_SHOWN]
    )
    more = (Prose(f"and {len(rows) - _SHOWN:,} more; the CSV lists them all."),) if len(rows) > _SHOWN else ()
    people = people_of_account(contacts, account)
    chart = Picture(svg(people, name), mermaid(people, name))
    return [Part("People", (Sheet(columns, body), *more)), Part("Organisation chart", (chart,))]


def _said(value: str | None) -> str:
    """`c_suite;end_user` -> `c suite, end user`: several values, for people."""
    return (value or "").replace("_", " ").replace(";", ", ")
