"""One database: opening and migrating it, transactions, and every failure told as a `StoreError`.

Two rules keep what is committed: a transaction is written through to the disk before it counts (`synchronous=FULL`,
relaxed for the mirror, which the CRM can give again), and there is one writer at a time, so that nothing is lost
between a read and the write that rests on it. No SQL of the domain is here.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from crmsync.errors import StoreError
from crmsync.store.migrations import HEAD, REVISIONS

_WRITE = "crmsync_write"
_DURABLE = "crmsync_durable"
#: PostgreSQL's advisory lock for upgrades; any number that no portal's lock can be mistaken for.
_UPGRADE_LOCK = 7_263_001

_SQLITE_REMEDY = {
    "SQLITE_BUSY": "is locked by another process; wait for it or end it, then run again",
    "SQLITE_LOCKED": "is locked by another process; wait for it or end it, then run again",
    "SQLITE_FULL": "cannot grow, the disk is full; nothing of this step was kept. Free some space, then run again",
    "SQLITE_READONLY": "is read-only; give this user the right to write the file and its folder",
    "SQLITE_NOTADB": "is not a database; name another file in `store:`, or move this one away",
    "SQLITE_CORRUPT": "is damaged; restore a backup, or move it away and run a full pull",
    "SQLITE_CANTOPEN": "cannot be opened; check that the folder exists and that this user may write to it",
    "SQLITE_IOERR": "could not be read or written, the disk reports an error; nothing of this step was kept. "
    "Check the disk and its free space, then run again",
}

_POSTGRESQL_REMEDY = {
    "53100": "cannot grow, the server's disk is full; nothing of this step was kept",
    "55P03": "is locked by another process; wait for it or end it, then run again",
    "25006": "is read-only; use the primary server and a user who may write",
    "42501": "refuses this user; grant the right to create and write tables",
    "28P01": "refuses this user or password",
    "28000": "refuses this user or password",
    "3D000": "does not exist; create the database first",
}


class Database:
    """An open database of the current schema. `where` names it in messages, without its password."""

    def __init__(self, engine: sa.Engine, where: str, path: Path | None) -> None:
        self.engine = engine
        self.where = where
        self.path = path
        self._lock = threading.RLock()
        self._shared_connection = isinstance(engine.pool, StaticPool)
        self._reader: sa.Connection | None = None
        self._mark = "?" if self.is_sqlite else "%s"

    @classmethod
    def open(cls, url: str, *, base: Path | None = None, busy_seconds: float = 5.0) -> Database:
        """Open `url`, creating the file and its folder where they are missing, and bring the schema up to date.

        Raises StoreError, also for a store that a later version of crmsync has written.
        """
        parsed = _parse(url)
        path = _sqlite_path(parsed, base)
        if path is not None:
            parsed = parsed.set(database=str(path))
            _make_file(path)
        database = cls(_engine(parsed, busy_seconds), _where(parsed, path), path)
        try:
            database._upgrade()
        except BaseException:
            database.close()
            raise
        return database

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """One transaction, alone among all threads and processes; rolled back whole when the block raises.

        `durable=False` outlives the process but perhaps not a power cut, until the next durable commit.
        """
        with self._lock, self._translated(), self.engine.connect() as bare:
            connection = bare.execution_options(**{_WRITE: True, _DURABLE: durable})
            with connection.begin():
                yield connection

    @contextmanager
    def erasing(self) -> Iterator[sa.Connection]:
        """`write`, after which the bytes of what was deleted or blanked are gone from a SQLite file and its log too."""
        with self._lock:
            with self.write() as connection:
                if self.is_sqlite:
                    connection.exec_driver_sql("PRAGMA secure_delete = ON")
                yield connection
            if self.is_sqlite:
                with self._translated(), self.engine.connect() as bare:
                    # The log still holds the pages as they were.
                    bare.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state of the database and does not wait for the writer.

        In memory there is one connection: a read within a read is part of it.
        """
        if self._shared_connection:
            with self._lock, self._translated():
                if self._reader is not None:
                    yield self._reader
                    return
                with self.engine.connect() as connection, connection.begin():
                    self._reader = connection
                    try:
                        yield connection
                    finally:
                        self._reader = None
        else:
            with self._translated(), self.engine.connect() as connection, connection.begin():
                yield connection

    def insert(
        self,
        connection: sa.Connection,
        table: sa.Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        *,
        keys: Sequence[str] = (),
        replace: Sequence[str] = (),
    ) -> None:
        """Insert `rows` through the driver's own executemany; where `keys` exist, `replace` takes the new values."""
        if not rows:
            return
        names = ", ".join(f'"{c}"' for c in columns)
        marks = ", ".join(self._mark for _ in columns)
        sql = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names are this package's own
        if keys:
            wanted = ", ".join(f'"{c}" = excluded."{c}"' for c in replace)
            target = ", ".join(f'"{c}"' for c in keys)
            sql += f" ON CONFLICT ({target}) DO " + (f"UPDATE SET {wanted}" if replace else "NOTHING")
        connection.exec_driver_sql(sql, list(rows))

    def update(
        self,
        connection: sa.Connection,
        table: sa.Table,
        columns: Sequence[str],
        keys: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        *,
        where: str = "",
    ) -> int:
        """Update by `keys`, each row the values, then the key's; `where` is constant SQL. Returns rows changed."""
        if not rows:
            return 0
        wanted = ", ".join(f'"{c}" = {self._mark}' for c in columns)
        target = " AND ".join([*(f'"{c}" = {self._mark}' for c in keys), *([where] if where else [])])
        sql = f'UPDATE "{table.name}" SET {wanted} WHERE {target}'  # noqa: S608 - names are this package's own
        return connection.exec_driver_sql(sql, list(rows)).rowcount

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sa.exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
            raise StoreError(f"the store {self.where} {_explain(error)}.") from error

    def _upgrade(self) -> None:
        with self.read() as connection:
            version = self._version(connection)
        if version == HEAD:
            return
        with self.write() as connection:
            if not self.is_sqlite:
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_UPGRADE_LOCK)))
            # Another process may have done it while this one waited for the lock.
            if self._version(connection) != HEAD:
                _run_migrations(connection)

    def _version(self, connection: sa.Connection) -> str | None:
        names = set(sa.inspect(connection).get_table_names())
        if "alembic_version" not in names:
            if names and self.is_sqlite:
                raise StoreError(
                    f"the store {self.where} is a database of something else; name another file in `store:`."
                )
            return None
        version = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        if version is None:
            return None
        if version not in REVISIONS:
            raise StoreError(
                f"the store {self.where} was written by a later version of crmsync (schema {version}, this one knows "
                f"{HEAD}); update crmsync, or name another store."
            )
        return str(version)


