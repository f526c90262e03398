"""What an account has bought, from its deals: certain counts, and what they are at least where a deal is unclear."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from crmsync.assess import run as assessment
from crmsync.model.fields import FIELDS, ObjectName
from crmsync.model.snapshot import Coverage, Snapshot
from crmsync.program.loader import load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
BOUGHT, AFTER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)


def _icp(condition: str, deals: list[dict[str, Any]], coverage: dict[ObjectName, Coverage] | None = None) -> str:
    """`icp_fit` of account 1 under a condition over its deals."""
    program = load_program_text(f"program: p\ncurrency: USD\nicp: {condition}\n", "p", assessment.sections())
    schema = {name: field.kind.dtype for name, field in FIELDS["deal"].items()}
    rows = [{"id": str(n), "accounts": ["1"], "is_closed": True, **deal} for n, deal in enumerate(deals)]
    frames = {"company": pl.DataFrame({"id": ["1"]}), "deal": pl.DataFrame(rows, schema=schema)}
    return str(assessment.assess(Snapshot(frames, AS_OF, coverage or {}), program).accounts["out.icp_fit"][0])


WON = {"is_won": True, "closed_at": BOUGHT, "amount": 500_00}
UNDATED = {"is_won": True, "amount": 500_00}


@pytest.mark.parametrize(
    ("condition", "deals", "fits"),
    [
        ("{purchases: {gte: 1}}", [], "no"),
        ("{purchases: {gte: 1}}", [WON], "yes"),
        ("{purchases: {gte: 1}}", [WON | {"closed_at": AFTER}], "no"),
        ("{purchases: {gte: 1}}", [WON | {"is_won": False}], "no"),
        ("{purchases: {gte: 1}}", [WON | {"amount": -500_00}], "no"),  # a refund is no purchase
        ("{purchases: {gte: 1}}", [UNDATED], "unknown"),
        ("{purchases: {gte: 1}}", [WON, UNDATED], "yes"),  # one is certain, whatever the other is
        ("{purchases: {gte: 2}}", [WON, UNDATED], "unknown"),
        ("{purchases: {lte: 1}}", [WON, UNDATED], "unknown"),
        ("{purchases: {lt: 1}}", [WON, UNDATED], "no"),
        ("{purchases: {eq: 0}}", [WON, UNDATED], "no"),
        ("{purchases: {gte: 1}}", [{"closed_at": BOUGHT}], "unknown"),  # nobody knows whether it is won
        ("{spend: {gte: 900}}", [WON, WON], "yes"),
        ("{spend: {gte: 900}}", [WON, WON | {"amount": None}], "unknown"),
        ("{spend: {gte: 500}}", [WON, WON | {"amount": None}], "yes"),
        ("{spend: {between: [100, 400]}}", [WON, WON | {"amount": None}], "no"),  # it is 500 or more
        ("{spend: {gte: 100}}", [WON, WON | {"amount": -450_00}], "no"),  # 500 less 450
        # Twice 50,000 million million dollars is more cents than 64 bits hold: at least what they do, not below zero.
        ("{spend: {gte: 900}}", [WON | {"amount": 5 * 10**18}] * 2, "yes"),
        ("{spend: {lt: 900}}", [WON | {"amount": 5 * 10**18}] * 2, "no"),
        # An open deal is not won, though nothing says so and the day it was to close has gone by.
        ("{purchases: {gte: 1}}", [{"is_closed": False, "closed_at": BOUGHT, "amount": 500_00}], "no"),
        ("{open_deals: {gte: 1}}", [{"is_closed": False}], "yes"),
        ("{open_deals: {gte: 1}}", [{"is_closed": None}], "unknown"),
        ("{last_purchase_at: {within_days: 365}}", [WON], "yes"),
        ("{last_purchase_at: {within_days: 365}}", [WON, UNDATED], "unknown"),
        ("{not: {purchases: {gte: 1}}}", [UNDATED], "unknown"),
    ],
)
def test_conditions_over_deals(condition: str, deals: list[dict[str, Any]], fits: str) -> None:
    assert _icp(condition, deals) == fits


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ("{purchases: {gte: 1}}", "yes"),
        ("{purchases: {gte: 2}}", "unknown"),  # the one that was not read
        ("{spend: {gte: 500}}", "unknown"),  # that one may be a refund
        ("{open_deals: {gte: 1}}", "unknown"),
        ("{last_purchase_at: {within_days: 30}}", "unknown"),
    ],
)
def test_where_not_every_deal_was_read_purchases_are_known_from_below(condition: str, fits: str) -> None:
    assert _icp(condition, [WON], {"deal": Coverage(1, 2)}) == fits


def test_a_deal_counts_for_each_of_its_companies_and_once_for_one() -> None:
    program = load_program_text("program: p\nicp: {purchases: {eq: 1}}\n", "p", assessment.sections())
    schema = {name: field.kind.dtype for name, field in FIELDS["deal"].items()}
    deal = {"id": "9", "accounts": ["1", "2", "1"], "is_closed": True, **WON}
    frames = {"company": pl.DataFrame({"id": ["1", "2", "3"]}), "deal": pl.DataFrame([deal], schema=schema)}
    world = assessment.assess(Snapshot(frames, AS_OF), program)
    assert world.accounts["purchases"].to_list() == [1, 1, 0]
