"""The portal lock: two runs on one portal at once would each plan on what the other is about to change.

The operating system (or the PostgreSQL session) holds it, so that it falls with the process that had it, `kill -9`
included; the file's text only names the holder for the message.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa

from crmsync.errors import StoreError
from crmsync.store.database import Database
from crmsync.store.schema import portal_locks
from crmsync.store.timestamps import to_text


class PortalLocks:
    """Locks by portal, beside a SQLite file or in a PostgreSQL session."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._in_memory: dict[str, threading.Lock] = {}

    @contextmanager
    def exclusive(self, portal: str, *, holder: str, at: datetime) -> Iterator[None]:
        """Hold `portal` alone for the block. Raises StoreError at once, naming holder and since, where it is held."""
        if self._db.path is not None:
            held = self._file(self._db.path, portal, holder, _since(at))
        elif self._db.is_sqlite:
            held = self._memory(portal)
        else:
            held = self._session(portal, holder, _since(at))
        with held:
            yield

    @contextmanager
    def _file(self, path: Path, portal: str, holder: str, since: str) -> Iterator[None]:
        # Never deleted: a second process may already wait on the file that would be replaced.
        name = path.with_name(f"{path.name}.{quote(portal, safe='')}.lock")
        try:
            handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"the lock file {name} cannot be written ({error.strerror}); check its folder.") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise _busy(portal, os.pread(handle, 4096, 0).decode(errors="replace")) from error
            os.ftruncate(handle, 0)
            os.pwrite(handle, _card(holder, since).encode(), 0)
            try:
                yield
            finally:
                os.ftruncate(handle, 0)
        finally:
            os.close(handle)

    @contextmanager
    def _memory(self, portal: str) -> Iterator[None]:
        lock = self._in_memory.setdefault(portal, threading.Lock())
        if not lock.acquire(blocking=False):
            raise _busy(portal, "")
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def _session(self, portal: str, holder: str, since: str) -> Iterator[None]:
        key = int.from_bytes(hashlib.sha256(f"crmsync portal {portal}".encode()).digest()[:8], "big", signed=True)
        with self._db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            if not connection.execute(sa.select(sa.func.pg_try_advisory_lock(key))).scalar():
                row = connection.execute(sa.select(portal_locks).where(portal_locks.c.portal == portal)).first()
                raise _busy(portal, _card(row.holder, row.since) if row else "")
            try:
                connection.execute(sa.delete(portal_locks).where(portal_locks.c.portal == portal))
                connection.execute(sa.insert(portal_locks).values(portal=portal, holder=holder, since=since))
                yield
            finally:
                connection.execute(sa.select(sa.func.pg_advisory_unlock(key)))


def _since(at: datetime) -> str:
    return to_text(at)[:19] + "Z"


def _card(holder: str, since: str) -> str:
    return json.dumps({"holder": holder, "since": since})


def _busy(portal: str, card: str) -> StoreError:
    try:
        known = json.loads(card)
        who = f"by {known['holder']} since {known['since']}"
    except (ValueError, KeyError, TypeError):
        # The holder writes its card just after it gets the lock.
        who = "by another process"
    return StoreError(f"portal {portal} is being run {who}; wait for it to end, or end it, then run again.")
