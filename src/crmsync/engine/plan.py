"""Plan: pull, assess, diff, guard, save. Writes nothing to the CRM."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from crmsync.assess import run as assessment
from crmsync.assess.base import World
from crmsync.assess.target_section import target_program
from crmsync.connectors.base import PortalInfo, Progress
from crmsync.engine.apply import schema_digest
from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.engine.pull import Pulled, pull
from crmsync.engine.quality import Quality
from crmsync.engine.recover import recover
from crmsync.engine.reread import reread
from crmsync.engine.snapshot import build_snapshot, contact_parts, reporting_lines
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import Output
from crmsync.model.plan import CHANGE_SCHEMA, GuardReading, Plan
from crmsync.model.snapshot import Snapshot
from crmsync.planning import summary as figures
from crmsync.planning.cost import apply_cost
from crmsync.planning.diff import diff, number
from crmsync.planning.digest import plan_digest
from crmsync.planning.guard import TARGET_SEATS, read_guards
from crmsync.planning.lists import list_moves
from crmsync.planning.standing import Standing
from crmsync.planning.withhold import drop_with_companions, from_partial, hand_edits
from crmsync.store import LetterStatus, PlanStatus


@dataclass(frozen=True)
class Planned:
    """A plan, and the assessed accounts that it came from; None where it comes from the ledger."""

    plan: Plan
    world: World | None


def make_plan(
    ctx: Context,
    *,
    as_of: datetime | None = None,
    companies: Sequence[str] | None = None,
    limit: int | None = None,
    full: bool = False,
    progress: Progress | None = None,
) -> Planned:
    """Pull, assess, diff, guard and save. `companies` restricts the plan to these and their contacts.

    Raises RecordNotFound where one of `companies` does not exist or is archived.
    """
    with ctx.exclusive():
        recover(ctx)
        pulled = pull(ctx, full=full, progress=progress)
        only: Mapping[ObjectName, set[str]] | None = (
            None if companies is None else {"company": reread(ctx, "company", companies)}
        )
        return plan_from_mirror(ctx, pulled, kind="plan", as_of=as_of, only=only, limit=limit)


def plan_from_mirror(
    ctx: Context,
    pulled: Pulled,
    *,
    kind: str,
    as_of: datetime | None = None,
    only: Mapping[ObjectName, set[str]] | None = None,
    limit: int | None = None,
) -> Planned:
    """Assess the mirror, diff, guard and save, for a caller that holds the portal."""
    started, now = time.monotonic(), ctx.now()
    run_id = new_id("r", now)
    assessed = _assessed(ctx, as_of or now, pulled, run_id, only)
    snapshot, world = assessed.snapshot, assessed.world
    changes = _restricted(assessed.changes, only, assessed.contacts, limit)
    extra: dict[str, Any] = {}
    if not snapshot.complete:
        changes, held_back = from_partial(changes, ctx.outputs, prefix=ctx.prefix, natives=ctx.natives)
        extra["withheld"] = {"count": held_back.height, "why": "the snapshot is incomplete"}
    changes, by_people = hand_edits(
        changes, _written(ctx, changes), ctx.outputs, prefix=ctx.prefix, natives=ctx.natives
    )
    extra["kept_by_people"] = {"count": by_people.height, "examples": by_people.head(20)["id"].to_list()}
    changes, refused = _without_dead_letters(ctx, changes)
    extra["dead_letters"] = {"count": refused}
    changes = number(changes)
    moves = list_moves(changes, assessed.standing, ctx.outputs, prefix=ctx.prefix)
    guards = read_guards(
        changes, assessed.standing, ctx.outputs, snapshot.coverage, ctx.limits, prefix=ctx.prefix, moves=moves
    )
    info = portal_info(ctx, fresh=pulled.full)
    summary = _summary(ctx, assessed, changes, pulled, info) | extra
    summary["lists"] = figures.list_table(moves)
    summary["assess_seconds"] = round(time.monotonic() - started, 3)
    plan = _saved(ctx, kind, changes, guards, summary, snapshot, run_id, world.notes, now)
    return Planned(plan, world)


@dataclass(frozen=True)
class _Assessed:
    """What the program wants of the whole portal. `contacts`: those of the companies that a plan is restricted to."""

    snapshot: Snapshot
    world: World
    changes: pl.DataFrame
    standing: Standing
    quality: Quality
    contacts: set[str]


def _assessed(
    ctx: Context, as_of: datetime, pulled: Pulled, run_id: str, only: Mapping[ObjectName, set[str]] | None
) -> _Assessed:
    """Contacts part by part, then the accounts: what has been compared of a contact need not stay in memory."""
    snapshot = build_snapshot(ctx, as_of, pulled.coverage, contacts=False)
    lines = reporting_lines(ctx)
    run = assessment.Assessment(
        snapshot,
        ctx.program,
        classify=ctx.classify,
        slim=True,
        reporting=None if lines is None else assessment.direct_reports(lines),
    )
    standing, found = Standing(), Quality()
    changes: list[pl.DataFrame] = []
    contacts: set[str] = set()

    def note(object_: ObjectName, frame: pl.DataFrame, outputs: tuple[Output, ...]) -> None:
        decided = {output.name for output in outputs}
        natives = [rule for rule in ctx.natives if rule.source in decided]
        changes.append(diff({object_: frame}, outputs, natives, prefix=ctx.prefix, run_id=run_id))
        standing.add(object_, frame, outputs)
        found.add(object_, frame)

    companies = list(only.get("company", ())) if only else []
    for part in contact_parts(ctx, snapshot, named=False):
        note("contact", run.part(part), run.early_outputs)
        contacts.update(part.filter(pl.col("account").is_in(companies))["id"] if companies else ())
    objects, snapshot = set(snapshot.frames), replace(snapshot, frames={})
    world = run.finish(lean=True)
    late = tuple(output for output in ctx.outputs if output not in run.early_outputs)
    for object_, frame in world.frames.items():
        if object_ in objects or any(output.object == object_ for output in late):
            note(object_, frame, late)
    return _Assessed(snapshot, world, pl.concat(changes), standing, found, contacts)


def _restricted(
    changes: pl.DataFrame, only: Mapping[ObjectName, set[str]] | None, of_companies: set[str], limit: int | None
) -> pl.DataFrame:
    if only is not None:
        companies, contacts = only.get("company", set()), set(only.get("contact", set())) | of_companies
        wanted = ((pl.col("object") == "company") & pl.col("id").is_in(list(companies))) | (
            (pl.col("object") == "contact") & pl.col("id").is_in(list(contacts))
        )
        changes = changes.filter(wanted)
    changes = number(changes)
    if limit is not None:
        records = changes.select("object", "id").unique(maintain_order=True).head(limit)
        changes = changes.join(records, on=["object", "id"], how="semi", maintain_order="left")
    return changes


def _written(ctx: Context, changes: pl.DataFrame) -> pl.DataFrame:
    """What the ledger last wrote to the values whose hand edits are kept."""
    guarded = {ctx.prefix + output.name: output.object for output in ctx.outputs if output.keep_hand_edits}
    doubtful = changes.filter(pl.col("property").is_in(list(guarded)) & pl.col("before").is_not_null())
    parts = [pl.DataFrame(schema={"object": pl.String, "id": pl.String, "property": pl.String, "value": pl.String})]
    for (object_,), group in doubtful.group_by("object"):
        rows = ctx.store.ledger.last_written(ctx.portal.name, str(object_), group["id"].unique().to_list())
        parts.append(rows.select("object", pl.col("record_id").alias("id"), "property", pl.col("after").alias("value")))
    return pl.concat(parts)


def _without_dead_letters(ctx: Context, changes: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Leave out what the CRM refused before until a person retries it or the rules want another value."""
    letters = ctx.store.letters.list(ctx.portal.name, status=(LetterStatus.OPEN, LetterStatus.DISMISSED))
    if not letters or changes.is_empty():
        return changes, 0
    refused = pl.DataFrame(
        [(letter.object, letter.record_id, letter.property, letter.after) for letter in letters],
        schema={name: CHANGE_SCHEMA[name] for name in ("object", "id", "property", "after")},
        orient="row",
    )
    known = refused.unique().with_columns(pl.lit(value=True).alias("_refused"))
    keys = ["object", "id", "property", "after"]
    marked = changes.join(known, on=keys, how="left", nulls_equal=True, maintain_order="left")
    kept, dropped = drop_with_companions(
        changes, marked["_refused"].is_null(), ctx.outputs, prefix=ctx.prefix, natives=ctx.natives
    )
    return kept, dropped.height


