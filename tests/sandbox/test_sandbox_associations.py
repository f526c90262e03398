"""Associations: directions, types, batches (hubspot.md 2.2)."""

from typing import Any

import pytest
from sandbox_client import Sandbox

BATCH = "/crm/associations/2026-09"


def types(box: Sandbox, path: str) -> dict[str, set[int]]:
    linked = box.get(f"/crm/objects/2026-09/{path}")["results"]
    return {link["toObjectId"]: {t["typeId"] for t in link["associationTypes"]} for link in linked}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("contacts/201/associations/companies", {"101": {1, 279}}),
        ("companies/101/associations/contacts", {"201": {2, 280}, "202": {2, 280}}),
        ("deals/301/associations/companies", {"101": {5, 341}, "102": {341}}),
        ("companies/102/associations/deals", {"301": {342}, "302": {6, 342}}),
        ("deals/301/associations/contacts", {"201": {3}, "202": {3}}),
        ("contacts/202/associations/deals", {"301": {4}}),
        ("companies/101/associations/companies", {"102": {13}}),
        ("companies/102/associations/companies", {"101": {14}}),
    ],
)
def test_loaded_links_have_hubspots_type_ids_in_both_directions(box: Sandbox, path: str, expected: Any) -> None:
    assert types(box, path) == expected


@pytest.mark.parametrize("prefix", ["/crm/objects/2026-09", "/crm/objects/2026-03", "/crm/v4/objects"])
def test_single_associations_answer_on_every_version(box: Sandbox, prefix: str) -> None:
    assert len(box.get(f"{prefix}/companies/101/associations/contacts")["results"]) == 2


@pytest.mark.parametrize("prefix", ["/crm/associations/2026-09", "/crm/associations/2026-03", "/crm/v4/associations"])
def test_a_batch_read_leaves_out_the_unlinked_and_groups_the_unknown(box: Sandbox, prefix: str) -> None:
    body = {"inputs": [{"id": i} for i in ("201", "203", "999")]}
    answer = box.post(f"{prefix}/contacts/companies/batch/read", body, 207)
    assert [(r["from"]["id"], r["to"][0]["toObjectId"]) for r in answer["results"]] == [("201", "101")]
    assert answer["errors"][0]["context"] == {"ids": ["999"]}


def test_the_old_batch_read_has_its_own_shape(box: Sandbox) -> None:
    answer = box.post("/crm/v3/associations/contacts/companies/batch/read", {"inputs": [{"id": "201"}]})
    assert answer["results"] == [{"from": {"id": "201"}, "to": [{"id": "101", "type": "contact_to_company"}]}]


@pytest.mark.parametrize(("verb", "most"), [("read", 1_000), ("create", 2_000)])
def test_a_batch_has_its_ceiling(box: Sandbox, verb: str, most: int) -> None:
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    item = {"id": "201", "from": {"id": "203"}, "to": {"id": "103"}, "types": spec}
    path = f"{BATCH}/contacts/companies/batch/{verb}"
    box.post(path, {"inputs": [item] * (most + 1)}, 400)
    box.post(path, {"inputs": [item] * most}, 200 if verb == "read" else 201)


def test_a_first_company_becomes_the_primary_one(box: Sandbox) -> None:
    answer = box.call("PUT", "/crm/objects/2026-09/contacts/203/associations/default/companies/103")
    specs = [(r["from"]["id"], r["to"]["id"], r["associationSpec"]["associationTypeId"]) for r in answer["results"]]
    assert specs == [("203", "103", 279), ("103", "203", 280)]
    assert types(box, "contacts/203/associations/companies") == {"103": {1, 279}}
    assert box.properties("contacts", 203, "associatedcompanyid")["associatedcompanyid"] == "103"
    box.call("PUT", "/crm/objects/2026-09/contacts/203/associations/default/companies/104")
    assert types(box, "contacts/203/associations/companies") == {"103": {1, 279}, "104": {279}}


def test_a_parent_is_an_association_and_a_property(box: Sandbox) -> None:
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 14}]
    box.call("PUT", "/crm/objects/2026-09/companies/103/associations/companies/101", spec, 201)
    assert types(box, "companies/101/associations/companies") == {"102": {13}, "103": {13}}
    assert box.properties("companies", 103, "hs_parent_company_id")["hs_parent_company_id"] == "101"
    assert box.properties("companies", 101, "hs_num_child_companies")["hs_num_child_companies"] == "2"


def test_archived_links_are_gone_on_both_sides(box: Sandbox) -> None:
    body = {"inputs": [{"from": {"id": "201"}, "to": [{"id": "101"}]}]}
    box.post(f"{BATCH}/contacts/companies/batch/archive", body, 204)
    assert types(box, "contacts/201/associations/companies") == {}
    assert types(box, "companies/101/associations/contacts") == {"202": {2, 280}}
    assert box.properties("contacts", 201, "associatedcompanyid")["associatedcompanyid"] is None


def test_a_type_of_another_pair_is_refused(box: Sandbox) -> None:
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 341}]
    box.call("PUT", "/crm/objects/2026-09/contacts/203/associations/companies/101", spec, 400)


def test_a_page_of_links_goes_on_after_its_last_id(box: Sandbox) -> None:
    first = box.get("/crm/objects/2026-09/companies/101/associations/contacts?limit=1")
    assert first["paging"]["next"]["after"] == "201"
    second = box.get("/crm/objects/2026-09/companies/101/associations/contacts?limit=1&after=201")
    assert ([r["toObjectId"] for r in second["results"]], "paging" in second) == (["202"], False)
