"""Section 8 through the connector: logins, limits, and reading (items 1 to 8 and 22 to 25)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from contract_connector import Connected, by_id, held, tiers, write_all
from contract_org import Org, StartOrg, local_only

from crmsync.connectors.base import LinkChanges
from crmsync.errors import BudgetSpent, CrmsyncError, Rejected, Throttled, Unauthorized, Unavailable
from crmsync.sandbox.salesforce.ids import make as make_id

pytestmark = local_only("the org is steered through its control plane")
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


def logins(org: Org) -> int:
    return len(org.requests("/services/oauth2/token"))


@pytest.mark.parametrize("grant", ["JWT", "client credentials"])
def test_01_both_logins_open_a_session(org: Org, connected: Connected, grant: str) -> None:
    org.accounts(3)
    by_secret = {
        "private_key": None, "username": None, "domain": "acme.my", "consumer_secret": lambda: org.consumer_secret,
    }  # fmt: skip
    before = logins(org)
    connector = connected(**(by_secret if grant == "client credentials" else {}))
    assert connector.count("company") == 3
    assert logins(org) == before + 1
    assert org.requests("/Soap/") == []


def test_01_a_refused_login_stops_in_salesforces_words_without_a_secret(org: Org, connected: Connected) -> None:
    connector_of = {"username": "nobody@nowhere.example"}
    with pytest.raises(Unauthorized, match="authentication failure") as stopped:
        connected(**connector_of).count("company")
    assert org.consumer_key not in stopped.value.message
    assert "PRIVATE KEY" not in stopped.value.message
    assert logins(org) == 1, "a login that was refused is not tried again"


def test_02_a_session_that_ends_is_refreshed_once_and_nothing_else_is_seen(org: Org, connected: Connected) -> None:
    org.accounts(3)
    connector = connected()
    assert connector.count("company") == 3
    before = logins(org)
    org.control("token", {"expire": True})
    assert connector.count("company") == 3
    assert logins(org) == before + 1


def test_02_one_refresh_serves_every_thread(org: Org, connected: Connected) -> None:
    org.accounts(3)
    connector = connected()
    connector.count("company")
    before = logins(org)
    org.control("settings", {"latency_ms": 30})
    org.control("token", {"expire": True})
    with ThreadPoolExecutor(8) as threads:
        counted = list(threads.map(lambda _: connector.count("company"), range(8)))
    assert counted == [3] * 8
    assert logins(org) == before + 1


def test_02_a_session_that_is_refused_again_ends_in_unauthorized_not_in_a_loop(org: Org, connected: Connected) -> None:
    connector = connected()
    connector.count("company")
    before, calls = logins(org), len(org.requests("/services/data"))
    org.faults({"match": {"path": "/services/data"}, "fault": "401"})
    with pytest.raises(Unauthorized):
        connector.count("company")
    refused = org.requests("/services/data")[calls:]
    assert {one["status"] for one in refused} == {401}
    assert logins(org) == before + 1, "one refresh, and no more where that was in vain"
    assert len(refused) == 2


def test_03_concurrent_requests_is_tried_again(org: Org, connected: Connected) -> None:
    org.accounts(3)
    connector = connected()
    org.faults({"match": {"path": "/services/data"}, "fault": "concurrent_limit", "times": 2})
    assert connector.count("company") == 3
    assert connector.usage().retried >= 2


def test_03_total_requests_stops_the_run_at_once(org: Org, connected: Connected) -> None:
    connector = connected()
    connector.count("company")
    calls = len(org.requests("/services/data"))
    org.faults({"match": {"path": "/services/data"}, "fault": "daily_limit"})
    with pytest.raises(BudgetSpent):
        connector.count("company")
    assert len(org.requests("/services/data")) == calls + 1, "no waiting helps, so nothing is tried again"


def test_03_a_permission_is_no_limit(org: Org, connected: Connected) -> None:
    connector = connected()
    connector.count("company")
    calls = len(org.requests("/services/data"))
    org.faults({"match": {"path": "/services/data"}, "fault": "api_disabled"})
    with pytest.raises((Unauthorized, Rejected), match="REST API is not enabled"):
        connector.count("company")
    assert len(org.requests("/services/data")) == calls + 1


def test_04_a_pull_brings_every_record_once(org: Org, connected: Connected) -> None:
    ids = org.accounts(4_500)
    connector = connected()
    seen, properties = by_id(connector.pull("company", ["Name", "SystemModstamp"]))
    assert sorted(seen) == sorted(ids)
    assert len({values["Name"] for values in properties.values()}) == 1
    assert connector.count("company") == 4_500


def test_04_changes_bring_every_record_once_although_many_have_one_stamp(org: Org, connected: Connected) -> None:
    ids = org.accounts(4_500)
    seen, _ = by_id(connected().changes("company", ["Name"], BEGINNING))
    assert sorted(set(seen)) == sorted(ids), "each at least once"


@pytest.mark.parametrize("fault", ["lost_reply", "truncated_body", "503", "reset"])
@pytest.mark.parametrize("feed", ["pull", "changes"])
def test_05_a_page_whose_answer_is_lost_costs_no_row(org: Org, connected: Connected, fault: str, feed: str) -> None:
    """Where the answer is lost the locator is spent: asking for the same page again is INVALID_QUERY_LOCATOR."""
    ids = org.accounts(6_500)
    connector = connected()
    connector.count("company")
    org.faults({"match": {"method": "GET", "path": "/query/0r8"}, "fault": fault, "times": 1, "after": 1})
    pages = connector.pull("company", ["Name"]) if feed == "pull" else connector.changes("company", ["Name"], BEGINNING)
    seen, _ = by_id(pages)
    assert sorted(set(seen)) == sorted(ids)
    if feed == "pull":
        assert len(seen) == len(ids), "and brings none twice"
    assert [one["fault"] for one in org.requests("/query") if one["fault"]] == [fault]


@pytest.mark.parametrize("feed", ["pull", "changes"])
def test_06_a_locator_that_expires_between_two_pages_costs_no_row(org: Org, connected: Connected, feed: str) -> None:
    ids = org.accounts(6_500)
    connector = connected(cursors=1)
    pages = iter(
        connector.pull("company", ["Name"]) if feed == "pull" else connector.changes("company", ["Name"], BEGINNING)
    )
    first = next(pages)
    org.control("settings", {"advance_ms": 2 * 86_400_000 + 1_000})
    seen, _ = by_id([first, *pages])
    assert sorted(set(seen)) == sorted(ids)
    if feed == "pull":
        assert len(seen) == len(ids), "and brings none twice"


@pytest.mark.parametrize("feed", ["pull", "changes"])
def test_02_a_session_that_ends_between_two_pages_costs_no_row(org: Org, connected: Connected, feed: str) -> None:
    ids = org.accounts(6_500)
    connector = connected(cursors=1)
    pages = iter(
        connector.pull("company", ["Name"]) if feed == "pull" else connector.changes("company", ["Name"], BEGINNING)
    )
    first = next(pages)
    before = logins(org)
    org.control("token", {"expire": True})
    seen, _ = by_id([first, *pages])
    assert sorted(set(seen)) == sorted(ids)
    if feed == "pull":
        assert len(seen) == len(ids), "and brings none twice"
    assert logins(org) <= before + 1


def test_07_reading_a_merged_record_gives_the_survivor_at_the_end_of_the_chain(org: Org, connected: Connected) -> None:
    first, second, third, other = org.accounts(4)
    org.edit("Account", first, fields={"Site": "the survivor's"})
    org.edit("Account", second, merge=[third])
    org.edit("Account", first, merge=[second])
    found = connected().read("company", [third, other, second], ["Site"])
    assert found.merged == {second: first, third: first}
    assert found.values == {first: {"Site": "the survivor's"}, other: {"Site": None}}
    assert found.missing == ()


def test_07_a_deleted_record_is_missing_and_archived_a_purged_one_is_missing(org: Org, connected: Connected) -> None:
    kept, binned, merged, purged, unknown = *org.accounts(4), "0015g0000000zzzAAA"
    org.edit("Account", binned, delete=True)
    org.edit("Account", kept, merge=[merged])
    org.edit("Account", purged, delete=True)
    org.edit("Account", purged, purge=True)
    connector = connected()
    found = connector.read("company", [binned, merged, purged, unknown, kept], ["Site"])
    assert (set(found.values), found.merged) == ({kept}, {merged: kept})
    assert sorted(found.missing) == sorted([binned, purged, unknown])
    assert {binned, merged} <= set(connector.archived_ids("company"))
    assert kept not in set(connector.archived_ids("company"))


def test_08_a_field_that_is_missing_or_hidden_comes_back_as_null(org: Org, connected: Connected) -> None:
    account, *_ = org.accounts(1, Site="here", AccountNumber="7")
    org.control("fls", {"object": "Account", "field": "Site", "read": False, "edit": False})
    connector = connected()
    asked = ["Site", "Nothing__c", "AccountNumber", "accountnumber"]
    shown: dict[str, str | None] = {"Site": None, "Nothing__c": None, "AccountNumber": "7", "accountnumber": "7"}
    assert connector.read("company", [account], asked).values == {account: shown}
    assert by_id(connector.pull("company", asked))[1] == {account: shown}
    names = connector.property_names("company")
    assert "AccountNumber" in names
    assert not {"Site", "Nothing__c"} & names.keys()


def test_08_rights_that_are_taken_away_between_two_calls_are_no_error(org: Org, connected: Connected) -> None:
    """What describe said an hour ago is not what it says now."""
    account, *_ = org.accounts(1, Site="here")
    connector = connected()
    assert connector.read("company", [account], ["Site"]).values[account]["Site"] == "here"
    org.control("fls", {"object": "Account", "field": "Site", "read": False, "edit": False})
    assert connector.read("company", [account], ["Site"]).values[account]["Site"] is None
    assert by_id(connector.pull("company", ["Site"]))[1] == {account: {"Site": None}}


def test_22_the_lag_brings_back_a_row_that_committed_late(org: Org, connected: Connected) -> None:
    late, soon = org.accounts(2)
    connector = connected(lookback=timedelta(seconds=600))
    assert connector.lag == timedelta(seconds=600)
    org.control("settings", {"advance_ms": 3_600_000})
    org.edit("Account", late, fields={"Site": "late"}, commit_ms=300_000)
    org.control("settings", {"advance_ms": 60_000})
    org.edit("Account", soon, fields={"Site": "soon"})
    _, seen = by_id(connector.changes("company", ["Site", "SystemModstamp"], BEGINNING))
    assert seen[late]["Site"] is None
    watermark = datetime.fromisoformat(str(seen[soon]["SystemModstamp"]))
    org.control("settings", {"advance_ms": 300_000})
    _, plain = by_id(connector.changes("company", ["Site"], watermark))
    assert late not in plain
    _, back = by_id(connector.changes("company", ["Site"], watermark - connector.lag))
    assert back[late]["Site"] == "late"


def test_23_a_contact_role_deleted_directly_is_reported_as_gone(org: Org, connected: Connected) -> None:
    made = org.contact_role()
    deal, contact, role = made["Opportunity"], made["Contact"], made["OpportunityContactRole"]
    connector = connected()
    (link,) = connector.associations("deal", "contact", [deal])[deal]
    assert (link.to, link.labels, link.ids) == (contact, ("Evaluator",), (role,))
    org.call("DELETE", f"sobjects/OpportunityContactRole/{role}", status=204)
    org.age_deletions()
    changed = connector.link_changes("deal", "contact", datetime.now(UTC) - timedelta(minutes=5))
    assert role in changed.gone
    assert changed.lost is False
    assert connector.associations("deal", "contact", [deal]) == {deal: []}


def test_23_a_new_contact_role_names_the_opportunity_that_did_not_change(
    start_org: StartOrg, connected_to: Any, tmp_path: Path
) -> None:
    account, deal, known, new = (make_id(prefix, n) for prefix, n in (("001", 1), ("006", 1), ("003", 1), ("003", 2)))
    stamp = "2026-11-01T00:00:00.000Z"
    files = {
        "Account": f"Id,Name,SystemModstamp\n{account},A,{stamp}\n",
        "Contact": f"Id,LastName,AccountId,SystemModstamp\n{known},K,{account},{stamp}\n{new},N,{account},{stamp}\n",
        "Opportunity": f"Id,Name,StageName,CloseDate,SystemModstamp\n{deal},D,Prospecting,2026-12-31,{stamp}\n",
        "OpportunityContactRole": f"OpportunityId,ContactId,SystemModstamp\n{deal},{known},{stamp}\n",
    }
    for name, text in files.items():
        (tmp_path / f"{name}.csv").write_text(text)
    org = start_org(data=tmp_path)
    connector, since = connected_to(org), datetime.now(UTC) - timedelta(minutes=5)
    assert connector.link_changes("deal", "contact", since) == LinkChanges()
    org.create("OpportunityContactRole", {"OpportunityId": deal, "ContactId": new})
    assert connector.link_changes("deal", "contact", since) == LinkChanges(of=(deal,))
    assert by_id(connector.changes("deal", ["Name"], since))[0] == [], "the opportunity itself did not move"
    assert {one.to for one in connector.associations("deal", "contact", [deal])[deal]} == {known, new}


def test_23_a_window_beyond_the_delete_log_is_lost(org: Org, connected: Connected) -> None:
    changed = connected().link_changes("deal", "contact", datetime.now(UTC) - timedelta(days=20))
    assert changed.lost is True


def test_24_an_object_that_is_not_there_gives_no_links_and_no_error(org: Org, connected: Connected) -> None:
    made = org.contact_role()
    connector = connected()
    contact, since = made["Contact"], datetime.now(UTC) - timedelta(minutes=5)
    linked = connector.associations("contact", "company", [contact])
    assert linked in ({contact: []}, {}) or [one.to for one in linked[contact]] == [made["Account"]]
    assert connector.link_changes("contact", "company", since) == LinkChanges()


def test_24_the_relations_of_an_org_that_has_them_are_links(start_org: StartOrg, connected_to: Any) -> None:
    org = start_org(features=("campaigns", "contacts_to_multiple_accounts"))
    made = org.contact_role()
    other, *_ = org.accounts(1)
    relation = {"AccountId": other, "ContactId": made["Contact"], "Roles": "Decision Maker;Evaluator", "IsActive": True}
    (id_,) = org.create("AccountContactRelation", relation)
    found = {
        one.to: one for one in connected_to(org).associations("contact", "company", [made["Contact"]])[made["Contact"]]
    }
    assert found[other].labels == ("Decision Maker", "Evaluator")
    assert found[other].ids == (id_,)


def test_24_the_members_of_a_campaign_are_contacts_where_accounts_cannot_be(org: Org, connected: Connected) -> None:
    made = org.contact_role()
    (campaign,) = org.create("Campaign", {"Name": org.mark()})
    org.create("CampaignMember", {"CampaignId": campaign, "ContactId": made["Contact"]})
    assert list(connected().list_members(campaign)) == [made["Contact"]]


def test_24_an_org_without_campaigns_says_so(start_org: StartOrg, connected_to: Any) -> None:
    connector = connected_to(start_org(features=()))
    with pytest.raises(CrmsyncError) as stopped:
        list(connector.list_members("7015g0000000001AAA"))
    assert not isinstance(stopped.value, Throttled | Unavailable), "nothing to wait for"
    assert connector.count("company") == 0


@pytest.mark.parametrize(("used", "stops"), [(7_000, False), (8_500, True)])
def test_25_the_share_of_the_day_stops_reads_and_writes(
    org: Org, owned: None, connected: Connected, used: int, stops: bool
) -> None:
    (account,) = org.accounts(1)
    connector = connected(daily_share=0.8)
    org.control("settings", {"api_limit": 10_000, "api_used": used})
    with suppress(BudgetSpent):  # its first answer says how much of the day is used
        connector.count("company")
    calls = len(org.requests("/services/data"))
    if stops:
        with pytest.raises(BudgetSpent, match=r"8,?500|8,?501|80"):
            connector.write("company", tiers([account]))
        with pytest.raises(BudgetSpent):
            connector.count("company")
        with pytest.raises(BudgetSpent):
            list(connector.pull("company", ["Name"]))
        assert len(org.requests("/services/data")) == calls, "not one call more"
        assert held(org) == {account: None}
        org.control("settings", {"api_used": 0})
    else:
        connector.write("company", tiers([account]))
        assert held(org) == {account: "tier_1"}


def test_25_others_calls_count_too(org: Org, owned: None, connected: Connected) -> None:
    """The header speaks of the whole org: what others use up leaves less for us, in the middle of a run."""
    ids = org.accounts(600)
    connector = connected(daily_share=0.8)
    org.control("settings", {"api_limit": 10_000, "api_used": 7_000})
    connector.write("company", tiers(ids[:200]))
    org.control("settings", {"api_used": 9_000})
    with pytest.raises(BudgetSpent):
        write_all(connector, tiers(ids[200:]))
    org.control("settings", {"api_used": 0})
    done = sum(value == "tier_1" for value in held(org).values())
    assert done in {200, 400}, "at most the call that brought the news"
