"""Up to 200 records a call: `composite/sobjects` (salesforce.md 2.3).

Prevents a client from reading a 200 as success: each record has its own result, in the order of the request, and its
errors say `statusCode` where single records say `errorCode`.
"""

from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from crmsync.sandbox.salesforce import errors, ids, rest
from crmsync.sandbox.salesforce.errors import Json
from crmsync.sandbox.salesforce.schema import ObjectSpec
from crmsync.sandbox.salesforce.values import OrgError
from crmsync.sandbox.salesforce.wire import Call, Reply, Route, Service

MOST_RECORDS, MOST_CHUNKS, MOST_READ = 200, 10, 2_000
_WHOLE = frozenset({"JSON_PARSER_ERROR", "INVALID_FIELD"})
"""Refusals of the request as such: a body that does not fit the objects is malformed, which answers 400."""

Work = Callable[[Mapping[str, Any]], Json]


def _too_many(most: int) -> errors.ApiError:
    message = f"record limit reached. cannot submit more than {most} records in this request"
    return errors.refuse(400, "EXCEEDED_ID_LIMIT", message)


def _all_or_none(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _records(service: Service, call: Call) -> tuple[list[Json], bool]:
    body = call.record()
    records = body.get("records")
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise errors.refuse(400, "JSON_PARSER_ERROR", "records: an array of records is expected at [line:1, column:1]")
    if len(records) > MOST_RECORDS:
        raise _too_many(MOST_RECORDS)
    kinds = [str((one.get("attributes") or {}).get("type")) for one in records]
    for kind in kinds:
        if service.org.spec(kind) is None:
            raise errors.no_type(kind)
    if len(list(groupby(kinds))) > MOST_CHUNKS:
        message = "Cannot have more than 10 chunks in a single operation. Please rearrange the data to reduce chunking."
        raise errors.refuse(400, "LIMIT_EXCEEDED", message)
    return records, _all_or_none(body.get("allOrNone"))


def _each(service: Service, items: list[Json], all_or_none: bool, work: Work) -> Reply:
    org, results, failed = service.org, [], False
    start = org.savepoint()
    for item in items:
        mark = org.savepoint()
        try:
            results.append(work(item))
        except OrgError as refusal:
            if refusal.code in _WHOLE:
                raise
            org.rollback(mark)
            failed = True
            results.append({"success": False, "errors": [errors.in_collection(refusal)]})
    if failed and all_or_none:
        org.rollback(start)
        results = [_rolled_back() if one["success"] else one for one in results]
    return Reply(200, results)


def _rolled_back() -> Json:
    message = "Record rolled back because not all records were valid and the request was using AllOrNone header"
    return {
        "success": False,
        "errors": [{"statusCode": "ALL_OR_NONE_OPERATION_ROLLED_BACK", "message": message, "fields": []}],
    }


def _known(service: Service, item: Mapping[str, Any]) -> ObjectSpec:
    return rest.spec_of(service.org, str(item["attributes"]["type"]))


def _key(item: Mapping[str, Any]) -> tuple[str | None, Json]:
    """The id that a record carries, in whatever case its name is, and the rest."""
    rest_of = {name: value for name, value in item.items() if name.lower() != "id"}
    given = next((value for name, value in item.items() if name.lower() == "id"), None)
    return (None if given is None else str(given)), rest_of


def create(service: Service, call: Call) -> Reply:
    """`POST composite/sobjects`."""
    records, all_or_none = _records(service, call)

    def work(item: Mapping[str, Any]) -> Json:
        spec = _known(service, item)
        given = rest.linked(service.org, spec, item)
        return {"id": service.org.create(spec.name, given, call.user), "success": True, "errors": []}

    return _each(service, records, all_or_none, work)


def update(service: Service, call: Call) -> Reply:
    """`PATCH composite/sobjects`."""
    records, all_or_none = _records(service, call)

    def work(item: Mapping[str, Any]) -> Json:
        spec = _known(service, item)
        text, given = _key(item)
        if text is None:
            raise OrgError("MISSING_ARGUMENT", "Id not specified in an update call")
        id_ = ids.canonical(text)
        if id_ is None or id_[:3] != spec.prefix:
            raise OrgError("MALFORMED_ID", f"{spec.label} ID: id value of incorrect type: {text}", ["Id"])
        service.org.update(spec.name, id_, rest.linked(service.org, spec, given), call.user)
        return {"id": id_, "success": True, "errors": []}

    return _each(service, records, all_or_none, work)


def delete(service: Service, call: Call) -> Reply:
    """`DELETE composite/sobjects?ids=A,B&allOrNone=`."""
    texts = [text.strip() for text in (call.one("ids") or "").split(",") if text.strip()]
    if not texts:
        raise errors.refuse(400, "MISSING_ARGUMENT", "The ids parameter is required")
    if len(texts) > MOST_RECORDS:
        raise _too_many(MOST_RECORDS)

    def work(item: Mapping[str, Any]) -> Json:
        id_ = ids.canonical(item["id"])
        name = service.org.object_of(id_) if id_ is not None else None
        if id_ is None or name is None:
            raise OrgError("MALFORMED_ID", f"malformed id {item['id']}", ["Id"])
        service.org.delete(name, id_, call.user)
        return {"id": id_, "success": True, "errors": []}

    return _each(service, [{"id": text} for text in texts], call.flag("allOrNone"), work)


def upsert(service: Service, call: Call) -> Reply:
    """`PATCH composite/sobjects/{object}/{field}`: each result says `created`."""
    spec = rest.spec_of(service.org, call.args[0])
    records, all_or_none = _records(service, call)
    one, _ = rest.by_external(service.org, spec, call.args[1], "")

    def work(item: Mapping[str, Any]) -> Json:
        if _known(service, item) is not spec:
            raise OrgError("INVALID_TYPE", f"a record of type {spec.name} is expected")
        text, given = _key(item)
        if one.type != "id":
            if text is not None:
                raise OrgError("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", ["Id"])
            text = next((str(v) for k, v in given.items() if k.lower() == one.name.lower() and v is not None), None)
            given = {name: value for name, value in given.items() if name.lower() != one.name.lower()}
        if not text:
            raise OrgError("MISSING_ARGUMENT", f"{one.name} not specified")
        _, found = rest.by_external(service.org, spec, one.name, text)
        if len(found) > 1:
            message = f"duplicate external id: {one.name}, {text}"
            raise OrgError("DUPLICATE_EXTERNAL_ID", message, [one.name])
        id_, made = rest.upsert(service.org, spec, one, found, text, rest.linked(service.org, spec, given), call.user)
        return {"id": id_, "success": True, "errors": [], "created": made}

    return _each(service, records, all_or_none, work)


def retrieve(service: Service, call: Call) -> Reply:
    """`GET composite/sobjects/{object}?ids=&fields=`, or POST with both in the body: null for a record not there."""
    spec = rest.spec_of(service.org, call.args[0])
    if call.method == "POST":
        body = call.record()
        texts, names = [str(one) for one in body.get("ids") or []], [str(one) for one in body.get("fields") or []]
    else:
        texts = [text for text in (call.one("ids") or "").split(",") if text]
        names = [name.strip() for name in (call.one("fields") or "").split(",") if name.strip()]
    if not texts or not names:
        raise errors.refuse(400, "MISSING_ARGUMENT", "The ids and fields parameters are required")
    if len(texts) > MOST_READ:
        raise _too_many(MOST_READ)
    fields = rest.fields_of(spec, names)
    shown: list[Json | None] = []
    for text in texts:
        id_ = ids.canonical(text)
        row = service.org.get(spec.name, id_) if id_ is not None else None
        shown.append(rest.document(call, spec, row, fields) if row is not None and not row.is_deleted else None)
    return Reply(200, shown)


ROUTES = (
    Route("POST", "composite/sobjects", create),
    Route("PATCH", "composite/sobjects", update),
    Route("DELETE", "composite/sobjects", delete),
    Route("PATCH", "composite/sobjects/{}/{}", upsert),
    Route("GET", "composite/sobjects/{}", retrieve),
    Route("POST", "composite/sobjects/{}", retrieve),
)
