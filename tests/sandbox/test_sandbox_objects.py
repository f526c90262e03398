"""Reading records: lists, single records, batches, merges, archive, history (hubspot.md 2.2 and 4)."""

import pytest
from sandbox_client import Sandbox

VERSIONS = ["/crm/objects/2026-09", "/crm/objects/2026-03", "/crm/v3/objects"]
MISSING = "Could not get some COMPANY objects, they may be deleted or not exist. Check that ids are valid."


@pytest.mark.parametrize("prefix", VERSIONS)
@pytest.mark.parametrize("name", ["companies", "company", "0-2"])
def test_every_version_and_every_name_of_an_object_type_answers_alike(box: Sandbox, prefix: str, name: str) -> None:
    assert box.get(f"{prefix}/{name}/101?properties=name") == box.get(
        "/crm/objects/2026-09/companies/101?properties=name"
    )


def test_a_list_page_names_the_next_record_as_its_cursor(box: Sandbox) -> None:
    first = box.get("/crm/objects/2026-09/companies?limit=2")
    assert [record["id"] for record in first["results"]] == ["101", "102"]
    assert first["paging"]["next"]["after"] == "103"
    last = box.get("/crm/objects/2026-09/companies?limit=2&after=103")
    assert [record["id"] for record in last["results"]] == ["103", "104"]
    assert "paging" not in last


def test_a_cursor_may_name_a_record_that_is_not_there(box: Sandbox) -> None:
    page = box.get("/crm/objects/2026-09/companies?after=100")
    assert [record["id"] for record in page["results"]] == ["101", "102", "103", "104"]


@pytest.mark.parametrize(("query", "status"), [("limit=100", 200), ("limit=101", 400), ("limit=0", 400)])
def test_a_list_page_has_at_most_100_records(box: Sandbox, query: str, status: int) -> None:
    box.get(f"/crm/objects/2026-09/companies?{query}", status)


@pytest.mark.parametrize(("limit", "status"), [(50, 200), (51, 400)])
def test_a_list_page_with_history_has_at_most_50_records(box: Sandbox, limit: int, status: int) -> None:
    box.get(f"/crm/objects/2026-09/companies?limit={limit}&propertiesWithHistory=name", status)


def test_values_are_strings_or_null_and_unknown_names_are_left_out(box: Sandbox) -> None:
    record = box.get("/crm/objects/2026-09/companies/103?properties=annualrevenue,industry,no_such_property")
    assert record["properties"] == {
        "annualrevenue": "900", "industry": None, "hs_object_id": "103",
        "createdate": "2024-03-01T00:00:00.000Z", "hs_lastmodifieddate": "2026-03-01T00:00:00.000Z",
    }  # fmt: skip
    assert (record["createdAt"], record["updatedAt"]) == ("2024-03-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z")


def test_dirty_values_of_a_portal_are_kept_as_they_are(box: Sandbox) -> None:
    assert box.properties("companies", 102, "annualrevenue")["annualrevenue"] == "12,5 M€"
    assert box.properties("companies", 104, "industry")["industry"] == "OLD_INDUSTRY"


def test_an_unknown_column_is_a_custom_string_property(box: Sandbox) -> None:
    definition = box.get("/crm/properties/2026-09/companies/region_code")
    assert (definition["type"], definition["fieldType"]) == ("string", "text")
    assert "hubspotDefined" not in definition
    assert box.properties("companies", 101, "region_code")["region_code"] == "EMEA"


def test_properties_that_hubspot_computes_follow_the_records(box: Sandbox) -> None:
    names = ("num_associated_contacts", "hs_num_child_companies", "hs_num_decision_makers")
    assert [box.properties("companies", 101, *names)[name] for name in names] == ["2", "1", "1"]
    assert box.properties("deals", 301, "hs_is_closed_won")["hs_is_closed_won"] == "true"
    assert box.properties("deals", 302, "hs_is_closed")["hs_is_closed"] == "false"


def test_associations_come_along_when_asked_for(box: Sandbox) -> None:
    deal = box.get("/crm/objects/2026-09/deals/301?associations=companies,contacts")
    assert deal["associations"]["companies"]["results"] == [
        {"id": "101", "type": "deal_to_company"},
        {"id": "101", "type": "deal_to_company_unlabeled"},
        {"id": "102", "type": "deal_to_company_unlabeled"},
    ]
    assert [link["id"] for link in deal["associations"]["contacts"]["results"]] == ["201", "202"]


def test_a_batch_read_groups_every_unknown_id_in_one_error(box: Sandbox) -> None:
    body = {"inputs": [{"id": i} for i in ("101", "999", "998")], "properties": ["name"]}
    answer = box.post("/crm/objects/2026-09/companies/batch/read", body, 207)
    assert [record["id"] for record in answer["results"]] == ["101"]
    assert (answer["status"], answer["numErrors"], len(answer["errors"])) == ("COMPLETE", 1, 1)
    error = answer["errors"][0]
    assert (error["category"], error["message"], error["context"]) == (
        "OBJECT_NOT_FOUND",
        MISSING,
        {"ids": ["999", "998"]},
    )


