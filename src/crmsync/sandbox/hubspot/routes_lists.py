"""Lists: create, find, change, and their memberships (hubspot.md 2.5)."""

from collections.abc import Sequence
from typing import Any

from crmsync.sandbox.hubspot import segments as s
from crmsync.sandbox.hubspot.kinds import kind_of
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.segments import Segment
from crmsync.sandbox.hubspot.wire import Call, Json, Reply, invalid, iso, limit_of, not_found, object_id

MAX_MEMBERS_PAGE, DEFAULT_MEMBERS_PAGE = 250, 100
MAX_SEARCH, DEFAULT_SEARCH = 500, 20
MAX_REMOVE_ALL = 100_000


def _segment(portal: Portal, text: str, deleted: bool = False) -> Segment:
    id_ = object_id(text)
    found = portal.segments.get(id_) if id_ is not None else None
    if found is None or (found.deleted is not None) != deleted:
        raise not_found(f"List does not exist with ID {text}.")
    return found


def _by_name(portal: Portal, name: str) -> Segment | None:
    wanted = name.strip().lower()
    return next((x for x in portal.segments.values() if x.deleted is None and x.name.lower() == wanted), None)


def _body(portal: Portal, segment: Segment, call: Call | None = None) -> Json:
    return segment.body(len(s.members(portal, segment)), call is not None and call.flag("includeFilters"))


def _free_name(portal: Portal, name: object, own: Segment | None = None) -> str:
    text = str(name or "").strip()
    if not text:
        raise invalid("List name must not be empty")
    holder = _by_name(portal, text)
    if holder is not None and holder is not own:
        raise invalid(
            f"List name '{text}' is already in use by list {holder.id}. List names must be unique.",
            subCategory="ILS.DUPLICATE_LIST_NAMES",
        )
    return text


def create_list(portal: Portal, call: Call) -> Reply:
    """POST /lists."""
    body = call.json()
    kind = kind_of(str(body.get("objectTypeId", "")))
    processing = body.get("processingType")
    if processing not in s.PROCESSING_TYPES:
        raise invalid(f"Invalid processingType {processing}. Use one of {', '.join(s.PROCESSING_TYPES)}")
    name, branch = _free_name(portal, body.get("name")), body.get("filterBranch")
    if processing == s.MANUAL and branch:
        raise invalid("A MANUAL list cannot have a filterBranch")
    if processing != s.MANUAL:
        s.compile_root(portal, kind, branch)
    now = portal.clock.now_ms()
    segment = Segment(portal.next_segment, name, kind, processing, branch, now, now, now)
    portal.next_segment += 1
    portal.segments[segment.id] = segment
    if processing == s.SNAPSHOT:
        s.refresh(portal, segment)
    return Reply(200, {"list": _body(portal, segment)})


def get_list(portal: Portal, call: Call) -> Reply:
    """GET /lists/{id}."""
    return Reply(200, {"list": _body(portal, _segment(portal, call.args[0]), call)})


def get_list_by_name(portal: Portal, call: Call) -> Reply:
    """GET /lists/object-type-id/{type}/name/{name}."""
    found = _by_name(portal, call.args[1])
    if found is None or found.kind is not kind_of(call.args[0]):
        raise not_found(f"List does not exist with name {call.args[1]} and object type ID {call.args[0]}.")
    return Reply(200, {"list": _body(portal, found, call)})


def get_lists(portal: Portal, call: Call) -> Reply:
    """GET /lists?listIds=..: those that exist."""
    found = [portal.segments.get(int(text)) for text in call.many("listIds") if text.isdigit()]
    return Reply(200, {"lists": [_body(portal, x, call) for x in found if x is not None and x.deleted is None]})


def search_lists(portal: Portal, call: Call) -> Reply:
    """POST /lists/search: by name, type and id; 20 at a time unless told, 500 at most."""
    body = call.json()
    count, offset = body.get("count", DEFAULT_SEARCH), body.get("offset") or 0
    if not isinstance(count, int) or not 1 <= count <= MAX_SEARCH:
        raise invalid(f"count must be between 1 and {MAX_SEARCH}")
    words = str(body.get("query") or "").lower()
    ids = {str(i) for i in body.get("listIds") or []}
    kinds = set(body.get("processingTypes") or [])
    type_id = body.get("objectTypeId")
    found = [
        x
        for x in portal.segments.values()
        if x.deleted is None
        and words in x.name.lower()
        and (not ids or str(x.id) in ids)
        and (not kinds or x.processing in kinds)
        and (type_id is None or x.kind.type_id == type_id)
    ]
    page = found[offset : offset + count]
    return Reply(
        200,
        {
            "offset": offset + len(page),
            "hasMore": offset + len(page) < len(found),
            "lists": [_hit(portal, x) for x in page],
            "total": len(found),
        },
    )


def _hit(portal: Portal, segment: Segment) -> Json:
    body = _body(portal, segment)
    size = body.pop("size")
    return body | {"additionalProperties": {"hs_list_size": str(size), "hs_list_reference_count": "0"}}


def delete_list(portal: Portal, call: Call) -> Reply:
    """DELETE /lists/{id}: can be restored."""
    _segment(portal, call.args[0]).deleted = portal.clock.now_ms()
    return Reply(204)


def restore_list(portal: Portal, call: Call) -> Reply:
    """PUT /lists/{id}/restore."""
    segment = _segment(portal, call.args[0], deleted=True)
    _free_name(portal, segment.name, segment)
    segment.deleted, segment.shown = None, None
    return Reply(204)


