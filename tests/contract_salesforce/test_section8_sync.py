"""Section 8 through whole syncs, with Salesforce as the only CRM: what it does costs no data.

What the org holds is read over plain HTTP. The faults of jobs, sessions, locks and late commits that
`tests/faults/test_faults_salesforce.py` puts through a sync are not repeated here.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from contract_org import local_only

from crmsync.engine.apply import apply_plan
from crmsync.engine.sync import sync
from crmsync.engine.undo import plan_undo
from crmsync.errors import BudgetSpent, ExitCode, Unauthorized
from crmsync.sandbox.salesforce.ids import make as make_id
from crmsync.store import RunStatus
from tests.salesforce_house import (
    AS_OF,
    LOADED,
    OrgHouse,
    Row,
    account_id,
    account_rows,
    assert_settled,
    contact_id,
    contact_rows,
    synced,
)

pytestmark = local_only("the org is steered through its control plane")
WAYS = pytest.mark.parametrize("settings", [{}, {"bulk_from": 20}], ids=["collections", "bulk"])
ALL = frozenset({"all"})
House = Callable[..., OrgHouse]
GOOD: Row = {
    "Industry": "Machinery", "NumberOfEmployees": "250", "AnnualRevenue": "20000000", "BillingCountry": "Germany",
    "Technologies__c": "salesforce",
}  # fmt: skip
"""A tier 1 by the house's program: every layer is true."""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """Builds orgs with a config folder: `house(accounts, contacts, more={...}, api_limit=...)`."""
    built: list[OrgHouse] = []

    def build(accounts: Sequence[Row], contacts: Sequence[Row] = (), **options: Any) -> OrgHouse:
        built.append(OrgHouse(tmp_path / f"house-{len(built)}", accounts, contacts, **options))
        return built[-1]

    yield build
    for one in built:
        one.close()


def good(number: int, **changed: str) -> Row:
    row = {"Id": account_id(number), "Name": f"Good {number}", "Website": f"good-{number}.example", **GOOD}
    return row | {"OwnerId": make_id("005", 1 + number % 6), "SystemModstamp": LOADED} | changed


def tiers(house: OrgHouse) -> dict[str, Any]:
    return {row["Id"]: row["ABM_Tier__c"] for row in house.org.rows("SELECT Id, ABM_Tier__c FROM Account")}


def letters(house: OrgHouse, config: Path) -> dict[str, str]:
    with house.context(config) as ctx:
        return {letter.record_id: letter.message for letter in ctx.store.letters.list("main")}


def test_04_every_account_of_several_pages_is_decided_on(house: House) -> None:
    org = house(account_rows(4_300))
    config = org.config()
    synced(org, config)
    assert None not in tiers(org).values()
    assert len(tiers(org)) == 4_300
    with org.context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).applied is None


@pytest.mark.parametrize("fault", ["lost_reply", "truncated_body", "expired"])
def test_05_and_06_a_page_that_is_lost_or_a_locator_that_expires_costs_no_account(house: House, fault: str) -> None:
    org = house(account_rows(4_300))
    config = org.config()
    if fault != "expired":
        org.org.faults({"match": {"path": "/query/0r8"}, "fault": fault, "times": 1})
    with org.context(config) as ctx:
        if fault == "expired":
            ctx.main._connector = _DaysBetweenPages(ctx.connector, org)  # type: ignore[assignment]
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
        assert ctx.store.mirror.count(ctx.main.space, "company") == 4_300
    found = tiers(org)
    assert (len(found), None in found.values()) == (4_300, False)
    struck = [one["fault"] for one in org.org.requests("/query/0r8") if one["fault"]]
    assert struck == ([] if fault == "expired" else [fault])


