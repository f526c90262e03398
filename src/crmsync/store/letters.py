"""Dead letters: changes that the CRM refused for good, in its own words, until a person or a later success ends them.

There is one letter at a time for a record's property: the same refusal again counts up instead of piling up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from crmsync.errors import StoreError, mask
from crmsync.store.database import Database
from crmsync.store.schema import dead_letters
from crmsync.store.timestamps import from_text, to_text


class LetterStatus(StrEnum):
    """`open`: a person may look. `retried`: planned again, not yet answered. `dismissed` and `resolved` are ends."""

    OPEN = "open"
    RETRIED = "retried"
    DISMISSED = "dismissed"
    RESOLVED = "resolved"


_ALIVE = (LetterStatus.OPEN, LetterStatus.RETRIED)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused change, as it goes into a letter. `message` is the CRM's words."""

    object: str
    record_id: str
    property: str
    before: str | None
    after: str | None
    category: str
    message: str
    change_seq: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A letter; `count` refusals between `first_at` and `last_at`, run and plan being the last one's."""

    id: int
    portal: str
    object: str
    record_id: str
    property: str
    before: str | None
    after: str | None
    category: str
    message: str
    run_id: str
    plan_id: str
    change_seq: int
    count: int
    first_at: datetime
    last_at: datetime
    status: LetterStatus
    status_at: datetime


class DeadLetters:
    """The table of letters."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self,
        connection: sa.Connection,
        portal: str,
        run_id: str,
        plan_id: str,
        refusals: Sequence[Refusal],
        at: datetime,
    ) -> None:
        """Open a letter for each refusal, or count up the one that is open, within the caller's transaction."""
        for refusal in refusals:
            values = {
                "before": refusal.before, "after": refusal.after, "category": refusal.category,
                "message": mask(refusal.message), "run_id": run_id, "plan_id": plan_id,
                "change_seq": refusal.change_seq, "last_at": to_text(at), "status": LetterStatus.OPEN,
                "status_at": to_text(at),
            }  # fmt: skip
            mine = _alive(portal, refusal.object, refusal.record_id, refusal.property)
            again = sa.update(dead_letters).where(mine).values(values | {"count": dead_letters.c.count + 1})
            if connection.execute(again).rowcount == 0:
                key = {"portal": portal, "object": refusal.object, "record_id": refusal.record_id}
                first = {"property": refusal.property, "count": 1, "first_at": to_text(at)}
                connection.execute(sa.insert(dead_letters).values(values | key | first))

    def resolve(
        self, connection: sa.Connection, portal: str, landed: Sequence[tuple[str, str, str]], at: datetime
    ) -> None:
        """End the letters of (object, record id, property) that a write has reached, in the caller's transaction."""
        alive = dead_letters.c.status.in_(_ALIVE)
        if not landed or not connection.execute(sa.select(dead_letters.c.id).where(alive).limit(1)).first():
            return
        rows = [(LetterStatus.RESOLVED.value, to_text(at), portal, *key) for key in landed]
        keys = ("portal", "object", "record_id", "property")
        self._db.update(
            connection, dead_letters, ("status", "status_at"), keys, rows, where="status IN ('open', 'retried')"
        )

    def list(
        self, portal: str | None = None, *, status: Sequence[LetterStatus] = _ALIVE, run_id: str | None = None
    ) -> list[DeadLetter]:
        """Letters of the given statuses (by default those not ended), the latest refusal first."""
        query = sa.select(dead_letters).where(dead_letters.c.status.in_(list(status)))
        if portal is not None:
            query = query.where(dead_letters.c.portal == portal)
        if run_id is not None:
            query = query.where(dead_letters.c.run_id == run_id)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(dead_letters.c.last_at.desc(), dead_letters.c.id.desc()))
            return [_letter(row) for row in rows]

    def get(self, letter_id: int) -> DeadLetter | None:
        with self._db.read() as connection:
            row = connection.execute(sa.select(dead_letters).where(dead_letters.c.id == letter_id)).first()
        return None if row is None else _letter(row)

    def mark(self, ids: Sequence[int], status: LetterStatus, at: datetime) -> None:
        """Set the status of letters not yet ended, all or none. Raises StoreError naming one that cannot be marked."""
        values = {"status": LetterStatus(status), "status_at": to_text(at)}
        with self._db.write() as connection:
            for letter_id in ids:
                mine = sa.and_(dead_letters.c.id == letter_id, dead_letters.c.status.in_(_ALIVE))
                if connection.execute(sa.update(dead_letters).where(mine).values(values)).rowcount != 1:
                    raise StoreError(f"there is no open dead letter {letter_id}; `crmsync dead-letters` lists them.")


def _alive(portal: str, object_: str, record_id: str, property_: str) -> sa.ColumnElement[bool]:
    c = dead_letters.c
    return sa.and_(
        c.portal == portal,
        c.object == object_,
        c.record_id == record_id,
        c.property == property_,
        c.status.in_(_ALIVE),
    )


def _letter(row: sa.Row[Any]) -> DeadLetter:
    values = dict(row._mapping)
    for name in ("first_at", "last_at", "status_at"):
        values[name] = from_text(values[name])
    return DeadLetter(**values | {"status": LetterStatus(row.status)})
