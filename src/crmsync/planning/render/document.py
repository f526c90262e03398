"""A plan as one JSON document: whole, so that it can be kept in a repository, reviewed, and applied from the file."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from crmsync.errors import CrmsyncError
from crmsync.model.plan import CHANGE_SCHEMA, GuardReading, Plan

FORMAT = "crmsync-plan-1"
_FIELDS = ("id", "portal", "kind", "as_of", "program", "created_at", "digest", "undoes", "basis", "summary")


def plan_document(plan: Plan, people: pl.DataFrame | None = None) -> dict[str, Any]:
    """Plain JSON types. `changes` has the columns of `CHANGE_SCHEMA`; `people` names, owners and links by id."""
    return {
        "format": FORMAT,
        **{name: getattr(plan, name) for name in _FIELDS},
        "notes": list(plan.notes),
        "guards": [asdict(guard) for guard in plan.guards],
        "breaches": [breach.name for breach in plan.breaches],
        "changes": plan.changes.to_dicts(),
        "people": [] if people is None else people.to_dicts(),
    }


def render_json(plan: Plan, people: pl.DataFrame | None = None) -> str:
    return json.dumps(plan_document(plan, people), ensure_ascii=False, indent=1) + "\n"


class _Guard(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    value: int
    base: int
    limit: str
    breached: bool
    message: str


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    seq: int
    object: str
    id: str
    property: str
    before: str | None
    after: str | None
    rule: str | None
    reason: str | None
    shared: bool


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    format: str
    id: str
    portal: str
    kind: str
    as_of: str
    program: str
    created_at: str
    digest: str
    undoes: str | None
    basis: dict[str, Any]
    summary: dict[str, Any]
    notes: tuple[str, ...]
    guards: tuple[_Guard, ...]
    changes: tuple[_Change, ...]


def plan_from_json(text: str, where: str = "the plan file") -> Plan:
    """The plan that `render_json` wrote; its digest is the caller's to check.

    Raises CrmsyncError where the text is not a plan.
    """
    try:
        read = _Document.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        detail = f"{place}: {first['msg']}" if place else first["msg"]
        raise CrmsyncError(
            f"{where} is not a plan ({detail}); write one with `crmsync plan --out FILE.json`."
        ) from None
    if read.format != FORMAT:
        raise CrmsyncError(f"{where} is of format {read.format!r}; this crmsync reads {FORMAT}. Plan again.")
    rows = [tuple(getattr(change, name) for name in CHANGE_SCHEMA) for change in read.changes]
    return Plan(
        changes=pl.DataFrame(rows, schema=CHANGE_SCHEMA, orient="row"),
        guards=tuple(GuardReading(**guard.model_dump()) for guard in read.guards),
        notes=read.notes,
        **{name: getattr(read, name) for name in _FIELDS},
    )
