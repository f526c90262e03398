"""Lists ("segments"): their filter branches, checked and really evaluated, and their members (hubspot.md 2.5).

Prevents an active list from being a name without members: membership follows the records.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from crmsync.sandbox.hubspot import predicates as p
from crmsync.sandbox.hubspot.catalog import Property
from crmsync.sandbox.hubspot.kinds import Kind, kind_of
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.table import ID
from crmsync.sandbox.hubspot.wire import Json, invalid, iso

MANUAL, DYNAMIC, SNAPSHOT = "MANUAL", "DYNAMIC", "SNAPSHOT"
PROCESSING_TYPES = (MANUAL, DYNAMIC, SNAPSHOT)

_ORDERED = {
    "IS_EQUAL_TO": "EQ", "IS_NOT_EQUAL_TO": "NEQ", "IS_GREATER_THAN": "GT", "IS_GREATER_THAN_OR_EQUAL_TO": "GTE",
    "IS_LESS_THAN": "LT", "IS_LESS_THAN_OR_EQUAL_TO": "LTE",
}  # fmt: skip
_TEXT = {"CONTAINS": "contains", "DOES_NOT_CONTAIN": "contains", "STARTS_WITH": "starts", "ENDS_WITH": "ends"}
_NEGATED = frozenset({"IS_NOT_EQUAL_TO", "DOES_NOT_CONTAIN", "IS_NONE_OF", "DOES_NOT_CONTAIN_ALL", "IS_NOT_BETWEEN"})

OPERATIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "BOOL": (frozenset({"bool"}), frozenset({"IS_EQUAL_TO", "IS_NOT_EQUAL_TO"})),
    "NUMBER": (frozenset({"number"}), frozenset(_ORDERED)),
    "NUMBER_RANGED": (frozenset({"number"}), frozenset({"IS_BETWEEN", "IS_NOT_BETWEEN"})),
    "STRING": (frozenset({"string"}), frozenset({"IS_EQUAL_TO", "IS_NOT_EQUAL_TO", *_TEXT})),
    "MULTISTRING": (frozenset({"string"}), frozenset({"IS_EQUAL_TO", "IS_NOT_EQUAL_TO", *_TEXT})),
    "ENUMERATION": (
        frozenset({"enumeration"}),
        frozenset(
            {"IS_ANY_OF", "IS_NONE_OF", "CONTAINS_ALL", "DOES_NOT_CONTAIN_ALL", "IS_EXACTLY", "HAS_EVER_BEEN_ANY_OF"}
        ),
    ),
    "ALL_PROPERTY": (
        frozenset({"bool", "number", "string", "enumeration", "date", "datetime"}),
        frozenset({"IS_KNOWN", "IS_UNKNOWN"}),
    ),
}
"""Operation type: property types it fits, operators it takes."""


@dataclass
class Segment:
    """One list and its members with the moment each joined."""

    id: int
    name: str
    kind: Kind
    processing: str
    branch: Json | None
    created: int
    updated: int
    filters_updated: int
    version: int = 1
    deleted: int | None = None
    members: dict[int, int] = field(default_factory=dict)
    seen: tuple[int, ...] | None = None
    shown: dict[int, int] | None = None

    def replace(self, old: Iterable[int], new: int, now: int) -> None:
        """Members that were merged are one member."""
        found = [self.members.pop(id_) for id_ in old if id_ in self.members]
        if found and self.processing != DYNAMIC:
            self.members[new] = min(*found, now)

    def body(self, size: int, with_filters: bool) -> Json:
        """As HubSpot writes it."""
        body: Json = {
            "listId": str(self.id),
            "listVersion": self.version,
            "createdAt": iso(self.created),
            "updatedAt": iso(self.updated),
            "filtersUpdatedAt": iso(self.filters_updated),
            "processingStatus": "COMPLETE",
            "createdById": "40009001",
            "updatedById": "40009001",
            "processingType": self.processing,
            "objectTypeId": self.kind.type_id,
            "name": self.name,
            "size": size,
        }
        if self.deleted is not None:
            body["deletedAt"] = iso(self.deleted)
        if with_filters and self.branch is not None:
            body["filterBranch"] = _spelled_out(self.branch)
        return body


def _spelled_out(branch: Json) -> Json:
    """A filter branch as HubSpot gives it back: each names its operator, whether it was sent or not."""
    nested = [_spelled_out(inner) for inner in branch.get("filterBranches") or []]
    type_ = branch["filterBranchType"]
    operator = branch.get("filterBranchOperator") or ("AND" if type_ == "ASSOCIATION" else type_)
    return branch | {"filterBranches": nested, "filterBranchOperator": operator, "filters": branch.get("filters") or []}


def members(portal: Portal, segment: Segment) -> dict[int, int]:
    """Live members by id, with the moment each joined. An active list is brought up to date first."""
    if segment.seen != portal.version or segment.shown is None:
        if segment.processing == DYNAMIC:
            refresh(portal, segment)
        table = portal.table(segment.kind)
        segment.shown = {id_: at for id_, at in sorted(segment.members.items()) if table.live(id_)}
        segment.seen = portal.version
    return segment.shown


def refresh(portal: Portal, segment: Segment) -> None:
    """Evaluates the filters: who matches joins, who no longer matches leaves."""
    now = portal.clock.now_ms()
    matched = matching(portal, segment.kind, segment.branch) if segment.branch else []
    segment.members = {id_: segment.members.get(id_, now) for id_ in matched}


def matching(portal: Portal, kind: Kind, branch: Json) -> list[int]:
    """Ids of live records that meet a filter branch."""
    compiled = compile_root(portal, kind, branch)
    return [int(id_) for id_ in portal.table(kind).matching(compiled.expr, compiled.needs)[ID]]


def compile_root(portal: Portal, kind: Kind, branch: object) -> p.Compiled:
    """Checks and compiles a list's filters: an OR of AND branches, filters only in the latter."""
    if not isinstance(branch, dict) or branch.get("filterBranchType") != "OR":
        raise invalid("The root filterBranch must be of filterBranchType OR")
    nested = branch.get("filterBranches")
    if not isinstance(nested, list) or not nested:
        raise invalid("The root OR filterBranch must have at least one nested AND filterBranch")
    if branch.get("filters"):
        raise invalid("The root OR filterBranch cannot have filters; put them into its AND branches")
    return p.any_of([_and(portal, kind, inner) for inner in nested])


