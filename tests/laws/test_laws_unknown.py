"""The law of the unknown (domain.md): a value that goes missing promotes nobody and demotes nobody."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
PROGRAM = load_program_text(
    """\
program: laws
currency: USD
exclude: {domain: {in: [rival.example]}}
icp:
  all:
    - industry: {in: [MACHINERY, PLASTICS]}
    - not: {type: {eq: VENDOR}}
tiers:
  layers:
    tier_4: icp
    tier_3: {any: [{revenue: {gte: 5_000_000}}, {employees: {gte: 500}}]}
    tier_2: {country: {not_in: [JP, CN]}}
    tier_1: {technologies: {has_any: [salesforce]}}
targets:
  from: [tier_1, tier_2]
  capacity: {total: 3}
""",
    "laws",
    assessment.sections(),
    outputs=assessment.list_names(),
)
RANKS = ("none", "tier_4", "tier_3", "tier_2", "tier_1")
FACTS: dict[str, st.SearchStrategy[Any]] = {
    "domain": st.sampled_from([None, "rival.example", "friend.example"]),
    "industry": st.sampled_from([None, "MACHINERY", "PLASTICS", "BANKING"]),
    "type": st.sampled_from([None, "VENDOR", "PROSPECT"]),
    "revenue": st.sampled_from([None, 100_000_000, 499_999_999, 500_000_000, 9_000_000_000]),
    "employees": st.sampled_from([None, 10, 499, 500]),
    "country": st.sampled_from([None, "JP", "DE", "US"]),
    "technologies": st.sampled_from([None, ["salesforce"], ["marketo"], ["marketo", "salesforce"]]),
}
ACCOUNTS = st.lists(st.fixed_dictionaries(FACTS), min_size=1, max_size=8)
HELD_NAMES = ("tier", "target_status", "target_since")


def assessed(rows: list[dict[str, Any]], held: list[dict[str, str | None]]) -> list[dict[str, Any]]:
    """`out.*` of each account, with what the CRM holds."""
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items()}
    schema |= dict.fromkeys([HELD + name for name in HELD_NAMES], pl.String())
    records = [
        {"id": str(n + 1), **row, **{HELD + name: value for name, value in kept.items()}}
        for n, (row, kept) in enumerate(zip(rows, held, strict=True))
    ]
    world = assessment.assess(Snapshot({"company": pl.DataFrame(records, schema=schema)}, AS_OF), PROGRAM)
    return [
        {name.removeprefix("out."): value for name, value in row.items() if name.startswith("out.")}
        for row in world.accounts.sort(pl.col("id").cast(pl.Int64)).iter_rows(named=True)
    ]


def kept(decided: list[dict[str, Any]]) -> list[dict[str, str | None]]:
    return [{name: row[name] for name in HELD_NAMES} for row in decided]


@settings(deadline=None)
@given(ACCOUNTS, st.data())
def test_values_that_go_missing_demote_nobody_and_cost_nobody_a_seat(
    accounts: list[dict[str, Any]], data: st.DataObject
) -> None:
    nothing: list[dict[str, str | None]] = [dict.fromkeys(HELD_NAMES) for _ in accounts]
    before = assessed(accounts, nothing)
    lost = [data.draw(st.sets(st.sampled_from(sorted(FACTS)))) for _ in accounts]
    poorer = [
        {name: None if name in gone else value for name, value in account.items()}
        for account, gone in zip(accounts, lost, strict=True)
    ]
    after = assessed(poorer, kept(before))
    for old, new in zip(before, after, strict=True):
        assert RANKS.index(new["tier"]) >= RANKS.index(old["tier"])
        if old["target_status"] == "active":
            assert new["target_status"] in ("active", "at_risk")


@settings(deadline=None)
@given(ACCOUNTS)
def test_what_is_unknown_promotes_nobody(accounts: list[dict[str, Any]]) -> None:
    """With a value missing an account reaches no tier that it could not reach with some value there."""
    nothing: list[dict[str, str | None]] = [dict.fromkeys(HELD_NAMES) for _ in accounts]
    for row in assessed(accounts, nothing):
        assert RANKS.index(row["tier"]) <= RANKS.index(row["potential_tier"])


@settings(deadline=None)
@given(ACCOUNTS)
def test_a_second_assessment_of_the_same_facts_moves_nothing(accounts: list[dict[str, Any]]) -> None:
    nothing: list[dict[str, str | None]] = [dict.fromkeys(HELD_NAMES) for _ in accounts]
    first = assessed(accounts, nothing)
    second = assessed(accounts, kept(first))
    assert [(row["tier"], row["target_status"]) for row in second] == [
        (row["tier"], row["target_status"]) for row in first
    ]
