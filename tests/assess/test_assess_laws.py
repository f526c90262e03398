"""Laws of an assessment (domain.md, A2, C1): order and repetition change nothing, seats are kept and never exceeded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
TOTAL, PER_OWNER = 3, 2
SEATED = ("approved", "active", "at_risk")
RANKS = ("none", "tier_3", "tier_2", "tier_1")
LAYERS = """\
  layers:
    tier_3: {country: {in: [US, DE]}}
    tier_2: {any: [{revenue: {gte: 5_000_000}}, {not: {employees: {lt: 100}}}]}
    tier_1: {technologies: {has_any: [hubspot]}}
"""
WEIGHTED = """\
  weighted:
    requires: {country: {in: [US, DE]}}
    criteria:
      - {when: {revenue: {gte: 5_000_000}}, weight: 50}
      - {when: {employees: {gte: 100}}, weight: 30}
      - {when: {technologies: {has_any: [hubspot]}}, weight: 20}
    bands: {tier_3: 20, tier_2: 50, tier_1: 80}
"""
TARGETS = f"""\
targets:
  from: [tier_1, tier_2]
  capacity: {{total: {TOTAL}, per_owner: {PER_OWNER}}}
  leaves_when:
    - {{below_tier: tier_2, for_days: 30}}
    - {{no_engagement_days: 180}}
"""


def _program(tiers: str) -> Program:
    text = f"program: laws\ncurrency: USD\ntiers:\n{tiers}{TARGETS}"
    return load_program_text(text, "laws", assessment.sections(), outputs=assessment.list_names())


PROGRAMS = {"layers": _program(LAYERS), "weighted": _program(WEIGHTED)}
FACTS: dict[str, st.SearchStrategy[Any]] = {
    "country": st.sampled_from([None, "US", "JP"]),
    "revenue": st.sampled_from([None, 100_000_000, 900_000_000]),
    "employees": st.sampled_from([None, 50, 100]),
    "technologies": st.sampled_from([None, ["hubspot"], ["marketo"]]),
}
OTHER: dict[str, st.SearchStrategy[Any]] = {
    "owner": st.sampled_from([None, "7", "8"]),
    "last_engaged_at": st.sampled_from([None, datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)]),
    HELD + "tier": st.sampled_from([None, *RANKS, "a tier of an earlier program"]),
    HELD + "tier_changed_at": st.sampled_from([None, "2026-10-20T00:00:00Z", "2026-01-01T00:00:00Z", "nonsense"]),
    HELD + "target_status": st.sampled_from([None, "candidate", "approved", "active", "at_risk", "removed"]),
    HELD + "target_since": st.sampled_from([None, "2025-01-01T00:00:00Z", "1767225600000"]),
    HELD + "target_removed_at": st.sampled_from([None, "2026-10-01T00:00:00Z", "2027-06-01T00:00:00Z"]),
}
WORDS: dict[str, st.SearchStrategy[Any]] = {
    HELD + "tier_override": st.sampled_from([None, None, "", " Tier_1 ", "tier_9"]),
    HELD + "target_override": st.sampled_from([None, None, "Always", "never", "perhaps"]),
}
ACCOUNTS = st.lists(st.fixed_dictionaries(FACTS | OTHER | WORDS), max_size=10)
UNPINNED = st.lists(st.fixed_dictionaries(FACTS | OTHER), min_size=1, max_size=10)
EITHER = pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS)


def _frame(accounts: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items()}
    schema |= dict.fromkeys([name for name in OTHER | WORDS if name.startswith(HELD)], pl.String())
    return pl.DataFrame([{"id": str(n + 1)} | row for n, row in enumerate(accounts)], schema=schema)


def _decided(frame: pl.DataFrame, program: Program) -> pl.DataFrame:
    world = assessment.assess(Snapshot({"company": frame}, AS_OF), program)
    return world.accounts.select("id", "^out\\..*$", "^why\\..*$")


def _seated(frame: pl.DataFrame, column: str) -> set[str]:
    return set(frame.filter(pl.col(column).is_in(SEATED))["id"])


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=ACCOUNTS, data=st.data())
def test_the_order_of_the_records_changes_nothing(
    program: Program, accounts: list[dict[str, Any]], data: st.DataObject
) -> None:
    frame = _frame(accounts)
    order = data.draw(st.permutations(range(frame.height)))
    shuffled = _decided(frame[list(order)], program)
    assert shuffled.sort("id").equals(_decided(frame, program).sort("id"))


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=ACCOUNTS)
def test_the_same_input_gives_the_same_bytes(program: Program, accounts: list[dict[str, Any]]) -> None:
    frame = _frame(accounts)
    first, second = (_decided(frame, program).write_ndjson() for _ in range(2))
    assert first == second


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=UNPINNED)
def test_what_is_possible_is_never_below_the_tier_and_equals_it_where_all_is_known(
    program: Program, accounts: list[dict[str, Any]]
) -> None:
    for facts, row in zip(accounts, _decided(_frame(accounts), program).iter_rows(named=True), strict=True):
        tier, potential = RANKS.index(row["out.tier"]), RANKS.index(row["out.potential_tier"])
        assert potential >= tier
        if all(facts[name] is not None for name in FACTS):
            assert potential == tier
            assert row["out.data_gaps"] is None


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=UNPINNED, name=st.sampled_from(sorted(FACTS)))
def test_a_value_that_is_lost_raises_nobody_above_what_they_had_and_drops_nobody_below_what_they_hold(
    program: Program, accounts: list[dict[str, Any]], name: str
) -> None:
    """Each account holds what its facts earn; without one of them it holds that still."""
    earned = _decided(_frame([row | {HELD + "tier": None} for row in accounts]), program)["out.tier"]
    poorer = [row | {HELD + "tier": tier, name: None} for row, tier in zip(accounts, earned, strict=True)]
    assert _decided(_frame(poorer), program)["out.tier"].to_list() == earned.to_list()


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=ACCOUNTS)
def test_seats_are_given_only_while_total_and_owner_have_one_free(
    program: Program, accounts: list[dict[str, Any]]
) -> None:
    decided = _decided(_frame(accounts), program)
    taken = decided.filter(pl.col("why.seat").is_not_null())
    assert set(taken["id"]) == _seated(decided, "out.target_status")
    if taken.filter(pl.col("why.seat") == "new").is_empty():
        return
    assert taken.height <= TOTAL
    for (_owner,), group in taken.group_by("why.owner"):
        if "new" in group["why.seat"]:
            assert group.height <= PER_OWNER


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=UNPINNED, newcomers=st.lists(st.fixed_dictionaries(FACTS), min_size=1, max_size=5))
def test_a_newcomer_displaces_nobody(
    program: Program, accounts: list[dict[str, Any]], newcomers: list[dict[str, Any]]
) -> None:
    frame = _frame(accounts)
    had = _seated(frame, HELD + "target_status")
    stayed = _seated(_decided(frame, program), "out.target_status") & had
    crowd = _decided(_frame(accounts + newcomers), program)
    assert _seated(crowd, "out.target_status") & had == stayed


@EITHER
@settings(deadline=None, max_examples=50)
@given(accounts=ACCOUNTS)
def test_never_takes_no_seat_and_always_takes_one(program: Program, accounts: list[dict[str, Any]]) -> None:
    seated = _seated(_decided(_frame(accounts), program), "out.target_status")
    for number, account in enumerate(accounts, 1):
        if account[HELD + "target_override"] == "never":
            assert str(number) not in seated
        if account[HELD + "target_override"] == "Always":
            assert str(number) in seated
