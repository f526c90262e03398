"""Groups of companies (domain.md A6) against a plain walk, and the parents that people get wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, World
from crmsync.assess.forest import members, read_forest, roots, totals
from crmsync.assess.group_fields import GROUP_FIELDS, LOWER, PLACE, ROOT, TERRITORIES_UNKNOWN
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import Coverage, Snapshot
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def _program(section: str = "{}") -> Program:
    text = f"program: p\ncurrency: USD\nstrategic_accounts: {section}\n"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


SUM, LARGER = _program(), _program("{consolidation: larger}")
BOTH = pytest.mark.parametrize("program", [SUM, LARGER], ids=["sum", "larger"])


def _world(
    accounts: list[dict[str, Any]],
    program: Program = SUM,
    *,
    contacts: list[str] | None = None,
    deals: list[dict[str, Any]] | None = None,
    whole: bool = True,
) -> World:
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items() if not field.derived}
    frames = {"company": pl.DataFrame([{"id": str(n + 1)} | row for n, row in enumerate(accounts)], schema=schema)}
    if contacts is not None:
        ids = [f"c{n}" for n in range(len(contacts))]
        frames["contact"] = pl.DataFrame(
            {"id": ids, "account": contacts}, schema={"id": pl.String, "account": pl.String}
        )
    frames["deal"] = pl.DataFrame(deals, schema={name: field.kind.dtype for name, field in FIELDS["deal"].items()})
    coverage = {} if whole else {"company": Coverage(len(accounts), len(accounts) + 1)}
    return assessment.assess(Snapshot(frames, AS_OF, coverage), program)  # type: ignore[arg-type]


def _rows(world: World) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in world.accounts.iter_rows(named=True)}


def _about_parents(world: World) -> list[str]:
    return [note for note in world.notes if "parent compan" in note]


def _plainly(accounts: list[dict[str, Any]], *, larger: bool) -> dict[str, dict[str, Any]]:
    """The same group figures by walking the tree one company at a time."""
    rows = {str(n + 1): row for n, row in enumerate(accounts)}

    def above(id_: str) -> list[str]:
        path = [id_]
        while (parent := rows[path[-1]]["parent"]) in rows and parent not in path:
            path.append(parent)
        return [*path, parent] if parent in rows else path

    circles = {id_ for id_ in rows if above(id_)[-1] == id_ and len(above(id_)) > 1}
    followed = {
        id_: row["parent"]
        for id_, row in rows.items()
        if row["parent"] in rows and id_ not in circles and row["parent"] not in circles
    }

    def figure(id_: str, name: str) -> int:
        below = sum(figure(child, name) for child, parent in followed.items() if parent == id_)
        own = rows[id_][name] or 0
        return max(own, below) if larger else own + below

    def group(id_: str) -> list[str]:
        return [id_, *(one for child, parent in followed.items() if parent == id_ for one in group(child))]

    found: dict[str, dict[str, Any]] = {}
    for id_ in rows:
        inside = [rows[one] for one in group(id_)]
        values = {"subsidiaries": len(inside) - 1}
        known = {"subsidiaries": True}
        for name in ("revenue", "employees"):
            known[f"group_{name}"] = all(one[name] is not None for one in inside)
            if any(one[name] is not None for one in inside):
                values[f"group_{name}"] = figure(id_, name)
        values["group_territories"] = len({one["country"] for one in inside} - {None})
        known["group_territories"] = all(one["country"] is not None for one in inside)
        found[id_] = {LOWER[name]: values.get(name) for name in known}
        found[id_] |= {name: values.get(name) if known[name] else None for name in known}
        found[id_][TERRITORIES_UNKNOWN] = sum(one["country"] is None for one in inside)
    return found


FACTS = st.fixed_dictionaries(
    {
        "revenue": st.one_of(st.none(), st.integers(0, 10**12)),
        "employees": st.one_of(st.none(), st.integers(0, 5)),
        "country": st.sampled_from([None, "DE", "FR", "US"]),
    }
)


@st.composite
def portals(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Companies with any parents at all: none, each other, themselves, or one that is not there."""
    facts = draw(st.lists(FACTS, max_size=9))
    ids = [str(n + 1) for n in range(len(facts))]
    return [one | {"parent": draw(st.sampled_from([None, "99", *ids]))} for one in facts]


