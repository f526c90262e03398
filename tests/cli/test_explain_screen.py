"""The explanation as a screen: systems in one order, lines in one set of columns, nothing wider than 110."""

from __future__ import annotations

from datetime import UTC, datetime

from crmsync.assess.base import ExplainLine, Explanation
from crmsync.cli.words import explained_lines
from crmsync.engine.explain import Explained

LONG = "a condition that says a great deal about one field after another, " * 4
EXPLANATIONS = (
    Explanation("names", "4 of 5 names", (ExplainLine("no", "names", "4 known", "5 wanted"),)),
    Explanation("targets", "Active", (), ("40 of 60 seats are taken. " + LONG,)),
    Explanation("later_system", "Something else"),
    Explanation(
        "tiers",
        "Tier 2, could be 1",
        (ExplainLine("yes", "tier_2", "revenue", LONG), ExplainLine("unknown", "tier_1", "technologies", "nobody")),
    ),
    Explanation("data_gaps", "Data gaps: technologies", (ExplainLine("", "technologies", "sales", "tier_1"),)),
    Explanation("icp", "ICP fit yes", (ExplainLine("yes", "icp", "ICP", "fits"),)),
    Explanation("category", "Category A", (ExplainLine("no", "important", "", "no subject here"),)),
)


def _screen(width: int = 200) -> list[str]:
    found = Explained(
        "company", "1", "Anvil", "Linz, AT", "Anna", "", datetime(2026, 11, 1, tzinfo=UTC), None, EXPLANATIONS, [], ()
    )
    return [line.plain.rstrip() for line in explained_lines(found, width=width)]


def test_systems_come_in_the_order_in_which_a_person_asks_and_unknown_ones_last() -> None:
    headlines = [line for line in _screen()[2:] if line and not line.startswith(" ")]
    assert headlines == [
        "ICP fit yes",
        "Tier 2, could be 1",
        "Category A",
        "Target   Active",
        "People   4 of 5 names",
        "Data gaps: technologies",
        "Something else",
    ]


def test_lines_of_all_systems_stand_in_the_same_columns() -> None:
    starts = {"fits": "icp", "nobody": "tier_1", "5 wanted": "names", "tier_1": "technologies"}
    lines = [line for line in _screen() if line.endswith(tuple(starts))]
    # Two spaces, the answer in nine, the longest label (technologies) and subject (technologies), two spaces each.
    assert {line.index(text) for line in lines for text in starts if line.endswith(f"  {text}")} == {2 + 9 + 14 + 14}
    # A system without subjects has no empty column for them.
    assert "  no       important     no subject here" in _screen()


def test_no_line_is_wider_than_110_columns_nor_than_the_terminal() -> None:
    assert max(map(len, _screen())) <= 110
    assert max(map(len, _screen(width=80))) <= 80


def test_wrapped_text_stands_under_its_first_line_and_loses_no_word() -> None:
    lines = _screen()
    first = next(place for place, line in enumerate(lines) if line.startswith("  yes      tier_2"))
    wrapped = [line for line in lines[first + 1 :] if line.startswith(" " * 39)][:2]
    assert len(wrapped) == 2
    assert " ".join(" ".join(lines).split()).count(" ".join(LONG.split())) == 2
