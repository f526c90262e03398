"""The property group and the owned properties: created once, widened by missing options, never changed otherwise.

It prevents two harms: a property of someone else's with the same name being written to as if it were ours (a clash of
type stops everything before anything moves), and an option list being replaced instead of extended.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from crmsync.connectors.base import SchemaChange
from crmsync.connectors.hubspot.records import batches
from crmsync.connectors.hubspot.settings import BATCH
from crmsync.connectors.hubspot.transport import Request, Transport
from crmsync.connectors.hubspot.wire import GroupList, PropertyList, WireOption, WireProperty
from crmsync.errors import ConfigError, Fault, Rejected
from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.outputs import Option, Output, OutputKind

GROUP = "property group"
PROPERTY = "property"
OPTION = "option"
_YES_NO = (Option("true", "Yes"), Option("false", "No"))


@dataclass(frozen=True, slots=True)
class Shape:
    """HubSpot's type and field type of an output kind; `accepts` are the field types that an existing one may have."""

    type: str
    field_type: str
    accepts: frozenset[str]


def _shape(type_: str, field_type: str, *also: str) -> Shape:
    return Shape(type_, field_type, frozenset({field_type, *also}))


SHAPES: dict[OutputKind, Shape] = {
    OutputKind.ENUM: _shape("enumeration", "select", "radio"),
    OutputKind.MULTI: _shape("enumeration", "checkbox"),
    OutputKind.TEXT: _shape("string", "textarea", "text", "html"),
    OutputKind.NUMBER: _shape("number", "number"),
    OutputKind.DATETIME: _shape("datetime", "date"),
    OutputKind.DATE: _shape("date", "date"),
    OutputKind.BOOLEAN: _shape("bool", "booleancheckbox"),
}


@dataclass(frozen=True, slots=True)
class _Missing:
    """What one object lacks: properties to create, and properties to extend with all the options they shall have."""

    group: bool
    create: list[Output]
    extend: list[tuple[WireProperty, list[Option]]]


