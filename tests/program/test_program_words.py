"""Words for people, each worked by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from test_program_conditions import condition

from crmsync.program import describe, explain, leaves, read_value
from crmsync.program.units import money_text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (473_000_000_000, "USD", "$4.73 B"),
        (472_960_000_000, "USD", "$4.73 B"),
        (500_000_000, "USD", "$5 M"),
        (2_500_000, "USD", "$25,000"),
        (1_050, "EUR", "€10.50"),
        (64_812_500_000_000, "USD", "$648 B"),
        (99_999_999, "USD", "$999,999.99"),
        (-500_000_000, "USD", "-$5 M"),
        (0, "USD", "$0"),
        (5_000_000, "JPY", "¥5 M"),
        (470_000_000, "CHF", "CHF 4.7 M"),
    ],
)
def test_money_is_short_and_carries_its_currency(minor: int, currency: str, text: str) -> None:
    assert money_text(minor, currency) == text


def test_a_threshold_is_never_rounded() -> None:
    assert money_text(1_999_999_900, "USD", exact=True) == "$19,999,999"
    assert money_text(2_000_000_000, "USD", exact=True) == "$20 M"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{revenue: {between: [5_000_000, 20_000_000]}}", "revenue is between $5 M and $20 M"),
        ("{employees: {gte: 2500}}", "employees is at least 2,500"),
        ("{founded_year: {lt: 1990}}", "founded_year is below 1990"),
        ("{country: {in: [US, CA]}}", "country is one of US, CA"),
        ("{country: {in: [US]}}", "country is US"),
        ("{country: {not_in: [US, CA, MX, BR, AR]}}", "country is not in the set"),
        ("{technologies: {has_any: [hubspot, salesforce]}}", "technologies has at least one of hubspot, salesforce"),
        ("{revenue: {known: true}}", "revenue is known"),
        ("{revenue: {known: false}}", "revenue is not known"),
        ("{created_at: {within_days: 30}}", "created_at is within the last 30 days"),
        ("{created_at: {gte: 2026-01-31}}", "created_at is at least 2026-01-31"),
        ("{is_public: {eq: true}}", "is_public is yes"),
    ],
)
def test_a_leaf_says_what_it_asks(text: str, words: str) -> None:
    assert describe(leaves(condition(text))[0], "USD") == words


@pytest.mark.parametrize(
    ("text", "value", "truth", "words"),
    [
        ("{revenue: {between: [3_000_000_000, 40_000_000_000]}}", 473_000_000_000, True,
         "revenue $4.73 B is between $3 B and $40 B"),
        ("{employees: {between: [2500, 90_000]}}", 214_000, False, "employees 214,000 is above 90,000"),
        ("{employees: {between: [2500, 90_000]}}", 12, False, "employees 12 is below 2,500"),
        ("{revenue: {lte: 20_000_000}}", 2_000_000_100, False, "revenue $20,000,001 is above $20 M"),
        ("{region: {in: [a, b, c, d, e]}}", "Florida", False, "region Florida is not in the set"),
        ("{technologies: {has_any: [a]}}", None, None, "technologies is not known; asked is that it has a"),
        ("{technologies: {has_any: [a, b]}}", [], False, "technologies none has none of a, b"),
        ("{revenue: {unknown: true}}", None, True, "revenue is not known"),
        ("{revenue: {unknown: true}}", 100, False, "revenue $1 is known"),
    ],
)  # fmt: skip
def test_an_explanation_gives_the_value_and_the_reason(text: str, value: Any, truth: bool | None, words: str) -> None:
    assert explain(leaves(condition(text))[0], value, truth, "USD") == words


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("{employees: {gte: 1}}", 12_900, "12,900"),
        ("{region: {eq: x}}", "Wisconsin", "Wisconsin"),
        ("{technologies: {has_any: [x]}}", ["salesforce", "marketo"], "salesforce, marketo"),
        ("{created_at: {gte: 2026-01-01}}", datetime(2026, 1, 31, 12, 30, tzinfo=UTC), "2026-01-31 12:30"),
        ("{revenue: {gte: 1}}", None, "nothing"),
    ],
)
def test_a_value_is_written_as_people_write_it(text: str, value: Any, words: str) -> None:
    assert read_value(leaves(condition(text))[0], value, "USD") == words
