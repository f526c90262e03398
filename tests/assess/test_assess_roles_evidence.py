"""Evidence for a role beside the title (domain.md B1): deals' contact roles, and the CRM's buying role, which may be
ours.

Portals are simulated by hand: what a run decides stands in the CRM in the next one, companions only beside a change,
and HubSpot's buying role is filled where it is blank, as `mappings/hubspot.yaml` has it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import World
from crmsync.assess.role_evidence import deal_entries
from crmsync.assess.role_section import role_program, role_word
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary
from crmsync.program.loader import Program, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
TITLES = {
    "CFO": "commercial_decision_maker",
    "IT Manager": "technical_qualifier",
    "Marketing Director": "influencer",
    "Growth Ninja": "unclassified",
}
# What HubSpot's mapping fills in, with the technical qualifier as its comment offers it.
FILLED = {
    "commercial_decision_maker": "DECISION_MAKER",
    "technical_qualifier": "INFLUENCER",
    "influencer": "INFLUENCER",
    "end_user": "END_USER",
}
WITHOUT_QUALIFIER = {role: word for role, word in FILLED.items() if role != "technical_qualifier"}
FOLLOWS = ("role_reason",)


def _program(roles: str = "{vocabulary: titles}") -> Program:
    text = f"program: roles\ncurrency: USD\nroles: {roles}\n"
    return load_program_text(text, "roles", assessment.sections(), outputs=assessment.list_names())


@cache
def _vocabulary() -> TitleVocabulary:
    return TitleVocabulary.load(mappings_dir() / "titles")


def _classify(titles: pl.Series) -> pl.DataFrame:
    return _vocabulary().classify_unique(titles).with_columns(pl.col("evidence").list.join(", "))


def _frame(object_: Any, rows: list[dict[str, Any]], lacks: tuple[str, ...] = ()) -> pl.DataFrame:
    schema: dict[str, Any] = {name: one.kind.dtype for name, one in FIELDS[object_].items() if not one.derived}
    schema |= {name: pl.String() for row in rows for name in row if name.startswith(HELD)}
    return pl.DataFrame(rows, schema=schema).drop(lacks)


def _world(
    contacts: list[dict[str, Any]], deals: list[dict[str, Any]], rules: Program, lacks: tuple[str, ...] = ()
) -> World:
    frames = {"contact": _frame("contact", contacts), "deal": _frame("deal", deals, lacks)}
    return assessment.assess(Snapshot(frames, AS_OF), rules, classify=_classify)  # type: ignore[arg-type]


def _decided(contact: dict[str, Any], deals: list[dict[str, Any]], rules: Program) -> dict[str, str | None]:
    row = _world([{"id": "1"} | contact], deals, rules).contacts.row(0, named=True)
    return {output.name: row["out." + output.name] for output in assessment.outputs(rules)}


def _next_run(
    contact: dict[str, Any], deals: list[dict[str, Any]], rules: Program, fills: dict[str, str]
) -> dict[str, Any]:
    """The contact after a run: what was decided stands, companions beside a change, a blank buying role is filled."""
    decided = _decided(contact, deals, rules)
    owned = {name: value for name, value in decided.items() if name not in FOLLOWS}
    if all(contact.get(HELD + name) == value for name, value in owned.items()):
        decided = owned
    after = contact | {HELD + name: value for name, value in decided.items()}
    words = [fills[role] for role in (decided["stakeholder_role"] or "").split(";") if role in fills]
    if words and not contact.get("buying_role"):
        after["buying_role"] = words
    return after


@pytest.mark.parametrize("fills", [FILLED, WITHOUT_QUALIFIER], ids=["qualifiers as influencers", "as it comes"])
@settings(deadline=None, max_examples=40)
@given(titles=st.lists(st.sampled_from(sorted(TITLES)), min_size=1, max_size=5))
def test_what_we_filled_in_ourselves_is_never_taken_for_a_persons_word(
    fills: dict[str, str], titles: list[str]
) -> None:
    """Whatever the titles were before, the role is what the title says now."""
    rules, contact = _program(), {"title": titles[0]}
    for title in titles:
        contact = _next_run(contact | {"title": title}, [], rules, fills)
        assert contact[HELD + "stakeholder_role"] == TITLES[title]
        assert _decided(contact, [], rules)["stakeholder_role"] == TITLES[title], "the next run agrees"


@settings(deadline=None, max_examples=40)
@given(
    before=st.sampled_from(["IT Manager", "Growth Ninja"]),
    titles=st.lists(st.sampled_from(sorted(TITLES)), max_size=4),
    words=st.sampled_from([["BUDGET_HOLDER"], ["END_USER"], ["CHAMPION", "END_USER"]]),
)
def test_a_buying_role_that_a_person_entered_stands_whatever_the_title_becomes(
    before: str, titles: list[str], words: list[str]
) -> None:
    """The portal maps no word to a technical qualifier, so that the field is blank until the person fills it."""
    meant = {
        ("BUDGET_HOLDER",): "commercial_decision_maker",
        ("END_USER",): "end_user",
        ("CHAMPION", "END_USER"): "influencer;end_user",
    }
    rules = _program()
    contact = _next_run({"title": before}, [], rules, WITHOUT_QUALIFIER) | {"buying_role": words}
    for title in [before, *titles]:
        contact = _next_run(contact | {"title": title}, [], rules, WITHOUT_QUALIFIER)
        assert contact[HELD + "stakeholder_role"] == meant[tuple(words)]


def test_a_persons_buying_role_outlives_a_deal_that_says_the_same() -> None:
    rules, word = _program(), "commercial_decision_maker"
    deal = {"id": "5", "is_closed": False, "contact_roles": ["1:decision_maker"]}
    contact: dict[str, Any] = {"title": "IT Manager", "buying_role": ["BUDGET_HOLDER"]}
    for deals, title in [([], "IT Manager"), ([deal], "Marketing Director"), ([deal], "IT Manager"), ([], "CIO")]:
        contact = _next_run(contact | {"title": title}, deals, rules, FILLED)
        assert contact[HELD + "stakeholder_role"] == word
    assert _decided(contact | {"buying_role": None}, [], rules)["stakeholder_role"] == "technical_qualifier"


WORDS = st.sampled_from([None, ["DECISION_MAKER"], ["INFLUENCER"], ["CHAMPION", "END_USER"], ["OTHER"], ["Sherpa"]])
REASONS = st.sampled_from(
    [
        None,
        "no job title",
        "buying role decision_maker was entered in the CRM",
        "manager in it (it manager); buying role influencer came from here",
        "contact role on deals: champion; buying role champion, end_user was entered in the CRM",
    ]
)
DEALS = st.lists(
    st.fixed_dictionaries(
        {
            "is_closed": st.sampled_from([True, False, None]),
            "is_won": st.sampled_from([True, False, None]),
            "closed_at": st.sampled_from([None, datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 9, 1, tzinfo=UTC)]),
            "contacts": st.sampled_from([None, ["1"], ["2"]]),
            "contact_roles": st.sampled_from([None, ["1:decision_maker"], ["1:end_user", "2:champion"], ["1:other"]]),
        }
    ),
    max_size=3,
).map(lambda deals: [{"id": str(n)} | deal for n, deal in enumerate(deals)])


@settings(deadline=None, max_examples=80)
@given(
    title=st.sampled_from([None, *sorted(TITLES)]),
    words=WORDS,
    deals=DEALS,
    role=st.sampled_from([None, "commercial_decision_maker", "influencer;end_user", "unclassified", "nonsense"]),
    reason=REASONS,
    influence=st.sampled_from([None, "high", "low"]),
    interest=st.sampled_from([None, "medium", "nonsense"]),
)
def test_a_run_after_a_run_changes_nothing(
    title: str | None,
    words: list[str] | None,
    deals: list[dict[str, Any]],
    role: str | None,
    reason: str | None,
    influence: str | None,
    interest: str | None,
) -> None:
    rules = _program("{vocabulary: titles, users: [operations]}")
    held = {"stakeholder_role": role, "role_reason": reason, "influence": influence, "interest": interest}
    contact = {"title": title, "buying_role": words} | {HELD + name: value for name, value in held.items()}
    contact = _next_run(contact, deals, rules, FILLED)
    settled = {name: value for name, value in _decided(contact, deals, rules).items() if name not in FOLLOWS}
    assert {name: contact[HELD + name] for name in settled} == settled


Entry = tuple[bool | None, int | None, str]
"""Closed or not, the day it closed, and the role that it gives."""

GIVES = {"champion": "influencer", "decision_maker": "commercial_decision_maker"}
ENTRIES = st.lists(
    st.tuples(st.sampled_from([True, False, None]), st.sampled_from([2, 4, None]), st.sampled_from(sorted(GIVES))),
    min_size=1,
    max_size=3,
)


def _given(entries: list[Entry], filled: tuple[tuple[bool, int], ...]) -> frozenset[str]:
    """The rule where everything is known: the roles of open deals, and of the latest of those closed."""
    closed = [day for is_closed, day in filled if is_closed]
    return frozenset(
        GIVES[word]
        for (_, _, word), (is_closed, day) in zip(entries, filled, strict=True)
        if not is_closed or day == max(closed)
    )


@settings(max_examples=150)
@given(ENTRIES)
def test_deals_give_nothing_that_is_not_certain_and_keep_what_is_held_where_it_may_be_so(
    entries: list[Entry],
) -> None:
    """Every way to fill the gaps is tried."""
    ways = [
        product([is_closed] if is_closed is not None else [True, False], [day] if day else range(1, 6))
        for is_closed, day, _ in entries
    ]
    possible = {_given(entries, filled) for filled in product(*map(list, ways))}
    deals = [
        {
            "id": str(number),
            "is_closed": is_closed,
            "closed_at": datetime(2026, 1, day, tzinfo=UTC) if day else None,
            "contact_roles": [f"1:{word}"],
        }
        for number, (is_closed, day, word) in enumerate(entries)
    ]
    rules = _program()

    def decided(held: frozenset[str]) -> frozenset[str]:
        role = ";".join(sorted(held)) or None
        world = _world([{"id": "1", HELD + "stakeholder_role": role}], deals, rules)
        found = deal_entries(world, world.contacts, role_program(rules)).filter("counts")
        return frozenset(GIVES[word] for word in found["word"])

    assert decided(frozenset()) <= frozenset.intersection(*possible)
    if len({word for _, _, word in entries}) == 1:
        assert decided(frozenset()) == frozenset.intersection(*possible)
    for held in possible:
        assert decided(held) == held


def test_a_portal_that_cannot_say_which_deals_are_closed_counts_them_all() -> None:
    deals = [
        {"id": "5", "closed_at": datetime(2026, 1, 1, tzinfo=UTC), "contact_roles": ["1:champion"]},
        {"id": "6", "closed_at": datetime(2026, 2, 1, tzinfo=UTC), "contact_roles": ["1:end_user"]},
    ]
    for lacks in [("is_closed", "is_won"), ("closed_at",)]:
        world = _world([{"id": "1"}], deals, _program(), lacks)
        assert world.contacts["out.stakeholder_role"].to_list() == ["influencer;end_user"]


def test_a_word_that_nobody_explained_is_a_finding_and_one_that_is_off_is_none() -> None:
    deal = {"id": "5", "is_closed": False, "contact_roles": ["1:Sherpa", "2:Sherpa", "1:other"]}
    notes = _world([{"id": "1", "buying_role": ["Guide"]}, {"id": "2"}], [deal], _program()).notes
    assert [note.split(" means ")[0] for note in notes] == [
        "the contact role on deals 'sherpa'",
        "the buying role 'guide'",
    ]
    explained = _program("{deal_roles: {Sherpa: influencer, guide: off}}")
    world = _world([{"id": "1", "buying_role": ["Guide"]}, {"id": "2"}], [deal], explained)
    assert world.notes == ()
    assert world.contacts["out.stakeholder_role"].to_list() == ["influencer", "influencer"]


@pytest.mark.parametrize("word", ["Economic Buyer", "ECONOMIC_BUYER", "EconomicBuyer", " economic  buyer "])
def test_a_word_is_read_however_the_crm_spells_it(word: str) -> None:
    assert role_word(word) == "economic_buyer"


@pytest.mark.parametrize(
    ("roles", "fault"),
    [
        ("{interest: {engaged_days: [180, 30]}}", "expected the shorter time first, such as [30, 180]"),
        ("{influence: {direct_reports: [1, 3]}}", "expected the larger number first, such as [3, 1]"),
        ("{influence: {high: [directr]}}", "Did you mean director?"),
        ("{influence: {high: [vp], medium: [vp]}}", "vp stands under high as well"),
        ("{deal_roles: {champion: influenser}}", "Did you mean influencer?"),
    ],
)
def test_a_slip_in_the_section_is_named(roles: str, fault: str) -> None:
    with pytest.raises(ConfigError, match="roles") as error:
        _program(roles)
    assert fault in str(error.value)


def test_influence_follows_the_programs_own_words() -> None:
    rules = _program("{influence: {high: [technical_qualifier], medium: [blocker], direct_reports: [9, 2]}}")
    deal = {"id": "5", "is_closed": False, "contact_roles": ["2:blocker"]}
    contacts = [
        {"id": "1", "title": "IT Manager"},
        {"id": "2", "title": "CFO", "reports_to": "3"},
        {"id": "3", "title": "CFO"},
        {"id": "4", "title": "CFO", "reports_to": "3"},
    ]
    world = _world(contacts, [deal], rules)
    assert world.contacts["out.influence"].to_list() == ["high", "medium", "medium", "low"]
