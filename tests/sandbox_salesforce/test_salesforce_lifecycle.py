"""Deletes, merges and late commits: what a reader sees, and when (salesforce.md 2.5 and 2.7)."""

import threading
from typing import Any

from salesforce_client import ACME, ANA, BEN, BETA, DEAL, GAMMA, Box

ROLES = ("00K5g0000000001EAA", "00K5g0000000002EAA")


def found(org: Box, soql: str, deleted: bool = True) -> list[dict[str, Any]]:
    records = org.client().query_all(soql, include_deleted=deleted)["records"]
    return [{name: value for name, value in one.items() if name != "attributes"} for one in records]


def test_a_deleted_record_is_seen_by_query_all_alone(org: Box) -> None:
    org.client().Account.delete(GAMMA)
    assert found(org, f"SELECT Id FROM Account WHERE Id = '{GAMMA}'", deleted=False) == []
    assert found(org, f"SELECT Id, IsDeleted FROM Account WHERE Id = '{GAMMA}'") == [{"Id": GAMMA, "IsDeleted": True}]
    assert org.get("limits/recordCount?sObjects=Account")["sObjects"][0]["count"] == 2


def test_an_account_takes_its_contacts_and_deals_along_and_back(org: Box) -> None:
    org.client().Account.delete(BETA)
    gone = found(org, "SELECT Id FROM Contact WHERE IsDeleted = true")
    assert gone == [{"Id": ANA}]
    assert found(org, "SELECT Id FROM Opportunity", deleted=False) == []
    assert found(org, "SELECT Id FROM OpportunityContactRole WHERE IsDeleted = true ORDER BY Id") == [
        {"Id": one} for one in ROLES
    ]
    org.edit("Account", BETA, undelete=True)
    assert found(org, "SELECT Id FROM Contact ORDER BY Id", deleted=False) == [{"Id": ANA}, {"Id": BEN}]
    assert len(found(org, "SELECT Id FROM OpportunityContactRole", deleted=False)) == 2


def test_a_contact_role_deleted_directly_leaves_no_trace_in_any_query(org: Box) -> None:
    org.client().OpportunityContactRole.delete(ROLES[0])
    assert found(org, "SELECT Id FROM OpportunityContactRole") == [{"Id": ROLES[1]}]
    org.get(f"sobjects/OpportunityContactRole/{ROLES[0]}", 404)


def test_a_merge_reparents_and_leaves_the_winners_id_behind(org: Box) -> None:
    before = org.record("Account", ACME, "SystemModstamp")
    org.edit("Account", ACME, merge=[BETA, GAMMA])
    losers = found(
        org, "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true AND MasterRecordId != null ORDER BY Id"
    )
    assert losers == [{"Id": BETA, "MasterRecordId": ACME}, {"Id": GAMMA, "MasterRecordId": ACME}]
    assert org.record("Contact", ANA, "AccountId") == {"AccountId": ACME}
    assert org.record("Opportunity", DEAL, "AccountId") == {"AccountId": ACME}
    winner = org.record("Account", ACME, "SystemModstamp", "Name")
    assert winner["Name"] == "Acme"
    assert winner["SystemModstamp"] > before["SystemModstamp"]
    refused = org.call("PATCH", f"sobjects/Account/{BETA}", {"Name": "x"}, 404)
    assert refused[0]["errorCode"] == "ENTITY_IS_DELETED"


def test_merges_chain_and_a_purge_forgets_the_link(org: Box) -> None:
    org.edit("Account", BETA, merge=[GAMMA])
    org.edit("Account", ACME, merge=[BETA])
    links = {one["Id"]: one["MasterRecordId"] for one in found(org, "SELECT Id, MasterRecordId FROM Account")}
    assert links == {ACME: None, BETA: ACME, GAMMA: BETA}
    org.edit("Account", GAMMA, purge=True)
    assert [one["Id"] for one in found(org, "SELECT Id FROM Account ORDER BY Id")] == sorted([ACME, BETA])


def test_a_parent_that_is_merged_into_its_child_does_not_become_its_own_parent(org: Box) -> None:
    org.edit("Account", BETA, merge=[ACME])
    assert org.record("Account", BETA, "ParentId") == {"ParentId": None}


def test_what_a_long_transaction_wrote_is_seen_late_with_an_early_stamp(org: Box) -> None:
    seen_first = org.record("Account", ACME, "Name", "SystemModstamp")
    org.edit("Account", ACME, fields={"Name": "Late"}, commit_ms=60_000)
    new = org.edit("Account", fields={"Name": "Unborn"}, commit_ms=60_000)
    at_once = org.edit("Account", BETA, fields={"Name": "Now"})
    assert org.record("Account", ACME, "Name", "SystemModstamp") == seen_first
    org.get(f"sobjects/Account/{new}", 404)
    # The one who looks meanwhile finds the later write, and none of the earlier ones.
    soql = "SELECT Id FROM Account WHERE SystemModstamp > 2026-03-01T00:00:00Z AND Name != 'Gamma'"
    assert found(org, soql) == [{"Id": at_once}]
    # Nobody else may write it meanwhile.
    refused = org.call("PATCH", f"sobjects/Account/{ACME}", {"Site": "x"}, 400)
    assert refused == [
        {
            "message": f"unable to obtain exclusive access to this record or 1 records: {ACME}",
            "errorCode": "UNABLE_TO_LOCK_ROW",
            "fields": [],
        }
    ]
    inside = org.org.app.service.org
    later = inside.clock.now_ms() + 60_001
    committed = inside.get("Account", ACME, later)
    assert committed is not None
    assert committed.fields["Name"] == "Late"
    other = inside.get("Account", BETA, later)
    assert other is not None
    assert committed.system_modstamp <= other.system_modstamp
    assert org.record("Account", new, "Name") == {"Name": "Unborn"}


def test_a_write_with_a_commit_delay_is_answered_at_its_commit(start_org: Any) -> None:
    org: Box = start_org(commit_delay_ms=400)
    answers: list[int] = []
    writer = threading.Thread(
        target=lambda: answers.append(org.send("PATCH", f"sobjects/Account/{ACME}", {"Name": "A2"}).status_code)
    )
    inside = org.org.app.service.org
    writer.start()
    seen = {org.record("Account", ACME, "Name")["Name"]}
    while not answers:
        seen.add(org.record("Account", ACME, "Name")["Name"] if not answers else "")
    writer.join()
    assert "Acme" in seen
    assert answers == [204]
    assert org.record("Account", ACME, "Name") == {"Name": "A2"}
    assert inside.pending == {}


def test_a_lock_that_somebody_holds_ends(org: Box) -> None:
    org.post("/_sandbox/lock", {"ids": [ACME], "ms": 600_000})
    assert org.call("DELETE", f"sobjects/Account/{ACME}", status=400)[0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    org.call("PATCH", f"sobjects/Account/{BETA}", {"Site": "x"}, 204)
    org.post("/_sandbox/lock", {"ids": [ACME], "ms": 0})
    org.call("DELETE", f"sobjects/Account/{ACME}", status=204)
