"""A newcomer's first minute with Salesforce: the demo in a local org, told as in HubSpot, with the same tiers."""

from __future__ import annotations

import json
import re
from pathlib import Path

from crmsync.demo import PORTAL
from crmsync.demo.as_salesforce import as_salesforce
from tests.cli.desk import Command

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = json.loads((ROOT / "tests" / "portal" / "expected.json").read_text(encoding="utf-8"))


def test_demo_in_salesforce_shows_three_accounts_and_a_second_run_without_writes(run: Command) -> None:
    result = run(None, "demo", "--crm", "salesforce")
    assert result.code == 0
    for account in ("Rouvel Automatisation", "Forja Almenara", "Hofgut Zerspanung"):
        assert account in result.out
    assert "A Salesforce sandbox with an invented portal" in result.out
    assert re.search(r"An admin has run crmsync bootstrap salesforce: \d\d fields", result.out)
    assert "Nothing to do: the CRM holds what the program says. 0 writes." in result.out
    assert result.err == ""


def test_demo_in_salesforce_decides_what_it_decides_in_hubspot(run: Command, tmp_path: Path) -> None:
    there = run(None, "demo", "--crm", "salesforce", "--json").document
    here = run(None, "demo", "--json").document
    assert (here["crm"], there["crm"]) == ("hubspot", "salesforce")
    after = {row["tier"]: row["after"] for row in there["tiers"] if row["after"]}
    assert after == EXPECTED["tiers"]
    assert there["tiers"] == here["tiers"]
    assert there["accepted"] == here["accepted"]
    assert there["second_run"]["writes"] == 0
    ids = as_salesforce(PORTAL, tmp_path / "org").ids["companies"]
    assert [found["id"] for found in there["explained"]] == [ids[id_] for id_ in ("1002", "1009", "1041")]
    assert (there["kept"], there["exit_code"]) == (None, 0)


def test_a_crm_that_nobody_knows_is_refused(run: Command) -> None:
    result = run(None, "demo", "--crm", "pipedrive")
    assert result.code == 1
    assert "pipedrive" in result.err


def test_init_gives_a_mapping_of_each_crm(run: Command, tmp_path: Path) -> None:
    written = run(None, "init", str(tmp_path / "mine"), "--json").document["written"]
    assert {Path(path).name for path in written} >= {"hubspot.yaml", "salesforce.yaml", "crmsync.yaml", "program.yaml"}
