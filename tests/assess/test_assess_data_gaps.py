"""Data gaps (domain.md C2): what filling a field could change, who fills it, and the ranking over the portal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, World
from crmsync.assess.data_gaps import DATA_GAPS, if_filled, ranking
from crmsync.assess.ranks import rank_of
from crmsync.errors import ConfigError
from crmsync.model.fields import ACCOUNT
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
LAYERS = """
program: gaps
icp: {industry: {in: [MACHINERY]}}
tiers:
  layers:
    tier_4: icp
    tier_3: {revenue: {gte: 1_000_000}}
    tier_2: {employees: {gte: 50}}
    tier_1: {technologies: {has_any: [hubspot]}}
gaps: {sales: [revenue, technologies], forms: [employees, industry]}
"""
WEIGHTED = """
program: points
tiers:
  weighted:
    requires: {industry: {in: [MACHINERY]}}
    criteria:
      - {when: {revenue: {gte: 1_000_000}}, weight: 3}
      - {when: {employees: {gte: 50}}, weight: 2}
    bands: {tier_3: 2, tier_2: 3, tier_1: 5}
gaps: {forms: [employees]}
"""
CHECKLIST = """
program: boxes
tiers: {layers: {tier_1: {industry: {in: [MACHINERY]}}}}
checklist:
  writes_tier: true
  global: {when: {employees: {gte: 50_000}}}
  alignment: {industry: {in: [MACHINERY]}}
  boxes:
    website: {technologies: {has_any: [hubspot]}}
    employee_size: {employees: {between: [50, 1_000]}}
    tenure: off
    pricing: {our_price: 100_000, per: month, huge_funding: 50_000_000}
    prior_spend: off
    annual_report: off
gaps: {}
"""
FULL = {"industry": "MACHINERY", "revenue": 2_000_000_00, "employees": 60, "technologies": ["hubspot"]}


def world(program: str, *accounts: dict[str, Any]) -> World:
    loaded = load_program_text(program, "test", assessment.sections(), outputs=assessment.list_names())
    schema: dict[str, Any] = {
        name: ACCOUNT[name].kind.dtype
        for name in ("id", "industry", "revenue", "employees", "technologies", "price", "customers", "money_raised")
    }
    for account in accounts:
        schema |= {name: pl.String() for name in account if name.startswith(HELD)}
    rows = [{"id": str(place)} | account for place, account in enumerate(accounts, start=1)]
    return assessment.assess(Snapshot({"company": pl.DataFrame(rows, schema=schema)}, AS_OF), loaded)


def without(*fields: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in FULL.items() if name not in fields} | more


def rows(of: World) -> list[tuple[Any, ...]]:
    return if_filled(of).rows()


def test_filling_one_field_climbs_to_the_next_gap_and_all_together_to_the_potential() -> None:
    # tier_4 (rank 1) for sure; revenue alone gives tier_3 (2), as employees are missing still; employees alone nothing.
    assert rows(world(LAYERS, without("revenue", "employees"))) == [
        ("1", "employees", 1, 1, 4),
        ("1", "revenue", 1, 2, 4),
    ]


def test_a_layer_that_is_false_ends_the_climb_for_every_gap() -> None:
    found = world(LAYERS, without("revenue", "technologies", employees=10))
    assert found.accounts[OUT + "data_gaps"].to_list() == ["revenue"]
    assert rows(found) == [("1", "revenue", 1, 2, 2)]


def test_what_is_held_counts_as_the_tier_it_has() -> None:
    # Held tier_2 while revenue is unknown: filling revenue alone gives all four layers, tier_1.
    assert rows(world(LAYERS, without("revenue", **{HELD + "tier": "tier_2"}))) == [("1", "revenue", 3, 4, 4)]


def test_a_pinned_account_has_no_gaps() -> None:
    assert rows(world(LAYERS, without("revenue", **{HELD + "tier_override": "tier_4"}))) == []


def test_points_are_counted_with_the_field_filled() -> None:
    # Both criteria unknown: 0 points and no tier; employees alone 2 points, tier_3; revenue alone 3, tier_2; 5 tier_1.
    assert rows(world(WEIGHTED, without("revenue", "employees"))) == [
        ("1", "employees", 0, 1, 3),
        ("1", "revenue", 0, 2, 3),
    ]


def test_favourable_is_false_under_a_not_and_one_of_two_gaps_in_all_decides_nothing() -> None:
    program = """
