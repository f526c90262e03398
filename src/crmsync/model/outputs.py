"""Outputs: the values that crmsync owns in the CRM, and the lists it keeps.

An output is declared once, by the system that computes it; the property in the CRM, the diff, the ownership rule, the
lists and the explanation all follow from the declaration.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from crmsync.model.fields import ObjectName


class OutputKind(StrEnum):
    """Type of an owned property. MULTI is several options, `;`-separated and sorted as declared."""

    ENUM = "enum"
    MULTI = "multi"
    TEXT = "text"
    NUMBER = "number"
    DATETIME = "datetime"
    DATE = "date"
    BOOLEAN = "boolean"


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Output:
    """A property that crmsync creates and keeps. `name` carries no prefix ("tier" lands as `abm_tier`).

    `follows` makes it a companion (reason, date, run): it is written only in the same record as a change of a decision,
    never alone (contract.md `abm_last_run`). `person` marks a person's word: created by us, written by nobody but people.
    """

    name: str
    object: ObjectName
    kind: OutputKind
    label: str
    description: str = ""
    options: tuple[Option, ...] = ()
    follows: bool = False
    person: bool = False


class NativePolicy(StrEnum):
    """What may be done to a property that crmsync does not own (design.md, Names in the CRM)."""

    OWN = "own"
    FILL_BLANK = "fill_blank"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class ListDefinition:
    """A list in the CRM. `output`/`value` make it active by a filter (`equals`, or contains for a MULTI output)."""

    name: str
    object: ObjectName
    output: str
    value: str
    multi: bool = False
