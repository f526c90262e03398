"""The whole loop against the sandbox: what lands, what a second run writes, what one change costs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from crmsync.assess import run as assessment
from crmsync.demo import PORTAL, PROGRAM
from crmsync.demo.earlier import define_held_columns
from crmsync.engine.apply import apply_plan
from crmsync.engine.context import Context, open_context
from crmsync.engine.explain import explain
from crmsync.engine.plan import make_plan
from crmsync.engine.sync import resync, sync
from crmsync.engine.undo import plan_undo
from crmsync.errors import ExitCode, RecordNotFound, StalePlan, UnsafePlan
from crmsync.program.loader import load_program
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.loop.conftest import AS_OF
from tests.portals import all_records, call, project

EXPECTED = json.loads((Path(__file__).parents[1] / "portal" / "expected.json").read_text())
OWNED = ["abm_tier", "abm_target_status", "abm_potential_tier", "abm_data_gaps", "abm_icp_fit", "hs_is_target_account"]


@pytest.fixture
def held_server() -> Iterator[SandboxServer]:
    """The same portal with the values that an earlier run left there."""
    with SandboxServer(PORTAL) as running:
        program = load_program(PROGRAM, assessment.sections(), outputs=assessment.list_names())
        define_held_columns(running.base_url, running.access_token, assessment.outputs(program))
        yield running


def test_tiers_and_seats_read_back_equal_those_worked_by_hand(
    held_server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_context(project(tmp_path, held_server, PROGRAM, monkeypatch)) as ctx:
        done = sync(ctx, as_of=AS_OF, accept=frozenset({"all"}), reason="the first run, looked at")
        assert done.exit_code is ExitCode.DONE
        found = all_records(held_server, "companies", OWNED)
    assert Counter(values["abm_tier"] for values in found.values()) == EXPECTED["tiers"]
    seated = {id_ for id_, values in found.items() if values["abm_target_status"] in ("active", "approved", "at_risk")}
    assert seated == set(EXPECTED["targets"]["seats"])
    # Never false over a blank, never over a person's value: only seats are true, and nothing is false.
    assert {values["hs_is_target_account"] for id_, values in found.items() if id_ not in seated} <= {None, ""}


def test_a_portal_where_much_would_move_breaches_and_nothing_is_written(
    held_server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = all_records(held_server, "companies", ["abm_tier"])
    with open_context(project(tmp_path, held_server, PROGRAM, monkeypatch)) as ctx:
        with pytest.raises(UnsafePlan, match=r"max_tier_moves.*\n(.*\n)*Nothing was written"):
            sync(ctx, as_of=AS_OF)
        with pytest.raises(UnsafePlan, match="--reason"):
            sync(ctx, as_of=AS_OF, accept=frozenset({"all"}))
    assert all_records(held_server, "companies", ["abm_tier"]) == before


def test_the_second_and_third_sync_write_nothing_and_one_change_writes_one_record(
    ctx: Context, server: SandboxServer, calls: Callable[[], int]
) -> None:
    first = sync(ctx, as_of=AS_OF)
    assert first.applied is not None
    assert first.applied.outcomes == {"applied": first.planned.plan.changes.height}
    assert sync(ctx, as_of=AS_OF).applied is None
    calls()
    assert sync(ctx, as_of=AS_OF).applied is None
    assert calls() <= 8
    tier_one = next(
        id_ for id_, v in all_records(server, "companies", ["abm_tier"]).items() if v["abm_tier"] == "tier_1"
    )
    call(server, "PATCH", f"/crm/v3/objects/companies/{tier_one}", {"properties": {"numberofemployees": "3"}})
    calls()
    one = sync(ctx, as_of=AS_OF)
    assert one.applied is not None
    assert one.planned.plan.changes["id"].unique().to_list() == [tier_one]
    assert calls() <= 12
    assert all_records(server, "companies", ["abm_tier"])[tier_one]["abm_tier"] == "tier_4"


def test_undo_restores_what_nobody_changed_and_lists_the_rest(ctx: Context, server: SandboxServer) -> None:
    before = all_records(server, "companies", OWNED)
    first = sync(ctx, as_of=AS_OF)
    assert first.applied is not None
    call(server, "PATCH", "/crm/v3/objects/companies/1002", {"properties": {"abm_tier": "tier_5"}})
    undo = plan_undo(ctx, first.applied.run_id)
    assert [(skip["id"], skip["property"]) for skip in undo.plan.summary["skipped"]] == [("1002", "abm_tier")]
    assert apply_plan(ctx, undo.plan).exit_code is ExitCode.DONE
    after = all_records(server, "companies", OWNED)
    assert after.pop("1002")["abm_tier"] == "tier_5"
    blank = {id_: {name: value or None for name, value in values.items()} for id_, values in after.items()}
    before.pop("1002")
    assert {i: {n: v for n, v in values.items() if n in OWNED} for i, values in blank.items()} == {
        i: {n: values.get(n) for n in OWNED} for i, values in before.items()
    }


def test_a_plan_writes_nothing_and_is_applied_exactly_once(ctx: Context, server: SandboxServer) -> None:
    planned = make_plan(ctx, as_of=AS_OF)
    assert not planned.plan.is_empty
    assert {v.get("abm_tier") for v in all_records(server, "companies", ["abm_tier"]).values()} == {None}
    applied = apply_plan(ctx, planned.plan)
    predicted = planned.plan.summary["apply"]["calls"]
    assert applied.calls["write"] + applied.calls.get("batch_read", 0) == predicted
    with pytest.raises(StalePlan):
        apply_plan(ctx, planned.plan)


def test_a_value_that_a_person_changed_after_the_plan_is_stale_and_stays(ctx: Context, server: SandboxServer) -> None:
    planned = make_plan(ctx, as_of=AS_OF)
    seat = planned.plan.changes.filter(planned.plan.changes["property"] == "hs_is_target_account")["id"][0]
    call(server, "PATCH", f"/crm/v3/objects/companies/{seat}", {"properties": {"hs_is_target_account": "false"}})
    applied = apply_plan(ctx, planned.plan)
    assert applied.stale == 1
    assert all_records(server, "companies", OWNED)[seat]["hs_is_target_account"] == "false"


def test_an_archived_company_leaves_the_mirror_without_a_full_pull(ctx: Context, server: SandboxServer) -> None:
    sync(ctx, as_of=AS_OF)
    call(server, "DELETE", "/crm/v3/objects/companies/1013")
    again = sync(ctx, as_of=AS_OF)
    assert again.planned.plan.summary["read"]["company"] == {"read": 45, "expected": 45, "complete": True}
    assert ctx.store.mirror.get("main", "company", "1013") is None
    with pytest.raises(RecordNotFound, match="1013"):
        explain(ctx, None, "1013", as_of=AS_OF)


def test_a_merged_company_is_explained_as_its_survivor(ctx: Context, server: SandboxServer) -> None:
    sync(ctx, as_of=AS_OF)
    merged = call(
        server, "POST", "/crm/v3/objects/companies/merge", {"primaryObjectId": "1001", "objectIdToMerge": "1045"}
    )
    told = explain(ctx, "company", "1001", as_of=AS_OF)
    sync(ctx, as_of=AS_OF)
    told = explain(ctx, "company", "1001", as_of=AS_OF)
    assert told.id == merged["id"]
    assert any("merged" in note for note in told.notes)


def test_bad_records_stop_nothing_and_are_listed(ctx: Context) -> None:
    quality = make_plan(ctx, as_of=AS_OF).plan.summary["quality"]
    assert quality["unreadable"] == [{"object": "company", "id": "1028", "field": "revenue", "value": "12,5 M€"}]
    assert quality["duplicates"] == [{"domain": "bergmoor.example", "ids": ["1001", "1045"]}]


def test_a_portal_without_companies_is_an_empty_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    with (
        SandboxServer(tmp_path / "data") as empty,
        open_context(project(tmp_path / "project", empty, PROGRAM, monkeypatch)) as ctx,
    ):
        planned = make_plan(ctx, as_of=AS_OF)
        assert planned.plan.is_empty
        assert not planned.plan.breaches
        assert planned.plan.summary["read"]["company"]["read"] == 0
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE


def test_a_resync_of_an_unknown_company_names_it_and_writes_nothing(ctx: Context, server: SandboxServer) -> None:
    with pytest.raises(RecordNotFound, match="999999"):
        resync(ctx, companies=["1001", "999999"], reason="asked by sales", as_of=AS_OF)
    assert {v.get("abm_tier") for v in all_records(server, "companies", ["abm_tier"]).values()} == {None}


def test_a_resync_of_one_company_writes_it_and_its_contacts_alone(ctx: Context) -> None:
    done = resync(ctx, companies=["1001"], reason="asked by sales", as_of=AS_OF)
    changed = done.planned.plan.changes
    assert set(changed.filter(changed["object"] == "company")["id"]) == {"1001"}
    accounts = ctx.store.mirror.load("main", "contact", ["associatedcompanyid"])
    mine = set(accounts.filter(accounts["associatedcompanyid"] == "1001")["id"])
    assert set(changed.filter(changed["object"] == "contact")["id"]) <= mine


def test_a_role_that_a_person_entered_is_never_overwritten(ctx: Context, server: SandboxServer) -> None:
    sync(ctx, as_of=AS_OF)
    contact = next(iter(all_records(server, "contacts", ["abm_stakeholder_role"])))
    values = {"abm_stakeholder_role": "end_user", "jobtitle": "Chief Financial Officer"}
    call(server, "PATCH", f"/crm/v3/objects/contacts/{contact}", {"properties": values})
    sync(ctx, as_of=AS_OF)
    assert all_records(server, "contacts", ["abm_stakeholder_role"])[contact]["abm_stakeholder_role"] == "end_user"
    assert any("which a person entered" in note for note in explain(ctx, "contact", contact, as_of=AS_OF).notes)
