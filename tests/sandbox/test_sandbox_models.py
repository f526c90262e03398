"""Answers against the models of two official clients, and those clients end to end.

`hubspot-api-client` 12 (v3 paths, client-side validation on) and `hubspot-sdk` 0.1.0a9 (2026-03, `model_validate`).
Neither rejects unknown keys by itself, so each answer also has to come back from its model without loss.

Where a model disagrees with hubspot.md the page is followed:
- hubspot-sdk types property values as `str`; the page (2.6) says string or null, so nulls are left out for it.
- hubspot-api-client 12 merges the alternatives of a filter's operation into one class that requires every field of all
  of them, so no filter of HubSpot's passes its validation or comes back whole; hubspot-sdk alone judges filters.
- hubspot-api-client 12 does not know `dataSensitivity` of properties, which the page (2.6) lists.
- hubspot-sdk names the extra columns of a list search by their Python name; hubspot-api-client has
  `additionalProperties`.
- hubspot-sdk's batch results have no `errors` and `numErrors`; the page (4) shows both, so 207s are checked without
  them, and each error by its own model.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import hubspot_sdk
import hubspot_sdk.types.account as sdk_account
import hubspot_sdk.types.crm as sdk_crm
import hubspot_sdk.types.shared as sdk_shared
import pytest
from hubspot import HubSpot
from hubspot.crm.companies import BatchInputSimplePublicObjectBatchInput
from hubspot.crm.companies.exceptions import ApiException
from pydantic import BaseModel
from sandbox_client import Sandbox

OBJECTS, DATED = "/crm/v3/objects", "/crm/objects/2026-03"
FILTERS = {
    "filterBranchType": "OR", "filters": [],
    "filterBranches": [
        {
            "filterBranchType": "AND", "filterBranches": [],
            "filters": [
                {
                    "filterType": "PROPERTY", "property": "industry",
                    "operation": {
                        "operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": ["RETAIL"],
                        "includeObjectsWithNoValueSet": False,
                    },
                }
            ],
        }
    ],
}  # fmt: skip
LIST = {"name": "L", "objectTypeId": "0-2", "processingType": "DYNAMIC", "filterBranch": FILTERS}
PROPERTY = {
    "name": "abm_tier", "label": "Tier", "type": "enumeration", "fieldType": "select",
    "groupName": "companyinformation",
    "options": [{"label": "One", "value": "tier_1", "displayOrder": 0, "hidden": False}],
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    """One call, the model of its answer in each client, and calls to make before it."""

    call: str
    path: str
    old: str
    new: type[BaseModel]
    body: Any = None
    status: int = 200
    first: tuple[tuple[str, str, Any], ...] = ()
    merged_union: bool = False

    @property
    def name(self) -> str:
        return f"{self.call} {self.path}"


def ids(*wanted: str) -> dict[str, Any]:
    return {"inputs": [{"id": i} for i in wanted], "properties": ["name", "industry"]}


UPDATE = {"inputs": [{"id": "101", "properties": {"name": "A"}, "objectWriteTraceId": "t"}]}
MIXED = {"inputs": [{"id": i, "properties": {"name": "A"}} for i in ("101", "999")]}
UPSERT = {"inputs": [{"id": "ana@acme.example", "idProperty": "email", "properties": {"jobtitle": "CEO"}}]}
MADE = (("POST", "lists", LIST),)
OWN = (("POST", "properties/companies", PROPERTY),)
SPEC = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
LABEL = {"label": "Manager", "inverseLabel": "Employee", "name": "manager_employee"}
OWN_SPEC = [{"associationCategory": "USER_DEFINED", "associationTypeId": 1_001}]
LABELLED = (
    ("POST", "associations/contacts/contacts/labels", LABEL),
    ("POST", "associations/contacts/contacts/batch/create",
     {"inputs": [{"from": {"id": "201"}, "to": {"id": "202"}, "types": OWN_SPEC}]}),
)  # fmt: skip
LINK = {"inputs": [{"from": {"id": "203"}, "to": {"id": "103"}, "types": SPEC}]}
PAGED = "CollectionResponseSimplePublicObjectWithAssociationsForwardPaging"
FOUND = "CollectionResponseWithTotalSimplePublicObjectForwardPaging"
BATCH = sdk_crm.BatchResponseSimplePublicObject

CASES = [
    Case("GET", "objects/companies?limit=2&properties=name,industry&associations=contacts", f"objects:{PAGED}",
         sdk_crm.CollectionResponseSimplePublicObjectWithAssociationsForwardPaging),
    Case("GET", "objects/companies?propertiesWithHistory=name", f"objects:{PAGED}",
         sdk_crm.CollectionResponseSimplePublicObjectWithAssociationsForwardPaging),
    Case("GET", "objects/deals/301?associations=companies,contacts", "objects:SimplePublicObjectWithAssociations",
         sdk_crm.SimplePublicObjectWithAssociations),
    Case("POST", "objects/companies", "objects:SimplePublicObject", sdk_crm.SimplePublicObject,
         {"properties": {"name": "E"}}, 201),
    Case("POST", "objects/companies/merge", "objects:SimplePublicObject", sdk_crm.SimplePublicObject,
         {"primaryObjectId": "101", "objectIdToMerge": "103"}),
    Case("POST", "objects/companies/batch/read", "objects:BatchResponseSimplePublicObject", BATCH, ids("101", "103")),
    Case("POST", "objects/companies/batch/read", "objects:BatchResponseSimplePublicObjectWithErrors", BATCH,
         ids("101", "999"), 207),
    Case("POST", "objects/companies/batch/update", "objects:BatchResponseSimplePublicObject", BATCH, UPDATE),
    Case("POST", "objects/companies/batch/update", "objects:BatchResponseSimplePublicObjectWithErrors", BATCH,
         MIXED, 207),
    Case("POST", "objects/companies/batch/create", "objects:BatchResponseSimplePublicObject", BATCH,
         {"inputs": [{"properties": {"name": "E"}}]}, 201),
    Case("POST", "objects/contacts/batch/upsert", "objects:BatchResponseSimplePublicUpsertObject",
         sdk_crm.BatchResponseSimplePublicUpsertObject, UPSERT),
    Case("POST", "objects/companies/search", f"objects:{FOUND}", sdk_crm.CollectionResponseWithTotalSimplePublicObject,
         {"limit": 2, "properties": ["name"]}),
    Case("POST", "associations/contacts/companies/batch/read",
         "associations.v4:BatchResponsePublicAssociationMultiWithLabel",
         sdk_crm.BatchResponsePublicAssociationMultiWithLabel, {"inputs": [{"id": "201"}]}),
    Case("POST", "associations/contacts/companies/batch/read",
         "associations.v4:BatchResponsePublicAssociationMultiWithLabelWithErrors",
         sdk_crm.BatchResponsePublicAssociationMultiWithLabel, {"inputs": [{"id": "201"}, {"id": "999"}]}, 207),
    Case("POST", "associations/contacts/companies/batch/create", "associations.v4:BatchResponseLabelsBetweenObjectPair",
         sdk_crm.BatchResponseLabelsBetweenObjectPair, LINK, 201),
    Case("POST", "associations/contacts/companies/batch/associate/default",
         "associations.v4:BatchResponsePublicDefaultAssociation", sdk_crm.BatchResponsePublicDefaultAssociation, LINK),
    Case("GET", "associations/contacts/contacts/labels",
         "associations.v4.schema:CollectionResponseAssociationSpecWithLabelNoPaging",
         sdk_crm.CollectionResponseAssociationSpecWithLabelNoPaging, first=LABELLED),
    Case("POST", "associations/deals/contacts/labels",
         "associations.v4.schema:CollectionResponseAssociationSpecWithLabelNoPaging",
         sdk_crm.CollectionResponseAssociationSpecWithLabelNoPaging, {"label": "Champion", "name": "champion"}),
    Case("POST", "associations/contacts/contacts/batch/read",
         "associations.v4:BatchResponsePublicAssociationMultiWithLabel",
         sdk_crm.BatchResponsePublicAssociationMultiWithLabel, {"inputs": [{"id": "201"}]}, first=LABELLED),
    Case("GET", "properties/companies", "properties:CollectionResponsePropertyNoPaging",
         sdk_crm.CollectionResponsePropertyNoPaging),
    Case("POST", "properties/companies", "properties:ModelProperty", sdk_shared.Property, PROPERTY, 201),
    Case("PATCH", "properties/companies/abm_tier", "properties:ModelProperty", sdk_shared.Property,
         {"label": "T"}, first=OWN),
    Case("POST", "properties/companies/batch/create", "properties:BatchResponseProperty", sdk_crm.BatchResponseProperty,
         {"inputs": [PROPERTY]}, 201),
    Case("GET", "properties/companies/groups", "properties:CollectionResponsePropertyGroupNoPaging",
         sdk_shared.CollectionResponsePropertyGroupNoPaging),
    Case("POST", "properties/companies/groups", "properties:PropertyGroup", sdk_shared.PropertyGroup,
         {"name": "g", "label": "G", "displayOrder": -1}, 201),
    Case("POST", "lists", "lists:ListCreateResponse", sdk_crm.ListCreateResponse, LIST),
    Case("GET", "lists/1?includeFilters=true", "lists:ListFetchResponse", sdk_crm.ListFetchResponse,
         first=MADE, merged_union=True),
    Case("GET", "lists/object-type-id/0-2/name/L", "lists:ListFetchResponse", sdk_crm.ListFetchResponse, first=MADE),
    Case("GET", "lists?listIds=1", "lists:ListsByIdResponse", sdk_crm.ListsByIDResponse, first=MADE),
    Case("POST", "lists/search", "lists:ListSearchResponse", sdk_crm.ListSearchResponse, {"query": ""}, first=MADE),
    Case("PUT", "lists/1/update-list-filters", "lists:ListUpdateResponse", sdk_crm.ListUpdateResponse,
         {"filterBranch": FILTERS}, first=MADE),
    Case("GET", "lists/1/memberships", "lists:ApiCollectionResponseJoinTimeAndRecordId",
         sdk_crm.APICollectionResponseJoinTimeAndRecordID, first=MADE),
    Case("PUT", "lists/1/memberships/add", "lists:MembershipsUpdateResponse", sdk_crm.MembershipsUpdateResponse,
         ["101", "999"], first=(("POST", "lists", LIST | {"processingType": "MANUAL", "filterBranch": None}),)),
    Case("GET", "owners?limit=1", "owners:CollectionResponsePublicOwnerForwardPaging",
         sdk_crm.CollectionResponsePublicOwnerForwardPaging),
    Case("GET", "pipelines/deals", "pipelines:CollectionResponsePipelineNoPaging",
         sdk_crm.CollectionResponsePipelineNoPaging),
]  # fmt: skip
LATER = frozenset({"dataSensitivity"})


def old_path(path: str) -> str:
    head, _, rest = path.partition("/")
    family, question, query = head.partition("?")
    version = "v4" if family == "associations" else "v3"
    return f"/crm/{version}/{family}{question}{query}" + (f"/{rest}" if rest else "")


def new_path(path: str) -> str:
    head, _, rest = path.partition("/")
    family, question, query = head.partition("?")
    return f"/crm/{family}/2026-03{question}{query}" + (f"/{rest}" if rest else "")


def plain(value: Any, without: frozenset[str] = frozenset()) -> Any:
    """A document with nulls and the named keys left out and every moment as a number."""
    if isinstance(value, dict):
        return {k: plain(v, without) for k, v in value.items() if v is not None and k not in without}
    if isinstance(value, list):
        return [plain(item, without) for item in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, str) and len(value) > 18 and value[4:5] == "-" and value[10:11] == "T":
        return datetime.fromisoformat(value).timestamp()
    return value


def extras(model: Any) -> Iterator[str]:
    """Keys that a model was given but does not know, at any depth."""
    if isinstance(model, BaseModel):
        yield from (f"{type(model).__name__}.{key}" for key in model.model_extra or ())
        for name in type(model).model_fields:
            yield from extras(getattr(model, name))
    elif isinstance(model, dict):
        for item in model.values():
            yield from extras(item)
    elif isinstance(model, list):
        for item in model:
            yield from extras(item)


class Raw:
    """What the old client's deserializer takes for a response."""

    def __init__(self, body: Any) -> None:
        self.data = json.dumps(body)


