"""What a person reads of a plan. Golden files: run with CRMSYNC_UPDATE_GOLDEN=1 to write them, then read the diff."""

from __future__ import annotations

import csv
import json
import os
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.errors import CrmsyncError
from crmsync.model.plan import CHANGE_SCHEMA, Plan
from crmsync.planning.render import (
    FORMATS,
    PEOPLE_SCHEMA,
    Format,
    plan_from_json,
    render,
    render_csv,
    render_html,
    render_json,
    render_markdown,
    render_text,
)
from crmsync.planning.render.flow import bands, flow_svg
from crmsync.planning.render.markdown import escape
from crmsync.planning.render.table import harmless

GOLDEN = Path(__file__).parent / "golden"


def golden(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("CRMSYNC_UPDATE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "format_"),
    [("plan.txt", "text"), ("plan.md", "markdown"), ("plan.html", "html"), ("plan.csv", "csv"), ("plan.json", "json")],
)
def test_a_plan_reads_as_its_golden_file(name: str, format_: Format, plan: Plan, people: pl.DataFrame) -> None:
    golden(name, render(format_, plan, people))


def test_a_breached_plan_names_the_guard_and_the_remedy(breached: Plan, people: pl.DataFrame) -> None:
    text = render_text(breached, people)
    golden("breached.txt", text)
    assert "crmsync apply p-7c1e --accept max_demotions --reason TEXT" in text
    for format_ in ("markdown", "html"):
        assert "Guard breached." in render(format_, breached, people)


def test_a_narrow_terminal_stacks_what_a_wide_one_sets_side_by_side(plan: Plan, people: pl.DataFrame) -> None:
    text = render_text(plan, people, width=80)
    golden("narrow.txt", text)
    assert max(len(line) for line in text.splitlines()) <= 80


def test_colour_is_only_for_terminals(plan: Plan, people: pl.DataFrame) -> None:
    assert "\x1b[" not in render_text(plan, people)
    assert "\x1b[" in render_text(plan, people, color=True)


def test_a_name_cannot_steer_the_terminal(plan: Plan) -> None:
    people = pl.DataFrame([("company", "101", "\x1b[2JEvil\nCo\x9b", "", "")], schema=PEOPLE_SCHEMA, orient="row")
    text = render_text(plan, people)
    assert not {"\x1b", "\x9b"} & set(text)
    assert "·[2JEvil Co·" in text


def test_an_empty_plan_says_why_it_is_empty(empty: Plan) -> None:
    assert "Nothing to do: the CRM holds what the program says." in render_text(empty)
    nobody = {"read": {"company": {"read": 0, "expected": 0, "complete": True}}}
    without = replace(empty, summary=nobody)
    assert "Nothing to do: the portal has no companies." in render_text(without)
    undone = replace(empty, undoes="r-31b", summary={})
    assert "Nothing to undo" in render_text(undone)


@pytest.mark.parametrize("format_", FORMATS)
def test_a_plan_without_any_figure_renders(format_: Format, plan: Plan) -> None:
    bare = replace(plan, summary={}, basis={}, guards=())
    assert "101" in render(format_, bare)
    assert render(format_, replace(bare, changes=bare.changes.clear()))


def test_an_incomplete_read_is_told_in_figures(plan: Plan) -> None:
    read = {"company": {"read": 900, "expected": 1000, "complete": False}}
    assert "INCOMPLETE: 900 of 1,000 companies" in render_text(replace(plan, summary={"read": read}))


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        self.links += [href for href in [given.get("href")] if href]
        self.loaded += [src for src in [given.get("src")] if src]

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def elements(page: str) -> _Elements:
    parser = _Elements()
    parser.feed(page)
    parser.close()
    return parser


def test_a_name_with_markup_stays_text_on_the_page(plan: Plan, people: pl.DataFrame) -> None:
    parsed = elements(render_html(plan, people))
    assert parsed.tags.count("script") == 1
    assert any("<script>alert(1)</script> & Söhne" in part for part in parsed.text)


def test_only_web_addresses_become_links(plan: Plan, people: pl.DataFrame) -> None:
    assert all(link.startswith("https://") for link in elements(render_html(plan, people)).links)
    assert "javascript:" not in render_markdown(plan, people)


def test_the_page_loads_nothing_from_elsewhere(plan: Plan, people: pl.DataFrame) -> None:
    page = render_html(plan, people)
    parsed = elements(page)
    assert not parsed.loaded
    assert not {"link", "iframe", "img"} & set(parsed.tags)
    assert "url(" not in page
    assert "@import" not in page


@given(st.text(max_size=40))
def test_no_text_breaks_out_of_the_page(hostile: str) -> None:
    change = (1, "company", "1", "abm_tier", hostile, hostile, "tiers", hostile, False)
    frame = pl.DataFrame([change], schema=CHANGE_SCHEMA, orient="row")
    people = pl.DataFrame([("company", "1", hostile, hostile, hostile)], schema=PEOPLE_SCHEMA, orient="row")
    plain = Plan("p", "main", "full", "2026-11-01", "x", "2026-11-01", frame, {}, {})
    tags = elements(render_html(plain, people)).tags
    assert [tag for tag in tags if tag != "a"] == [tag for tag in elements(render_html(plain)).tags if tag != "a"]


def test_bands_add_up_to_the_tier_table(plan: Plan) -> None:
    found = {(band.before, band.after): band.count for band in bands(plan)}
    assert found == {
        ("tier_1", "tier_1"): 40, ("tier_1", "tier_3"): 1, ("tier_2", "tier_1"): 1, ("tier_2", "tier_2"): 96,
        ("tier_3", "tier_3"): 180, ("none", "none"): 2, ("no value", "no value"): 4, ("no value", "tier_2"): 1,
    }  # fmt: skip


def test_the_picture_is_well_formed_and_says_its_figures(plan: Plan) -> None:
    root = ET.fromstring(flow_svg(plan))
    titles = [node.text for node in root.iter("title")]
    assert "tier_1 to tier_3: 1" in titles
    assert "tier_2 stays: 96" in titles


def test_no_picture_where_nobody_moves(empty: Plan) -> None:
    assert flow_svg(empty) == ""


def test_markdown_in_a_name_takes_no_effect() -> None:
    assert escape("a|b [x](y) <b> @all") == "a\\|b \\[x\\]\\(y\\) &lt;b\\> @\u200ball"


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_no_cell_starts_like_a_formula_unless_it_is_a_number(value: str) -> None:
    cell = harmless(value)
    assert cell.removeprefix("'") == value.removeprefix("'")
    if cell[:1] in ("=", "+", "-", "@", "\t", "\r") and cell:
        float(cell)


def test_csv_reads_back_with_every_change(plan: Plan, people: pl.DataFrame) -> None:
    rows = list(csv.DictReader(StringIO(render_csv(plan, people))))
    assert [row["seq"] for row in rows] == [str(seq) for seq in range(1, 8)]
    assert rows[5]["name"].startswith("'=HYPERLINK")
    assert rows[6]["reason"] == "'@SUM(A1) is the title"
    assert rows[5]["after"] == ""


def test_a_plan_survives_its_json(plan: Plan, people: pl.DataFrame) -> None:
    again = plan_from_json(render_json(plan, people))
    assert again.changes.equals(plan.changes)
    assert replace(again, changes=plan.changes) == plan


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", json.dumps({"format": "crmsync-plan-1"})])
def test_a_file_that_is_no_plan_is_told_in_one_message(text: str) -> None:
    with pytest.raises(CrmsyncError, match=r"x\.json is not a plan"):
        plan_from_json(text, "x.json")


def test_what_only_an_admin_may_create_is_missing_and_not_created_first(plan: Plan, people: pl.DataFrame) -> None:
    schema = [
        {"what": "property", "name": "company.abm_tier"},
        {"what": "field", "name": "Account.ABM_Tier__c", "by_admin": True},
        {"what": "field", "name": "Account.ABM_Tier_Reason__c", "by_admin": True},
    ]
    waiting = replace(plan, summary={**plan.summary, "schema": schema})
    lines = [" ".join(line.split()) for line in render_text(waiting, people).splitlines()]
    assert "Creates first 1 property" in lines
    missing = "2 fields; an apply stops until an admin has seen to it: crmsync bootstrap salesforce"
    assert f"Missing {missing}" in lines
    assert f"- **Missing**: {missing}" in render("markdown", waiting, people)


def test_an_undo_that_leaves_much_alone_is_short_and_json_has_it_all(plan: Plan) -> None:
    left = [
        {"object": "company", "id": str(number), "property": "abm_tier", "reason": "changed since"}
        for number in range(1, 1_201)
    ]
    undo = replace(plan, undoes="r-31b", summary={"skipped": left})
    lines = [line for line in render_text(undo).splitlines() if "changed since" in line]
    assert len(lines) == 20
    assert "and 1,180 more values; --json lists them all" in render_text(undo)
    assert len(json.loads(render("json", undo))["summary"]["skipped"]) == 1_200
    few = replace(undo, summary={"skipped": left[:20]})
    assert "more values" not in render_text(few)