def chunks(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    """`items` in parts of at most `size`: a statement takes a limited number of values."""
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _parse(url: str) -> sa.URL:
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        # The text may hold a password, so it is not repeated.
        raise StoreError(
            "the store's address cannot be read; write sqlite:///path/to/file.db or postgresql://user@host/database."
        ) from error
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(
            f"the store cannot be kept in {parsed.get_backend_name()}; use sqlite:///path/to/file.db or postgresql://..."
        )
    return parsed


def _sqlite_path(url: sa.URL, base: Path | None) -> Path | None:
    """The file of a SQLite address; None in memory and for a server."""
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return None
    return ((base or Path.cwd()) / str(url.database)).absolute()


def _where(url: sa.URL, path: Path | None) -> str:
    return str(path) if path else url.render_as_string(hide_password=True)


def _make_file(path: Path) -> None:
    """The folder, and an empty file that only this user may read: it will hold people's names and e-mail addresses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(
            f"the store {path} cannot be made or written ({error.strerror}); check its folder, or name another store."
        ) from error


def _engine(url: sa.URL, busy_seconds: float) -> sa.Engine:
    options: dict[str, Any] = {"hide_parameters": True}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": busy_seconds, "check_same_thread": False}
        if url.database in (None, "", ":memory:"):
            options["poolclass"] = StaticPool
    else:
        options["pool_pre_ping"] = True
    try:
        engine = sa.create_engine(url, **options)
    except ModuleNotFoundError as error:
        raise StoreError(
            "the store is on PostgreSQL, whose driver is not installed; install crmsync with its `postgres` extra."
        ) from error
    if url.get_backend_name() == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would open transactions by itself, late and as readers; _begin_sqlite does it instead.
    connection.isolation_level = None
    # A company's properties fill more than a page of the usual 4 KB allows a row, and would lie on a page of their own:
    # reading them took twice the CPU, and the file twice the room. It counts for a file that is made now.
    for pragma in ("page_size = 16384", "journal_mode = WAL", "foreign_keys = ON", "cache_size = -32000"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if options.get(_WRITE):
        level = "FULL" if options.get(_DURABLE) else "NORMAL"
        connection.exec_driver_sql(f"PRAGMA synchronous = {level}")
        # A transaction that begins as a reader cannot become the writer once another one has written.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.exec_driver_sql("BEGIN")


def _run_migrations(connection: sa.Connection) -> None:
    # Loaded here because it takes longer than every other start-up step together.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    folder = Path(__file__).with_name("migrations")
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(f"the store's schema could not be brought up to date: {error}.") from error


def _explain(error: Exception) -> str:
    """What happened and what to do, from the driver's own code; never the values of a statement."""
    original = error.orig if isinstance(error, sa.exc.DBAPIError) and error.orig is not None else error
    name = getattr(original, "sqlite_errorname", None)
    if isinstance(name, str):
        base = "_".join(name.split("_")[:2])
        if base in _SQLITE_REMEDY:
            return _SQLITE_REMEDY[base]
    state = getattr(original, "sqlstate", None)
    if isinstance(state, str):
        if state in _POSTGRESQL_REMEDY:
            return _POSTGRESQL_REMEDY[state]
        if state.startswith("08"):
            return "cannot be reached; check the server and the address in `store:`"
    if isinstance(error, sa.exc.OperationalError) and state is None and name is None:
        return "cannot be reached; check the server and the address in `store:`"
    first_line = str(original).partition("\n")[0]
    return f"refused a step, nothing of it was kept: {first_line}"
