"""The user's program: one file in, one checked value out, or every fault at once.

The keys `program currency conditions exclude lists` are read here; every other key belongs to a `Section` that is
handed in, so nothing here knows an account system. A program with a fault is never handed out, not even in part.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema

from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import FIELDS, ObjectName
from crmsync.program.conditions import Condition, fields_of
from crmsync.program.messages import faults_of
from crmsync.program.parse import EMPTY, Parser
from crmsync.program.yaml import (
    Items,
    LineDict,
    LineList,
    LineStr,
    Path_,
    Scalar,
    Table,
    Tree,
    canonical,
    did_you_mean,
    fault_at,
    locate,
    parse,
    plain,
    read_text,
)

OWN_KEYS = ("program", "currency", "conditions", "exclude", "lists")
CONDITION_SCHEMA = {"x-crmsync": "condition"}
_ANY_OBJECT = {**FIELDS["company"], **FIELDS["contact"], **FIELDS["deal"], **FIELDS["company"]}


@dataclass(frozen=True, slots=True)
class ConditionSpec:
    """A condition inside a section's model, as it stands in the file; `Resolver.condition` makes it a Condition."""

    node: Tree

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(CONDITION_SCHEMA)

    @classmethod
    def _read(cls, value: object) -> ConditionSpec:
        if isinstance(value, cls):
            return value
        if isinstance(value, LineStr | LineDict | LineList):
            spec = cls(value.node)
            if (specs := _READ.get()) is not None:
                specs.append(spec)
            return spec
        raise ValueError("expected a condition {field: {operator: value}} or a condition's name")


_READ: ContextVar[list[ConditionSpec] | None] = ContextVar("conditions read by the model at hand", default=None)


