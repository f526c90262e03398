"""Saved plans: the value a person said yes to, kept exactly, whole before the first write."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import polars as pl
import sqlalchemy as sa

from crmsync.errors import StoreError
from crmsync.model.plan import CHANGE_SCHEMA, GuardReading, Plan
from crmsync.store.database import Database
from crmsync.store.schema import plan_changes, plans
from crmsync.store.timestamps import from_text, to_text

_CHUNK_ROWS = 50_000
_COLUMNS = tuple(CHANGE_SCHEMA)


class PlanStatus(StrEnum):
    """`open` may be applied, `applying` was begun; the others are ends."""

    OPEN = "open"
    APPLYING = "applying"
    APPLIED = "applied"
    SUPERSEDED = "superseded"
    BREACHED = "breached"


#: What `newest_open` looks for: a breached plan waits for a person's `--accept`, one being applied for its resume.
WAITING = (PlanStatus.OPEN, PlanStatus.APPLYING, PlanStatus.BREACHED)


@dataclass(frozen=True, slots=True)
class PlanEntry:
    """A plan in a list: all but its changes. `status_at` is when the status was last set."""

    id: str
    portal: str
    kind: str
    status: PlanStatus
    status_at: datetime
    created_at: str
    digest: str
    changes: int


class Plans:
    """The saved plans. What became of their changes is `checkpoint.py`'s."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def save(self, plan: Plan, at: datetime, *, status: PlanStatus = PlanStatus.OPEN) -> None:
        """Keep a plan whole or not at all. Raises StoreError where its id is taken."""
        header = {k: v for k, v in _header(plan).items() if k != "changes"}
        with self._db.write() as connection:
            if connection.execute(sa.select(plans.c.id).where(plans.c.id == plan.id)).first():
                raise StoreError(f"plan {plan.id} exists already; plan again under another id.")
            connection.execute(
                sa.insert(plans).values(
                    id=plan.id, portal=plan.portal, kind=plan.kind, status=PlanStatus(status), status_at=to_text(at),
                    created_at=plan.created_at, digest=plan.digest, changes=plan.changes.height,
                    header=json.dumps(header),
                )
            )  # fmt: skip
            columns = ("plan_id", *_COLUMNS)
            for part in plan.changes.select(_COLUMNS).iter_slices(_CHUNK_ROWS):
                rows = [(plan.id, *row) for row in part.iter_rows()]
                self._db.insert(connection, plan_changes, columns, rows)

    def load(self, plan_id: str) -> Plan:
        """The plan as it was saved, changes in order of `seq`. Raises StoreError where there is none."""
        with self._db.read() as connection:
            header = connection.execute(sa.select(plans.c.header).where(plans.c.id == plan_id)).scalar()
            if header is None:
                raise _no_plan(plan_id)
            changes = read_changes(connection, plan_changes.c.plan_id == plan_id)
        values = json.loads(header)
        values["guards"] = tuple(GuardReading(**guard) for guard in values["guards"])
        values["notes"] = tuple(values["notes"])
        return Plan(changes=changes, **values)

    def status(self, plan_id: str) -> PlanStatus:
        with self._db.read() as connection:
            status = connection.execute(sa.select(plans.c.status).where(plans.c.id == plan_id)).scalar()
        if status is None:
            raise _no_plan(plan_id)
        return PlanStatus(status)

    def set_status(self, plan_id: str, status: PlanStatus, at: datetime) -> None:
        """Raises StoreError where there is no such plan."""
        values = {"status": PlanStatus(status), "status_at": to_text(at)}
        with self._db.write() as connection:
            if connection.execute(sa.update(plans).where(plans.c.id == plan_id).values(values)).rowcount != 1:
                raise _no_plan(plan_id)

    def supersede(self, portal: str, at: datetime, *, keep: str | None = None) -> list[str]:
        """Mark the portal's open and breached plans but `keep` as superseded, not one being applied. Returns ids."""
        mine = sa.and_(
            plans.c.portal == portal,
            plans.c.status.in_([PlanStatus.OPEN, PlanStatus.BREACHED]),
            plans.c.id != (keep or ""),
        )
        with self._db.write() as connection:
            found = list(connection.execute(sa.select(plans.c.id).where(mine).order_by(plans.c.number)).scalars())
            values = {"status": PlanStatus.SUPERSEDED, "status_at": to_text(at)}
            connection.execute(sa.update(plans).where(mine).values(values))
            return found

    def newest_open(self, portal: str) -> PlanEntry | None:
        """The plan saved last that is neither applied nor superseded."""
        found = [entry for entry in self.list(portal) if entry.status in WAITING]
        return found[0] if found else None

    def get(self, plan_id: str) -> PlanEntry | None:
        with self._db.read() as connection:
            row = connection.execute(_entries().where(plans.c.id == plan_id)).first()
        return None if row is None else _entry(row)

    def list(self, portal: str | None = None, *, limit: int | None = None) -> list[PlanEntry]:
        """Newest first."""
        query = _entries().order_by(plans.c.number.desc()).limit(limit)
        if portal is not None:
            query = query.where(plans.c.portal == portal)
        with self._db.read() as connection:
            return [_entry(row) for row in connection.execute(query)]


def read_changes(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> pl.DataFrame:
    """Changes of one plan by `conditions`, in the columns of `CHANGE_SCHEMA`, in order of `seq`."""
    columns = [plan_changes.c[name] for name in _COLUMNS]
    # Sorted here: asked for an order, SQLite reads a whole plan by its key rather than a batch by its index.
    rows = [tuple(row) for row in connection.execute(sa.select(*columns).where(*conditions))]
    return pl.DataFrame(rows, schema=CHANGE_SCHEMA, orient="row").sort("seq")


def _header(plan: Plan) -> dict[str, Any]:
    # asdict would copy the frame's values too, were it not left out first.
    fields = {name: getattr(plan, name) for name in plan.__dataclass_fields__ if name not in ("changes", "guards")}
    return fields | {"guards": [asdict(guard) for guard in plan.guards], "notes": list(plan.notes)}


def _no_plan(plan_id: str) -> StoreError:
    return StoreError(f"there is no plan {plan_id}; make one with `crmsync plan`.")


def _entries() -> sa.Select[Any]:
    c = plans.c
    return sa.select(c.id, c.portal, c.kind, c.status, c.status_at, c.created_at, c.digest, c.changes)


def _entry(row: sa.Row[Any]) -> PlanEntry:
    return PlanEntry(
        id=row.id,
        portal=row.portal,
        kind=row.kind,
        status=PlanStatus(row.status),
        status_at=from_text(row.status_at),
        created_at=row.created_at,
        digest=row.digest,
        changes=row.changes,
    )
