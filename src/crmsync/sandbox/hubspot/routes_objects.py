"""Objects: list, read, write, archive, merge, one at a time and in batches."""

from collections.abc import Iterable, Sequence
from typing import Any

from crmsync.sandbox.hubspot.kinds import (
    CHILD_TO_PARENT,
    CONTACTS,
    DEFAULT_TYPES,
    KINDS,
    PARENT_TO_CHILD,
    PRIMARY_TYPES,
    Kind,
    kind_of,
)
from crmsync.sandbox.hubspot.merge import erase_contact, merge
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.wire import (
    ApiError,
    Call,
    Json,
    Reply,
    invalid,
    iso,
    limit_of,
    not_found,
    object_id,
)
from crmsync.sandbox.hubspot.writes import by_id_property, commit, prepare

BATCH = 100
PAGE, PAGE_WITH_HISTORY = 100, 50


def list_objects(portal: Portal, call: Call) -> Reply:
    """GET /{type}: a page in order of id; `after` is the id of the next record."""
    kind = kind_of(call.args[0])
    history = call.many("propertiesWithHistory")
    limit = limit_of(call, 10, PAGE_WITH_HISTORY if history else PAGE)
    after = call.one("after")
    start = 0 if after is None else object_id(after)
    if start is None:
        raise invalid(f"Invalid paging token: {after}")
    ids, following = portal.table(kind).page(start, limit, call.flag("archived"))
    results = portal.records(kind, ids, call.many("properties"), history)
    _associate(portal, kind, ids, results, call.many("associations"))
    body: Json = {"results": results}
    if following is not None:
        body["paging"] = {"next": {"after": str(following), "link": f"{call.path}?limit={limit}&after={following}"}}
    return Reply(200, body)


def _associate(portal: Portal, kind: Kind, ids: Sequence[int], results: list[Json], others: Iterable[str]) -> None:
    for name in others:
        other = kind_of(name)
        for id_, body in zip(ids, results, strict=True):
            linked = portal.web.of((kind.name, other.name), id_)
            found = [
                {"id": str(to), "type": type_}
                for to, types in linked.items()
                if portal.table(other).live(to)
                for type_ in _type_names(portal, kind, other, types)
            ]
            if found:
                body.setdefault("associations", {})[other.name] = {"results": found}


def _type_names(portal: Portal, kind: Kind, other: Kind, types: Iterable[int]) -> list[str]:
    """Association types as object reads name them: the primary one plainly, the unlabelled one beside it as such."""
    plain = f"{kind.singular}_to_{other.singular}"
    names = {PARENT_TO_CHILD: "parent_to_child_company", CHILD_TO_PARENT: "child_to_parent_company"}
    if (kind.name, other.name) in PRIMARY_TYPES:
        names[DEFAULT_TYPES[kind.name, other.name]] = f"{plain}_unlabeled"
    known = [type_ for type_ in sorted(types) if portal.labels.known(type_)]
    return [names.get(type_) or portal.labels.name(type_) or plain for type_ in known]


def _target(portal: Portal, kind: Kind, call: Call, verb: str) -> int:
    """The record a single call names, following merges; 404 where there is none."""
    text, table = call.args[1], portal.table(kind)
    name = call.one("idProperty")
    if name is not None and name != "hs_object_id":
        id_ = by_id_property(portal, kind, name, [text], verb).get(text)
    else:
        id_ = object_id(text)
        id_ = table.survivor(id_) if id_ is not None else None
    archived = call.flag("archived")
    if id_ is None or not table.exists(id_) or table.live(id_) == archived:
        raise not_found("resource not found")
    return id_


def get_object(portal: Portal, call: Call) -> Reply:
    """GET /{type}/{id}: also by the id of a merged-away record."""
    kind = kind_of(call.args[0])
    id_ = _target(portal, kind, call, "read")
    results = portal.records(kind, [id_], call.many("properties"), call.many("propertiesWithHistory"))
    _associate(portal, kind, [id_], results, call.many("associations"))
    return Reply(200, results[0])


def create_object(portal: Portal, call: Call) -> Reply:
    """POST /{type}."""
    kind = kind_of(call.args[0])
    body = call.json()
    links = _requested_links(portal, kind, body)
    id_ = commit(portal, prepare(portal, kind, body.get("properties", {}), None))
    for pair, to, types in links:
        portal.link(pair, id_, to, types)
    return Reply(201, _written(portal, kind, [(id_, body)])[0])


