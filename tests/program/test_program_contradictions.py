"""Layers that can never be true are told; what can be true never is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from test_program_conditions import CONDITIONS, ROWS, by_hand, condition

from crmsync.program import All, Condition, never_true


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "[{revenue: {between: [5_000_000, 20_000_000]}}, {revenue: {gte: 50_000_000}}]",
            "revenue is between $5 M and $20 M (line 1) and revenue is at least $50 M (line 1) cannot both be true",
        ),
        ("[{employees: {gt: 100}}, {country: {in: [US]}}, {employees: {lte: 100}}]", "cannot both be true"),
        ("[{country: {in: [US, CA]}}, {country: {in: [NO]}}]", "cannot both be true"),
        ("[{country: {in: [US]}}, {not: {country: {eq: US}}}]", "cannot both be true"),
        ("[{industry: {eq: RETAIL}}, {industry: {not_in: [retail]}}]", "cannot both be true"),
        ("[{revenue: {unknown: true}}, {revenue: {gt: 1}}]", "cannot both be true"),
        ("[{is_public: {ne: true}}, {is_public: {ne: false}}]", "cannot both be true"),
        ("[{technologies: {has_all: [a]}}, {not: {technologies: {has_any: [a, b]}}}]", "cannot both be true"),
        ("[{created_at: {within_days: 30}}, {created_at: {older_than_days: 30}}]", "cannot both be true"),
        ("[{created_at: {lt: 2026-01-01}}, {created_at: {gte: 2026-01-01}}]", "cannot both be true"),
        ("{any: [[{employees: {gt: 5}}, {employees: {lt: 3}}], [{employees: {eq: 1}}, {employees: {eq: 2}}]]}", "both"),
        ("[{employees: {in: [1, 2]}}, {employees: {between: [3, 9]}}]", "cannot both be true"),
        ("{not: {any: [{employees: {lte: 5}}, {employees: {gt: 5}}]}}", "cannot both be true"),
        ("[{name: {eq: Acme}}, {name: {ne: ACME}}]", "cannot both be true"),
    ],
)
def test_a_condition_that_can_never_be_true_says_why(text: str, reason: str) -> None:
    assert reason in (never_true(condition(text)) or "")


@pytest.mark.parametrize(
    "text",
    [
        "{employees: {gte: 25}}",
        "[{employees: {gte: 25}}, {employees: {lte: 25}}]",
        "{any: [[{employees: {gt: 5}}, {employees: {lt: 3}}], {employees: {eq: 1}}]}",
        "[{created_at: {within_days: 30}}, {created_at: {older_than_days: 29}}]",
        "[{created_at: {lte: 2026-01-01}}, {created_at: {gte: 2026-01-01}}]",
        "[{technologies: {has_any: [a, b]}}, {not: {technologies: {has_any: [a]}}}]",
        "[{name: {contains: a}}, {name: {contains: b}}]",
    ],
)
def test_a_condition_that_can_be_true_is_let_through(text: str) -> None:
    assert never_true(condition(text)) is None


@given(CONDITIONS, ROWS)
def test_no_row_satisfies_what_is_called_never_true(node: Condition, row: dict[str, Any]) -> None:
    if never_true(node) is not None:
        assert by_hand(node, row) is not True


def test_many_alternatives_end_without_a_claim_or_with_a_right_one() -> None:
    wide = "{any: [" + ", ".join(f"{{employees: {{eq: {n}}}}}" for n in range(60)) + "]}"
    other = wide.replace("employees", "founded_year")
    assert never_true(condition(f"[{wide}, {other}, {{revenue: {{gt: 1}}}}]")) is None
    parts = (condition(wide), condition("{employees: {gt: 100}}"))
    assert never_true(All(parts)) is not None
