"""Reading records from a local org over TLS: all, changed, given, merged away, deleted; no row lost, none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from salesforce_org import (
    ACME,
    ANA,
    BEN,
    BETA,
    GAMMA,
    LAST,
    LATER,
    OLGA,
    PAUL,
    SOON,
    TABLES,
    LocalOrg,
    StartOrg,
    accounts,
)

from crmsync.connectors.base import OwnerRecord, Record
from crmsync.errors import RecordNotFound, Rejected, Unauthorized, Unavailable

FIELDS = ("Name", "AnnualRevenue", "NumberOfEmployees", "Note__c", "OwnerId", "SystemModstamp")
LOST = {"match": {"path": "/query/0r8"}, "fault": "lost_reply", "times": 1}
EACH_LOST = [LOST, LOST | {"after": 1}]
"""The reply to a locator is lost, its repeat is refused, and the locator of the chain that replaces it is lost too."""
FEBRUARY = datetime(2026, 2, 1, tzinfo=UTC)


def _values(record: Record) -> dict[str, str | None]:
    values: dict[str, str | None] = msgspec.json.decode(record.properties)
    return values


def _all(pages: Any) -> list[Record]:
    return [record for page in pages for record in page.records]


def _ids(pages: Any) -> list[str]:
    return [record.id for record in _all(pages)]


def test_every_record_comes_with_its_values_as_text(org: LocalOrg) -> None:
    connector = org.connect()
    found = {record.id: record for record in _all(connector.pull("company", FIELDS))}
    assert _values(found[ACME]) == {
        "Name": "Acme",
        "AnnualRevenue": "5000000",
        "NumberOfEmployees": "250",
        "Note__c": 'It\'s "here"',
        "OwnerId": OLGA,
        "SystemModstamp": SOON,
    }
    assert _values(found[BETA])["Name"] == "Zoë & Söhne"
    assert _values(found[GAMMA])["AnnualRevenue"] is None
    assert {id_: record.modified_at for id_, record in found.items()} == {ACME: SOON, BETA: LATER, GAMMA: LAST}
    assert connector.count("company") == 3


def test_a_field_is_found_whatever_its_capitals_and_one_that_is_not_there_is_null(org: LocalOrg) -> None:
    (first, *_) = _all(org.connect().pull("contact", ["lastname", "EMAIL", "Nope__c", "abm_influence"]))
    assert first.id == ANA
    assert _values(first) == {"lastname": "Adams", "EMAIL": "ana@beta.example", "Nope__c": None, "abm_influence": None}


def test_an_owned_field_is_read_under_our_name(start_org: StartOrg) -> None:
    rows = [{"Id": ACME, "Name": "Acme", "ABM_Tier__c": "tier_1", "ABM_Tier_Changed_At__c": ""}]
    connector = start_org({"Account": rows}).connect()
    (record,) = _all(connector.pull("company", ["abm_tier", "abm_tier_changed_at", "abm_target"]))
    assert _values(record) == {"abm_tier": "tier_1", "abm_tier_changed_at": None, "abm_target": None}
    assert connector.property_names("company")["abm_tier"] is False
    assert connector.property_names("company")["SystemModstamp"] is True


@pytest.fixture
def large(start_org: StartOrg) -> LocalOrg:
    """4,500 accounts: three pages."""
    return start_org({"Account": accounts(4_500)})


ALL = [one["Id"] for one in accounts(4_500)]


def test_pages_follow_each_other_in_three_calls(large: LocalOrg) -> None:
    connector = large.connect()
    assert _ids(connector.pull("company", ["Name"], expected=4_500)) == ALL
    assert connector.usage().calls == {"login": 1, "describe": 1, "query": 3}


@pytest.mark.parametrize("after", [0, 1])
def test_a_page_that_is_lost_loses_no_row_and_doubles_none(large: LocalOrg, after: int) -> None:
    large.faults(LOST | {"after": after})
    assert _ids(large.connect().pull("company", ["Name"])) == ALL


def test_a_chain_that_breaks_at_every_page_goes_on_each_time(large: LocalOrg) -> None:
    large.faults(*EACH_LOST)
    connector = large.connect()
    assert _ids(connector.pull("company", ["Name"], expected=4_500)) == ALL
    # 2,000 and a lost locator twice, 500, and two repeats that were refused.
    assert connector.usage().calls["query"] == 7


def test_an_address_that_never_answers_again_is_unavailable(large: LocalOrg) -> None:
    large.faults({"match": {"path": "/query/0r8"}, "fault": "lost_reply"})
    with pytest.raises(Unavailable, match="gave no answer"):
        _ids(large.connect().pull("company", ["Name"]))


@pytest.mark.parametrize("fault", ["session_expired", "401", "503", "reset", "truncated_body", "concurrent_limit"])
def test_trouble_amid_the_pages_costs_nothing(large: LocalOrg, fault: str) -> None:
    large.faults({"match": {"path": "/query/0r8"}, "fault": fault, "times": 1})
    assert _ids(large.connect().pull("company", ["Name"])) == ALL


def test_many_records_are_read_in_bulk_with_the_same_values(org: LocalOrg) -> None:
    org.control("settings", {"bulk_ms": 5})
    by_page = {record.id: record for record in _all(org.connect(query_bulk_from=None).pull("company", FIELDS))}
    connector = org.connect(query_bulk_from=3)
    in_bulk = {record.id: record for record in _all(connector.pull("company", FIELDS))}
    assert by_page == in_bulk
    assert connector.usage().calls["bulk"] >= 3
    assert org.connect(query_bulk_from=4).usage().calls.get("bulk") is None


def test_a_bulk_read_survives_a_field_that_went_away(org: LocalOrg) -> None:
    org.control("settings", {"bulk_ms": 5})
    connector = org.connect(query_bulk_from=1)
    list(connector.pull("company", FIELDS))
    org.control("fls", {"object": "Account", "field": "Note__c", "read": False})
    found = {record.id: _values(record) for record in _all(connector.pull("company", FIELDS))}
    assert {values["Note__c"] for values in found.values()} == {None}
    assert found[ACME]["Name"] == "Acme"


def test_a_field_that_went_away_costs_its_values_and_nothing_else(org: LocalOrg) -> None:
    connector = org.connect()
    assert _values(_all(connector.pull("company", FIELDS))[-1])["Note__c"] == 'It\'s "here"'
    org.control("fls", {"object": "Account", "field": "Note__c", "read": False})
    for pages in (
        connector.pull("company", FIELDS),
        connector.changes("company", FIELDS, datetime(2025, 1, 1, tzinfo=UTC)),
        [connector.newest("company", FIELDS, datetime(2025, 1, 1, tzinfo=UTC))[1]],
    ):
        found = {record.id: _values(record) for record in _all(pages)}
        assert found.keys() == {ACME, BETA, GAMMA}
        assert {values["Note__c"] for values in found.values()} == {None}
        assert found[ACME]["NumberOfEmployees"] == "250"
    read = connector.read("company", [ACME], FIELDS)
    assert read.values[ACME]["Note__c"] is None
    assert connector.usage().calls["describe"] == 2


def test_a_field_that_goes_away_right_before_a_read_is_looked_up_again(org: LocalOrg) -> None:
    connector = org.connect()
    connector.read("company", [ACME], FIELDS)
    org.control("fls", {"object": "Account", "field": "Note__c", "read": False})
    assert connector.read("company", [ACME], FIELDS).values[ACME]["Note__c"] is None
    org.control("fls", {"object": "Account", "field": "Industry", "read": False})
    connector.newest("company", ["Name"], FEBRUARY)
    assert connector.usage().calls["describe"] == 2  # nobody asked for it


def test_changes_are_those_at_or_after_the_moment_oldest_first(org: LocalOrg) -> None:
    connector = org.connect()
    assert _ids(connector.changes("company", ["Name"], FEBRUARY)) == [BETA, GAMMA]
    assert _ids(connector.changes("company", ["Name"], FEBRUARY + timedelta(seconds=1))) == [GAMMA]
    assert _ids(connector.changes("company", ["Name"], datetime(2027, 1, 1, tzinfo=UTC))) == []


def test_many_changes_are_read_in_bulk_with_the_same_values(org: LocalOrg) -> None:
    org.control("settings", {"bulk_ms": 5})
    since = datetime(2026, 2, 1, tzinfo=UTC)
    by_page = {
        record.id: record for record in _all(org.connect(query_bulk_from=None).changes("company", FIELDS, since))
    }
    assert len(by_page) >= 2
    connector = org.connect(query_bulk_from=len(by_page))
    assert {record.id: record for record in _all(connector.changes("company", FIELDS, since))} == by_page
    assert connector.usage().calls["bulk"] >= 3


def test_changes_go_on_behind_a_lost_page(large: LocalOrg) -> None:
    large.faults(*EACH_LOST)
    since = datetime(2026, 5, 1, tzinfo=UTC)
    assert _ids(large.connect().changes("company", ["Name"], since)) == ALL


def test_changes_of_one_moment_are_told_apart_by_their_ids(start_org: StartOrg) -> None:
    """A bulk load gives thousands of records the same stamp."""
    rows = [{**one, "SystemModstamp": SOON} for one in accounts(4_500)]
    org = start_org({"Account": rows})
    org.faults(*EACH_LOST)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert _ids(org.connect().changes("company", ["Name"], since)) == ALL


def test_the_newest_are_counted_and_shown_in_one_call(large: LocalOrg) -> None:
    connector = large.connect()
    connector.count("company")
    before = connector.usage().calls["query"]
    total, page = connector.newest("company", ["Name"], datetime(2026, 5, 1, tzinfo=UTC))
    assert total == 4_500
    assert [record.id for record in page.records] == ALL[:2_499:-1]
    assert connector.usage().calls["query"] == before + 1
    total, page = connector.newest("company", ["Name"], datetime(2026, 5, 1, 1, 14, 59, tzinfo=UTC))
    assert (total, [record.id for record in page.records]) == (2, ALL[:4_497:-1])


def test_a_read_says_of_each_id_what_became_of_it(org: LocalOrg) -> None:
    connector = org.connect()
    unknown = "0015g0000000999AAA"
    found = connector.read("company", [ACME, unknown, "no id", GAMMA, ACME], ["Name", "Nope__c"])
    assert found.values == {ACME: {"Name": "Acme", "Nope__c": None}, GAMMA: {"Name": "Gamma", "Nope__c": None}}
    assert found.missing == (unknown, "no id")
    assert found.merged == {}


def test_an_id_of_15_characters_leads_to_that_of_18(org: LocalOrg) -> None:
    found = org.connect().read("company", [ACME[:15]], ["Name"])
    assert found.values == {ACME: {"Name": "Acme"}}
    assert found.merged == {ACME[:15]: ACME}
    assert found.missing == ()


def test_a_deleted_record_is_missing_and_archived(org: LocalOrg) -> None:
    org.edit("Account", GAMMA, delete=True)
    connector = org.connect()
    assert connector.read("company", [GAMMA], ["Name"]).missing == (GAMMA,)
    assert list(connector.archived_ids("company")) == [GAMMA]
    assert list(connector.archived_ids("contact")) == []
    assert connector.count("company") == 2
    assert _ids(connector.pull("company", ["Name"])) == [BETA, ACME]


def test_merges_are_followed_to_the_last_survivor(org: LocalOrg) -> None:
    org.edit("Account", BETA, merge=[GAMMA])
    org.edit("Account", ACME, merge=[BETA])
    connector = org.connect()
    found = connector.read("company", [GAMMA, BETA], ["Name"])
    assert found.values == {ACME: {"Name": "Acme"}}
    assert found.merged == {GAMMA: ACME, BETA: ACME}
    assert found.missing == ()
    assert sorted(connector.archived_ids("company")) == sorted([BETA, GAMMA])


def test_a_survivor_that_was_deleted_is_missing_too(org: LocalOrg) -> None:
    org.edit("Account", BETA, merge=[GAMMA])
    org.edit("Account", BETA, delete=True)
    found = org.connect().read("company", [GAMMA], ["Name"])
    assert (found.values, found.merged, found.missing) == ({}, {}, (GAMMA,))


def test_deals_are_never_merged(org: LocalOrg) -> None:
    unknown = "0065g0000000999AAA"
    assert org.connect().read("deal", [unknown], ["Name"]).missing == (unknown,)


def test_thousands_of_ids_fit_their_addresses(large: LocalOrg) -> None:
    connector = large.connect()
    found = connector.read("company", ALL[:1_500], ["Name"])
    assert found.values.keys() == set(ALL[:1_500])
    assert found.missing == ()
    assert found.values[ALL[0]] == {"Name": "Company 1"}
    addresses = [len(one["path"]) + len(one["query"]) for one in large.requests("/query")]
    assert len(addresses) == 3
    assert max(addresses) < 16_000


def test_owners_are_people_by_name_never_by_e_mail(org: LocalOrg) -> None:
    owners = {owner.id: owner for owner in org.connect().owners()}
    assert owners[OLGA] == OwnerRecord(OLGA, "Olga Ode", active=True)
    assert owners[PAUL] == OwnerRecord(PAUL, f"Owner {PAUL}", active=False)
    assert not any("@" in owner.name for owner in owners.values())


CAMPAIGN = "7015g0000000001AAA"


def test_the_members_of_a_campaign_are_a_list(start_org: StartOrg) -> None:
    members = [{"CampaignId": CAMPAIGN, "ContactId": id_} for id_ in (ANA, BEN)]
    connector = start_org(
        {**TABLES, "Campaign": [{"Id": CAMPAIGN, "Name": "ABM"}], "CampaignMember": members}
    ).connect()
    assert sorted(connector.list_members(CAMPAIGN)) == [ANA, BEN]
    assert sorted(connector.list_members(CAMPAIGN[:15])) == [ANA, BEN]
    for other in ("7015g0000000009AAA", "42", "ABM"):
        with pytest.raises(RecordNotFound, match="no campaign"):
            list(connector.list_members(other))


def test_an_org_without_campaigns_has_no_lists(start_org: StartOrg) -> None:
    connector = start_org(features=[]).connect()
    with pytest.raises(RecordNotFound, match="no campaign"):
        list(connector.list_members(CAMPAIGN))


def test_an_object_that_the_user_may_not_see_is_said_and_asked_for_again(org: LocalOrg) -> None:
    connector = org.connect()
    spec = org.server.app.service.org.objects.pop("Account")
    with pytest.raises(Unauthorized, match=r"no object Account\. .* Read on Account"):
        connector.count("company")
    org.server.app.service.org.objects["Account"] = spec
    assert connector.count("company") == 3


def test_the_org_says_who_it_is_and_where_a_record_is_seen(org: LocalOrg) -> None:
    info = org.connect().info()
    assert (info.name, info.timezone) == ("Sandbox", "UTC")
    assert info.id.startswith("00D")
    assert info.link("company", ACME) == f"{org.server.base_url}/lightning/r/Account/{ACME}/view"
    assert (info.daily_limit, info.daily_left) == (100_000, 99_998)


def test_an_org_that_hides_its_limits_still_says_the_rest(org: LocalOrg) -> None:
    org.faults({"match": {"path": "/limits"}, "fault": "api_disabled"})
    info = org.connect().info()
    assert info.name == "Sandbox"
    assert info.daily_limit == 100_000


def test_an_org_that_hides_itself_is_known_by_its_id(org: LocalOrg) -> None:
    shown = org.connect().info()
    del org.server.app.service.org.objects["Organization"]
    info = org.connect().info()
    assert info.id == shown.id
    assert (info.name, info.timezone) == ("Salesforce org", "UTC")


def test_ids_and_batches_are_salesforces_own(org: LocalOrg) -> None:
    connector = org.connect(bulk_from=300)
    assert connector.canonical_id("001D000000IRFma") == ACME
    assert connector.owns(ACME)
    assert not connector.owns("100812")
    assert [connector.batch_for(count) for count in (1, 300, 301)] == [200, 200, 10_000]
    assert connector.lag == timedelta(seconds=600)


def test_a_gap_in_a_result_is_an_error(large: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    """Salesforce counts the whole result in each page; a row less is a row that the mirror would lose."""
    connector = large.connect()
    whole = connector.transport.soql

    def short(query: str, **more: Any) -> Any:
        for rows in whole(query, **more):
            rows.rows[1:2] = []
            yield rows

    monkeypatch.setattr(connector.transport, "soql", short)
    with pytest.raises(Unavailable, match="counted 4500 rows of Account and gave 4497"):
        _ids(connector.pull("company", ["Name"], expected=4_500))


def test_any_other_refusal_is_the_callers(org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = org.connect()
    monkeypatch.setattr(connector.fields, "forget", lambda *_: None)
    connector.count("company")
    org.control("fls", {"object": "Account", "field": "Note__c", "read": False})
    with pytest.raises(Rejected, match="Note__c"):
        next(connector.pull("company", FIELDS))
