"""A mapping says what a CRM's own words mean: they decide as the meant ones do, and an unnamed one is unknown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crmsync.engine.context import Context, open_context
from crmsync.engine.plan import make_plan
from crmsync.engine.snapshot import build_snapshot
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.loop.conftest import AS_OF
from tests.portals import project

#: Words of a seller's own, one case a record; the last has none.
COMPANIES = """\
hs_object_id,name,branche,listed,stack
11,Acme,Maschinenbau,AG,SAP R/3; sf
12,Bolt, MASCHINENBAU ,GmbH,sf
13,Cork,Korken,e.V.,sf;Lotus
14,Dent,,,
"""
PROGRAM = """\
program: words
icp: {industry: {eq: MACHINERY}}
tiers: {layers: {tier_2: icp, tier_1: {all: [{technologies: {has_any: [salesforce]}}, {is_public: {eq: true}}]}}}
"""
MAPPING = """\
crm: hubspot
company:
  read:
    name: name
    domain: domain
    industry: {property: branche, values: {Maschinenbau: MACHINERY}}
    is_public: {property: listed, values: {AG: "true", GmbH: "false"}}
    technologies: {property: stack, values: {sap r/3: sap, SF: salesforce}}
"""


@pytest.fixture
def words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "companies.csv").write_text(COMPANIES, encoding="utf-8")
    (tmp_path / "program.yaml").write_text(PROGRAM, encoding="utf-8")
    with SandboxServer(tmp_path / "data") as server:
        config = project(tmp_path / "project", server, tmp_path / "program.yaml", monkeypatch)
        (tmp_path / "project" / "mappings" / "hubspot.yaml").write_text(MAPPING, encoding="utf-8")
        with open_context(config) as ctx:
            yield ctx


def test_words_decide_as_what_they_mean_and_an_unnamed_one_is_unknown(words: Context) -> None:
    plan = make_plan(words, as_of=AS_OF).plan
    tiers = {row["id"]: row["after"] for row in plan.changes.to_dicts() if row["property"] == "abm_tier"}
    potential = {row["id"]: row["after"] for row in plan.changes.to_dicts() if row["property"] == "abm_potential_tier"}
    assert tiers == {"11": "tier_1", "12": "tier_2", "13": "none", "14": "none"}
    assert potential == {"11": "tier_1", "12": "tier_2", "13": "tier_1", "14": "tier_1"}


def test_an_unnamed_word_is_told_apart_from_none(words: Context) -> None:
    make_plan(words, as_of=AS_OF)
    frame = build_snapshot(words.main, AS_OF, {}).accounts
    names = ["id", "industry", "is_public", "technologies"]
    assert frame.select(names).rows() == [
        ("11", "MACHINERY", True, ["sap", "salesforce"]),
        ("12", "MACHINERY", False, ["salesforce"]),
        ("13", None, None, None),
        ("14", None, None, None),
    ]
    unreadable = frame.select(f"unreadable.{name}" for name in names[1:]).rows()
    assert unreadable == [(None,) * 3, (None,) * 3, ("Korken", "e.V.", "sf;Lotus"), (None,) * 3]
