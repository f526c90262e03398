"""Lists: filters that are really evaluated, memberships in HubSpot's literal words (hubspot.md 2.5)."""

from typing import Any

import pytest
from sandbox_client import Sandbox

LISTS = "/crm/lists/2026-09"


def branch(*filters: Any, nested: list[Any] | None = None) -> dict[str, Any]:
    inner = {"filterBranchType": "AND", "filterBranches": nested or [], "filters": list(filters)}
    return {"filterBranchType": "OR", "filterBranches": [inner], "filters": []}


def prop(name: str, type_: str, operator: str, blank: bool = False, **operand: Any) -> dict[str, Any]:
    operation = {"operationType": type_, "operator": operator, "includeObjectsWithNoValueSet": blank, **operand}
    return {"filterType": "PROPERTY", "property": name, "operation": operation}


def make(box: Sandbox, name: str = "L", status: int = 200, **body: Any) -> Any:
    answer = box.post(LISTS, {"name": name, "objectTypeId": "0-2", "processingType": "DYNAMIC", **body}, status)
    return answer["list"] if status == 200 else answer


def members(box: Sandbox, list_id: str) -> list[str]:
    return [m["recordId"] for m in box.get(f"{LISTS}/{list_id}/memberships?limit=250")["results"]]


RETAIL = prop("industry", "ENUMERATION", "IS_ANY_OF", values=["RETAIL"])


@pytest.mark.parametrize(
    ("item", "ids"),
    [
        (RETAIL, ["102"]),
        (prop("industry", "ENUMERATION", "IS_NONE_OF", values=["RETAIL"]), ["101", "104"]),
        (prop("industry", "ENUMERATION", "IS_NONE_OF", blank=True, values=["RETAIL"]), ["101", "103", "104"]),
        (prop("web_technologies", "ENUMERATION", "CONTAINS_ALL", values=["hubspot", "marketo"]), ["101"]),
        (prop("web_technologies", "ENUMERATION", "IS_EXACTLY", values=["hubspot"]), ["103"]),
        (prop("industry", "ALL_PROPERTY", "IS_UNKNOWN"), ["103"]),
        (prop("industry", "ALL_PROPERTY", "IS_KNOWN"), ["101", "102", "104"]),
        (prop("numberofemployees", "NUMBER", "IS_GREATER_THAN", value=9), ["101", "102"]),
        (prop("numberofemployees", "NUMBER_RANGED", "IS_BETWEEN", lowerBound=9, upperBound=40), ["102", "104"]),
        (prop("name", "MULTISTRING", "IS_EQUAL_TO", values=["GAMMA", "beta retail"]), ["102", "103"]),
        (prop("name", "STRING", "STARTS_WITH", value="del"), ["104"]),
        (prop("name", "STRING", "DOES_NOT_CONTAIN", value="acme"), ["102", "103"]),
        (prop("is_public", "BOOL", "IS_EQUAL_TO", value=True), []),
    ],
)
def test_an_active_list_holds_who_meets_its_filters(box: Sandbox, item: Any, ids: list[str]) -> None:
    made = make(box, filterBranch=branch(item))
    assert made["size"] == len(ids)
    assert members(box, made["listId"]) == ids


def test_an_active_list_follows_the_records(box: Sandbox) -> None:
    list_id = make(box, filterBranch=branch(RETAIL))["listId"]
    inputs = [{"id": "101", "properties": {"industry": "RETAIL"}}, {"id": "102", "properties": {"industry": ""}}]
    box.post("/crm/objects/2026-09/companies/batch/update", {"inputs": inputs})
    assert members(box, list_id) == ["101"]
    box.call("DELETE", "/crm/objects/2026-09/companies/101", status=204)
    assert members(box, list_id) == []


def test_what_a_value_ever_was_can_be_asked(box: Sandbox) -> None:
    box.call("PATCH", "/crm/objects/2026-09/companies/102", {"properties": {"industry": "BANKING"}})
    ever = prop("industry", "ENUMERATION", "HAS_EVER_BEEN_ANY_OF", values=["RETAIL"])
    assert members(box, make(box, filterBranch=branch(ever))["listId"]) == ["102"]


def test_a_filter_may_ask_about_another_list_or_an_associated_record(box: Sandbox) -> None:
    first = make(box, "first", filterBranch=branch(RETAIL))["listId"]
    inside = {"filterType": "IN_LIST", "listId": first, "operator": "IN_LIST"}
    assert members(box, make(box, "second", filterBranch=branch(inside))["listId"]) == ["102"]
    deciders = {
        "filterBranchType": "ASSOCIATION", "objectTypeId": "0-1", "operator": "IN_LIST", "associationTypeId": 280,
        "associationCategory": "HUBSPOT_DEFINED", "filterBranches": [],
        "filters": [prop("hs_buying_role", "ENUMERATION", "IS_ANY_OF", values=["DECISION_MAKER"])],
    }  # fmt: skip
    assert members(box, make(box, "third", filterBranch=branch(nested=[deciders]))["listId"]) == ["101"]


@pytest.mark.parametrize(
    "bad",
    [
        {"filterBranchType": "AND", "filterBranches": [], "filters": [RETAIL]},
        {"filterBranchType": "OR", "filterBranches": [], "filters": []},
        branch(RETAIL) | {"filters": [RETAIL]},
        branch(prop("nope", "STRING", "IS_EQUAL_TO", value="x")),
        branch(prop("industry", "NUMBER", "IS_EQUAL_TO", value=1)),
        branch(prop("industry", "ENUMERATION", "IS_BEST", values=["RETAIL"])),
        branch(),
        None,
    ],
)
def test_a_filter_branch_out_of_shape_is_refused(box: Sandbox, bad: Any) -> None:
    assert make(box, filterBranch=bad, status=400)["category"] == "VALIDATION_ERROR"


