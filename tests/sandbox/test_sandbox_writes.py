"""Writing records: what is refused and in which words, what follows from a write (hubspot.md 2.6 and 4)."""

import json
from typing import Any

import pytest
from sandbox_client import Sandbox

COMPANIES = "/crm/objects/2026-09/companies"
CONTACTS = "/crm/objects/2026-09/contacts"


def refusal(answer: Any) -> list[tuple[str, str]]:
    """The classic property error: names and codes in its message."""
    head, _, listed = answer["message"].partition(": ")
    assert (head, answer["category"], answer["status"]) == (
        "Property values were not valid",
        "VALIDATION_ERROR",
        "error",
    )
    return [(item["name"], item["error"]) for item in json.loads(listed)]


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"missing": "1"}, [("missing", "PROPERTY_DOESNT_EXIST")]),
        ({"hs_object_id": "5"}, [("hs_object_id", "READ_ONLY_VALUE")]),
        ({"hs_lastmodifieddate": "2026-01-01"}, [("hs_lastmodifieddate", "READ_ONLY_VALUE")]),
        ({"num_associated_contacts": "5"}, [("num_associated_contacts", "READ_ONLY_VALUE")]),
        ({"industry": "computer_software"}, [("industry", "INVALID_OPTION")]),
        ({"web_technologies": "hubspot;nope"}, [("web_technologies", "INVALID_OPTION")]),
        ({"is_public": "maybe"}, [("is_public", "INVALID_OPTION")]),
        ({"annualrevenue": "12,5 M€"}, [("annualrevenue", "INVALID_INTEGER")]),
        ({"hubspot_owner_id": "1"}, [("hubspot_owner_id", "INVALID_OWNER_ID")]),
        ({"missing": "1", "industry": "X"}, [("missing", "PROPERTY_DOESNT_EXIST"), ("industry", "INVALID_OPTION")]),
    ],
)
def test_a_bad_value_is_refused_in_hubspots_words(box: Sandbox, values: Any, faults: Any) -> None:
    assert refusal(box.call("PATCH", f"{COMPANIES}/101", {"properties": values}, 400)) == faults


def test_one_bad_value_refuses_the_whole_batch(box: Sandbox) -> None:
    inputs = [{"id": "101", "properties": {"name": "New"}}, {"id": "102", "properties": {"industry": "X"}}]
    box.post(f"{COMPANIES}/batch/update", {"inputs": inputs}, 400)
    assert box.properties("companies", 101, "name")["name"] == "Acme Corp"


def test_unknown_ids_of_a_batch_update_are_grouped_while_the_rest_is_written(box: Sandbox) -> None:
    inputs = [{"id": i, "properties": {"city": "Bonn"}, "objectWriteTraceId": f"t{i}"} for i in ("101", "998", "999")]
    answer = box.post(f"{COMPANIES}/batch/update", {"inputs": inputs}, 207)
    assert [(r["id"], r["objectWriteTraceId"], r["properties"]["city"]) for r in answer["results"]] == [
        ("101", "t101", "Bonn")
    ]
    assert answer["errors"][0]["context"] == {"ids": ["998", "999"]}


def test_a_merged_away_id_vanishes_from_a_batch_update_but_not_from_a_single_one(box: Sandbox) -> None:
    new = box.post(f"{COMPANIES}/merge", {"primaryObjectId": "101", "objectIdToMerge": "103"})["id"]
    inputs = [{"id": "103", "properties": {"city": "Bonn"}}, {"id": "102", "properties": {"city": "Bonn"}}]
    answer = box.post(f"{COMPANIES}/batch/update", {"inputs": inputs})
    assert [record["id"] for record in answer["results"]] == ["102"]
    assert "errors" not in answer
    assert box.properties("companies", new, "city")["city"] is None
    assert box.call("PATCH", f"{COMPANIES}/103", {"properties": {"city": "Bonn"}})["id"] == new


def test_an_id_given_twice_refuses_the_batch(box: Sandbox) -> None:
    inputs = [{"id": "101", "properties": {"city": c}} for c in ("Bonn", "Ulm")]
    assert "Duplicate" in box.post(f"{COMPANIES}/batch/update", {"inputs": inputs}, 400)["message"]


@pytest.mark.parametrize(
    ("sent", "stands"),
    [
        ("salesforce", "salesforce"),
        (";salesforce", "hubspot;marketo;salesforce"),
        (";hubspot", "hubspot;marketo"),
        ("", None),
    ],
)
def test_a_multi_select_is_replaced_appended_to_or_cleared(box: Sandbox, sent: str, stands: str | None) -> None:
    box.call("PATCH", f"{COMPANIES}/101", {"properties": {"web_technologies": sent}})
    assert box.properties("companies", 101, "web_technologies")["web_technologies"] == stands


