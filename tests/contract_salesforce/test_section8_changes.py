"""Section 8, items 22 to 24, as Salesforce does them: late commits, deletes that leave no trace, absent features."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from contract_org import REMOTE, Json, Org, StartOrg, local_only


def deleted(org: Org, object_: str, ago: timedelta = timedelta(minutes=5)) -> set[str]:
    """Ids in the delete log of the last minutes. Seconds of the bounds do not count, so the end lies ahead."""
    now = datetime.now(UTC)
    window = {"start": (now - ago).isoformat(), "end": (now + timedelta(minutes=2)).isoformat()}
    body: Json = org.get(f"sobjects/{object_}/deleted/", params=window)
    assert body.keys() >= {"deletedRecords", "earliestDateAvailable", "latestDateCovered"}
    return {one["id"] for one in body["deletedRecords"]}


@local_only("a transaction that takes minutes takes Apex")
def test_22_a_row_that_commits_late_lies_behind_the_watermark_and_a_lookback_finds_it(org: Org) -> None:
    late, soon = org.accounts(2)
    # A transaction of five minutes: it stamps its row now, and others see it when it commits.
    org.edit("Account", late, fields={"Site": "late"}, commit_ms=300_000)
    org.control("settings", {"advance_ms": 60_000})
    org.edit("Account", soon, fields={"Site": "soon"})
    (seen,) = org.rows("SELECT Id, SystemModstamp FROM Account WHERE Site IN ('late', 'soon')")
    assert seen["Id"] == soon
    watermark = datetime.fromisoformat(seen["SystemModstamp"])
    org.control("settings", {"advance_ms": 300_000})
    assert org.value("Account", late, "Site") == "late", "committed now"
    assert late not in since(org, watermark), "with the stamp of when it was written, so a plain watermark passes it by"
    assert {late, soon} <= since(org, watermark - timedelta(seconds=600))


def since(org: Org, when: datetime) -> set[str]:
    text = when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {row["Id"] for row in org.rows(f"SELECT Id FROM Account WHERE SystemModstamp >= {text}")}


def test_23_a_contact_role_deleted_directly_is_found_by_get_deleted_alone(org: Org) -> None:
    made = org.contact_role()
    role = made["OpportunityContactRole"]
    org.call("DELETE", f"sobjects/OpportunityContactRole/{role}", status=204)
    soql = f"SELECT Id FROM OpportunityContactRole WHERE OpportunityId = '{made['Opportunity']}'"
    assert org.rows(soql, deleted=True) == [], "it never shows IsDeleted: it bypasses the recycle bin"
    assert role in deleted(org, "OpportunityContactRole")


def test_23_a_contact_role_that_went_with_its_opportunity_is_in_the_bin(org: Org) -> None:
    made = org.contact_role()
    org.call("DELETE", f"sobjects/Opportunity/{made['Opportunity']}", status=204)
    soql = "SELECT Id, IsDeleted FROM OpportunityContactRole WHERE OpportunityId = "
    assert org.rows(f"{soql}'{made['Opportunity']}'", deleted=True) == [
        {"Id": made["OpportunityContactRole"], "IsDeleted": True}
    ]


@pytest.mark.parametrize(("days", "known"), [(14, True), (20, False)])
def test_23_the_delete_log_goes_back_15_days(org: Org, days: int, known: bool) -> None:
    now = datetime.now(UTC)
    window = {"start": (now - timedelta(days=days)).isoformat(), "end": now.isoformat()}
    answer = org.send("GET", "sobjects/OpportunityContactRole/deleted/", params=window)
    assert answer.status_code == (200 if known else 400)
    if not known:
        assert answer.json()[0]["errorCode"] == "INVALID_REPLICATION_DATE"


@pytest.mark.parametrize("object_", ["AccountContactRelation", "ObjectTerritory2Association", "AccountTeamMember"])
def test_24_an_object_whose_feature_is_off_is_no_type_and_is_not_described(org: Org, object_: str) -> None:
    there = object_ in {one["name"] for one in org.get("sobjects")["sobjects"]}
    answer = org.send("GET", "query", params={"q": f"SELECT Id FROM {object_} LIMIT 1"})
    assert answer.status_code == (200 if there else 400)
    if not there:
        (refused,) = answer.json()
        assert refused["errorCode"] == "INVALID_TYPE"
        assert f"sObject type '{object_}' is not supported." in refused["message"]
        assert org.send("GET", f"sobjects/{object_}/describe").status_code == 404
    assert REMOTE or not there, "a local org has none of them unless it is asked to"


def test_24_a_campaign_member_has_an_account_only_where_the_feature_is_on(org: Org) -> None:
    if "CampaignMember" not in {one["name"] for one in org.get("sobjects")["sobjects"]}:
        pytest.skip("this org has no campaigns")
    fields = {one["name"] for one in org.get("sobjects/CampaignMember/describe")["fields"]}
    answer = org.send("GET", "query", params={"q": "SELECT AccountId FROM CampaignMember LIMIT 1"})
    assert answer.status_code == (200 if "AccountId" in fields else 400)
    if "AccountId" not in fields:
        assert answer.json()[0]["errorCode"] == "INVALID_FIELD"


@local_only("an org has the features it has")
def test_24_the_same_objects_answer_where_their_feature_is_on(start_org: StartOrg) -> None:
    org = start_org(features=("contacts_to_multiple_accounts", "account_teams"))
    for object_ in ("AccountContactRelation", "AccountTeamMember"):
        assert org.rows(f"SELECT Id FROM {object_}") == []
    (refused,) = org.page("SELECT Id FROM CampaignMember", status=400)
    assert refused["errorCode"] == "INVALID_TYPE"
