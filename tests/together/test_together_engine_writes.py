"""What goes wrong while two CRMs are read and written: nothing stays half written, and no CRM waits for the other.

The world is `both_house`'s, worked by hand; what the CRMs hold is read over plain HTTP.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmsync.connectors.base import Connector, Page
from crmsync.engine.apply import apply_plan
from crmsync.engine.plan import make_plan
from crmsync.engine.sync import resync, sync
from crmsync.engine.undo import plan_undo
from crmsync.errors import ExitCode, Unavailable
from crmsync.model.fields import ObjectName
from crmsync.sandbox.salesforce.ids import make
from tests.together.both_house import ALL, AS_OF, HUBSPOT, SALESFORCE, A, Both, C, both

INDUSTRY = "carried: none, fields: {company: {industry: salesforce}}"
ROOT = Path(__file__).parents[2]
TIERED = {"101", "102", "103", "104", A[1], A[2], A[4], A[5]}
#: Of these 110 nothing is known but the name: HubSpot lists companies a hundred a page.
FILLERS = "".join(f"{1000 + n},Filler number {n},,,,,,\n" for n in range(110))


def demote(house: Both) -> None:
    """What people enter that costs Alpha its tier: 90 employees are too few for the ICP."""
    house.enter("company", "101", "numberofemployees", "90")


def test_a_page_that_hubspot_loses_costs_nobody_a_tier_in_either_crm(tmp_path: Path) -> None:
    with both(tmp_path, {**HUBSPOT, "companies": HUBSPOT["companies"] + FILLERS}, together=INDUSTRY) as house:
        house.sync()
        demote(house)
        fault = {"fault": "lost_page", "match": {"method": "GET", "path": "/objects/2026-09/companies"}, "times": 1}
        house.crms.hubspot_call("POST", "/_sandbox/faults", [fault])
        done = house.sync(full=True)
        summary = done.planned.plan.summary
        assert {name: seen["complete"] for name, seen in summary["read"].items() if "company" in name} == {
            "company in HubSpot": False,
            "company in Salesforce": True,
        }
        assert summary["withheld"]["count"] > 0
        assert [house.value("company", id_, "tier") for id_ in ("101", A[1])] == ["tier_1", "tier_1"]
        house.sync(full=True)
        assert [house.value("company", id_, "tier") for id_ in ("101", A[1])] == ["none", "none"]


class _Short:
    """The connector as it is, but one account never arrives."""

    def __init__(self, connector: Connector, lost: str) -> None:
        self._connector, self._lost = connector, lost

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def pull(self, object_: ObjectName, *arguments: Any, **options: Any) -> Iterator[Page]:
        for page in self._connector.pull(object_, *arguments, **options):
            yield Page(object_, [record for record in page.records if record.id != self._lost])


def test_an_account_that_salesforce_did_not_give_costs_nobody_a_tier(tmp_path: Path) -> None:
    """Of Beta only Salesforce knows the revenue. Unread, Beta keeps the tier that HubSpot holds."""
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        (tmp_path / "project" / "state" / "crmsync.db").unlink()
        demote(house)
        with house.opened() as ctx:
            ctx.sides[1]._connector = _Short(ctx.sides[1].connector, A[2])  # type: ignore[assignment]
            done = sync(ctx, as_of=AS_OF, accept=ALL, reason="one is missing")
        assert done.planned.plan.summary["read"]["company in Salesforce"] == {
            "read": 3,
            "expected": 4,
            "complete": False,
        }
        tiers = house.values("company", "tier")
        assert [tiers[id_] for id_ in ("101", A[1], "102", A[2])] == ["tier_1"] * 4
        house.sync(full=True)
        tiers = house.values("company", "tier")
        assert [tiers[id_] for id_ in ("101", A[1], "102", A[2])] == ["none", "none", "tier_1", "tier_1"]


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_a_crm_that_is_down_ends_the_run_with_one_message(tmp_path: Path, crm: str) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        demote(house)
        before = house.values("company", "tier")
        call = house.crms.hubspot_call if crm == "hubspot" else house.crms.salesforce_call
        call(
            "POST",
            "/_sandbox/faults",
            [{"fault": "503", "match": {"path": "/crm/" if crm == "hubspot" else "/services/"}}],
        )
        with house.opened() as ctx, pytest.raises(Unavailable) as raised:
            sync(ctx, as_of=AS_OF, accept=ALL, reason="while it is down")
        assert "503" in raised.value.message
        assert "\n" not in raised.value.message
        call("POST", "/_sandbox/faults", [])
        assert house.values("company", "tier") == before
        house.sync()
        assert [house.value("company", id_, "tier") for id_ in ("101", A[1])] == ["none", "none"]
        assert house.sync().applied is None


def test_salesforce_going_down_between_the_two_writes_is_made_good_by_the_next_sync(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        demote(house)
        fault = {"fault": "503", "match": {"method": "PATCH", "path": "/composite"}}
        house.crms.salesforce_call("POST", "/_sandbox/faults", [fault])
        with house.opened() as ctx, pytest.raises(Unavailable, match="503"):
            sync(ctx, as_of=AS_OF, accept=ALL, reason="goes down")
        assert house.value("company", "101", "tier") == "none"
        assert house.value("company", A[1], "tier") == "tier_1"
        house.crms.salesforce_call("POST", "/_sandbox/faults", [])
        house.sync()
        assert house.value("company", A[1], "tier") == "none"
        assert house.sync().applied is None


@pytest.mark.parametrize(
    ("crm", "when", "nth"),
    [("hubspot", "before", 1), ("hubspot", "after", 1), ("salesforce", "before", 1), ("salesforce", "after", 1),
     ("salesforce", "after", 2)],
)  # fmt: skip
def test_after_kill_9_the_next_sync_settles_both_crms(tmp_path: Path, crm: str, when: str, nth: int) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        command = [
            sys.executable,
            str(Path(__file__).with_name("both_child.py")),
            str(house.config),
            crm,
            when,
            str(nth),
        ]
        killed = subprocess.run(
            command, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT, timeout=120, check=False
        )
        assert killed.returncode == -signal.SIGKILL
        with house.opened() as ctx:
            assert len(ctx.store.checkpoint.unsettled(portal="main")) == 1
        house.sync()
        with house.opened() as ctx:
            assert ctx.store.checkpoint.unsettled(portal="main") == []
            assert ctx.store.ledger.verify().faults == []
            assert ctx.store.letters.list("main") == []
        tiers = house.values("company", "tier")
        assert tiers == {
            id_: "none" if id_ in ("104", A[4]) else "tier_3" if id_ == A[5] else "tier_1" for id_ in TIERED
        }
        assert None not in house.values("contact", "stakeholder_role").values()
        assert house.sync().applied is None


def test_a_run_that_is_stopped_between_the_crms_goes_on_later(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        answers = iter([False])
        done = house.sync(should_stop=lambda: next(answers, True))
        assert done.applied is not None
        assert done.applied.outcomes["pending"] > 0
        first = house.values("company", "tier")
        assert {id_ for id_, tier in first.items() if tier} == {"101", "102", "103", "104"}
        house.sync()
        assert None not in house.values("company", "tier").values()
        assert house.sync().applied is None


def test_a_limit_counts_an_account_of_both_crms_once(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house, house.opened() as ctx:
        plan = make_plan(ctx, as_of=AS_OF, limit=3).plan
        found = plan.changes.select("object", "id").unique().sort("object", "id").rows()
    # Ids of Salesforce come first: Alpha, Beta and Delta, in both.
    assert found == sorted(("company", id_) for id_ in ("101", "102", "104", A[1], A[2], A[4]))


def test_undo_takes_a_run_back_in_both_crms(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        before = house.values("company", "tier")
        demote(house)
        done = house.sync()
        assert done.applied is not None
        # Somebody has changed one value since: that one is left alone.
        house.enter("company", A[1], "ABM_Tier__c", "tier_3")
        with house.opened() as ctx:
            undo = plan_undo(ctx, done.applied.run_id)
            assert [(row["id"], row["property"]) for row in undo.plan.summary["skipped"]] == [(A[1], "abm_tier")]
            assert apply_plan(ctx, undo.plan).exit_code is ExitCode.DONE
        assert house.values("company", "tier") == {**before, A[1]: "tier_3"}
        assert house.value("company", A[1], "tier_reason") == "meets ICP, revenue, country"


def test_a_record_that_salesforce_refuses_leaves_hubspots_written(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        demote(house)
        fault = {"fault": "validation_rule", "match": {"path": "/composite", "ids": [A[1]]}}
        house.crms.salesforce_call("POST", "/_sandbox/faults", [fault])
        done = house.sync()
        assert done.exit_code is ExitCode.REFUSED
        assert house.value("company", "101", "tier") == "none"
        assert house.value("company", A[1], "tier") == "tier_1"
        with house.opened() as ctx:
            letters = ctx.store.letters.list("main")
        assert {letter.record_id for letter in letters} == {A[1]}
        assert "FIELD_CUSTOM_VALIDATION_EXCEPTION" in letters[0].message
        # Until a person looks at it nothing is sent again, and nothing goes back in HubSpot.
        again = house.sync()
        assert again.applied is None
        assert again.planned.plan.summary["dead_letters"]["count"] > 0
        assert house.value("company", "101", "tier") == "none"


def test_resync_by_a_salesforce_id_reads_and_writes_both_records(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        for id_, name in (("101", "abm_tier"), ("103", "abm_tier")):
            house.enter("company", id_, name, "tier_3")
        house.enter("company", A[1], "ABM_Tier__c", "tier_3")
        with house.opened() as ctx:
            done = resync(ctx, companies=[A[1][:15]], reason="looks wrong", as_of=AS_OF)
        changes = done.planned.plan.changes.filter(pl.col("property") == "abm_tier")
        assert dict(changes.select("id", "after").rows()) == {"101": "tier_1", A[1]: "tier_1"}
        assert [house.value("company", id_, "tier") for id_ in ("101", A[1], "103")] == ["tier_1", "tier_1", "tier_3"]


def test_resync_reads_the_other_record_though_its_pull_missed_the_change(tmp_path: Path) -> None:
    """HubSpot's search has not seen the change yet; the record itself says it."""
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        with house.opened() as ctx:
            side = ctx.main
            known = side.store.mirror.get(side.space, "company", "101")
            assert known is not None
        demote(house)
        with house.opened() as ctx:
            late = _Late(ctx.main.connector)
            ctx.main._connector = late  # type: ignore[assignment]
            done = resync(ctx, companies=[A[1]], reason="looks wrong", as_of=AS_OF, accept=ALL)
        assert late.asked
        tiers = done.planned.plan.changes.filter(pl.col("property") == "abm_tier")
        assert dict(tiers.select("id", "after").rows()) == {"101": "none", A[1]: "none"}


