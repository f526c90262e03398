"""The checkpoint of an apply: which changes are with the CRM, and what became of each.

A batch is marked as sent before the call, and settled in one transaction with its ledger entries, dead letters and
mirrored values. After `kill -9` the batches sent but not settled are exactly those whose fate must be read back; no
change is settled twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from crmsync.errors import StoreError, mask
from crmsync.model.plan import OutcomeStatus
from crmsync.store.database import Database, chunks
from crmsync.store.ledger import LANDED, Ledger, NewEntry, Payload
from crmsync.store.letters import DeadLetters, Refusal
from crmsync.store.mirror import Mirror
from crmsync.store.plans import read_changes
from crmsync.store.schema import batches, plan_changes, plans
from crmsync.store.timestamps import from_text, to_text

#: Numbers in one statement: well below what either database takes.
_CHUNK_SEQS = 900

#: Outcomes that end a change. A deferred one is free to be sent again; an unanswered one stays with its batch.
FINAL = (OutcomeStatus.APPLIED, OutcomeStatus.IN_PLACE, OutcomeStatus.STALE, OutcomeStatus.REJECTED)


@dataclass(frozen=True, slots=True)
class ChangeOutcome:
    """What became of one change, by its `seq`. `message` is the CRM's words."""

    seq: int
    status: OutcomeStatus
    message: str = ""
    category: str = ""


@dataclass(frozen=True)
class Batch:
    """A batch that was sent; `changes` are those without an outcome, in the columns of `CHANGE_SCHEMA`."""

    plan_id: str
    batch_no: int
    run_id: str
    sent_at: datetime
    changes: pl.DataFrame


class Checkpoint:
    """Batches of saved plans. All write methods are one transaction each."""

    def __init__(self, database: Database, mirror: Mirror, ledger: Ledger, letters: DeadLetters) -> None:
        self._db = database
        self._mirror = mirror
        self._ledger = ledger
        self._letters = letters

    def next_batch_id(self, plan_id: str) -> int:
        """One more than the highest batch number of the plan; the first is 1."""
        with self._db.read() as connection:
            return _next_batch(connection, plan_id)

    def mark_sent(self, run_id: str, plan_id: str, batch_no: int | None, seqs: Sequence[int], at: datetime) -> int:
        """Note, before the call, that these changes go out. On the disk once this returns the batch's number.

        With `batch_no` None the next number is taken, also where several threads send. Raises StoreError where a change
        is settled, or is with the CRM in another batch.
        """
        free = sa.and_(plan_changes.c.outcome.is_(None), plan_changes.c.batch_no.is_(None))
        with self._db.write() as connection:
            batch_no = _next_batch(connection, plan_id) if batch_no is None else batch_no
            row = {"plan_id": plan_id, "batch_no": batch_no, "run_id": run_id, "sent_at": to_text(at)}
            connection.execute(sa.insert(batches).values(row))
            marked = _set(connection, plan_id, seqs, free, batch_no=batch_no)
            if marked != len(seqs):
                raise StoreError(
                    f"batch {batch_no} of plan {plan_id} holds changes that are settled or already sent; nothing was "
                    "sent. Run again, so that what is unsettled is read back first."
                )
        return batch_no

    def settle(self, run_id: str, plan_id: str, batch_no: int, outcomes: Sequence[ChangeOutcome], at: datetime) -> None:
        """Write each outcome, its ledger entry, dead letter and mirrored value, all or nothing.

        Outcomes may come in several calls. A deferred change is free to be sent again; an unanswered one keeps its
        batch in `unsettled`, without a ledger entry until it is known. Raises StoreError for a change not in the
        batch or settled before.
        """
        with self._db.write() as connection:
            portal = connection.execute(sa.select(plans.c.portal).where(plans.c.id == plan_id)).scalar()
            open_changes = self._open_changes(connection, plan_id, batch_no)
            changes = {row["seq"]: row for row in open_changes.iter_rows(named=True)}
            strangers = [o.seq for o in outcomes if o.seq not in changes]
            if portal is None or strangers or len({o.seq for o in outcomes}) != len(outcomes):
                raise StoreError(
                    f"batch {batch_no} of plan {plan_id}: changes {strangers or 'named twice'} are not open in it, or "
                    "were settled before; nothing of it was kept."
                )
            self._write_outcomes(connection, plan_id, outcomes)
            settled = [(changes[o.seq], o) for o in outcomes if o.status in FINAL]
            self._ledger.append(connection, [_entry(portal, run_id, plan_id, c, o, at) for c, o in settled])
            refused = [_refusal(c, o) for c, o in settled if o.status == OutcomeStatus.REJECTED]
            self._letters.add(connection, portal, run_id, plan_id, refused, at)
            landed = [c for c, o in settled if o.status in LANDED]
            self._letters.resolve(connection, portal, [(c["object"], c["id"], c["property"]) for c in landed], at)
            for object_, values in _by_object(landed).items():
                self._mirror.merge(connection, portal, object_, values)
            self._close_if_done(connection, plan_id, batch_no, at)

    def unsettled(self, plan_id: str | None = None, *, portal: str | None = None) -> list[Batch]:
        """Batches that were sent and not settled, oldest first, of one plan or of all plans of a portal."""
        query = sa.select(batches).join(plans, plans.c.id == batches.c.plan_id).where(batches.c.settled_at.is_(None))
        if plan_id is not None:
            query = query.where(batches.c.plan_id == plan_id)
        if portal is not None:
            query = query.where(plans.c.portal == portal)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(plans.c.number, batches.c.batch_no)).all()
            return [
                Batch(
                    r.plan_id, r.batch_no, r.run_id, from_text(r.sent_at),
                    self._open_changes(connection, r.plan_id, r.batch_no),
                )
                for r in rows
            ]  # fmt: skip

    def pending_changes(self, plan_id: str) -> pl.DataFrame:
        """Changes without an outcome, those in unsettled batches included, in the columns of `CHANGE_SCHEMA`."""
        with self._db.read() as connection:
            return read_changes(connection, plan_changes.c.plan_id == plan_id, plan_changes.c.outcome.is_(None))

    def outcome_counts(self, plan_id: str) -> dict[str, int]:
        """How many changes have each outcome; those without one under `pending`."""
        c = plan_changes.c
        query = sa.select(c.outcome, sa.func.count()).where(c.plan_id == plan_id).group_by(c.outcome)
        with self._db.read() as connection:
            return dict(Counter({outcome or "pending": count for outcome, count in connection.execute(query)}))

    def _open_changes(self, connection: sa.Connection, plan_id: str, batch_no: int) -> pl.DataFrame:
        """The batch's changes without an outcome. Their numbers first, from the index alone: asked for whole rows,
        SQLite prefers to read the whole plan."""
        c = plan_changes.c
        open_ = sa.select(c.seq).where(c.plan_id == plan_id, c.batch_no == batch_no, c.outcome.is_(None))
        seqs = list(connection.execute(open_).scalars())
        return read_changes(connection, c.plan_id == plan_id, c.seq.in_(seqs))

    def _write_outcomes(self, connection: sa.Connection, plan_id: str, outcomes: Sequence[ChangeOutcome]) -> None:
        alike: dict[tuple[OutcomeStatus, str], list[int]] = {}
        for outcome in outcomes:
            alike.setdefault((outcome.status, outcome.message), []).append(outcome.seq)
        for (status, message), seqs in alike.items():
            values: dict[str, Any] = {"message": mask(message)}
            if status in FINAL:
                values["outcome"] = status.value
            elif status == OutcomeStatus.DEFERRED:
                values["batch_no"] = None
            _set(connection, plan_id, seqs, plan_changes.c.outcome.is_(None), **values)

    def _close_if_done(self, connection: sa.Connection, plan_id: str, batch_no: int, at: datetime) -> None:
        c = plan_changes.c
        left = sa.select(c.seq).where(c.plan_id == plan_id, c.batch_no == batch_no, c.outcome.is_(None)).limit(1)
        if connection.execute(left).first() is None:
            mine = sa.and_(batches.c.plan_id == plan_id, batches.c.batch_no == batch_no)
            connection.execute(sa.update(batches).where(mine).values(settled_at=to_text(at)))


