"""Relationship categories (domain.md A5): what counts, what is unknown, the laws, and what is told of bad records."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relationship_house import AS_OF, assessed, day, decided, program, won

from crmsync.assess import run as assessment
from crmsync.assess.buying import UNBOUNDED, in_top, months_before, windows
from crmsync.config.mappings import load_mapping
from crmsync.errors import ConfigError
from crmsync.model.snapshot import HELD, Coverage

PROGRAM = program()
BY_AMOUNT = program("{strategic: {top_percent: 0, amount: 300}, override: true}")
RANKS = ("greenfield", "beachhead", "core", "strategic")
KEYS = {"relationship": "relationship", "reason": "relationship_reason"}


def test_the_outputs_are_those_that_the_crm_is_promised() -> None:
    owned = {output.name: output for output in assessment.outputs(BY_AMOUNT) if output.system == "relationship"}
    assert set(owned) == {
        "relationship",
        "relationship_reason",
        "relationship_objectives",
        "relationship_override",
    }
    assert [option.value for option in owned["relationship"].options] == list(reversed(RANKS))
    assert owned["relationship"].ranked == RANKS
    assert "relationship_override" not in {output.name for output in assessment.outputs(PROGRAM)}


# Worked by the calendar.
@pytest.mark.parametrize(
    ("from_", "months", "expected"),
    [
        (date(2027, 2, 28), 36, date(2024, 2, 28)),
        (date(2024, 2, 29), 36, date(2021, 2, 28)),
        (date(2026, 5, 31), 1, date(2026, 4, 30)),
        (date(2026, 1, 31), 12, date(2025, 1, 31)),
        (date(2026, 1, 1), 1, date(2025, 12, 1)),
        (date(2026, 10, 1), -3, date(2027, 1, 1)),
    ],
)
def test_months_go_back_to_the_same_day_or_the_last_of_the_month(from_: date, months: int, expected: date) -> None:
    assert months_before(from_, months) == expected


def test_the_oldest_year_of_the_window_may_be_a_part_of_one() -> None:
    starts = windows(datetime(2026, 11, 1, 15, tzinfo=UTC), 30).starts
    assert starts == (day(2025, 11, 1), day(2024, 11, 1), day(2024, 5, 1))


# domain.md A5: closed on or after as-of minus 36 months, by the day, and not after as-of, by the moment.
@pytest.mark.parametrize(
    ("as_of", "closed_at", "category"),
    [
        (day(2027, 2, 28), day(2024, 2, 28), "beachhead"),
        (day(2027, 2, 28), day(2024, 2, 27), "greenfield"),
        (day(2024, 2, 29), day(2021, 2, 28), "beachhead"),
        (day(2024, 2, 29), day(2021, 2, 27), "greenfield"),
        (datetime(2026, 11, 1, 15, tzinfo=UTC), day(2023, 11, 1), "beachhead"),
        (datetime(2026, 11, 1, 15, tzinfo=UTC), datetime(2023, 10, 31, 23, 59, 59, tzinfo=UTC), "greenfield"),
        (datetime(2026, 11, 1, 15, tzinfo=UTC), datetime(2026, 11, 1, 15, tzinfo=UTC), "beachhead"),
        (datetime(2026, 11, 1, 15, tzinfo=UTC), datetime(2026, 11, 1, 15, 0, 1, tzinfo=UTC), "greenfield"),
    ],
)
def test_a_purchase_counts_from_the_first_day_on(as_of: datetime, closed_at: datetime, category: str) -> None:
    assert decided(assessed(PROGRAM, [{"id": "1"}], [won("11", closed_at)], as_of=as_of)) == {"1": category}


def test_a_deal_of_two_companies_counts_for_both_and_once_for_one_that_is_named_twice() -> None:
    deals = [won("11", day(2026, 5, 1), accounts=["1", "2", "1", "2"])]
    world = assessed(PROGRAM, [{"id": "1"}, {"id": "2"}, {"id": "3"}], deals)
    assert decided(world) == {"1": "beachhead", "2": "beachhead", "3": "greenfield"}
    counted = world.accounts.select("why.relationship.purchases_low", "why.relationship.total_high").rows()
    assert counted == [(1, 100_00), (1, 100_00), (0, 0)]


# Each year holds what it needs but one: purchases, years, total (300 asked), standard, sponsor.
FOUR = [
    won("11", day(2024, 3, 1)),
    won("12", day(2025, 3, 1)),
    won("13", day(2026, 3, 1)),
    won("14", day(2026, 4, 1)),
]
CEO = {"id": "101", "account": "1", "title": "CEO", "last_contacted_at": day(2026, 9, 1)}
ACCOUNT = {"id": "1", "standardised": True}


@pytest.mark.parametrize(
    ("account", "deals", "contact", "category"),
    [
        (ACCOUNT, FOUR, CEO, "strategic"),
        (ACCOUNT, FOUR[:3], CEO, "beachhead"),
        (ACCOUNT, [*FOUR[1:], won("15", day(2026, 5, 1))], CEO, "beachhead"),
        (ACCOUNT, [*FOUR, won("15", day(2026, 5, 1), -100_01)], CEO, "beachhead"),
        (ACCOUNT, [*FOUR, won("15", day(2026, 5, 1), -100_00)], CEO, "strategic"),
        (ACCOUNT | {"standardised": False}, FOUR, CEO, "beachhead"),
        (ACCOUNT, FOUR, CEO | {"title": "Director"}, "beachhead"),
        (ACCOUNT, FOUR, CEO | {"left_company": True}, "beachhead"),
        (ACCOUNT, FOUR, CEO | {"account": "2"}, "beachhead"),
        (ACCOUNT, FOUR, CEO | {"last_contacted_at": AS_OF - timedelta(days=365)}, "strategic"),
        (ACCOUNT, FOUR, CEO | {"last_contacted_at": AS_OF - timedelta(days=365, seconds=1)}, "beachhead"),
    ],
)
def test_strategic_needs_every_one_of_its_criteria(
    account: dict[str, Any], deals: list[dict[str, Any]], contact: dict[str, Any], category: str
) -> None:
    """Without strategic it is beachhead: no deal says in which product, unit or country."""
    lacks = {"deal": ("unit", "country")}
    single = [deal | {"product": "Pumps"} for deal in deals]
    assert decided(assessed(BY_AMOUNT, [account], single, [contact], lacks=lacks)) == {"1": category}


@pytest.mark.parametrize(
    ("deals", "title", "category"),
    [
        ([won("11", day(2025, 3, 1), unit="A"), won("12", day(2026, 3, 1), unit="B")], "Director", "core"),
        ([won("11", day(2025, 3, 1), unit="A"), won("12", day(2026, 3, 1), unit="B")], "Manager", "beachhead"),
        ([won("11", day(2025, 3, 1), unit="A"), won("12", day(2026, 3, 1), unit=" a")], "Director", "beachhead"),
        ([won("11", day(2025, 12, 1), unit="A"), won("12", day(2026, 3, 1), unit="B")], "Director", "beachhead"),
    ],
)
def test_core_needs_years_breadth_and_somebody_of_rank(deals: list[dict[str, Any]], title: str, category: str) -> None:
    lacks = {"deal": ("product", "country")}
    contacts = [CEO | {"title": title}]
    assert decided(assessed(PROGRAM, [{"id": "1"}], deals, contacts, lacks=lacks)) == {"1": category}


def test_one_deal_without_a_date_cannot_stand_for_two_years() -> None:
    """Of core, two years: one undated purchase could be in any one of them; a second one makes two possible."""
    deals = [won("11", None, unit="A"), won("12", day(2026, 3, 1), unit="B")]
    held = {"id": "1", HELD + "relationship": "core"}
    kept = assessed(PROGRAM, [held], deals, [CEO], lacks={"deal": ("product", "country")})
    assert decided(kept) == {"1": "core"}
    both = [won("11", None, unit="A"), won("12", None, unit="B")]
    assert decided(assessed(PROGRAM, [held], both, [CEO])) == {"1": "core"}
    alone = assessed(PROGRAM, [held], [won("11", None, unit="A")], [CEO])
    assert decided(alone) == {"1": "beachhead"}


def test_a_deal_without_a_date_leaves_open_one_year_and_no_more() -> None:
    world = assessed(PROGRAM, [{"id": "1"}], [won("11", None), won("12", day(2026, 3, 1)), won("13", day(2026, 4, 1))])
    figures = "purchases_low", "purchases_high", "years_low", "years_high"
    assert world.accounts.select(f"why.relationship.{name}" for name in figures).row(0) == (2, 3, 1, 2)


def test_a_total_ranges_over_what_may_count_and_has_no_end_where_an_amount_is_missing() -> None:
    undated = [won("11", day(2026, 3, 1), 100_00), won("12", None, 50_00), won("13", None, -30_00)]
    figures = [f"why.relationship.total_{side}" for side in ("low", "high")]
    world = assessed(PROGRAM, [{"id": "1"}], undated)
    assert world.accounts.select(figures).row(0) == (70_00, 150_00)
    world = assessed(PROGRAM, [{"id": "1"}], [*undated, won("14", day(2026, 3, 1), None)])
    assert world.accounts.select(figures).row(0) == (70_00, UNBOUNDED)


def test_a_total_beyond_64_bits_is_large_and_not_below_zero() -> None:
    deals = [won("11", day(2026, 1, 1), 5 * 10**18), won("12", day(2026, 1, 2), 5 * 10**18)]
    world = assessed(program("{strategic: {top_percent: 0, amount: 1}}"), [{"id": "1"}], deals)
    row = world.accounts.row(0, named=True)
    assert (row["why.relationship.total_low"], row["why.relationship.total"]) == (2**63 - 1, True)


def test_evidence_that_the_portal_lacks_is_told_and_what_is_off_is_not() -> None:
    lacks = {"company": ("standardised", "share_of_wallet"), "deal": ("product", "unit", "country")}
    world = assessed(PROGRAM, [{"id": "1"}], FOUR, lacks=lacks)
    assert "this portal cannot say: standardised, share of wallet, breadth" in str(decided(world, KEYS["reason"])["1"])
    off = program("{evidence: {standardised: off, share_of_wallet: off, breadth: off, sponsor: off}}")
    told = decided(assessed(off, [{"id": "1"}], FOUR, lacks=lacks))
    assert told == {"1": "strategic"}
    unasked = assessed(off, [{"id": "1"}], FOUR, lacks=lacks)
    assert "cannot say" not in str(decided(unasked, KEYS["reason"])["1"])


def test_without_roles_nobody_is_known_to_be_a_sponsor_and_the_rest_decides() -> None:
    rules = program("{strategic: {top_percent: 0, amount: 300}}", roles=False)
    assert decided(assessed(rules, [ACCOUNT], FOUR, [CEO])) == {"1": "strategic"}


def test_required_evidence_is_read_so_that_a_mapping_must_give_it() -> None:
    optional = assessment.reads(PROGRAM)
    assert "standardised" not in optional["company"]
    assert "product" not in optional["deal"]
    asked = assessment.reads(
        program("{core: {areas: [unit]}, evidence: {standardised: required, breadth: required, sponsor: required}}")
    )
    assert "standardised" in asked["company"]
    assert asked["deal"] & {"product", "unit", "country"} == {"unit"}
    assert "last_contacted_at" in asked["contact"]


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("{strategic: {top_percent: 0}}", "no account can be strategic"),
        ("{months: 24, core: {years: 3}}", "3 years can never be reached: 24 months make up 2"),
        ("{months: 0}", "1 or more"),
        ("{strategic: {amount: 0.001}}", "finer than USD has"),
        ("{core: {seniority: boss}}", "expected"),
        ("{evidence: {sponsors: off}}", "no such key"),
        ("{objectives: {core: {revenue: {growth: 5, amount: 5}}}}", "one of growth, amount, purchases"),
        ("{objectives: {core: {average_deal_size: {}}}}", "either growth or amount"),
        ("{objectives: {core: {relationships: {seniority: vp}}}}", "either seniority and number, or refresh"),
        ("{objectives: {period: month}}", "expected year, half or quarter"),
    ],
)
def test_a_section_that_cannot_be_meant_is_a_fault_at_its_line(section: str, fault: str) -> None:
    with pytest.raises(ConfigError) as error:
        program(section)
    assert fault in str(error.value)
    assert "program.yaml:4" in str(error.value)


def test_a_required_sponsor_needs_roles() -> None:
    with pytest.raises(ConfigError, match="give a roles: section too"):
        program("{evidence: {sponsor: required}}", roles=False)


def test_deals_in_another_currency_need_a_rate(tmp_path: Any) -> None:
    path = tmp_path / "hubspot.yaml"
    read = "amount: {property: amount, currency: EUR}"
    path.write_text(f"crm: hubspot\nprefix: abm_\ngroup: {{name: g, label: G}}\ndeal:\n  read: {{{read}}}\n")
    with pytest.raises(ConfigError, match="amounts in EUR need a rate"):
        load_mapping(path, currency="USD")


# The top per cent, by hand.


def _top(bounds: list[tuple[int, int]], percent: int, sure: int | None = None) -> list[bool | None]:
    low, high = (pl.Series([pair[side] for pair in bounds], dtype=pl.Int64) for side in (0, 1))
    return in_top(low, high, (len(bounds) if sure is None else sure, len(bounds)), percent).to_list()


def test_the_seats_of_the_top_are_rounded_up_and_a_tie_at_the_border_is_in() -> None:
    exact = [(n, n) for n in (50, 40, 40, 30, 20)]
    assert _top(exact, 20) == [True, False, False, False, False]
    assert _top(exact, 21) == [True, True, True, False, False]
    assert _top(exact, 100) == [True] * 5
    assert _top(exact, 0) == [False] * 5


def test_a_total_that_may_be_higher_leaves_open_what_it_touches() -> None:
    assert _top([(50, 50), (10, UNBOUNDED), (5, 5)], 30) == [None, None, False]
    assert _top([(50, 50), (10, 49), (5, 5)], 30) == [True, False, False]
    assert _top([(50, 60), (10, 55), (5, 5)], 30) == [None, None, False]


def test_whoever_may_be_a_buyer_leaves_the_number_of_seats_open() -> None:
    """Of 20 to 21 buyers the top 5 per cent are one or two: the second in the row is neither in nor out."""
    bounds = [(n, n) for n in range(120, 100, -1)] + [(0, 1)]
    assert _top(bounds, 5, sure=20)[:3] == [True, None, False]


def test_a_deal_that_may_make_a_buyer_leaves_a_seat_open() -> None:
    """Half of two or of three buyers is one seat or two: the third account's deal has no close date."""
    deals = [
        won("11", day(2026, 3, 1), 300_00),
        won("12", day(2026, 3, 1), 200_00, accounts=["2"]),
        won("13", None, 1_00, accounts=["3"]),
    ]
    world = assessed(program("{strategic: {top_percent: 50}}"), [{"id": "1"}, {"id": "2"}, {"id": "3"}], deals)
    assert world.accounts["why.relationship.total"].to_list() == [True, None, False]


