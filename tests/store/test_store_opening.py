from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from crmsync.errors import StoreError
from crmsync.store import Store
from crmsync.store.migrations import REVISIONS
from crmsync.store.schema import metadata

from .conftest import NOON, Link, plan, rec


def test_a_relative_path_is_relative_to_the_base_and_its_folder_is_made(tmp_path: Path) -> None:
    with Store.open("sqlite:///state/crmsync.db", base=tmp_path):
        assert (tmp_path / "state" / "crmsync.db").is_file()


def test_only_its_own_user_may_read_the_file(tmp_path: Path, store: Store) -> None:
    assert (tmp_path / "crmsync.db").stat().st_mode & 0o077 == 0


def test_what_was_kept_is_there_after_reopening(address: str) -> None:
    with Store.open(address) as store:
        store.mirror.put_state("main", "k", {"a": [1, None]})
    with Store.open(address) as store:
        assert store.mirror.get_state("main", "k") == {"a": [1, None]}


def test_a_store_in_memory_works_whole() -> None:
    with Store.open("sqlite://") as store:
        store.plans.save(plan(), NOON)
        assert store.plans.load("p-1").changes.height == 4


def test_a_store_of_a_later_version_is_refused_and_left_as_it_is(address: str, tmp_path: Path) -> None:
    Store.open(address).close()
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(StoreError, match=r"crmsync\.db was written by a later version of crmsync \(schema 0999"):
        Store.open(address)
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
        assert raw.execute("SELECT version_num FROM alembic_version").fetchall() == [("0999",)]


def test_a_database_of_something_else_is_refused_and_left_as_it_is(address: str, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw, raw:
        raw.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="is a database of something else"):
        Store.open(address)
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(address: str, tmp_path: Path) -> None:
    text = b"Dear diary, today I closed three deals. " * 100
    (tmp_path / "crmsync.db").write_bytes(text)
    with pytest.raises(StoreError, match=r"crmsync\.db is not a database; name another file"):
        Store.open(address)
    assert (tmp_path / "crmsync.db").read_bytes() == text


def test_a_folder_in_the_files_place_is_told(address: str, tmp_path: Path) -> None:
    (tmp_path / "crmsync.db").mkdir()
    with pytest.raises(StoreError, match=r"crmsync\.db cannot be made or written"):
        Store.open(address)


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    with pytest.raises(StoreError, match=r"crmsync\.db cannot be made or written"):
        Store.open("sqlite:///state/crmsync.db", base=tmp_path)


