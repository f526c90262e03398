"""Objectives of a relationship (domain.md A5): periods and targets by hand, a text that changes with facts alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from relationship_house import AS_OF, assessed, day, decided, program, won

from crmsync.assess.objectives import money_words, period_of
from crmsync.model.snapshot import HELD
from crmsync.program.units import money_text

TEXT = "relationship_objectives"


# By the calendar.
@pytest.mark.parametrize(
    ("as_of", "kind", "start", "before", "due"),
    [
        (day(2026, 11, 1), "year", date(2026, 1, 1), date(2025, 1, 1), date(2026, 12, 31)),
        (day(2026, 6, 30), "half", date(2026, 1, 1), date(2025, 7, 1), date(2026, 6, 30)),
        (day(2026, 7, 1), "half", date(2026, 7, 1), date(2026, 1, 1), date(2026, 12, 31)),
        (day(2028, 2, 29), "quarter", date(2028, 1, 1), date(2027, 10, 1), date(2028, 3, 31)),
        (
            datetime(2026, 12, 31, 23, 59, tzinfo=UTC),
            "quarter",
            date(2026, 10, 1),
            date(2026, 7, 1),
            date(2026, 12, 31),
        ),
    ],
)
def test_a_period_is_of_the_calendar(as_of: datetime, kind: str, start: date, before: date, due: date) -> None:
    period = period_of(as_of, kind)
    assert (period.start.date(), period.before.date(), period.due) == (start, before, due)


@pytest.mark.parametrize("currency", ["USD", "EUR", "JPY", "CHF", "BHD"])
@settings(deadline=None)
@given(minor=st.integers(-(10**17), 10**17))
def test_an_amount_reads_with_all_its_digits(currency: str, minor: int) -> None:
    text = pl.DataFrame({"minor": [minor]}).select(money_words(pl.col("minor"), currency)).item()
    digits = {"JPY": 0, "BHD": 3}.get(currency, 2)
    number = text.removeprefix("-").removeprefix(money_text(0, currency).removesuffix("0")).replace(",", "")
    whole, _, rest = number.partition(".")
    assert int(whole) * 10**digits + int(rest or 0) == abs(minor)
    assert text.startswith("-") == (minor < 0)
    assert f"{int(whole):,}" in text


def test_small_amounts_read_as_everywhere_else() -> None:
    amounts = [0, 5, 100, 1_240_000, -99_999_99, 123_45]
    texts = pl.DataFrame({"a": amounts}).select(a=money_words(pl.col("a"), "USD"))["a"].to_list()
    assert texts == [money_text(amount, "USD") for amount in amounts]
    assert texts[3] == "$12,400"


def _text(goals: str, deals: list[dict[str, Any]], contacts: list[dict[str, Any]] | None = None, **more: Any) -> Any:
    """The objectives of an account that a person holds to be core."""
    account = {"id": "1", HELD + "relationship_override": "core"} | more.pop("account", {})
    rules = program(f"{{override: true, objectives: {{core: {goals}}}}}", **more.pop("program", {}))
    return decided(assessed(rules, [account], deals, contacts, **more), TEXT)["1"]


def test_revenue_grows_over_the_period_before_refunds_taken_off() -> None:
    deals = [
        won("11", day(2025, 1, 1), 1_000_00),
        won("12", day(2025, 12, 31), 500_00),
        won("13", day(2025, 6, 1), -200_00),
        won("14", day(2024, 12, 31), 9_000_00),
        won("15", day(2026, 1, 1), 700_00),
        won("16", day(2026, 2, 1), -50_00),
        won("17", day(2026, 12, 1), 9_000_00),
    ]
    # 1,000 + 500 - 200 = 1,300 and 10 per cent; 700 - 50
    assert _text("{revenue: {growth: 10}}", deals) == "revenue $650 of $1,430 by 2026-12-31"


def test_a_target_is_rounded_up_to_a_minor_unit() -> None:
    deals = [won("11", day(2025, 1, 1), 1_01)]
    assert _text("{revenue: {growth: 33}}", deals) == "revenue $0 of $1.35 by 2026-12-31"  # 1.3433


def test_amounts_beyond_64_bits_do_not_turn_round() -> None:
    """Someone leant on the 9: twice 5 x 10^18 cents. The total stops at 2^63 - 1 cents, and so does its growth."""
    deals = [won("11", day(2025, 1, 1), 5 * 10**18), won("12", day(2025, 1, 2), 5 * 10**18)]
    assert _text("{revenue: {growth: 10}}", deals) == "revenue $0 of $92,233,720,368,547,758.07 by 2026-12-31"
    # The mean is one of them, 5 x 10^16 dollars, and a tenth more.
    size = "average deal size $50,000,000,000,000,000 of $55,000,000,000,000,000 by 2026-12-31"
    assert _text("{average_deal_size: {growth: 10}}", deals) == size


def test_nothing_to_grow_from_is_no_target() -> None:
    deals = [won("11", day(2024, 5, 1), 5_000_00)]
    assert _text("{revenue: {growth: 10}}", deals) is None
    assert _text("{revenue: {amount: 800}}", deals) == "revenue $0 of $800 by 2026-12-31"


def test_the_average_deal_grows_over_the_mean_at_the_period_s_start() -> None:
    deals = [
        won("11", day(2022, 12, 31), 90_000_00),
        won("12", day(2023, 1, 1), 1_000_00),
        won("13", day(2025, 5, 1), 2_000_01),
        won("14", day(2026, 5, 1), 4_000_00),
        won("15", day(2026, 5, 1), None),
        won("16", day(2026, 5, 1), -500_00),
    ]
    # 36 months before 2026 begin with 2023. Then (1,000.00 + 2,000.01) / 2 = 1,500.005, half a cent up;
    # 20 per cent more is 1,800.012, up. Now 7,000.01 / 3 = 2,333.336...
    assert _text("{average_deal_size: {growth: 20}}", deals) == (
        "average deal size $2,333.34 of $1,800.02 by 2026-12-31"
    )


def test_who_bought_first_in_this_period_grows_from_that_day() -> None:
    deals = [
        won("11", datetime(2026, 3, 1, 8, tzinfo=UTC), 1_000_00),
        won("12", datetime(2026, 3, 1, 17, tzinfo=UTC), 3_000_00),
        won("13", day(2026, 4, 1), 5_000_00),
    ]
    assert _text("{average_deal_size: {growth: 50}}", deals) == "average deal size $3,000 of $3,000 by 2026-12-31"


def test_breadth_is_counted_where_the_account_stood_broadest() -> None:
    deals = [
        won("11", day(2025, 3, 1), unit="A", country="DE"),
        won("12", day(2025, 4, 1), unit="B ", country="DE"),
        won("13", day(2026, 4, 1), unit="b", country="FR", product="Pumps"),
    ]
    assert _text("{breadth: {by: 2}}", deals) == "units 2 of 4 by 2026-12-31"
    assert _text("{breadth: {}}", deals, lacks={"deal": ("unit",)}) == "countries 2 of 2 by 2026-12-31"
    assert _text("{breadth: {}}", deals, lacks={"deal": ("unit", "country", "product")}) is None
    assert _text("{breadth: {}}", [won("11", day(2025, 3, 1))]) is None


def test_contacts_count_as_they_will_on_the_due_date() -> None:
    """Within 365 days of 2026-12-31: from 2025-12-31 on."""
    contacts = [
        {"id": "101", "account": "1", "title": "CEO", "last_contacted_at": day(2025, 12, 31)},
        {"id": "102", "account": "1", "title": "CEO", "last_contacted_at": day(2025, 12, 30)},
        {"id": "103", "account": "1", "title": "Director", "last_contacted_at": day(2026, 9, 1)},
        {"id": "104", "account": "1", "title": "Manager", "last_contacted_at": day(2026, 9, 1)},
        {"id": "105", "account": "1", "title": "CEO"},
        {"id": "106", "account": "1", "last_contacted_at": day(2026, 9, 1)},
    ]
    asked = "{relationships: {seniority: director, number: 3}}"
    assert _text(asked, [], contacts) == "contacts from director up engaged 2 of 3 by 2026-12-31"
    assert _text(asked, []) == "contacts from director up engaged 0 of 3 by 2026-12-31"
    silent = _text(asked, [], contacts, lacks={"contact": ("last_contacted_at",)})
    assert silent == "contacts from director up engaged 3 by 2026-12-31 (nobody knows how many are)"


@pytest.mark.parametrize(
    ("referenceable", "text"),
    [
        (True, "become a reference by 2026-12-31 (done)"),
        (False, "become a reference by 2026-12-31"),
        (None, "become a reference by 2026-12-31 (nobody knows whether it is one)"),
    ],
)
def test_a_reference_is_one_is_none_or_is_unknown(referenceable: bool | None, text: str) -> None:
    assert _text("{referenceability: true}", [], account={"referenceable": referenceable}) == text


def test_contacts_are_refreshed_when_none_of_them_is_stale() -> None:
    fresh = {"id": "101", "account": "1", "title": "CEO", "last_contacted_at": day(2026, 9, 1)}
    old = {"id": "102", "account": "1", "title": "CEO", "last_contacted_at": day(2024, 9, 1)}
    asked = "{relationships: {refresh: true}}"
    names = {"program": {"more": "names: {}\n"}}
    assert _text(asked, [], [fresh], **names) == "refresh the contacts by 2026-12-31 (done)"
    assert _text(asked, [], [fresh, old], **names) == "refresh the contacts by 2026-12-31"
    assert _text(asked, [], [], **names) == "refresh the contacts by 2026-12-31"
    assert _text(asked, [], [fresh]) == "refresh the contacts by 2026-12-31"


@pytest.mark.parametrize(
    ("closed_at", "text"),
    [
        ([], "first purchase 0 of 1 by 2026-12-31; refresh the contacts by 2026-12-31"),
        ([day(2020, 1, 1)], "win back, purchases 0 of 1 by 2026-12-31; refresh the contacts by 2026-12-31"),
        ([None], "new purchases 0 of 1 by 2026-12-31; refresh the contacts by 2026-12-31"),
    ],
)
def test_a_stranger_is_won_or_won_back(closed_at: list[datetime | None], text: str) -> None:
    deals = [won(str(n), moment) for n, moment in enumerate(closed_at)]
    assert decided(assessed(program(), [{"id": "1"}], deals), TEXT)["1"] == text


def test_an_account_manager_s_account_without_an_objective_is_told() -> None:
    rules = program("{objectives: {greenfield: {revenue: {growth: 5}}}}")
    accounts = [{"id": "1", "owner": "7"}, {"id": "2", "owner": "gone"}, {"id": "3"}, {"id": "4", "owner": "7"}]
    world = assessed(rules, accounts, [won("11", day(2026, 5, 1), accounts=["4"])])
    assert decided(world, TEXT)["1"] is None
    assert decided(world, TEXT)["4"] == "average deal size $100 of $120 by 2026-12-31"
    assert [note.split(":")[0] for note in world.notes] == ["company 1"]


def test_an_excluded_account_has_its_category_and_no_objective() -> None:
    rules = program(more="exclude: {type: {eq: PARTNER}}\n")
    world = assessed(rules, [{"id": "1", "type": "PARTNER", "owner": "7"}], [won("11", day(2026, 5, 1))])
    assert decided(world) == {"1": "beachhead"}
    assert decided(world, TEXT) == {"1": None}
    assert world.notes == ()


MOMENTS = st.sampled_from([day(2023, 2, 1), day(2024, 3, 1), day(2025, 3, 1), day(2026, 3, 1), AS_OF])
RECORDS = st.tuples(
    st.lists(st.tuples(MOMENTS, st.sampled_from([-50_00, 100_00, 333_33])), max_size=6),
    st.lists(st.tuples(st.sampled_from(["CEO", "Director"]), MOMENTS), max_size=4),
)
EVERY = (
    "{revenue: {growth: 10}, relationships: {seniority: director, number: 2}, referenceability: true, "
    "average_deal_size: {growth: 20}, breadth: {}}"
)


@settings(deadline=None, max_examples=20)
@given(records=RECORDS, days=st.integers(0, 60))
def test_the_text_does_not_change_while_nothing_happens_in_the_period(records: Any, days: int) -> None:
    """From 2026-11-01 to the end of 2026, whatever grows older meanwhile."""
    deals = [won(str(n), closed, amount, unit=str(n)) for n, (closed, amount) in enumerate(records[0])]
    contacts = [
        {"id": str(n), "account": "1", "title": title, "last_contacted_at": at}
        for n, (title, at) in enumerate(records[1])
    ]
    later = AS_OF + timedelta(days=days)
    assert _text(EVERY, deals, contacts) == _text(EVERY, deals, contacts, as_of=later)