def test_nothing_bought_or_all_refunded_is_not_the_top() -> None:
    assert _top([(0, 0)], 100) == [False]
    assert _top([(-5, -5), (0, 0)], 100) == [False, False]


def test_the_top_is_not_known_while_not_every_account_was_read() -> None:
    account = ACCOUNT | {HELD + "relationship": "strategic"}
    part: dict[Any, Coverage] = {"company": Coverage(read=1, expected=2)}
    assert decided(assessed(PROGRAM, [account], FOUR, [CEO], coverage=part)) == {"1": "strategic"}
    unheld = assessed(PROGRAM, [ACCOUNT], FOUR, [CEO], coverage=part, lacks={"deal": ("product", "unit", "country")})
    assert decided(unheld) == {"1": "core"}


# Bad records.


def test_the_top_is_not_known_while_not_every_deal_was_read() -> None:
    """The only buyer that was read is in the top of one; a deal of another account that was not read may be larger."""
    for read, expected in ((1, True), (2, None)):
        world = assessed(program(), [{"id": "1"}], [won("11", day(2026, 1, 1))], coverage={"deal": Coverage(1, read)})
        assert world.accounts["why.relationship.total"].to_list() == [expected]


def test_odd_deals_are_named_with_what_to_mend() -> None:
    deals = [
        won("9", None),
        won("10", day(2026, 1, 1), None),
        won("11", day(2026, 1, 1), -5_00),
        won("12", day(2027, 1, 1)),
        {"id": "13", "accounts": ["1"], "closed_at": day(2026, 1, 1)},
        {"id": "14", "accounts": ["1"], "is_closed": False},
        won("15", day(2026, 1, 1), accounts=None),
        won("16", day(2026, 1, 1), accounts=[]),
        won("17", day(2020, 1, 1), None, accounts=None),
    ]
    world = assessed(PROGRAM, [{"id": "1"}], deals)
    told = [note for note in world.notes if "deal" in note]
    assert [note.split(":")[0] for note in told] == [
        "deal 13",
        "deal 9",
        "deal 12",
        "deal 10",
        "deal 11",
        "2 won deals belong to no company, so no account has bought them; associate them",
    ]
    assert told[-1].endswith("deal 15, 16")
    assert "2027-01-01" in told[2]


