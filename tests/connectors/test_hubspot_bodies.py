"""Every request body that the connector sends, against HubSpot's own model classes: strictly, and without loss.

Two independent descriptions: the models of `hubspot-api-client` (v3, validation on) and the types of `hubspot-sdk`
(2026-03), validated by pydantic with unknown keys forbidden.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hubspot.crm.associations.v4 import ApiClient as V4Associations
from hubspot.crm.lists import ApiClient as V3Lists
from hubspot.crm.objects import ApiClient as V3Objects
from hubspot.crm.objects import Configuration
from hubspot.crm.properties import ApiClient as V3Properties
from hubspot_portal import OUTPUTS, Open, Portal, companies
from hubspot_sdk._utils import transform
from hubspot_sdk.types.crm.associations.batch_get_params import BatchGetParams as AssociationsRead
from hubspot_sdk.types.crm.list_create_params import ListCreateParams
from hubspot_sdk.types.crm.list_list_by_search_params import ListListBySearchParams
from hubspot_sdk.types.crm.objects.companies.batch_get_params import BatchGetParams
from hubspot_sdk.types.crm.objects.companies.batch_update_params import BatchUpdateParams
from hubspot_sdk.types.crm.objects.company_search_params import CompanySearchParams
from hubspot_sdk.types.crm.properties.group_create_params import GroupCreateParams
from hubspot_sdk.types.crm.property_create_params import PropertyCreateParams
from hubspot_sdk.types.crm.public_or_filter_branch import PublicOrFilterBranch
from hubspot_sdk.types.shared.property_create import PropertyCreate
from hubspot_sdk.types.shared_params.option_input import OptionInput
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, with_config

from crmsync.connectors.hubspot.transport import Request
from crmsync.errors import Rejected
from crmsync.model.outputs import ListDefinition, Option
from crmsync.model.plan import Update

Sent = list[tuple[str, str, dict[str, Any]]]

#: Path ending -> the v3 package's client and model, and the SDK's type.
MODELS: dict[str, tuple[type, str, type]] = {
    r"/objects/[^/]+/companies/search$": (V3Objects, "PublicObjectSearchRequest", CompanySearchParams),
    r"/objects/[^/]+/companies/batch/read$": (V3Objects, "BatchReadInputSimplePublicObjectId", BatchGetParams),
    r"/objects/[^/]+/companies/batch/update$": (V3Objects, "BatchInputSimplePublicObjectBatchInput", BatchUpdateParams),
    r"/associations/.*/batch/read$": (
        V4Associations,
        "BatchInputPublicFetchAssociationsBatchRequest",
        AssociationsRead,
    ),
    r"/properties/.*/groups$": (V3Properties, "PropertyGroupCreate", GroupCreateParams),
    r"/properties/.*/batch/create$": (V3Properties, "BatchInputPropertyCreate", PropertyCreate),
    r"/properties/[^/]+/companies$": (V3Properties, "PropertyCreate", PropertyCreateParams),
    r"/properties/[^/]+/companies/abm_tier$": (V3Properties, "PropertyUpdate", OptionInput),
    r"/lists/[^/]+$": (V3Lists, "ListCreateRequest", ListCreateParams),
    r"/lists/[^/]+/search$": (V3Lists, "ListSearchRequest", ListListBySearchParams),
}


def _record(portal: Portal) -> Sent:
    """Everything that the connector can send, as it sends it."""
    sent: Sent = []
    crm = portal.connect()
    call = crm.transport.call

    def recording(request: Request[Any]) -> Any:
        if request.body is not None:
            sent.append((request.method, request.path, request.body))
        if request.path.endswith("/companies/batch/create") and len(request.body["inputs"]) == 5:
            # A batch that is refused as a whole, so that its properties are created one by one.
            raise Rejected("refused", status=400)
        return call(request)

    crm.transport.call = recording  # type: ignore[method-assign]  # a recorder around the real one
    crm.ensure_schema(OUTPUTS[:3])
    wider = dataclasses.replace(OUTPUTS[0], options=(*OUTPUTS[0].options, Option("tier_2", "Tier 2")))
    crm.ensure_schema([wider])
    crm.ensure_schema(OUTPUTS[3:])
    assert crm.missing_schema(OUTPUTS, []) == []
    lists = [
        ListDefinition("ABM: Tier 1", "company", "tier", "tier_1"),
        ListDefinition("ABM: Gap revenue", "company", "data_gaps", "revenue", multi=True),
        ListDefinition("ABM: Cold", "company", "cold", "true"),
    ]
    crm.ensure_lists(lists)
    list(crm.pull("company", ["name"]))
    list(crm.changes("company", ["name", "abm_tier"], datetime(2000, 1, 1, tzinfo=UTC)))
    crm.newest("company", ["name", "abm_tier"], datetime(2000, 1, 1, tzinfo=UTC))
    crm.read("company", ["1000", "1007"], ["name"])
    crm.associations("company", "contact", ["1000"])
    crm.write("company", [Update("1000", {"abm_tier": "tier_1", "abm_data_gaps": ""})])
    return sent


def _v3(client: type, model: str, body: dict[str, Any]) -> dict[str, Any]:
    """Through the v3 model and back: a missing field raises, an unknown one is lost."""
    configuration = Configuration()
    configuration.client_side_validation = True
    with client(configuration) as api:
        made = api._ApiClient__deserialize(body, model)
        back: dict[str, Any] = api.sanitize_for_serialization(made)
        return back


def _check_v3(client: type, model: str, body: dict[str, Any]) -> None:
    for part, said in _v3_parts(model, body):
        assert _v3(client, part, said) == said, part


def _v3_parts(model: str, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """A list's filter level by level: v3's generator folds each union into whichever model comes first."""
    if model != "ListCreateRequest":
        return [(model, body)]
    root = body["filterBranch"]
    (inner,) = root["filterBranches"]
    (leaf,) = inner["filters"]
    operation = leaf["operation"]
    kind = {"BOOL": "PublicBoolPropertyOperation", "ENUMERATION": "PublicEnumerationPropertyOperation"}
    return [
        (model, {key: value for key, value in body.items() if key != "filterBranch"}),
        ("PublicOrFilterBranch", root | {"filterBranches": []}),
        ("PublicAndFilterBranch", inner | {"filters": []}),
        (kind[operation["operationType"]], operation),
    ]


def _sdk(type_: type, body: dict[str, Any]) -> Any:
    """Through the SDK's type and back to the wire's names."""
    if issubclass(type_, BaseModel):
        return _model(type_, body)
    with_config(ConfigDict(extra="forbid"))(type_)
    return transform(_listed(TypeAdapter(type_).validate_python(_snake(body))), type_)


def _model(type_: type[BaseModel], body: dict[str, Any]) -> dict[str, Any]:
    made = type_.model_validate(body, strict=True)
    assert not list(_extras(made))
    return made.model_dump(by_alias=True, exclude_unset=True, mode="json")


def _extras(value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from (value.model_extra or {}).keys()
        for name in type(value).model_fields:
            yield from _extras(getattr(value, name))
    elif isinstance(value, list):
        for one in value:
            yield from _extras(one)


def _snake(value: Any) -> Any:
    if isinstance(value, list):
        return [_snake(one) for one in value]
    if not isinstance(value, dict):
        return value
    names = {key: re.sub(r"[A-Z]", lambda letter: f"_{letter[0].lower()}", key) for key in value}
    # Keys below `properties` are property names, not fields.
    return {names[key]: one if key == "properties" else _snake(one) for key, one in value.items()}


def _listed(value: Any) -> Any:
    """Pydantic validates an Iterable only as it is consumed."""
    if isinstance(value, dict):
        return {key: _listed(one) for key, one in value.items()}
    if isinstance(value, str) or not hasattr(value, "__iter__"):
        return value
    return [_listed(one) for one in value]


def _check_sdk(type_: type, body: dict[str, Any]) -> None:
    match type_.__name__:
        case "PropertyCreate":
            assert body.keys() == {"inputs"}
            parts = [(type_, one) for one in body["inputs"]]
        case "OptionInput":
            assert body.keys() == {"options"}
            parts = [(type_, one) for one in body["options"]]
        case "ListCreateParams":
            # The recursive type of the branch breaks pydantic where it is lazy; the answer's model says the same.
            rest = {key: value for key, value in body.items() if key != "filterBranch"}
            parts = [(type_, rest), (PublicOrFilterBranch, body["filterBranch"])]
        case _ if type_ is AssociationsRead:
            # The SDK keeps this part of the path among the fields of the body.
            parts = [(type_, body | {"fromObjectType": "companies"})]
        case _:
            parts = [(type_, body)]
    for part, said in parts:
        assert _sdk(part, said) == said


def test_every_body_is_what_hubspots_own_models_allow(portal: Open) -> None:
    sent = _record(portal(companies=companies(2_500)))
    seen = set()
    for _, path, body in sent:
        (matching,) = [ending for ending in MODELS if re.search(ending, path.replace("/contacts", "/companies"))]
        client, model, type_ = MODELS[matching]
        _check_v3(client, model, body)
        _check_sdk(type_, body)
        seen.add(matching)
    assert seen == set(MODELS)


def test_the_models_do_refuse_a_wrong_body() -> None:
    good = {"filterGroups": [], "sorts": ["hs_object_id"], "properties": ["name"], "limit": 1, "after": "0"}
    assert _sdk(CompanySearchParams, good) == good
    with pytest.raises(ValidationError):
        _sdk(CompanySearchParams, good | {"offset": "0"})
    with pytest.raises(ValidationError):
        _sdk(CompanySearchParams, {key: value for key, value in good.items() if key != "after"})
    assert _v3(V3Objects, "PublicObjectSearchRequest", good | {"offset": "0"}) == good
    with pytest.raises(ValueError, match="inputs"):
        _v3(V3Objects, "BatchReadInputSimplePublicObjectId", {"properties": [], "propertiesWithHistory": []})
