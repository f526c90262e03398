from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from crmsync.errors import StoreError
from crmsync.model.plan import OutcomeStatus
from crmsync.store import ChangeOutcome, Store

from .conftest import NOON, applied, changes, minutes, outcomes, plan, rec


@pytest.fixture
def ready(store: Store) -> Store:
    """Plan p-1 of four changes to companies 101 to 104, all mirrored, and a run r-1."""
    store.mirror.put_records("main", "company", [rec(str(n), abm_tier="tier_2") for n in range(101, 105)], "p")
    store.plans.save(plan(), NOON)
    store.runs.start("r-1", "main", "sync", NOON)
    return store


def test_a_settled_batch_is_in_plan_ledger_and_mirror(ready: Store) -> None:
    assert ready.checkpoint.next_batch_id("p-1") == 1
    assert ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON) == 1
    ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1, 2), minutes(1))
    assert ready.checkpoint.outcome_counts("p-1") == {"applied": 2, "pending": 2}
    assert ready.checkpoint.pending_changes("p-1")["seq"].to_list() == [3, 4]
    assert ready.checkpoint.unsettled("p-1") == []
    assert ready.checkpoint.next_batch_id("p-1") == 2
    entries = ready.ledger.entries("r-1")
    assert entries.select("seq", "change_seq", "record_id", "before", "after", "rule", "outcome").rows() == [
        (1, 1, "101", "tier_2", "tier_1", "A2", "applied"),
        (2, 2, "102", "tier_2", "tier_1", "A2", "applied"),
    ]
    assert ready.mirror.load("main", "company", ["abm_tier"])["abm_tier"].to_list() == ["tier_1"] * 2 + ["tier_2"] * 2


def test_a_sent_batch_is_unsettled_until_its_last_change_is(ready: Store) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2, 3], NOON)
    ready.checkpoint.settle("r-1", "p-1", 1, outcomes(2), minutes(1))
    (batch,) = ready.checkpoint.unsettled(portal="main")
    assert (batch.plan_id, batch.batch_no, batch.run_id, batch.sent_at) == ("p-1", 1, "r-1", NOON)
    assert batch.changes["seq"].to_list() == [1, 3]
    assert ready.checkpoint.unsettled(portal="other") == []
    ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1, 3), minutes(2))
    assert ready.checkpoint.unsettled(portal="main") == []


def test_no_change_is_settled_twice(ready: Store) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON)
    ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1), NOON)
    with pytest.raises(StoreError, match=r"changes \[1\] are not open in it, or were settled before"):
        ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1, 2), NOON)
    with pytest.raises(StoreError, match="named twice"):
        ready.checkpoint.settle("r-1", "p-1", 1, outcomes(2, 2), NOON)
    assert ready.checkpoint.outcome_counts("p-1") == {"applied": 1, "pending": 3}
    assert ready.ledger.head()[0] == 1


def test_a_change_that_was_never_sent_cannot_be_settled(ready: Store) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1], NOON)
    with pytest.raises(StoreError, match=r"changes \[4\] are not open in it"):
        ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1, 4), NOON)


@pytest.mark.parametrize("seqs", [[1], [2], [2, 3], [99]])
def test_a_change_sent_or_settled_is_not_sent_again(ready: Store, seqs: list[int]) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON)
    ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1), NOON)
    with pytest.raises(StoreError, match="settled or already sent; nothing was sent"):
        ready.checkpoint.mark_sent("r-1", "p-1", 2, seqs, NOON)
    assert ready.checkpoint.next_batch_id("p-1") == 2


def test_a_deferred_change_may_be_sent_again_and_has_no_ledger_entry(ready: Store) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON)
    deferred = outcomes(2, status=OutcomeStatus.DEFERRED, message="budget")
    ready.checkpoint.settle("r-1", "p-1", 1, [*outcomes(1), *deferred], NOON)
    assert ready.checkpoint.unsettled("p-1") == []
    assert ready.ledger.head()[0] == 1
    assert ready.checkpoint.mark_sent("r-1", "p-1", None, [2, 3], NOON) == 2


