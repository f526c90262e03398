"""The gaps report over the small portal: figures by hand (portal.py), read back from every format."""

from __future__ import annotations

import csv
import os
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from crmsync.engine.report import GapsData
from crmsync.engine.report import gaps as gaps_of
from crmsync.errors import RecordNotFound
from crmsync.report.gaps import gaps_csv, gaps_document, gaps_figures
from crmsync.report.markdown import markdown
from crmsync.report.page import html
from tests.report import portal
from tests.report.conftest import Opened

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def data(opened: Opened) -> GapsData:
    return gaps_of(opened(), as_of=AS_OF)


def test_fields_are_ranked_by_the_tiers_gained_over_the_accounts_they_hold_back(data: GapsData) -> None:
    # 2: revenue +3. 3: revenue alone +1, employees alone +0, both +3. 4: industry +4. 5: technologies +1.
    figures = gaps_figures(data)
    assert [(row["field"], row["accounts"], row["alone"], row["together"]) for row in figures["fields"]] == [
        ("industry", 1, 4, 4),
        ("revenue", 2, 4, 6),
        ("technologies", 1, 1, 1),
        ("employees", 1, 0, 3),
    ]
    assert (figures["assessed"], figures["held_back"]) == (7, 4)
    assert {row["field"]: row["fills"] for row in figures["fields"]} == {
        "industry": ["forms"],
        "revenue": ["sales"],
        "technologies": ["sales"],
        "employees": ["forms"],
    }


def test_the_csv_has_one_row_for_each_account_and_field(data: GapsData) -> None:
    rows = list(csv.DictReader(StringIO(gaps_csv(data))))
    keys = ("field", "fills", "id", "name", "owner", "tier", "if_filled_alone", "if_all_filled")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("industry", "forms", "4", "'=Drill()", "", "none", "tier_1", "tier_1"),
        ("revenue", "sales", "2", "Bellows & <Sons>", "Ben Ek", "tier_4", "tier_1", "tier_1"),
        ("revenue", "sales", "3", "Clamp", "Anna Snelling", "tier_4", "tier_3", "tier_1"),
        ("technologies", "sales", "5", "Easel", "Anna Snelling", "tier_2", "tier_1", "tier_1"),
        ("employees", "forms", "3", "Clamp", "Anna Snelling", "tier_4", "tier_4", "tier_1"),
    ]
    assert all(row["url"].endswith(f"/{row['id']}") for row in rows)


def test_markdown_reads_as_the_golden_file(data: GapsData) -> None:
    text = markdown(gaps_document(data))
    # Only when the portal was read is of the moment.
    text = text.replace(f"{data.head.read_at:%Y-%m-%d %H:%M}", "2026-11-01 08:00")
    path = GOLDEN / "gaps.md"
    if os.environ.get("CRMSYNC_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_page_says_the_same_with_everything_escaped(data: GapsData) -> None:
    page = html(gaps_document(data))
    assert "Bellows &amp; &lt;Sons&gt;" in page
    assert "<Sons>" not in page
    assert '<svg class="bars"' in page
    assert "4 accounts held back, 11 tiers to gain with everything filled." in page


def test_one_company_alone(opened: Opened) -> None:
    context = opened()
    found = gaps_figures(gaps_of(context, as_of=AS_OF, company="3"))
    assert [(row["id"], row["field"], row["alone"], row["together"]) for row in found["accounts"]] == [
        ("3", "revenue", "tier_3", "tier_1"),
        ("3", "employees", "tier_4", "tier_1"),
    ]
    nothing = gaps_of(context, as_of=AS_OF, company="1")
    text = markdown(gaps_document(nothing))
    assert text.startswith("# Data gaps of Anvil\n")
    assert "No missing field holds back the tier of this account." in text
    with pytest.raises(RecordNotFound, match="company has the id 99"):
        gaps_of(context, as_of=AS_OF, company="99")


def test_a_program_without_the_section_leaves_every_field_to_sales(opened: Opened) -> None:
    data = gaps_of(opened(portal.PROGRAM.rpartition("gaps:")[0]), as_of=AS_OF)
    fields = gaps_figures(data)["fields"]
    assert [row["field"] for row in fields] == ["industry", "revenue", "technologies", "employees"]
    assert all(row["fills"] == ["sales"] for row in fields)


def test_a_program_without_tiers_has_nothing_to_hold_back(opened: Opened) -> None:
    data = gaps_of(opened("program: bare\nicp: {employees: {gte: 50}}\n"), as_of=AS_OF)
    assert "The program decides no tier" in markdown(gaps_document(data))
    assert gaps_csv(data).splitlines() == [
        "field,fills,id,name,owner,tier,if_filled_alone,if_all_filled,url",
    ]
