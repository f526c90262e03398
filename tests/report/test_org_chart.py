"""The organisation chart (domain.md B3): nobody is left out silently, nothing hangs, no text becomes markup."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.model.snapshot import Snapshot
from crmsync.program.loader import load_program_text
from crmsync.report.org_chart import mermaid, people_of_account, svg
from crmsync.report.org_lines import SCHEMA

SVG = "{http://www.w3.org/2000/svg}"
BOX = "204"
MORE = re.compile(r"and ([\d,]+) more")
NODE = re.compile(r'^    (p\d+)\["(.*)"\]$', re.MULTILINE)
EDGE = re.compile(r"^  (p\d+) --> (p\d+)$", re.MULTILINE)
ROLES = ["commercial_decision_maker", "technical_qualifier", "influencer;end_user", "unclassified"]


def _people(*rows: dict[str, object]) -> pl.DataFrame:
    usual = {"department": "finance", "seniority": "manager", "role": "influencer", "stale": False}
    return pl.DataFrame([usual | {"name": f"Person {row['id']}"} | row for row in rows], schema=SCHEMA)


def _boxes(drawing: str) -> list[ElementTree.Element]:
    return [rect for rect in ElementTree.fromstring(drawing).iter(f"{SVG}rect") if rect.get("width") == BOX]


def _texts(drawing: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(drawing).iter(f"{SVG}text")]


def _more(text: str) -> int:
    return sum(int(count.replace(",", "")) for count in MORE.findall(text))


@settings(deadline=None, max_examples=80)
@given(
    lines=st.lists(st.one_of(st.none(), st.integers(0, 60)), max_size=60),
    departments=st.lists(st.sampled_from(["finance", "it", "unknown", "a new one"]), min_size=60, max_size=60),
)
def test_everybody_is_in_the_picture_or_counted_whatever_the_lines_say(
    lines: list[int | None], departments: list[str]
) -> None:
    """Lines to oneself, in circles, and to somebody outside are among them."""
    people = _people(
        *[
            {"id": str(i), "reports_to": None if to is None else str(to), "department": departments[i]}
            for i, to in enumerate(lines)
        ]
    )
    drawing, flow = svg(people, "Anvil"), mermaid(people, "Anvil")
    shown = len(_boxes(drawing))
    assert shown + _more("\n".join(_texts(drawing))) == people.height
    nodes = dict(NODE.findall(flow))
    assert len(nodes) == shown
    assert len(nodes) + _more(flow) == people.height
    assert {end for edge in EDGE.findall(flow) for end in edge} <= nodes.keys()
    assert len(set(EDGE.findall(flow))) == len(EDGE.findall(flow))


@pytest.mark.parametrize("shape", ["no lines", "a chain", "a circle", "one head", "pairs", "three levels"])
def test_three_thousand_people_are_drawn_as_far_as_they_can_be_read(shape: str) -> None:
    to = {
        "no lines": lambda _: None,
        "a chain": lambda i: i - 1 if i else None,
        "a circle": lambda i: (i - 1) % 3000,
        "one head": lambda i: 0 if i else None,
        "pairs": lambda i: i - 1 if i % 2 else None,
        "three levels": lambda i: (i - 1) // 55 if i else None,
    }[shape]
    people = _people(*[{"id": str(i), "reports_to": None if to(i) is None else str(to(i))} for i in range(3000)])
    drawing = svg(people, "Anvil")
    boxes = len(_boxes(drawing))
    assert 10 <= boxes <= 160
    assert boxes + _more("\n".join(_texts(drawing))) == 3000
    assert len(drawing) < 150_000
    flow = mermaid(people, "Anvil")
    # Mermaid draws no more than 50,000 letters and 500 lines unless it is told to.
    assert len(flow) < 50_000
    assert flow.count(" --> ") < 500


def test_a_line_is_drawn_from_the_head_to_each_report_and_cut_once_where_it_goes_in_a_circle() -> None:
    people = _people(
        {"id": "1", "name": "Ada"},
        {"id": "2", "name": "Ben", "reports_to": "1"},
        {"id": "3", "name": "Cleo", "reports_to": "4"},
        {"id": "4", "name": "Dan", "reports_to": "3"},
        {"id": "5", "name": "Eve", "reports_to": "77"},
        {"id": "6", "name": "Fay", "reports_to": "6"},
    )
    flow = mermaid(people, "Anvil")
    names = {node: label.split("<br/>")[0] for node, label in NODE.findall(flow)}
    assert [(names[a], names[b]) for a, b in EDGE.findall(flow)] == [("Ada", "Ben"), ("Cleo", "Dan")]
    texts = _texts(svg(people, "Anvil"))
    assert texts[texts.index("Cleo") + 3] == "reporting lines in a circle"
    assert texts[texts.index("Eve") + 2] == "reports to 77, elsewhere"
    assert "Reporting lines" in texts
    assert texts.index("Without a reporting line") < texts.index("Eve") < texts.index("Fay")


def test_what_people_wrote_is_text_and_nothing_else() -> None:
    nasty = "<script>alert(1)</script> & \x00\x1b[31m \"'\n`end`; 山田"
    people = _people({"id": "1", "name": nasty, "title": nasty}, {"id": "2", "title": nasty, "reports_to": "1"})
    drawing = svg(people, nasty)
    assert not list(ElementTree.fromstring(drawing).iter(f"{SVG}script"))
    assert "<script" not in drawing
    flow = mermaid(people, nasty)
    body = flow.split("---")[2]
    assert "<script" not in body
    assert "`" not in body
    assert flow.count("\n---\n") == 1
    assert all(letter.isprintable() or letter == "\n" for letter in flow)


def test_each_role_has_its_colour_and_the_legend_counts_them() -> None:
    people = _people(*[{"id": str(i), "role": role, "stale": i == 0} for i, role in enumerate(ROLES)])
    drawing = svg(people, "Anvil")
    said = _texts(drawing)
    for label in ("Commercial Decision Maker 1", "Technical Qualifier 1", "Influencer 1", "End User 1", "Stale 1"):
        assert label in said
    for colour in ("#d97706", "#2563eb", "#0f9d8a", "#8b5cf6", "#94a3b8"):
        assert drawing.count(colour) == 2, "once in the legend, once at the box"
    assert "prefers-color-scheme:dark" in drawing
    assert "http" not in drawing.replace("http://www.w3.org/2000/svg", "")


CONTACTS = pl.DataFrame(
    [
        {
            "id": "11",
            "account": "1",
            "first_name": "Ada",
            "last_name": "Berg",
            "title": "CFO",
            "email": "a@anvil.example",
        },
        {"id": "12", "account": "1", "first_name": None, "last_name": None, "title": None, "email": "b@anvil.example"},
        {"id": "9", "account": "2", "first_name": "Ben", "last_name": None, "title": "CIO", "email": None},
    ],
    schema=dict.fromkeys(["id", "account", "first_name", "last_name", "title", "email"], pl.String()),
)


def test_the_people_of_an_account_come_with_what_is_known_of_them() -> None:
    program = load_program_text("program: x\nroles: {}\nnames: {}\n", "x", assessment.sections())
    world = assessment.assess(Snapshot({"contact": CONTACTS}, datetime(2026, 11, 1, tzinfo=UTC)), program)
    for contacts in (CONTACTS, world.contacts):
        people = people_of_account(contacts, "1")
        assert people.schema == SCHEMA
        assert people.select("id", "name", "title", "role", "department").rows() == [
            ("11", "Ada Berg", "CFO", "unclassified", "unknown"),
            ("12", "Contact 12", None, "unclassified", "unknown"),
        ]
    assert "anvil.example" not in svg(people, "Anvil") + mermaid(people, "Anvil")


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(3)))
def test_the_order_of_the_contacts_changes_no_byte(order: list[int]) -> None:
    people = people_of_account(CONTACTS[order], "1")
    assert svg(people, "Anvil") == svg(people_of_account(CONTACTS, "1"), "Anvil")
    assert mermaid(people, "Anvil") == mermaid(people_of_account(CONTACTS, "1"), "Anvil")


def test_an_account_without_people_is_an_empty_picture() -> None:
    assert _boxes(svg(people_of_account(CONTACTS, "3"), "Anvil")) == []
    assert "subgraph" not in mermaid(people_of_account(CONTACTS, "3"), "Anvil")
