"""Coverage model (domain.md A6): decided only where that is certain, and what is reported of strategic accounts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, World
from crmsync.assess.coverage_model import MODELS, manager_load
from crmsync.errors import ConfigError
from crmsync.model.fields import ACCOUNT, FIELDS
from crmsync.model.snapshot import HELD, LEAST, Snapshot
from crmsync.program.conditions import All, Any_, Condition, Leaf, Named, Not
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def _program(section: str, more: str = "") -> Program:
    text = f"program: p\ncurrency: USD\n{more}strategic_accounts: {section}\n"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


def _world(accounts: list[dict[str, Any]], program: Program, *, owners: frozenset[str] | None = None) -> World:
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items() if not field.derived}
    schema |= dict.fromkeys([HELD + "coverage_model", HELD + "coverage_model_override"], pl.String())
    given_ = {name for account in accounts for name in account}
    frame = pl.DataFrame([{"id": str(n + 1)} | row for n, row in enumerate(accounts)], schema=schema)
    if "executive_sponsor" not in given_:
        frame = frame.drop("executive_sponsor")
    deals = pl.DataFrame(schema={name: field.kind.dtype for name, field in FIELDS["deal"].items()})
    return assessment.assess(Snapshot({"company": frame, "deal": deals}, AS_OF, active_owners=owners), program)


def _models(world: World) -> list[str | None]:
    return world.accounts[OUT + "coverage_model"].to_list()


def _leaf(operator: str, value: Any) -> Leaf:
    return Leaf(ACCOUNT["group_employees"], operator, value, 0)


NUMBERS = st.integers(0, 6)
LEAVES = st.one_of(
    st.builds(_leaf, st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]), NUMBERS),
    st.builds(_leaf, st.sampled_from(["in", "not_in"]), st.lists(NUMBERS, min_size=1, max_size=3).map(tuple)),
    st.tuples(NUMBERS, NUMBERS).map(lambda pair: _leaf("between", tuple(sorted(pair)))),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any_(tuple(parts))),
        inner.map(Not),
        inner.map(lambda part: Named("named", part)),
    ),
    max_leaves=4,
)


def _truths(condition: Condition, *figures: tuple[int | None, int | None]) -> list[bool | None]:
    """The condition over figures, each with what it is at least."""
    columns = ["group_employees", LEAST + "group_employees"]
    frame = pl.DataFrame(figures, schema=dict.fromkeys(columns, pl.Int64), orient="row")
    return frame.select(compile_expr(condition, as_of=AS_OF).alias("x"))["x"].to_list()


def _from(condition: Condition, least: int) -> set[bool | None]:
    """What it says of every figure that is at least so much; none of the conditions here goes beyond 6."""
    return set(_truths(condition, *((figure, figure) for figure in range(least, 20))))


@settings(deadline=None, max_examples=100)
@given(condition=CONDITIONS, least=st.integers(0, 8))
def test_what_is_certain_of_a_lower_bound_is_true_of_every_figure_from_there_on(
    condition: Condition, least: int
) -> None:
    (certain,) = _truths(condition, (None, least))
    if certain is not None:
        assert _from(condition, least) == {certain}


@settings(deadline=None, max_examples=80)
@given(leaf=LEAVES, least=st.integers(0, 8))
def test_one_comparison_is_unknown_only_where_figures_from_there_on_differ(leaf: Leaf, least: int) -> None:
    answers = _from(leaf, least)
    assert _truths(leaf, (None, least)) == [answers.pop() if len(answers) == 1 else None]


def test_nothing_known_decides_nothing_but_whether_it_is_known() -> None:
    assert _truths(_leaf("gte", 0), (None, None)) == [None]
    assert _truths(_leaf("known", True), (None, 5), (5, 5)) == [False, True]


ACCOUNTS = st.lists(
    st.fixed_dictionaries(
        {
            "parent": st.sampled_from([None, "1", "2"]),
            "employees": st.sampled_from([None, 10, 60_000]),
            "country": st.sampled_from([None, "DE", "FR"]),
            "owner": st.sampled_from([None, "7", "8"]),
            HELD + "coverage_model": st.sampled_from([None, *MODELS, "something else"]),
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=30)
@given(accounts=ACCOUNTS, name=st.sampled_from(["employees", "country"]), place=st.integers(0, 5))
def test_a_figure_that_goes_missing_takes_nobody_from_the_coverage_they_have(
    accounts: list[dict[str, Any]], name: str, place: int
) -> None:
    """Each account holds what its facts earn; where one company's figure is lost, all hold it still."""
    program, owners = _program("{}"), frozenset({"7"})
    earned = _models(_world([row | {HELD + "coverage_model": None} for row in accounts], program, owners=owners))
    poorer = [row | {HELD + "coverage_model": model} for row, model in zip(accounts, earned, strict=True)]
    poorer[place % len(poorer)][name] = None
    assert _models(_world(poorer, program, owners=owners)) == earned


