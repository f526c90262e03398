"""The worker: APScheduler as the clock, one run at a time, SIGTERM ends after the batch in hand.

Every run opens its own context, so that an edited program or a rotated token is picked up without a restart. A run that
fails, is stopped by a guard or leaves dead letters is told to people; it never ends the worker.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from crmsync.config.schedules import cron_trigger
from crmsync.config.secrets import resolve_secret
from crmsync.engine.context import Context
from crmsync.engine.sync import Synced, sync
from crmsync.errors import ConfigError, CrmsyncError, ExitCode, Fault, UnsafePlan
from crmsync.notify import Webhook, silent
from crmsync.worker.health import BEAT, beat, heartbeat_path

_log = structlog.get_logger("crmsync.worker")
Notify = Callable[[str], bool]


class Worker:
    """Runs one portal's schedules. `runs` counts the runs that were begun."""

    def __init__(self, open_: Callable[[], Context]) -> None:
        self._open = open_
        self._stopping = threading.Event()
        self._running = threading.Lock()
        self._state = "waiting"
        self.runs = 0

    def stop(self) -> None:
        """Ask for the end: no new run begins, the one at work stops after the batch in hand."""
        self._stopping.set()

    def once(self, *, full: bool = False) -> ExitCode:
        """One run, told to people where it needs somebody. Returns what it ended with."""
        with self._signals():
            return self._run(full=full)

    def serve(self) -> ExitCode:
        """Run the schedules until `stop` or a signal. Raises ConfigError where there is no schedule."""
        with self._open() as context:
            schedule, portal = context.portal.schedule, context.portal.name
            heartbeat = heartbeat_path(context)
            now = context.now
        lines = {"incremental": schedule.incremental, "full": schedule.full}
        if not any(lines.values()):
            where = f"portals.{portal}.schedule"
            raise ConfigError(
                [Fault(where, None, 'has neither incremental nor full; write incremental: "*/10 * * * *"')]
            )
        defaults = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        scheduler = BackgroundScheduler(timezone=schedule.timezone, job_defaults=defaults)
        for kind, line in lines.items():
            if line:
                trigger = cron_trigger(line, schedule.timezone)
                scheduler.add_job(self._run, trigger, kwargs={"full": kind == "full"}, id=kind)
        scheduler.add_job(lambda: beat(heartbeat, now(), state=self._state), IntervalTrigger(seconds=BEAT.seconds))
        with self._signals():
            beat(heartbeat, now(), state=self._state)
            scheduler.start()
            _log.info("worker started", portal=portal, **{kind: line for kind, line in lines.items() if line})
            try:
                self._stopping.wait()
            finally:
                scheduler.shutdown(wait=True)
                beat(heartbeat, now(), state="ended")
        _log.info("worker ended", portal=portal, runs=self.runs)
        return ExitCode.DONE

    def _run(self, *, full: bool) -> ExitCode:
        """One run. Incremental and full never overlap; the later one waits its turn."""
        with self._running:
            if self._stopping.is_set():
                return ExitCode.DONE
            self.runs += 1
            kind = "full" if full else "incremental"
            self._state = f"running {kind}"
            try:
                return self._sync(full)
            except CrmsyncError as error:
                _log.error("run not begun", kind=kind, reason=error.message)
                return error.exit_code
            finally:
                self._state = "waiting"

    def _sync(self, full: bool) -> ExitCode:
        with self._open() as context:
            notify, portal = notifier(context), context.portal.name
            try:
                synced = sync(context, full=full, trigger="worker", should_stop=self._stopping.is_set)
            except CrmsyncError as error:
                _log.error("run stopped", portal=portal, reason=error.message, exit_code=int(error.exit_code))
                notify(stopped_text(portal, error))
                return error.exit_code
        _log.info("run done", portal=portal, **_figures(synced))
        if text := attention_text(portal, synced):
            notify(text)
        return synced.exit_code

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGTERM and SIGINT ask for the end while the block runs; only the main thread may say so."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def ask(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def notifier(context: Context) -> Notify:
    """How people are told: the configured webhook, or nobody."""
    stated = context.config.notify
    if stated is None:
        return silent
    where = f"{context.config.where}: notify.webhook"
    return Webhook(lambda: resolve_secret(stated.webhook, where)).send


def stopped_text(portal: str, error: CrmsyncError) -> str:
    """What a person is told when a run stopped."""
    if isinstance(error, UnsafePlan):
        return f"crmsync, portal {portal}: a guard stopped the run, a person decides.\n{error.message}"
    return f"crmsync, portal {portal}: the run stopped.\n{error.message}"


def attention_text(portal: str, synced: Synced) -> str:
    """What a person is told of a run that ended; "" where nobody is needed."""
    applied = synced.applied
    if applied is None:
        return ""
    refused = applied.outcomes.get("rejected", 0)
    if refused:
        return (
            f"crmsync, portal {portal}: the CRM refused {refused} of the changes of run {applied.run_id}; "
            "crmsync dead-letters has its words."
        )
    return ""


def _figures(synced: Synced) -> dict[str, Any]:
    plan = synced.planned.plan
    applied = synced.applied
    return {
        "plan": plan.id,
        "changes": plan.changes.height,
        "run": applied.run_id if applied else None,
        "outcomes": dict(applied.outcomes) if applied else {},
        "exit_code": int(synced.exit_code),
    }