@pytest.mark.parametrize(
    ("steps", "stands"),
    [(["opportunity"], "opportunity"), (["subscriber"], "lead"), (["", "subscriber"], "subscriber")],
)
def test_a_lifecycle_stage_moves_forward_only_unless_cleared_first(box: Sandbox, steps: list[str], stands: str) -> None:
    for step in steps:
        box.call("PATCH", f"{COMPANIES}/101", {"properties": {"lifecyclestage": step}})
    assert box.properties("companies", 101, "lifecyclestage")["lifecyclestage"] == stands


def test_any_change_moves_the_modified_stamp_and_no_change_does_not(box: Sandbox) -> None:
    before = box.properties("companies", 101)["hs_lastmodifieddate"]
    box.call("PATCH", f"{COMPANIES}/101", {"properties": {"name": "Acme Corp"}})
    assert box.properties("companies", 101)["hs_lastmodifieddate"] == before
    box.call("PATCH", f"{COMPANIES}/101", {"properties": {"name": "Acme"}})
    assert str(box.properties("companies", 101)["hs_lastmodifieddate"]) > str(before)


@pytest.mark.parametrize(
    ("name", "sent", "stands"),
    [
        ("closedate", "1735689600000", "2025-01-01T00:00:00.000Z"),
        ("closedate", "2025-01-01", "2025-01-01T00:00:00.000Z"),
        ("amount", "1500.0", "1500"),
        ("amount", "15.25", "15.25"),
    ],
)
def test_numbers_and_moments_are_stored_in_hubspots_form(box: Sandbox, name: str, sent: str, stands: str) -> None:
    box.call("PATCH", "/crm/objects/2026-09/deals/301", {"properties": {name: sent}})
    assert box.properties("deals", 301, name)[name] == stands


def test_a_new_record_has_a_higher_id_and_is_read_back(box: Sandbox) -> None:
    made = box.post(COMPANIES, {"properties": {"name": "Echo", "domain": "acme.example"}}, 201)
    assert int(made["id"]) == 105  # companies are not told apart by domain
    assert box.get("/crm/objects/2026-09/companies")["results"][-1]["id"] == "105"


def test_a_second_contact_with_an_address_is_a_conflict(box: Sandbox) -> None:
    answer = box.post(CONTACTS, {"properties": {"email": "Ana@Acme.example"}}, 409)
    assert (answer["message"], answer["category"]) == ("Contact already exists. Existing ID: 201", "CONFLICT")


def test_a_batch_create_is_all_or_nothing_without_trace_ids(box: Sandbox) -> None:
    inputs: list[Any] = [{"properties": {"name": "E"}}, {"properties": {"industry": "X"}}]
    box.post(f"{COMPANIES}/batch/create", {"inputs": inputs}, 400)
    assert len(box.get(COMPANIES)["results"]) == 4
    for at, item in enumerate(inputs):
        item["objectWriteTraceId"] = f"t{at}"
    answer = box.post(f"{COMPANIES}/batch/create", {"inputs": inputs}, 207)
    assert [r["objectWriteTraceId"] for r in answer["results"]] == ["t0"]
    assert answer["errors"][0]["context"] == {"objectWriteTraceId": ["t1"]}
    assert len(box.get(COMPANIES)["results"]) == 5


def test_an_upsert_says_which_records_are_new(box: Sandbox) -> None:
    inputs = [
        {"id": "ana@acme.example", "idProperty": "email", "properties": {"jobtitle": "CEO"}},
        {"id": "new@acme.example", "idProperty": "email", "properties": {"jobtitle": "COO"}},
    ]
    answer = box.post(f"{CONTACTS}/batch/upsert", {"inputs": inputs})
    assert [(r["id"], r["new"], r["properties"]["jobtitle"]) for r in answer["results"]] == [
        ("201", False, "CEO"), ("204", True, "COO"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "name"), [("update", "hs_object_id"), ("upsert", "hs_object_id"), ("upsert", "domain")]
)
def test_a_property_that_is_not_unique_is_no_key(box: Sandbox, verb: str, name: str) -> None:
    inputs = [{"id": "101", "idProperty": name, "properties": {"city": "Bonn"}}]
    answer = box.post(f"{COMPANIES}/batch/{verb}", {"inputs": inputs}, 400)
    assert answer["message"] == f"Unable to perform {verb} by non-unique 0-2 property {name}"


def test_a_contacts_company_property_is_its_primary_association(box: Sandbox) -> None:
    box.call("PATCH", f"{CONTACTS}/201", {"properties": {"associatedcompanyid": "102"}})
    linked = box.get("/crm/objects/2026-09/contacts/201/associations/companies")["results"]
    types = {link["toObjectId"]: {t["typeId"] for t in link["associationTypes"]} for link in linked}
    assert types == {"101": {279}, "102": {1, 279}}
    box.call("PATCH", f"{CONTACTS}/201", {"properties": {"associatedcompanyid": ""}})
    assert box.properties("contacts", 201, "associatedcompanyid")["associatedcompanyid"] is None


def test_a_body_that_is_no_json_is_a_400(box: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {box.server.access_token}"}
    answer = box.http.post(f"{box.server.base_url}{COMPANIES}", data="{", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