@dataclass(frozen=True, slots=True)
class Section:
    """One top-level key of the program, owned by the account system that hands it in.

    `resolve` turns the validated model into what the system works with; it may report faults of its own through the
    resolver. `exports` are names of conditions that it gives to others by `Resolver.export`. `default` is the value
    where the key is not given.
    """

    key: str
    model: type[BaseModel]
    resolve: Callable[[Any, Resolver], object]
    required: bool = False
    default: object = None
    exports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Program:
    """The user's rules, checked. `digest` does not change with comments, spelling or the order of keys."""

    name: str
    currency: str
    exclude: Condition | None
    conditions: Mapping[str, Condition]
    sections: Mapping[str, object]
    lists: tuple[str, ...]
    digest: str
    text: str
    reads: Mapping[ObjectName, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def fields(self) -> frozenset[str]:
        """Canonical account fields that any condition reads."""
        return self.reads.get("company", frozenset())

    @property
    def short_digest(self) -> str:
        return self.digest[:6]

    def section(self, key: str) -> object:
        return self.sections[key]


@dataclass(frozen=True, slots=True)
class Resolver:
    """What a section's `resolve` may ask for. Paths are relative to the section: `("layers", "tier_3")`."""

    _load: _Load
    _key: str
    _tree: Tree

    @property
    def currency(self) -> str:
        return self._load.currency

    def condition(self, spec: ConditionSpec, object: ObjectName = "company") -> Condition:
        """The condition of `spec` over the fields of `object`. Faults are collected; an empty condition stands in."""
        return self._load.condition(spec.node, object)

    def export(self, name: str, condition: Condition) -> None:
        """Makes `condition` usable by `name` in every other condition; the section must declare it in `exports`."""
        self._load.exported[name] = condition

    def section(self, key: str) -> object:
        """The resolved value of another section, its default where it is not given, None where it has a fault."""
        return self._load.section(key)

    def given(self, key: str) -> bool:
        """Whether the program has this section at all, faulty or not: tells "left out" from "has a fault"."""
        return self._load.tree.get(key) is not None

    def fault(self, path: Sequence[str | int], message: str) -> None:
        """Reports something wrong at `path` inside this section."""
        line, _ = locate(self._tree, path)
        self._load.fault(line, (self._key, *path), message)

    def faulty(self, condition: Condition) -> bool:
        """Whether this condition stands in for one with a fault, so that nothing more should be said of it."""
        return condition is EMPTY


def load_program(
    path: Path, sections: Sequence[Section], *, outputs: Collection[str] | None = None, where: str | None = None
) -> Program:
    """The program in `path`. Raises ConfigError with every fault; `outputs` are the names that `lists` may hold."""
    shown = where or shown_path(path)
    hint = "Run `crmsync init DIR` for a program to start from."
    return load_program_text(read_text(path, shown, hint), shown, sections, outputs=outputs)


def load_program_text(
    text: str, where: str, sections: Sequence[Section], *, outputs: Collection[str] | None = None
) -> Program:
    """As `load_program`, of a text; `where` is what faults call it."""
    return _Load(text, where, {section.key: section for section in sections}, outputs).run()


def program_currency(path: Path, default: str = "USD") -> str:
    """The currency that a program states, without checking the rest; `default` where that cannot be told."""
    try:
        tree, _ = parse(path.read_text(encoding="utf-8-sig"), str(path))
    except (OSError, UnicodeDecodeError, ConfigError):
        return default
    stated = tree.get("currency") if isinstance(tree, Table) else None
    return str(stated.value) if isinstance(stated, Scalar) and _is_currency(stated.value) else default


def shown_path(path: Path) -> str:
    """A path as messages show it: relative to where the command runs, if that is shorter."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def digest_of(tree: Tree | None) -> str:
    """SHA-256 (hex) of the meaning of a file."""
    return hashlib.sha256(json.dumps(canonical(tree), sort_keys=True).encode()).hexdigest()


def _is_currency(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[A-Z]{3}", value) is not None


@dataclass
class _Load:
    """One load: collects faults, resolves names on demand so that the order of the file does not matter."""

    text: str
    where: str
    known: Mapping[str, Section]
    outputs: Collection[str] | None
    currency: str = "USD"
    faults: list[Fault] = field(default_factory=list)
    exported: dict[str, Condition] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tree, faults = parse(self.text, self.where)
        self.faults.extend(faults)
        if not isinstance(tree, Table):
            if not faults:
                what = "the file is empty" if tree is None else "expected keys such as program: and icp:"
                self.faults.append(Fault(self.where, None if tree is None else tree.line, what))
            raise ConfigError(self.faults)
        self.tree = tree
        self._named: dict[tuple[str, ObjectName], Condition] = {}
        self._resolved: dict[str, object] = {}
        self._open: list[str] = []
        self._resolving: set[str] = set()
        self._reads: dict[ObjectName, set[str]] = {}
        declared = tree.get("conditions")
        self._declared = declared if isinstance(declared, Table) else Table(tree.line, ("conditions",), ())

    def run(self) -> Program:
        name = self._word("program", "a name for the program", required=True) or ""
        self.currency = self._currency()
        self._check_keys()
        conditions = self._conditions()
        exclude_node = self._given("exclude")
        exclude = None if exclude_node is None else self.condition(exclude_node, "company")
        sections = {key: self.section(key) for key in self.known}
        lists = self._lists()
        if self.faults:
            raise ConfigError(sorted(dict.fromkeys(self.faults), key=lambda fault: fault.line or 0))
        return Program(
            name=name,
            currency=self.currency,
            exclude=exclude,
            conditions={**conditions, **self.exported},
            sections=sections,
            lists=lists,
            digest=digest_of(self.tree),
            text=self.text,
            reads={name: frozenset(fields) for name, fields in self._reads.items()},
        )

    def fault(self, line: int, path: Path_, message: str) -> None:
        self.faults.append(fault_at(self.where, line, path, message))

    def condition(self, node: Tree, object: ObjectName) -> Condition:
        parser = Parser(
            self.where,
            self.currency,
            FIELDS[object],
            lambda name, _: self._lookup(name, object),
            self.faults,
        )
        before = len(self.faults)
        condition = parser.parse(node)
        if len(self.faults) > before:
            return EMPTY
        self._reads.setdefault(object, set()).update(fields_of(condition))
        return condition

    def section(self, key: str) -> object:
        section = self.known[key]
        if key in self._resolved:
            return self._resolved[key]
        entry = self.tree.entry(key)
        if entry is None:
            if section.required:
                self.fault(1, (key,), "missing; a program needs it")
            self._resolved[key] = section.default
            return section.default
        # Set first, so that two sections that ask for each other end instead of going in circles.
        self._resolved[key] = None
        specs: list[ConditionSpec] = []
        token = _READ.set(specs)
        try:
            model = section.model.model_validate(plain(entry.value))
        except ValidationError as error:
            self.faults.extend(faults_of(error, section.model, entry.value, self.where))
            self._check(specs)
            return None
        finally:
            _READ.reset(token)
        self._resolving.add(key)
        value = section.resolve(model, Resolver(self, key, entry.value))
        self._resolving.discard(key)
        self._resolved[key] = value
        return value

    def _check(self, specs: Sequence[ConditionSpec]) -> None:
        """Faults in the conditions of a section whose model is refused, so that they come with the others."""
        parser = Parser(self.where, self.currency, _ANY_OBJECT, lambda name, _: self._lookup(name, "company"))
        for spec in specs:
            parser.parse(spec.node)
        self.faults.extend(parser.faults)

    def _lookup(self, name: str, object: ObjectName) -> tuple[Condition | None, str]:
        if name in self._open:
            circle = " -> ".join([*self._open[self._open.index(name) :], name])
            return None, f"a condition cannot stand on itself: {circle}"
        if (name, object) in self._named:
            return self._settled(self._named[name, object])
        declared = self._declared.get(name)
        giver = next((section for section in self.known.values() if name in section.exports), None)
        if declared is None and giver is None:
            exports = (name for section in self.known.values() for name in section.exports)
            names = list(dict.fromkeys((*self._declared.keys(), *exports)))
            near = did_you_mean(name, names)
            return (
                None,
                f"no condition is named {name}.{near or (' Named: ' + ', '.join(names) + '.') if names else ''}",
            )
        self._open.append(name)
        try:
            if declared is not None:
                condition = self.condition(declared, object)
            else:
                assert giver is not None
                given, reason = self._exported(giver, name)
                if given is None:
                    return None, reason
                condition = given
        finally:
            self._open.pop()
        self._named[name, object] = condition
        return self._settled(condition)

    def _exported(self, giver: Section, name: str) -> tuple[Condition | None, str]:
        if self.tree.get(giver.key) is None:
            return None, f"{name} is given by the section {giver.key}, which this program does not have"
        if giver.key in self._resolving:
            return None, f"a condition cannot stand on itself: {name}"
        self.section(giver.key)
        return self.exported.get(name, EMPTY), ""

    @staticmethod
    def _settled(condition: Condition) -> tuple[Condition | None, str]:
        """A condition that has faults of its own is not reported again where it is used."""
        return (None, "") if condition is EMPTY else (condition, "")

    def _conditions(self) -> dict[str, Condition]:
        given = self._given("conditions")
        if given is not None and not isinstance(given, Table):
            self.fault(given.line, ("conditions",), "expected names with a condition each")
        taken = {name: section.key for section in self.known.values() for name in section.exports}
        found: dict[str, Condition] = {}
        for entry in self._declared.entries:
            if entry.key in taken:
                message = f"the section {taken[entry.key]} gives this name already; choose another"
                self.fault(entry.line, ("conditions", entry.key), message)
                continue
            condition, reason = self._lookup(entry.key, "company")
            if reason:
                self.fault(entry.line, ("conditions", entry.key), reason)
            if condition is not None:
                found[entry.key] = condition
        return found

    def _given(self, key: str) -> Tree | None:
        """The value of a key; a key with nothing behind it (all lines commented out) counts as not given."""
        tree = self.tree.get(key)
        return None if isinstance(tree, Scalar) and tree.value is None else tree

    def _check_keys(self) -> None:
        known = (*OWN_KEYS, *self.known)
        for entry in self.tree.entries:
            if entry.key not in known:
                near = did_you_mean(entry.key, known)
                self.fault(entry.line, (entry.key,), f"no such key.{near or ' Known: ' + ', '.join(known) + '.'}")

    def _word(self, key: str, expected: str, *, required: bool = False) -> str | None:
        entry = self.tree.entry(key)
        if entry is None:
            if required:
                self.fault(1, (key,), f"missing; expected {expected}")
            return None
        if isinstance(entry.value, Scalar) and entry.value.value is not None and entry.value.text.strip():
            return entry.value.text.strip()
        self.fault(entry.line, (key,), f"expected {expected}")
        return None

    def _currency(self) -> str:
        stated = self._word("currency", "a currency such as USD or EUR")
        if stated is None or _is_currency(stated):
            return stated or "USD"
        entry = self.tree.entry("currency")
        self.fault(entry.line if entry else 1, ("currency",), f"{stated} is not a currency; write USD, EUR, GBP, ...")
        return "USD"

    def _lists(self) -> tuple[str, ...]:
        given = self._given("lists")
        if given is None:
            return ()
        if not isinstance(given, Items):
            self.fault(given.line, ("lists",), "expected a list, such as [tier, target_status]")
            return ()
        names: list[str] = []
        for item in given.items:
            if not isinstance(item, Scalar) or not isinstance(item.value, str):
                self.fault(item.line, item.path, "expected the name of a value, such as tier")
            elif item.value in names:
                self.fault(item.line, item.path, f"{item.value} is named twice")
            elif self.outputs is not None and item.value not in self.outputs:
                near = did_you_mean(item.value, self.outputs)
                options = f" Known: {', '.join(sorted(self.outputs))}."
                self.fault(item.line, item.path, f"no list can be made of {item.value}.{near or options}")
            else:
                names.append(item.value)
        return tuple(names)
