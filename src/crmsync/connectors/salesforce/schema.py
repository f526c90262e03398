"""The owned fields as crmsync's own user finds them: it creates none, it says what an admin has to.

It prevents three harms: a field of someone else's with the same name being written to as if it were ours, a run that
writes half of its values because some fields are not there, and a key that could change the org (salesforce.md 7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from crmsync.connectors.base import SchemaChange
from crmsync.connectors.salesforce.definitions import SHAPES, full_name, options_of
from crmsync.connectors.salesforce.fields import FieldInfo, Fields
from crmsync.connectors.salesforce.reads import no_right
from crmsync.connectors.salesforce.settings import SOBJECTS
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.outputs import Output, OutputKind

FIELD, RIGHT, OPTION = "field", "edit right", "option"
REMEDY = "An admin runs `crmsync bootstrap salesforce`, deploys what it writes, and assigns the permission set crmsync."
_SHORT_TEXT = 255
_WAY_OUT = "Rename or delete that field in Salesforce, or choose another prefix in mappings/salesforce.yaml."


class Names(dict[str, bool]):
    """Names of fields as we call them -> read-only. Looked up whatever their capitals, as Salesforce does."""

    def __init__(self, names: dict[str, bool]) -> None:
        super().__init__(names)
        self._spelled = {name.lower(): name for name in names}

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._spelled

    def __missing__(self, name: str) -> bool:
        return super().__getitem__(self._spelled[name.lower()])

    def get(self, name: str, default: bool | None = None) -> bool | None:  # type: ignore[override]
        try:
            return self[name]
        except KeyError:
            return default


@dataclass(slots=True)
class _Lacks:
    """What one object lacks, as full API names (`Account.ABM_Tier__c`), and values of a restricted picklist."""

    fields: list[str] = field(default_factory=list)
    rights: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)

    def words(self) -> str:
        told = [
            (self.fields, "these are missing, or hidden from crmsync's user"),
            (self.rights, "crmsync's user may not edit"),
            (self.options, "these restricted picklists lack values"),
        ]
        return "; ".join(f"{what}: {', '.join(names)}" for names, what in told if names)

    def changes(self) -> list[SchemaChange]:
        named = ((FIELD, self.fields), (RIGHT, self.rights), (OPTION, self.options))
        return [SchemaChange(what, name, by_admin=True) for what, names in named for name in names]


class Schema:
    """Fields of one org. `prefix` is put before each output's name; `settings.api_name` says what a field is called."""

    def __init__(self, transport: Transport, fields: Fields, prefix: str) -> None:
        self._transport = transport
        self._fields = fields
        self._prefix = prefix

    def names(self, object_: ObjectName) -> dict[str, bool]:
        """Every field that crmsync's user sees, as we call it -> whether its value is read-only.

        Raises Unauthorized where this user may not see the object at all.
        """
        known = self._fields.describe(object_)
        if not known:
            self._fields.forget(object_)
            raise no_right(SOBJECTS[object_])
        return Names({self._fields.ours(one.name): not one.updateable for one in known.values() if one.readable})

    def missing(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        """What stands in the way of writing. Raises ConfigError with one fault for each field of another type."""
        return [change for lacks in self._compare(outputs).values() for change in lacks.changes()]

    def ensure(self, outputs: Sequence[Output]) -> list[SchemaChange]:
        """Nothing is created here. Raises ConfigError, one fault an object, where something stands in the way."""
        compared = self._compare(outputs)
        faults = [
            Fault(f"Salesforce {SOBJECTS[object_]}", None, f"{words}. {REMEDY}")
            for object_, lacks in compared.items()
            if (words := lacks.words())
        ]
        if faults:
            raise ConfigError(faults, "nothing was written")
        return []

    def _compare(self, outputs: Sequence[Output]) -> dict[ObjectName, _Lacks]:
        faults: list[Fault] = []
        compared = {
            object_: self._lacking(object_, wanted, faults)
            for object_ in OBJECTS
            if (wanted := [one for one in outputs if one.object == object_])
        }
        if faults:
            raise ConfigError(faults, "nothing was written")
        return compared

    def _lacking(self, object_: ObjectName, wanted: Sequence[Output], faults: list[Fault]) -> _Lacks:
        lacks, clashes = self._look(object_, wanted)
        if clashes or lacks.words():
            # What was described earlier may be from before an admin put it right.
            self._fields.forget(object_)
            lacks, clashes = self._look(object_, wanted)
        faults += clashes
        return lacks

    def _look(self, object_: ObjectName, wanted: Sequence[Output]) -> tuple[_Lacks, list[Fault]]:
        known = self._fields.describe(object_)
        lacks, clashes = _Lacks(), []
        for output in wanted:
            name = full_name(output, self._prefix)
            found = known.get(name.partition(".")[2].lower())
            if found is None:
                lacks.fields.append(name)
            elif message := _clash(output, found):
                clashes.append(Fault(f"Salesforce field {name}", None, message))
            else:
                if not found.updateable and not output.person:
                    lacks.rights.append(name)
                lacks.options += [f"{name}={value}" for value in _refused(output, found)]
        return lacks, clashes


def _clash(output: Output, found: FieldInfo) -> str | None:
    shape = SHAPES[output.kind]
    if found.type != shape.described:
        return f"exists as {found.type}; crmsync needs {shape.described} ({shape.type}). {_WAY_OUT}"
    if output.kind is OutputKind.TEXT and found.length <= _SHORT_TEXT:
        return f"holds {found.length} characters; crmsync needs a long text ({shape.type}). {_WAY_OUT}"
    return None


def _refused(output: Output, found: FieldInfo) -> list[str]:
    """Values that the field would not take; one that is not restricted takes any."""
    if not found.restricted:
        return []
    known = set(found.values)
    return [option.value for option in options_of(output) if option.value not in known]
