"""Single records over REST, and the refusals of salesforce.md 2.6, letter by letter."""

from typing import Any

import pytest
from salesforce_client import ACME, ANA, BEN, BETA, DEAL, GAMMA, OLGA, Box
from simple_salesforce.exceptions import SalesforceMoreThanOneRecord, SalesforceResourceNotFound

UNKNOWN = "0019900000abcdeAAA"


def test_a_record_is_read_whole_or_by_the_fields_asked_for(org: Box) -> None:
    whole = org.client().Account.get(ACME)
    assert whole["attributes"] == {"type": "Account", "url": f"/services/data/v66.0/sobjects/Account/{ACME}"}
    assert (whole["AnnualRevenue"], whole["NumberOfEmployees"], whole["Ext__c"]) == (5_000_000.0, 250, "a-1")
    assert whole["SystemModstamp"] == "2026-01-01T00:00:00.000+0000"
    assert org.record("Account", ACME[:15], "name", "Industry") == {"Name": "Acme", "Industry": "Technology"}
    assert org.get(f"sobjects/Account/{ACME}?fields=Nam", 400) == [
        {"message": "No such column 'Nam' on sobject of type Account", "errorCode": "INVALID_FIELD"}
    ]


def test_a_write_moves_the_stamp_even_where_it_changes_nothing(org: Box) -> None:
    fields = ("Name", "SystemModstamp", "LastModifiedDate", "LastModifiedById")
    before = org.record("Account", ACME, *fields)
    assert org.client().Account.update(ACME, {"Name": "Acme"}) == 204
    after = org.record("Account", ACME, *fields)
    assert after["Name"] == before["Name"]
    assert after["SystemModstamp"] == after["LastModifiedDate"] > before["SystemModstamp"]
    assert after["LastModifiedById"] == "0055g0000000002AAA"  # the API's user, made after Olga


def test_null_clears_and_texts_are_trimmed(org: Box) -> None:
    org.call("PATCH", f"sobjects/Account/{BETA}", {"Note__c": None, "Industry": "  Banking  ", "Site": ""}, 204)
    assert org.record("Account", BETA, "Note__c", "Industry", "Site") == {
        "Note__c": None, "Industry": "Banking", "Site": None,
    }  # fmt: skip


def test_create_answers_201_with_an_id_of_the_objects_prefix(org: Box) -> None:
    body = org.post("sobjects/Account", {"Name": "New", "NumberOfEmployees": 3}, 201)
    assert body == {"id": "0015g0000000003AAA", "success": True, "errors": []}
    made = org.record("Account", body["id"], "Name", "IsDeleted", "OwnerId", "CreatedById")
    assert made["OwnerId"] == made["CreatedById"] != OLGA
    assert (made["Name"], made["IsDeleted"]) == ("New", False)


