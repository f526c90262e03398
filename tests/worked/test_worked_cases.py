"""The worked cases of domain.md: expected values by hand in `cases.yaml`, explanations as golden files to be read.

`CRMSYNC_UPDATE_GOLDEN=1` writes the golden files anew; read them before they are committed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, World
from crmsync.model.fields import FIELDS, Kind
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary
from crmsync.program.loader import load_program_text

HERE = Path(__file__).parent
CASES: dict[str, Any] = YAML(typ="safe").load((HERE / "cases.yaml").read_text())
USERS = "    roles: {vocabulary: titles, users: [operations]}\n".strip()


def _cases() -> Iterator[Any]:
    for system, group in CASES.items():
        for case in group["cases"]:
            yield pytest.param(system, group["program"], case, id=f"{system}: {case['name']}")


def _classify(titles: pl.Series) -> pl.DataFrame:
    vocabulary = TitleVocabulary.load(mappings_dir() / "titles")
    return vocabulary.classify_unique(titles).with_columns(pl.col("evidence").list.join(", "))


def _world(system: str, text: str, case: dict[str, Any]) -> tuple[World, pl.DataFrame]:
    if case.get("users"):
        text = text.replace("roles: {vocabulary: titles}", USERS)
    program = load_program_text(text, system, assessment.sections(), outputs=assessment.list_names())
    object_ = "contact" if system == "B1" else "company"
    fields = FIELDS[object_]
    facts = {
        name: round(value * 100) if fields[name].kind is Kind.MONEY else value for name, value in case["facts"].items()
    }
    held = {HELD + name: str(value) for name, value in case.get("held", {}).items()}
    schema = {name: field.kind.dtype for name, field in fields.items()} | dict.fromkeys(held, pl.String())
    frame = pl.DataFrame([{"id": "1"} | facts | held], schema=schema)
    other = "company" if object_ == "contact" else "contact"
    empty = pl.DataFrame(schema={name: field.kind.dtype for name, field in FIELDS[other].items()})
    day = case.get("as_of")
    as_of = datetime(day.year, day.month, day.day, tzinfo=UTC) if day else datetime(2026, 11, 1, tzinfo=UTC)
    world = assessment.assess(Snapshot({object_: frame, other: empty}, as_of), program, classify=_classify)
    return world, world.frames[object_]


@pytest.mark.parametrize(("system", "text", "case"), list(_cases()))
def test_the_outputs_are_those_worked_by_hand(system: str, text: str, case: dict[str, Any]) -> None:
    _, record = _world(system, text, case)
    row = record.row(0, named=True)
    assert {name: row[OUT + name] for name in case["expect"]} == case["expect"]


def _told(system: str, group: dict[str, Any]) -> str:
    lines = [f"{system}", "", *(f"    {line}" for line in group["program"].strip().splitlines()), ""]
    for case in group["cases"]:
        world, record = _world(system, group["program"], case)
        lines.append(f"{case['name']}")
        lines += [f"    fact  {name}: {value}" for name, value in case["facts"].items()] or [
            "    fact  nothing is known"
        ]
        lines += [f"    held  {name}: {value}" for name, value in case.get("held", {}).items()]
        for part in assessment.active(world.program):
            told = part.explain(world, record)
            if told is None:
                continue
            lines.append(f"  -> {told.headline}")
            lines += [
                f"       {line.answer:<8}{line.label:<12}{line.subject:<14}{line.text}".rstrip() for line in told.lines
            ]
            lines += [f"       {remark}" for remark in told.remarks]
        lines.append("")
    return "\n".join(lines)


@pytest.mark.parametrize("system", list(CASES))
def test_the_explanation_reads_as_the_golden_file(system: str) -> None:
    path = HERE / "golden" / f"{system.replace(' ', '_')}.txt"
    text = _told(system, CASES[system])
    if os.environ.get("CRMSYNC_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