def test_a_store_locked_by_another_process_is_told_and_nothing_is_written(address: str, tmp_path: Path) -> None:
    Store.open(address).close()
    with closing(sqlite3.connect(tmp_path / "crmsync.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with Store.open(address, busy_seconds=0.01) as store:
            with pytest.raises(StoreError, match=r"crmsync\.db is locked by another process; wait for it"):
                store.mirror.put_records("main", "company", [rec("1", name="a")], "p")
            other.execute("ROLLBACK")
            assert store.mirror.count("main", "company") == 0


def test_a_reader_does_not_wait_for_another_processes_writer(address: str, tmp_path: Path, store: Store) -> None:
    store.mirror.put_state("main", "k", 1)
    with closing(sqlite3.connect(tmp_path / "crmsync.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert store.mirror.get_state("main", "k") == 1


def _with_pragma(store: Store, pragma: str) -> None:
    """Give every further connection of the store a setting that stands for a state of the disk."""

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute(f"PRAGMA {pragma}").close()

    sa.event.listen(store._db.engine, "connect", prepare)
    store._db.engine.dispose()


def test_a_full_disk_is_one_clear_error_and_nothing_is_half_written(address: str, tmp_path: Path) -> None:
    with Store.open(address) as store:
        store.mirror.put_records("main", "company", [rec("1", name="kept")], "p")
        with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
            (pages,) = raw.execute("PRAGMA page_count").fetchone()
        _with_pragma(store, f"max_page_count = {pages + 4}")
        with pytest.raises(
            StoreError, match=r"crmsync\.db cannot grow, the disk is full; nothing of this step was kept"
        ):
            store.mirror.put_records("main", "company", [rec(str(n), name="x" * 500) for n in range(2, 500)], "p")
        assert store.mirror.load("main", "company", ["name"]).rows() == [("1", "kept")]
    with Store.open(address) as store:
        store.mirror.put_records("main", "company", [rec("2", name="after")], "p")
        assert store.mirror.count("main", "company") == 2


def test_a_full_disk_keeps_no_part_of_a_plan(store: Store, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
        (pages,) = raw.execute("PRAGMA page_count").fetchone()
    _with_pragma(store, f"max_page_count = {pages + 4}")
    from .conftest import changes

    with pytest.raises(StoreError, match="disk is full"):
        store.plans.save(plan(frame=changes(5_000)), NOON)
    assert store.plans.list() == []


def test_a_read_only_store_is_told(store: Store) -> None:
    _with_pragma(store, "query_only = ON")
    with pytest.raises(StoreError, match=r"crmsync\.db is read-only; give this user the right"):
        store.mirror.put_state("main", "k", 1)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("crmsync.db", "address cannot be read; write sqlite:///"),
        ("mysql://me:s3cret@host/db", "cannot be kept in mysql"),
        ("sqlite//:s3cret", "address cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as caught:
        Store.open(url)
    assert "s3cret" not in caught.value.message


def test_the_migrations_make_exactly_the_tables_that_the_statements_use(store: Store) -> None:
    with store._db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_known_revisions_are_the_migration_files_in_order() -> None:
    config = Config()
    folder = Path(__file__).parents[2] / "src" / "crmsync" / "store" / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    walked = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS


def test_a_store_of_the_first_version_keeps_its_associations_and_takes_labels(address: str, tmp_path: Path) -> None:
    config = Config()
    folder = Path(__file__).parents[2] / "src" / "crmsync" / "store" / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    engine = sa.create_engine(address)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql("INSERT INTO spaces (space, portal, object) VALUES (1, 'main', 'deal>contact')")
        connection.exec_driver_sql("INSERT INTO associations (space, from_id, to_id) VALUES (1, '31', '21')")
    engine.dispose()
    with Store.open(address) as store:
        assert store.mirror.load_associations("main", "deal", "contact").rows() == [("31", "21", None)]
        store.mirror.put_associations("main", "deal", "contact", {"31": [Link("21", ("Champion",))]})
        assert store.mirror.load_associations("main", "deal", "contact").rows() == [("31", "21", "Champion")]


def test_a_connection_without_the_stores_triggers_still_cannot_change_the_ledger(store: Store, tmp_path: Path) -> None:
    from .conftest import applied

    applied(store)
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
        for statement in (
            "UPDATE ledger SET after = 'tier_9' WHERE seq = 2",
            "UPDATE ledger SET outcome = 'rejected', salt = NULL WHERE seq = 2",
            "UPDATE ledger SET before = NULL WHERE seq = 2",
            "DELETE FROM ledger WHERE seq = 2",
            "INSERT OR REPLACE INTO ledger SELECT * FROM ledger WHERE seq = 2",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(statement)


def test_a_disk_that_fills_while_the_schema_is_made_leaves_no_table_and_opens_later(
    address: str, tmp_path: Path
) -> None:
    def cramp(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA max_page_count = 20").close()

    sa.event.listen(sa.Engine, "connect", cramp)
    try:
        with pytest.raises(StoreError, match="disk is full"):
            Store.open(address)
    finally:
        sa.event.remove(sa.Engine, "connect", cramp)
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    with Store.open(address) as store:
        assert store.ledger.verify().ok


def test_processes_that_open_a_new_store_at_once_all_get_it(address: str) -> None:
    script = (
        "import sys; from crmsync.store import Store\n"
        "sys.stdin.readline()\n"
        "with Store.open(sys.argv[1]) as store: store.mirror.put_state('main', sys.argv[2], 1)"
    )
    with ExitStack() as stack:
        openers = [
            stack.enter_context(
                subprocess.Popen([sys.executable, "-c", script, address, str(n)], stdin=subprocess.PIPE, text=True)
            )
            for n in range(3)
        ]
        for opener in openers:
            assert opener.stdin is not None
            opener.stdin.write("go\n")
            opener.stdin.flush()
        assert [opener.wait() for opener in openers] == [0, 0, 0]
    with Store.open(address) as store:
        assert [store.mirror.get_state("main", str(n)) for n in range(3)] == [1, 1, 1]