@BOTH
@settings(deadline=None, max_examples=150)
@given(accounts=portals())
def test_every_group_is_what_a_plain_walk_adds_up(program: Program, accounts: list[dict[str, Any]]) -> None:
    expected = _plainly(accounts, larger=program is LARGER)
    for id_, row in _rows(_world(accounts, program)).items():
        assert {name: row[name] for name in expected[id_]} == expected[id_]


@BOTH
@settings(deadline=None, max_examples=40)
@given(accounts=portals(), data=st.data())
def test_the_order_of_the_records_changes_nothing(
    program: Program, accounts: list[dict[str, Any]], data: st.DataObject
) -> None:
    numbered = [{"id": str(n + 1)} | one for n, one in enumerate(accounts)]
    world = _world(numbered, program)
    again = _world(data.draw(st.permutations(numbered)), program)
    assert again.accounts.sort("id").equals(world.accounts.sort("id"))
    assert again.notes == world.notes


@settings(deadline=None, max_examples=30)
@given(accounts=portals(), newcomer=FACTS, data=st.data())
def test_another_subsidiary_lowers_no_sum(
    accounts: list[dict[str, Any]], newcomer: dict[str, Any], data: st.DataObject
) -> None:
    parent = data.draw(st.sampled_from([None, *(str(n + 1) for n in range(len(accounts)))]))
    before, after = _rows(_world(accounts)), _rows(_world([*accounts, newcomer | {"parent": parent}]))
    for id_, row in before.items():
        for column in LOWER.values():
            assert (after[id_][column] or 0) >= (row[column] or 0)


def test_a_chain_of_ten_thousand_is_added_up_from_the_bottom_to_the_top() -> None:
    chain = [{"parent": str(n) if n else None, "employees": 1, "revenue": 100 + n} for n in range(10_000)]
    top, last = (_rows(_world(chain))[id_] for id_ in ("1", "10000"))
    # The sum of 100 to 10,099.
    assert (top["subsidiaries"], top["group_employees"], top["group_revenue"]) == (9_999, 10_000, 50_995_000)
    assert (last["subsidiaries"], last[ROOT]) == (0, "1")
    assert _rows(_world(chain, LARGER))["1"]["group_revenue"] == 10_099


def test_a_company_with_a_thousand_subsidiaries() -> None:
    row = _rows(_world([{"employees": 1}, *[{"parent": "1", "employees": 2}] * 1_000]))["1"]
    assert (row["subsidiaries"], row["group_employees"]) == (1_000, 2_001)


def test_a_circle_and_what_hangs_below_it_are_reported_and_not_rolled_up() -> None:
    world = _world(
        [
            {"parent": "2", "employees": 1},
            {"parent": "1", "employees": 2},
            {"parent": "1", "employees": 4},
            {"parent": "3", "employees": 8},
            {"parent": "5", "employees": 16},
        ]
    )
    rows = _rows(world)
    assert [rows[id_]["group_employees"] for id_ in "12345"] == [1, 2, 12, 8, 16]
    assert [rows[id_][PLACE] for id_ in "12345"] == ["circle", "circle", "below", None, "circle"]
    assert _about_parents(world) == [
        "company 1 -> 2 -> 1: the parent companies go round in a circle, and are not rolled up; correct one of them",
        "company 5 -> 5: the parent companies go round in a circle, and are not rolled up; correct one of them",
    ]


def test_a_circle_of_ten_thousand_ends_and_is_told_in_one_line() -> None:
    world = _world([{"parent": str((n + 1) % 10_000 + 1), "employees": 1} for n in range(10_000)])
    assert _about_parents(world) == [
        "company 1 -> 2 -> 3 -> 9,997 more -> 1: the parent companies go round in a circle, and are not rolled up; "
        "correct one of them"
    ]
    assert world.accounts["group_employees"].unique().to_list() == [1]


