"""The commands in the order in which a person meets them, on the demo portal over HTTP."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path

import pytest

from crmsync.sandbox.hubspot.server import SandboxServer
from tests.cli.desk import ACCEPT, AS_OF, Command, Desk, make_desk

EXPECTED = json.loads((Path(__file__).parents[1] / "portal" / "expected.json").read_text(encoding="utf-8"))


def test_plan_apply_plan_again_and_sync_write_each_value_once(desk: Desk, run: Command) -> None:
    plan = run(desk, "plan", *AS_OF)
    assert plan.code == 3
    assert "Rouvel Automatisation" in plan.out
    assert "BREACHED" in plan.out
    assert "--accept max_tier_moves,max_demotions,max_list_exits --reason TEXT" in plan.out
    assert desk.writes() == 0

    refused = run(desk, "apply")
    assert refused.code == 3
    assert "Nothing was written." in refused.err
    assert "To go on all the same: crmsync apply p-" in refused.err
    assert desk.writes() == 0

    applied = run(desk, "apply", *ACCEPT)
    assert applied.code == 0
    assert "crmsync undo r-" in applied.out
    assert desk.company("1002", "abm_tier")["abm_tier"] == "tier_1"

    written = desk.writes()
    again = run(desk, "plan", *AS_OF)
    assert (again.code, "Nothing to do: the CRM holds what the program says." in again.out) == (0, True)
    synced = run(desk, "sync", *AS_OF, "--json")
    assert (synced.code, synced.document["applied"]) == (0, None)
    assert desk.writes() == written


def test_tiers_after_an_apply_are_those_worked_by_hand(desk: Desk, run: Command) -> None:
    document = run(desk, "sync", *AS_OF, *ACCEPT, "--json").document
    rows = document["plan"]["summary"]["tiers"]["rows"]
    assert {row["tier"]: row["after"] for row in rows} == EXPECTED["tiers"]
    again = run(desk, "plan", *AS_OF, "--json").document
    assert {row["tier"]: row["now"] for row in again["summary"]["tiers"]["rows"]} == EXPECTED["tiers"]


def test_a_sync_that_a_guard_stopped_shows_its_plan_with_names_and_the_way_on(desk: Desk, run: Command) -> None:
    stopped = run(desk, "sync", *AS_OF)
    assert stopped.code == 3
    assert "Hofgut Zerspanung" in stopped.out
    assert "To go on all the same: crmsync apply p-" in stopped.err
    document = run(desk, "sync", *AS_OF, "--json").document
    assert (document["exit_code"], document["breached"]) == (3, True)
    assert desk.writes() == 0


def test_a_change_in_the_crm_is_pending_until_a_sync_and_touches_that_record_alone(desk: Desk, run: Command) -> None:
    assert run(desk, "sync", *AS_OF, *ACCEPT).code == 0
    desk.edit("1002", web_technologies="marketo")
    plan = run(desk, "plan", *AS_OF)
    assert plan.code == 2
    assert "abm_tier                    tier_1 -> tier_2" in plan.out
    synced = run(desk, "sync", *AS_OF, "--json")
    assert synced.code == 0
    assert {row["id"] for row in synced.document["plan"]["changes"]} == {"1002"}


def test_undo_restores_what_nobody_changed_since_and_lists_the_rest(desk: Desk, run: Command) -> None:
    run_id = run(desk, "sync", *AS_OF, *ACCEPT, "--json").document["applied"]["run"]
    desk.edit("1002", abm_tier="tier_5")
    undo = run(desk, "undo", run_id, "--json")
    assert undo.code == 2
    assert "Rouvel Automatisation" in {row["name"] for row in undo.document["people"]}
    skipped = {(entry["id"], entry["property"]) for entry in undo.document["summary"]["skipped"]}
    assert ("1002", "abm_tier") in skipped
    assert run(desk, "apply", undo.document["id"]).code == 0
    assert desk.company("1002", "abm_tier")["abm_tier"] == "tier_5"
    assert desk.company("1041", "abm_tier")["abm_tier"] == "tier_5"
    assert desk.company("1003", "abm_tier")["abm_tier"] in (None, "")


def test_each_format_is_written_to_a_file_and_guessed_from_its_name(desk: Desk, run: Command, tmp_path: Path) -> None:
    starts = {
        "p.html": "<!doctype html>",
        "p.md": "## Plan",
        "p.csv": "seq,object,id",
        "p.txt": "Plan p-",
        "p.json": "{",
    }
    for name, start in starts.items():
        result = run(desk, "plan", *AS_OF, "--out", str(tmp_path / "out" / name))
        assert result.code == 3
        assert (tmp_path / "out" / name).read_text(encoding="utf-8").startswith(start)


def test_format_alone_goes_to_stdout(desk: Desk, run: Command) -> None:
    result = run(desk, "plan", *AS_OF, "--format", "csv")
    rows = list(csv.DictReader(StringIO(result.out)))
    assert {"Rouvel Automatisation", "Forja Almenara"} <= {row["name"] for row in rows}


def test_a_plan_file_is_applied_as_it_was_reviewed(desk: Desk, run: Command, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    run(desk, "plan", *AS_OF, "--out", str(file))
    altered = json.loads(file.read_text(encoding="utf-8"))
    altered["changes"][0]["after"] = "no"
    (tmp_path / "altered.json").write_text(json.dumps(altered), encoding="utf-8")
    refused = run(desk, "apply", str(tmp_path / "altered.json"), *ACCEPT)
    assert (refused.code, "its changes are not those" in refused.err) == (1, True)
    assert desk.writes() == 0
    assert run(desk, "apply", str(file), *ACCEPT).code == 0
    assert run(desk, "plan", *AS_OF).code == 0


def test_plan_of_one_company_is_that_company_and_its_people(desk: Desk, run: Command) -> None:
    document = run(desk, "plan", *AS_OF, "--company", "company:1002", "--json").document
    assert {row["id"] for row in document["changes"] if row["object"] == "company"} == {"1002"}


def test_explain_says_each_condition_and_what_would_change_it(desk: Desk, run: Command) -> None:
    held = run(desk, "explain", "1009", *AS_OF)
    assert held.code == 0
    assert "Forja Almenara" in held.out
    assert "unknown  tier_1" in held.out
    assert "Ines" not in held.err
    pinned = run(desk, "explain", "company:1041", *AS_OF, "--json")
    assert pinned.document["id"] == "1041"
    tiers = next(one for one in pinned.document["explanations"] if one["system"] == "tiers")
    assert any("Set by a person" in remark for remark in tiers["remarks"])


@pytest.mark.parametrize("command", ["explain", "history"])
def test_an_id_that_does_not_exist_is_one_clear_message(command: str, desk: Desk, run: Command) -> None:
    run(desk, "plan", *AS_OF)
    result = run(desk, command, "424242")
    assert result.code == 1
    assert "424242" in result.err
    assert len(result.err.strip().splitlines()) == 1
    assert result.out == ""


def test_history_and_run_show_before_after_and_rule(desk: Desk, run: Command) -> None:
    run_id = run(desk, "sync", *AS_OF, *ACCEPT, "--json").document["applied"]["run"]
    history = run(desk, "history", "1002")
    assert f"run {run_id}" in history.out
    assert "tier_2 -> tier_1" in history.out
    rows = run(desk, "history", "1002", "--json").document["history"]
    assert next(row for row in rows if row["property"] == "abm_tier")["rule"] == "tiers"
    one = run(desk, "run", run_id, "--json").document
    assert one["run"]["reason"] == "a test looked at it"
    assert len(one["entries"]) > 1000
    assert run(desk, "run", run_id).code == 0
    assert run_id in run(desk, "runs").out


def test_refused_changes_are_dead_letters_in_the_crms_words_until_retried(bare: Desk, run: Command) -> None:
    rule = {"match": {"path": "/batch/update", "ids": ["1"]}, "fault": "validation_rule"}
    bare.faults(rule)
    synced = run(bare, "sync", *AS_OF)
    assert synced.code == 4
    assert "crmsync dead-letters" in synced.out
    letters = run(bare, "dead-letters", "--json").document["dead_letters"]
    assert {letter["record_id"] for letter in letters} == {"1"}
    assert "Anvil company 1" in run(bare, "dead-letters").out
    bare.faults()
    retried = run(bare, "dead-letters", "retry", "1-3", *[str(letter["id"]) for letter in letters if letter["id"] > 3])
    assert retried.code == 0
    assert run(bare, "sync", *AS_OF).code == 0
    assert run(bare, "dead-letters", "--json").document["dead_letters"] == []
    assert bare.company("1", "abm_icp_fit")["abm_icp_fit"] == "yes"


def test_what_was_refused_is_not_planned_again_until_somebody_retries_it(bare: Desk, run: Command) -> None:
    bare.faults({"match": {"path": "/batch/update", "ids": ["1"]}, "fault": "validation_rule"})
    assert run(bare, "sync", *AS_OF).code == 4
    assert run(bare, "plan", *AS_OF).code == 0


def test_resync_needs_one_selection_and_a_reason(desk: Desk, run: Command) -> None:
    assert "one of --company ID" in run(desk, "resync", "--reason", "x").err
    assert "one of --company ID" in run(desk, "resync", "--company", "1", "--all", "--reason", "x").err
    assert "needs --reason" in run(desk, "resync", "--all").err
    assert "company 77: no such record" in run(desk, "resync", "--company", "77", "--reason", "x").err
    assert desk.writes() == 0
    assert run(desk, "resync", "--company", "1003", "--reason", "asked for", *AS_OF).code == 0
    assert desk.company("1003", "abm_tier")["abm_tier"] == "tier_1"


def test_a_portal_without_companies_is_an_empty_plan_that_says_so(run: Command, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with SandboxServer(tmp_path / "nothing") as server:
        empty = make_desk(server, tmp_path / "empty")
        result = run(empty, "plan", *AS_OF)
    assert result.code == 0
    assert "Nothing to do: the portal has no companies." in result.out


def test_json_is_one_document_and_messages_go_to_stderr(desk: Desk, run: Command) -> None:
    for arguments in (("plan", *AS_OF), ("check",), ("runs",), ("runs", "--verify"), ("dead-letters",), ("apply",)):
        result = run(desk, *arguments, "--json")
        assert isinstance(result.document, dict), arguments


def test_options_stand_before_the_command_as_well(desk: Desk, run: Command) -> None:
    result = run(None, "--json", "--config", str(desk.config), "runs")
    assert result.document == {"runs": []}
