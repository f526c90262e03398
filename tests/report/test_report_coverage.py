"""The coverage report over seven accounts: every figure worked by hand from the table below.

Wanted are 2 to 3 names in 2 departments, and two roles. `excluded` accounts are in the CSV and in no figure.
"""

from __future__ import annotations

import csv
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmsync.cli.face import to_json
from crmsync.engine.report import CoverageData, Head, Labels
from crmsync.report.coverage import coverage_csv, coverage_document, coverage_figures
from crmsync.report.markdown import markdown
from crmsync.report.page import html
from crmsync.report.words import share

GOLDEN = Path(__file__).parent / "golden"
HEAD = Head("main", "small", "abc123", datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 10, 31, 8, 30, tzinfo=UTC))
CDM, TQ = "commercial_decision_maker", "technical_qualifier"
ACCOUNTS = """\
id | name          | tier   | target    | known | needed | departments | missing  | stale | profile | title | contacts
1  | Anvil         | tier_1 | active    | 3     | 0      | 2           |          | 1     | 0       | 0     | 4
2  | Bellows       | tier_1 |           | 1     | 1      | 1           | TQ       | 0     | 1       | 1     | 1
3  | Clamp <b>     | tier_2 | at_risk   | 1     | 1      | 1           | CDM;TQ   | 0     | 1       | 0     | 1
4  | =Drill()      | tier_1 |           | 0     | 2      | 0           | CDM;TQ   | 2     | 2       | 0     | 2
10 | Easel         | none   | candidate | 5     | 0      | 3           |          | 0     | 0       | 0     | 5
6  | File          | tier_2 |           | 0     | 2      | 0           | CDM;TQ   | 0     | 0       | 0     | 0
7  | Grinder (out) | none   |           | 0     |        | 0           |          | 3     | 3       | 3     | 3
"""
DECIDED = {
    "category": ["a", "a", "b", "c", None, "c", None],
    "management": ["managed", "unmanaged", "managed", "managed", "unmanaged", "unmanaged", "managed"],
    "management_mismatch": [None, "needs_owner", None, "owned_c", None, None, None],
    "relationship": ["strategic", "greenfield", "core", "greenfield", "beachhead", "greenfield", "greenfield"],
    "coverage_model": ["strategic", "self_service", "account_manager", None, "self_service", "self_service", None],
}
LABELS = {
    "tier": Labels("tier", {"tier_1": "Tier 1", "tier_2": "Tier 2", "none": "None"}),
    "target_status": Labels("target status", {"candidate": "Candidate", "active": "Active", "at_risk": "At risk"}),
    "category": Labels("category", {"a": "A", "b": "B", "c": "C"}),
    "management": Labels("management", {"managed": "Managed", "unmanaged": "Unmanaged"}),
    "management_mismatch": Labels("mismatch", {"needs_owner": "Needs owner", "owned_c": "Owner on C"}),
    "relationship": Labels(
        "relationship", {name: name.capitalize() for name in ("strategic", "core", "beachhead", "greenfield")}
    ),
    "coverage_model": Labels(
        "coverage model",
        {"strategic": "Strategic", "account_manager": "Account manager", "self_service": "Self service"},
    ),
    "missing_roles": Labels("missing roles", {CDM: "Commercial Decision Maker", TQ: "Technical Qualifier"}),
}


def _accounts() -> pl.DataFrame:
    head, *lines = [[cell.strip() for cell in line.split("|")] for line in ACCOUNTS.splitlines()]
    rows = [dict(zip(head, line, strict=True)) for line in lines]
    number = {"known": "names_known", "needed": "names_needed", "departments": "departments_covered"}
    number |= {"stale": "stale", "profile": "without_profile", "title": "without_title", "contacts": "contacts"}
    missing = [row["missing"].replace("CDM", CDM).replace("TQ", TQ) or None for row in rows]
    return pl.DataFrame(
        {
            "id": [row["id"] for row in rows],
            "name": [row["name"] for row in rows],
            "owner": ["Anna", None, "Ben", "Anna", None, None, None],
            "url": [f"https://crm.example/{row['id']}" for row in rows],
            "excluded": [row["name"].endswith("(out)") for row in rows],
            "tier": [row["tier"] for row in rows],
            "target_status": [row["target"] or None for row in rows],
            **DECIDED,
            **{
                column: pl.Series([int(row[key]) if row[key] else None for row in rows], dtype=pl.Int64)
                for key, column in number.items()
            },
            "missing_roles": missing,
        }
    )


@pytest.fixture
def data() -> CoverageData:
    managers = pl.DataFrame(
        {"owner": ["Anna", None], "strategic_accounts": [12, 1], "limit": [10, 10], "over": [True, False]}
    )
    goals = {"minimum": 2, "maximum": 3, "departments": 2}
    return CoverageData(HEAD, _accounts(), LABELS, goals, roles=(CDM, TQ), managers=managers)


def _without(data: CoverageData, *columns: str) -> CoverageData:
    return replace(data, accounts=data.accounts.drop(columns))


