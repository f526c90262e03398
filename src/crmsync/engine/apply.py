"""Apply: exactly the saved plan, batch by batch, each change checked against the value it was planned on.

A batch is marked before it is sent and settled in one transaction after; `kill -9` at any moment leaves only batches
whose fate can be read back. Nothing is written without its ledger entry, so nothing is written without an undo.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from crmsync.connectors.base import Progress
from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.engine.pull import note_acted_on
from crmsync.engine.recover import recover
from crmsync.engine.side import Side
from crmsync.engine.values import same_values
from crmsync.errors import BudgetSpent, CrmsyncError, ExitCode, StalePlan, Throttled, Unauthorized, UnsafePlan
from crmsync.model.fields import ObjectName
from crmsync.model.plan import OutcomeStatus, Plan, Update, WriteResult
from crmsync.planning.cost import STALE_AFTER
from crmsync.store import ChangeOutcome, PlanStatus, RunStatus

_IN_FLIGHT = 8
#: Errors after which nothing of the batch can have landed: its changes are free to be sent again.
_NOT_SENT = (Unauthorized, BudgetSpent, Throttled)


@dataclass(frozen=True)
class Applied:
    """What became of a plan. `outcomes` counts changes by outcome, `calls` the API calls by family."""

    run_id: str
    plan_id: str
    outcomes: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    created: tuple[str, ...] = ()
    seconds: float = 0.0
    exit_code: ExitCode = ExitCode.DONE
    message: str = ""

    @property
    def dead_letters(self) -> int:
        return self.outcomes.get(OutcomeStatus.REJECTED, 0)

    @property
    def stale(self) -> int:
        return self.outcomes.get(OutcomeStatus.STALE, 0)


def apply_plan(
    ctx: Context,
    plan: Plan,
    *,
    accept: frozenset[str] = frozenset(),
    reason: str = "",
    trigger: str = "person",
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Applied:
    """Write the plan. Raises UnsafePlan for a breach that was not accepted, StalePlan for a plan that is settled."""
    with ctx.exclusive():
        return apply_locked(
            ctx, plan, accept=accept, reason=reason, trigger=trigger, progress=progress, should_stop=should_stop
        )


def apply_locked(
    ctx: Context,
    plan: Plan,
    *,
    accept: frozenset[str],
    reason: str,
    trigger: str,
    progress: Progress | None,
    should_stop: Callable[[], bool],
) -> Applied:
    """`apply_plan` for a caller that holds the portal."""
    _check_open(ctx, plan)
    run_id = str(plan.basis.get("run_id") or new_id("r", ctx.now()))
    if ctx.store.runs.get(run_id) is not None:
        run_id = new_id("r", ctx.now())
    ctx.store.runs.start(
        run_id,
        ctx.portal.name,
        "apply" if plan.kind == "plan" else plan.kind,
        ctx.now(),
        reason=reason,
        trigger=trigger,
        program=plan.program,
    )
    try:
        refuse_breaches(plan, accept, reason)
        return _run(ctx, plan, run_id, progress, should_stop)
    except UnsafePlan as error:
        ctx.store.runs.finish(run_id, RunStatus.BREACHED, ctx.now(), message=error.message)
        raise
    except CrmsyncError as error:
        counts = ctx.store.checkpoint.outcome_counts(plan.id)
        ctx.store.runs.finish(run_id, RunStatus.FAILED, ctx.now(), counts={"outcomes": counts}, message=error.message)
        raise


def _check_open(ctx: Context, plan: Plan) -> None:
    status = ctx.store.plans.status(plan.id)
    if status in (PlanStatus.APPLIED, PlanStatus.SUPERSEDED):
        raise StalePlan(f"plan {plan.id} is {status} already; make a new one with `crmsync plan`.")


def refuse_breaches(plan: Plan, accept: frozenset[str], reason: str) -> None:
    """Raise UnsafePlan unless every breach is accepted by name (or `all`), with a reason."""
    names = {breach.name for breach in plan.breaches}
    left = set() if "all" in accept else names - accept
    if left:
        said = [breach.message for breach in plan.breaches if breach.name in left]
        raise UnsafePlan("\n".join(f"guard {text}" for text in said) + "\nNothing was written.")
    if names and not reason.strip():
        raise UnsafePlan("accepting a breached guard needs --reason TEXT, which the run keeps. Nothing was written.")


def _run(ctx: Context, plan: Plan, run_id: str, progress: Progress | None, should_stop: Callable[[], bool]) -> Applied:
    started, calls_before = time.monotonic(), ctx.calls()
    ctx.store.plans.set_status(plan.id, PlanStatus.APPLYING, ctx.now())
    recover(ctx)
    created = ensure(ctx) if not plan.is_empty else ()
    pending = ctx.store.checkpoint.pending_changes(plan.id)
    _Writer(ctx, plan, run_id, progress, should_stop).write(pending)
    outcomes = ctx.store.checkpoint.outcome_counts(plan.id)
    left = outcomes.get("pending", 0)
    refused = ctx.store.ledger.outcomes(run_id).get(OutcomeStatus.REJECTED, 0)
    message = _message(outcomes, left)
    status = RunStatus.INTERRUPTED if left else RunStatus.REFUSED if refused else RunStatus.DONE
    if not left:
        ctx.store.plans.set_status(plan.id, PlanStatus.APPLIED, ctx.now())
        note_acted_on(ctx, plan)
    calls = {k: n - calls_before.get(k, 0) for k, n in ctx.calls().items() if n > calls_before.get(k, 0)}
    ctx.store.runs.finish(
        run_id, status, ctx.now(), counts={"outcomes": outcomes, "calls": calls, "plan": plan.id}, message=message
    )
    code = ExitCode.ERROR if left else ExitCode.REFUSED if refused else ExitCode.DONE
    return Applied(run_id, plan.id, outcomes, calls, created, time.monotonic() - started, code, message)


def _message(outcomes: dict[str, int], left: int) -> str:
    parts = [f"{count} {status.replace('_', ' ')}" for status, count in sorted(outcomes.items()) if status != "pending"]
    if left:
        parts.append(f"{left} not written yet; `crmsync sync` or `crmsync apply` goes on")
    return ", ".join(parts)


def ensure(ctx: Context) -> tuple[str, ...]:
    """Create what is missing in the CRM (properties, options, lists), once for each state of the program.

    Raises ConfigError where something is missing that only an admin can create.
    """
    key, digest = "schema", schema_digest(ctx)
    created = []
    for side in unensured(ctx):
        created += [f"{change.what} {change.name}" for change in side.connector.ensure_schema(side.owned)]
        created += [f"list {state.name}" for state in side.connector.ensure_lists(ctx.lists) if state.created]
    ctx.store.mirror.put_state(ctx.portal.name, key, digest)
    return tuple(created)


def unensured(ctx: Context) -> tuple[Side, ...]:
    """The CRMs in which something may be missing: those where this state of the program was never ensured, and those
    where an admin makes everything and may have taken something away."""
    ensured = ctx.store.mirror.get_state(ctx.portal.name, "schema") == schema_digest(ctx)
    return tuple(side for side in ctx.sides if not (ensured and side.connector.makes_schema))


def schema_digest(ctx: Context) -> str:
    """Digest of everything that must exist in the CRM before a write."""
    return hashlib.sha256(repr((ctx.portal.crms, ctx.prefix, ctx.owned, ctx.lists)).encode()).hexdigest()


class _Writer:
    """Sends the pending changes of one plan, several batches in flight."""

    def __init__(
        self, ctx: Context, plan: Plan, run_id: str, progress: Progress | None, should_stop: Callable[[], bool]
    ) -> None:
        self.ctx = ctx
        self.plan = plan
        self.run_id = run_id
        self.progress = progress
        self.should_stop = should_stop
        created = datetime.fromisoformat(plan.created_at)
        self.aged: Callable[[], bool] = lambda: ctx.now() - created > STALE_AFTER or plan.basis.get("reread", False)
        self.done = 0

    def write(self, pending: pl.DataFrame) -> None:
        """Object by object, so that companies land before contacts. The first error ends it once all in flight end."""
        total = pending.height
        with ThreadPoolExecutor(_IN_FLIGHT, thread_name_prefix="apply") as pool:
            for (object_,), changes in pending.group_by("object", maintain_order=True):
                for side, ids in self.ctx.by_side(changes["id"].unique(maintain_order=True)):
                    mine = changes if len(self.ctx.sides) == 1 else changes.filter(pl.col("id").is_in(ids))
                    self._object(pool, side, str(object_), mine, total)  # type: ignore[arg-type]  # CHANGE_SCHEMA

    def _object(
        self, pool: ThreadPoolExecutor, side: Side, object_: ObjectName, changes: pl.DataFrame, total: int
    ) -> None:
        flying: dict[Future[None], int] = {}
        failed: BaseException | None = None
        for batch in self._batches(side, changes):
            if failed or self.should_stop():
                break
            flying[pool.submit(self._batch, side, object_, batch)] = batch.height
            if len(flying) >= _IN_FLIGHT:
                failed = self._reap(flying, object_, total)
        while flying:
            failed = self._reap(flying, object_, total) or failed
        if failed:
            raise failed

    def _reap(self, flying: dict[Future[None], int], object_: ObjectName, total: int) -> BaseException | None:
        ended, _ = wait(flying, return_when=FIRST_COMPLETED)
        failed: BaseException | None = None
        for future in ended:
            self.done += flying.pop(future)
            failed = failed or future.exception()
        if self.progress:
            self.progress(object_, self.done, total)
        return failed

    def _batches(self, side: Side, changes: pl.DataFrame) -> Iterator[pl.DataFrame]:
        """At most what one write takes; records that must be read first stand together, so that few reads do."""
        records = changes.group_by("id", maintain_order=True).agg(pl.col("shared").any())
        records = records.sort("shared", descending=True, maintain_order=True).with_row_index("_place")
        size = side.connector.batch_for(records.height)
        numbered = changes.join(records.select("id", "_place"), on="id", how="left").sort("_place", "seq")
        for (_number,), batch in numbered.group_by(pl.col("_place") // size, maintain_order=True):
            yield batch.drop("_place")

    def _batch(self, side: Side, object_: ObjectName, changes: pl.DataFrame) -> None:
        """Check, mark, send, settle one batch."""
        ctx, checkpoint = self.ctx, self.ctx.store.checkpoint
        decided = self._check(side, object_, changes)
        to_send = changes.filter(~pl.col("seq").is_in(list(decided)))
        number = checkpoint.mark_sent(self.run_id, self.plan.id, None, changes["seq"].to_list(), ctx.now())
        outcomes = list(decided.values())
        if not to_send.is_empty():
            updates: dict[str, dict[str, str]] = {}
            for id_, property_, after in to_send.select("id", "property", "after").iter_rows():
                updates.setdefault(id_, {})[property_] = after or ""
            try:
                results = {
                    result.id: result
                    for result in side.connector.write(
                        object_, [Update(id_, values) for id_, values in updates.items()]
                    )
                }
            except _NOT_SENT:
                outcomes += [ChangeOutcome(seq, OutcomeStatus.DEFERRED) for seq in to_send["seq"].to_list()]
                checkpoint.settle(self.run_id, self.plan.id, number, outcomes, ctx.now())
                raise
            outcomes += [_outcome(row, results) for row in to_send.iter_rows(named=True)]
        checkpoint.settle(self.run_id, self.plan.id, number, outcomes, ctx.now())

    def _check(self, side: Side, object_: ObjectName, changes: pl.DataFrame) -> dict[int, ChangeOutcome]:
        """Outcomes known before sending: what is in place already, and what somebody changed since the plan."""
        doubtful = changes if self.aged() else changes.filter(pl.col("shared"))
        if doubtful.is_empty():
            return {}
        ids = doubtful["id"].unique(maintain_order=True).to_list()
        properties = doubtful["property"].unique(maintain_order=True).to_list()
        found = side.connector.read(object_, ids, properties)
        # A record that is gone or merged is left to the write, which is refused in the CRM's words.
        doubtful = doubtful.filter(pl.col("id").is_in(list(found.values)))
        current = [found.values[id_].get(name) for id_, name in doubtful.select("id", "property").rows()]
        doubtful = doubtful.with_columns(pl.Series("current", current, dtype=pl.String))
        in_place = same_values(self.ctx, doubtful, "current", "after")
        unmoved = same_values(self.ctx, doubtful, "current", "before")
        decided: dict[int, ChangeOutcome] = {}
        for seq in doubtful.filter(in_place)["seq"].to_list():
            decided[seq] = ChangeOutcome(seq, OutcomeStatus.IN_PLACE)
        stale = doubtful.filter(~in_place & ~unmoved)
        for seq in stale["seq"].to_list():
            decided[seq] = ChangeOutcome(seq, OutcomeStatus.STALE, "changed since the plan was made")
        stale_records = set(stale.filter(~pl.col("shared"))["id"].to_list())
        for row in changes.filter(pl.col("id").is_in(list(stale_records)) & ~pl.col("shared")).iter_rows(named=True):
            # A decision that is stale takes its reason and dates along; half of it would be a lie.
            decided.setdefault(row["seq"], ChangeOutcome(row["seq"], OutcomeStatus.STALE, "goes with a stale value"))
        return decided


def _outcome(row: dict[str, object], results: dict[str, WriteResult]) -> ChangeOutcome:
    result = results.get(str(row["id"]))
    seq = int(str(row["seq"]))
    if result is None:
        return ChangeOutcome(seq, OutcomeStatus.UNANSWERED, "the CRM's answer does not name this record")
    return ChangeOutcome(seq, result.status, result.message, result.category)


def newest_plan(ctx: Context) -> Plan:
    """The newest plan that is not applied. Raises StalePlan where there is none."""
    entry = ctx.store.plans.newest_open(ctx.portal.name)
    if entry is None:
        raise StalePlan("there is no plan to apply; make one with `crmsync plan`.")
    return ctx.store.plans.load(entry.id)
