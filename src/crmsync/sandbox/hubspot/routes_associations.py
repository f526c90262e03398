"""Associations, one at a time and in batches, in the v4 shape and in the old v3 one (hubspot.md 2.2)."""

from crmsync.sandbox.hubspot.kinds import DEFAULT_TYPES, Kind, Pair, kind_of
from crmsync.sandbox.hubspot.labels import snake
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.routes_objects import missing_error
from crmsync.sandbox.hubspot.wire import Call, Json, Reply, invalid, iso, limit_of, not_found, object_id

MAX_READ, MAX_CREATE, PAGE = 1_000, 2_000, 500


def _sides(call: Call, second: int = 1) -> tuple[Kind, Kind, Pair]:
    here, there = kind_of(call.args[0]), kind_of(call.args[second])
    return here, there, (here.name, there.name)


def _live(portal: Portal, pair: Pair, id_: int) -> list[tuple[int, frozenset[int]]]:
    other = portal.tables[pair[1]]
    return [(to, types) for to, types in sorted(portal.web.of(pair, id_).items()) if other.live(to)]


def _record(portal: Portal, kind: Kind, text: object) -> int:
    id_ = object_id(text)
    id_ = portal.table(kind).survivor(id_) if id_ is not None else None
    if id_ is None or not portal.table(kind).live(id_):
        raise not_found(f"{kind.singular.upper()} {text} does not exist")
    return id_


def _cut(
    portal: Portal, rows: list[tuple[int, frozenset[int]]], after: object, limit: int
) -> tuple[list[Json], str | None]:
    """A page of links in order of id; `after` is the last id of the page before."""
    start = object_id(after) if after else None
    if start is not None:
        rows = [row for row in rows if row[0] > start]
    specs = portal.labels.specs
    page: list[Json] = [{"toObjectId": str(to), "associationTypes": specs(types)} for to, types in rows[:limit]]
    return page, page[-1]["toObjectId"] if len(rows) > limit else None


def get_links(portal: Portal, call: Call) -> Reply:
    """GET {type}/{id}/associations/{type}: up to 500 a page."""
    here, _, pair = _sides(call, 2)
    id_ = _record(portal, here, call.args[1])
    page, after = _cut(portal, _live(portal, pair, id_), call.one("after"), limit_of(call, PAGE, PAGE))
    body: Json = {"results": page}
    if after is not None:
        body["paging"] = {"next": {"after": after, "link": f"{call.path}?after={after}"}}
    return Reply(200, body)


def _wanted(portal: Portal, pair: Pair, items: object) -> set[int]:
    if not isinstance(items, list) or not items:
        raise invalid("At least one association type is required")
    known = portal.labels.types(pair)
    types: set[int] = set()
    for item in items:
        category, type_id = item.get("associationCategory"), int(item.get("associationTypeId", 0))
        if category not in ("HUBSPOT_DEFINED", "USER_DEFINED"):
            raise invalid(f"Unknown association category {category} in this account")
        if type_id not in known or portal.labels.category(type_id) != category:
            raise invalid(f"Association type {type_id} ({category}) does not exist between {pair[0]} and {pair[1]}")
        types.add(type_id)
    return types


def _pair_body(portal: Portal, pair: Pair, id_: int, to: int) -> Json:
    here, there = kind_of(pair[0]), kind_of(pair[1])
    types = portal.web.of(pair, id_).get(to, frozenset())
    return {
        "fromObjectTypeId": here.type_id, "fromObjectId": str(id_), "toObjectTypeId": there.type_id,
        "toObjectId": str(to), "labels": [text for t in sorted(types) if (text := portal.labels.text(t))],
    }  # fmt: skip


def put_link(portal: Portal, call: Call) -> Reply:
    """PUT {type}/{id}/associations/{type}/{id} with a list of association types."""
    here, there, pair = _sides(call, 2)
    id_, to = _record(portal, here, call.args[1]), _record(portal, there, call.args[3])
    portal.link(pair, id_, to, _wanted(portal, pair, call.body))
    return Reply(201, _pair_body(portal, pair, id_, to))


