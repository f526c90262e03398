"""Grace periods of target accounts (domain.md C1): each criterion has its own, and none is shortened by another."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from crmsync.assess import run as assessment
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
PROGRAM = load_program_text(
    """\
program: grace
currency: USD
tiers:
  layers:
    tier_3: {country: {eq: US}}
    tier_2: {employees: {gte: 100}}
targets:
  from: [tier_2]
  leaves_when:
    - {no_engagement_days: 180, for_days: 60}
    - {below_tier: tier_2, for_days: 30}
    - {disqualified: {type: {eq: VENDOR}}, for_days: 30}
""",
    "grace",
    assessment.sections(),
    outputs=assessment.list_names(),
)
SEATED = {"target_status": "active", "target_since": "2025-01-01T00:00:00Z"}
QUIET = "no engagement for 180 days"


def _decided(facts: dict[str, object], held: dict[str, str], as_of: datetime = AS_OF) -> dict[str, str | None]:
    held = {HELD + name: value for name, value in (SEATED | held).items()}
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items()} | dict.fromkeys(held, pl.String())
    row = {"id": "1", "country": "US", "last_engaged_at": datetime(2026, 10, 30, tzinfo=UTC)} | facts | held
    world = assessment.assess(Snapshot({"company": pl.DataFrame([row], schema=schema)}, as_of), PROGRAM)
    decided = world.accounts.row(0, named=True)
    return {name: decided["out.target_" + name] for name in ("status", "reason", "at_risk_since")}


def test_the_grace_of_a_disqualification_starts_when_it_is_first_seen_not_when_the_tier_last_changed() -> None:
    decided = _decided(
        {"employees": 500, "type": "VENDOR"}, {"tier": "tier_2", "tier_changed_at": "2025-01-01T00:00:00Z"}
    )
    assert decided == {
        "status": "at_risk",
        "reason": "disqualified for 30 days",
        "at_risk_since": "2026-11-01T00:00:00Z",
    }


@pytest.mark.parametrize(("day", "status"), [(1, "at_risk"), (2, "removed")])
def test_a_disqualification_stamped_31_days_before_ends_the_seat(day: int, status: str) -> None:
    held = {
        "tier": "tier_2",
        "tier_changed_at": "2025-01-01T00:00:00Z",
        "target_status": "at_risk",
        "target_reason": "disqualified for 30 days",
        "target_at_risk_since": "2026-10-02T00:00:00Z",
    }
    as_of = datetime(2026, 11, day, tzinfo=UTC)
    assert _decided({"employees": 500, "type": "VENDOR"}, held, as_of)["status"] == status


def test_who_was_at_risk_for_silence_has_the_whole_grace_left_when_the_tier_falls() -> None:
    # Last heard on 2026-04-20, so quiet for 195 days and at risk since 2026-09-20; below tier_2 only from today on.
    held = {
        "tier": "tier_2",
        "tier_changed_at": "2025-01-01T00:00:00Z",
        "target_status": "at_risk",
        "target_reason": QUIET,
        "target_at_risk_since": "2026-09-20T00:00:00Z",
    }
    quiet = {"employees": 50, "last_engaged_at": datetime(2026, 4, 20, tzinfo=UTC)}
    assert _decided(quiet, held)["status"] == "at_risk"
    # The next day the tier change of the day before stands in the CRM.
    fallen = held | {"tier": "tier_3", "tier_changed_at": "2026-11-01T00:00:00Z"}
    assert _decided(quiet, fallen, datetime(2026, 11, 2, tzinfo=UTC))["status"] == "at_risk"
    assert _decided(quiet, fallen, datetime(2026, 12, 2, tzinfo=UTC))["status"] == "removed"


def test_at_risk_for_silence_is_dated_from_when_it_is_seen() -> None:
    quiet = {"employees": 500, "last_engaged_at": datetime(2026, 4, 20, tzinfo=UTC)}
    decided = _decided(quiet, {"tier": "tier_2", "tier_changed_at": "2025-01-01T00:00:00Z"})
    assert decided == {"status": "at_risk", "reason": QUIET, "at_risk_since": "2026-11-01T00:00:00Z"}