def _requested_links(portal: Portal, kind: Kind, body: Json) -> list[tuple[tuple[str, str], int, set[int]]]:
    links = []
    for wanted in body.get("associations") or []:
        types = {int(spec["associationTypeId"]) for spec in wanted.get("types", [])}
        to = object_id(wanted.get("to", {}).get("id"))
        other = next((k for k in KINDS if types and types <= portal.labels.types((kind.name, k.name))), None)
        if to is None or other is None or not portal.table(other).live(to):
            raise invalid("Invalid association: the record or the association type does not exist")
        links.append(((kind.name, other.name), to, types))
    return links


def update_object(portal: Portal, call: Call) -> Reply:
    """PATCH /{type}/{id}: also by the id of a merged-away record."""
    kind = kind_of(call.args[0])
    id_ = _target(portal, kind, call, "update")
    body = call.json()
    commit(portal, prepare(portal, kind, body.get("properties", {}), id_))
    return Reply(200, _written(portal, kind, [(id_, body)])[0])


def archive_object(portal: Portal, call: Call) -> Reply:
    """DELETE /{type}/{id}: into the recycle bin; a record that is not there is no error."""
    kind = kind_of(call.args[0])
    id_ = object_id(call.args[1])
    if id_ is not None and portal.table(kind).live(id_):
        portal.table(kind).archive(id_, portal.clock.now_ms())
    return Reply(204)


def merge_objects(portal: Portal, call: Call) -> Reply:
    """POST /{type}/merge: a new record takes the place of both."""
    kind = kind_of(call.args[0])
    body = call.json()
    first, second = object_id(body.get("primaryObjectId")), object_id(body.get("objectIdToMerge"))
    if first is None or second is None:
        raise invalid("primaryObjectId and objectIdToMerge are required")
    new = merge(portal, kind, first, second)
    return Reply(200, portal.records(kind, [new])[0])


def gdpr_delete(portal: Portal, call: Call) -> Reply:
    """POST /contacts/gdpr-delete: the contact and its history are gone."""
    if kind_of(call.args[0]) is not CONTACTS:
        raise not_found()
    body = call.json()
    text = str(body.get("objectId", ""))
    name = body.get("idProperty")
    found = by_id_property(portal, CONTACTS, name, [text], "delete")
    if text in found:
        erase_contact(portal, found[text])
    return Reply(204)


# -- batches


def _inputs(call: Call, most: int = BATCH) -> list[Json]:
    inputs = call.json().get("inputs")
    if not isinstance(inputs, list) or not all(isinstance(i, dict) for i in inputs):
        raise invalid("Invalid input JSON: inputs must be a list of objects")
    if not inputs:
        raise invalid("Some required fields were not set: [inputs]")
    if len(inputs) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request for this endpoint is {most}")
    return inputs


def _no_doubles(keys: Sequence[Any]) -> None:
    seen: set[Any] = set()
    for key in keys:
        if key in seen:
            raise invalid(f"Duplicate IDs found in batch input: [{key}]. IDs must be unique")
        seen.add(key)


def _batch(portal: Portal, started: int, results: list[Json], errors: Sequence[Json], good: int) -> Reply:
    body: Json = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso(started),
        "completedAt": iso(portal.clock.now_ms()),
    }
    if errors:
        body["numErrors"] = len(errors)
        body["errors"] = list(errors)
    return Reply(207 if errors else good, body)


def missing_error(kind: Kind, ids: Sequence[str]) -> Json:
    """One error that groups every id that was not found, in HubSpot's words."""
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "message": f"Could not get some {kind.singular.upper()} objects, they may be deleted or not exist. "
        "Check that ids are valid.",
        "context": {"ids": list(ids)},
        "errors": [],
        "links": {},
    }


