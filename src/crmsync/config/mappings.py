"""Field mappings: which CRM property feeds which canonical field, and which native properties follow our outputs.

Prevents a rule that reads an empty column because of a misspelt name, a figure in another currency taken as the
program's, and a write to a property that nobody named.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from crmsync.config.reading import Strict, raise_faults, read_settings
from crmsync.errors import Fault
from crmsync.model.fields import FIELDS, OBJECTS, Kind, ObjectName
from crmsync.model.outputs import NativePolicy
from crmsync.normalize.booleans import boolean
from crmsync.program.loader import digest_of
from crmsync.program.schema import DIALECT
from crmsync.program.yaml import Path_, Table, did_you_mean, fault_at, locate

ASSOCIATION = "associations."
#: What an association is called in a mapping, and the object that it leads to.
_ASSOCIATED: dict[str, ObjectName] = {"companies": "company", "contacts": "contact", "deals": "deal"}
#: Fields that associations may feed, and the object that they must lead to.
_LINKS: dict[tuple[ObjectName, str], str] = {
    ("company", "parent"): "companies",
    ("contact", "account"): "companies",
    ("contact", "buying_role"): "companies",
    ("contact", "reports_to"): "contacts",
    ("deal", "accounts"): "companies",
    ("deal", "contacts"): "contacts",
    ("deal", "contact_roles"): "contacts",
}
#: Kinds of which a mapping may say what the CRM's values mean; sets option by option, unless they hold records.
_SAID = (Kind.TEXT, Kind.ENUM, Kind.BOOLEAN, Kind.SET)
#: Sets of records, or of parts that records have: their entries are ids.
_RECORDS = ("accounts", "contacts", "contact_roles")
_HINT = "Run `crmsync init DIR` for mappings to start from."


@dataclass(frozen=True, slots=True)
class ReadMap:
    """`property` feeds the field. Money: amounts are in `currency` (None: the program's), times `rate`, exactly.
    Associations: only those that carry `label`, where one is given. `values`: what the CRM's values mean, by theirs in
    lower case; where there are any, a value that is not among them is unknown."""

    property: str
    currency: str | None = None
    rate: Decimal | None = None
    label: str | None = None
    values: dict[str, str] = field(default_factory=dict)

    @builtins.property
    def association(self) -> str | None:
        """`companies` for `associations.companies`: the field is fed by associations, not by a property."""
        return self.property.removeprefix(ASSOCIATION) if self.property.startswith(ASSOCIATION) else None

    @builtins.property
    def associated(self) -> ObjectName | None:
        """`company` for `associations.companies`: the object that the association leads to."""
        return _ASSOCIATED.get(self.association) if self.association is not None else None


@dataclass(frozen=True, slots=True)
class NativeMap:
    """A native property that follows one of our outputs. An output value without an entry in `values` leaves it blank;
    empty `values` passes the output on as it is."""

    name: str
    property: str
    source_output: str
    policy: NativePolicy
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mapping:
    """One CRM's mapping. Objects without a section are not pulled."""

    crm: str
    prefix: str
    group_name: str
    group_label: str
    read: dict[ObjectName, dict[str, ReadMap]]
    write: dict[ObjectName, tuple[NativeMap, ...]]
    digest: str

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        return tuple(name for name in OBJECTS if name in self.read)


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value


Text = Annotated[str, BeforeValidator(_as_text)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.]*$")]


def _spelled_out(value: object) -> object:
    """`employees: numberofemployees` is short for `employees: {property: numberofemployees}`."""
    if isinstance(value, str):
        return {"property": value}
    if not isinstance(value, dict | _Read):
        raise ValueError("expected the name of a property, or {property: ...}")
    return value


class _Read(Strict):
    property: Name
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    rate: Annotated[Decimal, Field(gt=0)] | None = None
    label: Annotated[str, Field(min_length=1)] | None = None
    values: dict[Text, Annotated[Text, Field(min_length=1)]] = Field(default_factory=dict)


class _Write(Strict):
    property: Name
    source: Name = Field(alias="from")
    policy: Literal["own", "fill_blank", "never"]
    values: dict[Text, Text] = Field(default_factory=dict)


class _Object(Strict):
    read: dict[str, Annotated[_Read, BeforeValidator(_spelled_out)]] = Field(default_factory=dict)
    write: dict[str, _Write] = Field(default_factory=dict)


class _Group(Strict):
    name: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")] = "crmsync"
    label: Annotated[str, Field(min_length=1)] = "Account programme"


class _File(Strict):
    crm: Literal["hubspot", "salesforce"]
    prefix: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*_$")] = "abm_"
    group: _Group = _Group()
    company: _Object | None = None
    contact: _Object | None = None
    deal: _Object | None = None


def load_mapping(path: Path, *, currency: str = "USD", outputs: Collection[str] | None = None) -> Mapping:
    """The mapping in `path`. Raises ConfigError with every fault.

    `currency` is the program's; an amount in another one needs a `rate`. `outputs` are the names `from` may take.
    """
    model, tree, faults, where = read_settings(path, _File, _HINT)
    if model is None:
        raise_faults(faults)
        raise AssertionError("no model without a fault")
    checker = _Checker(tree, where, currency, outputs, faults)
    sections = {name: section for name in OBJECTS if (section := getattr(model, name)) is not None}
    mapping = Mapping(
        crm=model.crm,
        prefix=model.prefix,
        group_name=model.group.name,
        group_label=model.group.label,
        read={name: checker.read(name, section) for name, section in sections.items()},
        write={name: checker.write(name, section, model.prefix) for name, section in sections.items()},
        digest=digest_of(tree),
    )
    if path.stem != model.crm:
        checker.fault(("crm",), f"the file is called {path.name}, and {model.crm} belongs into {model.crm}.yaml")
    if not sections:
        checker.fault((), "no object is mapped; a company: section is needed")
    raise_faults(checker.faults)
    return mapping


@dataclass
class _Checker:
    tree: Table
    where: str
    currency: str
    outputs: Collection[str] | None
    faults: list[Fault]

    def fault(self, path: Path_, message: str) -> None:
        self.faults.append(fault_at(self.where, locate(self.tree, path)[0] if path else None, path, message))

    def read(self, name: ObjectName, section: _Object) -> dict[str, ReadMap]:
        found: dict[str, ReadMap] = {}
        for key, entry in section.read.items():
            path: Path_ = (name, "read", key)
            known = FIELDS[name].get(key)
            if known is not None and known.derived:
                self.fault(path, f"crmsync works {key} out by itself; leave it out")
                continue
            if known is None or key == "id":
                options = [other for other, one in FIELDS[name].items() if other != "id" and not one.derived]
                told = "the record id is always read; leave it out" if key == "id" else "no such field."
                near = "" if key == "id" else did_you_mean(key, options) or f" Fields: {', '.join(options)}."
                self.fault(path, told + near)
                continue
            if known.kind is not Kind.MONEY and (entry.currency or entry.rate):
                self.fault(path, "currency and rate belong to amounts of money only")
            elif entry.currency not in (None, self.currency) and entry.rate is None:
                self.fault(
                    path,
                    f"amounts in {entry.currency} need a rate: how many {self.currency} (the program's currency) "
                    f"one {entry.currency} is",
                )
            elif entry.rate is not None and entry.currency in (None, self.currency):
                self.fault(path, f"a rate needs a currency other than the program's {self.currency}")
            values = self.values(path, name, key, entry)
            found[key] = ReadMap(entry.property, entry.currency, entry.rate, entry.label, values)
            self.association(path, name, key, found[key])
        return found

    def values(self, path: Path_, name: ObjectName, key: str, entry: _Read) -> dict[str, str]:
        """What the CRM's values mean, by theirs in lower case; faults where that cannot be said, or is said twice."""
        known = FIELDS[name][key]
        if not entry.values:
            return {}
        if known.kind not in _SAID or key in _RECORDS:
            self.fault((*path, "values"), f"{key} holds no words ({known.kind}), so its values mean what they say")
        if entry.property.startswith(ASSOCIATION):
            self.fault((*path, "values"), "values belong to a property, not to associations; leave them out")
        found: dict[str, str] = {}
        for said, meant in entry.values.items():
            at, word = (*path, "values", said), said.strip().lower()
            if not word:
                self.fault(at, "expected a value of the CRM; no value is unknown already")
            elif word in found:
                self.fault(at, "stands here twice: capitals make no difference in a value of the CRM")
            if known.kind is Kind.BOOLEAN and boolean(meant) is None:
                self.fault(at, f"expected true or false, found {meant}")
            if known.kind is Kind.SET and ";" in said + meant:
                self.fault(at, "expected one option of the set, without a semicolon")
            found[word] = meant.strip()
        return found

    def association(self, path: Path_, name: ObjectName, key: str, read: ReadMap) -> None:
        """A field that associations feed must be one that they can fill, from records of the right kind."""
        leads_to = _LINKS.get((name, key))
        if read.association is None:
            if read.label is not None:
                self.fault(path, "a label belongs to associations, such as associations.contacts; leave it out")
        elif leads_to is None:
            self.fault(path, f"{key} cannot be fed by associations; name a property")
        elif read.association != leads_to:
            self.fault(path, f"expected {ASSOCIATION}{leads_to}, found {read.property}")
        elif FIELDS[name][key].kind is Kind.ID and read.label is None:
            self.fault(
                path,
                f"{key} is one record, and there may be several {leads_to}: say which label it carries, as in "
                f"{{property: {read.property}, label: Manager}}",
            )

    def write(self, name: ObjectName, section: _Object, prefix: str) -> tuple[NativeMap, ...]:
        found: list[NativeMap] = []
        taken: dict[str, str] = {}
        for key, stated in section.write.items():
            path: Path_ = (name, "write", key)
            if stated.property.startswith(prefix):
                self.fault((*path, "property"), f"{stated.property} is crmsync's own; it is kept without a mapping")
            if stated.property in taken:
                self.fault((*path, "property"), f"{stated.property} is written by {taken[stated.property]} already")
            if re.match(r"associations\.|hs_object_id$", stated.property):
                self.fault((*path, "property"), f"{stated.property} cannot be written")
            if self.outputs is not None and stated.source not in self.outputs:
                near = did_you_mean(stated.source, self.outputs) or f" Known: {', '.join(sorted(self.outputs))}."
                self.fault((*path, "from"), f"crmsync has no value named {stated.source}.{near}")
            taken[stated.property] = key
            found.append(NativeMap(key, stated.property, stated.source, NativePolicy(stated.policy), stated.values))
        return tuple(found)


def mapping_json_schema() -> dict[str, Any]:
    """The schema of a mapping file, for editors."""
    schema = _File.model_json_schema(by_alias=True)
    objects = schema["properties"]
    for name in OBJECTS:
        reads = {
            field: {"$ref": "#/$defs/Read"}
            for field, known in FIELDS[name].items()
            if field != "id" and not known.derived
        }
        objects[name] = {
            "type": ["object", "null"],
            "description": f"Without this section no {name} is read.",
            "properties": {
                "read": {"type": "object", "properties": reads, "additionalProperties": False},
                "write": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Write"}},
            },
            "additionalProperties": False,
        }
    written = schema["$defs"]
    definitions = {
        "Group": {**written["_Group"], "title": "Group"},
        "Read": {"anyOf": [{"type": "string"}, {**written["_Read"], "title": "Read"}]},
        "Write": {**written["_Write"], "title": "Write"},
    }
    objects["group"] = {"$ref": "#/$defs/Group"}
    return {"$schema": DIALECT, **schema, "title": "crmsync field mapping", "$defs": definitions}
