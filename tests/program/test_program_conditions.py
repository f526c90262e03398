"""Conditions: what is accepted, and what each operator says of a row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.model.fields import ACCOUNT, CONTACT
from crmsync.program import All, Any_, Condition, Leaf, Not, compile_expr, fields_of, leaf_columns, leaves, nodes
from crmsync.program.parse import Parser
from crmsync.program.yaml import parse

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
SCHEMA = {name: field.kind.dtype for name, field in ACCOUNT.items()}


def condition(text: str, currency: str = "USD") -> Condition:
    tree, faults = parse(text, "f.yaml")
    assert tree is not None
    parser = Parser("f.yaml", currency, faults=faults)
    parsed = parser.parse(tree)
    assert [str(fault) for fault in parser.faults] == []
    return parsed


def faults(text: str) -> list[str]:
    tree, found = parse(text, "f.yaml")
    assert tree is not None
    parser = Parser("f.yaml", faults=found)
    parser.parse(tree)
    return [str(fault) for fault in parser.faults]


def frame(**row: Any) -> pl.DataFrame:
    return pl.DataFrame([{name: row.get(name) for name in SCHEMA}], schema=SCHEMA)


def moment(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def says(text: str, **row: Any) -> bool | None:
    answer = frame(**row).select(answer=compile_expr(condition(text), as_of=AS_OF))["answer"]
    assert answer.dtype == pl.Boolean
    return answer[0]


@pytest.mark.parametrize(
    ("text", "row", "answer"),
    [
        ("{employees: {eq: 25}}", {"employees": 25}, True),
        ("{employees: {ne: 25}}", {"employees": 25}, False),
        ("{employees: {gt: 25}}", {"employees": 25}, False),
        ("{employees: {gte: 25}}", {"employees": 25}, True),
        ("{employees: {lt: 25}}", {"employees": 24}, True),
        ("{employees: {lte: 25}}", {"employees": 26}, False),
        ("{employees: {between: [25, 100]}}", {"employees": 25}, True),
        ("{employees: {between: [25, 100]}}", {"employees": 100}, True),
        ("{employees: {between: [25, 100]}}", {"employees": 101}, False),
        ("{employees: {in: [1, 2]}}", {"employees": 2}, True),
        ("{employees: {not_in: [1, 2]}}", {"employees": 3}, True),
        ("{employees: {gte: 25, lt: 30}}", {"employees": 30}, False),
        ("{employees: {gte: 25}, is_public: {eq: true}}", {"employees": 25, "is_public": False}, False),
        ("{revenue: {between: [5_000_000, 20_000_000]}}", {"revenue": 2_000_000_000}, True),
        ("{revenue: {between: [5_000_000, 20_000_000]}}", {"revenue": 2_000_000_001}, False),
        ("{revenue: {eq: 0.1}}", {"revenue": 10}, True),
        ("{name: {eq: acme}}", {"name": "ACME"}, True),
        ("{name: {contains: 'a.c'}}", {"name": "XA.CX"}, True),
        ("{name: {contains: 'a.c'}}", {"name": "abc"}, False),
        ("{name: {matches: '^Ac.e$'}}", {"name": "Acme"}, True),
        ("{name: {matches: '^Ac.e$'}}", {"name": "ACME"}, False),
        ("{city: {in: [münchen, Köln]}}", {"city": "MÜNCHEN"}, True),
        ("{industry: {in: [computer software]}}", {"industry": "COMPUTER_SOFTWARE"}, True),
        ("{lifecycle_stage: {ne: other}}", {"lifecycle_stage": "Other"}, True),
        ("{domain: {in: [Rival.Example]}}", {"domain": "rival.example"}, True),
        ("{country: {in: [us, NO]}}", {"country": "NO"}, True),
        ("{country: {in: [Germany, États-Unis]}}", {"country": "DE"}, True),
        ("{region: {in: [WI, Ohio]}}", {"region": "Wisconsin"}, True),
        ("{region: {in: [DE-BY]}}", {"region": "Bavaria"}, True),
        ("{region: {eq: Somewhere}}", {"region": "somewhere"}, True),
        ("{domain: {eq: 'https://www.Rival.example/about'}}", {"domain": "rival.example"}, True),
        ("{is_public: {eq: true}}", {"is_public": True}, True),
        ("{is_public: {ne: true}}", {"is_public": True}, False),
        ("{owner: {eq: 9001}}", {"owner": "9001"}, True),
        ("{technologies: {has_any: [HubSpot, x]}}", {"technologies": ["hubspot", "y"]}, True),
        ("{technologies: {has_any: [hubspot]}}", {"technologies": []}, False),
        ("{technologies: {has_any: [hubspot]}}", {"technologies": [None]}, False),
        ("{technologies: {has_all: [a, b]}}", {"technologies": ["A", "b", "c"]}, True),
        ("{technologies: {has_all: [a, b]}}", {"technologies": ["a"]}, False),
        ("{technologies: {contains: a}}", {"technologies": ["a"]}, True),
        ("{technologies: {known: true}}", {"technologies": []}, True),
        ("{technologies: {unknown: true}}", {"technologies": None}, True),
        ("{revenue: {known: false}}", {"revenue": None}, True),
        ("{revenue: {known: true}}", {"revenue": None}, False),
        ("{revenue: {unknown: false}}", {"revenue": 0}, True),
        ("{created_at: {within_days: 30}}", {"created_at": AS_OF - timedelta(days=30)}, True),
        ("{created_at: {within_days: 30}}", {"created_at": AS_OF - timedelta(days=30, seconds=1)}, False),
        ("{created_at: {older_than_days: 30}}", {"created_at": AS_OF - timedelta(days=30)}, False),
        ("{created_at: {older_than_days: 30}}", {"created_at": AS_OF - timedelta(days=30, seconds=1)}, True),
        ("{created_at: {lte: 2026-01-31}}", {"created_at": moment(31, 23, 59)}, True),
        ("{created_at: {lte: 2026-01-31}}", {"created_at": datetime(2026, 2, 1, tzinfo=UTC)}, False),
        ("{created_at: {gt: 2026-01-31}}", {"created_at": moment(31, 12)}, False),
        ("{created_at: {eq: 2026-01-31}}", {"created_at": moment(31, 12)}, True),
        ("{created_at: {ne: 2026-01-31}}", {"created_at": moment(31, 12)}, False),
        ("{created_at: {between: [2026-01-01, 2026-01-31]}}", {"created_at": moment(31, 9)}, True),
        ("{created_at: {gte: '2026-01-31T10:00:00+02:00'}}", {"created_at": moment(31, 8)}, True),
        ("{created_at: {lt: '2026-01-31T08:00:00'}}", {"created_at": moment(31, 8)}, False),
    ],
)  # fmt: skip
def test_an_operator_decides(text: str, row: dict[str, Any], answer: bool) -> None:
    assert says(text, **row) is answer


@pytest.mark.parametrize(
    "text",
    [
        "{employees: {eq: 1}}", "{employees: {ne: 1}}", "{employees: {in: [1]}}", "{employees: {not_in: [1]}}",
        "{employees: {gt: 1}}", "{employees: {gte: 1}}", "{employees: {lt: 1}}", "{employees: {lte: 1}}",
        "{employees: {between: [1, 2]}}", "{revenue: {not_in: [1]}}", "{name: {eq: a}}", "{name: {ne: a}}",
        "{name: {in: [a]}}", "{name: {not_in: [a]}}", "{name: {contains: a}}", "{name: {matches: a}}",
        "{technologies: {has_any: [a]}}", "{technologies: {has_all: [a]}}", "{technologies: {contains: a}}",
        "{is_public: {eq: true}}", "{is_public: {ne: true}}", "{created_at: {eq: 2026-01-01}}",
        "{created_at: {ne: 2026-01-01}}", "{created_at: {within_days: 1}}", "{created_at: {older_than_days: 1}}",
        "{not: {country: {in: [US]}}}", "{created_at: {between: [2026-01-01, 2026-01-02]}}",
    ],
)  # fmt: skip
def test_every_operator_over_a_missing_value_is_unknown(text: str) -> None:
    assert says(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # employees 30 is known; revenue is not
        ("[{employees: {lt: 5}}, {revenue: {gt: 1}}]", False),
        ("[{employees: {gt: 5}}, {revenue: {gt: 1}}]", None),
        ("{any: [{employees: {gt: 5}}, {revenue: {gt: 1}}]}", True),
        ("{any: [{employees: {lt: 5}}, {revenue: {gt: 1}}]}", None),
        ("{not: {revenue: {gt: 1}}}", None),
        ("{not: {all: [{employees: {lt: 5}}, {revenue: {gt: 1}}]}}", True),
    ],
)
def test_combinations_follow_kleene(text: str, answer: bool | None) -> None:
    assert says(text, employees=30) is answer


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{employes: {gte: 1}}", "f.yaml:1: employes: no such field. Did you mean employees?"),
        ("{employees: {gtee: 1}}", "no such operator. Did you mean gte?"),
        ("{employees: {has_any: [1]}}", "the operator has_any does not fit employees (integer)"),
        ("{employees: {gte: abc}}", "expected a whole number, not abc"),
        ("{employees: {gte: 1.5}}", "expected a whole number, not 1.5"),
        ("{employees: {gte: [1]}}", "expected a whole number, not a list"),
        ("{employees: {gte: true}}", "expected a whole number, not true"),
        ("{employees: {between: [2, 1]}}", "the low end 2 is above the high end 1"),
        ("{employees: {between: [1]}}", "expected two values [low, high]"),
        ("{country: {in: []}}", "an empty list"),
        ("{country: {in: US}}", "expected a list"),
        ("{country: {eq: Narnia}}", "Narnia is no country that is known"),
        ("{revenue: {gte: 5M}}", "expected an amount in USD"),
        ("{revenue: {gte: 0.001}}", "finer than USD"),
        ("{is_public: {eq: 'yes'}}", "expected true or false"),
        ("{is_public: true}", "expected an operator and a value"),
        ("{revenue: {known: 1}}", "expected true or false"),
        ("{created_at: {within_days: -1}}", "a whole number of days"),
        ("{created_at: {gte: 31.12.2026}}", "expected a date"),
        ("{created_at: {gte: 2026-02-30}}", "expected a date"),
        ("{name: {matches: '('}}", "not a regular expression"),
        ("{all: {employees: {gte: 1}}}", "expected a list of conditions"),
        ("{any: []}", "an empty list of conditions"),
        ("{}", "an empty condition"),
        ("{not: 5}", "expected a condition"),
        ("{name: {eq: }}", "expected some text; there is none"),
    ],
)
def test_a_condition_that_means_nothing_is_a_fault(text: str, message: str) -> None:
    found = faults(text)
    assert len(found) == 1
    assert message in found[0]


def test_all_faults_come_at_once() -> None:
    assert len(faults("[{employes: {gte: 1}}, {revenue: {gte: x}}, {not: {any: [{country: {inn: [US]}}]}}]")) == 3


def test_money_is_exact_in_the_minor_unit_of_the_currency() -> None:
    for currency, minor in (("USD", 12_345), ("KWD", 123_450)):
        (leaf,) = leaves(condition("{revenue: {gte: 123.45}}", currency))
        assert leaf.value == minor
    (leaf,) = leaves(condition("{revenue: {gte: 123}}", "JPY"))
    assert leaf.value == 123


def test_fields_of_other_objects_are_their_own() -> None:
    tree, found = parse("{title: {contains: chief}}", "f.yaml")
    assert tree is not None
    assert fields_of(Parser("f.yaml", fields=CONTACT, faults=found).parse(tree)) == {"title"}
    assert found == []


def test_as_of_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        compile_expr(condition("{created_at: {within_days: 1}}"), as_of=datetime(2026, 11, 1))  # noqa: DTZ001, RUF100


def test_operators_keep_their_answers_on_empty_frames_and_columns_of_nulls() -> None:
    expression = compile_expr(condition("[{technologies: {has_any: [a]}}, {name: {in: [b]}}]"), as_of=AS_OF)
    assert frame().head(0).select(expression).height == 0
    assert pl.concat([frame(), frame()]).select(answer=expression)["answer"].to_list() == [None, None]


NUMBERS = st.integers(0, 4)
TOOLS = st.sampled_from(["a", "b", "c"])
LEAVES = st.one_of(
    st.builds(
        lambda operator, value: Leaf(ACCOUNT["employees"], operator, value, 1),
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        NUMBERS,
    ),
    st.builds(lambda a, b: Leaf(ACCOUNT["employees"], "between", (min(a, b), max(a, b)), 1), NUMBERS, NUMBERS),
    st.builds(
        lambda operator, values: Leaf(ACCOUNT["employees"], operator, tuple(values), 1),
        st.sampled_from(["in", "not_in"]),
        st.lists(NUMBERS, min_size=1, max_size=3),
    ),
    st.builds(
        lambda operator, values: Leaf(ACCOUNT["technologies"], operator, tuple(values), 1),
        st.sampled_from(["has_any", "has_all"]),
        st.lists(TOOLS, min_size=1, max_size=3),
    ),
    st.builds(
        lambda operator, values: Leaf(ACCOUNT["country"], operator, tuple(values), 1),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.sampled_from(["US", "CA", "NO"]), min_size=1, max_size=3),
    ),
    st.builds(
        lambda name, operator, value: Leaf(ACCOUNT[name], operator, value, 1),
        st.sampled_from(["employees", "technologies", "country"]),
        st.sampled_from(["known", "unknown"]),
        st.booleans(),
    ),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda below: st.one_of(
        st.builds(lambda parts: All(tuple(parts)), st.lists(below, min_size=1, max_size=3)),
        st.builds(lambda parts: Any_(tuple(parts)), st.lists(below, min_size=1, max_size=3)),
        st.builds(Not, below),
    ),
    max_leaves=8,
)
ROWS = st.fixed_dictionaries(
    {
        "employees": st.none() | NUMBERS,
        "technologies": st.none() | st.lists(TOOLS, max_size=3),
        "country": st.none() | st.sampled_from(["US", "CA", "NO"]),
    }
)


def by_hand(node: Condition, row: dict[str, Any]) -> bool | None:
    """The same rules in plain Python, written apart from the expressions."""
    if isinstance(node, Not):
        below = by_hand(node.child, row)
        return None if below is None else not below
    if isinstance(node, All | Any_):
        answers = [by_hand(child, row) for child in node.children]
        decisive = isinstance(node, Any_)
        return decisive if decisive in answers else None if None in answers else not decisive
    assert isinstance(node, Leaf)
    value, asked = row[node.field.name], node.value
    if node.operator in ("known", "unknown"):
        return ((value is None) == (node.operator == "unknown")) == asked
    if value is None:
        return None
    return {
        "eq": lambda: value == asked,
        "ne": lambda: value != asked,
        "gt": lambda: value > asked,
        "gte": lambda: value >= asked,
        "lt": lambda: value < asked,
        "lte": lambda: value <= asked,
        "between": lambda: asked[0] <= value <= asked[1],
        "in": lambda: value in asked,
        "not_in": lambda: value not in asked,
        "has_any": lambda: bool(set(value) & set(asked)),
        "has_all": lambda: set(asked) <= set(value),
    }[node.operator]()


@given(CONDITIONS, st.lists(ROWS, min_size=1, max_size=5))
def test_expressions_agree_with_a_plain_three_valued_reading(node: Condition, rows: list[dict[str, Any]]) -> None:
    schema = {name: SCHEMA[name] for name in ("employees", "technologies", "country")}
    data = pl.DataFrame(rows, schema=schema)
    answers = data.select(answer=compile_expr(node, as_of=AS_OF))["answer"].to_list()
    assert answers == [by_hand(node, row) for row in rows]


@given(CONDITIONS, ROWS)
def test_node_columns_tell_the_story_of_the_decision(node: Condition, row: dict[str, Any]) -> None:
    schema = {name: SCHEMA[name] for name in ("employees", "technologies", "country")}
    told = pl.DataFrame([row], schema=schema).select(leaf_columns(node, "c.", as_of=AS_OF)).row(0)
    assert list(told) == [by_hand(part, row) for part in nodes(node)]