def batch_read(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/read: up to 100; 207 where some are not found."""
    kind, started, inputs = kind_of(call.args[0]), portal.clock.now_ms(), _inputs(call)
    body, table = call.json(), portal.table(kind)
    name = body.get("idProperty")
    keys = list(dict.fromkeys(str(i.get("id", "")) for i in inputs))
    if call.flag("archived"):
        found = {k: i for k in keys if (i := object_id(k)) is not None and i in table.archived}
    else:
        known = {k: table.survivor(i) for k in keys if name is None and (i := object_id(k)) is not None}
        found = {k: i for k, i in known.items() if table.live(i)} or by_id_property(portal, kind, name, keys, "read")
    ids = list(dict.fromkeys(found[key] for key in keys if key in found))
    results = portal.records(kind, ids, body.get("properties") or (), body.get("propertiesWithHistory") or ())
    lost = [key for key in keys if key not in found]
    return _batch(portal, started, results, [missing_error(kind, lost)] if lost else [], 200)


def batch_update(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/update: one bad value refuses all; unknown ids are grouped in a 207.

    An id that was merged away is missing from results and errors alike (hubspot.md section 4).
    """
    kind, started, inputs = kind_of(call.args[0]), portal.clock.now_ms(), _inputs(call)
    name = _batch_id_property(inputs)
    keys = [str(i.get("id", "")) for i in inputs]
    _no_doubles(keys)
    found = by_id_property(portal, kind, name, keys, "update")
    merged = portal.table(kind).merged
    names = {name for item in inputs if isinstance(item.get("properties"), dict) for name in item["properties"]}
    before = {row.id: row for row in portal.table(kind).fetch(list(found.values()), names)}
    writes, lost = [], []
    for key, item in zip(keys, inputs, strict=True):
        if key in found and found[key] not in call.vanished:
            id_ = found[key]
            writes.append((prepare(portal, kind, item.get("properties", {}), id_, before[id_]), item))
        elif key not in found and object_id(key) not in merged:
            lost.append(key)
    done = [(commit(portal, write), item) for write, item in writes]
    results = _written(portal, kind, done)
    return _batch(portal, started, results, [missing_error(kind, lost)] if lost else [], 200)


def _batch_id_property(inputs: Sequence[Json]) -> str | None:
    names = {item.get("idProperty") for item in inputs}
    if len(names) > 1:
        raise invalid("All inputs of a batch must have the same idProperty")
    name = names.pop()
    return None if name is None else str(name)


def _written(portal: Portal, kind: Kind, done: Sequence[tuple[int, Json]]) -> list[Json]:
    """Records after a write: the properties that were written, beside the system ones."""
    names = list(dict.fromkeys(name for _, item in done for name in item.get("properties", {})))
    bodies = portal.records(kind, [id_ for id_, _ in done], names or ("hs_object_id",))
    for body, (_, item) in zip(bodies, done, strict=True):
        mine = {"hs_object_id", "createdate", kind.modified, *item.get("properties", {})}
        body["properties"] = {name: value for name, value in body["properties"].items() if name in mine}
        if item.get("objectWriteTraceId") is not None:
            body["objectWriteTraceId"] = str(item["objectWriteTraceId"])
    return bodies


def batch_create(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/create: all or nothing, unless every input has its own objectWriteTraceId."""
    kind, started, inputs = kind_of(call.args[0]), portal.clock.now_ms(), _inputs(call)
    traces = [item.get("objectWriteTraceId") for item in inputs]
    partial = all(traces) and len(set(traces)) == len(traces)
    addresses = [str(e).lower() for item in inputs if (e := (item.get("properties") or {}).get("email"))]
    if kind is CONTACTS:
        _no_doubles(addresses)
    ready, errors = [], []
    for item in inputs:
        try:
            links = _requested_links(portal, kind, item)
            ready.append((prepare(portal, kind, item.get("properties", {}), None), links, item))
        except ApiError as fault:
            if not partial:
                raise
            errors.append(_traced(fault, item))
    done = []
    for write, links, item in ready:
        id_ = commit(portal, write)
        for pair, to, types in links:
            portal.link(pair, id_, to, types)
        done.append((id_, item))
    return _batch(portal, started, _written(portal, kind, done), errors, 201)


def _traced(fault: ApiError, item: Json) -> Json:
    return {
        "status": "error",
        "category": fault.category,
        "message": fault.message,
        "context": {"objectWriteTraceId": [str(item["objectWriteTraceId"])]},
        "errors": fault.extra.get("errors", []),
        "links": {},
    }


def batch_upsert(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/upsert by a unique property: updates what is there, creates the rest."""
    kind, started, inputs = kind_of(call.args[0]), portal.clock.now_ms(), _inputs(call)
    name = _batch_id_property(inputs)
    if name is None:
        raise invalid("idProperty is required for upsert")
    keys = [str(i.get("id", "")) for i in inputs]
    _no_doubles([key.lower() for key in keys])
    found = by_id_property(portal, kind, name, keys, "upsert")
    ready = [
        (prepare(portal, kind, {name: key} | item.get("properties", {}), found.get(key)), item)
        for key, item in zip(keys, inputs, strict=True)
    ]
    results = []
    for write, item in ready:
        id_ = commit(portal, write)
        results.append(_written(portal, kind, [(id_, item)])[0] | {"new": write.id is None})
    return _batch(portal, started, results, [], 200)


def batch_archive(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/archive: ids that are not there are no error."""
    kind = kind_of(call.args[0])
    table, now = portal.table(kind), portal.clock.now_ms()
    for item in _inputs(call):
        id_ = object_id(item.get("id"))
        if id_ is not None and table.live(id_):
            table.archive(id_, now)
    return Reply(204)