def test_an_unanswered_change_stays_with_its_batch_until_it_is_known(ready: Store) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON)
    unanswered = outcomes(1, 2, status=OutcomeStatus.UNANSWERED, message="no reply")
    ready.checkpoint.settle("r-1", "p-1", 1, unanswered, NOON)
    assert ready.ledger.head()[0] == 0
    (batch,) = ready.checkpoint.unsettled("p-1")
    assert batch.changes["seq"].to_list() == [1, 2]
    ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1, 2, status=OutcomeStatus.IN_PLACE), minutes(1))
    assert ready.checkpoint.outcome_counts("p-1") == {"already_in_place": 2, "pending": 2}


def test_stale_and_rejected_changes_leave_the_mirror_as_it_was(ready: Store) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON)
    ready.checkpoint.settle(
        "r-1", "p-1", 1,
        [ChangeOutcome(1, OutcomeStatus.STALE), ChangeOutcome(2, OutcomeStatus.REJECTED, "no such option", "OPTION")],
        NOON,
    )  # fmt: skip
    assert set(ready.mirror.load("main", "company", ["abm_tier"])["abm_tier"]) == {"tier_2"}
    assert ready.ledger.entries("r-1")["outcome"].to_list() == ["stale", "rejected"]


def test_mail_addresses_in_the_crms_words_are_masked_everywhere(ready: Store) -> None:
    words = "contact anna@example.com exists"
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1], NOON)
    ready.checkpoint.settle("r-1", "p-1", 1, [ChangeOutcome(1, OutcomeStatus.REJECTED, words, "CONFLICT")], NOON)
    assert ready.ledger.entries("r-1")["message"].to_list() == ["contact <e-mail> exists"]
    assert [letter.message for letter in ready.letters.list()] == ["contact <e-mail> exists"]


def test_a_batch_needs_a_run(ready: Store) -> None:
    with pytest.raises(StoreError, match="FOREIGN KEY"):
        ready.checkpoint.mark_sent("r-9", "p-1", 1, [1], NOON)


def test_a_settlement_that_fails_late_keeps_nothing(ready: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.checkpoint.mark_sent("r-1", "p-1", 1, [1, 2], NOON)

    def full(*_: object, **__: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ready.mirror, "merge", full)
    with pytest.raises(StoreError, match="No space left"):
        ready.checkpoint.settle("r-1", "p-1", 1, outcomes(1, 2), NOON)
    assert ready.ledger.head()[0] == 0
    assert ready.ledger.verify().ok
    assert ready.checkpoint.outcome_counts("p-1") == {"pending": 4}


def test_threads_may_send_and_settle_at_once(store: Store) -> None:
    store.plans.save(plan(frame=changes(80)), NOON)
    store.runs.start("r-1", "main", "sync", NOON)
    failures: list[BaseException] = []

    def work(first: int) -> None:
        try:
            for start in range(first, first + 20, 5):
                seqs = range(start, start + 5)
                number = store.checkpoint.mark_sent("r-1", "p-1", None, seqs, NOON)
                store.checkpoint.settle("r-1", "p-1", number, outcomes(*seqs), NOON)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(first,)) for first in (1, 21, 41, 61)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store.checkpoint.outcome_counts("p-1") == {"applied": 80}
    report = store.ledger.verify()
    assert (report.entries, report.faults) == (80, [])


_VICTIM = """
import sys
from datetime import UTC, datetime
from crmsync.model.plan import OutcomeStatus
from crmsync.store import ChangeOutcome, Store

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
store = Store.open(sys.argv[1])
with store.exclusive("main", holder="victim", at=NOON):
    store.runs.start("r-2", "main", "sync", NOON)
    number = store.checkpoint.mark_sent("r-2", "p-1", None, [1, 2], NOON)
    store.checkpoint.settle("r-2", "p-1", number, [ChangeOutcome(s, OutcomeStatus.APPLIED) for s in (1, 2)], NOON)
    store.checkpoint.mark_sent("r-2", "p-1", None, [3, 4], NOON)
    print("sent", flush=True)
    sys.stdin.read()
"""


