"""`kill -9` at seeded moments of every stage of a sync: the next run brings the CRM to exactly the desired state."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from fault_child import killed_sync, traced_sync
from fault_house import AS_OF, Build, Held, House, Row, company_rows, contact_rows, moves, quick_context

from crmsync.engine.sync import sync
from crmsync.errors import ExitCode
from crmsync.store import LANDED, Batch, RunStatus, Store

SEED = 20261101
COMPANIES = company_rows(300)
#: Enough for more batches than are in flight at once.
CONTACTS = contact_rows(900, COMPANIES)
GUARDS = "guards: {max_tier_moves: 100%, max_demotions: 100%, max_list_exits: 100%, max_targets_removed: 100%}\n"

#: Stage, seam, and the part of its passings (from, to) that the moment is drawn from.
FULL = [
    ("the full pull, early", "before list call", (0.0, 0.3)),
    ("the full pull, while a page is stored", "after insert into records", (0.3, 0.8)),
    ("the full pull, late", "after list call", (0.8, 1.0)),
    ("the end of the full pull, within the sweep", "after sweep", (0.0, 1.0)),
    ("between two objects' pulls", "after finish_full_pull", (0.0, 0.5)),
    ("between pull and plan", "after owners call", (1.0, 1.0)),
    ("before the plan is saved", "before save", (1.0, 1.0)),
    ("while the plan is saved", "after insert into plan_changes", (0.0, 1.0)),
    ("between plan and run", "after save", (1.0, 1.0)),
    ("the start of the apply", "after start", (1.0, 1.0)),
    ("while properties are looked at", "before schema call", (0.0, 0.5)),
    ("while properties are created", "after schema call", (0.5, 1.0)),
    ("while lists are created", "after lists call", (0.3, 1.0)),
    ("before a batch is marked", "before mark_sent", (0.1, 0.9)),
    ("marked and not sent", "after mark_sent", (0.1, 0.9)),
    ("the first batch sent and not settled", "after write call", (0.0, 0.0)),
    ("sent and not settled", "after write call", (0.3, 0.7)),
    ("the last batch sent and not settled", "after write call", (1.0, 1.0)),
    ("while a batch is settled", "after insert into ledger", (0.1, 0.9)),
    ("while the last batch is settled", "after insert into ledger", (1.0, 1.0)),
    ("after a batch is settled", "after settle", (0.2, 0.8)),
    ("all settled, the plan not closed", "before set_status", (1.0, 1.0)),
    ("the plan closed, the run not ended", "before finish", (1.0, 1.0)),
]
INCREMENT = [
    ("the increment's search", "after search call", (0.0, 1.0)),
    ("while the increment is stored", "after insert into records", (0.0, 1.0)),
    ("marked and not sent", "after mark_sent", (0.0, 1.0)),
    ("sent and not settled", "after write call", (0.0, 1.0)),
    ("while a batch is settled", "after insert into ledger", (0.0, 1.0)),
]


@dataclass(frozen=True)
class Reference:
    """An uninterrupted run on a portal of its own."""

    held: Held
    writes: int
    records: int
    seams: Counter[str]


def the_change(rows: list[Row]) -> list[Row]:
    """What people enter between the first and the second sync: half of the companies get other staff numbers."""
    return [{"hs_object_id": row["hs_object_id"], "numberofemployees": "150"} for row in rows[::2]]


def enter(house: House, rows: list[Row]) -> None:
    for start in range(0, len(rows), 100):
        inputs = [
            {"id": r["hs_object_id"], "properties": {"numberofemployees": r["numberofemployees"]}}
            for r in rows[start : start + 100]
        ]
        house.call("POST", "/crm/objects/2026-09/companies/batch/update", {"inputs": inputs})


def uninterrupted(house: House, config: Path) -> Reference:
    house.forget_requests()
    seams = traced_sync(config, house.server.access_token)
    writes = house.writes()
    return Reference(house.held(), len(writes), sum(one["inputs"] for one in writes), seams)


def synced(house: House) -> Path:
    config = house.config(guards=GUARDS)
    with quick_context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
    return config


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reference]:
    house = House(tmp_path_factory.mktemp("reference"), COMPANIES, CONTACTS, latency_ms=15)
    try:
        config = house.config(guards=GUARDS)
        full = uninterrupted(house, config)
        enter(house, the_change(COMPANIES))
        return {"full": full, "increment": uninterrupted(house, config)}
    finally:
        house.close()


def drawn(moment: tuple[str, str, tuple[float, float]], reference: Reference) -> int:
    """The seeded passing of the moment's seam, counted from 1."""
    stage, seam, (low, high) = moment
    passings = reference.seams[seam]
    assert passings, f"no sync ever passes {seam!r}"
    share = random.Random(f"{SEED} {stage}").uniform(low, high)
    return 1 + round(share * (passings - 1))


