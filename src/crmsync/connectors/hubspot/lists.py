"""Active lists on owned properties: created once by name, kept by HubSpot through their filter, never rewritten.

A list that a person made under our name is left alone and reported: workflows may hang on it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from crmsync.connectors.base import ListState, SchemaChange
from crmsync.connectors.hubspot.settings import OBJECT_TYPES
from crmsync.connectors.hubspot.transport import Transport
from crmsync.connectors.hubspot.wire import ListAnswer, ListSearch, WireList
from crmsync.errors import Rejected
from crmsync.model.outputs import ListDefinition

_PAGE = 500
_KINDS = ["DYNAMIC", "MANUAL", "SNAPSHOT"]
#: (property, operator, values): all that a filter of ours says.
Meaning = tuple[str, str, tuple[str, ...]]


class Lists:
    """Lists of one portal; `prefix` is the owned properties' prefix."""

    def __init__(self, transport: Transport, prefix: str) -> None:
        self._transport = transport
        self._prefix = prefix

    def missing(self, wanted: Sequence[ListDefinition]) -> list[SchemaChange]:
        if not wanted:
            return []
        there = self._by_name()
        return [SchemaChange("list", one.name) for one in wanted if one.name.lower() not in there]

    def ensure(self, wanted: Sequence[ListDefinition]) -> list[ListState]:
        """One state a definition, in order. `problem` says where a list of that name is not ours."""
        if not wanted:
            return []
        there = self._by_name()
        return [self._state(one, there.get(one.name.lower())) for one in wanted]

    def _state(self, wanted: ListDefinition, found: WireList | None) -> ListState:
        if found is None:
            return self._create(wanted)
        path = self._transport.paths.lists(found.list_id)
        full = self._transport.get("lists", path, ListAnswer, [("includeFilters", "true")]).list
        return ListState(found.list_id, found.name, _size(found), problem=self._problem(wanted, full))

    def _create(self, wanted: ListDefinition) -> ListState:
        body = {
            "name": wanted.name,
            "objectTypeId": OBJECT_TYPES[wanted.object],
            "processingType": "DYNAMIC",
            "filterBranch": self._filter(wanted),
        }
        try:
            made = self._transport.post("lists", self._transport.paths.lists(), ListAnswer, body).list
        except Rejected:
            # A name stands only once in a portal: after a lost reply, or beside another process, the list is there.
            found = self._by_name().get(wanted.name.lower())
            if found is None:
                raise
            return self._state(wanted, found)
        return ListState(made.list_id, wanted.name, _size(made), created=True)

    def _problem(self, wanted: ListDefinition, found: WireList) -> str:
        if found.object_type_id and found.object_type_id != OBJECT_TYPES[wanted.object]:
            return f"A list of the name {wanted.name!r} holds other objects than {wanted.object}; it was left alone."
        if found.processing_type != "DYNAMIC":
            return f"The list {wanted.name!r} is not an active one; it was left alone. Rename it to have it made anew."
        if _meaning(found.filter_branch) != _meaning(msgspec.Raw(msgspec.json.encode(self._filter(wanted)))):
            return f"The list {wanted.name!r} has another filter than crmsync's; it was left alone."
        return ""

    def _by_name(self) -> dict[str, WireList]:
        found: dict[str, WireList] = {}
        offset, more = 0, True
        while more:
            body = {"listIds": [], "processingTypes": _KINDS, "query": "", "count": _PAGE, "offset": offset}
            page = self._transport.post("lists", self._transport.paths.lists("search"), ListSearch, body)
            found.update({one.name.lower(): one for one in page.lists})
            more = page.has_more and page.offset > offset
            offset = page.offset
        return found

    def _filter(self, wanted: ListDefinition) -> dict[str, Any]:
        """Root OR with one AND branch, as HubSpot demands, though there is one filter only."""
        leaf = {
            "filterType": "PROPERTY",
            "property": self._prefix + wanted.output,
            "operation": _operation(wanted.value),
        }
        branch = {
            "filterBranchType": "AND",
            "filterBranchOperator": "AND",
            "filterBranches": [],
            "filters": [leaf],
        }
        return {
            "filterBranchType": "OR",
            "filterBranchOperator": "OR",
            "filterBranches": [branch],
            "filters": [],
        }


def _operation(value: str) -> dict[str, Any]:
    """Options, one or several a record, are matched by IS_ANY_OF; yes or no has an operation of its own."""
    if value in ("true", "false"):
        said: dict[str, Any] = {"operationType": "BOOL", "operator": "IS_EQUAL_TO", "value": value == "true"}
    else:
        said = {"operationType": "ENUMERATION", "operator": "IS_ANY_OF", "values": [value]}
    return said | {"includeObjectsWithNoValueSet": False}


def _meaning(branch: msgspec.Raw) -> Meaning | None:
    """What a branch says, where it is one property filter in one AND in one OR; None for anything else."""
    try:
        root = msgspec.json.decode(branch)
        (inner,) = root["filterBranches"]
        (leaf,) = inner["filters"]
        if root["filterBranchType"] != "OR" or inner["filterBranchType"] != "AND" or root.get("filters"):
            return None
        operation = leaf["operation"]
        values = operation.get("values", [operation.get("value")])
        return leaf["property"], operation["operator"], tuple(sorted(str(value).lower() for value in values))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None


def _size(found: WireList) -> int | None:
    text = found.additional_properties.get("hs_list_size")
    if text is not None and text.isdecimal():
        return int(text)
    return found.size