def test_after_kill_9_everything_committed_is_there_and_the_batch_in_flight_is_known(address: str) -> None:
    with Store.open(address) as store:
        store.plans.save(plan(frame=changes(6)), NOON)
    with subprocess.Popen(
        [sys.executable, "-c", _VICTIM, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "sent\n"
        os.kill(victim.pid, signal.SIGKILL)
    with Store.open(address) as store, store.exclusive("main", holder="heir", at=minutes(1)):
        assert store.runs.interrupt_running("main", minutes(1)) == ["r-2"]
        assert store.checkpoint.outcome_counts("p-1") == {"applied": 2, "pending": 4}
        report = store.ledger.verify()
        assert (report.entries, report.faults) == (2, [])
        (batch,) = store.checkpoint.unsettled(portal="main")
        assert (batch.batch_no, batch.changes["seq"].to_list()) == (2, [3, 4])
        store.checkpoint.settle("r-2", "p-1", 2, outcomes(3, 4, status=OutcomeStatus.IN_PLACE), minutes(1))
        assert store.checkpoint.pending_changes("p-1")["seq"].to_list() == [5, 6]


_WRITER = """
import sys
from datetime import UTC, datetime
from crmsync.model.plan import OutcomeStatus
from crmsync.store import ChangeOutcome, Store

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
store = Store.open(sys.argv[1])
for seq in range(1, 401):
    number = store.checkpoint.mark_sent("r-1", "p-1", None, [seq], NOON)
    store.checkpoint.settle("r-1", "p-1", number, [ChangeOutcome(seq, OutcomeStatus.APPLIED)], NOON)
    print(seq, flush=True)
"""


@pytest.mark.parametrize("moment", [1, 7, 23])
def test_whatever_the_moment_of_a_kill_9_what_was_told_as_settled_is_settled(
    address: str, moment: int, tmp_path: Path
) -> None:
    with Store.open(address) as store:
        store.plans.save(plan(frame=changes(400)), NOON)
        store.runs.start("r-1", "main", "sync", NOON)
    with subprocess.Popen([sys.executable, "-c", _WRITER, address], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(moment):
            told = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])
    with Store.open(address) as store:
        settled = store.checkpoint.outcome_counts("p-1")["applied"]
        in_flight = sum(batch.changes.height for batch in store.checkpoint.unsettled("p-1"))
        report = store.ledger.verify()
        assert told <= settled <= told + 1
        assert in_flight <= 1
        assert (report.entries, report.faults) == (settled, [])


def test_erasing_a_person_leaves_none_of_their_words_and_a_chain_that_verifies(store: Store, tmp_path: Path) -> None:
    secret = "Archduke Ferdinand"
    frame = changes(3, after=secret, object_="contact")
    store.mirror.put_records("main", "contact", [rec("101", name=secret), rec("102", name="Sophie")], "p")
    store.plans.save(plan(frame=frame.filter(frame["id"] == "101")), NOON)
    store.plans.save(plan("p-2", frame=frame.filter(frame["id"] == "101")), NOON)
    store.runs.start("r-1", "main", "sync", NOON)
    store.checkpoint.mark_sent("r-1", "p-1", 1, [1], NOON)
    store.checkpoint.settle("r-1", "p-1", 1, [ChangeOutcome(1, OutcomeStatus.REJECTED, secret)], NOON)
    assert store.erase_person("main", "contact", "101", minutes(1)) == 1
    report = store.ledger.verify()
    assert (report.entries, report.erased, report.faults) == (1, 1, [])
    assert store.ledger.history("main", "contact", "101") == []
    assert store.ledger.entries("r-1").select("outcome", "record_id", "after").rows() == [("rejected", None, None)]
    assert store.plans.status("p-2") == "superseded"
    assert (store.mirror.get("main", "contact", "101"), store.letters.list()) == (None, [])
    assert store.mirror.get("main", "contact", "102") == {"name": "Sophie"}
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file.name


def test_an_erased_change_is_still_settled(store: Store) -> None:
    applied(store, 2)
    store.erase_person("main", "company", "101", minutes(1))
    applied(store, 2, plan_id="p-2", run_id="r-2")
    report = store.ledger.verify()
    assert (report.entries, report.erased, report.faults) == (4, 1, [])
