"""What two CRMs say differently of one record: cases by hand, and laws."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.matching.disagreements import DISAGREEMENT_SCHEMA, HIDDEN, differing, in_order, is_compared
from crmsync.matching.unite import Precedence, unite
from crmsync.model.fields import FIELDS, Kind, ObjectName
from crmsync.model.snapshot import Snapshot

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def pairs(object_: ObjectName, name: str, *values: tuple[Any, Any]) -> pl.DataFrame:
    """What is on the left and on the right; the left is kept."""
    known = FIELDS[object_].get(name)
    dtype = pl.String() if known is None else known.kind.dtype
    rows = [(str(n), left, right, left) for n, (left, right) in enumerate(values, 1)]
    return pl.DataFrame(rows, schema={"id": pl.String(), "left": dtype, "right": dtype, "kept": dtype}, orient="row")


def told(object_: ObjectName, name: str, left: Any, right: Any, *, digits: int = 2) -> tuple[str, str, str] | None:
    found = differing(object_, name, pairs(object_, name, (left, right)), digits=digits)
    return None if found.is_empty() else found.select("left", "right", "kept").row(0)


def moment(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("object_", "name", "left", "right", "expected"),
    [
        ("company", "name", "Acme", "Bolt", ("Acme", "Bolt", "Acme")),
        ("company", "name", "Acme ", "ACME", None),
        ("company", "name", "Société  Générale", "Socie\u0301te\u0301 Générale", None),
        ("company", "name", "Acme", None, None),
        ("company", "name", None, "Acme", None),
        ("company", "domain", "acme.example", "bolt.example", ("acme.example", "bolt.example", "acme.example")),
        ("company", "industry", "BANKING", "INSURANCE", ("BANKING", "INSURANCE", "BANKING")),
        ("company", "type", "PROSPECT", "Prospect", None),
        ("company", "employees", 100, 101, ("100", "101", "100")),
        ("company", "revenue", 1_200_000_00, 1_200_000_01, ("1200000", "1200000.01", "1200000")),
        ("company", "revenue", -5, 0, ("-0.05", "0", "-0.05")),
        ("company", "is_public", True, False, ("true", "false", "true")),
        ("company", "country", "DE", "FR", ("DE", "FR", "DE")),
        ("company", "technologies", ["b", "a"], ["a", "b"], None),
        ("company", "technologies", ["b", "a"], ["a"], ("a; b", "a", "a; b")),
        ("company", "technologies", [], ["a"], None),
        ("company", "parent", "7", "9", ("7", "9", "7")),
        ("deal", "amount", 500, 500, None),
        ("deal", "closed_at", moment(2026, 3, 1, 14, 22, 11), moment(2026, 3, 1), None),
        (
            "deal", "closed_at", moment(2026, 3, 1, 14, 22, 11), moment(2026, 3, 2),
            ("2026-03-01T14:22:11Z", "2026-03-02", "2026-03-01T14:22:11Z"),
        ),
        ("deal", "closed_at", moment(2026, 3, 1, 14, 22, 11, 999), moment(2026, 3, 1, 14, 22, 11), None),
        (
            "deal", "closed_at", moment(2026, 3, 1, 14, 22, 11), moment(2026, 3, 1, 14, 22, 12),
            ("2026-03-01T14:22:11Z", "2026-03-01T14:22:12Z", "2026-03-01T14:22:11Z"),
        ),
        ("contact", "title", "CEO", "ceo of a@b.example", ("CEO", "ceo of <e-mail>", "CEO")),
        ("contact", "email", "a@b.example", "A@B.example", None),
        ("contact", "email", "a@b.example", "c@b.example", ("differs", "differs", "differs")),
        ("company", "tier_override", "tier_1", "Tier_1 ", None),
        ("company", "tier_override", "tier_1", "none", ("tier_1", "none", "tier_1")),
    ],
)  # fmt: skip
def test_known_on_both_sides_and_different(
    object_: ObjectName, name: str, left: Any, right: Any, expected: tuple[str, str, str] | None
) -> None:
    assert told(object_, name, left, right) == expected


def test_amounts_are_shown_in_the_currency_s_own_digits() -> None:
    assert told("company", "revenue", 1_200, 1_205, digits=0) == ("1200", "1205", "1200")
    assert told("company", "revenue", 1_200, 1_205, digits=3) == ("1.200", "1.205", "1.200")


def test_categories_are_compared_as_text() -> None:
    rows = pairs("company", "country", ("DE", "DE"), ("DE", "FR"))
    narrow = rows.with_columns(pl.col("left", "right", "kept").cast(pl.Categorical))
    assert differing("company", "country", narrow).equals(differing("company", "country", rows))
    assert differing("company", "country", narrow)["id"].to_list() == ["2"]


def test_of_a_person_only_that_it_differs_is_told() -> None:
    for name in HIDDEN:
        found = differing("contact", name, pairs("contact", name, ("Ada Byron", "Grace Hopper")))
        assert found.rows() == [("contact", "1", name, "differs", "differs", "differs")]


def test_what_each_crm_keeps_for_itself_is_not_compared() -> None:
    own = ["id", "counterpart", "owner", "created_at", "modified_at", "last_engaged_at", "last_contacted_at"]
    assert not any(is_compared(object_, name) for object_ in FIELDS for name in own)
    assert not any(is_compared("deal", name) for name in ("stage", "pipeline", "contacts", "contact_roles"))
    assert all(is_compared("deal", name) for name in ("amount", "is_won", "is_closed", "closed_at", "accounts"))


def test_two_snapshots_disagree_in_one_list_with_the_value_that_counts() -> None:
    left = {
        "id": "1",
        "name": "Acme",
        "employees": 10,
        "country": "DE",
        "held.tier": "tier_1",
        "held.tier_override": "x",
    }
    right = {
        "id": "R1",
        "name": "ACME",
        "employees": 20,
        "country": None,
        "held.tier": "none",
        "held.tier_override": "y",
    }
    person = {"id": "5", "email": "a@b.example", "title": "CFO"}
    other = {"id": "R5", "email": "b@b.example", "title": "CFO"}
    one, two = (
        Snapshot({"company": pl.DataFrame([company]), "contact": pl.DataFrame([contact])}, AS_OF)
        for company, contact in ((left, person), (right, other))
    )
    matches = {"company": _Pairs("1", "R1"), "contact": _Pairs("5", "R5")}
    united = unite(one, two, matches, Precedence("left", {("company", "employees"): "right"}))
    assert united.disagreements.rows() == [
        ("company", "1", "employees", "10", "20", "20"),
        ("company", "1", "tier_override", "x", "y", "x"),
        ("contact", "5", "email", "differs", "differs", "differs"),
    ]


class _Pairs:
    def __init__(self, left: str, right: str) -> None:
        self.pairs = pl.DataFrame({"left": [left], "right": [right]})


# Laws, over every field that is compared.

COMPARED = [(o, f.name, f.kind) for o, fields in FIELDS.items() for f in fields.values() if is_compared(o, f.name)]
_MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 3)).map(lambda one: one.replace(tzinfo=UTC))
_VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.INTEGER: st.integers(-3, 3),
    Kind.MONEY: st.integers(-(10**17), 10**17),
    Kind.BOOLEAN: st.booleans(),
    Kind.DATETIME: _MOMENTS | st.just(moment(2026, 1, 2)),
    Kind.SET: st.lists(st.sampled_from("abc"), max_size=3),
}


@st.composite
def compared(draw: st.DrawFn) -> tuple[ObjectName, str, list[tuple[Any, Any]]]:
    object_, name, kind = draw(st.sampled_from(COMPARED))
    values = st.none() | _VALUES.get(kind, st.text(st.sampled_from("aA é@.\t"), max_size=4))
    return object_, name, draw(st.lists(st.tuples(values, values), max_size=6))


@given(compared())
def test_who_stands_where_makes_no_difference(case: tuple[ObjectName, str, list[tuple[Any, Any]]]) -> None:
    object_, name, values = case
    one = differing(object_, name, pairs(object_, name, *values))
    other = differing(object_, name, pairs(object_, name, *((b, a) for a, b in values)))
    assert one.select("id", "left", "right").equals(other.select("id", left="right", right="left"))
    assert one.schema == DISAGREEMENT_SCHEMA
    assert one.drop_nulls().height == one.height


@given(compared())
def test_a_value_never_disagrees_with_itself_or_with_none(
    case: tuple[ObjectName, str, list[tuple[Any, Any]]],
) -> None:
    object_, name, values = case
    same = [(a, a) for a, _ in values] + [(None, b) for _, b in values] + [(a, None) for a, _ in values]
    assert differing(object_, name, pairs(object_, name, *same)).is_empty()


@given(compared())
def test_what_is_told_shows_two_values_that_differ_or_hides_both(
    case: tuple[ObjectName, str, list[tuple[Any, Any]]],
) -> None:
    object_, name, values = case
    for row in differing(object_, name, pairs(object_, name, *values)).iter_rows(named=True):
        hidden = object_ == "contact" and name in HIDDEN
        assert (row["left"] == row["right"] == "differs") if hidden else row["left"] != row["right"]
        assert row["kept"] == row["left"]


@given(st.lists(compared(), max_size=3), st.randoms(use_true_random=False))
def test_the_list_is_in_one_order(cases: list[tuple[ObjectName, str, list[tuple[Any, Any]]]], dice: Any) -> None:
    parts = [
        differing(o, n, pairs(o, n, *values)) for o, n, values in {(o, n): (o, n, v) for o, n, v in cases}.values()
    ]
    once = in_order(parts)
    dice.shuffle(parts)
    assert in_order(reversed(parts)).equals(once)
    assert in_order(parts).equals(once)
