"""The composition root: the one place that knows which store, connector and vocabulary a command works with."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from collections.abc import Mapping as Mapping_
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path

import polars as pl

from crmsync.assess import run as assessment
from crmsync.assess.role_section import role_program
from crmsync.config.connections import Config, Crm, Portal, load_config
from crmsync.config.mappings import Mapping
from crmsync.config.reading import all_of, together
from crmsync.connectors.base import Connector
from crmsync.engine.side import Side
from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import FIELDS, OBJECTS, ObjectName
from crmsync.model.outputs import ListDefinition, Output
from crmsync.normalize.titles import TitleVocabulary
from crmsync.planning.diff import LAST_RUN, NativeRule
from crmsync.planning.guard import GuardLimits
from crmsync.program.conditions import fields_of
from crmsync.program.loader import Program, load_program, shown_path
from crmsync.program.yaml import Items, Scalar, Table, did_you_mean, parse
from crmsync.store import Store

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    return datetime.now(UTC)


class Context:
    """Everything one command works with, for one portal. Close it when done."""

    def __init__(self, config: Config, portal: Portal, *, now: Clock = utc_now) -> None:
        self.config = config
        self.portal = portal
        self.now = now
        self.program: Program
        mappings, self.program = together(
            lambda: all_of(partial(self._mapping, crm) for crm in portal.crms),
            lambda: load_program(portal.program_path, assessment.sections(), outputs=assessment.list_names()),
        )
        self.outputs: tuple[Output, ...] = assessment.outputs(self.program)
        #: The CRMs of the portal; results go by the ids of the first.
        self.sides = tuple(Side(self, crm, mapping) for crm, mapping in zip(portal.crms, mappings, strict=True))
        self._store: Store | None = None
        self._titles: pl.DataFrame | None = None
        self._check_prefixes()
        self._check_carried()
        self._check_fields()

    def _mapping(self, crm: Crm) -> Mapping:
        return self.portal.mapping(crm, outputs=assessment.output_names())

    @property
    def main(self) -> Side:
        """The side whose ids results go by; the only one where there is one CRM."""
        return self.sides[0]

    @property
    def connector(self) -> Connector:
        """The main side's."""
        return self.main.connector

    @property
    def prefix(self) -> str:
        return self.main.mapping.prefix

    def side_of(self, id_: str) -> Side:
        """The CRM that has such a record id; the main one where none has."""
        if len(self.sides) == 1:
            return self.main
        return next((side for side in self.sides if side.connector.owns(id_)), self.main)

    def by_side(self, ids: Iterable[str]) -> list[tuple[Side, list[str]]]:
        """`ids` by the CRM that they belong to, in the order given."""
        found: dict[str, list[str]] = {}
        for id_ in ids:
            found.setdefault(self.side_of(id_).crm, []).append(id_)
        return [(side, found[side.crm]) for side in self.sides if side.crm in found]

    def calls(self) -> dict[str, int]:
        """API calls of the connectors that were used, by family."""
        counted: Counter[str] = Counter()
        for side in self.sides:
            if side.opened is not None:
                counted.update(side.opened.usage().calls)
        return dict(counted)

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store.open(self.config.store_url(), base=self.config.root)
        return self._store

    @property
    def holder(self) -> str:
        return f"process {os.getpid()} on {socket.gethostname()}"

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """The portal alone, for whatever pulls or writes; runs that a dead process left are marked as interrupted."""
        with self.store.exclusive(self.portal.name, holder=self.holder, at=self.now()):
            self.store.runs.interrupt_running(self.portal.name, self.now())
            yield

    @cached_property
    def needs(self) -> dict[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program and the scope ask about."""
        needed = assessment.reads(self.program)
        needed.setdefault("company", frozenset())
        if self.portal.scope is not None:
            needed["company"] |= fields_of(self.portal.scope)
        return needed

    @cached_property
    def wants(self) -> Mapping_[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program uses where there are any."""
        return assessment.wants(self.program)

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        """What is pulled from at least one CRM."""
        return tuple(object_ for object_ in OBJECTS if any(object_ in side.objects for side in self.sides))

    def maps(self, object_: ObjectName) -> frozenset[str]:
        """Canonical fields that at least one CRM feeds."""
        return frozenset(name for side in self.sides for name in side.mapping.read.get(object_, {}))

    @cached_property
    def limits(self) -> GuardLimits:
        given = self.config.guards
        return GuardLimits(**{item.name: getattr(given, item.name) for item in dataclasses.fields(GuardLimits)})

    @property
    def owned(self) -> tuple[Output, ...]:
        """Every property that crmsync creates, the stamp of the last run among them."""
        return (*self.outputs, LAST_RUN)

    @property
    def natives(self) -> tuple[NativeRule, ...]:
        """The CRMs' own properties that follow our values, of all sides."""
        return tuple(rule for side in self.sides for rule in side.natives)

    @property
    def mapping_digest(self) -> str:
        """Digest of all mappings."""
        return "+".join(side.mapping.digest for side in self.sides)

    @cached_property
    def lists(self) -> tuple[ListDefinition, ...]:
        return tuple(definition for output in self.outputs for definition in output.lists())

    @cached_property
    def _vocabulary(self) -> TitleVocabulary:
        return TitleVocabulary.load(self.portal.mappings_dir / role_program(self.program).vocabulary)

    def classify(self, titles: pl.Series) -> pl.DataFrame:
        """Distinct titles -> title, seniority, department, evidence, each title read once.

        The vocabulary is read at the first use.
        """
        asked = pl.DataFrame({"title": titles})
        fresh = asked if self._titles is None else asked.join(self._titles, on="title", how="anti")
        if self._titles is None or not fresh.is_empty():
            read = self._vocabulary.classify_unique(fresh["title"])
            read = read.with_columns(pl.col("evidence").list.join(", "))
            self._titles = read if self._titles is None else pl.concat([self._titles, read])
        return self._titles.join(asked, on="title", how="semi", maintain_order="left")

    def _check_prefixes(self) -> None:
        """Our values have one name in both CRMs."""
        if len({side.prefix for side in self.sides}) > 1:
            where = shown_path(self.portal.mappings_dir / f"{self.sides[1].crm}.yaml")
            raise ConfigError([Fault(f"{where}: prefix", None, f"must be {self.prefix}, as in {self.main.crm}.yaml")])

    def _check_carried(self) -> None:
        """A value that crmsync does not have is carried over by nobody: a slip in the name would go unnoticed."""
        stated = self.portal.together.carried
        if isinstance(stated, str):
            return
        known = {*assessment.output_names(), LAST_RUN.name}
        where = f"{self.config.where}: portals.{self.portal.name}.together.carried"
        faults = [
            Fault(where, None, f"{object_}: crmsync has no value named {name}.{_meant(name, self.prefix, known)}")
            for object_, names in (("company", stated.company), ("contact", stated.contact))
            for name in names
            if name not in known
        ]
        if faults:
            raise ConfigError(faults)

    def _check_fields(self) -> None:
        """A field that the program asks about and no mapping provides would be unknown for ever: a fault instead."""
        worked_out = {name for name, known in FIELDS["company"].items() if known.derived}
        faults = [
            Fault(
                f"{self.config.where}: portals.{self.portal.name}.scope",
                None,
                f"{name} is worked out from what was read, so it cannot say what is read",
            )
            for name in sorted(worked_out & (fields_of(self.portal.scope) if self.portal.scope else frozenset()))
        ]
        mappings = " or ".join(shown_path(self.portal.mappings_dir / f"{side.crm}.yaml") for side in self.sides)
        program, asked_at = self.portal.program_path.name, assessment.asks(self.program)
        faults += [
            Fault(
                f"{mappings}: {object_}.read",
                None,
                f"{name} is missing; {_asker(program, asked_at.get((object_, name)))} asks for it, "
                "and no CRM property feeds it; name the property there, or take it out of the program",
            )
            for object_, fields in self.needs.items()
            for name in sorted(fields - self.maps(object_) - {"id"} - worked_out)
        ]
        faults += self._unmade_lists()
        if faults:
            raise ConfigError(faults)

    def _unmade_lists(self) -> list[Fault]:
        """A list of what a switched-off system decides would stay empty for ever: a fault instead."""
        unmade = assessment.unmade_lists(self.program)
        if not unmade:
            return []
        tree, _ = parse(self.program.text, "")
        given = tree.get("lists") if isinstance(tree, Table) else None
        items = given.items if isinstance(given, Items) else ()
        lines = {item.value: item.line for item in items if isinstance(item, Scalar)}
        where = shown_path(self.portal.program_path)
        return [
            Fault(
                where,
                lines.get(name),
                f"lists: nothing in this program decides {name}; give it {' or '.join(f'{key}:' for key in keys)}, "
                f"or take {name} out of lists",
            )
            for name, keys in unmade.items()
        ]

    def close(self) -> None:
        for side in self.sides:
            side.close()
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _meant(name: str, prefix: str, known: Collection[str]) -> str:
    bare = name.removeprefix(prefix)
    return f" Write {bare}, without {prefix}." if bare in known else did_you_mean(name, known)


def _asker(program: str, at: str | None) -> str:
    return f"{at} in {program}" if at else program


def open_context(config_dir: Path, portal: str | None = None, *, now: Clock = utc_now) -> Context:
    """Read config, mapping and program of one portal. Raises ConfigError with every fault."""
    config = load_config(config_dir)
    return Context(config, config.portal(portal), now=now)