class _DaysBetweenPages:
    """The connector as it is; between the first page of the accounts and the second lie two days."""

    def __init__(self, connector: Any, house: OrgHouse) -> None:
        self._connector, self._house = connector, house

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def pull(self, object_: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        for number, page in enumerate(self._connector.pull(object_, *arguments, **options)):
            yield page
            if object_ == "company" and number == 0:
                self._house.org.control("settings", {"advance_ms": 2 * 86_400_000 + 1_000})


def test_01_the_command_line_needs_the_config_and_nothing_else(house: House) -> None:
    """In a process of its own, with the waits of production; a second run has nothing to do."""
    accounts = account_rows(250)
    org = house(accounts, contact_rows(100, accounts))
    config = org.config(settings="      bulk_from: 200\n")
    command = [sys.executable, "-m", "crmsync.cli", "--config", str(config), "sync", "--as-of", "2026-11-01"]
    for changes in (True, False):
        before = org.writes() + len(org.org.requests("/jobs/ingest", "PUT"))
        ran = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=config.parent)
        assert ran.returncode == 0, ran.stderr
        assert (org.writes() + len(org.org.requests("/jobs/ingest", "PUT")) > before) == changes
        for secret in (org.org.consumer_key, "PRIVATE KEY", "@company.example"):
            assert secret not in ran.stdout + ran.stderr
    assert len(org.org.requests("/jobs/ingest", "PUT")) == 1, "250 accounts are a job, 100 contacts a collection"
    held = org.held()
    assert sum("ABM_Tier__c" in values for values in held.values()) == 250
    assert sum("ABM_Stakeholder_Role__c" in values for values in held.values()) == 100


def test_02_a_session_of_a_second_lasts_a_sync_of_many(house: House) -> None:
    """Sessions end all along, by the org's own clock, and not by a fault."""
    org = house(account_rows(300))
    config = org.config()
    org.org.control("settings", {"session_seconds": 0.4, "latency_ms": 30})
    with org.context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
    org.org.control("settings", {"session_seconds": None, "latency_ms": 0})
    org.org.login()
    assert None not in tiers(org).values()


def test_01_and_02_a_user_who_is_shut_out_in_the_middle_leaves_nothing_in_doubt(house: House) -> None:
    """Sessions are refused and so is each new login; a day later the same command goes on."""
    accounts = account_rows(300)
    org, calm = house(accounts), house(accounts)
    synced(calm, calm.config())
    config = org.config()
    shut = [{"match": {"path": "/composite/sobjects"}, "fault": "401", "after": 1}]
    org.org.faults(*shut)
    with org.context(config) as ctx:
        with pytest.raises(Unauthorized):
            sync(ctx, as_of=AS_OF)
        assert ctx.store.runs.list("main")[0].status is RunStatus.FAILED
        assert ctx.store.checkpoint.unsettled(portal="main") == [], "a refused session wrote nothing"
    assert Counter(value is None for value in tiers(org).values())[True] > 0
    org.org.faults()
    synced(org, config)
    assert org.held() == calm.held()


@pytest.mark.parametrize("fault", ["concurrent_limit", "daily_limit", "api_disabled"])
def test_03_a_403_in_the_middle_of_writing_is_waited_for_or_stops_the_run(house: House, fault: str) -> None:
    accounts = account_rows(500)
    org, calm = house(accounts), house(accounts)
    synced(calm, calm.config())
    config = org.config()
    passing = fault == "concurrent_limit"
    limit = {"times": 2} if passing else {}
    org.org.faults({"match": {"path": "/composite/sobjects"}, "fault": fault, "after": 1, **limit})
    with org.context(config) as ctx:
        if passing:
            assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        else:
            with pytest.raises(BudgetSpent if fault == "daily_limit" else Unauthorized):
                sync(ctx, as_of=AS_OF)
            assert ctx.store.letters.list("main") == []
            assert ctx.store.checkpoint.unsettled(portal="main") == []
            assert Counter(value is None for value in tiers(org).values())[True] > 0
    org.org.faults()
    with org.context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
    assert org.held() == calm.held()


def test_07_accounts_that_were_merged_between_two_syncs_are_one_and_the_survivor_is_decided_on(house: House) -> None:
    accounts = [good(0), good(1), good(2, Technologies__c="", NumberOfEmployees="")]
    contacts = contact_rows(30, accounts)
    org = house(accounts, contacts)
    config = org.config()
    synced(org, config)
    first, second, third = (account_id(n) for n in range(3))
    org.org.edit("Account", second, merge=[third])
    org.org.edit("Account", first, merge=[second])
    synced(org, config)
    assert tiers(org) == {first: "tier_1"}
    with org.context(config) as ctx:
        assert_settled(ctx)
        assert list(ctx.store.mirror.ids(ctx.main.space, "company")) == [first]
        assert ctx.store.mirror.count(ctx.main.space, "contact") == 30
    names = org.org.value("Account", first, "ABM_Names_Known__c") if "names_known" in org.program else 30
    assert names == 30


