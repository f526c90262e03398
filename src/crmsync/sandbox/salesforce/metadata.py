"""Custom fields through the Tooling API, and the rights to them (salesforce.md 1.8).

Prevents a bootstrap that forgets field-level security from passing: a field made here is invisible until a permission
set of the API's user grants it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from crmsync.sandbox.salesforce import errors, ids
from crmsync.sandbox.salesforce.errors import Json
from crmsync.sandbox.salesforce.schema import Field, ObjectSpec
from crmsync.sandbox.salesforce.values import OrgError
from crmsync.sandbox.salesforce.wire import Call, Reply, Route, Service

_NAME = re.compile(r"(?!.*__.*__c$)[A-Za-z](?:[A-Za-z0-9]|_(?!_))*(?<!_)__c")
_TYPES = {
    "Text": "string", "LongTextArea": "textarea", "TextArea": "textarea", "Number": "double", "Currency": "currency",
    "Percent": "percent", "Checkbox": "boolean", "Date": "date", "DateTime": "datetime", "Picklist": "picklist",
    "MultiselectPicklist": "multipicklist", "Email": "email", "Url": "url", "Phone": "phone",
}  # fmt: skip
_NAME_OF = {kind: name for name, kind in _TYPES.items() if name != "TextArea"}
_LENGTHS = {"Text": (1, 255), "LongTextArea": (256, 131_072)}
_FIXED = {"TextArea": 255, "Email": 80, "Url": 255, "Phone": 40, "Picklist": 255, "MultiselectPicklist": 4099}


def _wrong(message: str) -> OrgError:
    return OrgError("FIELD_INTEGRITY_EXCEPTION", message)


def _labels(metadata: Mapping[str, Any]) -> tuple[tuple[str, ...], bool]:
    """Values of a picklist, and whether others are refused."""
    value_set = metadata.get("valueSet") or {}
    values = (value_set.get("valueSetDefinition") or {}).get("value") or []
    names = tuple(str(value.get("fullName") or value.get("valueName") or value.get("label")) for value in values)
    if not names:
        raise _wrong("You must specify a valueSet for picklist fields")
    return names, value_set.get("restricted") is True


def _number(metadata: Mapping[str, Any], name: str) -> int:
    value = metadata.get(name)
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise _wrong(f"Must specify '{name}' for a CustomField of type {metadata.get('type')}")
    return int(value)


def field_of(name: str, metadata: Mapping[str, Any]) -> Field:
    """A field from its metadata; nobody may read it yet. Raises OrgError."""
    kind = str(metadata.get("type"))
    if kind not in _TYPES:
        raise _wrong(f"Type: bad value for restricted picklist field: {kind}")
    if not metadata.get("label"):
        raise OrgError("REQUIRED_FIELD_MISSING", "Required fields are missing: [MasterLabel]", ["MasterLabel"])
    length = _FIXED.get(kind, 0)
    if kind in _LENGTHS:
        least, most = _LENGTHS[kind]
        length = _number(metadata, "length")
        if not least <= length <= most:
            raise _wrong(f"Length: must be between {least} and {most}: {length}")
    decimal = kind in {"Number", "Currency", "Percent"}
    precision = _number(metadata, "precision") if decimal else 0
    scale = _number(metadata, "scale") if decimal else 0
    if decimal and not 0 <= scale < precision <= 18:
        raise _wrong("The precision must be between 1 and 18 and above the scale")
    values, restricted = _labels(metadata) if "icklist" in kind else ((), False)
    external = metadata.get("externalId") is True
    required = metadata.get("required") is True
    return Field(
        name, _TYPES[kind], str(metadata["label"]), length=length, precision=precision, scale=scale,
        nillable=kind != "Checkbox" and not required, custom=True, external_id=external,
        unique=metadata.get("unique") is True, restricted=restricted, required=required, values=values,
        readable=required, editable=required,
    )  # fmt: skip


def metadata_of(one: Field) -> Json:
    """The metadata of a field, as it was given."""
    shown: Json = {"label": one.label, "type": _NAME_OF[one.type], "externalId": one.external_id, "unique": one.unique}
    shown |= {"required": one.required}
    if one.type in {"string", "textarea"}:
        shown["length"] = one.length
    if one.type in {"double", "currency", "percent"}:
        shown |= {"precision": one.precision, "scale": one.scale}
    if one.values:
        values = [{"fullName": value, "label": value, "default": False} for value in one.values]
        shown["valueSet"] = {"restricted": one.restricted, "valueSetDefinition": {"sorted": False, "value": values}}
    return shown


def _named(call: Call) -> tuple[str, Json]:
    body = call.record()
    full = body.get("FullName", body.get("fullName"))
    metadata = body.get("Metadata", body.get("metadata"))
    if not isinstance(full, str) or not isinstance(metadata, dict):
        raise OrgError("REQUIRED_FIELD_MISSING", "Required fields are missing: [FullName, Metadata]", ["FullName"])
    return full, metadata


def _spec(service: Service, name: str) -> ObjectSpec:
    spec = service.org.spec(name)
    if spec is None or spec.setup:
        message = f"Entity Enumeration Or ID: bad value for restricted picklist field: {name}"
        raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["TableEnumOrId"])
    return spec


def create(service: Service, call: Call) -> Reply:
    """`POST tooling/sobjects/CustomField` with `{"FullName": "Account.X__c", "Metadata": {...}}`: 201."""
    full, metadata = _named(call)
    object_name, _, name = full.partition(".")
    spec = _spec(service, object_name)
    if not _NAME.fullmatch(name) or len(name) > 43:
        message = (
            "The Field Name can only contain underscores and alphanumeric characters. It must be unique, begin with a "
            "letter, not include spaces, not end with an underscore, and not contain two consecutive underscores."
        )
        raise _wrong(message)
    if spec.field(name) is not None:
        message = f"There is already a field named {name.removesuffix('__c')} on {spec.label}."
        raise OrgError("DUPLICATE_DEVELOPER_NAME", message, ["DeveloperName"])
    made = sum(one.id is not None for other in service.org.objects.values() for one in other.fields.values())
    one = replace(field_of(name, metadata), id=ids.make(ids.PREFIXES["CustomField"], made + 1))
    spec.add(one)
    return Reply(201, {"id": one.id, "success": True, "errors": [], "warnings": [], "infos": []})


def _made(service: Service, text: str) -> tuple[ObjectSpec, Field]:
    id_ = ids.canonical(text)
    for spec in service.org.objects.values():
        for one in spec.fields.values():
            if one.id is not None and one.id == id_:
                return spec, one
    raise errors.not_found()


def read(service: Service, call: Call) -> Reply:
    """`GET tooling/sobjects/CustomField/{id}`."""
    spec, one = _made(service, call.args[0])
    url = f"/services/data/v{call.version}/tooling/sobjects/CustomField/{one.id}"
    shown = {
        "attributes": {"type": "CustomField", "url": url},
        "Id": one.id,
        "DeveloperName": one.name.removesuffix("__c"),
        "TableEnumOrId": spec.name,
        "FullName": f"{spec.name}.{one.name}",
        "Metadata": metadata_of(one),
    }
    return Reply(200, shown)


def update(service: Service, call: Call) -> Reply:
    """`PATCH tooling/sobjects/CustomField/{id}` with the whole metadata: 204. A field keeps its type."""
    spec, one = _made(service, call.args[0])
    _, metadata = _named(call)
    new = field_of(one.name, metadata)
    if new.type != one.type:
        raise _wrong("Cannot change the type of a field that holds data through this sandbox")
    spec.add(replace(new, id=one.id, readable=one.readable, editable=one.editable))
    return Reply(204)


def delete(service: Service, call: Call) -> Reply:
    """`DELETE tooling/sobjects/CustomField/{id}`: 204, the field and what it held are gone."""
    spec, one = _made(service, call.args[0])
    del spec.fields[one.name]
    return Reply(204)


ROUTES = (
    Route("POST", "tooling/sobjects/CustomField", create),
    Route("GET", "tooling/sobjects/CustomField/{}", read),
    Route("PATCH", "tooling/sobjects/CustomField/{}", update),
    Route("DELETE", "tooling/sobjects/CustomField/{}", delete),
)