class _Late:
    """The connector as it is, with a search that has not caught up."""

    def __init__(self, connector: Connector) -> None:
        self._connector, self.asked = connector, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def newest(self, object_: ObjectName, *_arguments: Any) -> tuple[int, Page]:
        self.asked = True
        return 0, Page(object_, [])


def test_resync_of_a_campaign_takes_its_people_in_both_crms(tmp_path: Path) -> None:
    campaign, member = make("701", 1), make("00v", 1)
    salesforce = {
        **SALESFORCE,
        "Campaign": f"Id,Name\n{campaign},Trade fair\n",
        "CampaignMember": f"Id,CampaignId,ContactId\n{member},{campaign},{C[1]}\n",
    }
    with both(tmp_path, salesforce=salesforce, together=INDUSTRY) as house:
        house.sync()
        for id_ in ("501", "502"):
            house.enter("contact", id_, "abm_seniority", "c_suite")
        with house.opened() as ctx:
            done = resync(ctx, list_id=campaign, reason="the fair's guests", as_of=AS_OF)
        changed = done.planned.plan.changes.filter(pl.col("property") == "abm_seniority")
        assert changed.select("id", "after").rows() == [("501", "director")]
        assert house.value("contact", "502", "seniority") == "c_suite"


def test_a_value_declared_as_carried_is_written_in_salesforce_only_where_nothing_is_linked(tmp_path: Path) -> None:
    together = "carried: {company: [tier, tier_reason]}, fields: {company: {industry: salesforce}}"
    with both(tmp_path, together=together) as house:
        house.sync()
        tiers, reasons, known = (house.values("company", name) for name in ("tier", "tier_reason", "names_known"))
        # A1 and A4 are linked by the integration, A2 is known by its domain, A5 stands alone.
        assert [tiers[A[n]] for n in (1, 2, 4, 5)] == [None, "tier_1", None, "tier_3"]
        assert [reasons[A[n]] is None for n in (1, 2, 4, 5)] == [True, False, True, False]
        assert [known[A[n]] for n in (1, 2, 4, 5)] == ["3", "1", "0", "1"]
        assert (tiers["101"], tiers["104"]) == ("tier_1", "none")
        assert house.sync().applied is None


def test_with_salesforce_primary_a_carried_value_on_its_way_is_not_taken_for_what_stands(tmp_path: Path) -> None:
    """HubSpot has the new tier, Salesforce still the old one. An unknown then promotes nobody back to it."""
    together = "primary: salesforce, carried: {company: [tier, tier_changed_at, tier_reason]}"
    with both(tmp_path, together=together + ", fields: {company: {employees: hubspot}}") as house:
        house.sync()
        # The integration has carried the first tier over.
        house.enter("company", A[1], "ABM_Tier__c", "tier_1")
        _revenue(house, "5000000")
        house.sync()
        assert (house.value("company", "101", "tier"), house.value("company", A[1], "tier")) == ("tier_3", "tier_1")
        _revenue(house, None)
        house.sync()
        assert (house.value("company", "101", "tier"), house.value("company", A[1], "tier")) == ("tier_3", "tier_1")
        assert house.sync().applied is None


def _revenue(house: Both, value: str | None) -> None:
    house.enter("company", "101", "annualrevenue", value or "")
    house.enter("company", A[1], "AnnualRevenue", value)
