"""The ledger: what was written to the CRM, by which rule, before and after; append-only and tamper-evident.

Each entry's payload (what was written to whom) is digested with a salt of its own; a chain of digests runs over the
payload digests and the entry's place (portal, run, plan, change, time, outcome). So a person can be erased, payload and
salt together, and the chain still verifies; without the salt the digest cannot be guessed back. The head, kept in a row
of its own, tells a cut tail. Whoever can rewrite the whole file can rewrite the chain too: note the head elsewhere
(`head()`) to be safe from that.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from crmsync.model.plan import OutcomeStatus
from crmsync.store.database import Database, chunks
from crmsync.store.schema import ledger, ledger_head
from crmsync.store.timestamps import from_text, to_text

GENESIS = "0" * 64
_PLACE = ("portal", "run_id", "plan_id", "change_seq", "at", "outcome")
_PAYLOAD = ("object", "record_id", "property", "before", "after", "rule", "reason", "message")
_COLUMNS = ("seq", *_PLACE, *_PAYLOAD, "salt", "payload_digest", "digest")
_CHUNK_ROWS = 20_000
_CHUNK_IDS = 500
#: Outcomes after which the CRM holds `after`.
LANDED = (OutcomeStatus.APPLIED, OutcomeStatus.IN_PLACE)

#: Columns of the frames that `entries` and `last_written` return; the payload of an erased entry is null.
LEDGER_SCHEMA: dict[str, pl.DataType] = {
    "seq": pl.Int64(),
    "portal": pl.String(),
    "run_id": pl.String(),
    "plan_id": pl.String(),
    "change_seq": pl.Int64(),
    "at": pl.String(),
    "outcome": pl.String(),
    "object": pl.String(),
    "record_id": pl.String(),
    "property": pl.String(),
    "before": pl.String(),
    "after": pl.String(),
    "rule": pl.String(),
    "reason": pl.String(),
    "message": pl.String(),
}


@dataclass(frozen=True, slots=True)
class Payload:
    """The part of an entry that an erasure blanks."""

    object: str
    record_id: str
    property: str
    before: str | None
    after: str | None
    rule: str | None
    reason: str | None
    message: str


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One entry. `payload` is None once erased."""

    seq: int
    portal: str
    run_id: str
    plan_id: str
    change_seq: int
    at: datetime
    outcome: OutcomeStatus
    payload: Payload | None


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to append; its number, salt and digests are the ledger's."""

    portal: str
    run_id: str
    plan_id: str
    change_seq: int
    at: datetime
    outcome: OutcomeStatus
    payload: Payload


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found: entries present, how many of them erased, and one sentence a fault."""

    entries: int
    erased: int
    faults: list[str]

    @property
    def ok(self) -> bool:
        return not self.faults


class Ledger:
    """The entries, oldest first, numbered from 1 without a gap."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def append(self, connection: sa.Connection, entries: Sequence[NewEntry]) -> None:
        """Add `entries` within the caller's write transaction."""
        head = connection.execute(sa.select(ledger_head).where(ledger_head.c.id == 1).with_for_update()).one()
        seq, digest = int(head.entries), str(head.digest)
        rows = []
        # One draw for all: a system call for each entry costs more than its digests.
        salts = secrets.token_hex(_SALT_BYTES * len(entries))
        for position, entry in enumerate(entries):
            seq += 1
            place = (entry.portal, entry.run_id, entry.plan_id, entry.change_seq, to_text(entry.at), str(entry.outcome))
            payload = tuple(getattr(entry.payload, name) for name in _PAYLOAD)
            salt = salts[position * 2 * _SALT_BYTES : (position + 1) * 2 * _SALT_BYTES]
            payload_digest = _payload_digest(salt, payload)
            digest = _chain(digest, seq, place, payload_digest)
            rows.append((seq, *place, *payload, salt, payload_digest, digest))
        self._db.insert(connection, ledger, _COLUMNS, rows)
        connection.execute(sa.update(ledger_head).where(ledger_head.c.id == 1).values(entries=seq, digest=digest))

    def head(self) -> tuple[int, str]:
        """How many entries were ever appended, and the digest of the last: noted elsewhere, they seal all before."""
        with self._db.read() as connection:
            row = connection.execute(sa.select(ledger_head).where(ledger_head.c.id == 1)).one()
        return int(row.entries), str(row.digest)

    def verify(self) -> VerifyReport:
        """Read the whole ledger against its digests and its head. Memory does not grow with it."""
        with self._db.read() as connection:
            return self.verify_within(connection)

    def verify_within(self, connection: sa.Connection) -> VerifyReport:
        """`verify` within the caller's transaction."""
        faults: list[str] = []
        count = erased = expected = 0
        digest: str | None = GENESIS
        for row in _stream(connection):
            count += 1
            # SQLite keeps text in a column of numbers too.
            if not isinstance(row.seq, int) or row.seq <= expected:
                faults.append(f"entry {row.seq!r} does not belong to the ledger")
                continue
            if row.seq > expected + 1:
                faults.append(_missing(expected + 1, row.seq - 1))
                digest = None
            expected = row.seq
            faults.extend(_faults(row, digest))
            erased += row.salt is None
            digest = row.digest
        head = connection.execute(sa.select(ledger_head)).all()
        faults.extend(_head_faults(head, expected, digest))
        return VerifyReport(count, erased, faults)

    def erase_person(self, connection: sa.Connection, portal: str, object_: str, record_id: str) -> int:
        """Blank payload and salt of every entry about a record; returns how many. The chain still verifies."""
        mine = sa.and_(ledger.c.portal == portal, ledger.c.object == object_, ledger.c.record_id == record_id)
        blank = dict.fromkeys((*_PAYLOAD, "salt"))
        return connection.execute(sa.update(ledger).where(mine).values(blank)).rowcount

    def history(self, portal: str, object_: str, record_id: str) -> list[LedgerEntry]:
        """Every entry about one record, oldest first."""
        query = sa.select(ledger).where(
            ledger.c.portal == portal, ledger.c.object == object_, ledger.c.record_id == record_id
        )
        with self._db.read() as connection:
            return [_entry(row) for row in connection.execute(query.order_by(ledger.c.seq))]

    def entries(self, run_id: str) -> pl.DataFrame:
        """Every entry of a run, oldest first, in the columns of `LEDGER_SCHEMA`."""
        return self._frame(ledger.c.run_id == run_id)

    def outcomes(self, run_id: str) -> dict[str, int]:
        """How many entries of a run have each outcome."""
        query = sa.select(ledger.c.outcome, sa.func.count()).where(ledger.c.run_id == run_id).group_by(ledger.c.outcome)
        with self._db.read() as connection:
            return {str(row[0]): int(row[1]) for row in connection.execute(query)}

    def last_written(self, portal: str, object_: str, ids: Sequence[str] | None = None) -> pl.DataFrame:
        """The last entry that landed for each record and property, in the columns of `LEDGER_SCHEMA`."""
        landed = [ledger.c.portal == portal, ledger.c.object == object_, ledger.c.outcome.in_(LANDED)]
        newest = sa.select(sa.func.max(ledger.c.seq)).group_by(ledger.c.record_id, ledger.c.property)
        if ids is None:
            return self._frame(ledger.c.seq.in_(newest.where(*landed)))
        parts = [
            self._frame(ledger.c.seq.in_(newest.where(*landed, ledger.c.record_id.in_(part))))
            for part in chunks(list(dict.fromkeys(ids)), _CHUNK_IDS)
        ]
        return pl.concat([pl.DataFrame(schema=LEDGER_SCHEMA), *parts]).sort("seq")

    def _frame(self, condition: sa.ColumnElement[bool]) -> pl.DataFrame:
        columns = [ledger.c[name] for name in LEDGER_SCHEMA]
        with self._db.read() as connection:
            rows = [tuple(row) for row in connection.execute(sa.select(*columns).where(condition).order_by(columns[0]))]
        return pl.DataFrame(rows, schema=LEDGER_SCHEMA, orient="row")


