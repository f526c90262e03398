"""The store: mirror, watermarks, runs, plans, checkpoint, ledger, dead letters; SQLite by default, PostgreSQL alike.

It exists so that nothing that was read or written is forgotten, whatever ends the process. It decides nothing.
"""

from __future__ import annotations

from crmsync.store.checkpoint import FINAL, Batch, ChangeOutcome
from crmsync.store.ledger import LANDED, LEDGER_SCHEMA, LedgerEntry, Payload, VerifyReport
from crmsync.store.letters import DeadLetter, LetterStatus
from crmsync.store.mirror import Owner, PullState, StoredOwner, StoredRecord
from crmsync.store.plans import WAITING, PlanEntry, PlanStatus
from crmsync.store.runs import Run, RunStatus
from crmsync.store.store import Store

__all__ = [
    "FINAL",
    "LANDED",
    "LEDGER_SCHEMA",
    "WAITING",
    "Batch",
    "ChangeOutcome",
    "DeadLetter",
    "LedgerEntry",
    "LetterStatus",
    "Owner",
    "Payload",
    "PlanEntry",
    "PlanStatus",
    "PullState",
    "Run",
    "RunStatus",
    "Store",
    "StoredOwner",
    "StoredRecord",
    "VerifyReport",
]