def update_filters(portal: Portal, call: Call) -> Reply:
    """PUT /lists/{id}/update-list-filters: active lists only."""
    segment = _segment(portal, call.args[0])
    if segment.processing != s.DYNAMIC:
        raise invalid("Only the filters of a DYNAMIC list can be updated")
    branch = call.json().get("filterBranch")
    s.compile_root(portal, segment.kind, branch)
    segment.branch, segment.shown = branch, None
    segment.filters_updated = segment.updated = portal.clock.now_ms()
    segment.version += 1
    return Reply(200, {"updatedList": _body(portal, segment)})


def update_name(portal: Portal, call: Call) -> Reply:
    """PUT /lists/{id}/update-list-name?listName=..."""
    segment = _segment(portal, call.args[0])
    segment.name = _free_name(portal, call.one("listName"), segment)
    segment.updated = portal.clock.now_ms()
    segment.version += 1
    return Reply(200, {"updatedList": _body(portal, segment, call)})


# -- memberships


def _page(rows: Sequence[tuple[int, int]], call: Call, by_id: bool) -> Reply:
    limit, after = limit_of(call, DEFAULT_MEMBERS_PAGE, MAX_MEMBERS_PAGE), call.one("after")
    start = 0
    if after is not None:
        if not after.isdigit():
            raise invalid(f"Invalid paging token: {after}")
        start = int(after) if not by_id else next((i for i, r in enumerate(rows) if r[0] > int(after)), len(rows))
    page = rows[start : start + limit]
    body: Json = {"results": [{"recordId": str(id_), "membershipTimestamp": iso(at)} for id_, at in page]}
    body["total"] = len(rows)
    if start + limit < len(rows):
        following = str(page[-1][0]) if by_id else str(start + limit)
        body["paging"] = {"next": {"after": following, "link": f"{call.path}?after={following}"}}
    return Reply(200, body)


def get_memberships(portal: Portal, call: Call) -> Reply:
    """GET /lists/{id}/memberships: in order of record id, up to 250 a page."""
    return _page(list(s.members(portal, _segment(portal, call.args[0])).items()), call, by_id=True)


def get_memberships_join_order(portal: Portal, call: Call) -> Reply:
    """GET /lists/{id}/memberships/join-order: who joined first comes first."""
    rows = sorted(s.members(portal, _segment(portal, call.args[0])).items(), key=lambda row: (row[1], row[0]))
    return _page(rows, call, by_id=False)


def record_memberships(portal: Portal, call: Call) -> Reply:
    """GET /lists/records/{type}/{id}/memberships: the lists a record is on."""
    kind, id_ = kind_of(call.args[0]), object_id(call.args[1])
    results = []
    for segment in portal.segments.values():
        if segment.deleted is not None or segment.kind is not kind:
            continue
        joined = s.members(portal, segment).get(id_ or 0)
        if joined is not None:
            at = iso(joined)
            results.append(
                {
                    "listId": str(segment.id), "listVersion": segment.version, "firstAddedTimestamp": at,
                    "lastAddedTimestamp": at, "isPublicList": False,
                }
            )  # fmt: skip
    return Reply(200, {"results": results, "total": len(results)})


def _writable(portal: Portal, text: str) -> Segment:
    segment = _segment(portal, text)
    if segment.processing == s.DYNAMIC:
        raise invalid(
            f"Cannot change memberships of list {segment.id} of processingType DYNAMIC; only MANUAL and SNAPSHOT lists "
            "take manual memberships",
            subCategory="ILS.INVALID_LIST_PROCESSING_TYPE",
        )
    return segment


def _change(portal: Portal, segment: Segment, add: Any, remove: Any) -> Reply:
    if not isinstance(add, list) or not isinstance(remove, list):
        raise invalid("Expected a list of record ids")
    table, now = portal.table(segment.kind), portal.clock.now_ms()
    added, removed, missing = [], [], []
    for text in dict.fromkeys(str(i) for i in add):
        id_ = object_id(text)
        id_ = table.survivor(id_) if id_ is not None else None
        if id_ is None or not table.live(id_):
            missing.append(text)
        elif id_ not in segment.members:
            segment.members[id_] = now
            added.append(text)
    for text in dict.fromkeys(str(i) for i in remove):
        id_ = object_id(text)
        if id_ is not None and segment.members.pop(id_, None) is not None:
            removed.append(text)
        elif id_ is None or not table.live(id_):
            missing.append(text)
    segment.shown = None
    return Reply(200, {"recordsIdsAdded": added, "recordIdsRemoved": removed, "recordIdsMissing": missing})


def add_members(portal: Portal, call: Call) -> Reply:
    """PUT /lists/{id}/memberships/add with a list of ids."""
    return _change(portal, _writable(portal, call.args[0]), call.body, [])


def remove_members(portal: Portal, call: Call) -> Reply:
    """PUT /lists/{id}/memberships/remove with a list of ids."""
    return _change(portal, _writable(portal, call.args[0]), [], call.body)


def add_and_remove_members(portal: Portal, call: Call) -> Reply:
    """PUT /lists/{id}/memberships/add-and-remove with `recordIdsToAdd` and `recordIdsToRemove`."""
    body = call.json()
    segment = _writable(portal, call.args[0])
    return _change(portal, segment, body.get("recordIdsToAdd") or [], body.get("recordIdsToRemove") or [])


def remove_all_members(portal: Portal, call: Call) -> Reply:
    """DELETE /lists/{id}/memberships: only below 100,000 members."""
    segment = _writable(portal, call.args[0])
    if len(segment.members) >= MAX_REMOVE_ALL:
        raise invalid(f"A list of {MAX_REMOVE_ALL} or more members cannot be emptied in one call")
    segment.members.clear()
    segment.shown = None
    return Reply(204)
