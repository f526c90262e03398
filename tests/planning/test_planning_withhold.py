"""What is held back takes along what would be a lie without it, and nothing else (domain.md B1, design.md)."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmsync.model.outputs import NativePolicy, Output, OutputKind
from crmsync.model.plan import CHANGE_SCHEMA
from crmsync.planning.diff import NativeRule
from crmsync.planning.withhold import drop_with_companions, from_partial, hand_edits

OUTPUTS = (
    Output("tier", "company", OutputKind.ENUM, "Tier", system="tiers", ranked=("none", "tier_2", "tier_1")),
    Output("data_gaps", "company", OutputKind.MULTI, "Gaps", system="tiers"),
    Output("tier_reason", "company", OutputKind.TEXT, "Reason", system="tiers", follows=True),
    Output("tier_changed_at", "company", OutputKind.DATETIME, "Changed at", system="tiers", follows=True),
    Output("target_status", "company", OutputKind.ENUM, "Status", system="targets"),
    Output("stakeholder_role", "contact", OutputKind.MULTI, "Role", system="roles", keep_hand_edits=True),
)
TARGET = NativeRule(
    "target_account", "company", "hs_is_target_account", "target_status", NativePolicy.OWN, {"active": "true"}
)
BUYING = NativeRule(
    "buying_role",
    "contact",
    "hs_buying_role",
    "stakeholder_role",
    NativePolicy.FILL_BLANK,
    {"influencer": "INFLUENCER"},
)


def _changes(*rows: tuple[str, str, str, str | None, str | None]) -> pl.DataFrame:
    """Changes of record 1 from (object, property, rule, before, after)."""
    full: list[tuple[Any, ...]] = [
        (seq, object_, "1", property_, before, after, rule, "", rule.startswith("mapping."))
        for seq, (object_, property_, rule, before, after) in enumerate(rows, 1)
    ]
    return pl.DataFrame(full, schema=CHANGE_SCHEMA, orient="row")


def _written(*rows: tuple[str, str, str]) -> pl.DataFrame:
    """What the ledger wrote, from (id, property, value) of contacts."""
    schema = dict.fromkeys(("object", "id", "property", "value"), pl.String)
    return pl.DataFrame([("contact", *row) for row in rows], schema=schema, orient="row")


MOVE = (
    ("company", "abm_data_gaps", "tiers", "revenue", None),
    ("company", "abm_tier", "tiers", "tier_2", "tier_1"),
    ("company", "abm_tier_changed_at", "tiers", "2026-01-01T00:00:00Z", "2026-11-01T00:00:00Z"),
    ("company", "abm_tier_reason", "tiers", "meets ICP", "meets ICP, revenue"),
)


def _without(property_: str) -> list[str]:
    kept, _ = drop_with_companions(_changes(*MOVE), pl.col("property") != property_, OUTPUTS, prefix="abm_")
    return kept["property"].to_list()


def test_a_tier_that_moves_keeps_its_date_and_reason_where_its_gaps_are_refused() -> None:
    assert _without("abm_data_gaps") == ["abm_tier", "abm_tier_changed_at", "abm_tier_reason"]


def test_a_tier_that_is_refused_takes_its_date_and_reason_along() -> None:
    assert _without("abm_tier") == ["abm_data_gaps"]


def test_the_crms_own_flag_is_not_set_for_a_status_that_a_partial_read_holds_back() -> None:
    changes = _changes(
        ("company", "abm_target_status", "targets", "candidate", "active"),
        ("company", "hs_is_target_account", "mapping.target_account", None, "true"),
    )
    kept, held_back = from_partial(changes, OUTPUTS, prefix="abm_", natives=[TARGET])
    assert kept.is_empty()
    assert held_back.height == 2


def test_the_crms_own_buying_role_does_not_contradict_the_role_that_a_person_entered() -> None:
    changes = _changes(
        ("contact", "abm_stakeholder_role", "roles", "end_user", "influencer"),
        ("contact", "hs_buying_role", "mapping.buying_role", None, "INFLUENCER"),
    )
    kept, held_back = hand_edits(changes, _written(), OUTPUTS, prefix="abm_", natives=[BUYING])
    assert kept.is_empty()
    assert held_back.height == 2


def test_our_own_roles_in_another_order_are_no_entry_by_a_person() -> None:
    changes = _changes(("contact", "abm_stakeholder_role", "roles", "end_user;influencer", "influencer"))
    written = _written(("1", "abm_stakeholder_role", "influencer;end_user"))
    kept, _ = hand_edits(changes, written, OUTPUTS, prefix="abm_")
    assert kept.height == 1
