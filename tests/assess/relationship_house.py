"""Small portals for the tests of relationships and objectives: rows of records in, the assessed world out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl

from crmsync.assess import run as assessment
from crmsync.assess.base import World
from crmsync.model.fields import FIELDS, ObjectName
from crmsync.model.snapshot import HELD, Coverage, Snapshot
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
LEVELS = {"CEO": "c_suite", "Director": "director", "Manager": "manager"}


def program(section: str = "{}", *, more: str = "", roles: bool = True) -> Program:
    text = f"program: relationships\ncurrency: USD\n{more}"
    text += "roles: {}\n" if roles else ""
    text += f"relationship: {section}\n"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


def classify(titles: pl.Series) -> pl.DataFrame:
    """Titles as three words: nothing here is about reading titles."""
    levels = [LEVELS.get(title, "unknown") for title in titles]
    none = ["unknown"] * len(levels)
    return pl.DataFrame({"title": titles, "seniority": levels, "department": none, "evidence": none})


def day(year: int, month: int, day_: int) -> datetime:
    return datetime(year, month, day_, tzinfo=UTC)


def won(id_: str, closed_at: datetime | None, amount: int | None = 100_00, **more: Any) -> dict[str, Any]:
    """A won deal of account 1; `amount` in minor units."""
    return {"id": id_, "accounts": ["1"], "is_won": True, "closed_at": closed_at, "amount": amount} | more


def assessed(
    rules: Program,
    accounts: list[dict[str, Any]],
    deals: list[dict[str, Any]],
    contacts: list[dict[str, Any]] | None = None,
    *,
    as_of: datetime = AS_OF,
    coverage: dict[ObjectName, Coverage] | None = None,
    lacks: dict[ObjectName, tuple[str, ...]] | None = None,
) -> World:
    rows: dict[ObjectName, list[dict[str, Any]]] = {"company": accounts, "deal": deals, "contact": contacts or []}
    frames = {}
    for object_, records in rows.items():
        schema = {name: field.kind.dtype for name, field in FIELDS[object_].items() if not field.derived}
        schema |= {name: pl.String() for record in records for name in record if name.startswith(HELD)}
        frames[object_] = pl.DataFrame(records, schema=schema).drop((lacks or {}).get(object_, ()))
    snapshot = Snapshot(frames, as_of, coverage or {}, active_owners=frozenset({"7"}))
    return assessment.assess(snapshot, rules, classify=classify)


def decided(world: World, output: str = "relationship") -> dict[str, str | None]:
    return dict(world.accounts.select("id", f"out.{output}").rows())