def test_names_are_counted_over_the_accounts_that_are_not_excluded(data: CoverageData) -> None:
    assert coverage_figures(data)["names"] == {
        "minimum": 2,
        "maximum": 3,
        "departments": 2,
        "accounts": 6,
        "enough": 2,  # Anvil 3, Easel 5
        "short": 4,
        "without_any": 2,  # Drill, File
        "known_total": 10,  # 3 + 1 + 1 + 0 + 5 + 0
        "needed_total": 6,  # 1 + 1 + 2 + 2
        "contacts": 13,  # 4 + 1 + 1 + 2 + 5 + 0
        "stale": 3,
        "without_profile": 4,
        "without_title": 1,
        "enough_departments": 2,
        "missing_roles": {CDM: 3, TQ: 4},
    }


def test_decisions_are_counted_by_value_and_what_has_none_apart(data: CoverageData) -> None:
    figures = coverage_figures(data)
    assert figures["category"] == {"a": 2, "b": 1, "c": 2, "": 1}
    assert figures["management_mismatch"] == {"needs_owner": 1, "owned_c": 1, "": 4}
    assert figures["relationship"] == {"strategic": 1, "core": 1, "beachhead": 1, "greenfield": 3, "": 0}
    assert figures["coverage_model"] == {"strategic": 1, "account_manager": 1, "self_service": 3, "": 1}
    assert figures["excluded"] == 1


def test_accounts_come_target_first_then_by_tier_then_by_names_needed_then_by_id(data: CoverageData) -> None:
    # Seats: 1 (tier_1), 3 (tier_2). Then tier_1: 4 needs 2, 2 needs 1; tier_2: 6; none: 7 before 10, by number.
    order = ["1", "3", "4", "2", "6", "7", "10"]
    assert [row["id"] for row in coverage_figures(data)["accounts"]] == order
    assert [row["id"] for row in csv.DictReader(StringIO(coverage_csv(data)))] == order


def test_the_csv_has_every_figure_of_an_account(data: CoverageData) -> None:
    rows = {row["id"]: row for row in csv.DictReader(StringIO(coverage_csv(data)))}
    assert rows["4"] == {
        "id": "4",
        "name": "'=Drill()",
        "owner": "Anna",
        "excluded": "no",
        "tier": "tier_1",
        "target_status": "",
        "category": "c",
        "management": "managed",
        "management_mismatch": "owned_c",
        "relationship": "greenfield",
        "coverage_model": "",
        "names_known": "0",
        "names_needed": "2",
        "departments_covered": "0",
        "stale": "2",
        "without_profile": "2",
        "without_title": "0",
        "contacts": "2",
        "missing_roles": f"{CDM};{TQ}",
        "url": "https://crm.example/4",
    }
    assert rows["7"]["excluded"] == "yes"
    assert rows["7"]["names_needed"] == ""


def test_markdown_reads_as_the_golden_file(data: CoverageData) -> None:
    text, path = markdown(coverage_document(data)), GOLDEN / "coverage.md"
    if os.environ.get("CRMSYNC_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_page_has_no_tag_of_an_account(data: CoverageData) -> None:
    page = html(coverage_document(data))
    assert "Clamp &lt;b&gt;" in page
    assert "<b>" not in page


def test_the_json_document_holds_the_same(data: CoverageData) -> None:
    document: dict[str, Any] = json.loads(to_json(coverage_figures(data)))
    assert document["names"]["short"] == 4
    assert document["managers"][0] == {"owner": "Anna", "strategic_accounts": 12, "limit": 10, "over": True}
    assert len(document["accounts"]) == 7


@pytest.mark.parametrize(
    ("columns", "title", "gone"),
    [
        (("names_known", "names_needed", "departments_covered", "missing_roles"), "no section names", "## Names"),
        (("category", "management", "management_mismatch"), "no section category", "## Category"),
        (("relationship",), "no section relationship", "## Relationship"),
        (("coverage_model",), "no section strategic\\_accounts", "## Coverage model"),
    ],
)
def test_a_system_that_is_off_leaves_its_part_out_and_the_report_says_so(
    data: CoverageData, columns: tuple[str, ...], title: str, gone: str
) -> None:
    whole = markdown(coverage_document(data))
    text = markdown(coverage_document(_without(data, *columns)))
    assert gone in whole
    assert gone not in text
    assert "Not in this report" not in whole
    assert title.replace("\\", "") in text
    assert coverage_csv(_without(data, *columns)).splitlines()[0].startswith("id,name,owner,excluded")


def test_a_program_of_tiers_alone_still_makes_a_report(data: CoverageData) -> None:
    bare = replace(data, accounts=data.accounts.select("id", "name", "owner", "url", "excluded", "tier"), managers=None)
    text = markdown(coverage_document(bare))
    assert text.count("##") == 1
    assert [row["id"] for row in coverage_figures(bare)["accounts"]] == ["1", "2", "4", "3", "6", "7", "10"]


def test_an_empty_portal_makes_a_report(data: CoverageData) -> None:
    empty = replace(data, accounts=data.accounts.clear())
    assert coverage_figures(empty)["names"]["accounts"] == 0
    assert "0 of 0" in markdown(coverage_document(empty))
    assert "<svg" in html(coverage_document(empty))


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (412, 1000, "412 of 1,000 (41 %)"),
        (1, 8, "1 of 8 (13 %)"),
        (1, 1000, "1 of 1,000 (under 1 %)"),
        (0, 9, "0 of 9"),
        (0, 0, "0 of 0"),
    ],
)
def test_a_share_is_said_with_its_figures(part: int, whole: int, text: str) -> None:
    assert share(part, whole) == text
