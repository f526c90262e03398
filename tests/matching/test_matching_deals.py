"""Deals of two CRMs, case by case. Amounts are in cents."""

from __future__ import annotations

from typing import Any

import pytest

from crmsync.matching.deals import match_deals
from crmsync.matching.score import SEVERAL
from crmsync.model.decided import Decided
from tests.matching.crms import asked, both, deals, paired, why

ANVIL = both(("1", "A"), ("2", "B"))
LEFT: dict[str, Any] = {"id": "10", "name": "Anvil - Renewal 2026", "accounts": ["1"]}
RIGHT: dict[str, Any] = {"id": "20", "name": "ANVIL: renewal 2026", "accounts": ["A"]}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"amount": 100_00}, {"amount": 100_00}),
        ({"closed": "2026-10-01"}, {"closed": "2026-10-01"}),
        ({"amount": 100_00, "closed": "2026-10-01"}, {"amount": 90_00, "closed": "2026-10-01"}),
        ({"amount": 100_00, "closed": "2026-10-01"}, {"amount": 100_00, "closed": "2026-10-20"}),
        ({"amount": 100_00, "closed": "2026-10-01"}, {"amount": 100_00}),
    ],
)
def test_account_name_and_amount_or_date_are_one_deal(mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert paired(match_deals(deals(LEFT | mine), deals(RIGHT | theirs), ANVIL)) == {("10", "20"): "account_name"}


@pytest.mark.parametrize(
    ("mine", "theirs", "reason"),
    [
        ({}, {}, "no amount or date"),
        ({"amount": 100_00}, {"amount": 90_00}, "another amount or close date"),
        ({"amount": 1, "closed": "2025-10-01"}, {"amount": 1, "closed": "2026-10-01"}, "a renewal?"),
        (
            {"amount": 100_00, "closed": "2026-10-01", "accounts": []},
            {"amount": 100_00, "closed": "2026-10-01"},
            "no company in common",
        ),
    ],
)
def test_a_name_and_less_is_asked(mine: dict[str, Any], theirs: dict[str, Any], reason: str) -> None:
    found = match_deals(deals(LEFT | mine), deals(RIGHT | theirs), ANVIL)
    assert found.pairs.is_empty()
    assert reason in why(found)["10", "20"]


@pytest.mark.parametrize("theirs", [{"accounts": ["B"]}, {"accounts": ["A"], "name": "Another"}, {"accounts": None}])
def test_an_amount_elsewhere_or_under_another_name_says_nothing(theirs: dict[str, Any]) -> None:
    found = match_deals(deals(LEFT | {"amount": 100_00}), deals(RIGHT | {"amount": 100_00} | theirs), ANVIL)
    assert found.pairs.is_empty()
    assert found.review.is_empty()


def test_renewals_of_one_amount_are_told_by_their_dates() -> None:
    years = ("2024-03-01", "2025-03-01", "2026-03-01")
    left = deals(*(LEFT | {"id": f"1{n}", "amount": 5, "closed": day} for n, day in enumerate(years)))
    right = deals(*(RIGHT | {"id": f"2{n}", "amount": 5, "closed": day} for n, day in enumerate(years)))
    found = match_deals(left, right, ANVIL)
    assert set(paired(found)) == {("10", "20"), ("11", "21"), ("12", "22")}
    assert found.review.is_empty()


def test_two_that_only_the_amount_tells_are_asked() -> None:
    twice = [RIGHT | {"id": id_, "amount": 5} for id_ in ("20", "21")]
    found = match_deals(deals(LEFT | {"amount": 5}), deals(*twice), ANVIL)
    assert found.pairs.is_empty()
    assert why(found) == {("10", "20"): SEVERAL, ("10", "21"): SEVERAL}


def test_one_company_in_common_is_enough() -> None:
    left = deals(LEFT | {"accounts": ["9", "1", "2"], "amount": 5})
    right = deals(RIGHT | {"accounts": ["B", "A"], "amount": 5})
    assert paired(match_deals(left, right, ANVIL)) == {("10", "20"): "account_name"}


def test_decision_then_id() -> None:
    left, right = deals(LEFT | {"counterpart": "20"}), deals(RIGHT, RIGHT | {"id": "21"})
    assert paired(match_deals(left, right, ANVIL)) == {("10", "20"): "native"}
    assert paired(match_deals(left, right, ANVIL, Decided(same=(("21", "10"),)))) == {("10", "21"): "decided"}
    apart = match_deals(left, right, ANVIL, Decided(different=(("10", "20"),)))
    assert apart.pairs.is_empty()
    assert asked(apart) == {("10", "21")}


def test_columns_may_be_absent() -> None:
    left, right = deals(LEFT).select("id", "name"), deals(RIGHT).select("id", "accounts")
    found = match_deals(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert found.review.is_empty()