def test_twenty_circles_and_twenty_orphans_are_named_and_the_others_counted() -> None:
    notes = _about_parents(_world([{"parent": str(n + 1)} for n in range(22)] + [{"parent": "no"}] * 23))
    assert len(notes) == 42
    assert notes[20] == "2 more companies stand in circles of parent companies"
    assert notes[21] == (
        "company 23: its parent company no is not among the companies read, so it is the top of its group"
    )
    assert notes[41] == "3 more companies have a parent company that is not among the companies read"


def test_a_partial_read_leaves_every_figure_at_least_what_is_known_and_calls_nobody_an_orphan() -> None:
    world = _world([{"employees": 1, "country": "DE"}, {"parent": "1", "employees": 2}, {"parent": "9"}], whole=False)
    row = _rows(world)["1"]
    assert {row[name] for name in GROUP_FIELDS} == {None}
    assert (row[LOWER["subsidiaries"]], row[LOWER["group_employees"]], row[TERRITORIES_UNKNOWN]) == (1, 3, None)
    assert _about_parents(world) == []


def test_contacts_of_the_group_are_counted_and_unknown_where_no_contact_says_whose_it_is() -> None:
    accounts: list[dict[str, Any]] = [{}, {"parent": "1"}, {}]
    program = _program("{customers: {group_contacts: {gte: 1}}}")
    counted = _rows(_world(accounts, program, contacts=["1", "2", "2", "elsewhere"]))
    assert [counted[id_]["group_contacts"] for id_ in "123"] == [3, 2, 0]
    assert [row["group_contacts"] for row in _rows(_world(accounts, program, contacts=[])).values()] == [None] * 3


def test_sums_that_64_bits_do_not_hold_are_at_least_what_they_hold() -> None:
    row = _rows(_world([{"revenue": 2**62}, {"parent": "1", "revenue": 2**62}, {"parent": "2", "revenue": 2**62}]))["1"]
    assert (row["group_revenue"], row[LOWER["group_revenue"]]) == (None, 2**63 - 1)


def test_an_incomplete_figure_decides_a_condition_where_what_is_known_is_enough() -> None:
    text = "program: p\ntiers: {layers: {tier_2: {employees: {gte: 0}}, tier_1: {group_employees: {gte: 100}}}}\n"
    program = load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())
    assert assessment.reads(program)["company"] == {"parent", "employees"}
    rows = _rows(_world([{"employees": 100}, {"parent": "1"}, {"employees": 99}, {"parent": "3"}], program))
    assert [rows[id_]["group_employees"] for id_ in "13"] == [None, None]
    assert [rows[id_][OUT + "tier"] for id_ in "13"] == ["tier_1", "tier_2"]
    assert [rows[id_][OUT + "potential_tier"] for id_ in "13"] == ["tier_1", "tier_1"]


def test_what_a_group_has_bought_is_at_least_what_is_certain() -> None:
    program = _program("{strategic: {group_spend: {gte: 5}}}")
    won = {"is_won": True, "is_closed": True, "closed_at": AS_OF}
    deals = [{"id": "9", "accounts": ["1"], "amount": 300} | won, {"id": "10", "accounts": ["2"]} | won]
    rows = _rows(_world([{}, {"parent": "1"}, {"parent": "1"}], program, deals=deals))
    assert [rows[id_]["group_spend"] for id_ in "123"] == [None, None, 0]
    assert [rows[id_][LOWER["group_spend"]] for id_ in "123"] == [300, 0, 0]


@settings(deadline=None, max_examples=30)
@given(parents=st.lists(st.one_of(st.none(), st.integers(0, 12)), max_size=13))
def test_tops_and_sizes_agree(parents: list[int | None]) -> None:
    """Every company below a top, and the top itself, make up its group."""
    ids = pl.Series([str(n) for n in range(len(parents))], dtype=pl.String)
    forest = read_forest(ids, pl.Series([None if p is None else str(p) for p in parents], dtype=pl.String))
    inside = members(forest)
    sizes = dict(totals(forest, inside.with_columns(pl.lit(1, dtype=pl.Int64).alias("companies"))).rows())
    tops = dict(roots(forest).rows())
    below = [tops.get(node) for node in inside["node"]]
    for top in set(inside["node"]) - set(tops):
        assert sizes[top] == below.count(top) + 1