class Schema:
    """Properties of one portal. `prefix` is put before each output's name; `group` is the group's name and label."""

    def __init__(self, transport: Transport, prefix: str, group: tuple[str, str]) -> None:
        self._transport = transport
        self._prefix = prefix
        self._group, self._group_label = group

    def names(self, object_: ObjectName) -> dict[str, bool]:
        return {one.name: one.read_only for one in self._definitions(object_) if not one.archived}

    def missing(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        """What `ensure` would do. Raises ConfigError with one fault a property that clashes."""
        return [change for object_, lacks in self._compare(outputs) for change in self._changes(object_, lacks)]

    def ensure(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        """Create what is missing, after every clash was looked for in all objects."""
        compared = self._compare(outputs)
        done: list[SchemaChange] = []
        for object_, lacks in compared:
            self._apply(object_, lacks)
            done += self._changes(object_, lacks)
        return done

    def _compare(self, outputs: Sequence[Output]) -> list[tuple[ObjectName, _Missing]]:
        faults: list[Fault] = []
        compared = []
        for object_ in OBJECTS:
            wanted = [one for one in outputs if one.object == object_]
            if wanted:
                compared.append((object_, self._missing(object_, wanted, faults)))
        if faults:
            raise ConfigError(faults, "nothing was created")
        return compared

    def _missing(self, object_: ObjectName, wanted: Sequence[Output], faults: list[Fault]) -> _Missing:
        path = self._transport.paths.properties(object_, "groups")
        groups = {one.name for one in self._transport.get("schema", path, GroupList).results}
        there = {one.name.lower(): one for one in self._definitions(object_) if not one.archived}
        create, extend = [], []
        for output in wanted:
            found = there.get((self._prefix + output.name).lower())
            if found is None:
                create.append(output)
                continue
            lacking = _lacking(output, found)
            if message := _clash(output, found, lacking):
                faults.append(Fault(f"HubSpot {object_} property {found.name}", None, message))
            elif lacking:
                extend.append((found, lacking))
        return _Missing(self._group not in groups, create, extend)

    def _definitions(self, object_: ObjectName) -> list[WireProperty]:
        return self._transport.get("schema", self._transport.paths.properties(object_), PropertyList).results

    def _changes(self, object_: ObjectName, lacks: _Missing) -> Iterable[SchemaChange]:
        if lacks.group and lacks.create:
            yield SchemaChange(GROUP, f"{object_}.{self._group}")
        for output in lacks.create:
            yield SchemaChange(PROPERTY, f"{object_}.{self._prefix}{output.name}")
        for found, lacking in lacks.extend:
            for option in lacking:
                yield SchemaChange(OPTION, f"{object_}.{found.name}={option.value}")

    def _apply(self, object_: ObjectName, lacks: _Missing) -> None:
        if lacks.group and lacks.create:
            self._create_group(object_)
        for batch in batches(lacks.create, BATCH):
            self._create(object_, batch)
        for found, lacking in lacks.extend:
            body = {"options": _extended(found, lacking)}
            path = self._transport.paths.properties(object_, found.name)
            self._transport.call(Request("schema", "PATCH", path, WireProperty, body=body))

    def _create_group(self, object_: ObjectName) -> None:
        body = {"name": self._group, "label": self._group_label, "displayOrder": -1}
        self._tolerant(self._transport.paths.properties(object_, "groups"), body)

    def _create(self, object_: ObjectName, outputs: Sequence[Output]) -> None:
        """One batch; what it left out (another process was there first, or one was refused) one by one."""
        path = self._transport.paths.properties(object_, "batch", "create")
        body = {"inputs": [self._definition(one) for one in outputs]}
        try:
            self._transport.post("schema", path, PropertyList, body)
        except Rejected as error:
            if error.status == 403:
                raise
        there = {one.name for one in self._definitions(object_)}
        for output in outputs:
            if self._prefix + output.name not in there:
                self._tolerant(self._transport.paths.properties(object_), self._definition(output))

    def _tolerant(self, path: str, body: dict[str, Any]) -> None:
        """Create; "exists already" is what was wanted (a lost reply, another process)."""
        try:
            self._transport.post("schema", path, msgspec.Raw, body)
        except Rejected as error:
            if error.status != 409:
                raise

    def _definition(self, output: Output) -> dict[str, Any]:
        shape = SHAPES[output.kind]
        options = _YES_NO if output.kind is OutputKind.BOOLEAN else output.options
        definition: dict[str, Any] = {
            "name": self._prefix + output.name,
            "label": output.label,
            "description": output.description,
            "groupName": self._group,
            "type": shape.type,
            "fieldType": shape.field_type,
            "formField": False,
        }
        if options:
            definition["options"] = [_option(option, order) for order, option in enumerate(options)]
        return definition


def _lacking(output: Output, found: WireProperty) -> list[Option]:
    there = {option.value for option in found.options}
    return [option for option in output.options if option.value not in there]


def _clash(output: Output, found: WireProperty, lacking: Sequence[Option]) -> str | None:
    shape = SHAPES[output.kind]
    is_, needs = f"{found.type}/{found.field_type}", f"{shape.type}/{shape.field_type}"
    way_out = "Rename or delete that property in HubSpot, or choose another prefix in config/crmsync.yaml."
    if found.type != shape.type or found.field_type not in shape.accepts:
        return f"exists as {is_}; crmsync needs {needs}. {way_out}"
    if found.read_only and not output.person:
        return f"exists, but HubSpot lets nobody write it; crmsync needs {needs}. {way_out}"
    if lacking and found.fixed:
        names = ", ".join(option.value for option in lacking)
        return f"lacks the options {names}, and HubSpot lets nobody change its definition. {way_out}"
    return None


def _option(option: Option, order: int) -> dict[str, Any]:
    return {"label": option.label, "value": option.value, "displayOrder": order, "hidden": False}


def _extended(found: WireProperty, lacking: Sequence[Option]) -> list[dict[str, Any]]:
    """All options it has, as they are, then the new ones: HubSpot replaces the whole list."""
    order = max((option.display_order for option in found.options), default=-1) + 1
    return [*(_kept(option) for option in found.options), *(_option(one, order + n) for n, one in enumerate(lacking))]


def _kept(option: WireOption) -> dict[str, Any]:
    kept = {
        "label": option.label,
        "value": option.value,
        "displayOrder": option.display_order,
        "hidden": option.hidden,
    }
    return kept | ({"description": option.description} if option.description else {})