def _and(portal: Portal, kind: Kind, branch: Json) -> p.Compiled:
    if branch.get("filterBranchType") != "AND":
        raise invalid(f"A branch of the root must be of filterBranchType AND, not {branch.get('filterBranchType')}")
    parts = [_filter(portal, kind, item) for item in branch.get("filters") or []]
    parts += [_association(portal, kind, inner) for inner in branch.get("filterBranches") or []]
    if not parts:
        raise invalid("An AND filterBranch must have filters")
    return p.all_of(parts)


def _association(portal: Portal, kind: Kind, branch: Json) -> p.Compiled:
    if branch.get("filterBranchType") != "ASSOCIATION":
        raise invalid(f"Unsupported nested filterBranchType {branch.get('filterBranchType')}")
    other = kind_of(str(branch.get("objectTypeId", "")))
    inner = p.all_of([_filter(portal, other, item) for item in branch.get("filters") or []])
    matched = portal.table(other).matching(inner.expr, inner.needs)[ID].to_list()
    type_id = branch.get("associationTypeId")
    linked = {
        to
        for id_ in matched
        for to, types in portal.web.of((other.name, kind.name), id_).items()
        if type_id is None or type_id in portal.web.of((kind.name, other.name), to).get(id_, types)
    }
    return p.in_ids(sorted(linked))


