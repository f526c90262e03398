"""Collections: each record has its own result, in order, and its own words (salesforce.md 2.3)."""

from typing import Any

import pytest
from salesforce_client import ACME, ANA, BETA, GAMMA, Box, update_of
from test_salesforce_records import with_external_id

UNKNOWN = "0019900000abcdeAAA"
ROLLED_BACK = {
    "success": False,
    "errors": [
        {
            "statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK",
            "message": "Record rolled back because not all records were valid and the request was using AllOrNone "
            "header",
            "fields": [],
        }
    ],
}


def patch(org: Box, *records: dict[str, Any], all_or_none: bool = False, status: int = 200) -> Any:
    body = {"allOrNone": all_or_none, "records": list(records)}
    return org.call("PATCH", "composite/sobjects", body, status)


def names(org: Box) -> dict[str, str]:
    return {id_: org.record("Account", id_, "Name")["Name"] for id_ in (ACME, BETA, GAMMA)}


def test_good_and_bad_records_stand_in_the_order_of_the_request(org: Box) -> None:
    results = org.client().restful(
        "composite/sobjects",
        method="PATCH",
        json={
            "records": [
                update_of(BETA, Name="B2"),
                update_of(UNKNOWN, Name="?"),
                update_of(ACME[:15], Name=None),
                update_of(ANA, "Contact", Title="CFO"),
            ]
        },
    )
    assert results == [
        {"id": BETA, "success": True, "errors": []},
        {
            "success": False,
            "errors": [
                {"statusCode": "INVALID_CROSS_REFERENCE_KEY", "message": "invalid cross reference id", "fields": []}
            ],
        },
        {
            "success": False,
            "errors": [
                {
                    "statusCode": "REQUIRED_FIELD_MISSING",
                    "message": "Required fields are missing: [Name]",
                    "fields": ["Name"],
                }
            ],
        },
        {"id": ANA, "success": True, "errors": []},
    ]
    assert names(org) == {ACME: "Acme", BETA: "B2", GAMMA: "Gamma"}


def test_all_or_none_rolls_everything_back(org: Box) -> None:
    good, bad = update_of(BETA, Name="B2"), update_of(ACME, Name=None)
    first, second, third = patch(org, good, bad, update_of(GAMMA, Name="G2"), all_or_none=True)
    assert first == third == ROLLED_BACK
    assert second["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
    assert names(org) == {ACME: "Acme", BETA: "Beta", GAMMA: "Gamma"}
    assert all(one["success"] for one in patch(org, good, update_of(GAMMA, Name="G2"), all_or_none=True))
    assert names(org) == {ACME: "Acme", BETA: "B2", GAMMA: "G2"}


def test_a_malformed_collection_is_400_as_a_whole(org: Box) -> None:
    def code(*records: dict[str, Any]) -> str:
        return str(patch(org, *records, status=400)[0]["errorCode"])

    assert code(update_of(BETA, Name="B2"), update_of(ACME, Nam="x")) == "INVALID_FIELD"
    assert code(update_of(BETA, Name="B2"), update_of(ACME, AnnualRevenue="much")) == "JSON_PARSER_ERROR"
    assert code(update_of(BETA, "Territory2", Name="x")) == "INVALID_TYPE"
    assert code({"id": BETA, "Name": "B2"}) == "INVALID_TYPE"
    assert org.call("PATCH", "composite/sobjects", {"records": "x"}, 400)[0]["errorCode"] == "JSON_PARSER_ERROR"
    assert names(org) == {ACME: "Acme", BETA: "Beta", GAMMA: "Gamma"}


def test_two_hundred_records_go_and_one_more_does_not(org: Box) -> None:
    records = [update_of(BETA, NumberOfEmployees=at) for at in range(200)]
    assert len(patch(org, *records)) == 200
    assert org.record("Account", BETA, "NumberOfEmployees") == {"NumberOfEmployees": 199}
    patch(org, *records, update_of(ACME, Name="x"), status=400)
    assert names(org)[ACME] == "Acme"


def test_ten_changes_of_type_go_and_one_more_does_not(org: Box) -> None:
    pair = [update_of(BETA, Site="x"), update_of(ANA, "Contact", Title="x")]
    assert all(one["success"] for one in patch(org, *pair * 5))
    refused = patch(org, *pair * 5, pair[0], status=400)
    assert "10 chunks" in refused[0]["message"]


def test_create_and_delete_collections(org: Box) -> None:
    records = [{"attributes": {"type": "Account"}, "Name": name} for name in ("X", "Y")]
    made = org.post("composite/sobjects", {"records": records})
    assert [one["success"] for one in made] == [True, True]
    ids = [one["id"] for one in made]
    results = org.call("DELETE", f"composite/sobjects?ids={ids[0]},{UNKNOWN},{ids[1]}")
    assert [one["success"] for one in results] == [True, False, True]
    assert results[1]["errors"][0]["statusCode"] == "INVALID_CROSS_REFERENCE_KEY"
    org.get(f"sobjects/Account/{ids[0]}", 404)
    results = org.call("DELETE", f"composite/sobjects?ids={BETA},{UNKNOWN}&allOrNone=true")
    assert results[0] == ROLLED_BACK
    assert names(org)[BETA] == "Beta"


def test_upsert_says_created_and_refuses_an_id(org: Box) -> None:
    with_external_id(org)

    def upsert(*records: dict[str, Any]) -> Any:
        body = {"records": [{"attributes": {"type": "Account"}, **one} for one in records]}
        return org.call("PATCH", "composite/sobjects/Account/Key__c", body)

    first = upsert({"Key__c": "K1", "Name": "One"}, {"Key__c": "K2", "Name": "Two"}, {"Name": "Three"})
    assert [one.get("created") for one in first] == [True, True, None]
    assert first[2]["errors"][0]["statusCode"] == "MISSING_ARGUMENT"
    second = upsert({"Key__c": "k1", "Name": "Uno"}, {"Key__c": "K3", "id": BETA, "Name": "x"})
    assert second[0] == {"id": first[0]["id"], "success": True, "errors": [], "created": False}
    assert second[1]["errors"][0]["statusCode"] == "INVALID_FIELD_FOR_INSERT_UPDATE"
    org.call("PATCH", f"sobjects/Account/{BETA}", {"Key__c": "K2"}, 204)
    assert upsert({"Key__c": "K2", "Name": "x"})[0]["errors"][0]["statusCode"] == "DUPLICATE_EXTERNAL_ID"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_records_are_read_by_id_with_null_for_those_not_there(org: Box, method: str) -> None:
    asked = [BETA, UNKNOWN, ACME]
    if method == "GET":
        found = org.get(f"composite/sobjects/Account?ids={','.join(asked)}&fields=Name,Industry")
    else:
        found = org.post("composite/sobjects/Account", {"ids": asked, "fields": ["Name", "Industry"]})
    assert [one and one["Name"] for one in found] == ["Beta", None, "Acme"]
    assert found[0]["Industry"] == "Handmade Soap"
