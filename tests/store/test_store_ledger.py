from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmsync.errors import StoreError
from crmsync.model.plan import OutcomeStatus
from crmsync.store import LEDGER_SCHEMA, Store
from crmsync.store.ledger import GENESIS
from crmsync.store.schema import ledger

from .conftest import NOON, applied, changes, minutes, outcomes, plan

_COLUMNS = [column.name for column in ledger.columns]


@pytest.fixture
def kept(store: Store, tmp_path: Path) -> Path:
    """The file of a closed store whose ledger has six entries, the second of them erased."""
    applied(store, 6)
    store.erase_person("main", "company", "102", minutes(1))
    store.close()
    return tmp_path / "crmsync.db"


def _tamper(file: Path, *statements: str) -> None:
    """As somebody would who has the file and takes the triggers off first."""
    with closing(sqlite3.connect(file)) as raw, raw:
        for trigger in ("ledger_no_update", "ledger_no_delete", "ledger_no_replace"):
            raw.execute(f"DROP TRIGGER {trigger}")
        for statement in statements:
            raw.execute(statement)


def _faults(file: Path) -> list[str]:
    with Store.open(f"sqlite:///{file}") as store:
        return store.ledger.verify().faults


def test_an_untouched_ledger_has_no_faults(kept: Path) -> None:
    with Store.open(f"sqlite:///{kept}") as store:
        report = store.ledger.verify()
    assert (report.entries, report.erased, report.faults, report.ok) == (6, 1, [], True)


def test_an_empty_ledger_has_no_faults(store: Store) -> None:
    assert store.ledger.verify().ok
    assert store.ledger.head() == (0, GENESIS)
    assert store.ledger.entries("r-1").schema == LEDGER_SCHEMA


def test_an_altered_text_is_found(kept: Path) -> None:
    _tamper(kept, "UPDATE ledger SET after = 'tier_5' WHERE seq = 4")
    assert _faults(kept) == ["entry 4: its text was altered"]


def test_an_altered_outcome_is_found_even_where_the_text_was_erased(kept: Path) -> None:
    _tamper(kept, "UPDATE ledger SET outcome = 'rejected' WHERE seq = 2")
    assert _faults(kept) == ["entry 2: altered, or not the one that stood here after entry 1"]


def test_a_text_written_over_an_erasure_is_found(kept: Path) -> None:
    _tamper(kept, "UPDATE ledger SET after = 'tier_5' WHERE seq = 2")
    assert _faults(kept) == ["entry 2: its text was altered"]


def test_a_removed_entry_is_found(kept: Path) -> None:
    _tamper(kept, "DELETE FROM ledger WHERE seq = 3")
    assert _faults(kept) == ["entry 3 is missing"]


def test_a_removed_entry_whose_followers_moved_up_is_found(kept: Path) -> None:
    _tamper(kept, "DELETE FROM ledger WHERE seq = 3", "UPDATE ledger SET seq = seq - 1 WHERE seq > 3")
    assert _faults(kept) == [
        "entry 3: altered, or not the one that stood here after entry 2",
        "entry 4: altered, or not the one that stood here after entry 3",
        "entry 5: altered, or not the one that stood here after entry 4",
        "entry 6 is missing at the end",
    ]


def test_swapped_entries_are_found(kept: Path) -> None:
    _tamper(
        kept,
        "UPDATE ledger SET seq = 99 WHERE seq = 4",
        "UPDATE ledger SET seq = 4 WHERE seq = 5",
        "UPDATE ledger SET seq = 5 WHERE seq = 99",
    )
    assert _faults(kept)[0] == "entry 4: altered, or not the one that stood here after entry 3"


@pytest.mark.parametrize(("first", "told"), [(6, "entry 6 is missing"), (4, "entries 4 to 6 are missing")])
def test_a_cut_tail_is_found(kept: Path, first: int, told: str) -> None:
    _tamper(kept, f"DELETE FROM ledger WHERE seq >= {first}")
    assert _faults(kept) == [f"{told} at the end"]


def test_a_cut_tail_with_its_count_put_right_is_found(kept: Path) -> None:
    _tamper(kept, "DELETE FROM ledger WHERE seq = 6", "UPDATE ledger_head SET entries = 5")
    assert _faults(kept) == ["the ledger's head does not match entry 5"]