def v3_models(family: str, validate: bool = True) -> Any:
    """The v3 client's deserializer, with the validation that it ships switched off."""
    configuration = importlib.import_module(f"hubspot.crm.{family}.configuration").Configuration()
    configuration.client_side_validation = validate
    return importlib.import_module(f"hubspot.crm.{family}.api_client").ApiClient(configuration)


def answer(box: Sandbox, case: Case, path: Any) -> Any:
    for method, before, body in case.first:
        assert box.send(method, path(before), body).ok
    return box.call(case.call, path(case.path), case.body, case.status)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_v3_client_takes_every_answer_without_loss(box: Sandbox, case: Case) -> None:
    body = answer(box, case, old_path)
    family, model = case.old.split(":")
    api_client = v3_models(family, validate=not case.merged_union)
    parsed = api_client.deserialize(Raw(body), model)
    without = LATER | {"filterBranch"} if case.merged_union else LATER
    assert plain(api_client.sanitize_for_serialization(parsed), without) == plain(body, without)


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_2026_03_client_takes_every_answer_without_loss(box: Sandbox, case: Case) -> None:
    body = answer(box, case, new_path)
    if case.status == 207:
        errors = body.pop("errors")
        assert body.pop("numErrors") == len(errors)
        for error in errors:
            assert not list(extras(sdk_shared.StandardError.model_validate(error)))
    body = json.loads(json.dumps(body), object_hook=_without_nulls)
    parsed = case.new.model_validate(body)
    assert not set(extras(parsed)) - {"PublicObjectListSearchResult.additionalProperties"}
    assert plain(parsed.model_dump(by_alias=True, exclude_unset=True)) == plain(body)


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in document.items() if value is not None}


