from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from crmsync.errors import StoreError
from crmsync.model.plan import OutcomeStatus
from crmsync.store import ChangeOutcome, LetterStatus, Store

from .conftest import NOON, changes, minutes, plan


def _settle(store: Store, number: int, status: OutcomeStatus, message: str = "", *, after: str = "tier_1") -> None:
    """Run number `number` sends one change (company 101, `abm_tier`) and gets `status`."""
    store.plans.save(plan(f"p-{number}", frame=changes(1, after=after)), minutes(number))
    store.runs.start(f"r-{number}", "main", "sync", minutes(number))
    batch = store.checkpoint.mark_sent(f"r-{number}", f"p-{number}", None, [1], minutes(number))
    outcome = ChangeOutcome(1, status, message, "VALIDATION_ERROR" if message else "")
    store.checkpoint.settle(f"r-{number}", f"p-{number}", batch, [outcome], minutes(number))


def test_a_refused_change_is_a_dead_letter_in_the_crms_words(store: Store) -> None:
    _settle(store, 1, OutcomeStatus.REJECTED, "tier_1 was not one of the allowed options")
    (letter,) = store.letters.list("main")
    assert (letter.object, letter.record_id, letter.property) == ("company", "101", "abm_tier")
    assert (letter.before, letter.after) == ("tier_2", "tier_1")
    assert (letter.category, letter.message) == ("VALIDATION_ERROR", "tier_1 was not one of the allowed options")
    assert (letter.run_id, letter.plan_id, letter.change_seq, letter.count) == ("r-1", "p-1", 1, 1)
    assert (letter.first_at, letter.last_at, letter.status) == (minutes(1), minutes(1), LetterStatus.OPEN)
    assert store.letters.get(letter.id) == letter
    assert store.letters.list("other") == []
    assert store.letters.list(run_id="r-2") == []


def test_the_same_refusal_again_counts_up_the_one_letter(store: Store) -> None:
    _settle(store, 1, OutcomeStatus.REJECTED, "no")
    _settle(store, 2, OutcomeStatus.REJECTED, "still no", after="tier_3")
    (letter,) = store.letters.list("main")
    assert (letter.count, letter.first_at, letter.last_at) == (2, minutes(1), minutes(2))
    assert (letter.message, letter.after, letter.run_id) == ("still no", "tier_3", "r-2")


@pytest.mark.parametrize("landed", [OutcomeStatus.APPLIED, OutcomeStatus.IN_PLACE])
def test_a_later_success_resolves_the_letter(store: Store, landed: OutcomeStatus) -> None:
    _settle(store, 1, OutcomeStatus.REJECTED, "no")
    _settle(store, 2, landed)
    assert store.letters.list("main") == []
    (letter,) = store.letters.list("main", status=[LetterStatus.RESOLVED])
    assert letter.status_at == minutes(2)


def test_a_stale_change_resolves_nothing(store: Store) -> None:
    _settle(store, 1, OutcomeStatus.REJECTED, "no")
    _settle(store, 2, OutcomeStatus.STALE)
    assert [letter.status for letter in store.letters.list("main")] == [LetterStatus.OPEN]


def test_a_retried_letter_that_is_refused_again_is_open_again(store: Store) -> None:
    _settle(store, 1, OutcomeStatus.REJECTED, "no")
    store.letters.mark([store.letters.list()[0].id], LetterStatus.RETRIED, minutes(2))
    assert [letter.status for letter in store.letters.list()] == [LetterStatus.RETRIED]
    _settle(store, 3, OutcomeStatus.REJECTED, "no")
    (letter,) = store.letters.list()
    assert (letter.status, letter.count) == (LetterStatus.OPEN, 2)


def test_a_dismissed_letter_stays_dismissed_and_a_new_refusal_opens_another(store: Store) -> None:
    _settle(store, 1, OutcomeStatus.REJECTED, "no")
    first = store.letters.list()[0].id
    store.letters.mark([first], LetterStatus.DISMISSED, minutes(2))
    _settle(store, 3, OutcomeStatus.REJECTED, "no")
    (letter,) = store.letters.list()
    assert (letter.id != first, letter.count) == (True, 1)
    with pytest.raises(StoreError, match=f"there is no open dead letter {first}"):
        store.letters.mark([letter.id, first], LetterStatus.RETRIED, minutes(4))
    assert [entry.status for entry in store.letters.list()] == [LetterStatus.OPEN]


_HOLDER = """
import sys
from datetime import UTC, datetime
from crmsync.store import Store

store = Store.open(sys.argv[1])
with store.exclusive("main", holder="the worker", at=datetime(2026, 11, 1, 12, tzinfo=UTC)):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_portal_held_by_another_process_is_refused_and_free_at_once_after_kill_9(address: str, store: Store) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(StoreError, match="portal main is being run by the worker since 2026-11-01T12:00:00Z"),
            store.exclusive("main", holder="me", at=minutes(1)),
        ):
            raise AssertionError("two processes ran the portal at once")
        with store.exclusive("other", holder="me", at=minutes(1)):
            pass
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
        with store.exclusive("main", holder="me", at=minutes(1)):
            pass


@pytest.mark.parametrize("url", ["sqlite:///{}/crmsync.db", "sqlite://"])
def test_a_portal_is_held_once_within_a_process_too(url: str, tmp_path: Path) -> None:
    with Store.open(url.format(tmp_path)) as store:
        with store.exclusive("main", holder="one", at=NOON):
            with (
                pytest.raises(StoreError, match="portal main is being run"),
                store.exclusive("main", holder="two", at=NOON),
            ):
                raise AssertionError("held twice")
            with store.exclusive("other", holder="two", at=NOON):
                pass
        with pytest.raises(KeyError), store.exclusive("main", holder="three", at=NOON):
            raise KeyError
        with store.exclusive("main", holder="four", at=NOON):
            pass


def test_a_portals_name_may_hold_any_sign(store: Store, tmp_path: Path) -> None:
    with store.exclusive("../EU / 1", holder="me", at=NOON):
        assert (tmp_path / "crmsync.db...%2FEU%20%2F%201.lock").exists()
