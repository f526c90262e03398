"""A newcomer's first minute with two CRMs: what they have in common, who decides, one plan, nothing left to do."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from crmsync.demo import PORTAL
from crmsync.demo.two_worlds import EDITS, LINK, two_worlds
from crmsync.sandbox.hubspot.load import load as load_portal
from crmsync.sandbox.salesforce.load import load as load_org
from tests.cli.desk import Command

EXPECTED = json.loads((Path(__file__).parents[1] / "portal" / "expected.json").read_text(encoding="utf-8"))


def test_demo_with_both_shows_matches_what_is_to_decide_and_a_second_run_without_writes(run: Command) -> None:
    result = run(None, "demo", "--crm", "both")
    assert result.code == 0
    assert "$ crmsync matches" in result.out
    assert "company          40 in both CRMs   (domain 19, name place 1, native 20)" in result.out
    assert "same domain, but different" in result.out
    assert "employees: HubSpot says 420, Salesforce says 435; 420 counts" in result.out
    assert "Nothing to do: the CRM holds what the program says. 0 writes." in result.out
    assert result.err == ""


def test_demo_with_both_decides_each_account_once(run: Command) -> None:
    document = run(None, "demo", "--crm", "both", "--json").document
    after = Counter({row["tier"]: row["after"] for row in document["tiers"]})
    # By hand, beside what the portal decides alone: 1027 has a revenue now and goes from tier 5 to 1; of Salesforce
    # alone are a new account in tier 1, the Belgian one in tier 3 (outside the core), and two hotels that are none.
    wanted = Counter(EXPECTED["tiers"])
    wanted["tier_5"] -= 1
    wanted += Counter({"tier_1": 2, "tier_3": 1, "none": 2})
    assert +after == wanted
    two = document["together"]
    assert two["only"]["company"] == {"HubSpot": 6, "Salesforce": 4}
    assert two["matched"]["contact"] == {"email": 163, "name_account": 5}
    assert {row["left"] for row in two["review"] if row["object"] == "company"} == {"1018", "1035"}
    said = {(row["id"], row["field"]): (row["left"], row["right"], row["kept"]) for row in two["disagreements"]}
    assert said["1001", "employees"] == ("420", EDITS["1001"]["numberofemployees"], "420")
    assert document["applied"]["outcomes"] == {"applied": document["plan"]["changes"]}
    assert (document["second_run"]["writes"], document["second_run"]["changes"]) == (0, 0)
    assert document["exit_code"] == 0


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_the_two_worlds_load_whole(crm: str, tmp_path: Path) -> None:
    worlds = two_worlds(PORTAL, tmp_path / "worlds")
    if crm == "salesforce":
        org = load_org(worlds.salesforce.folder, (), 0)
        assert org.dropped == {}
        assert len(worlds.salesforce.ids["companies"]) == 46 - 4 + 2, "four are HubSpot's alone, two are added"
        return
    links = load_portal(worlds.hubspot, 0).frames["companies"][LINK].drop_nulls().to_list()
    assert len(links) == len(set(links)) == 20
    assert set(links) <= set(worlds.salesforce.ids["companies"].values())