def test_a_batch_without_errors_has_no_errors_key(box: Sandbox) -> None:
    answer = box.post("/crm/objects/2026-09/companies/batch/read", {"inputs": [{"id": "101"}]})
    assert "errors" not in answer
    assert "numErrors" not in answer


@pytest.mark.parametrize("verb", ["read", "update", "archive", "create", "upsert"])
def test_a_batch_takes_100_inputs_and_no_more(box: Sandbox, verb: str) -> None:
    body = {"inputs": [{"id": str(i), "idProperty": None, "properties": {}} for i in range(101)]}
    answer = box.post(f"/crm/objects/2026-09/companies/batch/{verb}", body, 400)
    assert answer["category"] == "VALIDATION_ERROR"


def test_a_contact_can_be_read_by_its_address(box: Sandbox) -> None:
    assert box.get("/crm/objects/2026-09/contacts/ANA@acme.example?idProperty=email")["id"] == "201"
    body = {"inputs": [{"id": "ben@acme.example"}], "idProperty": "email"}
    assert box.post("/crm/objects/2026-09/contacts/batch/read", body)["results"][0]["id"] == "202"


def test_an_archived_record_is_only_in_the_archive(box: Sandbox) -> None:
    box.call("DELETE", "/crm/objects/2026-09/companies/102", status=204)
    box.get("/crm/objects/2026-09/companies/102", 404)
    assert box.get("/crm/objects/2026-09/companies/102?archived=true")["archived"] is True
    live = box.get("/crm/objects/2026-09/companies")["results"]
    gone = box.get("/crm/objects/2026-09/companies?archived=true")["results"]
    assert [[r["id"] for r in page] for page in (live, gone)] == [["101", "103", "104"], ["102"]]
    assert gone[0]["archivedAt"] >= gone[0]["createdAt"]
    assert box.post("/crm/objects/2026-09/companies/batch/read", {"inputs": [{"id": "102"}]}, 207)["results"] == []


def test_a_merge_makes_a_new_record_that_both_ids_lead_to(box: Sandbox) -> None:
    new = box.post("/crm/objects/2026-09/companies/merge", {"primaryObjectId": "101", "objectIdToMerge": "103"})["id"]
    assert int(new) > 104
    for old in ("101", "103"):
        assert box.get(f"/crm/objects/2026-09/companies/{old}")["id"] == new
    merged = box.properties(
        "companies", new, "name", "annualrevenue", "domain", "hs_merged_object_ids", "num_associated_contacts"
    )
    assert merged["name"] == "Acme Corp"
    assert merged["annualrevenue"] == "5000000"
    assert merged["hs_merged_object_ids"] == "101;103"
    assert merged["num_associated_contacts"] == "2"
    assert box.properties("contacts", 201, "associatedcompanyid")["associatedcompanyid"] == new
    listed = box.get("/crm/objects/2026-09/companies")["results"]
    assert [record["id"] for record in listed] == ["102", "104", new]


def test_a_merge_fills_the_primary_records_blanks(box: Sandbox) -> None:
    new = box.post("/crm/objects/2026-09/companies/merge", {"primaryObjectId": "103", "objectIdToMerge": "101"})["id"]
    values = box.properties("companies", new, "name", "industry", "annualrevenue")
    assert (values["name"], values["industry"], values["annualrevenue"]) == ("gamma", "COMPUTER_SOFTWARE", "900")


def test_erasing_a_contact_leaves_nothing_behind(box: Sandbox) -> None:
    box.post("/crm/objects/2026-09/contacts/gdpr-delete", {"objectId": "ana@acme.example", "idProperty": "email"}, 204)
    box.get("/crm/objects/2026-09/contacts/201", 404)
    box.get("/crm/objects/2026-09/contacts/201?archived=true", 404)
    assert box.properties("companies", 101, "num_associated_contacts")["num_associated_contacts"] == "1"


def test_history_tells_who_set_a_value_newest_first(box: Sandbox) -> None:
    box.call("PATCH", "/crm/objects/2026-09/companies/101", {"properties": {"numberofemployees": "300"}})
    box.post("/_sandbox/edit", {"object": "companies", "id": "101", "properties": {"numberofemployees": "310"}})
    record = box.get("/crm/objects/2026-09/companies/101?propertiesWithHistory=numberofemployees")
    versions = record["propertiesWithHistory"]["numberofemployees"]
    assert [(v["value"], v["sourceType"]) for v in versions] == [
        ("310", "CRM_UI"), ("300", "INTEGRATION"), ("250", "IMPORT"),
    ]  # fmt: skip


def test_an_unknown_object_type_is_a_400_and_an_unknown_path_a_404(box: Sandbox) -> None:
    assert "Unable to infer object type" in box.get("/crm/objects/2026-09/gadgets", 400)["message"]
    box.get("/crm/v9/objects/companies", 404)


def test_every_answer_has_a_correlation_id_and_errors_repeat_it(box: Sandbox) -> None:
    good = box.send("GET", "/crm/objects/2026-09/companies")
    bad = box.send("GET", "/crm/objects/2026-09/companies/999")
    assert good.headers["X-HubSpot-Correlation-Id"] != bad.headers["X-HubSpot-Correlation-Id"]
    assert bad.headers["X-HubSpot-Correlation-Id"] == bad.json()["correlationId"]