def test_account_answers_fit_the_2026_03_models(box: Sandbox) -> None:
    details = box.get("/account-info/2026-03/details")
    usage = box.get("/account-info/2026-03/api-usage/daily/private-apps")
    assert not list(extras(sdk_account.PortalInformationResponse.model_validate(details)))
    assert not list(extras(sdk_account.CollectionResponseAPIUsageNoPaging.model_validate(usage)))


def test_a_refusal_fits_the_v3_error_model(box: Sandbox) -> None:
    body = box.call("PATCH", f"{OBJECTS}/companies/101", {"properties": {"nope": "1"}}, 400)
    assert body.pop("status") == "error"  # the page (4) has it, the model of hubspot-api-client does not
    api_client = v3_models("objects")
    parsed = api_client.deserialize(Raw(body), "Error")
    assert plain(api_client.sanitize_for_serialization(parsed)) == plain(body)


# -- the clients themselves


def test_the_v3_client_works_end_to_end(box: Sandbox) -> None:
    client = HubSpot(access_token=box.server.access_token, host=box.server.base_url)
    companies = client.crm.companies
    batch, basic, search = companies.batch_api, companies.basic_api, companies.search_api
    pools = [api.api_client.rest_client.pool_manager for api in (batch, basic, search)]
    try:
        assert [c.id for c in basic.get_page(limit=3).results] == ["101", "102", "103"]
        inputs = [{"id": i, "properties": {"city": "Bonn"}} for i in ("101", "999")]
        done = batch.update(BatchInputSimplePublicObjectBatchInput(inputs=inputs))
        assert (done.num_errors, done.results[0].properties["city"]) == (1, "Bonn")
        wanted = {"filterGroups": [{"filters": [{"propertyName": "city", "operator": "EQ", "value": "bonn"}]}]}
        assert search.do_search(wanted).total == 1
        with pytest.raises(ApiException) as refused:
            basic.get_by_id("999")
        assert refused.value.status == 404
    finally:
        for pool in pools:
            pool.clear()


def test_the_2026_03_client_works_end_to_end(box: Sandbox) -> None:
    with hubspot_sdk.HubSpot(access_token=box.server.access_token, base_url=box.server.base_url) as client:
        page = client.crm.objects.companies.list(limit=2)
        assert [c.id for c in page.results] == ["101", "102"]
        assert [c.id for c in client.crm.objects.companies.list(limit=2)] == ["101", "102", "103", "104"]
