"""The 1,000 largest US companies through HubSpot and through Salesforce: the same results, company by company.

The data is not part of the project: the tests are skipped where `../shared/data/portal` is missing.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from parity_house import Parity, Project, compare

from crmsync.demo.portal_files import read_tables
from tests.real.stdlib_counts import with_a_past

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "portal"
PROGRAMS = {
    "by layers": (ROOT / "tests/real/program.yaml", {"tier", "icp_fit", "target_status"}),
    "every system": (
        ROOT / "tests/real/program_all.yaml",
        {"tier", "checklist_tier", "category", "relationship", "coverage_model", "names_known", "target_status"},
    ),
}

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/portal is not there")


def _is_the_same(parity: Parity) -> None:
    assert parity.unexplained == {}
    assert parity.by_line.keys() == parity.differing.keys()
    assert parity.counts() == {}, "as the portal is, no line makes a difference"
    counted = {(name, sum(key[2] == name for key in parity.salesforce)) for name in ("tier", "stakeholder_role")}
    assert counted == {("tier", 1_000), ("stakeholder_role", 7_125)}


@pytest.mark.parametrize("program", PROGRAMS)
def test_results_are_the_same_company_by_company_or_a_line_makes_the_difference(program: str, tmp_path: Path) -> None:
    path, wanted = PROGRAMS[program]
    parity = compare(Project(tmp_path, path), read_tables(DATA))
    _is_the_same(parity)
    assert {key[2] for key in parity.salesforce} >= wanted
    if report := os.environ.get("CRMSYNC_REPORT"):
        lines = {f"{line} {name}": count for (line, name), count in sorted(parity.counts().items())}
        Path(report).write_text(json.dumps({"results": len(parity.salesforce), "differences": lines}) + "\n")


def test_purchases_of_years_products_and_deep_families_make_no_difference(tmp_path: Path) -> None:
    """The portal as it is has no account that is core or strategic; with a past it has."""
    tables = read_tables(with_a_past(DATA, tmp_path / "past"))
    products = {"hubspot": {"product": "product"}, "salesforce": {"product": "Product__c"}}
    parity = compare(Project(tmp_path, PROGRAMS["every system"][0], products), tables)
    _is_the_same(parity)
    known = {value for key, value in parity.salesforce.items() if key[2] == "relationship"}
    assert known == {"greenfield", "beachhead", "core", "strategic"}
