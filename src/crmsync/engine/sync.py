"""Sync and resync: pull, plan, guard and apply in one go, under one hold of the portal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from crmsync.connectors.base import Progress
from crmsync.engine.apply import Applied, apply_locked
from crmsync.engine.context import Context
from crmsync.engine.plan import Planned, plan_from_mirror
from crmsync.engine.pull import note_acted_on, pull
from crmsync.engine.recover import recover
from crmsync.engine.reread import reread_both
from crmsync.errors import ConfigError, ExitCode, Fault
from crmsync.model.fields import ObjectName
from crmsync.store import RunStatus


@dataclass(frozen=True)
class Synced:
    """A plan and what became of it; `applied` is None where nothing was to be written."""

    planned: Planned
    applied: Applied | None
    exit_code: ExitCode


def sync(
    ctx: Context,
    *,
    as_of: datetime | None = None,
    accept: frozenset[str] = frozenset(),
    reason: str = "",
    full: bool = False,
    trigger: str = "person",
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Synced:
    """Plan, guard, apply. Raises UnsafePlan with the plan saved where a guard is breached and not accepted."""
    with ctx.exclusive():
        recover(ctx)
        pulled = pull(ctx, full=full, progress=progress)
        planned = plan_from_mirror(ctx, pulled, kind="sync", as_of=as_of)
        return _applied(ctx, planned, accept, reason, trigger, progress, should_stop)


def resync(
    ctx: Context,
    *,
    companies: Sequence[str] = (),
    contacts: Sequence[str] = (),
    list_id: str | None = None,
    everything: bool = False,
    reason: str,
    as_of: datetime | None = None,
    accept: frozenset[str] = frozenset(),
    progress: Progress | None = None,
) -> Synced:
    """A one-off that ignores the watermark: these records are read anew, assessed and written."""
    if not reason.strip():
        raise ConfigError([Fault("resync", None, "needs --reason TEXT, which the run keeps")])
    with ctx.exclusive():
        recover(ctx)
        if everything:
            pulled, only = pull(ctx, full=True, progress=progress), None
        else:
            pulled = pull(ctx, progress=progress)
            chosen: dict[ObjectName, set[str]] = {"company": set(companies), "contact": set(contacts)}
            if list_id is not None:
                members, people = _members(ctx, list_id)
                chosen["company"] |= members
                chosen["contact"] |= people
            only = reread_both(ctx, chosen)
        planned = plan_from_mirror(ctx, pulled, kind="resync", as_of=as_of, only=only)
        return _applied(ctx, planned, accept, reason, "person", progress, lambda: False)


def _members(ctx: Context, list_id: str) -> tuple[set[str], set[str]]:
    """A list's companies and contacts; what the mirror does not know as a contact is taken for a company."""
    side = ctx.side_of(list_id)
    members = set(side.connector.list_members(list_id))
    contacts = set(ctx.store.mirror.modified_times(side.space, "contact", members))
    return members - contacts, contacts


def _applied(
    ctx: Context,
    planned: Planned,
    accept: frozenset[str],
    reason: str,
    trigger: str,
    progress: Progress | None,
    should_stop: Callable[[], bool],
) -> Synced:
    plan = planned.plan
    if plan.is_empty and not plan.breaches:
        run_id = str(plan.basis["run_id"])
        ctx.store.runs.start(
            run_id, ctx.portal.name, plan.kind, ctx.now(), reason=reason, trigger=trigger, program=plan.program
        )
        counts = {"outcomes": {}, "calls": plan.summary["calls"], "plan": plan.id}
        ctx.store.runs.finish(run_id, RunStatus.DONE, ctx.now(), counts=counts, message="nothing to do")
        note_acted_on(ctx, plan)
        return Synced(planned, None, ExitCode.DONE)
    applied = apply_locked(
        ctx, plan, accept=accept, reason=reason, trigger=trigger, progress=progress, should_stop=should_stop
    )
    return Synced(planned, applied, applied.exit_code)