def portal_info(ctx: Context, *, fresh: bool) -> PortalInfo:
    """The portal's facts, asked for with a full pull and kept between; the day's budget comes from every answer."""
    kept = ctx.store.mirror.get_state(ctx.portal.name, "portal")
    if kept is None or fresh:
        info = ctx.connector.info()
        kept = {
            "id": info.id,
            "name": info.name,
            "timezone": info.timezone,
            "record_url": info.record_url,
            "object_codes": dict(info.object_codes),
        }
        ctx.store.mirror.put_state(ctx.portal.name, "portal", kept)
    usage = ctx.connector.usage()
    return PortalInfo(**kept, daily_limit=usage.daily_limit, daily_left=usage.daily_left)


def _summary(
    ctx: Context, assessed: _Assessed, changes: pl.DataFrame, pulled: Pulled, info: PortalInfo
) -> dict[str, Any]:
    world = assessed.world
    cost = apply_cost(changes, batch_for=ctx.connector.batch_for)
    read = {
        object_: {"read": seen.read, "expected": seen.expected, "complete": seen.complete}
        for object_, seen in assessed.snapshot.coverage.items()
    }
    summary: dict[str, Any] = {
        "portal_id": info.id,
        "program": ctx.program.name,
        "program_digest": ctx.program.short_digest,
        "read": read,
        "calls": pulled.calls,
        "seconds": round(pulled.seconds, 3),
        "objects": figures.object_table(changes),
        "properties": figures.property_table(changes),
        "decisions": figures.decision_table(assessed.standing, ctx.outputs, changes, prefix=ctx.prefix),
        "quality": assessed.quality.report(world),
        "apply": {
            "changes": cost.changes,
            "records": cost.records,
            "batches": cost.batches,
            "reads": cost.reads,
            "calls": cost.calls,
            "daily_left": info.daily_left,
            "daily_limit": info.daily_limit,
        },
        "schema": _missing_schema(ctx),
    }
    tier = _output(ctx, "tier")
    if tier is not None:
        summary["tiers"] = figures.tier_table(world.accounts, tier, changes, prefix=ctx.prefix)
        summary["moves"] = figures.moves(world.accounts, tier, changes, prefix=ctx.prefix)
    if _output(ctx, "target_status") is not None:
        targets = target_program(ctx.program)
        capacity = {"total": targets.total, "per_owner": targets.per_owner}
        summary["targets"] = figures.seats(world.accounts, TARGET_SEATS, capacity)
    return summary


