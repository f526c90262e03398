"""The worked cases of domain.md: expected values by hand in `cases*.yaml`, explanations as golden files to be read.

A group is a program and its cases. The record at hand has id 1 and is a company, or a contact where the group says
`object: contact`; `facts` are its canonical fields (money in whole units, moments as ISO text), `held` what the CRM
holds from earlier, `expect` its outputs. What stands around it: `accounts`, `contacts` and `deals` are lists of further
records, each its facts with `held:` and `expect:` of its own; ids count on from 2, 101 and 201, and a contact belongs
to account 1, a deal to record 1, unless they say otherwise. `owners` are the active owners, `lacks` the fields by
object that the portal cannot give ({deal: [product]}); what a case does not say the portal can give, and it is blank.

`CRMSYNC_UPDATE_GOLDEN=1` writes the golden files anew; read them before they are committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, World
from crmsync.model.fields import FIELDS, OBJECTS, Kind, ObjectName
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary
from crmsync.program.loader import load_program_text

HERE = Path(__file__).parent
USERS = "    roles: {vocabulary: titles, users: [operations]}\n".strip()
FURTHER: dict[ObjectName, tuple[str, int]] = {
    "company": ("accounts", 2),
    "contact": ("contacts", 101),
    "deal": ("deals", 201),
}


def _groups() -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for path in sorted(HERE.glob("cases*.yaml")):
        for name, group in YAML(typ="safe").load(path.read_text()).items():
            assert name not in groups, f"{path.name}: the group {name} stands in another file too"
            groups[name] = group
    return groups


CASES = _groups()


def _cases() -> Iterator[Any]:
    for system, group in CASES.items():
        for case in group["cases"]:
            yield pytest.param(system, case, id=f"{system}: {case['name']}")


def _classify(titles: pl.Series) -> pl.DataFrame:
    vocabulary = TitleVocabulary.load(mappings_dir() / "titles")
    return vocabulary.classify_unique(titles).with_columns(pl.col("evidence").list.join(", "))


def _moment(value: str | date) -> datetime:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        value = datetime.combine(value, time())
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _fact(kind: Kind, value: Any) -> Any:
    match kind:
        case Kind.MONEY:
            return round(value * 100)
        case Kind.DATETIME:
            return _moment(value)
        case Kind.ID:
            return str(value)
        case Kind.SET:
            return [str(item) for item in value]
    return value


def _records(object_: ObjectName, main: ObjectName, case: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of one object as rows: canonical fields, `held.<output>`."""
    key, first = FURTHER[object_]
    around: dict[str, Any] = {}
    if object_ == "contact" and main == "company":
        around = {"account": "1"}
    elif object_ == "deal":
        around = {"accounts" if main == "company" else "contacts": ["1"]}
    rows = [{"id": first + place} | around | record for place, record in enumerate(case.get(key, []))]
    if object_ == main:
        rows.insert(0, {"id": "1"} | case["facts"] | {"held": case.get("held", {})})
    return [
        {
            name: _fact(FIELDS[object_][name].kind, value)
            for name, value in row.items()
            if name not in ("held", "expect") and value is not None
        }
        | {HELD + name: str(value) for name, value in row.get("held", {}).items()}
        for row in rows
    ]


def _frame(object_: ObjectName, main: ObjectName, case: dict[str, Any]) -> pl.DataFrame:
    rows = _records(object_, main, case)
    lacking = case.get("lacks", {}).get(object_, [])
    schema = {name: field.kind.dtype for name, field in FIELDS[object_].items() if not field.derived}
    for row in rows:
        for name in row:
            assert name in schema or name.startswith(HELD), f"{case['name']}: {name} is no field of {object_}"
            schema.setdefault(name, pl.String())
    return pl.DataFrame(rows, schema=schema).drop(lacking)


def _world(system: str, case: dict[str, Any]) -> tuple[World, pl.DataFrame]:
    """The world as assessed, and the record at hand."""
    group = CASES[system]
    text = group["program"]
    if case.get("users"):
        text = text.replace("roles: {vocabulary: titles}", USERS)
    program = load_program_text(text, system, assessment.sections(), outputs=assessment.list_names())
    main: ObjectName = group.get("object", "company")
    owners = case.get("owners")
    snapshot = Snapshot(
        {object_: _frame(object_, main, case) for object_ in OBJECTS},
        _moment(case.get("as_of", "2026-11-01")),
        active_owners=None if owners is None else frozenset(map(str, owners)),
    )
    world = assessment.assess(snapshot, program, classify=_classify)
    return world, world.frames[main].filter(pl.col("id") == "1")


@pytest.mark.parametrize(("system", "case"), list(_cases()))
def test_the_outputs_are_those_worked_by_hand(system: str, case: dict[str, Any]) -> None:
    world, record = _world(system, case)
    row = record.row(0, named=True)
    assert {name: row[OUT + name] for name in case["expect"]} == case["expect"]
    for object_, (key, first) in FURTHER.items():
        for place, other in enumerate(case.get(key, [])):
            expected = other.get("expect", {})
            row = world.frames[object_].row(
                by_predicate=pl.col("id") == str(other.get("id", first + place)), named=True
            )
            assert {name: row[OUT + name] for name in expected} == expected, f"{object_} {row['id']}"


def _around(case: dict[str, Any]) -> list[str]:
    """Everything else that a case gives, as the golden file shows it."""
    lines = []
    for key, first in FURTHER.values():
        for place, other in enumerate(case.get(key, [])):
            facts = ", ".join(f"{name}: {value}" for name, value in other.items() if name not in ("expect", "id"))
            lines.append(f"    {key} {other.get('id', first + place)}  {facts}")
    if "owners" in case:
        lines.append(f"    active owners {', '.join(map(str, case['owners']))}")
    lines += [
        f"    the portal cannot give {object_} {', '.join(names)}" for object_, names in case.get("lacks", {}).items()
    ]
    return lines


def _told(system: str, group: dict[str, Any]) -> str:
    lines = [f"{system}", "", *(f"    {line}" for line in group["program"].strip().splitlines()), ""]
    for case in group["cases"]:
        world, record = _world(system, case)
        lines.append(f"{case['name']}")
        lines += [f"    fact  {name}: {value}" for name, value in case["facts"].items()] or [
            "    fact  nothing is known"
        ]
        lines += [f"    held  {name}: {value}" for name, value in case.get("held", {}).items()]
        lines += _around(case)
        for part in assessment.active(world.program):
            told = part.explain(world, record) if part.object == group.get("object", "company") else None
            if told is None:
                continue
            lines.append(f"  -> {told.headline}")
            width = max(12, *(len(line.label) + 1 for line in told.lines), 0)
            lines += [
                f"       {line.answer:<8}{line.label:<{width}}{line.subject:<14}{line.text}".rstrip()
                for line in told.lines
            ]
            lines += [f"       {remark}" for remark in told.remarks]
        lines += [f"  note {note}" for note in world.notes]
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("system", list(CASES))
def test_the_explanation_reads_as_the_golden_file(system: str) -> None:
    path = HERE / "golden" / f"{system.replace(' ', '_')}.txt"
    text = _told(system, CASES[system])
    if os.environ.get("CRMSYNC_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
