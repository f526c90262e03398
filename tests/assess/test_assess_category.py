"""ABC category (domain.md A4): laws of the split, its exactness, and what a wrong section is told."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, World
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Coverage, Snapshot
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
WORTH = {"c": 0, "b": 1, "a": 2}


def _program(section: str, more: str = "") -> Program:
    text = f"program: p\ncurrency: USD\n{more}category: {section}\n"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


PARETO = _program("{}")
BOTH = pytest.mark.parametrize(
    "program", [PARETO, _program("{thresholds: {a: 500, b: 100}}")], ids=["pareto", "thresholds"]
)


def _decided(
    accounts: list[dict[str, Any]], program: Program, *, owners: frozenset[str] | None = None, whole: bool = True
) -> World:
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items() if not field.derived}
    schema |= {HELD + "category": pl.String(), HELD + "category_override": pl.String()}
    frame = pl.DataFrame([{"id": str(n + 1)} | row for n, row in enumerate(accounts)], schema=schema)
    coverage = {} if whole else {"company": Coverage(len(accounts), len(accounts) + 1)}
    return assessment.assess(Snapshot({"company": frame}, AS_OF, coverage, active_owners=owners), program)


def _categories(accounts: list[dict[str, Any]], program: Program = PARETO, **how: Any) -> list[str | None]:
    return _decided(accounts, program, **how).accounts[OUT + "category"].to_list()


AMOUNTS = st.integers(0, 100_000)
KNOWN = st.lists(AMOUNTS, min_size=1, max_size=20)
ACCOUNTS = st.lists(
    st.fixed_dictionaries(
        {
            "revenue": st.one_of(st.none(), st.integers(-1000, 100_000)),
            HELD + "category": st.sampled_from([None, "a", "b", "c", "z"]),
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None, max_examples=30)
@given(KNOWN)
def test_every_known_account_has_one_category_and_each_cut_is_where_its_share_is_full(amounts: list[int]) -> None:
    found = _categories([{"revenue": amount} for amount in amounts])
    assert None not in found
    total = sum(amounts)
    parts = {name: [amount for amount, one in zip(amounts, found, strict=True) if one == name] for name in "abc"}
    assert sum(sum(part) for part in parts.values()) == total
    for names, limit in (("a", 80), ("ab", 95)):
        inside = [amount for name in names for amount in parts[name]]
        if inside:
            # Before the last of them less than the limit stands; with it the limit is full, or there is nobody else.
            assert (sum(inside) - min(inside)) * 100 < limit * total
        if len(inside) < len(amounts):
            assert sum(inside) * 100 >= limit * total


@BOTH
@settings(deadline=None, max_examples=30)
@given(amounts=KNOWN)
def test_no_account_with_a_larger_potential_has_a_worse_category(program: Program, amounts: list[int]) -> None:
    found = _categories([{"revenue": amount} for amount in amounts], program)
    pairs = sorted(zip(amounts, (WORTH[str(one)] for one in found), strict=True))
    for (less, worse), (more, better) in pairwise(pairs):
        assert less == more or worse <= better


@BOTH
@settings(deadline=None, max_examples=30)
@given(accounts=ACCOUNTS, data=st.data())
def test_the_order_of_the_records_changes_nothing(
    program: Program, accounts: list[dict[str, Any]], data: st.DataObject
) -> None:
    frame = _decided(accounts, program).accounts.select("id", "^out\\..*$")
    order = data.draw(st.permutations(range(len(accounts))))
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items() if not field.derived}
    rows = [{"id": str(n + 1)} | accounts[n] for n in order]
    shuffled = pl.DataFrame(rows, schema=schema | {HELD + "category": pl.String()})
    again = assessment.assess(Snapshot({"company": shuffled}, AS_OF), program).accounts.select("id", "^out\\..*$")
    assert again.sort("id").equals(frame.sort("id"))


@BOTH
@settings(deadline=None, max_examples=30)
@given(accounts=ACCOUNTS)
def test_an_unknown_potential_keeps_what_is_held_and_earns_nothing(
    program: Program, accounts: list[dict[str, Any]]
) -> None:
    for account, found in zip(accounts, _categories(accounts, program), strict=True):
        if account["revenue"] is None:
            held = account[HELD + "category"]
            assert found == (held if held in WORTH else None)


def test_equal_potentials_are_cut_by_id_in_the_order_of_numbers() -> None:
    # 10 accounts of 10 each: 0 to 70 % before the first eight, 80 and 90 % before the others. Id 10 comes last.
    assert _categories([{"revenue": 10}] * 10) == ["a"] * 8 + ["b"] * 2
    backwards = [{"id": str(n), "revenue": 10} for n in range(10, 0, -1)]
    assert _categories(backwards) == ["b"] * 2 + ["a"] * 8


def test_a_share_of_exactly_the_cut_is_beyond_it() -> None:
    # Before them stand 0, 80 and 95 %.
    assert _categories([{"revenue": 80}, {"revenue": 15}, {"revenue": 5}]) == ["a", "b", "c"]
    # 0, 79 and 94 %.
    assert _categories([{"revenue": 79}, {"revenue": 15}, {"revenue": 6}]) == ["a", "a", "b"]


def test_amounts_that_are_more_than_64_bits_together_are_split_exactly() -> None:
    huge = 2**62
    # Five equal ones: 0, 20, 40, 60 and 80 % before them.
    assert _categories([{"revenue": huge}] * 5) == ["a", "a", "a", "a", "b"]
    # One cent less than half of the total before the second.
    assert _categories([{"revenue": huge - 1}, {"revenue": huge}], _program("{pareto: {a: 50, b: 99}}")) == ["b", "a"]


def test_a_negative_potential_counts_as_none() -> None:
    assert _categories([{"revenue": -100}, {"revenue": 80}, {"revenue": 20}]) == ["c", "a", "b"]


def test_a_partial_read_makes_no_split_but_thresholds_and_importance_still_decide() -> None:
    accounts = [{"revenue": 90, HELD + "category": "c"}, {"revenue": 10}, {"revenue": 5, "referenceable": True}]
    important = _program("{strategically_important: {referenceable: {eq: true}}}")
    known = [account | {"referenceable": account.get("referenceable", False)} for account in accounts]
    assert _categories(known, important, whole=False) == ["c", None, "a"]
    assert _categories(known, important) == ["a", "b", "a"]
    world = _decided(accounts, PARETO, whole=False)
    assert world.accounts[OUT + "category_reason"].to_list() == [
        "held: not every account was read",
        "not every account was read",
        "not every account was read",
    ]
    assert any("the Pareto split is not made anew" in note for note in world.notes)
    thresholds = _program("{thresholds: {a: 0.50, b: 0.10}}")
    assert _categories(accounts, thresholds, whole=False) == ["a", "b", "c"]


def test_a_field_that_is_worked_out_from_deals_may_be_the_potential() -> None:
    program = _program("{by: spend, thresholds: {a: 100, b: 10}}")
    assert assessment.reads(program)["deal"] >= {"accounts", "amount", "is_won"}
    accounts = pl.DataFrame({"id": ["1", "2"], "owner": [None, None]}, schema=dict.fromkeys(["id", "owner"], pl.String))
    deal = {"id": "9", "accounts": ["2"], "amount": 10_000, "is_won": True, "is_closed": True, "closed_at": AS_OF}
    deals = pl.DataFrame([deal], schema={name: field.kind.dtype for name, field in FIELDS["deal"].items()})
    world = assessment.assess(Snapshot({"company": accounts, "deal": deals}, AS_OF), program)
    assert world.accounts[OUT + "category"].to_list() == ["c", "a"]
    assert world.accounts[OUT + "category_reason"].to_list() == ["spend below $10", "spend at least $100"]


def test_a_potential_that_is_known_from_below_earns_what_is_certain_and_no_more() -> None:
    program = _program("{by: group_employees, thresholds: {a: 1_000, b: 100}}")
    accounts = [
        account | {"id": str(number), "parent": None}
        for number, account in enumerate(
            [{"employees": 1_000}, {"employees": 100}, {"employees": 99}, {"employees": 99, HELD + "category": "b"}], 1
        )
    ]
    below = [{"id": str(number + 10), "parent": str(number)} for number in range(1, 5)]
    world = _decided([*accounts, *below], program)
    assert world.accounts[OUT + "category"].to_list()[:4] == ["a", "b", None, "b"]
    assert world.accounts[OUT + "category_reason"].to_list()[:4] == [
        "group employees at least 1,000",
        "group employees at least 100",
        "group employees is unknown",
        "held: group employees is unknown",
    ]
    told = next(system for system in assessment.active(program) if system.key == "category")
    explained = told.explain(world, world.accounts[1])
    assert explained is not None
    assert explained.lines[0].text == "at least 100; A is from 1,000, B from 100"


def test_lists_are_kept_of_each_category_and_of_each_mismatch() -> None:
    program = _program("{}", "lists: [category, management_mismatch]\n")
    lists = [one.name for output in assessment.outputs(program) for one in output.lists()]
    assert lists == ["ABM: Category A", "ABM: Category B", "ABM: Category C", "ABM: Needs owner", "ABM: Owner on C"]


def test_a_pin_that_is_no_category_decides_nothing_and_is_reported() -> None:
    account = {"revenue": 5, HELD + "category_override": "vip"}
    world = _decided([account], _program("{override: true}"))
    assert world.accounts[OUT + "category"].to_list() == ["a"]
    assert world.notes == (
        "company 1: the category override 'vip' decides nothing; choose one of c, b, a, or clear it",
    )
    assert _categories([{"revenue": 0, HELD + "category_override": "a"}]) == ["c"]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{by: industry}", "category.by: industry is no amount or number of an account."),
        ("{by: revenu}", "category.by: revenu is no amount or number of an account. Did you mean revenue?"),
        ("{thresholds: {a: 1, b: 2}}", "the least potential of A, 1, must be above that of B, 2"),
        ("{thresholds: {a: 1.005, b: 1}}", "category.thresholds.a: 1.005 is finer than USD has: 2 decimals"),
        ("{by: employees, thresholds: {a: 1.5, b: 1}}", "1.5 is finer than whole numbers, which this field holds"),
        ("{thresholds: {a: 99999999999999999999, b: 1}}", "category.thresholds.a: 99999999999999999999 is too large"),
        ("{thresholds: {a: 2, b: 1}, pareto: {}}", "expected either thresholds: or pareto:, one of the two"),
        ("{pareto: {a: 95, b: 95}}", "the share of A, 95, must be below that of A and B together, 95"),
        ("{pareto: {a: 0}}", "category.pareto.a"),
        ("{strategically_important: {employes: {gt: 1}}}", "Did you mean employees?"),
        ("{by: revenue, when: 1}", "category.when"),
    ],
)
def test_a_wrong_section_is_told_where_and_what_to_do(section: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _program(section)
    assert said in "\n".join(map(str, caught.value.faults))