def _output(ctx: Context, name: str) -> Output | None:
    return next((output for output in ctx.outputs if output.name == name), None)


def _missing_schema(ctx: Context) -> list[dict[str, str]]:
    """What an apply would create; asked only where this state of the program was never ensured."""
    if ctx.store.mirror.get_state(ctx.portal.name, "schema") == schema_digest(ctx):
        return []
    return [{"what": one.what, "name": one.name} for one in ctx.connector.missing_schema(ctx.owned, ctx.lists)]


def _saved(
    ctx: Context,
    kind: str,
    changes: pl.DataFrame,
    guards: tuple[GuardReading, ...],
    summary: dict[str, Any],
    snapshot: Snapshot,
    run_id: str,
    notes: tuple[str, ...],
    now: datetime,
) -> Plan:
    basis: dict[str, Any] = {
        "program": ctx.program.digest,
        "mapping": ctx.mapping.digest,
        "complete": snapshot.complete,
        "read": summary["read"],
        "run_id": run_id,
    }
    plan = Plan(
        id=new_id("p", now),
        portal=ctx.portal.name,
        kind=kind,
        as_of=snapshot.as_of.isoformat(),
        program=ctx.program.digest,
        created_at=now.isoformat(),
        changes=changes,
        basis=basis,
        summary=summary,
        guards=guards,
        digest=plan_digest(changes, basis, guards),
        notes=notes,
    )
    supersede_earlier(ctx, now)
    status = PlanStatus.BREACHED if plan.breaches else PlanStatus.OPEN if not plan.is_empty else PlanStatus.APPLIED
    ctx.store.plans.save(plan, now, status=status)
    return plan


def supersede_earlier(ctx: Context, at: datetime) -> None:
    """Close every plan that waits, for the holder of the portal, before a newer one is saved.

    One that a dead run left half applied is among them: written later, it would put back what has changed since.
    """
    ctx.store.plans.supersede(ctx.portal.name, at)
    for entry in ctx.store.plans.list(ctx.portal.name):
        if entry.status is PlanStatus.APPLYING:
            left = ctx.store.checkpoint.outcome_counts(entry.id).get("pending", 0)
            ctx.store.plans.set_status(entry.id, PlanStatus.SUPERSEDED if left else PlanStatus.APPLIED, at)
