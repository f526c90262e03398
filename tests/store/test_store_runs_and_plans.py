from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.errors import StoreError
from crmsync.model.plan import CHANGE_SCHEMA, GuardReading, Plan
from crmsync.store import PlanStatus, RunStatus, Store

from .conftest import NOON, changes, minutes, plan

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_MAYBE = st.none() | _TEXT
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_ROW = st.tuples(_TEXT, _TEXT, _TEXT, _MAYBE, _MAYBE, _MAYBE, _MAYBE, st.none() | st.booleans())
_GUARD = st.builds(GuardReading, _TEXT, st.integers(0, 9), st.integers(0, 9), _TEXT, st.booleans(), _TEXT)


@st.composite
def _plans(draw: st.DrawFn) -> Plan:
    rows = draw(st.dictionaries(st.integers(0, 2**62), _ROW, max_size=6))
    frame = pl.DataFrame([(seq, *rows[seq]) for seq in sorted(rows)], schema=CHANGE_SCHEMA, orient="row")
    objects = st.dictionaries(_TEXT, _JSON, max_size=3)
    return Plan(
        id=draw(_TEXT), portal=draw(_TEXT), kind=draw(_TEXT), as_of=draw(_TEXT), program=draw(_TEXT),
        created_at=draw(_TEXT), changes=frame, basis=draw(objects), summary=draw(objects),
        guards=tuple(draw(st.lists(_GUARD, max_size=2))), digest=draw(_TEXT), undoes=draw(_MAYBE),
        notes=tuple(draw(st.lists(_TEXT, max_size=2))),
    )  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(saved=_plans())
def test_a_plan_comes_back_exactly_as_it_was_saved(saved: Plan) -> None:
    with Store.open("sqlite://") as store:
        store.plans.save(saved, NOON)
        loaded = store.plans.load(saved.id)
    assert loaded.changes.equals(saved.changes, null_equal=True)
    assert loaded.changes.schema == saved.changes.schema
    names = [name for name in Plan.__dataclass_fields__ if name != "changes"]
    assert [getattr(loaded, name) for name in names] == [getattr(saved, name) for name in names]


def test_a_plan_is_saved_once(store: Store) -> None:
    store.plans.save(plan(), NOON)
    with pytest.raises(StoreError, match="plan p-1 exists already"):
        store.plans.save(plan(frame=changes(2)), NOON)
    assert store.plans.load("p-1").changes.height == 4


def test_a_plan_with_a_change_numbered_twice_is_kept_in_no_part(store: Store) -> None:
    with pytest.raises(StoreError, match="nothing of it was kept"):
        store.plans.save(plan(frame=pl.concat([changes(3), changes(1)])), NOON)
    assert store.plans.get("p-1") is None


def test_an_unknown_plan_is_told_with_what_to_do(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no plan p-9; make one with `crmsync plan`"):
        store.plans.load("p-9")
    with pytest.raises(StoreError, match="there is no plan p-9"):
        store.plans.set_status("p-9", PlanStatus.APPLIED, NOON)


def test_the_newest_open_plan_is_the_last_saved_that_waits_for_someone(store: Store) -> None:
    for number, status in enumerate(["open", "breached", "superseded", "applied"], start=1):
        store.plans.save(plan(f"p-{number}"), NOON, status=PlanStatus(status))
    store.plans.save(plan("p-5", portal="other"), NOON)
    newest = store.plans.newest_open("main")
    assert newest is not None
    assert (newest.id, newest.status, newest.changes) == ("p-2", PlanStatus.BREACHED, 4)
    store.plans.set_status("p-2", PlanStatus.APPLIED, minutes(1))
    newest = store.plans.newest_open("main")
    assert newest is not None
    assert newest.id == "p-1"
    assert [entry.id for entry in store.plans.list("main")] == ["p-4", "p-3", "p-2", "p-1"]


def test_superseding_spares_the_plan_kept_those_applied_and_the_one_being_applied(store: Store) -> None:
    for number, status in enumerate(["open", "breached", "applying", "applied", "open"], start=1):
        store.plans.save(plan(f"p-{number}"), NOON, status=PlanStatus(status))
    assert store.plans.supersede("main", minutes(1), keep="p-5") == ["p-1", "p-2"]
    statuses = [store.plans.status(f"p-{n}").value for n in range(1, 6)]
    assert statuses == ["superseded", "superseded", "applying", "applied", "open"]


def test_a_run_is_listed_with_what_it_was_started_and_ended_with(store: Store) -> None:
    store.runs.start("r-1", "main", "resync", NOON, reason="merged by hand", trigger="cli", program="3f2a91")
    store.runs.finish("r-1", RunStatus.REFUSED, minutes(2), counts={"applied": 3, "rejected": 1}, message="1 refused")
    run = store.runs.get("r-1")
    assert run is not None
    assert (run.portal, run.kind, run.reason, run.trigger, run.program) == (
        "main", "resync", "merged by hand", "cli", "3f2a91",
    )  # fmt: skip
    assert (run.status, run.started_at, run.finished_at) == (RunStatus.REFUSED, NOON, minutes(2))
    assert (run.counts, run.message) == ({"applied": 3, "rejected": 1}, "1 refused")
    assert store.runs.get("r-9") is None


def test_runs_are_listed_newest_first_by_portal_and_number(store: Store) -> None:
    for number in range(1, 5):
        store.runs.start(f"r-{number}", "main" if number != 3 else "other", "sync", NOON)
    assert [run.id for run in store.runs.list("main")] == ["r-4", "r-2", "r-1"]
    assert [run.id for run in store.runs.list(limit=2)] == ["r-4", "r-3"]


def test_only_this_portals_running_runs_are_interrupted(store: Store) -> None:
    for run_id, portal in (("r-1", "main"), ("r-2", "main"), ("r-3", "other")):
        store.runs.start(run_id, portal, "sync", NOON)
    store.runs.finish("r-1", RunStatus.DONE, minutes(1))
    assert store.runs.interrupt_running("main", minutes(5)) == ["r-2"]
    assert [run.status.value for run in store.runs.list()] == ["running", "interrupted", "done"]


def test_a_run_id_is_used_once_and_only_a_known_run_ends(store: Store) -> None:
    store.runs.start("r-1", "main", "sync", NOON)
    with pytest.raises(StoreError, match="run r-1 exists already"):
        store.runs.start("r-1", "main", "sync", NOON)
    with pytest.raises(StoreError, match="there is no run r-2"):
        store.runs.finish("r-2", RunStatus.DONE, NOON)
