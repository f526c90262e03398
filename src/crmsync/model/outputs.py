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
class ListDefinition:
    """A list in the CRM, active by a filter on an owned property: equals `value`, or has it where `multi`."""

    name: str
    object: ObjectName
    output: str
    value: str
    multi: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """A property that crmsync creates and keeps. `name` carries no prefix ("tier" lands as `abm_tier`).

    `follows` makes it a companion (reason, date, run): it is written only beside a change of a decision in the same
    record, never alone (contract.md `abm_last_run`). `person` marks a person's word: created by us, written by nobody
    but people. `reason` names the output that says why. `ranked` lists option values from worst to best, where moving
    down is a demotion. `keep_hand_edits`: a value that our ledger did not write is a person's entry and stays
    (domain.md B1). `list_name` is the template of the lists kept per option ("ABM: Gap {value}", "ABM: {label}"), ""
    for none.
    """

    name: str
    object: ObjectName
    kind: OutputKind
    label: str
    description: str = ""
    options: tuple[Option, ...] = ()
    follows: bool = False
    person: bool = False
    system: str = ""
    reason: str = ""
    ranked: tuple[str, ...] = ()
    keep_hand_edits: bool = False
    list_name: str = ""
    list_skips: tuple[str, ...] = ()

    def lists(self) -> tuple[ListDefinition, ...]:
        """The lists that this output keeps, one an option (contract.md, Lists)."""
        if not self.list_name:
            return ()
        return tuple(
            ListDefinition(
                name=self.list_name.format(value=option.value, label=option.label),
                object=self.object,
                output=self.name,
                value=option.value,
                multi=self.kind is OutputKind.MULTI,
            )
            for option in self.options
            if option.value not in self.list_skips
        )


class NativePolicy(StrEnum):
    """What may be done to a property that crmsync does not own (design.md, Names in the CRM)."""

    OWN = "own"
    FILL_BLANK = "fill_blank"
    NEVER = "never"
