"""Times that a section states: as long as a condition may state, so that no date lies before all calendars."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from crmsync.assess import run as assessment
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
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


@pytest.mark.parametrize("section", SECTIONS)
def test_the_longest_time_is_decided_on(section: str) -> None:
    rows = {
        "company": {"id": "1", "employees": 3, "last_engaged_at": AS_OF},
        "contact": {"id": "1", "account": "1", "title": "CEO", "last_contacted_at": AS_OF},
    }
    held = {HELD + "target_status": "removed", HELD + "target_removed_at": "2026-10-01T00:00:00Z"}
    rows["company"] |= held
    frames = {
        object_: pl.DataFrame(
            [row], schema={n: f.kind.dtype for n, f in FIELDS[object_].items()} | dict.fromkeys(held, pl.String())
        )
        for object_, row in rows.items()
    }
    world = assessment.assess(Snapshot(frames, AS_OF), _program(section, 100_000))
    assert world.accounts.height == 1


@pytest.mark.parametrize("section", SECTIONS)
def test_a_longer_time_is_a_fault_of_the_program(section: str) -> None:
    with pytest.raises(ConfigError, match="100000"):
        _program(section, 100_001)
