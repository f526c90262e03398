"""What happens in an org between two syncs, and what a sync then reads and writes there; with Salesforce alone.

Whole syncs against a real server over TLS. What was written, and by how many calls, is read from the org's own log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from crmsync.engine.doctor import check
from crmsync.engine.explain import explain
from crmsync.engine.people import people_of_plan
from crmsync.engine.plan import make_plan
from crmsync.engine.sync import resync, sync
from crmsync.errors import ConfigError, ExitCode, RecordNotFound
from crmsync.planning.render import render_text
from crmsync.sandbox.salesforce import ids
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

ALL = frozenset({"all"})
GOOD: Row = {
    "Industry": "Machinery", "NumberOfEmployees": "250", "AnnualRevenue": "20000000", "BillingCountry": "Germany",
    "Technologies__c": "salesforce",
}  # fmt: skip
"""A tier 1 by the house's program: every layer is true."""
House = Callable[..., OrgHouse]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built: list[OrgHouse] = []

    def build(accounts: Sequence[Row], contacts: Sequence[Row] = (), **options: Any) -> OrgHouse:
        built.append(OrgHouse(tmp_path / f"house-{len(built)}", accounts, contacts, **options))
        return built[-1]

    yield build
    for one in built:
        one.close()


def good(number: int, **changed: str) -> Row:
    row = {"Id": account_id(number), "Name": f"Good {number}", "Website": f"good-{number}.example", **GOOD}
    return row | {"OwnerId": ids.make("005", 1), "SystemModstamp": LOADED} | changed


def staff(number: int, at: int, title: str) -> Row:
    row = {"Id": contact_id(number), "AccountId": account_id(at), "LastName": f"L{number}", "Title": title}
    return {**row, "SystemModstamp": LOADED}


def tier(org: OrgHouse, number: int) -> Any:
    return org.org.value("Account", account_id(number), "ABM_Tier__c")


