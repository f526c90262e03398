"""One plan that has something of everything, and hostile names; worked by hand, not by the planner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from crmsync.model.plan import CHANGE_SCHEMA, GuardReading, Plan
from crmsync.planning.render import PEOPLE_SCHEMA

BASIS = {"complete": True}

_CHANGES = [
    ("company", "101", "abm_tier", "tier_2", "tier_1", "tiers", "technologies now has salesforce"),
    ("company", "101", "abm_target_status", None, "active", "targets", "selected from tier_1"),
    ("company", "102", "abm_tier", "tier_1", "tier_3", "tiers", "employees 214,000 is above 90,000"),
    ("company", "102", "abm_target_status", "active", "removed", "targets", "below tier_2 for 30 days"),
    ("company", "103", "abm_tier", None, "tier_2", "tiers", "=2+3 is what the CRM holds"),
    ("company", "104", "abm_data_gaps", "revenue", None, "tiers", "revenue is known now"),
    ("contact", "9", "abm_stakeholder_role", None, "end_user", "roles", "@SUM(A1) is the title"),
]
_PEOPLE = [
    ("company", "101", "Snap-on", "Anna Snelling", "https://app.example/company/101"),
    ("company", "102", "Dollar | Tree", "Ben Ek", "https://app.example/company/102"),
    ("company", "103", "<script>alert(1)</script> & Söhne", "", "javascript:alert(1)"),
    ("company", "104", '=HYPERLINK("http://evil.example")', "Anna Snelling", ""),
    ("contact", "9", "Zoë Marsh", "Ben Ek", "https://app.example/contact/9"),
]
_TIERS = {
    "rows": [
        {"tier": "tier_1", "now": 41, "after": 41},
        {"tier": "tier_2", "now": 97, "after": 97},
        {"tier": "tier_3", "now": 180, "after": 181},
        {"tier": "none", "now": 2, "after": 2},
    ],
    "unset_now": 5,
    "unset_after": 4,
}
_MOVES = {
    "up": 1, "down": 1, "first": 1, "held_by_person": 3, "could_rise": 41,
    "worth_a_look": [
        {"id": "102", "before": "tier_1", "after": "tier_3", "reason": "employees 214,000 is above 90,000"},
        {"id": "101", "before": "tier_2", "after": "tier_1", "reason": "technologies now has salesforce"},
    ],
}  # fmt: skip
_LISTS = [
    {"name": "ABM: Tier 1", "object": "company", "now": 41, "after": 41, "plus": 1, "minus": 1, "gains": ["101"],
     "loses": ["102"]},
    {"name": "ABM: Tier 4", "object": "company", "now": 0, "after": 0, "plus": 0, "minus": 0, "gains": [], "loses": []},
]  # fmt: skip


def summary() -> dict[str, Any]:
    return {
        "program": "example", "program_digest": "3f2a911",
        "read": {
            "company": {"read": 1000, "expected": 1000, "complete": True},
            "contact": {"read": 7125, "expected": 7125, "complete": True},
        },
        "calls": {"list": 81, "associations": 8, "schema": 2},
        "seconds": 9.2,
        "tiers": _TIERS,
        "moves": _MOVES,
        "targets": {
            "now": 22, "after": 22, "capacity": {"total": 25, "per_owner": 3}, "gained": ["101"], "gained_total": 1,
            "lost": [{"id": "102", "reason": "below tier_2 for 30 days"}], "lost_total": 1,
        },
        "objects": {
            "company": {"records": 4, "filled": 2, "changed": 3, "blanked": 1},
            "contact": {"records": 1, "filled": 1, "changed": 0, "blanked": 0},
        },
        "lists": _LISTS,
        "quality": {
            "unreadable": [{"object": "company", "id": "104", "field": "revenue", "value": "12,5 M€"}],
            "unreadable_total": 3,
            "duplicates": [{"domain": "snapon.example", "ids": ["101", "103"]}],
            "notes": ["The ICP holds 512 accounts; 500 is recommended."],
        },
        "kept_by_people": {"count": 2, "examples": []},
        "apply": {
            "changes": 7, "records": 5, "batches": 2, "reads": 0, "calls": 2, "daily_left": 624711,
            "daily_limit": 625000,
        },
        "schema": [{"what": "property", "name": "abm_tier"}, {"what": "property", "name": "abm_icp_fit"},
                   {"what": "property group", "name": "abm"}],
        "scope": {"in": 325, "out": 675},
    }  # fmt: skip


GUARDS = (
    GuardReading("min_snapshot", 8125, 8125, "98%", False, "snapshot complete"),
    GuardReading("max_tier_moves", 2, 320, "10%", False, "tier moves 2 of 320, 0.6 %; the limit is 10%"),
    GuardReading("max_targets_removed", 1, 22, "10", False, "targets removed 1 of 22, 4.5 %; the limit is 10"),
)
BREACH = GuardReading(
    "max_demotions", 17, 320, "5%", True,
    "demotions 17 of 320, 5.3 %; the limit is 5%. Look at the plan, then accept it with --accept max_demotions",
)  # fmt: skip


@pytest.fixture
def plan() -> Plan:
    rows = [(seq, *row, False) for seq, row in enumerate(_CHANGES, start=1)]
    return Plan(
        id="p-7c1e", portal="main", kind="full", as_of="2026-11-01T00:00:00+00:00", program="3f2a9117c0ffee00",
        created_at="2026-11-01T08:00:00+00:00", changes=pl.DataFrame(rows, schema=CHANGE_SCHEMA, orient="row"),
        basis=BASIS, summary=summary(), guards=GUARDS, digest="d0",
    )  # fmt: skip


@pytest.fixture
def people() -> pl.DataFrame:
    return pl.DataFrame(_PEOPLE, schema=PEOPLE_SCHEMA, orient="row")


@pytest.fixture
def empty(plan: Plan) -> Plan:
    kept = {key: value for key, value in plan.summary.items() if key in ("read", "calls", "seconds")}
    return replace(plan, changes=plan.changes.clear(), summary=kept)


@pytest.fixture
def breached(plan: Plan) -> Plan:
    return replace(plan, guards=(*GUARDS, BREACH))
