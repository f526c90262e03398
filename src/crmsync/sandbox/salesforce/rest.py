"""Single records over REST: create, read, update, delete, by id and by external id (salesforce.md 1.2, 2.3, 2.6)."""

from collections.abc import Mapping, Sequence
from typing import Any

from crmsync.sandbox.salesforce import errors, ids
from crmsync.sandbox.salesforce.errors import Json
from crmsync.sandbox.salesforce.org import Org, Row
from crmsync.sandbox.salesforce.schema import Field, ObjectSpec
from crmsync.sandbox.salesforce.values import OrgError, from_json
from crmsync.sandbox.salesforce.wire import Call, Reply, Route, Service


def spec_of(org: Org, name: str) -> ObjectSpec:
    """The object of an address. Raises the 404 of one that does not exist."""
    spec = org.spec(name)
    if spec is None:
        raise errors.not_found()
    return spec


def url_of(call: Call, spec: ObjectSpec, id_: str) -> str:
    """The address of a record, as `attributes` carry it."""
    return f"/services/data/v{call.version}/sobjects/{spec.name}/{id_}"


def document(call: Call, spec: ObjectSpec, row: Row, fields: Sequence[Field]) -> Json:
    """A record with its attributes and those fields."""
    shown = {one.name: row.fields.get(one.name) for one in fields}
    return {"attributes": {"type": spec.name, "url": url_of(call, spec, row.id)}, **shown}


