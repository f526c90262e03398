"""Search: filters, words, order and paging with the limits of the real index (hubspot.md 2.3)."""

import json
from collections.abc import Sequence
from typing import Any

from crmsync.sandbox.hubspot import predicates as p
from crmsync.sandbox.hubspot.catalog import Property
from crmsync.sandbox.hubspot.kinds import COMPANIES, CONTACTS, Kind, kind_of
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.table import ID, column
from crmsync.sandbox.hubspot.wire import Call, Json, Reply, invalid, object_id

MAX_GROUPS, MAX_FILTERS, MAX_TOTAL = 5, 6, 18
MAX_PAGE, DEFAULT_PAGE, MAX_RESULTS, MAX_BODY = 200, 10, 10_000, 3_000
_COMPARISONS = frozenset({"EQ", "NEQ", "GT", "GTE", "LT", "LTE", "BETWEEN"})
_LISTS = frozenset({"IN", "NOT_IN"})
_PRESENCE = frozenset({"HAS_PROPERTY", "NOT_HAS_PROPERTY"})
_TOKENS = frozenset({"CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"})
OPERATORS = _COMPARISONS | _LISTS | _PRESENCE | _TOKENS
_WORDS = {
    COMPANIES.name: ("name", "domain", "website", "phone"),
    CONTACTS.name: ("firstname", "lastname", "email", "phone"),
}


def search_objects(portal: Portal, call: Call) -> Reply:
    """POST /{type}/search."""
    kind = kind_of(call.args[0])
    body = call.json()
    if call.size > MAX_BODY:
        raise invalid(f"The request body is {call.size} characters long; the maximum is {MAX_BODY}")
    limit, offset = _page(body)
    where = p.all_of([_groups(portal, kind, body.get("filterGroups") or []), *_query(portal, kind, body.get("query"))])
    order = _order(portal, kind, body.get("sorts") or [])
    needs = where.needs | ({order[1:]} if order else set())
    at = portal.index_time()
    found = portal.table(kind).matching(where.expr, needs, at)
    if order:
        found = found.sort([column(*order[1:]), ID], descending=[order[0], False], nulls_last=True, maintain_order=True)
    ids = found[ID].slice(offset, limit).to_list()
    names = body.get("properties") or ()
    result: Json = {"total": found.height, "results": portal.records(kind, ids, names, at=at)}
    if offset + len(ids) < found.height:
        result["paging"] = {"next": {"after": str(offset + len(ids))}}
    return Reply(200, result)


def _page(body: Json) -> tuple[int, int]:
    limit, after = body.get("limit", DEFAULT_PAGE), body.get("after") or "0"
    if not isinstance(limit, int) or not 1 <= limit <= MAX_PAGE:
        raise invalid(f"Invalid limit: {limit}. The limit must be between 1 and {MAX_PAGE}")
    if not str(after).isdigit():
        raise invalid(f"Invalid after: {after}. It must be an integer")
    if int(after) + limit > MAX_RESULTS:
        raise invalid(f"Paging past {MAX_RESULTS} results of a search is not possible; narrow the filters")
    return limit, int(after)


def _order(portal: Portal, kind: Kind, sorts: Sequence[Any]) -> tuple[bool, str, str] | None:
    if len(sorts) > 1:
        raise invalid("Only one sort is allowed")
    if not sorts:
        return None
    sort = sorts[0]
    if isinstance(sort, str) and sort.startswith("{"):
        # HubSpot's own clients type a sort as text and send its JSON in it.
        sort = json.loads(sort)
    if isinstance(sort, str):
        name, descending = sort.removeprefix("-"), sort.startswith("-")
    else:
        name, descending = str(sort.get("propertyName")), sort.get("direction", "ASCENDING") == "DESCENDING"
    if name == "hs_object_id" and not descending:
        return None  # the table's own order
    return descending, name, p.flavour_of(_definition(portal, kind, name))


def _definition(portal: Portal, kind: Kind, name: str) -> Property:
    definition = portal.definition(kind, name)
    if definition is None:
        raise invalid(f'Property "{name}" does not exist for {kind.type_id}')
    return definition


def _groups(portal: Portal, kind: Kind, groups: list[Json]) -> p.Compiled:
    if len(groups) > MAX_GROUPS:
        raise invalid(f"A search has at most {MAX_GROUPS} filterGroups, got {len(groups)}")
    filters = [group.get("filters") or [] for group in groups]
    if any(len(fs) > MAX_FILTERS for fs in filters):
        raise invalid(f"A filterGroup has at most {MAX_FILTERS} filters")
    if sum(len(fs) for fs in filters) > MAX_TOTAL:
        raise invalid(f"A search has at most {MAX_TOTAL} filters in all")
    if not groups:
        return p.all_of([])
    return p.any_of([p.all_of([_filter(portal, kind, f) for f in fs]) for fs in filters])


def _filter(portal: Portal, kind: Kind, item: Json) -> p.Compiled:
    name, operator = str(item.get("propertyName", "")), str(item.get("operator", ""))
    if operator not in OPERATORS:
        raise invalid(f"Invalid operator: {operator}")
    if name.startswith("associations."):
        return _associated(portal, kind, name.removeprefix("associations."), operator, item)
    prop = _definition(portal, kind, name)
    if operator in _PRESENCE:
        has = p.known(prop)
        return has if operator == "HAS_PROPERTY" else p.Compiled(~has.expr, has.needs)
    if operator in _LISTS:
        values = item.get("values")
        if not isinstance(values, list) or not values:
            raise invalid(f"{operator} on {name} needs values")
        test = p.is_in(prop, values)
        return test if operator == "IN" else p.Compiled(~test.expr, test.needs)
    value = item.get("value")
    if value is None:
        raise invalid(f"{operator} on {name} needs a value")
    if operator in _TOKENS:
        test = p.token(prop, str(value))
        return test if operator == "CONTAINS_TOKEN" else p.Compiled(~test.expr, test.needs)
    if operator == "BETWEEN" and item.get("highValue") is None:
        raise invalid(f"BETWEEN on {name} needs a highValue")
    return p.compare(prop, operator, value, item.get("highValue"))


def _associated(portal: Portal, kind: Kind, other_name: str, operator: str, item: Json) -> p.Compiled:
    other = kind_of(other_name)
    if operator not in {"EQ", "IN"}:
        raise invalid(f"Operator {operator} is not supported on associations.{other_name}")
    ids = [object_id(value) for value in (item.get("values") or [item.get("value")])]
    linked = {to for id_ in ids if id_ is not None for to in portal.web.of((other.name, kind.name), id_)}
    return p.in_ids(sorted(linked))


def _query(portal: Portal, kind: Kind, query: Any) -> list[p.Compiled]:
    if not query:
        return []
    names = _WORDS.get(kind.name, ("dealname",))
    props = [_definition(portal, kind, name) for name in names]
    return [p.any_of([p.text(prop, "contains", word) for prop in props]) for word in str(query).split()]