def _default_results(pair: Pair, id_: int, to: int) -> list[Json]:
    both = ((pair, id_, to), ((pair[1], pair[0]), to, id_))
    return [
        {
            "from": {"id": str(a)}, "to": {"id": str(b)},
            "associationSpec": {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": DEFAULT_TYPES[p]},
        }
        for p, a, b in both
    ]  # fmt: skip


def _envelope(portal: Portal, started: int, results: list[Json], lost: list[str], kind: Kind, good: int = 200) -> Reply:
    body: Json = {
        "status": "COMPLETE", "results": results, "startedAt": iso(started),
        "completedAt": iso(portal.clock.now_ms()),
    }  # fmt: skip
    if lost:
        body |= {"numErrors": 1, "errors": [missing_error(kind, lost)]}
    return Reply(207 if lost else good, body)


def put_default(portal: Portal, call: Call) -> Reply:
    """PUT .../associations/default/...: the unlabelled link; two directed results."""
    here, there, pair = _sides(call, 2)
    started = portal.clock.now_ms()
    id_, to = _record(portal, here, call.args[1]), _record(portal, there, call.args[3])
    portal.link(pair, id_, to, {DEFAULT_TYPES[pair]})
    return _envelope(portal, started, _default_results(pair, id_, to), [], here)


def delete_link(portal: Portal, call: Call) -> Reply:
    """DELETE .../associations/...: every type of the link."""
    here, there, pair = _sides(call, 2)
    id_, to = _record(portal, here, call.args[1]), _record(portal, there, call.args[3])
    portal.unlink(pair, id_, to)
    return Reply(204)


# -- batches


def _inputs(call: Call, most: int) -> list[Json]:
    inputs = call.json().get("inputs")
    if not isinstance(inputs, list) or not inputs:
        raise invalid("Some required fields were not set: [inputs]")
    if len(inputs) > most:
        raise invalid(f"The maximum number of inputs supported in a batch request for this endpoint is {most}")
    return inputs


def batch_read(portal: Portal, call: Call) -> Reply:
    """POST batch/read: up to 1,000 ids; each input pages by its own `after`; unknown ids are grouped in a 207.

    An id without links is neither a result nor an error.
    """
    here, _, pair = _sides(call)
    started, results, lost = portal.clock.now_ms(), [], []
    for item in _inputs(call, MAX_READ):
        id_ = object_id(item.get("id"))
        id_ = portal.table(here).survivor(id_) if id_ is not None else None
        if id_ is None or not portal.table(here).live(id_):
            lost.append(str(item.get("id")))
            continue
        page, after = _cut(portal, _live(portal, pair, id_), item.get("after"), PAGE)
        if page:
            entry: Json = {"from": {"id": str(item["id"])}, "to": page}
            if after is not None:
                entry["paging"] = {"next": {"after": after}}
            results.append(entry)
    return _envelope(portal, started, results, lost, here)


def _ends(portal: Portal, call: Call, item: Json) -> tuple[int, int] | None:
    here, there, _ = _sides(call)
    ids = [object_id((item.get(side) or {}).get("id")) for side in ("from", "to")]
    if ids[0] is None or ids[1] is None:
        return None
    id_, to = portal.table(here).survivor(ids[0]), portal.table(there).survivor(ids[1])
    return (id_, to) if portal.table(here).live(id_) and portal.table(there).live(to) else None


def batch_create(portal: Portal, call: Call) -> Reply:
    """POST batch/create: up to 2,000 links with their types."""
    here, _, pair = _sides(call)
    inputs = _inputs(call, MAX_CREATE)
    wanted = [_wanted(portal, pair, item.get("types")) for item in inputs]
    started, results, lost = portal.clock.now_ms(), [], []
    for item, types in zip(inputs, wanted, strict=True):
        ends = _ends(portal, call, item)
        if ends is None:
            lost.append(str((item.get("from") or {}).get("id")))
            continue
        portal.link(pair, *ends, types)
        results.append(_pair_body(portal, pair, *ends))
    return _envelope(portal, started, results, lost, here, 201)


def _link_default(portal: Portal, call: Call) -> tuple[list[tuple[int, int]], list[str]]:
    """Make every input's unlabelled link: (ids of both ends of each, ids that are not there)."""
    pair = _sides(call)[2]
    made: list[tuple[int, int]] = []
    lost: list[str] = []
    for item in _inputs(call, MAX_CREATE):
        ends = _ends(portal, call, item)
        if ends is None:
            lost.append(str((item.get("from") or {}).get("id")))
            continue
        portal.link(pair, *ends, {DEFAULT_TYPES[pair]})
        made.append(ends)
    return made, lost


def batch_default(portal: Portal, call: Call) -> Reply:
    """POST batch/associate/default: up to 2,000 unlabelled links."""
    here, _, pair = _sides(call)
    started = portal.clock.now_ms()
    made, lost = _link_default(portal, call)
    results = [result for ends in made for result in _default_results(pair, *ends)]
    return _envelope(portal, started, results, lost, here)


def batch_archive(portal: Portal, call: Call) -> Reply:
    """POST batch/archive: `{"from": {"id"}, "to": [{"id"}, ...]}`."""
    here, there, pair = _sides(call)
    for item in _inputs(call, MAX_CREATE):
        id_ = object_id((item.get("from") or {}).get("id"))
        for target in item.get("to") or []:
            to = object_id(target.get("id"))
            if id_ is not None and to is not None and portal.table(here).live(id_) and portal.table(there).live(to):
                portal.unlink(pair, id_, to)
    return Reply(204)


def batch_labels_archive(portal: Portal, call: Call) -> Reply:
    """POST batch/labels/archive: takes single types off; the unlabelled link stays."""
    _, _, pair = _sides(call)
    for item in _inputs(call, MAX_CREATE):
        ends = _ends(portal, call, item)
        if ends is not None:
            portal.unlink(pair, *ends, _wanted(portal, pair, item.get("types")) - {DEFAULT_TYPES[pair]})
    return Reply(204)


def list_labels(portal: Portal, call: Call) -> Reply:
    """GET {from}/{to}/labels: the association types of a pair."""
    _, _, pair = _sides(call)
    return Reply(200, {"results": portal.labels.specs(portal.labels.types(pair))})


def create_label(portal: Portal, call: Call) -> Reply:
    """POST {from}/{to}/labels with `label`, `name` and, for a pair, `inverseLabel`: the type ids of both directions."""
    _, _, pair = _sides(call)
    body = call.json()
    label, name = _text(body, "label"), _text(body, "name")
    if any(one.label == label or one.name == snake(name) for one in portal.labels if one.pair == pair):
        raise invalid(f"An association label {label} ({name}) exists between {pair[0]} and {pair[1]} already")
    inverse = _text(body, "inverseLabel") if body.get("inverseLabel") is not None else None
    made = portal.labels.make(pair, label, inverse, snake(name))
    return Reply(200, {"results": portal.labels.specs({made.type_id, made.inverse})})


def update_label(portal: Portal, call: Call) -> Reply:
    """PUT {from}/{to}/labels with `associationTypeId`, `label` and, where the other side is renamed, `inverseLabel`."""
    _, _, pair = _sides(call)
    body = call.json()
    type_id = _own_label(portal, pair, body.get("associationTypeId"))
    inverse = _text(body, "inverseLabel") if body.get("inverseLabel") is not None else None
    portal.labels.rename(type_id, _text(body, "label"), inverse)
    return Reply(204)


def delete_label(portal: Portal, call: Call) -> Reply:
    """DELETE {from}/{to}/labels/{typeId}: both directions; the records stay associated.

    Whether HubSpot refuses it while records carry the label is not verified; here they lose it.
    """
    _, _, pair = _sides(call)
    portal.labels.drop(_own_label(portal, pair, call.args[2]))
    return Reply(204)


def _own_label(portal: Portal, pair: Pair, given: object) -> int:
    type_id = object_id(given)
    if type_id is None or all(one.type_id != type_id or one.pair != pair for one in portal.labels):
        raise not_found(f"There is no association label {given} of this account between {pair[0]} and {pair[1]}")
    return type_id


def _text(body: Json, key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"Some required fields were not set: [{key}]")
    return value.strip()


# -- v3


def _v3_type(here: Kind, there: Kind) -> str:
    return f"{here.singular}_to_{there.singular}"


def batch_read_v3(portal: Portal, call: Call) -> Reply:
    """POST /crm/v3/associations/{from}/{to}/batch/read: ids and type names."""
    here, there, pair = _sides(call)
    started, results, lost = portal.clock.now_ms(), [], []
    for item in _inputs(call, MAX_READ):
        id_ = object_id(item.get("id"))
        if id_ is None or not portal.table(here).live(id_):
            lost.append(str(item.get("id")))
            continue
        linked = [{"id": str(to), "type": _v3_type(here, there)} for to, _ in _live(portal, pair, id_)]
        if linked:
            results.append({"from": {"id": str(id_)}, "to": linked})
    return _envelope(portal, started, results, lost, here)


def batch_create_v3(portal: Portal, call: Call) -> Reply:
    """POST /crm/v3/associations/{from}/{to}/batch/create."""
    here, there, _ = _sides(call)
    started = portal.clock.now_ms()
    made, lost = _link_default(portal, call)
    type_ = _v3_type(here, there)
    results = [{"from": {"id": str(id_)}, "to": {"id": str(to)}, "type": type_} for id_, to in made]
    return _envelope(portal, started, results, lost, here, 201)


def batch_archive_v3(portal: Portal, call: Call) -> Reply:
    """POST /crm/v3/associations/{from}/{to}/batch/archive."""
    _, _, pair = _sides(call)
    for item in _inputs(call, MAX_CREATE):
        ends = _ends(portal, call, item)
        if ends is not None:
            portal.unlink(pair, *ends)
    return Reply(204)
