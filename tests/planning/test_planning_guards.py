"""Guards (contract.md, guards): counts of values that stood, a floor beside each share, small portals as well."""

from __future__ import annotations

import polars as pl
import pytest

from crmsync.model.limits import Limit
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.plan import CHANGE_SCHEMA
from crmsync.model.snapshot import Coverage
from crmsync.planning.guard import GuardLimits, read_guards
from crmsync.planning.lists import list_moves
from crmsync.planning.standing import Standing

TIERS = ("none", "tier_2", "tier_1")
TIER = Output(
    "tier",
    object="company",
    kind=OutputKind.ENUM,
    label="Tier",
    options=tuple(Option(t, t) for t in TIERS),
    ranked=TIERS,
    list_name="ABM: {label}",
    list_skips=("none",),
)
STATUS = Output("target_status", object="company", kind=OutputKind.ENUM, label="Status")
LIMITS = GuardLimits(
    max_tier_moves=Limit(share=10),
    max_demotions=Limit(share=5),
    max_targets_removed=Limit(count=1),
    max_list_exits=Limit(share=20),
    max_blanked=Limit(share=5),
    min_snapshot=98,
    floor=3,
)


def _breaches(
    held: list[str | None],
    moves: list[tuple[str | None, str | None]],
    *,
    property_: str = "abm_tier",
    coverage: Coverage | None = None,
) -> set[str]:
    output = STATUS if property_ == "abm_target_status" else TIER
    column = f"held.{output.name}"
    frame = pl.DataFrame({"id": [str(i) for i in range(len(held))], column: held}, schema_overrides={column: pl.String})
    rows = [
        (i, "company", str(i), property_, before, after, "tiers", "", False) for i, (before, after) in enumerate(moves)
    ]
    changes = pl.DataFrame(rows, schema=CHANGE_SCHEMA, orient="row")
    seen = {"company": coverage or Coverage(len(held), len(held), len(held))}
    lists = list_moves(changes, Standing.of({"company": frame}, [output]), [output], prefix="abm_")
    readings = read_guards(
        changes, Standing.of({"company": frame}, [output]), [output], seen, LIMITS, prefix="abm_", moves=lists
    )
    return {reading.name for reading in readings if reading.breached}


def test_filling_an_empty_value_is_no_move() -> None:
    assert _breaches([None] * 100, [(None, "tier_1")] * 100) == set()


def test_ten_of_a_hundred_is_within_ten_per_cent_and_eleven_is_not() -> None:
    assert _breaches(["tier_2"] * 100, [("tier_2", "tier_1")] * 10) == set()
    assert _breaches(["tier_2"] * 100, [("tier_2", "tier_1")] * 11) == {"max_tier_moves"}


def test_a_share_is_of_the_records_that_had_a_value() -> None:
    assert "max_tier_moves" in _breaches(["tier_2"] * 40 + [None] * 960, [("tier_2", "tier_1")] * 5)


def test_demotions_have_a_limit_of_their_own() -> None:
    assert _breaches(["tier_1"] * 100, [("tier_1", "tier_2")] * 5) == set()
    assert "max_demotions" in _breaches(["tier_1"] * 100, [("tier_1", "tier_2")] * 6)


def test_a_small_portal_is_guarded_above_the_floor() -> None:
    assert _breaches(["tier_1"] * 5, [("tier_1", "none")] * 3) == set()
    assert {"max_tier_moves", "max_demotions"} <= _breaches(["tier_1"] * 5, [("tier_1", "none")] * 4)


def test_targets_removed_are_counted_in_absolute_numbers() -> None:
    held: list[str | None] = ["active"] * 100
    assert _breaches(held, [("active", "removed")], property_="abm_target_status") == set()
    assert "max_targets_removed" in _breaches(held, [("active", "removed")] * 2, property_="abm_target_status")
    assert _breaches(held, [("active", "at_risk")] * 9, property_="abm_target_status") == set()


def test_blanked_values_are_counted() -> None:
    assert "max_blanked" in _breaches(["tier_1"] * 50, [("tier_1", None)] * 4)


@pytest.mark.parametrize(
    ("coverage", "breached"),
    [
        (Coverage(1000, 1000, 1000), False),
        (Coverage(999, 1000, 1000), True),  # one missing is incomplete, whatever its share
        (Coverage(980, 980, 1000), False),  # 98 %
        (Coverage(979, 979, 1000), True),
        (Coverage(45, 45, 46), False),  # one of a small portal: the floor
        (Coverage(41, 41, 46), True),
    ],
)
def test_an_incomplete_or_shrunken_snapshot_breaches(coverage: Coverage, breached: bool) -> None:
    assert ("min_snapshot" in _breaches(["tier_1"], [], coverage=coverage)) is breached