def fields_of(spec: ObjectSpec, names: Sequence[str]) -> list[Field]:
    """Readable fields by name, all of them without names. Raises the 400 INVALID_FIELD."""
    if not names:
        return [one for one in spec.fields.values() if one.readable]
    found = [spec.readable(name) for name in names]
    for name, one in zip(names, found, strict=True):
        if one is None:
            raise errors.refuse(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {spec.name}")
    return [one for one in found if one is not None]


def existing(org: Org, spec: ObjectSpec, text: str) -> Row:
    """A live record for reading. Raises 404: NOT_FOUND for an unknown id, ENTITY_IS_DELETED for one in the bin."""
    id_ = ids.canonical(text)
    if id_ is None:
        message = f"Provided external ID field does not exist or is not accessible: {text}"
        raise errors.refuse(404, "NOT_FOUND", message)
    row = org.get(spec.name, id_)
    if row is None:
        raise errors.not_found()
    if row.is_deleted:
        raise errors.of(OrgError("ENTITY_IS_DELETED", "entity is deleted"))
    return row


def by_external(org: Org, spec: ObjectSpec, name: str, text: str) -> tuple[Field, list[str]]:
    """The external-id field of an address and the live records that have the value."""
    one = spec.readable(name)
    if one is None or not (one.external_id or one.type == "id"):
        message = f"Provided external ID field does not exist or is not accessible: {name}"
        raise errors.refuse(404, "NOT_FOUND", message)
    value = from_json(one, text)
    found = [ids.canonical(text) or ""] if one.type == "id" else org.records[spec.name].indexed(one.name, str(value))
    rows = [row for id_ in found if (row := org.get(spec.name, id_)) is not None and not row.is_deleted]
    return one, [row.id for row in rows]


def linked(org: Org, spec: ObjectSpec, given: Mapping[str, Any]) -> Json:
    """The values with every parent named by its external id (`"Account": {"Ext__c": "x"}`) as a reference."""
    made: Json = {}
    for name, value in given.items():
        if name == "attributes":
            continue
        one = spec.relationship(name) if isinstance(value, dict) else None
        if one is None:
            made[name] = value
            continue
        named = {key: text for key, text in value.items() if key != "attributes"}
        parent = org.spec(one.refers_to[0])
        if parent is None or len(named) != 1:
            raise OrgError("INVALID_FIELD", f"A single external id is expected for relationship {name}")
        (key, text), *_ = named.items()
        _, found = by_external(org, parent, key, str(text))
        if len(found) != 1:
            message = f"Foreign key external ID: {str(text).lower()} not found for field {key} in entity {parent.name}"
            raise OrgError("INVALID_FIELD", message)
        made[one.name] = found[0]
    return made


def upsert(org: Org, spec: ObjectSpec, one: Field, found: list[str], text: str, given: Mapping[str, Any],
           user: str) -> tuple[str, bool]:  # fmt: skip
    """Updates the one record that was found, or makes it; returns its id and whether it was made. Raises OrgError."""
    if found:
        org.update(spec.name, found[0], given, user)
        return found[0], False
    if one.type == "id":
        raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    return org.create(spec.name, {**given, one.name: text}, user), True


def _saved(id_: str, **more: Any) -> Json:
    return {"id": id_, "success": True, "errors": [], **more}


def create(service: Service, call: Call) -> Reply:
    """`POST sobjects/{object}`: 201 with the id."""
    spec = spec_of(service.org, call.args[0])
    given = linked(service.org, spec, call.record())
    return Reply(201, _saved(service.org.create(spec.name, given, call.user)))


def read(service: Service, call: Call) -> Reply:
    """`GET sobjects/{object}/{id}?fields=`."""
    spec = spec_of(service.org, call.args[0])
    names = [name.strip() for name in (call.one("fields") or "").split(",") if name.strip()]
    row = existing(service.org, spec, call.args[1])
    return Reply(200, document(call, spec, row, fields_of(spec, names)))


def _id(text: str) -> str:
    id_ = ids.canonical(text)
    if id_ is None:
        message = f"Provided external ID field does not exist or is not accessible: {text}"
        raise errors.refuse(404, "NOT_FOUND", message)
    return id_


def update(service: Service, call: Call) -> Reply:
    """`PATCH sobjects/{object}/{id}`: 204."""
    spec = spec_of(service.org, call.args[0])
    id_, given = _id(call.args[1]), linked(service.org, spec, call.record())
    if any(name.lower() == "id" for name in given):
        message = "The Id field should not be specified in the sobject data."
        raise errors.refuse(400, "INVALID_FIELD", message)
    service.org.update(spec.name, id_, given, call.user)
    return Reply(204)


def delete(service: Service, call: Call) -> Reply:
    """`DELETE sobjects/{object}/{id}`: 204, the record is in the recycle bin."""
    spec = spec_of(service.org, call.args[0])
    service.org.delete(spec.name, _id(call.args[1]), call.user)
    return Reply(204)


def _external(service: Service, call: Call) -> tuple[ObjectSpec, Field, list[str]]:
    spec = spec_of(service.org, call.args[0])
    one, found = by_external(service.org, spec, call.args[1], call.args[2])
    if len(found) > 1:
        raise errors.ApiError(300, [url_of(call, spec, id_) for id_ in found])
    return spec, one, found


def read_external(service: Service, call: Call) -> Reply:
    """`GET sobjects/{object}/{field}/{value}`: 300 with addresses where several match."""
    spec, _, found = _external(service, call)
    if not found:
        raise errors.not_found()
    names = [name.strip() for name in (call.one("fields") or "").split(",") if name.strip()]
    return Reply(200, document(call, spec, existing(service.org, spec, found[0]), fields_of(spec, names)))


def upsert_external(service: Service, call: Call) -> Reply:
    """`PATCH sobjects/{object}/{field}/{value}`: 201 where the record is new, else 200; `created` says it again."""
    spec, one, found = _external(service, call)
    given = linked(service.org, spec, call.record())
    if any(name.lower() in {"id", one.name.lower()} for name in given):
        message = f"The {one.name} field should not be specified in the sobject data."
        raise errors.refuse(400, "INVALID_FIELD", message)
    id_, made = upsert(service.org, spec, one, found, call.args[2], given, call.user)
    return Reply(201 if made else 200, _saved(id_, created=made))


def delete_external(service: Service, call: Call) -> Reply:
    """`DELETE sobjects/{object}/{field}/{value}`."""
    spec, _, found = _external(service, call)
    if not found:
        raise errors.not_found()
    service.org.delete(spec.name, found[0], call.user)
    return Reply(204)


ROUTES = (
    Route("POST", "sobjects/{}", create),
    Route("GET", "sobjects/{}/{}", read),
    Route("PATCH", "sobjects/{}/{}", update),
    Route("DELETE", "sobjects/{}/{}", delete),
    Route("GET", "sobjects/{}/{}/{}", read_external),
    Route("PATCH", "sobjects/{}/{}/{}", upsert_external),
    Route("DELETE", "sobjects/{}/{}/{}", delete_external),
)
