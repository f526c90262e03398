"""The documents lead somewhere: no dead link, no decision that the index forgot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    dead = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if not (page.parent / link).exists()]
    assert dead == []


def test_index_of_decisions_names_every_decision() -> None:
    folder = ROOT / "docs/decisions"
    pages = {page.name for page in folder.glob("[0-9]*.md")}
    assert set(LINK.findall((folder / "README.md").read_text(encoding="utf-8"))) == pages


@pytest.mark.parametrize("page", sorted((ROOT / "docs/decisions").glob("[0-9]*.md")), ids=lambda page: page.name)
def test_every_decision_says_what_would_change_our_mind(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.match(rf"# {page.name[:4]}: \S", text)
    for part in ("**What was believed.**", "**What was decided.**", "**What would change our mind.**"):
        assert part in text
