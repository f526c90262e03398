"""Weighted tiers (domain.md A2): a gap is a field that holds the tier back, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from crmsync.assess import run as assessment
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import load_program_text

PROGRAM = load_program_text(
    """\
program: weighted
currency: USD
tiers:
  weighted:
    criteria:
      - {when: {employees: {gte: 100}}, weight: 60}
      - {when: {country: {in: [US]}}, weight: 30}
      - {when: {technologies: {has_any: [hubspot]}}, weight: 10}
    bands: {tier_2: 60, tier_1: 90}
""",
    "weighted",
    assessment.sections(),
    outputs=assessment.list_names(),
)


def _decided(**facts: object) -> tuple[str, str, str | None]:
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items()} | {HELD + "tier": pl.String()}
    frame = pl.DataFrame([{"id": "1"} | facts], schema=schema)
    world = assessment.assess(Snapshot({"company": frame}, datetime(2026, 11, 1, tzinfo=UTC)), PROGRAM)
    row = world.accounts.row(0, named=True)
    return row["out.tier"], row["out.potential_tier"], row["out.data_gaps"]


def test_a_missing_field_that_cannot_change_the_tier_is_no_gap() -> None:
    assert _decided(employees=200, country="US") == ("tier_1", "tier_1", None)
    assert _decided(employees=200, country="FR") == ("tier_2", "tier_2", None)


def test_a_missing_field_that_holds_the_tier_back_is_a_gap() -> None:
    assert _decided(employees=200, technologies=["x"]) == ("tier_2", "tier_1", "country")
