"""Change, Plan, Outcome: what is to be written, on what basis, and what became of it.

A change is one absolute value for one property of one record, so doing it twice is harmless. The plan is saved before
the first write; it is the checkpoint of an apply.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import polars as pl

from crmsync.model.fields import ObjectName

#: Columns of `Plan.changes`, one row a change. `before` and `after` are the CRM's own text, null for no value.
#: `shared` says that others may write this property too, so that it is read again right before the write.
CHANGE_SCHEMA: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "object": pl.String(),
    "id": pl.String(),
    "property": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "rule": pl.String(),
    "reason": pl.String(),
    "shared": pl.Boolean(),
}


class OutcomeStatus(StrEnum):
    """design.md, Words: what became of a change."""

    APPLIED = "applied"
    IN_PLACE = "already_in_place"
    STALE = "stale"
    REJECTED = "rejected"
    UNANSWERED = "unanswered"
    DEFERRED = "deferred"


@dataclass(frozen=True, slots=True)
class Update:
    """One record's new values, for one write: property name -> text, "" clears."""

    id: str
    properties: dict[str, str]


@dataclass(frozen=True, slots=True)
class WriteResult:
    """What became of one `Update`: `message` is the CRM's words, e-mail addresses masked."""

    id: str
    status: OutcomeStatus
    message: str = ""
    category: str = ""


@dataclass(frozen=True, slots=True)
class Breach:
    """A guard that says no. `name` is what `--accept` takes; figures are for people."""

    name: str
    message: str


@dataclass(frozen=True, slots=True)
class GuardReading:
    """One guard's figure against its limit, breached or not, for the plan's last lines."""

    name: str
    value: int
    base: int
    limit: str
    breached: bool
    message: str


@dataclass(frozen=True)
class Plan:
    """Changes, the basis they rest on, and what a person needs to see before saying yes.

    `basis` holds program digest, mapping digest, mirror counts and completeness; `summary` the figures of the rendering
    (tiers now and after, moves, targets, lists, data quality), plain JSON types throughout.
    """

    id: str
    portal: str
    kind: str
    as_of: str
    program: str
    created_at: str
    changes: pl.DataFrame
    basis: dict[str, Any]
    summary: dict[str, Any]
    guards: tuple[GuardReading, ...] = ()
    digest: str = ""
    undoes: str | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def breaches(self) -> tuple[Breach, ...]:
        return tuple(Breach(g.name, g.message) for g in self.guards if g.breached)

    @property
    def is_empty(self) -> bool:
        return self.changes.is_empty()


def object_order(name: ObjectName | str) -> int:
    """Companies are written before contacts, so that a company's workflows see its own tier first."""
    return {"company": 0, "contact": 1, "deal": 2}.get(name, 9)