def _payload_digest(salt: str, payload: Sequence[Any]) -> str:
    return hashlib.sha256((salt + _canonical(payload)).encode()).hexdigest()


def _chain(previous: str, seq: int, place: Sequence[Any], payload_digest: str) -> str:
    return hashlib.sha256(f"{previous}{_canonical([seq, *place])}{payload_digest}".encode()).hexdigest()


_SALT_BYTES = 16
_ENCODER = json.JSONEncoder(separators=(",", ":"), default=repr)


def _canonical(values: Sequence[Any]) -> str:
    # `repr` is for bytes, which no entry holds unless it was tampered with.
    return _ENCODER.encode(values)


def _stream(connection: sa.Connection) -> Iterator[sa.Row[Any]]:
    streaming = connection.execution_options(stream_results=True, yield_per=_CHUNK_ROWS)
    yield from streaming.execute(sa.select(ledger).order_by(ledger.c.seq))


def _faults(row: sa.Row[Any], previous: str | None) -> list[str]:
    """Faults of one entry; `previous` is the digest it should stand on, None after a hole already told."""
    found = []
    payload = [getattr(row, name) for name in _PAYLOAD]
    blank = row.salt is None and all(value is None for value in payload)
    if not blank and _payload_digest(str(row.salt or ""), payload) != row.payload_digest:
        found.append(f"entry {row.seq}: its text was altered")
    place = [getattr(row, name) for name in _PLACE]
    if previous is not None and _chain(previous, row.seq, place, row.payload_digest) != row.digest:
        found.append(f"entry {row.seq}: altered, or not the one that stood here after entry {row.seq - 1}")
    return found


def _missing(first: int, last: int) -> str:
    return f"entry {first} is missing" if first == last else f"entries {first} to {last} are missing"


def _head_faults(head: Sequence[sa.Row[Any]], last: int, digest: str | None) -> list[str]:
    if len(head) != 1:
        return ["the ledger's head is missing"]
    entries = head[0].entries
    if isinstance(entries, int) and entries > last:
        return [f"{_missing(last + 1, entries)} at the end"]
    if entries != last or head[0].digest != digest:
        return [f"the ledger's head does not match entry {last}"]
    return []


def _entry(row: sa.Row[Any]) -> LedgerEntry:
    payload = None if row.salt is None else Payload(*(getattr(row, name) for name in _PAYLOAD))
    return LedgerEntry(
        row.seq,
        row.portal,
        row.run_id,
        row.plan_id,
        row.change_seq,
        from_text(row.at),
        OutcomeStatus(row.outcome),
        payload,
    )
