"""Plan: pull, assess, diff, guard, save. Writes nothing to the CRM."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl

from crmsync.assess import run as assessment
from crmsync.assess.base import World
from crmsync.assess.target_section import target_program
from crmsync.connectors.base import PortalInfo, Progress
from crmsync.engine.apply import unensured
from crmsync.engine.by_hand import last_written, passed_on
from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.engine.picture import Picture, picture
from crmsync.engine.pull import Pulled, pull
from crmsync.engine.quality import Quality
from crmsync.engine.recover import recover
from crmsync.engine.reread import reread_both
from crmsync.engine.side import Side
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import Output
from crmsync.model.plan import CHANGE_SCHEMA, GuardReading, Plan
from crmsync.model.snapshot import Snapshot
from crmsync.planning import summary as figures
from crmsync.planning.cost import Cost, apply_cost
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
            None if companies is None else reread_both(ctx, {"company": companies})
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
    changes = _restricted(assessed, only, limit)
    extra: dict[str, Any] = {}
    if not snapshot.complete:
        changes, held_back = from_partial(changes, ctx.outputs, prefix=ctx.prefix, natives=ctx.natives)
        extra["withheld"] = {"count": held_back.height, "why": "the snapshot is incomplete"}
    changes, by_people = hand_edits(changes, assessed.written, ctx.outputs, prefix=ctx.prefix, natives=ctx.natives)
    extra["kept_by_people"] = {"count": by_people.height, "examples": by_people.head(20)["id"].to_list()}
    changes, refused = _without_dead_letters(ctx, changes)
    extra["dead_letters"] = {"count": refused}
    changes = number(changes)
    moves = list_moves(assessed.seen.homes(changes), assessed.told, ctx.outputs, prefix=ctx.prefix)
    guards = read_guards(
        changes, assessed.standing, ctx.outputs, snapshot.coverage, ctx.limits, prefix=ctx.prefix, moves=moves
    )
    infos = [portal_info(side, fresh=pulled.full) for side in ctx.sides]
    summary = _summary(ctx, assessed, changes, pulled, infos) | extra
    summary["lists"] = figures.list_table(moves)
    summary["assess_seconds"] = round(time.monotonic() - started, 3)
    plan = _saved(ctx, kind, changes, guards, summary, snapshot, run_id, world.notes, now)
    return Planned(plan, world)


@dataclass(frozen=True)
class _Assessed:
    """What the program wants of the whole portal. `standing` counts what each CRM holds, for the guards; `told` every
    account and contact once, for people. `contacts`: those of the companies that a plan is restricted to. `written`:
    what the ledger last wrote to values that people may have edited."""

    snapshot: Snapshot
    world: World
    changes: pl.DataFrame
    written: pl.DataFrame
    standing: Standing
    told: Standing
    quality: Quality
    contacts: set[str]
    seen: Picture


def _assessed(
    ctx: Context, as_of: datetime, pulled: Pulled, run_id: str, only: Mapping[ObjectName, set[str]] | None
) -> _Assessed:
    """Contacts part by part, then the accounts: what has been compared of a contact need not stay in memory."""
    seen = picture(ctx, as_of, pulled.coverage, asks=True)
    snapshot, lines = seen.snapshot, seen.reporting_lines()
    run = assessment.Assessment(
        snapshot,
        ctx.program,
        classify=ctx.classify,
        slim=True,
        reporting=None if lines is None else assessment.direct_reports(lines),
    )
    standing, told, found = Standing(), Standing(), Quality()
    changes: list[pl.DataFrame] = []
    contacts: set[str] = set()

    def note(object_: ObjectName, frame: pl.DataFrame, outputs: tuple[Output, ...]) -> None:
        decided = {output.name for output in outputs}
        for side, view in seen.views(object_, frame):
            natives = [rule for rule in side.natives if rule.source in decided]
            changes.append(diff({object_: view}, outputs, natives, prefix=ctx.prefix, run_id=run_id))
            standing.add(object_, view, outputs)
        told.add(object_, frame, outputs)
        found.add(object_, frame)

    companies = seen.at_home("company", sorted(only.get("company", ()))) if only else []
    for part in seen.contact_parts(named=False):
        note("contact", run.part(part), run.early_outputs)
        contacts.update(part.filter(pl.col("account").is_in(companies))["id"] if companies else ())
    objects, snapshot = set(snapshot.frames), replace(snapshot, frames={})
    world = run.finish(lean=True)
    late = tuple(output for output in ctx.outputs if output not in run.early_outputs)
    for object_, frame in world.frames.items():
        if object_ in objects or any(output.object == object_ for output in late):
            note(object_, frame, late)
    everything = pl.concat(changes)
    written = last_written(ctx, seen, everything)
    # Before it is known which way a value goes: a person's entry in Salesforce is seen where ours is carried over too.
    settled = seen.settle(passed_on(ctx, seen, everything, written))
    return _Assessed(snapshot, world, settled, written, standing, told, found, contacts, seen)


def _restricted(assessed: _Assessed, only: Mapping[ObjectName, set[str]] | None, limit: int | None) -> pl.DataFrame:
    changes = assessed.changes
    if only is not None:
        companies = _both(assessed.seen, "company", only.get("company", set()))
        contacts = _both(assessed.seen, "contact", {*only.get("contact", ()), *assessed.contacts})
        wanted = ((pl.col("object") == "company") & pl.col("id").is_in(list(companies))) | (
            (pl.col("object") == "contact") & pl.col("id").is_in(list(contacts))
        )
        changes = changes.filter(wanted)
    changes = number(changes)
    if limit is not None:
        records = changes.select("object", "id").unique(maintain_order=True)
        # A record that stands in both CRMs is one: it is written in both of them, or in none.
        homes = [assessed.seen.at_home(name, ids["id"].to_list()) for name, ids in _by_object(records)]
        records = records.with_columns(pl.Series("home", [id_ for ids in homes for id_ in ids], dtype=pl.String))
        first = records.select("object", "home").unique(maintain_order=True).head(limit)
        records = records.join(first, on=["object", "home"], how="semi")
        changes = changes.join(records, on=["object", "id"], how="semi", maintain_order="left")
    return changes


def _by_object(records: pl.DataFrame) -> list[tuple[ObjectName, pl.DataFrame]]:
    """Records by object, which stand together (`number`)."""
    groups = records.group_by("object", maintain_order=True)
    return [(name, rows) for (name,), rows in groups]


def _both(seen: Picture, object_: ObjectName, ids: set[str]) -> set[str]:
    """`ids`, and those of the same records in the other CRM."""
    return {*ids, *seen.counterpart(object_, sorted(ids)).values()}


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


def portal_info(side: Side, *, fresh: bool) -> PortalInfo:
    """The portal's facts, asked for with a full pull and kept between; the day's budget comes from every answer."""
    kept = side.store.mirror.get_state(side.space, "portal")
    if kept is None or fresh:
        info = side.connector.info()
        kept = {
            "id": info.id,
            "name": info.name,
            "timezone": info.timezone,
            "record_url": info.record_url,
            "object_codes": dict(info.object_codes),
        }
        side.store.mirror.put_state(side.space, "portal", kept)
    usage = side.connector.usage()
    return PortalInfo(**kept, daily_limit=usage.daily_limit, daily_left=usage.daily_left)


def planned_cost(ctx: Context, changes: pl.DataFrame) -> Cost:
    """What writing these changes will cost, each CRM's by its own batches."""
    whole = Cost(0, 0, 0, 0)
    for side, ids in ctx.by_side(changes["id"].unique(maintain_order=True)):
        mine = changes if len(ctx.sides) == 1 else changes.filter(pl.col("id").is_in(ids))
        whole += apply_cost(mine, batch_for=side.connector.batch_for)
    return whole