def test_a_static_list_is_kept_by_hand_in_hubspots_words(box: Sandbox) -> None:
    list_id = make(box, processingType="MANUAL")["listId"]
    answer = box.call("PUT", f"{LISTS}/{list_id}/memberships/add", ["101", "102", "999"])
    assert answer == {"recordsIdsAdded": ["101", "102"], "recordIdsRemoved": [], "recordIdsMissing": ["999"]}
    body = {"recordIdsToAdd": ["103"], "recordIdsToRemove": ["101"]}
    answer = box.call("PUT", f"{LISTS}/{list_id}/memberships/add-and-remove", body)
    assert answer == {"recordsIdsAdded": ["103"], "recordIdsRemoved": ["101"], "recordIdsMissing": []}
    assert members(box, list_id) == ["102", "103"]
    box.call("PUT", f"{LISTS}/{list_id}/memberships/remove", ["102"])
    box.call("DELETE", f"{LISTS}/{list_id}/memberships", status=204)
    assert members(box, list_id) == []


def test_a_snapshot_is_filtered_once(box: Sandbox) -> None:
    list_id = make(box, processingType="SNAPSHOT", filterBranch=branch(RETAIL))["listId"]
    box.call("PATCH", "/crm/objects/2026-09/companies/101", {"properties": {"industry": "RETAIL"}})
    assert members(box, list_id) == ["102"]
    box.call("PUT", f"{LISTS}/{list_id}/memberships/add", ["101"])
    assert members(box, list_id) == ["101", "102"]


@pytest.mark.parametrize("call", ["add", "remove", "add-and-remove"])
def test_an_active_list_takes_no_members_by_hand(box: Sandbox, call: str) -> None:
    list_id = make(box, filterBranch=branch(RETAIL))["listId"]
    body: Any = {"recordIdsToAdd": ["101"]} if call == "add-and-remove" else ["101"]
    box.call("PUT", f"{LISTS}/{list_id}/memberships/{call}", body, 400)


def test_members_page_by_record_id_at_most_250_at_a_time(box: Sandbox) -> None:
    list_id = make(box, filterBranch=branch(prop("name", "ALL_PROPERTY", "IS_KNOWN")))["listId"]
    first = box.get(f"{LISTS}/{list_id}/memberships?limit=3")
    rest = box.get(f"{LISTS}/{list_id}/memberships?limit=3&after={first['paging']['next']['after']}")
    assert [m["recordId"] for m in first["results"] + rest["results"]] == ["101", "102", "103", "104"]
    box.get(f"{LISTS}/{list_id}/memberships?limit=251", 400)


def test_a_name_is_unique_and_finds_its_list(box: Sandbox) -> None:
    made = make(box, "ABM: Tier 1", filterBranch=branch(RETAIL))
    make(box, "ABM: Tier 1", status=400, filterBranch=branch(RETAIL))
    for prefix in (LISTS, "/crm/v3/lists"):
        found = box.get(f"{prefix}/object-type-id/0-2/name/ABM%3A%20Tier%201?includeFilters=true")["list"]
        given = found.pop("filterBranch")
        assert found == made
        assert [given["filterBranchOperator"], given["filterBranches"][0]["filterBranchOperator"]] == ["OR", "AND"]
        assert given["filterBranches"][0]["filters"] == [RETAIL]
    box.get(f"{LISTS}/object-type-id/0-2/name/nothing", 404)


def test_a_list_is_searched_renamed_refiltered_deleted_and_restored(box: Sandbox) -> None:
    list_id = make(box, "ABM: one", filterBranch=branch(RETAIL))["listId"]
    make(box, "other", processingType="MANUAL")
    hit = box.post(f"{LISTS}/search", {"query": "abm"})
    assert (hit["total"], hit["lists"][0]["listId"], hit["lists"][0]["additionalProperties"]["hs_list_size"]) == (
        1, list_id, "1",
    )  # fmt: skip
    box.call("PUT", f"{LISTS}/{list_id}/update-list-name?listName=ABM%3A+two")
    known = branch(prop("name", "ALL_PROPERTY", "IS_KNOWN"))
    assert (
        box.call("PUT", f"{LISTS}/{list_id}/update-list-filters", {"filterBranch": known})["updatedList"]["size"] == 4
    )
    box.call("DELETE", f"{LISTS}/{list_id}", status=204)
    box.get(f"{LISTS}/{list_id}", 404)
    box.call("PUT", f"{LISTS}/{list_id}/restore", status=204)
    assert box.get(f"{LISTS}/{list_id}")["list"]["name"] == "ABM: two"


def test_a_merged_member_stays_a_member(box: Sandbox) -> None:
    list_id = make(box, processingType="MANUAL")["listId"]
    box.call("PUT", f"{LISTS}/{list_id}/memberships/add", ["103"])
    body = {"primaryObjectId": "101", "objectIdToMerge": "103"}
    new = box.post("/crm/objects/2026-09/companies/merge", body)["id"]
    assert members(box, list_id) == [new]
    mine = box.get(f"{LISTS}/records/0-2/{new}/memberships")["results"]
    assert [m["listId"] for m in mine] == [list_id]