def test_07_an_account_in_the_bin_takes_its_people_along_and_brings_them_back(house: House) -> None:
    accounts = [good(0), good(1)]
    contacts = contact_rows(30, accounts)
    mine = {row["Id"] for row in contacts if row["AccountId"] == account_id(0)}
    assert 0 < len(mine) < 30
    org = house(accounts, contacts)
    config = org.config()
    synced(org, config)
    whole = org.held()
    for change, people in (({"delete": True}, 30 - len(mine)), ({"undelete": True}, 30)):
        org.org.edit("Account", account_id(0), **change)
        synced(org, config, accept=ALL)
        with org.context(config) as ctx:
            assert ctx.store.mirror.count(ctx.main.space, "contact") == people
            assert_settled(ctx)
    assert org.held() == whole


def test_07_an_account_that_is_merged_away_while_a_plan_waits_is_no_loss(house: House) -> None:
    """The record was read; before it is written it loses a merge. The survivor is decided on by the next sync."""
    org = house([good(n) for n in range(30)])
    config = org.config()
    org.org.faults({"match": {"path": "/composite/sobjects", "method": "PATCH"}, "fault": "slow", "ms": 1, "times": 1})
    with org.context(config) as ctx:
        ctx.main._connector = _MergesBeforeWriting(ctx.connector, org)  # type: ignore[assignment]
        sync(ctx, as_of=AS_OF)
    with org.context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert sync(ctx, as_of=AS_OF).applied is None
        assert ctx.store.ledger.verify().faults == []
    found = tiers(org)
    assert len(found) == 29
    assert set(found.values()) == {"tier_1"}


class _MergesBeforeWriting:
    """The connector as it is; somebody merges two accounts right before the first write."""

    def __init__(self, connector: Any, house: OrgHouse) -> None:
        self._connector, self._house, self._done = connector, house, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def write(self, object_: Any, updates: Any) -> Any:
        if not self._done:
            self._done = True
            self._house.org.edit("Account", account_id(3), merge=[account_id(4)])
        return self._connector.write(object_, updates)


def test_08_a_field_that_is_hidden_overnight_costs_nobody_what_they_hold(house: House) -> None:
    """Without its field-level security a field is unknown everywhere, and an unknown is never false."""
    org = house(account_rows(300))
    config = org.config()
    synced(org, config)
    before = tiers(org)
    assert len(set(before.values())) >= 5
    for name in ("Industry", "NumberOfEmployees", "BillingCountry"):
        org.org.control("fls", {"object": "Account", "field": name, "read": False, "edit": False})
    with org.context(config) as ctx:
        sync(ctx, as_of=AS_OF, full=True, accept=ALL, reason="hidden fields")
        assert ctx.store.letters.list("main") == []
    rank = ["none", "tier_5", "tier_4", "tier_3", "tier_2", "tier_1"]
    after = tiers(org)
    lost = {id_ for id_ in before if rank.index(after[id_]) < rank.index(before[id_])}
    gained = {id_ for id_ in before if rank.index(after[id_]) > rank.index(before[id_])}
    assert (lost, gained) == (set(), set())


def test_08_a_field_that_is_shown_at_last_is_read_for_every_record_by_the_next_sync(house: House) -> None:
    """No record is modified when a right is given, so no increment by date would bring it."""
    accounts = account_rows(200)
    org, calm = house(accounts), house(accounts)
    synced(calm, calm.config())
    config = org.config()
    for shown in (False, True):
        for name in ("Industry", "BillingCountry"):
            org.org.control("fls", {"object": "Account", "field": name, "read": shown, "edit": shown})
        synced(org, config, accept=ALL)
        assert (tiers(org) == tiers(calm)) == shown
    assert {id_: values.get("ABM_Data_Gaps__c") for id_, values in org.held().items()} == {
        id_: values.get("ABM_Data_Gaps__c") for id_, values in calm.held().items()
    }


@WAYS
def test_09_a_record_that_a_rule_refuses_is_a_dead_letter_and_all_others_land(
    house: House, settings: dict[str, Any]
) -> None:
    accounts = account_rows(230)
    org, calm = house(accounts), house(accounts)
    synced(calm, calm.config())
    victim, config = account_id(37), org.config()
    org.org.faults({"match": {"ids": [victim]}, "fault": "validation_rule"})
    with org.context(config, **settings) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.REFUSED
    wanted, found = calm.held(), org.held()
    assert found.pop(("Account", victim)) == {}
    del wanted["Account", victim]
    assert found == wanted
    (message,) = letters(org, config).values()
    assert "A validation rule of this org was not met" in message
    assert list(letters(org, config)) == [victim]
    with org.context(config, **settings) as ctx:
        assert sync(ctx, as_of=AS_OF).applied is None, "what was refused is not sent again by itself"
        assert ctx.store.ledger.verify().faults == []


