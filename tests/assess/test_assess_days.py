"""Times that a section states: as long as a condition may state, so that no date lies before all calendars."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from crmsync.assess import run as assessment
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS, ObjectName
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
TIERS = "tiers: {layers: {tier_1: {employees: {gte: 1}}}}\n"
SECTIONS = [
    "names: {stale_days: DAYS}",
    "relationship: {engaged_days: DAYS}\nroles: {}",
    "roles: {interest: {engaged_days: [30, DAYS]}}",
    TIERS + "targets: {from: [tier_1], cool_down_days: DAYS}",
    TIERS + "targets: {from: [tier_1], leaves_when: [{no_engagement_days: DAYS, for_days: DAYS}]}",
]


def _program(section: str, days: int) -> Program:
    text = f"program: days\ncurrency: USD\n{section.replace('DAYS', str(days))}\n"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


def _frame(object_: ObjectName, row: dict[str, Any]) -> pl.DataFrame:
    schema = {name: field.kind.dtype for name, field in FIELDS[object_].items()}
    return pl.DataFrame([row], schema=schema | {name: pl.String() for name in row if name.startswith(HELD)})


@pytest.mark.parametrize("section", SECTIONS)
def test_the_longest_time_is_decided_on(section: str) -> None:
    held = {HELD + "target_status": "removed", HELD + "target_removed_at": "2026-10-01T00:00:00Z"}
    company = {"id": "1", "employees": 3, "last_engaged_at": AS_OF} | held
    contact = {"id": "1", "account": "1", "title": "CEO", "last_contacted_at": AS_OF}
    frames: dict[ObjectName, pl.DataFrame] = {
        "company": _frame("company", company),
        "contact": _frame("contact", contact),
        "deal": _frame("deal", {"id": "1"}),
    }
    world = assessment.assess(Snapshot(frames, AS_OF), _program(section, 100_000))
    assert world.accounts.height == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_a_longer_time_is_a_fault_of_the_program(section: str) -> None:
    with pytest.raises(ConfigError, match="100000"):
        _program(section, 100_001)
