"""Property definitions and groups (hubspot.md 2.6)."""

import re
from dataclasses import replace

from crmsync.sandbox.hubspot.catalog import BOOLEANS, FIELD_TYPES, Option, Property
from crmsync.sandbox.hubspot.kinds import Kind, kind_of
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.wire import ApiError, Call, Json, Reply, invalid, iso, not_found

_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
MAX_UNIQUE = 10


def list_properties(portal: Portal, call: Call) -> Reply:
    """GET /{type}: every definition; `archived=true` gives the archived ones."""
    archived = call.flag("archived")
    found = portal.properties[kind_of(call.args[0]).name].values()
    return Reply(200, {"results": [prop.body() for prop in found if prop.archived == archived]})


def _named(portal: Portal, kind: Kind, name: str) -> Property:
    found = portal.definition(kind, name)
    if found is None:
        raise not_found(f'Property "{name}" does not exist for object type "{kind.type_id}"')
    return found


def get_property(portal: Portal, call: Call) -> Reply:
    """GET /{type}/{name}."""
    return Reply(200, _named(portal, kind_of(call.args[0]), call.args[1]).body())


def _option(at: int, item: Json) -> Option:
    for key in ("label", "value", "hidden"):
        if key not in item:
            raise invalid(f"Some required fields were not set: [options[{at}].{key}]")
    return Option(
        str(item["value"]), str(item["label"]), int(item.get("displayOrder", -1)), bool(item["hidden"]),
        str(item.get("description") or ""),
    )  # fmt: skip


def _options(items: list[Json]) -> tuple[Option, ...]:
    options = tuple(_option(at, item) for at, item in enumerate(items))
    values = [option.value for option in options]
    labels = [option.label for option in options]
    if len(set(values)) < len(values) or len(set(labels)) < len(labels):
        raise invalid("Property options must have unique values and labels")
    return options


def _check_types(type_: str, field_type: str, options: tuple[Option, ...]) -> None:
    if type_ not in FIELD_TYPES:
        raise invalid(f"Invalid property type: {type_}. Valid types are {', '.join(sorted(FIELD_TYPES))}")
    if field_type not in FIELD_TYPES[type_]:
        raise invalid(f"Field type {field_type} is not valid for type {type_}")
    if type_ == "enumeration" and not options:
        raise invalid("Enumeration properties must have at least one option")
    if options and type_ not in {"enumeration", "bool"}:
        raise invalid(f"Properties of type {type_} cannot have options")


def _new(portal: Portal, kind: Kind, item: Json) -> Property:
    for key in ("name", "label", "type", "fieldType", "groupName"):
        if not item.get(key):
            raise invalid(f"Some required fields were not set: [{key}]")
    name = str(item["name"])
    if not _NAME.fullmatch(name):
        raise invalid(f"Invalid property name: {name}. Use lower case letters, digits and underscores")
    if portal.definition(kind, name) is not None:
        raise ApiError(
            409, "OBJECT_ALREADY_EXISTS", f'Property "{name}" already exists',
            subCategory="Properties.PROPERTY_ALREADY_EXISTS",
        )  # fmt: skip
    if item["groupName"] not in portal.groups[kind.name]:
        raise invalid(f'Property group "{item["groupName"]}" does not exist')
    options = _options(item.get("options") or [])
    _check_types(item["type"], item["fieldType"], options)
    unique = bool(item.get("hasUniqueValue"))
    if unique and sum(p.unique and not p.native for p in portal.properties[kind.name].values()) >= MAX_UNIQUE:
        raise invalid(f"An object type has at most {MAX_UNIQUE} unique properties")
    now = portal.clock.now_ms()
    return Property(
        name=name, label=str(item["label"]), type=item["type"], field_type=item["fieldType"], group=item["groupName"],
        options=BOOLEANS if item["type"] == "bool" and not options else options,
        description=str(item.get("description") or ""), unique=unique, hidden=bool(item.get("hidden")),
        form_field=bool(item.get("formField")), order=int(item.get("displayOrder", -1)), created=now, updated=now,
    )  # fmt: skip


def create_property(portal: Portal, call: Call) -> Reply:
    """POST /{type}."""
    kind = kind_of(call.args[0])
    made = _new(portal, kind, call.json())
    portal.properties[kind.name][made.name] = made
    return Reply(201, made.body())


def update_property(portal: Portal, call: Call) -> Reply:
    """PATCH /{type}/{name}: name and uniqueness never change; what HubSpot defines does not change here."""
    kind = kind_of(call.args[0])
    prop, body = _named(portal, kind, call.args[1]), call.json()
    if prop.native:
        raise invalid(f'The definition of property "{prop.name}" is read only')
    if body.get("groupName", prop.group) not in portal.groups[kind.name]:
        raise invalid(f'Property group "{body["groupName"]}" does not exist')
    options = _options(body["options"]) if "options" in body else prop.options
    changed = replace(
        prop, label=body.get("label", prop.label), type=body.get("type", prop.type),
        field_type=body.get("fieldType", prop.field_type), group=body.get("groupName", prop.group), options=options,
        description=body.get("description", prop.description), hidden=bool(body.get("hidden", prop.hidden)),
        form_field=bool(body.get("formField", prop.form_field)), order=int(body.get("displayOrder", prop.order)),
        updated=portal.clock.now_ms(),
    )  # fmt: skip
    _check_types(changed.type, changed.field_type, changed.options)
    portal.properties[kind.name][prop.name] = changed
    return Reply(200, changed.body())