def _filter(portal: Portal, kind: Kind, item: Json) -> p.Compiled:
    match item.get("filterType"):
        case "PROPERTY":
            return _property(portal, kind, item)
        case "IN_LIST":
            return _in_list(portal, item)
    raise invalid(f"Unsupported filterType {item.get('filterType')}")


def _in_list(portal: Portal, item: Json) -> p.Compiled:
    other = portal.segments.get(int(item.get("listId") or 0))
    operator = item.get("operator", "IN_LIST")
    if other is None or other.deleted is not None:
        raise invalid(f"List {item.get('listId')} does not exist")
    inside = p.in_ids(list(members(portal, other)))
    return inside if operator == "IN_LIST" else p.Compiled(~inside.expr, inside.needs)


def _property(portal: Portal, kind: Kind, item: Json) -> p.Compiled:
    name, operation = str(item.get("property", "")), item.get("operation") or {}
    prop = portal.definition(kind, name)
    if prop is None:
        raise invalid(f'Property "{name}" does not exist for object type {kind.type_id}')
    type_, operator = str(operation.get("operationType")), str(operation.get("operator"))
    if type_ not in OPERATIONS:
        raise invalid(f"Unsupported operationType {type_}")
    fits, operators = OPERATIONS[type_]
    if prop.type not in fits:
        raise invalid(f"operationType {type_} does not fit property {name} of type {prop.type}")
    if operator not in operators:
        raise invalid(f"Operator {operator} is not valid for operationType {type_}")
    if type_ == "ALL_PROPERTY":
        has = p.known(prop)
        return has if operator == "IS_KNOWN" else p.Compiled(~has.expr, has.needs)
    compiled = _operation(portal, kind, prop, type_, operator, operation)
    if operator in _NEGATED:
        compiled = p.Compiled(~compiled.expr, compiled.needs)
    has = p.known(prop)
    blank = bool(operation.get("includeObjectsWithNoValueSet", False))
    expr = compiled.expr.fill_null(value=blank) if blank else compiled.expr & has.expr
    return p.Compiled(expr, compiled.needs | has.needs)


def _operation(portal: Portal, kind: Kind, prop: Property, type_: str, operator: str, operation: Json) -> p.Compiled:
    """The test without its negation."""
    if type_ == "NUMBER_RANGED":
        return p.compare(prop, "BETWEEN", operation.get("lowerBound"), operation.get("upperBound"))
    if type_ == "ENUMERATION":
        return _enumeration(portal, kind, prop, operator, operation)
    values = operation.get("values") if type_ == "MULTISTRING" else [operation.get("value")]
    if not isinstance(values, list) or not values or values[0] is None:
        raise invalid(f"{type_} on {prop.name} needs {'values' if type_ == 'MULTISTRING' else 'a value'}")
    if operator in _TEXT:
        return p.any_of([p.text(prop, _TEXT[operator], str(v)) for v in values])
    plain = "EQ" if operator in _NEGATED else _ORDERED[operator]
    return p.any_of([p.compare(prop, plain, v) for v in values])


def _enumeration(portal: Portal, kind: Kind, prop: Property, operator: str, operation: Json) -> p.Compiled:
    values = operation.get("values")
    if not isinstance(values, list) or not values:
        raise invalid(f"ENUMERATION on {prop.name} needs values")
    wanted = [str(v) for v in values]
    if operator in {"CONTAINS_ALL", "DOES_NOT_CONTAIN_ALL"}:
        return p.has_all(prop, wanted)
    if operator == "IS_EXACTLY":
        return p.exactly(prop, wanted)
    now = p.has_any(prop, wanted)
    if operator != "HAS_EVER_BEEN_ANY_OF":
        return now
    table = portal.table(kind)
    past = [
        id_
        for id_, log in table.log.items()
        if any(e.name == prop.name and set(wanted) & set(f"{e.old};{e.new}".split(";")) for e in log)
    ]
    return p.any_of([now, p.in_ids(sorted(past))])
