"""The store as its callers see it: one open database, and the tables that stand in it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from crmsync.store.checkpoint import Checkpoint
from crmsync.store.database import Database
from crmsync.store.ledger import Ledger
from crmsync.store.letters import DeadLetters
from crmsync.store.locks import PortalLocks
from crmsync.store.mirror import Mirror
from crmsync.store.plans import Plans, PlanStatus
from crmsync.store.runs import Runs
from crmsync.store.schema import dead_letters, plan_changes, plans, records, spaces
from crmsync.store.timestamps import to_text


class Store:
    """All that crmsync keeps. Safe from several threads, one writes at a time. Every failure is a StoreError."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._locks = PortalLocks(database)
        self.mirror = Mirror(database)
        self.runs = Runs(database)
        self.plans = Plans(database)
        self.ledger = Ledger(database)
        self.letters = DeadLetters(database)
        self.checkpoint = Checkpoint(database, self.mirror, self.ledger, self.letters)

    @classmethod
    def open(cls, url: str, *, base: Path | None = None, busy_seconds: float = 5.0) -> Store:
        """Open `sqlite:///path` (relative to `base`) or `postgresql://...`; made and migrated as needed.

        `busy_seconds` is how long a write waits for another process's. Raises StoreError.
        """
        return cls(Database.open(url, base=base, busy_seconds=busy_seconds))

    @property
    def where(self) -> str:
        """The store's place for people, without its password."""
        return self._db.where

    def exclusive(self, portal: str, *, holder: str, at: datetime) -> AbstractContextManager[None]:
        """Run `portal` alone for a block. Raises StoreError at once where another run holds it."""
        return self._locks.exclusive(portal, holder=holder, at=at)

    def erase_person(self, portal: str, object_: str, record_id: str, at: datetime) -> int:
        """Blank everything kept about one record; returns how many ledger entries that were. The chain still verifies.

        Its mirrored record, dead letters and planned changes are deleted; a plan not yet applied that named it is
        superseded, since it is no longer the plan that was read.
        """
        mine = sa.and_(plan_changes.c.object == object_, plan_changes.c.id == record_id)
        its_plans = sa.select(plan_changes.c.plan_id).where(mine)
        with self._db.erasing() as connection:
            here = sa.select(plans.c.id).where(plans.c.portal == portal)
            waiting = sa.and_(
                plans.c.portal == portal,
                plans.c.id.in_(its_plans),
                plans.c.status.in_([PlanStatus.OPEN, PlanStatus.BREACHED]),
            )
            values = {"status": PlanStatus.SUPERSEDED, "status_at": to_text(at)}
            connection.execute(sa.update(plans).where(waiting).values(values))
            connection.execute(sa.delete(plan_changes).where(mine, plan_changes.c.plan_id.in_(here)))
            space = sa.select(spaces.c.space).where(spaces.c.portal == portal, spaces.c.object == object_)
            connection.execute(sa.delete(records).where(records.c.space.in_(space), records.c.id == record_id))
            letters = dead_letters.c
            connection.execute(
                sa.delete(dead_letters).where(
                    letters.portal == portal, letters.object == object_, letters.record_id == record_id
                )
            )
            return self.ledger.erase_person(connection, portal, object_, record_id)

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