def sent(log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Calls that write."""
    return [one for one in log if one["method"] != "GET" and "oauth2" not in one["path"]]


# -- one change at a time


def test_one_changed_account_is_one_record_within_few_calls(house: House) -> None:
    """4,300 accounts are three pages; one of them changes. Eight calls look, one reads before the write, one writes."""
    accounts = account_rows(4_300)
    accounts[11] = good(11)
    org = house(accounts, contact_rows(50, accounts))
    with org.context(org.config()) as ctx:
        sync(ctx, as_of=AS_OF)
        assert tier(org, 11) == "tier_1"
        sync(ctx, as_of=AS_OF)  # reads what the first one wrote
        org.org.edit("Account", account_id(11), fields={"NumberOfEmployees": 40})
        before = len(org.org.requests())
        done = sync(ctx, as_of=AS_OF)
        log = org.org.requests()[before:]
        assert done.planned.plan.changes["id"].unique().to_list() == [account_id(11)]
        assert tier(org, 11) == "tier_4"
        assert [(one["method"], one["inputs"]) for one in sent(log)] == [("PATCH", 1)]
        assert len(log) <= 12, [one["path"] for one in log]
        assert sync(ctx, as_of=AS_OF).applied is None


def test_a_deleted_account_is_gone_and_an_undeleted_one_is_back_with_what_it_held(house: House) -> None:
    org = house([good(0), good(1), good(2)])
    with org.context(org.config()) as ctx:
        sync(ctx, as_of=AS_OF)
        held = org.held()
        for change, known in (({"delete": True}, {0, 2}), ({"undelete": True}, {0, 1, 2})):
            org.org.edit("Account", account_id(1), **change)
            before = len(org.org.requests())
            done = sync(ctx, as_of=AS_OF, accept=ALL, reason="a deletion that was meant")
            assert done.exit_code is ExitCode.DONE
            assert set(ctx.store.mirror.ids(ctx.main.space, "company")) == {account_id(n) for n in known}
            # Nobody else's values move, and of the one that came back neither: it kept them in the bin.
            assert sent(org.org.requests()[before:]) == []
        with pytest.raises(RecordNotFound):
            explain(ctx, "company", account_id(77))
    assert org.held() == held


def test_a_deleted_account_cannot_be_explained_and_a_merged_one_is_its_survivor(house: House) -> None:
    org = house([good(0), good(1), good(2)])
    config = org.config()
    synced(org, config)
    org.org.edit("Account", account_id(0), merge=[account_id(1)])
    org.org.edit("Account", account_id(2), delete=True)
    synced(org, config, accept=ALL)
    with org.context(config) as ctx:
        told = explain(ctx, None, account_id(1)[:15], as_of=AS_OF)
        assert told.id == account_id(0)
        assert any("merged" in note for note in told.notes)
        with pytest.raises(RecordNotFound, match="archived"):
            explain(ctx, None, account_id(2)[:15], as_of=AS_OF)


def test_a_role_given_and_taken_on_a_deal_moves_and_nothing_else_does(house: House) -> None:
    """The title says influencer; the contact role that is added, who signs; without it the title counts again."""
    deals = [{
        "Id": ids.make("006", 1), "Name": "Big", "AccountId": account_id(0), "StageName": "Prospecting",
        "CloseDate": "2026-12-31", "Amount": "1000", "SystemModstamp": LOADED,
    }]  # fmt: skip
    org = house([good(0)], [staff(0, 0, "Marketing Director"), staff(1, 0, "IT Manager")], more={"Opportunity": deals})
    name = "ABM_Stakeholder_Role__c"
    with org.context(org.config()) as ctx:
        sync(ctx, as_of=AS_OF)
        assert org.org.value("Contact", contact_id(0), name) == "influencer"
        made = org.org.edit(
            "OpportunityContactRole",
            fields={"OpportunityId": ids.make("006", 1), "ContactId": contact_id(0), "Role": "Economic Buyer"},
        )
        done = sync(ctx, as_of=AS_OF)
        assert set(done.planned.plan.changes["id"]) == {contact_id(0)}
        assert org.org.value("Contact", contact_id(0), name) == "commercial_decision_maker"
        org.org.edit("OpportunityContactRole", made, delete=True)
        org.org.age_deletions()
        done = sync(ctx, as_of=AS_OF)
        assert set(done.planned.plan.changes["id"]) == {contact_id(0)}
        assert org.org.value("Contact", contact_id(0), name) == "influencer"


# -- rights


def hide(org: OrgHouse, object_: str, *names: str, read: bool = False, edit: bool = False) -> None:
    for name in names:
        org.org.control("fls", {"object": object_, "field": name, "read": read, "edit": edit})


def test_a_field_that_the_admin_forgot_is_said_and_unknown_and_counts_once_it_is_given(house: House) -> None:
    """A field without field-level security looks like one that is not there. Giving it moves no record's stamp: still
    every account is read again, or those that nobody touches would stay unknown for a week."""
    org = house([good(n) for n in range(3)])
    config = org.config()
    hide(org, "Account", "NumberOfEmployees")
    said = [one for one in check(config) if "NumberOfEmployees" in one.message]
    assert [one.severity for one in said] == ["warning"]
    assert "unknown" in said[0].message
    synced(org, config)
    # The ICP needs employees: unknown promotes nobody, and what it could be stands beside it.
    assert [tier(org, n) for n in range(3)] == ["none", "none", "none"]
    assert org.org.value("Account", account_id(0), "ABM_Potential_Tier__c") == "tier_1"
    assert "employees" in org.org.value("Account", account_id(0), "ABM_Data_Gaps__c")
    # Until a row of ours can no longer commit late, it is read again anyhow; from then on nothing is new.
    org.org.control("settings", {"advance_ms": 3_600_000})
    org.org.edit("Account", account_id(2), fields={"Phone": "1"})
    synced(org, config, lookback=timedelta(0))
    hide(org, "Account", "NumberOfEmployees", read=True)
    synced(org, config, accept=ALL, lookback=timedelta(0))
    assert [tier(org, n) for n in range(3)] == ["tier_1", "tier_1", "tier_1"]
    assert not [one for one in check(config) if "NumberOfEmployees" in one.message]


def test_a_hidden_field_is_named_by_the_plan_too(house: House) -> None:
    org = house([good(n) for n in range(3)])
    hide(org, "Account", "NumberOfEmployees")
    with org.context(org.config()) as ctx:
        planned = make_plan(ctx, as_of=AS_OF)
        shown = " ".join(render_text(planned.plan, people_of_plan(ctx, planned.plan)).split())
    hidden = [one for one in planned.plan.summary["unseen"] if one["property"] == "NumberOfEmployees"]
    assert hidden == [{"crm": "Salesforce", "object": "company", "field": "employees", "property": "NumberOfEmployees"}]
    assert "hidden from crmsync's user" in shown
    assert "company employees (NumberOfEmployees)" in shown


def test_an_owned_field_that_is_hidden_stops_the_writes_and_names_the_remedy(house: House) -> None:
    org = house([good(0)])
    config = org.config()
    hide(org, "Account", "ABM_Tier__c")
    before = len(org.org.requests())
    with org.context(config) as ctx, pytest.raises(ConfigError) as stopped:
        sync(ctx, as_of=AS_OF)
    assert "Account.ABM_Tier__c" in str(stopped.value)
    assert "crmsync bootstrap salesforce" in str(stopped.value)
    assert sent(org.org.requests()[before:]) == []
    (fault,) = [one for one in check(config) if one.severity == "fault"]
    assert "Account.ABM_Tier__c" in fault.message
    # The plan, which writes nothing, comes and lists what an admin has to do.
    with org.context(config) as ctx:
        summary = make_plan(ctx, as_of=AS_OF).plan.summary
    assert [(one["what"], one["name"], one["by_admin"]) for one in summary["schema"]] == [
        ("field", "Account.ABM_Tier__c", True)
    ]


def test_an_owned_field_that_may_not_be_edited_is_said_before_the_first_write(house: House) -> None:
    org = house([good(0)], [staff(0, 0, "CFO")])
    config = org.config()
    hide(org, "Contact", "ABM_Seniority__c", read=True)
    with org.context(config) as ctx, pytest.raises(ConfigError, match=r"may not edit: Contact\.ABM_Seniority__c"):
        sync(ctx, as_of=AS_OF)
    assert all(not values for values in org.held().values())
    hide(org, "Contact", "ABM_Seniority__c", read=True, edit=True)
    synced(org, config)
    assert org.org.value("Contact", contact_id(0), "ABM_Seniority__c") == "c_suite"


# -- one-offs


def test_a_resync_by_an_id_of_15_characters_writes_that_account_and_its_people_alone(house: House) -> None:
    accounts = [good(n) for n in range(3)]
    org = house(accounts, [staff(0, 0, "CFO"), staff(1, 1, "CFO")])
    with org.context(org.config()) as ctx:
        done = resync(ctx, companies=[account_id(1)[:15]], reason="by hand", as_of=AS_OF)
        assert done.exit_code is ExitCode.DONE
        assert set(done.planned.plan.changes["id"]) == {account_id(1), contact_id(1)}
        assert_settled(ctx)
    written = {id_ for (_, id_), values in org.held().items() if values}
    assert written == {account_id(1), contact_id(1)}


def test_a_resync_of_a_campaign_writes_its_people_alone(house: House) -> None:
    campaign = ids.make("701", 1)
    more = {
        "Campaign": [{"Id": campaign, "Name": "Spring", "SystemModstamp": LOADED}],
        "CampaignMember": [
            {"Id": ids.make("00v", n), "CampaignId": campaign, "ContactId": contact_id(n), "SystemModstamp": LOADED}
            for n in (1, 2)
        ],
    }
    org = house([good(0)], [staff(n, 0, "CFO") for n in range(4)], more=more)
    with org.context(org.config()) as ctx:
        done = resync(ctx, list_id=campaign[:15], reason="the spring campaign", as_of=AS_OF)
        assert done.exit_code is ExitCode.DONE
        assert set(done.planned.plan.changes["id"]) == {contact_id(1), contact_id(2)}
        with pytest.raises(RecordNotFound, match="campaign"):
            resync(ctx, list_id=ids.make("701", 9), reason="none such", as_of=AS_OF)
    assert {id_ for (_, id_), values in org.held().items() if values} == {contact_id(1), contact_id(2)}


@pytest.mark.parametrize("rights", [{}, {"read": True}], ids=["hidden", "not to be edited"])
def test_a_right_to_an_owned_field_that_is_taken_away_later_stops_the_run_and_costs_no_letters(
    house: House, rights: dict[str, bool]
) -> None:
    """Hidden, every tier looks blank: writing all of them anew would end in a dead letter for each account."""
    org = house([good(n) for n in range(40)])
    config = org.config()
    synced(org, config)
    before = org.held()
    hide(org, "Account", "ABM_Tier__c", **rights)
    org.org.edit("Account", account_id(3), fields={"NumberOfEmployees": 40})
    with org.context(config) as ctx:
        with pytest.raises(ConfigError, match=r"Account\.ABM_Tier__c(.|\n)*crmsync bootstrap salesforce"):
            sync(ctx, as_of=AS_OF)
        assert ctx.store.letters.list("main") == []
    hide(org, "Account", "ABM_Tier__c", read=True, edit=True)
    assert org.held() == before
    synced(org, config)
    changed = {key for key, values in org.held().items() if values != before[key]}
    assert changed == {("Account", account_id(3))}
    assert tier(org, 3) == "tier_4"