program: nested
tiers: {layers: {tier_2: {not: {any: [{industry: {eq: RETAIL}}, {employees: {gte: 50}}]}}}}
gaps: {}
"""
    # not (unknown or unknown): either field alone leaves the other unknown.
    both = [("1", "industry", 0, 0, 1), ("1", "employees", 0, 0, 1)]
    assert rows(world(program, without("industry", "employees"))) == both
    # not (unknown or false): the industry alone makes it true.
    assert rows(world(program, without("industry", employees=10))) == [("1", "industry", 0, 1, 1)]


def test_boxes_are_ticked_with_the_field_filled() -> None:
    # Ranks: none, tier_4, 3, 2, 1, global. Website and size ticked, pricing open: 2 of 3 is tier_2; the price alone
    # leaves the volume open, for nobody knows how many customers; huge funding ticks the box by itself.
    account = without("revenue")
    assert world(CHECKLIST, account).accounts[OUT + "data_gaps"].to_list() == ["price;customers;money_raised"]
    assert rows(world(CHECKLIST, account)) == [
        ("1", "price", 3, 3, 4),
        ("1", "customers", 3, 3, 4),
        ("1", "money_raised", 3, 4, 4),
    ]
    # 1,042 customers: any price that is high enough will do, and so will enough money.
    assert rows(world(CHECKLIST, account | {"customers": 1_042, "money_raised": 0})) == [("1", "price", 3, 4, 4)]


def test_the_number_of_employees_may_make_it_global() -> None:
    # Nothing ticked but the website: 1 of 3 is tier_4. Many employees are global, a fitting number only tier_2 or 1.
    assert rows(world(CHECKLIST, without("employees", price=1, customers=1, money_raised=0))) == [
        ("1", "employees", 1, 5, 5)
    ]


def test_revenue_may_make_it_one_of_the_largest_and_cannot_where_it_is_known() -> None:
    program = CHECKLIST.replace("{when: {employees: {gte: 50_000}}}", "{largest: 1}")
    known = FULL | {"price": 1, "customers": 1, "money_raised": 0}
    found = world(program, known, known | {"revenue": None})
    # The first could be the largest if the second turns out smaller, yet no field of its own decides that.
    assert rows(found) == [("2", "revenue", 3, 5, 5)]


def test_the_layers_beside_a_checklist_that_writes_the_tier_have_no_gaps_of_their_own() -> None:
    found = world(CHECKLIST, without("industry", price=1, customers=1, money_raised=0))
    # 2 of 3 boxes: the alignment is asked for tier_1 alone, and pricing is not ticked.
    assert rows(found) == []


def test_fields_are_ranked_by_accounts_times_tiers_gained_then_by_name() -> None:
    found = world(
        LAYERS,
        without("revenue"),  # tier_4; revenue: +3
        without("revenue", "employees"),  # tier_4; revenue: +1, employees: +0, together +3
        without("technologies"),  # tier_2; technologies: +1
        without("industry"),  # no tier; industry: +4
        FULL,
    )
    assert ranking(if_filled(found)).rows() == [
        ("industry", 1, 4, 4),
        ("revenue", 2, 4, 6),
        ("technologies", 1, 1, 1),
        ("employees", 1, 0, 3),
    ]


def test_who_fills_what_in_the_order_sales_then_forms() -> None:
    found = world(LAYERS, without("employees", "revenue"), without("industry"), without("technologies"), FULL)
    assert found.accounts[OUT + "gap_route"].to_list() == ["sales;forms", "forms", "sales", None]
    # Without a list of its own, sales fills everything.
    found = world(WEIGHTED, without("employees"), without("revenue"))
    assert found.accounts[OUT + "gap_route"].to_list() == ["sales;forms", "sales"]


def test_a_field_that_neither_list_names_has_no_route() -> None:
    program = LAYERS.replace("sales: [revenue, technologies]", "sales: [revenue]")
    found = world(program, without("technologies"))
    assert found.accounts[OUT + "gap_route"].to_list() == [None]
    explained = DATA_GAPS.explain(found, found.accounts)
    assert explained is not None
    assert [(line.label, line.subject) for line in explained.lines] == [("technologies", "")]


def test_lists_are_kept_for_sales_and_for_progressive_profiling() -> None:
    program = load_program_text(
        LAYERS + "lists: [gap_route]", "test", assessment.sections(), outputs=assessment.list_names()
    )
    (output,) = [one for one in assessment.outputs(program) if one.name == "gap_route"]
    assert [one.name for one in output.lists()] == ["ABM: Gaps for sales", "ABM: Gaps for progressive profiling"]


def test_the_explanation_says_what_each_field_could_change() -> None:
    found = world(LAYERS, without("revenue", "employees"))
    explained = DATA_GAPS.explain(found, found.accounts)
    assert explained is not None
    assert explained.headline == "Data gaps: employees, revenue"
    assert [(line.label, line.subject, line.text) for line in explained.lines] == [
        ("revenue", "sales", "filling it alone could make it tier_3"),
        ("employees", "forms", "filling it alone leaves it at tier_4"),
    ]
    assert explained.remarks == ("Filling employees and revenue together could make it tier_1.",)


def test_nothing_is_said_of_an_account_without_gaps() -> None:
    found = world(LAYERS, FULL)
    assert DATA_GAPS.explain(found, found.accounts) is None


def test_an_empty_portal_has_no_gaps() -> None:
    found = world(LAYERS)
    assert found.accounts[OUT + "gap_route"].to_list() == []
    assert ranking(if_filled(found)).is_empty()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("gaps: {sales: [revenu]}", "revenu is not a field of an account. Did you mean revenue?"),
        ("gaps: {forms: [purchases]}", "purchases is worked out from other records; nobody can fill it"),
        ("gaps: {forms: [employees, employees]}", "employees is named twice"),
    ],
)
def test_a_field_that_nobody_can_fill_is_a_fault(section: str, message: str) -> None:
    text = LAYERS.rpartition("gaps:")[0] + section
    with pytest.raises(ConfigError) as caught:
        load_program_text(text, "test", assessment.sections())
    assert [fault.message for fault in caught.value.faults] == [caught.value.faults[0].message]
    assert caught.value.faults[0].message.endswith(message)


@pytest.mark.parametrize("beside", ["", "checklist: {boxes: {pricing: off}}"])
def test_gaps_without_a_tier_are_a_fault(beside: str) -> None:
    with pytest.raises(ConfigError, match="a gap is what holds back a tier"):
        load_program_text(f"program: none\ngaps: {{}}\n{beside}\n", "test", assessment.sections())


_facts = st.fixed_dictionaries(
    {
        "industry": st.sampled_from([None, "MACHINERY", "RETAIL"]),
        "revenue": st.sampled_from([None, 1, 2_000_000_00]),
        "employees": st.sampled_from([None, 10, 60]),
        "technologies": st.sampled_from([None, ["hubspot"], ["slack"]]),
        "price": st.sampled_from([None, 0, 800]),
        "customers": st.sampled_from([None, 0, 1_041, 1_042]),
        "money_raised": st.sampled_from([None, 0, 60_000_000_00]),
        HELD + "tier": st.sampled_from([None, "none", "tier_4", "tier_2", "tier_1"]),
    }
)
_BEST = {"industry": "MACHINERY", "revenue": 2_000_000_00, "employees": 60, "technologies": ["hubspot"]}
_BEST |= {"price": 10**12, "customers": 10**9, "money_raised": 10**12}


@settings(deadline=None)
@given(
    st.lists(_facts, min_size=1, max_size=6),
    st.sampled_from(
        [LAYERS, WEIGHTED, CHECKLIST.replace("  global: {when: {employees: {gte: 50_000}}}", "  global: none")]
    ),
)
def test_a_what_if_is_the_tier_of_the_account_with_the_field_filled(facts: list[dict[str, Any]], program: str) -> None:
    """Law: `alone` is what the rules decide once the field holds the best value, and lies between now and together."""
    found = world(program, *facts)
    names = next(one.ranked for one in assessment.outputs(found.program) if one.name == "tier")
    for id_, field, now, alone, together in rows(found):
        account = facts[int(id_) - 1]
        assert account[field] is None
        after = world(program, account | {field: _BEST[field]})
        assert after.accounts.select(rank_of(pl.col(OUT + "tier"), names)).item() == alone
        assert now <= alone <= together