def _summary(
    ctx: Context, assessed: _Assessed, changes: pl.DataFrame, pulled: Pulled, infos: Sequence[PortalInfo]
) -> dict[str, Any]:
    """`infos`: of each side, the main one first."""
    world, homes = assessed.world, assessed.seen.homes(changes)
    info, others = infos[0], list(zip(ctx.sides, infos, strict=True))[1:]
    cost = planned_cost(ctx, changes)
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
        "decisions": figures.decision_table(assessed.told, ctx.outputs, homes, prefix=ctx.prefix),
        "quality": assessed.quality.report(world),
        "apply": {
            "changes": cost.changes,
            "records": cost.records,
            "batches": cost.batches,
            "reads": cost.reads,
            "calls": cost.calls,
            "daily_left": info.daily_left,
            "daily_limit": info.daily_limit,
            "others": [{"crm": one.title, "left": left.daily_left, "limit": left.daily_limit} for one, left in others],
        },
        "schema": _missing_schema(ctx),
        "unseen": [one for side in ctx.sides for one in _unseen(side)],
    }
    if (two := assessed.seen.report()) is not None:
        summary["together"] = two
    tier = _output(ctx, "tier")
    if tier is not None:
        summary["tiers"] = figures.tier_table(world.accounts, tier, homes, prefix=ctx.prefix)
        summary["moves"] = figures.moves(world.accounts, tier, homes, prefix=ctx.prefix)
    if _output(ctx, "target_status") is not None:
        targets = target_program(ctx.program)
        capacity = {"total": targets.total, "per_owner": targets.per_owner}
        summary["targets"] = figures.seats(world.accounts, TARGET_SEATS, capacity)
    return summary


def _output(ctx: Context, name: str) -> Output | None:
    return next((output for output in ctx.outputs if output.name == name), None)


def _missing_schema(ctx: Context) -> list[dict[str, Any]]:
    """What an apply would create, or miss."""
    missing = [one for side in unensured(ctx) for one in side.connector.missing_schema(side.owned, ctx.lists)]
    return [{"what": one.what, "name": one.name} | ({"by_admin": True} if one.by_admin else {}) for one in missing]


def _unseen(side: Side) -> Iterator[dict[str, str]]:
    """Fields to decide on whose property the CRM does not show: unknown of every record."""
    for object_ in side.objects:
        read = side.mapping.read[object_]
        asked = {name: read[name].property for name in sorted(side.decides_on.get(object_, frozenset()) & read.keys())}
        hidden = side.connector.unseen(object_, [one for name, one in asked.items() if not read[name].association])
        for name, property_ in asked.items():
            if property_ in hidden:
                yield {"crm": side.title, "object": object_, "field": name, "property": property_}


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
        "mapping": ctx.mapping_digest,
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
