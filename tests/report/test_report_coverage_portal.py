"""Coverage from the CRM to the document: the small portal through a sandbox, its figures by hand (portal.py).

As of 2026-11-01 a name is stale when it was last contacted before 2025-11-01. Anvil knows its CFO (finance) and its
marketing director, and its IT manager is stale; Bellows knows one person without a title; Grinder is excluded.
"""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from io import StringIO

import pytest

from crmsync.engine.report import coverage
from crmsync.errors import RecordNotFound
from crmsync.report.coverage import coverage_csv, coverage_document, coverage_figures
from crmsync.report.markdown import markdown
from crmsync.report.page import html
from tests.report import portal
from tests.report.conftest import Opened

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


def test_figures_of_the_portal(opened: Opened) -> None:
    figures = coverage_figures(coverage(opened(portal.COVERAGE_PROGRAM, portal.CONTACTS), as_of=AS_OF))
    assert figures["names"] == {
        "minimum": 2,
        "maximum": 3,
        "departments": 2,
        "accounts": 6,
        "enough": 1,  # Anvil
        "short": 5,
        "without_any": 4,
        "known_total": 3,
        "needed_total": 9,  # Bellows 1, four others 2
        "contacts": 4,
        "stale": 1,
        "without_profile": 3,
        "without_title": 1,
        "enough_departments": 1,
        # The CFO decides, the director has influence; nobody known qualifies the technical side.
        "missing_roles": {"commercial_decision_maker": 5, "technical_qualifier": 6, "influencer": 5},
    }
    # 9 M is an A; a missing revenue decides no category. Drill has no owner.
    assert figures["category"] == {"a": 3, "b": 0, "c": 0, "": 3}
    assert figures["management_mismatch"] == {"needs_owner": 1, "owned_c": 0, "": 5}
    assert figures["coverage_model"]["strategic"] == 3
    managers = {row["owner"]: (row["strategic_accounts"], row["over"]) for row in figures["managers"]}
    assert managers == {"Anna Snelling": (2, True), None: (1, False)}
    assert figures["not_in_this_report"] == ["relationship categories"]


def test_a_row_of_the_csv_is_what_was_decided_of_the_account(opened: Opened) -> None:
    data = coverage(opened(portal.COVERAGE_PROGRAM, portal.CONTACTS), as_of=AS_OF)
    rows = {row["id"]: row for row in csv.DictReader(StringIO(coverage_csv(data)))}
    assert list(rows) == ["1", "5", "3", "2", "4", "6", "7"]  # tier_1, tier_2, two of tier_4, none
    wanted = {
        "owner": "Anna Snelling", "tier": "tier_1", "category": "a", "names_known": "2", "names_needed": "0",
        "departments_covered": "2", "missing_roles": "technical_qualifier", "contacts": "3", "stale": "1",
    }  # fmt: skip
    assert {name: rows["1"][name] for name in wanted} == wanted
    assert (rows["7"]["excluded"], rows["7"]["names_needed"], rows["7"]["category"]) == ("yes", "", "")


def test_one_company_with_its_people_and_their_chart(opened: Opened) -> None:
    data = coverage(opened(portal.COVERAGE_PROGRAM, portal.CONTACTS), as_of=AS_OF, company="1")
    people = [
        (row["name"], row["department"], row["seniority"], row["role"], row["stale"])
        for row in coverage_figures(data)["people"]
    ]
    assert people == [
        ("Ada Amt", "finance", "c_suite", "commercial_decision_maker", False),
        ("Cy <Cole>", "marketing", "director", "influencer", False),
        ("Bo Berg", "it", "manager", "technical_qualifier", True),
    ]
    text = markdown(coverage_document(data))
    assert text.startswith("# Coverage of Anvil\n")
    assert "- **Names**: 2 of 2 to 3" in text
    assert "- **Contacts**: 3: 1 stale, 2 without LinkedIn or X, 0 without a job title" in text
    assert "```mermaid\n---\n" in text
    assert "flowchart TD" in text
    page = html(coverage_document(data))
    assert page.count("<svg") == 1
    assert "<Cole>" not in page
    rows = list(csv.DictReader(StringIO(coverage_csv(data))))
    assert [(row["id"], row["stale"]) for row in rows] == [("101", "no"), ("103", "no"), ("102", "yes")]


def test_no_format_holds_an_address(opened: Opened) -> None:
    data = coverage(opened(portal.COVERAGE_PROGRAM, portal.CONTACTS), as_of=AS_OF, company="1")
    for text in (markdown(coverage_document(data)), html(coverage_document(data)), coverage_csv(data)):
        assert "@" not in text.replace("@media", "")
    assert "anvil.example" not in str(coverage_figures(data)["people"])


def test_a_company_with_nobody_and_one_that_is_excluded(opened: Opened) -> None:
    context = opened(portal.COVERAGE_PROGRAM, portal.CONTACTS)
    nobody = markdown(coverage_document(coverage(context, as_of=AS_OF, company="3")))
    assert "Nobody is known at this account." in nobody
    assert "- **Names**: 0 of 2 to 3; 2 names needed" in nobody
    excluded = markdown(coverage_document(coverage(context, as_of=AS_OF, company="7")))
    assert "The program excludes this account." in excluded
    with pytest.raises(RecordNotFound, match="company has the id 99"):
        coverage(context, as_of=AS_OF, company="99")


def test_without_roles_nothing_is_said_of_departments_and_roles(opened: Opened) -> None:
    program = portal.COVERAGE_PROGRAM.replace("roles: {vocabulary: titles}\n", "")
    data = coverage(opened(program, portal.CONTACTS), as_of=AS_OF)
    text = markdown(coverage_document(data))
    assert "## Names" in text
    assert "## Departments" not in text
    assert "## Roles missing" not in text
    assert "departments_covered" not in coverage_csv(data)


def test_a_portal_without_a_single_contact(opened: Opened) -> None:
    context = opened(portal.COVERAGE_PROGRAM)
    whole = markdown(coverage_document(coverage(context, as_of=AS_OF)))
    assert "## Category and owners" in whole
    one = coverage(context, as_of=AS_OF, company="1")
    assert markdown(coverage_document(one)).startswith("# Coverage of Anvil\n")
    assert coverage_csv(one).startswith("id,name")
