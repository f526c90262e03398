"""The composition root: the one place that knows which store, connector and vocabulary a command works with."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from crmsync.assess import run as assessment
from crmsync.assess.role_section import role_program
from crmsync.config.connections import Config, Portal, load_config
from crmsync.config.mappings import Mapping
from crmsync.config.reading import together
from crmsync.connectors.base import Connector
from crmsync.errors import ConfigError, Fault
from crmsync.model.fields import FIELDS, OBJECTS, ObjectName
from crmsync.model.outputs import ListDefinition, Output
from crmsync.normalize.titles import TitleVocabulary
from crmsync.planning.diff import LAST_RUN, NativeRule
from crmsync.planning.guard import GuardLimits
from crmsync.program.conditions import fields_of
from crmsync.program.loader import Program, load_program, shown_path
from crmsync.program.yaml import Items, Scalar, Table, parse
from crmsync.store import Store

Clock = Callable[[], datetime]

#: Fields that every plan and explanation names accounts and people by.
_NAMING: dict[ObjectName, frozenset[str]] = {
    "company": frozenset({"name", "domain", "owner", "city", "region", "country"}),
    "contact": frozenset({"first_name", "last_name", "title", "account", "owner"}),
    "deal": frozenset({"name"}),
}


def utc_now() -> datetime:
    return datetime.now(UTC)


class Context:
    """Everything one command works with, for one portal. Close it when done."""

    def __init__(self, config: Config, portal: Portal, *, now: Clock = utc_now) -> None:
        self.config = config
        self.portal = portal
        self.now = now
        self.crm = "hubspot"
        self.mapping: Mapping
        self.program: Program
        self.mapping, self.program = together(
            lambda: portal.mapping(self.crm, outputs=assessment.output_names()),
            lambda: load_program(portal.program_path, assessment.sections(), outputs=assessment.list_names()),
        )
        self.outputs: tuple[Output, ...] = assessment.outputs(self.program)
        self._store: Store | None = None
        self._connector: Connector | None = None
        self._titles: pl.DataFrame | None = None
        self._check_fields()

    @property
    def prefix(self) -> str:
        return self.mapping.prefix

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store.open(self.config.store_url(), base=self.config.root)
        return self._store

    @property
    def connector(self) -> Connector:
        """The CRM, opened at the first use: what needs no call needs no token."""
        if self._connector is None:
            self._connector = self._connect()
        return self._connector

    def _connect(self) -> Connector:
        # Imported here: HubSpot's client costs a fifth of a second, and most commands never call the CRM.
        from crmsync.connectors.hubspot import HubSpotSettings, connect

        given = self.portal.hubspot
        assert given is not None
        self.portal.token()  # A missing secret is said before anything is begun.
        settings = HubSpotSettings(
            base_url=given.base_url,
            token=self.portal.token,
            api_version=given.api_version,
            daily_share=given.daily_share / 100,
            cursors=given.cursors,
            timeout=(5.0, given.timeout_s),
        )
        return connect(settings, prefix=self.prefix, group=(self.mapping.group_name, self.mapping.group_label))

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
    def reads(self) -> dict[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program, the scope and the naming of records need."""
        return {object_: fields | _NAMING[object_] for object_, fields in self.decides_on.items()}

    @cached_property
    def decides_on(self) -> dict[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program and the scope need: `reads` without what only names records."""
        needed, wanted = self._asked(), assessment.wants(self.program)
        decided = {
            object_: needed.get(object_, frozenset())
            | (wanted.get(object_, frozenset()) & self.mapping.read.get(object_, {}).keys())
            for object_ in OBJECTS
        }
        return {object_: fields for object_, fields in decided.items() if fields or object_ in needed}

    def _asked(self) -> dict[ObjectName, frozenset[str]]:
        """Canonical fields by object that the program and the scope ask about."""
        needed = assessment.reads(self.program)
        needed.setdefault("company", frozenset())
        if self.portal.scope is not None:
            needed["company"] |= fields_of(self.portal.scope)
        return needed

    @property
    def objects(self) -> tuple[ObjectName, ...]:
        """What is pulled: only objects that something reads."""
        return tuple(object_ for object_ in OBJECTS if object_ in self.reads and object_ in self.mapping.read)

    def properties(self, object_: ObjectName) -> tuple[str, ...]:
        """CRM properties to pull: all that the mapping reads, all that we own, all that we may write."""
        mapped = [read.property for read in self.mapping.read.get(object_, {}).values() if not read.association]
        owned = [self.prefix + output.name for output in self.owned if output.object == object_]
        native = [rule.property for rule in self.natives if rule.object == object_]
        return tuple(sorted({*mapped, *owned, *native, self.connector.modified_property[object_]}))

    @cached_property
    def limits(self) -> GuardLimits:
        given = self.config.guards
        return GuardLimits(**{item.name: getattr(given, item.name) for item in dataclasses.fields(GuardLimits)})

    @property
    def owned(self) -> tuple[Output, ...]:
        """Every property that crmsync creates, the stamp of the last run among them."""
        return (*self.outputs, LAST_RUN)

    @cached_property
    def natives(self) -> tuple[NativeRule, ...]:
        known = {output.name for output in self.outputs}
        return tuple(
            NativeRule(native.name, object_, native.property, native.source_output, native.policy, dict(native.values))
            for object_, natives in self.mapping.write.items()
            for native in natives
            if native.source_output in known
        )

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
        mappings = shown_path(self.portal.mappings_dir / f"{self.crm}.yaml")
        program, asked_at = self.portal.program_path.name, assessment.asks(self.program)
        faults += [
            Fault(
                f"{mappings}: {object_}.read",
                None,
                f"{name} is missing; {_asker(program, asked_at.get((object_, name)))} asks for it, "
                "and no CRM property feeds it; name the property there, or take it out of the program",
            )
            for object_, fields in self._asked().items()
            for name in sorted(fields - set(self.mapping.read.get(object_, {})) - {"id"} - worked_out)
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
        if self._connector is not None:
            self._connector.close()
        if self._store is not None:
            self._store.close()

    def __enter__(self) -> Context:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()


def _asker(program: str, at: str | None) -> str:
    return f"{at} in {program}" if at else program


def open_context(config_dir: Path, portal: str | None = None, *, now: Clock = utc_now) -> Context:
    """Read config, mapping and program of one portal. Raises ConfigError with every fault."""
    config = load_config(config_dir)
    return Context(config, config.portal(portal), now=now)
