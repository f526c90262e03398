"""Runs: who started what, when, why, and how it ended. One left `running` by a dead process is interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from crmsync.errors import StoreError
from crmsync.store.database import Database
from crmsync.store.schema import runs
from crmsync.store.timestamps import from_text, to_text


class RunStatus(StrEnum):
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    BREACHED = "breached"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Run:
    """One run. `reason` is a person's, `trigger` what started it, `program` its digest; `counts` plain JSON."""

    id: str
    portal: str
    kind: str
    status: RunStatus
    started_at: datetime
    finished_at: datetime | None
    reason: str
    trigger: str
    program: str
    counts: dict[str, Any] = field(default_factory=dict)
    message: str = ""


class Runs:
    """The table of runs."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def start(
        self,
        run_id: str,
        portal: str,
        kind: str,
        at: datetime,
        *,
        reason: str = "",
        trigger: str = "",
        program: str = "",
    ) -> Run:
        """Record a run as running. Raises StoreError where the id is taken."""
        run = Run(run_id, portal, kind, RunStatus.RUNNING, at, None, reason, trigger, program)
        with self._db.write() as connection:
            if connection.execute(sa.select(runs.c.id).where(runs.c.id == run_id)).first():
                raise StoreError(f"run {run_id} exists already; start the run again under another id.")
            connection.execute(
                sa.insert(runs).values(
                    id=run_id, portal=portal, kind=kind, status=run.status, started_at=to_text(at), reason=reason,
                    trigger=trigger, program=program, counts="{}", message="",
                )
            )  # fmt: skip
        return run

    def finish(
        self,
        run_id: str,
        status: RunStatus,
        at: datetime,
        *,
        counts: Mapping[str, Any] | None = None,
        message: str = "",
    ) -> None:
        """Record how a run ended. Raises StoreError where there is no such run."""
        values = {"status": RunStatus(status), "finished_at": to_text(at), "message": message}
        with self._db.write() as connection:
            query = sa.update(runs).where(runs.c.id == run_id)
            if connection.execute(query.values(values | {"counts": json.dumps(counts or {})})).rowcount != 1:
                raise StoreError(f"there is no run {run_id}; `crmsync runs` lists them.")

    def interrupt_running(self, portal: str, at: datetime, *, message: str = "its process ended") -> list[str]:
        """Mark the portal's running runs as interrupted; returns their ids. Only for the holder of the portal's lock,
        since then none of them can be alive."""
        with self._db.write() as connection:
            mine = sa.and_(runs.c.portal == portal, runs.c.status == RunStatus.RUNNING)
            found = list(connection.execute(sa.select(runs.c.id).where(mine).order_by(runs.c.number)).scalars())
            values = {"status": RunStatus.INTERRUPTED, "finished_at": to_text(at), "message": message}
            connection.execute(sa.update(runs).where(mine).values(values))
            return found

    def get(self, run_id: str) -> Run | None:
        with self._db.read() as connection:
            row = connection.execute(sa.select(runs).where(runs.c.id == run_id)).first()
        return None if row is None else _run(row)

    def list(self, portal: str | None = None, *, limit: int | None = None) -> list[Run]:
        """Newest first."""
        query = sa.select(runs).order_by(runs.c.number.desc()).limit(limit)
        if portal is not None:
            query = query.where(runs.c.portal == portal)
        with self._db.read() as connection:
            return [_run(row) for row in connection.execute(query)]


def _run(row: sa.Row[Any]) -> Run:
    return Run(
        id=row.id,
        portal=row.portal,
        kind=row.kind,
        status=RunStatus(row.status),
        started_at=from_text(row.started_at),
        finished_at=from_text(row.finished_at) if row.finished_at else None,
        reason=row.reason,
        trigger=row.trigger,
        program=row.program,
        counts=json.loads(row.counts),
        message=row.message,
    )