def test_at_most_twenty_notes_of_a_kind_and_the_number_of_the_others() -> None:
    world = assessed(PROGRAM, [{"id": "1"}], [won(str(n), None) for n in range(25, 0, -1)])
    told = [note for note in world.notes if "no close date" in note]
    assert len(told) == 21
    assert told[0].startswith("deal 1:")
    assert told[19].startswith("deal 20:")
    assert told[20].startswith("5 more deals")


def test_before_all_data_everybody_is_greenfield() -> None:
    world = assessed(PROGRAM, [{"id": "1"}, {"id": "2"}], FOUR, [CEO], as_of=day(2001, 1, 1))
    assert set(decided(world).values()) == {"greenfield"}
    assert decided(world, KEYS["reason"])["1"] == "never bought"


def test_a_portal_without_deals_or_contacts_has_only_strangers() -> None:
    assert decided(assessed(PROGRAM, [{"id": "1"}, {"id": "2"}], [])) == {"1": "greenfield", "2": "greenfield"}
    assert decided(assessed(PROGRAM, [], [])) == {}


def test_a_bad_pin_is_told_and_a_good_one_stands() -> None:
    accounts = [
        {"id": "1", HELD + "relationship_override": " Strategic "},
        {"id": "2", HELD + "relationship_override": "friends"},
    ]
    world = assessed(BY_AMOUNT, accounts, [])
    assert decided(world) == {"1": "strategic", "2": "greenfield"}
    assert [note.split(":")[0] for note in world.notes] == ["company 2"]