def _set(
    connection: sa.Connection, plan_id: str, seqs: Sequence[int], where: sa.ColumnElement[bool], **values: Any
) -> int:
    """Give the same values to many changes of a plan; returns how many rows that were."""
    changed = 0
    for part in chunks(seqs, _CHUNK_SEQS):
        mine = sa.and_(plan_changes.c.plan_id == plan_id, plan_changes.c.seq.in_(part), where)
        changed += connection.execute(sa.update(plan_changes).where(mine).values(values)).rowcount
    return changed


def _next_batch(connection: sa.Connection, plan_id: str) -> int:
    query = sa.select(sa.func.max(batches.c.batch_no)).where(batches.c.plan_id == plan_id)
    return int(connection.execute(query).scalar() or 0) + 1


def _entry(
    portal: str, run_id: str, plan_id: str, change: dict[str, Any], outcome: ChangeOutcome, at: datetime
) -> NewEntry:
    payload = Payload(
        object=change["object"],
        record_id=change["id"],
        property=change["property"],
        before=change["before"],
        after=change["after"],
        rule=change["rule"],
        reason=change["reason"],
        message=mask(outcome.message),
    )
    return NewEntry(portal, run_id, plan_id, change["seq"], at, outcome.status, payload)


def _refusal(change: dict[str, Any], outcome: ChangeOutcome) -> Refusal:
    return Refusal(
        object=change["object"],
        record_id=change["id"],
        property=change["property"],
        before=change["before"],
        after=change["after"],
        category=outcome.category,
        message=outcome.message,
        change_seq=change["seq"],
    )


def _by_object(changes: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, str | None]]]:
    values: dict[str, dict[str, dict[str, str | None]]] = {}
    for change in changes:
        values.setdefault(change["object"], {}).setdefault(change["id"], {})[change["property"]] = change["after"]
    return values
