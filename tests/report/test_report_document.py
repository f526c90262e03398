"""Documents in Markdown, HTML and CSV: hostile text takes no effect in any of them, and figures stay readable."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.report.document import Bar, Bars, Document, Facts, Link, Part, Picture, Prose, Sheet, table_csv
from crmsync.report.markdown import inline, markdown
from crmsync.report.page import bars_svg, html

HOSTILE = "<script>alert(1)</script> | *x* [y](javascript:z) @team `q` &lt;"
DOCUMENT = Document(
    HOSTILE,
    ("portal main", HOSTILE),
    (
        Part(HOSTILE, (Prose(HOSTILE), Facts(((HOSTILE, HOSTILE),))), narrow=True),
        Part("Bars", (Bars(HOSTILE, (Bar(HOSTILE, 3, total=5, note=HOSTILE), Bar("b", 0))),), narrow=True),
        Part(
            "Sheet",
            (
                Sheet(
                    (HOSTILE, "number"),
                    (
                        (Link(HOSTILE, "https://crm.example/1"), 1234),
                        (Link("bad address", "javascript:alert(1)"), None),
                        (Link("again", "https://crm.example/1"), 7),
                    ),
                ),
                Sheet(("nothing",), ()),
            ),
        ),
        Part("Picture", (Picture("<svg></svg>", "flowchart TD\n  a --> b\n"),)),
    ),
)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]


def _tags(page: str) -> _Tags:
    parser = _Tags()
    parser.feed(page)
    return parser


def test_the_page_has_no_tag_and_no_link_of_the_text() -> None:
    found = _tags(html(DOCUMENT))
    assert "script" not in found.tags
    assert found.links == ["https://crm.example/1", "https://crm.example/1"]
    assert html(DOCUMENT).count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 8


def test_markdown_has_no_tag_no_mention_and_no_cell_of_the_text() -> None:
    text = markdown(DOCUMENT)
    outside = "".join(part for place, part in enumerate(text.split("```")) if place % 2 == 0)
    assert "<script" not in outside
    assert "@team" not in outside
    assert "[y](" not in outside
    rows = [line for line in outside.splitlines() if line.startswith("|")]
    assert {line.replace(r"\|", "").count("|") for line in rows} == {3}, "two columns, whatever stands in them"


def test_markdown_names_each_address_once_at_the_end() -> None:
    text = markdown(DOCUMENT)
    assert text.endswith("\n\n[1]: https://crm.example/1\n")
    assert "[again][1]" in text
    assert "| bad address " in text


def test_numbers_stand_to_the_right_with_their_thousands_parted() -> None:
    lines = markdown(DOCUMENT).splitlines()
    (row,) = [line for line in lines if "1,234" in line]
    assert row.endswith("|  1,234 |")
    assert lines[lines.index(row) - 1].endswith("|-------:|")
    assert '<td class="n">1,234</td>' in html(DOCUMENT)


def test_an_empty_table_says_none() -> None:
    assert "\nnone\n" in markdown(DOCUMENT)
    assert '<p class="dim">none</p>' in html(DOCUMENT)


def test_text_bars_show_the_value_the_total_and_something_for_one_of_many() -> None:
    bars = Bars("what", (Bar("all", 64), Bar("half", 16, total=32), Bar("one", 1), Bar("none", 0)))
    text = markdown(Document("t", (), (Part("p", (bars,)),)))
    drawn = text.split("```text\n")[1].split("\n```")[0].splitlines()
    # 32 marks for the largest: half a mark a unit.
    assert drawn == [
        "all   64  " + "█" * 32,
        "half  16  " + "█" * 8 + "░" * 8,
        "one    1  █",
        "none   0",
    ]


def test_drawn_bars_are_well_formed_and_as_long_as_their_values() -> None:
    svg = ET.fromstring(bars_svg(Bars(HOSTILE, (Bar("a", 10, total=20), Bar("b", 5, warns=True), Bar("c", 0)))))
    wide = {(bar.get("class") or ""): float(bar.get("width") or 0) for bar in svg.iter("rect")}
    assert wide["v2"] == pytest.approx(2 * wide["v1"], abs=0.2)
    assert wide["v1"] == pytest.approx(2 * wide["w1"], abs=0.2)
    assert len(list(svg.iter("rect"))) == 3, "nothing is drawn for none"
    assert [text.text for text in svg.iter("title")] == ["a: 10", "b: 5", "c: 0"]


def test_mermaid_stands_in_markdown_and_the_drawing_on_the_page() -> None:
    assert "```mermaid\nflowchart TD\n  a --> b\n```" in markdown(DOCUMENT)
    assert '<div class="picture"><svg></svg></div>' in html(DOCUMENT)


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(), st.text()), min_size=2, max_size=2), max_size=5))
def test_csv_reads_back_as_it_was_but_for_formulas(rows: list[list[object]]) -> None:
    text = table_csv(("a", "b"), rows)
    back = list(csv.reader(StringIO(text, newline="")))
    assert back[0] == ["a", "b"]
    for read, given_ in zip(back[1:], rows, strict=True):
        for cell, value in zip(read, given_, strict=True):
            meant = "" if value is None else str(value).replace("\r\n", "\n").replace("\r", "\n")
            assert cell in (meant, f"'{meant}")
            assert not cell.startswith(("=", "@"))


@given(st.text(max_size=40))
def test_inline_text_keeps_no_live_character(text: str) -> None:
    said = inline(text)
    assert "<" not in said
    assert "\n" not in said
    bare = said.replace("\\\\", "")
    assert all(f"\\{live}" in bare or live not in bare for live in "`*[]|~")