# Each: the write, the status, the whole body. The page gives the words; labels and fields are those of the record.
REFUSALS: list[tuple[dict[str, Any], int, dict[str, Any]]] = [
    ({"Name": None}, 400, {
        "message": "Required fields are missing: [Name]", "errorCode": "REQUIRED_FIELD_MISSING", "fields": ["Name"]}),
    ({"YearStarted": "12345"}, 400, {
        "message": "Year Started: data value too large: 12345 (max length=4)", "errorCode": "STRING_TOO_LONG",
        "fields": ["YearStarted"]}),
    ({"CreatedDate": "2020-01-01T00:00:00Z"}, 400, {
        "message": "Unable to create/update fields: CreatedDate. Please check the security settings of this field and "
                   "verify that it is read/write for your profile or permission set.",
        "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE", "fields": ["CreatedDate"]}),
    ({"Nam": "x"}, 400, {"message": "No such column 'Nam' on sobject of type Account", "errorCode": "INVALID_FIELD"}),
    ({"OwnerId": "0059900000abcdeAAA"}, 400, {
        "message": "insufficient access rights on cross-reference id: 0059900000abcde",
        "errorCode": "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "fields": []}),
    ({"ParentId": ANA}, 400, {
        "message": f"Parent ID: id value of incorrect type: {ANA}", "errorCode": "MALFORMED_ID",
        "fields": ["ParentId"]}),
    ({"NumberOfEmployees": 3_000_000_000}, 400, {
        "message": "Number Of Employees: value outside of valid range on numeric field: 3000000000",
        "errorCode": "NUMBER_OUTSIDE_VALID_RANGE", "fields": ["NumberOfEmployees"]}),
    ({"Id": ACME}, 400, {
        "message": "The Id field should not be specified in the sobject data.", "errorCode": "INVALID_FIELD"}),
]  # fmt: skip


@pytest.mark.parametrize(("values", "status", "refusal"), REFUSALS, ids=lambda case: str(case)[:40])
def test_a_write_that_does_not_fit_is_refused_and_changes_nothing(
    org: Box, values: dict[str, Any], status: int, refusal: dict[str, Any]
) -> None:
    before = org.client().Account.get(ACME)
    assert org.call("PATCH", f"sobjects/Account/{ACME}", {"Site": "Bonn", **values}, status) == [refusal]
    assert org.client().Account.get(ACME) == before


def test_a_value_of_another_type_or_a_body_that_is_no_json_is_a_parser_error(org: Box) -> None:
    for values in ({"AnnualRevenue": "much"}, {"NumberOfEmployees": True}, {"Name": ["A"]}):
        refused = org.call("PATCH", f"sobjects/Account/{ACME}", values, 400)
        assert refused[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert org.send("PATCH", f"sobjects/Account/{ACME}", data=b"{").json()[0]["errorCode"] == "JSON_PARSER_ERROR"


def test_unknown_ids_are_worded_by_what_was_asked(org: Box) -> None:
    absent = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]
    assert org.get(f"sobjects/Account/{UNKNOWN}", 404) == absent
    for method, body in (("PATCH", {"Name": "x"}), ("DELETE", None)):
        refused = org.call(method, f"sobjects/Account/{UNKNOWN}", body, 404)
        assert (refused[0]["errorCode"], refused[0]["message"]) == (
            "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id",
        )  # fmt: skip
    assert org.get("sobjects/Nothing__c/x", 404) == absent


def test_a_deleted_record_is_entity_is_deleted(org: Box) -> None:
    org.call("DELETE", f"sobjects/Account/{GAMMA}", status=204)
    deleted = [{"message": "entity is deleted", "errorCode": "ENTITY_IS_DELETED", "fields": []}]
    assert org.get(f"sobjects/Account/{GAMMA}", 404) == deleted
    assert org.call("DELETE", f"sobjects/Account/{GAMMA}", status=404) == deleted
    assert org.call("PATCH", f"sobjects/Account/{GAMMA}", {"Name": "x"}, 404) == deleted
    with pytest.raises(SalesforceResourceNotFound):
        org.client().Account.get(GAMMA)


def with_external_id(org: Box, **more: Any) -> None:
    """An external id that the API's user may write: made, then granted."""
    metadata = {"label": "Key", "type": "Text", "length": 20, "externalId": True, **more}
    org.post("tooling/sobjects/CustomField", {"FullName": "Account.Key__c", "Metadata": metadata}, 201)
    org.post("/_sandbox/fls", {"object": "Account", "field": "Key__c"})


def test_upsert_by_external_id_creates_updates_and_says_which(org: Box) -> None:
    with_external_id(org)
    made = org.call("PATCH", "sobjects/Account/Key__c/K1", {"Name": "One"}, 201)
    assert made == {"id": "0015g0000000003AAA", "success": True, "errors": [], "created": True}
    again = org.call("PATCH", "sobjects/Account/Key__c/k1", {"Name": "Uno"}, 200)
    assert again == {"id": made["id"], "success": True, "errors": [], "created": False}
    assert org.client().Account.get_by_custom_id("Key__c", "K1")["Name"] == "Uno"
    assert org.call("PATCH", "sobjects/Account/Id/" + BETA, {"Name": "B"}, 200)["created"] is False
    assert org.call("PATCH", "sobjects/Account/Ext__c/a", {"Name": "B"}, 404)[0]["errorCode"] == "NOT_FOUND"
    org.call("DELETE", "sobjects/Account/Key__c/K1", status=204)
    org.get("sobjects/Account/Key__c/K1", 404)


def test_an_external_id_that_several_records_have_is_300_with_their_addresses(org: Box) -> None:
    with_external_id(org)
    for id_ in (ACME, BETA):
        org.call("PATCH", f"sobjects/Account/{id_}", {"Key__c": "same"}, 204)
    addresses = org.call("PATCH", "sobjects/Account/Key__c/same", {"Name": "x"}, 300)
    assert sorted(addresses) == sorted(f"/services/data/v66.0/sobjects/Account/{id_}" for id_ in (ACME, BETA))
    with pytest.raises(SalesforceMoreThanOneRecord):
        org.client().Account.upsert("Key__c/same", {"Name": "x"})


def test_a_unique_value_taken_names_the_record_that_has_it(org: Box) -> None:
    with_external_id(org, unique=True)
    org.call("PATCH", f"sobjects/Account/{ACME}", {"Key__c": "K"}, 204)
    assert org.call("PATCH", f"sobjects/Account/{BETA}", {"Key__c": "k"}, 400) == [
        {
            "message": f"duplicate value found: Key__c duplicates value on record with id: {ACME[:15]}",
            "errorCode": "DUPLICATE_VALUE",
            "fields": ["Key__c"],
        }
    ]
    org.call("PATCH", f"sobjects/Account/{ACME}", {"Key__c": "K"}, 204)


def test_a_parent_may_be_named_by_its_external_id(org: Box) -> None:
    with_external_id(org)
    org.call("PATCH", f"sobjects/Account/{ACME}", {"Key__c": "K"}, 204)
    org.call("PATCH", f"sobjects/Contact/{ANA}", {"Account": {"Key__c": "K"}}, 204)
    assert org.record("Contact", ANA, "AccountId") == {"AccountId": ACME}
    refused = org.call("PATCH", f"sobjects/Contact/{ANA}", {"Account": {"Key__c": "none"}}, 400)
    assert refused[0]["errorCode"] == "INVALID_FIELD"


def test_the_org_fills_names_stages_and_the_one_primary_role(org: Box) -> None:
    assert org.record("Contact", ANA, "Name") == {"Name": "Ana Adams"}
    assert org.record("Contact", BEN, "Name") == {"Name": "Berg"}
    assert org.record("Opportunity", DEAL, "IsClosed", "IsWon") == {"IsClosed": True, "IsWon": True}
    org.call("PATCH", f"sobjects/Opportunity/{DEAL}", {"StageName": "Prospecting"}, 204)
    assert org.record("Opportunity", DEAL, "IsClosed", "IsWon", "Probability") == {
        "IsClosed": False, "IsWon": False, "Probability": 10.0,
    }  # fmt: skip
    first, second = "00K5g0000000001EAA", "00K5g0000000002EAA"
    org.call("PATCH", f"sobjects/OpportunityContactRole/{second}", {"IsPrimary": True}, 204)
    assert org.record("OpportunityContactRole", first, "IsPrimary") == {"IsPrimary": False}
    assert org.record("OpportunityContactRole", second, "IsPrimary") == {"IsPrimary": True}
    refused = org.call("PATCH", f"sobjects/OpportunityContactRole/{second}", {"OpportunityId": DEAL}, 400)
    assert refused[0]["errorCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"


def test_nobody_is_in_a_campaign_twice(org: Box) -> None:
    campaign = org.post("sobjects/Campaign", {"Name": "Spring"}, 201)["id"]
    member = {"CampaignId": campaign, "ContactId": ANA}
    id_ = org.post("sobjects/CampaignMember", member, 201)["id"]
    assert org.record("CampaignMember", id_, "Status", "HasResponded") == {"Status": "Sent", "HasResponded": False}
    refused = org.post("sobjects/CampaignMember", member, 400)
    assert refused == [{"message": "Already a campaign member.", "errorCode": "DUPLICATE_VALUE", "fields": []}]


def test_an_update_through_post_counts_as_patch(org: Box) -> None:
    org.call("POST", f"sobjects/Account/{ACME}?_HTTP_METHOD=PATCH", {"Site": "Bonn"}, 204)
    assert org.record("Account", ACME, "Site") == {"Site": "Bonn"}
