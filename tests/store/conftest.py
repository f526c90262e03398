"""What the store's tests share: a store in a fresh folder, small plans, and records as a connector hands them over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from crmsync.model.plan import CHANGE_SCHEMA, OutcomeStatus, Plan
from crmsync.store import ChangeOutcome, Store

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def minutes(count: int) -> datetime:
    return NOON + timedelta(minutes=count)


@dataclass(frozen=True)
class Rec:
    id: str
    modified_at: str
    properties: bytes


@dataclass(frozen=True)
class Link:
    to: str
    labels: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()


def rec(id_: str, **properties: str | None) -> Rec:
    return Rec(id_, "2026-11-01T00:00:00Z", json.dumps(properties).encode())


def changes(count: int, *, after: str | None = "tier_1", object_: str = "company") -> pl.DataFrame:
    """Change n (from 1) sets `abm_tier` of record n + 100."""
    rows = [
        (n, object_, str(n + 100), "abm_tier", "tier_2", after, "A2", f"reason {n}", False) for n in range(1, count + 1)
    ]
    return pl.DataFrame(rows, schema=CHANGE_SCHEMA, orient="row")


def plan(id_: str = "p-1", *, portal: str = "main", frame: pl.DataFrame | None = None) -> Plan:
    return Plan(
        id=id_,
        portal=portal,
        kind="sync",
        as_of="2026-11-01",
        program="3f2a91",
        created_at="2026-11-01T12:00:00Z",
        changes=changes(4) if frame is None else frame,
        basis={},
        summary={},
        digest="d",
    )


def outcomes(*seqs: int, status: OutcomeStatus = OutcomeStatus.APPLIED, message: str = "") -> list[ChangeOutcome]:
    return [ChangeOutcome(seq, status, message) for seq in seqs]


def applied(store: Store, count: int = 4, *, plan_id: str = "p-1", run_id: str = "r-1") -> None:
    """A run that applied a plan of `count` changes in one batch."""
    store.plans.save(plan(plan_id, frame=changes(count)), NOON)
    store.runs.start(run_id, "main", "sync", NOON)
    number = store.checkpoint.mark_sent(run_id, plan_id, None, range(1, count + 1), NOON)
    store.checkpoint.settle(run_id, plan_id, number, outcomes(*range(1, count + 1)), NOON)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/crmsync.db"


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    with Store.open(address) as opened:
        yield opened