@pytest.mark.parametrize("spelling", ["duplicateResut", "duplicateResult"])
def test_13_a_duplicate_rule_is_a_dead_letter_in_salesforces_words(house: House, spelling: str) -> None:
    accounts = account_rows(40)
    org = house(accounts, contact_rows(40, accounts))
    org.org.control("settings", {"duplicate_key": spelling})
    victim, config = contact_id(7), org.config()
    org.org.faults({"match": {"ids": [victim]}, "fault": "duplicate_rule"})
    with org.context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.REFUSED
    (letter,) = letters(org, config).items()
    assert letter[0] == victim
    assert "DUPLICATES_DETECTED" in letter[1]
    roles = org.org.rows("SELECT Id FROM Contact WHERE ABM_Stakeholder_Role__c = null")
    assert [row["Id"] for row in roles] == [victim]


@WAYS
def test_16_a_value_that_no_longer_holds_is_cleared(house: House, settings: dict[str, Any]) -> None:
    """Gaps are listed while a field is missing; once it is filled there are none, and an empty cell clears nothing."""
    org = house([good(n, NumberOfEmployees="") for n in range(230)])
    config = org.config()
    synced(org, config, **settings)
    gaps = "SELECT Id, ABM_Data_Gaps__c, ABM_Tier__c FROM Account"
    assert {row["ABM_Data_Gaps__c"] for row in org.org.rows(gaps)} == {"employees"}
    for n in range(230):
        org.org.edit("Account", account_id(n), fields={"NumberOfEmployees": 250})
    synced(org, config, accept=ALL, **settings)
    assert {(row["ABM_Data_Gaps__c"], row["ABM_Tier__c"]) for row in org.org.rows(gaps)} == {(None, "tier_1")}
    assert bool(org.org.requests("/jobs/ingest", "PUT")) == bool(settings)


@WAYS
def test_16_an_undo_clears_every_value_that_a_sync_had_filled(house: House, settings: dict[str, Any]) -> None:
    accounts = account_rows(230)
    org = house(accounts, contact_rows(230, accounts))
    config = org.config()
    synced(org, config, **settings)
    assert all(org.held(stamp=True).values())
    with org.context(config, **settings) as ctx:
        (run,) = ctx.store.runs.list("main")
        undone = apply_plan(ctx, plan_undo(ctx, run.id).plan, accept=ALL, reason="a test's own undo")
        assert undone.exit_code is ExitCode.DONE
        assert_settled(ctx)
    assert not any(org.held(stamp=True).values()), "in every record null, and not an empty text"


def test_18_and_19_a_job_that_fails_on_the_way_is_finished_by_the_next_sync(house: House) -> None:
    accounts = account_rows(300)
    org, calm = house(accounts), house(accounts)
    synced(calm, calm.config())
    config = org.config()
    org.org.faults({"match": {"method": "PATCH", "path": "/jobs/ingest"}, "fault": "bulk_fail"})
    with org.context(config, bulk_from=20) as ctx:
        sync(ctx, as_of=AS_OF)
        assert ctx.store.letters.list("main") == [], "nobody refused a record"
        assert ctx.store.ledger.verify().faults == []
    org.org.faults()
    synced(org, config, bulk_from=20)
    with org.context(config) as ctx:
        assert_settled(ctx)
        assert sync(ctx, as_of=AS_OF).applied is None
    assert org.held() == calm.held()


def role_org(house: House) -> tuple[OrgHouse, dict[str, str]]:
    """An intern who is the economic buyer of a deal."""
    ids = {"deal": make_id("006", 1), "contact": contact_id(0), "role": make_id("00K", 1)}
    deals = [{
        "Id": ids["deal"], "Name": "Big", "AccountId": account_id(0), "StageName": "Prospecting",
        "CloseDate": "2026-12-31", "SystemModstamp": LOADED,
    }]  # fmt: skip
    roles = [{
        "Id": ids["role"], "OpportunityId": ids["deal"], "ContactId": ids["contact"], "Role": "Economic Buyer",
        "SystemModstamp": LOADED,
    }]  # fmt: skip
    contacts = [{
        "Id": ids["contact"], "AccountId": account_id(0), "LastName": "A", "Title": "Intern", "SystemModstamp": LOADED,
    }]  # fmt: skip
    org = house([good(0)], contacts, more={"Opportunity": deals, "OpportunityContactRole": roles})
    return org, ids