# Laws.

DATES = [day(2023, 10, 31), day(2024, 3, 1), day(2025, 3, 1), day(2026, 3, 1), day(2026, 5, 1), day(2026, 12, 1)]
DEALS = st.fixed_dictionaries(
    {
        "accounts": st.sampled_from([["1"], ["2"], ["3"], ["1", "2"], ["3", "3"]]),
        "is_won": st.sampled_from([True, True, True, False]),
        "closed_at": st.sampled_from(DATES),
        "amount": st.sampled_from([0, 100_00, 100_00, 300_00]),
        "unit": st.sampled_from(["A", "B"]),
        "product": st.just("P"),
        "country": st.just("DE"),
    }
)
CONTACTS = st.fixed_dictionaries(
    {
        "account": st.sampled_from(["1", "2", "3"]),
        "title": st.sampled_from(["CEO", "Director", "Manager"]),
        "last_contacted_at": st.sampled_from([day(2026, 9, 1), day(2024, 9, 1)]),
    }
)
PORTAL = st.tuples(
    st.lists(DEALS, max_size=8),
    st.lists(CONTACTS, max_size=4),
    st.lists(st.sampled_from([True, True, False]), min_size=3, max_size=3),
)


def _numbered(records: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    return [{"id": str(first + place)} | record for place, record in enumerate(records)]


def _accounts(standardised: list[bool | None], held: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return [
        {"id": str(n), "standardised": value, HELD + "relationship": (held or {}).get(str(n))}
        for n, value in enumerate(standardised, 1)
    ]


# Programs in which a few records decide: the total, the years and the breadth, and who is engaged.
BY_TOTAL = program(
    "{months: 12, strategic: {purchases: 1, top_percent: 50}, core: {years: 1}, "
    "evidence: {standardised: off, sponsor: off}}"
)
BY_YEARS = program(
    "{strategic: {purchases: 3, top_percent: 50, amount: 400}, core: {years: 2}, "
    "evidence: {standardised: off, sponsor: off}}"
)
BY_PEOPLE = program("{months: 12, strategic: {purchases: 1, top_percent: 100}, core: {years: 1, breadth: 1}}")
EACH = pytest.mark.parametrize("rules", [BY_TOTAL, BY_YEARS, BY_PEOPLE], ids=["total", "years", "people"])


@EACH
@settings(deadline=None, max_examples=20)
@given(portal=PORTAL, data=st.data())
def test_the_order_of_deals_contacts_and_accounts_changes_nothing(
    rules: Any, portal: tuple[Any, Any, Any], data: st.DataObject
) -> None:
    deals, contacts, standardised = _numbered(portal[0], 11), _numbered(portal[1], 101), portal[2]
    accounts = _accounts(standardised)
    shuffled = [data.draw(st.permutations(rows)) for rows in (accounts, deals, contacts)]
    first, second = assessed(rules, accounts, deals, contacts), assessed(rules, *shuffled)
    columns = ["id", *(f"out.{name}" for name in ("relationship", "relationship_reason", "relationship_objectives"))]
    assert first.accounts.select(columns).sort("id").equals(second.accounts.select(columns).sort("id"))
    assert first.notes == second.notes


@EACH
@settings(deadline=None, max_examples=50)
@given(portal=PORTAL, data=st.data())
def test_what_goes_missing_promotes_nobody_and_costs_nobody_what_their_facts_earn(
    rules: Any, portal: tuple[Any, Any, Any], data: st.DataObject
) -> None:
    """One value of one record is lost; without a category held nobody rises, with the one earned nobody moves.

    No deal here is a refund: one whose amount is lost can no longer be told from a purchase.
    """
    deals, contacts, standardised = _numbered(portal[0], 11), _numbered(portal[1], 101), list(portal[2])
    earned = decided(assessed(rules, _accounts(standardised), deals, contacts))
    lost = [("standardised", place) for place in range(3)]
    lost += [(name, place) for place in range(len(deals)) for name in ("is_won", "closed_at", "amount", "unit")]
    lost += [(name, place) for place in range(len(contacts)) for name in ("title", "last_contacted_at")]
    name, place = data.draw(st.sampled_from(lost))
    if name == "standardised":
        standardised[place] = None
    else:
        (contacts if name in ("title", "last_contacted_at") else deals)[place][name] = None
    poorer = decided(assessed(rules, _accounts(standardised), deals, contacts))
    assert all(RANKS.index(str(poorer[id_])) <= RANKS.index(str(earned[id_])) for id_ in earned)
    assert decided(assessed(rules, _accounts(standardised, earned), deals, contacts)) == earned


@settings(deadline=None, max_examples=25)
@given(portal=PORTAL, deal=DEALS)
def test_one_more_purchase_lowers_nobody_where_no_top_is_asked_for(portal: tuple[Any, Any, Any], deal: Any) -> None:
    deals, contacts, accounts = _numbered(portal[0], 11), _numbered(portal[1], 101), _accounts(portal[2])
    before = decided(assessed(BY_AMOUNT, accounts, deals, contacts))
    more = {"id": "99"} | deal | {"is_won": True, "closed_at": day(2026, 5, 1)}
    after = decided(assessed(BY_AMOUNT, accounts, [*deals, more], contacts))
    assert all(RANKS.index(str(after[id_])) >= RANKS.index(str(before[id_])) for id_ in before)
