"""Name development (domain.md B2): laws of coverage, accounts of any size, and what a portal cannot give."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import Explanation, World
from crmsync.assess.names import NAMES, quarter_start
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import Snapshot
from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def _program(names: str = "{minimum: 3, maximum: 6}", roles: str = "roles: {vocabulary: titles}\n") -> Program:
    text = f"program: names\ncurrency: USD\n{roles}names: {names}\n"
    return load_program_text(text, "names", assessment.sections(), outputs=assessment.list_names())


@cache
def _vocabulary() -> TitleVocabulary:
    return TitleVocabulary.load(mappings_dir() / "titles")


def _classify(titles: pl.Series) -> pl.DataFrame:
    return _vocabulary().classify_unique(titles).with_columns(pl.col("evidence").list.join(", "))


def _frame(object_: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = {name: one.kind.dtype for name, one in FIELDS[object_].items() if not one.derived}
    return pl.DataFrame(rows, schema=schema)


def _world(contacts: list[dict[str, Any]], rules: Program | None = None, accounts: str = "123") -> World:
    numbered = [{"id": str(n)} | row for n, row in enumerate(contacts, 1)]
    frames = {"company": _frame("company", [{"id": id_} for id_ in accounts]), "contact": _frame("contact", numbered)}
    snapshot = Snapshot(frames, AS_OF)  # type: ignore[arg-type]
    return assessment.assess(snapshot, rules or _program(), classify=_classify)


def _explained(world: World, id_: str) -> Explanation:
    told = NAMES.explain(world, world.accounts.filter(pl.col("id") == id_))
    assert told is not None
    return told


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CONTACT = st.fixed_dictionaries(
    {
        "account": st.sampled_from([None, "1", "1", "2"]),
        "title": st.sampled_from([None, "CFO", "IT Manager", "Marketing Director", "Growth Ninja"]),
        "email": st.sampled_from([None, "a@anvil.example", "A@anvil.example", "b@anvil.example"]),
        "last_contacted_at": st.sampled_from([None, _day("2025-10-31"), _day("2025-11-01"), _day("2026-10-31")]),
        "bounced": st.sampled_from([None, False, True]),
        "left_company": st.sampled_from([None, False, True]),
        "linkedin_url": st.sampled_from([None, "https://social.example/a"]),
        "created_at": st.sampled_from([None, _day("2026-09-30"), _day("2026-10-01")]),
    }
)
OUTPUTS = ("names_known", "names_needed", "departments_covered", "missing_roles")


@settings(deadline=None, max_examples=30)
@given(contacts=st.lists(CONTACT, max_size=8), more=CONTACT)
def test_one_more_contact_never_lowers_coverage(contacts: list[dict[str, Any]], more: dict[str, Any]) -> None:
    before, after = (_world(rows).accounts for rows in (contacts, [*contacts, more]))
    for was, now in zip(before.iter_rows(named=True), after.iter_rows(named=True), strict=True):
        assert int(now["out.names_known"]) >= int(was["out.names_known"])
        assert int(now["out.departments_covered"]) >= int(was["out.departments_covered"])
        assert int(now["out.names_needed"]) <= int(was["out.names_needed"])
        assert set((now["out.missing_roles"] or "").split(";")) <= set((was["out.missing_roles"] or "").split(";"))


@settings(deadline=None, max_examples=40)
@given(contacts=st.lists(CONTACT, max_size=8))
def test_names_are_those_counted_one_by_one(contacts: list[dict[str, Any]]) -> None:
    """Counted again without columns: a name is known where one of its records is not stale."""
    people: dict[tuple[str, object], list[bool]] = {}
    for number, row in enumerate(contacts):
        if row["account"] is None:
            continue
        last = row["last_contacted_at"]
        stale = bool((last and (AS_OF - last).days > 365) or row["bounced"] or row["left_company"])
        key = (row["email"] or "").lower() or number
        people.setdefault((row["account"], key), []).append(not stale)
    for row in _world(contacts).accounts.iter_rows(named=True):
        mine = [any(records) for (account, _), records in people.items() if account == row["id"]]
        assert int(row["out.names_known"]) == sum(mine)
        assert int(row["out.names_needed"]) == max(0, 3 - sum(mine))


@settings(deadline=None, max_examples=30)
@given(contacts=st.lists(CONTACT, max_size=6), data=st.data())
def test_the_order_of_the_contacts_changes_nothing(contacts: list[dict[str, Any]], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(contacts))
    one, other = (
        _world(rows).accounts.select("id", "^out\\..*$", "^why\\.names\\..*$") for rows in (contacts, shuffled)
    )
    assert one.equals(other)


def test_three_thousand_contacts_of_one_company_are_counted_and_read_well() -> None:
    titles = ["CFO", "IT Manager", "Marketing Director", "Accountant", "Growth Ninja"]
    contacts = [
        {
            "account": "1",
            "title": titles[n % 5],
            "email": f"p{n}@anvil.example",
            "bounced": n % 10 == 0,
            "linkedin_url": "https://social.example/a" if n % 3 else None,
            "created_at": _day("2026-10-15") if n % 100 == 1 else _day("2024-01-01"),
        }
        for n in range(3000)
    ]
    world = _world(contacts)
    row = world.accounts.row(0, named=True)
    assert {name: row["out." + name] for name in OUTPUTS} == {
        "names_known": "2700", "names_needed": "0", "departments_covered": "3", "missing_roles": None,
    }  # fmt: skip
    told = _explained(world, "1")
    assert told.headline == "2,700 of 3 to 6 names"
    assert [(line.answer, line.label, line.subject, line.text) for line in told.lines] == [
        ("yes", "names", "2,700 known", "3 to 6 wanted; 30 added since 2026-10-01"),
        ("yes", "departments", "3 of 3", "Finance, Marketing, IT"),
        ("yes", "roles", "", "every wanted role is there"),
        ("", "stale", "300 more", "last contacted more than 365 days ago, bounced or gone; not counted"),
        ("", "profiles", "900 of 2,700", "without LinkedIn or X"),
    ]


def test_where_no_contacts_are_read_nothing_is_said_of_names() -> None:
    frames = {"company": _frame("company", [{"id": "1"}])}
    world = assessment.assess(Snapshot(frames, AS_OF), _program())  # type: ignore[arg-type]
    row = world.accounts.row(0, named=True)
    assert [row["out." + name] for name in OUTPUTS] == [None] * 4
    assert _explained(world, "1").headline == "Nobody knows: no contacts are read"


def test_contacts_that_come_in_parts_are_counted_as_in_one() -> None:
    """Also where one name has a record in each part, and the snapshot came without contacts."""
    contacts = [
        {"id": "1", "account": "1", "title": "CFO", "email": "a@anvil.example", "bounced": True},
        {"id": "2", "account": "1", "title": "CIO", "email": "a@anvil.example"},
        {"id": "3", "account": "1", "title": None, "email": None},
    ]
    frame = _frame("contact", contacts)
    snapshot = Snapshot({"company": _frame("company", [{"id": "1"}])}, AS_OF)
    run = assessment.Assessment(snapshot, _program(), classify=_classify, slim=True)
    parts = [run.part(part) for part in (frame[:1], frame[1:])]
    assert pl.concat(part.select("out.name_gaps") for part in parts).to_series().to_list() == [
        "stale;no_social_profile", "no_social_profile", "no_social_profile;no_title",
    ]  # fmt: skip
    row = run.finish().accounts.row(0, named=True)
    assert [row["out." + name] for name in OUTPUTS] == ["2", "1", "1", "commercial_decision_maker;influencer"]


@pytest.mark.parametrize(
    ("as_of", "start"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-03-31", "2026-01-01"),
        ("2026-11-01", "2026-10-01"),
        ("2026-09-30", "2026-07-01"),
    ],
)
def test_a_quarter_is_a_calendar_quarter(as_of: str, start: str) -> None:
    assert quarter_start(_day(as_of)).date() == date.fromisoformat(start)


def test_the_lists_and_the_roles_that_are_wanted_follow_the_program() -> None:
    lists = {one.name for output in assessment.outputs(_program()) for one in output.lists()}
    assert lists == set(), "lists are kept only where the program names the output"
    text = "program: x\nroles: {users: [operations]}\nnames: {}\nlists: [missing_roles, name_gaps]\n"
    rules = load_program_text(text, "x", assessment.sections(), outputs=assessment.list_names())
    names = [one.name for output in assessment.outputs(rules) for one in output.lists()]
    assert "ABM: Missing Technical Qualifier" in names
    assert "ABM: Contact Stale" in names
    stated = _program("{roles: [influencer]}", "roles: {users: [operations]}\n")
    world = _world([{"account": "1", "title": "IT Manager"}], stated)
    assert world.accounts["out.missing_roles"].to_list() == ["influencer"] * 3


@pytest.mark.parametrize(
    ("names", "roles", "fault"),
    [
        ("{minimum: 5, maximum: 4}", "", "4 is below the minimum of 5"),
        ("{roles: [influencer]}", "", "nobody's role is known without a roles: section"),
        ("{roles: [influenser]}", "roles: {}\n", "Did you mean influencer?"),
        ("{minimum: 0}", "", "expected 1 or more"),
    ],
)
def test_a_slip_in_the_section_is_named(names: str, roles: str, fault: str) -> None:
    with pytest.raises(ConfigError, match="names") as error:
        _program(names, roles)
    assert fault in str(error.value)
    assert _program("{minimum: 20}").sections["names"].maximum == 20  # type: ignore[attr-defined]