def role_of(org: OrgHouse, contact: str) -> Any:
    return org.org.value("Contact", contact, "ABM_Stakeholder_Role__c")


def test_23_a_contact_role_deleted_directly_no_longer_counts_at_the_next_increment(house: House) -> None:
    """Neither record was modified, and no query shows that it is gone."""
    org, ids = role_org(house)
    config = org.config()
    synced(org, config)
    assert role_of(org, ids["contact"]) == "commercial_decision_maker"
    org.org.edit("OpportunityContactRole", ids["role"], delete=True)
    org.org.age_deletions()
    synced(org, config)
    assert role_of(org, ids["contact"]) == "unclassified"


def test_23_a_contact_role_deleted_in_the_minute_of_an_increment_is_found_by_a_later_one(house: House) -> None:
    """The log leaves the running minute out, and the next look begins behind it."""
    org, ids = role_org(house)
    config = org.config()
    synced(org, config)
    org.org.edit("OpportunityContactRole", ids["role"], delete=True)
    synced(org, config)
    org.org.age_deletions()
    synced(org, config)
    assert role_of(org, ids["contact"]) == "unclassified"


def test_23_a_contact_role_added_to_an_untouched_deal_counts_at_the_next_increment(house: House) -> None:
    org, ids = role_org(house)
    config = org.config()
    synced(org, config)
    (other,) = org.org.create("Contact", {"LastName": "B", "Title": "Intern", "AccountId": account_id(0)})
    synced(org, config)
    assert role_of(org, other) == "unclassified"
    role = {"OpportunityId": ids["deal"], "ContactId": other, "Role": "Evaluator"}
    org.org.edit("OpportunityContactRole", fields=role)
    synced(org, config)
    assert role_of(org, other) == "technical_qualifier"
    assert role_of(org, ids["contact"]) == "commercial_decision_maker"


@pytest.mark.parametrize(
    "features",
    [(), ("campaigns",), ("campaigns", "contacts_to_multiple_accounts", "account_teams")],
    ids=["none", "campaigns", "all"],
)
def test_24_a_sync_needs_no_feature_that_an_org_may_lack(house: House, features: tuple[str, ...]) -> None:
    accounts = account_rows(60)
    org = house(accounts, contact_rows(60, accounts), features=features)
    config = org.config()
    synced(org, config)
    held = org.held()
    assert all("ABM_Tier__c" in values for (kind, _), values in held.items() if kind == "Account")
    assert all("ABM_Stakeholder_Role__c" in values for (kind, _), values in held.items() if kind == "Contact")
    with org.context(config) as ctx:
        assert_settled(ctx)
        assert sync(ctx, as_of=AS_OF).applied is None


def test_25_the_days_share_stops_the_writes_and_the_next_day_goes_on(house: House) -> None:
    accounts = account_rows(1_000)
    org, calm = house(accounts), house(accounts)
    synced(calm, calm.config())
    config = org.config()
    # A sync of this size takes some dozen calls; the share ends among its writes.
    needed = len(calm.org.requests("/services/data"))
    writes = len(calm.org.requests("/composite/sobjects", "PATCH"))
    assert writes == 5
    org.org.control("settings", {"api_limit": 1_000, "api_used": 0})
    with org.context(config, daily_share=0.8) as ctx:
        ctx.main._connector = _OthersCallToo(ctx.connector, org, after=2)  # type: ignore[assignment]
        with pytest.raises(BudgetSpent):
            sync(ctx, as_of=AS_OF)
        assert ctx.store.checkpoint.unsettled(portal="main") == []
        assert ctx.store.letters.list("main") == []
    left = sum(value is None for value in tiers(org).values())
    assert 0 < left < 1_000
    assert len(org.org.requests("/composite/sobjects", "PATCH")) < writes
    org.org.control("settings", {"advance_ms": 86_400_000, "api_used": 0, "api_limit": 100_000})
    synced(org, config)
    assert org.held() == calm.held()
    assert needed < 1_000 * 0.8, "it was the others who used up the day"


class _OthersCallToo:
    """The connector as it is; after some writes other apps have used up nine tenths of the day."""

    def __init__(self, connector: Any, house: OrgHouse, after: int) -> None:
        self._connector, self._house, self._left = connector, house, after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def write(self, object_: Any, updates: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            self._house.org.control("settings", {"api_used": 900})
        return self._connector.write(object_, updates)