@settings(deadline=None, max_examples=40)
@given(accounts=ACCOUNTS, data=st.data())
def test_the_order_of_the_records_changes_nothing(accounts: list[dict[str, Any]], data: st.DataObject) -> None:
    numbered = [{"id": str(n + 1)} | one for n, one in enumerate(accounts)]
    program, owners = _program("{per_manager: 1}"), frozenset({"7"})
    world = _world(numbered, program, owners=owners)
    again = _world(data.draw(st.permutations(numbered)), program, owners=owners)
    assert again.accounts.sort("id").equals(world.accounts.sort("id"))
    assert again.notes == world.notes
    assert manager_load(again).equals(manager_load(world))


def test_a_company_without_a_country_cannot_be_in_two() -> None:
    rows = [{"employees": 60_000}, {"employees": 60_000, "country": "DE"}, {"parent": "2", "country": "DE"}]
    assert _models(_world(rows, _program("{}"))) == ["strategic", "strategic", "self_service"]


def test_who_manages_too_many_and_who_has_no_sponsor_is_said() -> None:
    big = {"employees": 60_000, "country": "DE"}
    rows = [big | {"owner": "8"}] * 3 + [big | {"owner": "7", "executive_sponsor": "Ann"}, big, {"owner": "8"}]
    world = _world(rows, _program("{per_manager: 2, critical_mass: 6}"))
    assert manager_load(world).rows() == [("8", 3, 2, True), ("7", 1, 2, False), (None, 1, 2, False)]
    assert world.notes == (
        "owner 8: 3 strategic accounts, and a strategic manager holds at most 2 (strategic_accounts.per_manager)",
        "5 strategic accounts, and a programme keeps at least 6 (strategic_accounts.critical_mass)",
        *(f"company {n}: a strategic account without an executive sponsor" for n in (1, 2, 3, 5)),
    )


def test_a_portal_that_cannot_name_a_sponsor_is_told_of_none() -> None:
    world = _world([{"employees": 60_000, "country": "DE"}], _program("{critical_mass: 1}"))
    assert _models(world) == ["strategic"]
    assert world.notes == ()


def test_twenty_without_a_sponsor_are_named_and_the_others_counted() -> None:
    rows: list[dict[str, Any]] = [{"employees": 60_000, "country": "DE", "executive_sponsor": " "}] * 23
    notes = _world(rows, _program("{}")).notes
    assert len(notes) == 21
    assert notes[-1] == "3 more strategic accounts have no executive sponsor"


def test_lists_are_kept_of_each_model() -> None:
    program = _program("{override: true}", "lists: [coverage_model]\n")
    lists = [one.name for output in assessment.outputs(program) for one in output.lists()]
    assert lists == [
        "ABM: Coverage Global",
        "ABM: Coverage Strategic",
        "ABM: Coverage Customer success",
        "ABM: Coverage Account manager",
        "ABM: Coverage Self-service",
    ]
    assert [one.name for one in assessment.outputs(program) if one.person] == ["coverage_model_override"]


def test_a_rule_of_ones_own_may_use_any_field_of_the_group() -> None:
    program = _program("{strategic: {group_contacts: {gte: 2}}, customers: {group_spend: {gt: 0}}}")
    assert assessment.reads(program)["company"] >= {"parent", "country", "owner"}
    assert assessment.reads(program)["deal"] >= {"amount", "is_won"}


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{territory_by: city}", "strategic_accounts.territory_by"),
        ("{consolidation: both}", "strategic_accounts.consolidation"),
        ("{per_manager: 0}", "strategic_accounts.per_manager"),
        ("{strategic: {group_employes: {gte: 1}}}", "Did you mean group_employees?"),
        ("{customers: {purchases: {gte: one}}}", "expected a whole number, not one"),
        ("{sponsor: true}", "strategic_accounts.sponsor"),
    ],
)
def test_a_wrong_section_is_told_where_and_what_to_do(section: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _program(section)
    assert said in "\n".join(map(str, caught.value.faults))
