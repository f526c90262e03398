"""A sync in a process of its own that kills itself, with SIGKILL, at a chosen passing of a chosen seam.

A seam is a place that work passes: a call to the CRM, a statement or a transaction of the store. Progress and not time
picks the moment, so that each kill can be repeated. Nothing but the counting is added to the real code.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fault_house import AS_OF, TOKEN, quick_context

from crmsync.connectors.hubspot.transport import Transport
from crmsync.engine.sync import sync
from crmsync.store.checkpoint import Checkpoint
from crmsync.store.database import Database
from crmsync.store.mirror import Mirror
from crmsync.store.plans import Plans
from crmsync.store.runs import Runs

_SECONDS = 60


class Seams:
    """Counts how often each seam is passed, and ends the process at the one that was asked for."""

    def __init__(self, wanted: str = "", nth: int = 0) -> None:
        self.passed: Counter[str] = Counter()
        self._wanted, self._nth = wanted, nth
        self._lock = threading.Lock()

    def passing(self, name: str) -> None:
        with self._lock:
            self.passed[name] += 1
            if name == self._wanted and self.passed[name] == self._nth:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type, method: str, label: Callable[..., str]) -> None:
        original = getattr(owner, method)

        def counted(*arguments: Any, **options: Any) -> Any:
            name = label(*arguments)
            self.passing(f"before {name}")
            answer = original(*arguments, **options)
            self.passing(f"after {name}")
            return answer

        setattr(owner, method, counted)

    def install(self) -> None:
        self.around(Transport, "call", lambda _self, request: f"{request.family} call")
        # Inside a transaction of the store: what came before is not committed yet.
        self.around(Database, "insert", lambda _self, _connection, table, *_rest: f"insert into {table.name}")
        self.around(Mirror, "_sweep", lambda *_: "sweep")
        for owner, method in (
            (Mirror, "put_records"),
            (Mirror, "finish_full_pull"),
            (Mirror, "put_state"),
            (Plans, "save"),
            (Plans, "set_status"),
            (Runs, "start"),
            (Runs, "finish"),
            (Checkpoint, "mark_sent"),
            (Checkpoint, "settle"),
        ):
            self.around(owner, method, lambda *_, name=method: name)


def _sync(config: Path, token: str, wanted: str, nth: int, trace: Path) -> None:
    os.environ[TOKEN] = token
    seams = Seams(wanted, nth)
    seams.install()
    with quick_context(config) as ctx:
        sync(ctx, as_of=AS_OF)
    trace.write_text(json.dumps(seams.passed))


def _start(config: Path, token: str, wanted: str, nth: int) -> tuple[int | None, Path]:
    # The fork server has done the imports and runs no thread: a sync starts at once, in a clean process.
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload(["crmsync.engine.sync", "crmsync.connectors.hubspot", "alembic.command"])
    trace = config.parent / "trace.json"
    process = forks.Process(target=_sync, args=(config, token, wanted, nth, trace))
    process.start()
    process.join(_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()
        raise AssertionError(f"the sync neither ended nor was killed at {wanted!r} within {_SECONDS} s")
    code = process.exitcode
    process.close()
    return code, trace


def traced_sync(config: Path, token: str) -> Counter[str]:
    """An uninterrupted sync: how often each seam is passed."""
    code, trace = _start(config, token, "", 0)
    assert code == 0
    return Counter(json.loads(trace.read_text()))


def killed_sync(config: Path, token: str, seam: str, nth: int) -> None:
    """A sync that dies at the `nth` passing of `seam`."""
    code, _ = _start(config, token, seam, nth)
    assert code == -signal.SIGKILL, f"the sync ended with {code} instead of dying at passing {nth} of {seam!r}"