def test_a_missing_head_is_found(kept: Path) -> None:
    _tamper(kept, "DELETE FROM ledger_head")
    assert _faults(kept) == ["the ledger's head is missing"]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seq=st.integers(1, 6),
    column=st.sampled_from(_COLUMNS),
    value=st.none() | st.integers(0, 9) | st.sampled_from(["", "x", b"x", "main", "tier_1", "applied", GENESIS]),
)
def test_no_column_of_an_entry_can_be_altered_unseen(
    kept: Path, seq: int, column: str, value: str | bytes | int | None
) -> None:
    with closing(sqlite3.connect(kept)) as raw:
        before = raw.execute(f'SELECT "{column}" FROM ledger WHERE seq = ?', [seq]).fetchone()
    with Store.open(f"sqlite:///{kept}") as store:
        engine = store._db.engine
        with engine.connect() as connection:
            # Rolled back afterwards, so that every example starts from the same ledger.
            connection.exec_driver_sql("SAVEPOINT example")
            for trigger in ("ledger_no_update", "ledger_no_delete", "ledger_no_replace"):
                connection.exec_driver_sql(f"DROP TRIGGER {trigger}")
            try:
                connection.exec_driver_sql(f'UPDATE ledger SET "{column}" = ? WHERE seq = ?', (value, seq))
            except Exception:  # noqa: BLE001 - a constraint refuses some values, which is as good as finding them
                return
            after = connection.exec_driver_sql(f'SELECT "{column}" FROM ledger WHERE seq = ?', (seq,)).fetchone()
            faults = store.ledger.verify_within(connection).faults
            connection.rollback()
        assert bool(faults) == (after is None or tuple(after) != before)


def test_an_entry_that_an_insert_would_replace_is_refused(store: Store, tmp_path: Path) -> None:
    applied(store)
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw, pytest.raises(sqlite3.IntegrityError):
        raw.execute("INSERT INTO ledger SELECT seq + 100, portal, run_id, plan_id, change_seq, at, outcome, object, "
                    "record_id, property, before, after, rule, reason, message, salt, payload_digest, digest "
                    "FROM ledger WHERE seq = 1")  # fmt: skip


def test_the_store_itself_cannot_update_an_entry(store: Store) -> None:
    applied(store)
    with pytest.raises(StoreError, match="append-only"), store._db.write() as connection:
        connection.exec_driver_sql("UPDATE ledger SET rule = 'A9'")
    assert store.ledger.verify().ok


def test_two_entries_of_the_same_text_have_different_digests(store: Store, tmp_path: Path) -> None:
    applied(store, 1)
    applied(store, 1, plan_id="p-2", run_id="r-2")
    with closing(sqlite3.connect(tmp_path / "crmsync.db")) as raw:
        digests = raw.execute("SELECT DISTINCT payload_digest FROM ledger").fetchall()
    assert len(digests) == 2


def test_the_history_of_a_record_is_its_entries_in_order(store: Store) -> None:
    applied(store, 2)
    applied(store, 3, plan_id="p-2", run_id="r-2")
    history = store.ledger.history("main", "company", "102")
    assert [(e.seq, e.run_id, e.plan_id, e.change_seq, e.outcome.value) for e in history] == [
        (2, "r-1", "p-1", 2, "applied"),
        (4, "r-2", "p-2", 2, "applied"),
    ]
    payload = history[0].payload
    assert payload is not None
    assert (payload.property, payload.before, payload.after, payload.rule, payload.reason) == (
        "abm_tier", "tier_2", "tier_1", "A2", "reason 2",
    )  # fmt: skip
    assert history[0].at == NOON
    assert store.ledger.history("other", "company", "102") == []


def test_last_written_is_the_newest_value_that_landed(store: Store) -> None:
    applied(store, 2)
    for plan_id, after, status in (("p-2", "tier_3", "already_in_place"), ("p-3", "tier_4", "rejected")):
        store.plans.save(plan(plan_id, frame=changes(1, after=after)), NOON)
        number = store.checkpoint.mark_sent("r-1", plan_id, None, [1], NOON)
        store.checkpoint.settle("r-1", plan_id, number, outcomes(1, status=OutcomeStatus(status)), NOON)
    columns = ["record_id", "property", "after", "seq"]
    everything = [("102", "abm_tier", "tier_1", 2), ("101", "abm_tier", "tier_3", 3)]
    assert store.ledger.last_written("main", "company").select(columns).rows() == everything
    only = store.ledger.last_written("main", "company", ["101", "999"])
    assert only.select(columns).rows() == [("101", "abm_tier", "tier_3", 3)]
    assert store.ledger.last_written("main", "company", []).is_empty()
    assert store.ledger.last_written("main", "contact").is_empty()