@pytest.mark.parametrize("moment", FULL, ids=[stage for stage, *_ in FULL])
def test_after_kill_9_in_a_first_sync_the_next_run_ends_as_an_uninterrupted_one(
    moment: tuple[str, str, tuple[float, float]], references: dict[str, Reference], build: Build
) -> None:
    house = build(COMPANIES, CONTACTS, latency_ms=15)
    killed_and_resumed(house, house.config(guards=GUARDS), moment, references["full"])


@pytest.mark.parametrize("moment", INCREMENT, ids=[stage for stage, *_ in INCREMENT])
def test_after_kill_9_in_an_incremental_sync_the_next_run_ends_as_an_uninterrupted_one(
    moment: tuple[str, str, tuple[float, float]], references: dict[str, Reference], build: Build
) -> None:
    house = build(COMPANIES, CONTACTS, latency_ms=15)
    config = synced(house)
    enter(house, the_change(COMPANIES))
    killed_and_resumed(house, config, moment, references["increment"])


def killed_and_resumed(
    house: House, config: Path, moment: tuple[str, str, tuple[float, float]], reference: Reference
) -> None:
    before = house.held(stamp=True)
    with store(config) as kept:
        old_entries = kept.ledger.verify().entries
    house.forget_requests()
    killed_sync(config, house.server.access_token, moment[1], drawn(moment, reference))
    with store(config) as kept:
        in_flight = kept.checkpoint.unsettled(portal="main")
        begun = kept.runs.list("main", limit=1)
    if moment[0] == "sent and not settled" and reference.writes > 8:
        assert len(in_flight) > 1, "the moment is to meet several batches in flight"
    with quick_context(config) as ctx:
        resumed = sync(ctx, as_of=AS_OF)
        assert resumed.exit_code is ExitCode.DONE
        after = house.held(stamp=True)
        assert house.held() == reference.held
        assert_ledger_tells_exactly(ctx.store, old_entries, moves(before, after))
        assert_sent_again_at_most(house, reference, in_flight)
        assert ctx.store.checkpoint.unsettled(portal="main") == []
        assert ctx.store.plans.newest_open("main") is None, "a plan of the dead run still waits to be applied"
        ended = [ctx.store.runs.get(run.id) for run in begun]
        assert all(run and run.status is not RunStatus.RUNNING for run in ended)
        assert sync(ctx, as_of=AS_OF).applied is None, "the run after that writes nothing"


def store(config: Path) -> Store:
    return Store.open("sqlite:///state/crmsync.db", base=config.parent)


def assert_ledger_tells_exactly(
    kept: Store, old_entries: int, moved: dict[tuple[str, str, str], tuple[str | None, str | None]]
) -> None:
    """Every value that changed in the CRM stands in the ledger once, with before and after, and nothing else does."""
    report = kept.ledger.verify()
    assert report.faults == []
    runs = [run.id for run in kept.runs.list("main")]
    entries = pl.concat([kept.ledger.entries(run) for run in runs]).filter(pl.col("seq") > old_entries)
    assert entries["outcome"].is_in([status.value for status in LANDED]).all()
    assert old_entries + entries.height == report.entries, "an entry belongs to no run"
    plural = {"company": "companies", "contact": "contacts"}
    told = Counter((plural[o], i, p) for o, i, p in entries.select("object", "record_id", "property").rows())
    assert [key for key, times in told.items() if times > 1] == []
    rows = entries.select("object", "record_id", "property", "before", "after").rows()
    assert {(plural[o], i, p): b for o, i, p, b, _ in rows} == {key: b for key, (b, _) in moved.items()}
    texts = {(plural[o], i, p): a for o, i, p, _, a in rows}
    assert texts.keys() == moved.keys()


def assert_sent_again_at_most(house: House, reference: Reference, in_flight: list[Batch]) -> None:
    """By the CRM's own log: only what was in flight at the kill may have been sent a second time."""
    writes = house.writes()
    records_in_flight = sum(batch.changes["id"].n_unique() for batch in in_flight)
    assert len(writes) - reference.writes <= len(in_flight)
    assert sum(one["inputs"] for one in writes) - reference.records <= records_in_flight