def _archive(portal: Portal, kind: Kind, name: str) -> None:
    prop = portal.definition(kind, name)
    if prop is None:
        return
    if prop.native:
        raise invalid(f'Property "{name}" is defined by HubSpot and cannot be archived')
    portal.properties[kind.name][name] = replace(prop, archived=True, updated=portal.clock.now_ms())


def archive_property(portal: Portal, call: Call) -> Reply:
    """DELETE /{type}/{name}."""
    _archive(portal, kind_of(call.args[0]), call.args[1])
    return Reply(204)


def _inputs(call: Call) -> list[Json]:
    inputs = call.json().get("inputs")
    if not isinstance(inputs, list) or not 0 < len(inputs) <= 100:
        raise invalid("inputs must be a list of 1 to 100 objects")
    return inputs


def _batch(portal: Portal, started: int, results: list[Json], errors: list[Json], good: int) -> Reply:
    body: Json = {
        "status": "COMPLETE", "results": results, "startedAt": iso(started),
        "completedAt": iso(portal.clock.now_ms()),
    }  # fmt: skip
    if errors:
        body |= {"numErrors": len(errors), "errors": errors}
    return Reply(207 if errors else good, body)


def batch_create(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/create: what can be made is made, the rest is listed in a 207."""
    kind, started = kind_of(call.args[0]), portal.clock.now_ms()
    results, errors = [], []
    for item in _inputs(call):
        try:
            made = _new(portal, kind, item)
        except ApiError as fault:
            errors.append(_error(fault.category, fault.message, str(item.get("name"))))
        else:
            portal.properties[kind.name][made.name] = made
            results.append(made.body())
    return _batch(portal, started, results, errors, 201)


def _error(category: str | None, message: str, name: str) -> Json:
    return {
        "status": "error", "category": category, "message": message, "context": {"name": [name]}, "errors": [],
        "links": {},
    }  # fmt: skip


def batch_read(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/read."""
    kind, started = kind_of(call.args[0]), portal.clock.now_ms()
    results, errors = [], []
    for item in _inputs(call):
        name = str(item.get("name"))
        found = portal.definition(kind, name)
        if found is None:
            errors.append(_error("OBJECT_NOT_FOUND", f'Property "{name}" does not exist', name))
        else:
            results.append(found.body())
    return _batch(portal, started, results, errors, 200)


def batch_archive(portal: Portal, call: Call) -> Reply:
    """POST /{type}/batch/archive."""
    for item in _inputs(call):
        _archive(portal, kind_of(call.args[0]), str(item.get("name")))
    return Reply(204)


# -- groups


def _group(name: str, group: tuple[str, int]) -> Json:
    return {"name": name, "label": group[0], "displayOrder": group[1], "archived": False}


def list_groups(portal: Portal, call: Call) -> Reply:
    """GET /{type}/groups."""
    groups = portal.groups[kind_of(call.args[0]).name]
    return Reply(200, {"results": [_group(name, group) for name, group in groups.items()]})


def get_group(portal: Portal, call: Call) -> Reply:
    """GET /{type}/groups/{name}."""
    groups, name = portal.groups[kind_of(call.args[0]).name], call.args[1]
    if name not in groups:
        raise not_found(f'Property group "{name}" does not exist')
    return Reply(200, _group(name, groups[name]))


def create_group(portal: Portal, call: Call) -> Reply:
    """POST /{type}/groups."""
    groups, body = portal.groups[kind_of(call.args[0]).name], call.json()
    name = str(body.get("name") or "")
    if not name or not body.get("label"):
        raise invalid("Some required fields were not set: [name, label]")
    if name in groups:
        raise ApiError(409, "OBJECT_ALREADY_EXISTS", f'Property group "{name}" already exists')
    groups[name] = (str(body["label"]), int(body.get("displayOrder", -1)))
    return Reply(201, _group(name, groups[name]))


def update_group(portal: Portal, call: Call) -> Reply:
    """PATCH /{type}/groups/{name}."""
    groups, name, body = portal.groups[kind_of(call.args[0]).name], call.args[1], call.json()
    if name not in groups:
        raise not_found(f'Property group "{name}" does not exist')
    groups[name] = (str(body.get("label", groups[name][0])), int(body.get("displayOrder", groups[name][1])))
    return Reply(200, _group(name, groups[name]))


def archive_group(portal: Portal, call: Call) -> Reply:
    """DELETE /{type}/groups/{name}: only an empty group goes."""
    kind, name = kind_of(call.args[0]), call.args[1]
    if any(p.group == name and not p.archived for p in portal.properties[kind.name].values()):
        raise invalid(f'Property group "{name}" still has properties')
    portal.groups[kind.name].pop(name, None)
    return Reply(204)
