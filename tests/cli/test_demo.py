"""A newcomer's first minute: `crmsync demo` ends 0 and shows what was promised."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import requests

from tests.cli.desk import Command

EXPECTED = json.loads((Path(__file__).parents[1] / "portal" / "expected.json").read_text(encoding="utf-8"))


def test_demo_shows_tiers_three_accounts_calls_lists_and_a_second_run_without_writes(run: Command) -> None:
    result = run(None, "demo")
    assert result.code == 0
    for account in ("Rouvel Automatisation", "Forja Almenara", "Hofgut Zerspanung"):
        assert account in result.out
    assert "Nothing to do: the CRM holds what the program says. 0 writes." in result.out
    assert f"ABM: Tier 1 {EXPECTED['tiers']['tier_1']}" in result.out
    assert "second run" in result.out
    assert result.err == ""


def test_demo_json_is_one_document_whose_tiers_are_those_worked_by_hand(run: Command) -> None:
    document = run(None, "demo", "--json").document
    assert document["second_run"]["writes"] == 0
    assert sum(document["second_run"]["calls"].values()) <= 8
    after = {row["tier"]: row["after"] for row in document["tiers"] if row["after"]}
    assert after == EXPECTED["tiers"]
    assert [found["id"] for found in document["explained"]] == ["1002", "1009", "1041"]
    assert (document["kept"], document["exit_code"]) == (None, 0)


def test_demo_keep_leaves_a_portal_to_try_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "crmsync.cli", "demo", "--keep", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        while not lines or lines[-1] not in ("}\n", ""):
            lines.append(process.stdout.readline())
        kept = json.loads("".join(lines))["kept"]
        config = Path(kept["config"])
        assert (config / "crmsync.yaml").is_file()
        headers = {"Authorization": f"Bearer {kept['access_token']}"}
        url = f"{kept['base_url']}/crm/v3/objects/companies/1002"
        answer = requests.get(url, params={"properties": "abm_tier"}, headers=headers, timeout=10).json()
        assert answer["properties"]["abm_tier"] == "tier_1"
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert not config.exists()
