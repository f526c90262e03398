"""The worker's side of `bench.local`: make a portal's store, and measure the way from its mirror to a plan."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from bench.local_portal import PORTAL, Size, fill, parts, put
from bench.phases import Phases
from crmsync.assess.base import OUT
from crmsync.assess.run import Assessment, direct_reports
from crmsync.engine import plan as planning
from crmsync.engine import snapshot as reading
from crmsync.engine.apply import schema_digest
from crmsync.engine.context import Context, open_context
from crmsync.engine.pull import Pulled
from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.outputs import OutputKind
from crmsync.model.snapshot import Coverage
from crmsync.planning import diff as differing
from crmsync.store.mirror import Mirror
from crmsync.store.plans import Plans

#: The day before the one that is measured: what it decided stands in the portal.
YESTERDAY = datetime.fromisoformat("2026-11-01T06:00:00+00:00")
TODAY = YESTERDAY + timedelta(days=1)

_WATCHED = (
    (Mirror, "scan", "scan mirror"),
    (Mirror, "load_associations", "scan mirror"),
    (reading, "_canonical", "canonical columns"),
    (reading, "_narrow", "canonical columns"),
    (reading, "_together", "canonical columns"),
    (Assessment, "part", "contact systems"),
    (Assessment, "finish", "account systems"),
    (planning, "diff", "diff"),
    (Plans, "save", "save the plan"),
)


def mirrored(ctx: Context) -> Pulled:
    """What a pull that found nothing new would say of this mirror."""
    pulled = Pulled()
    for object_ in ctx.objects:
        held = ctx.store.mirror.count(ctx.main.space, object_)
        pulled.coverage[object_], pulled.kinds[object_] = Coverage(held, held, held), "increment"
    return pulled


def job_prepare(options: Mapping[str, Any]) -> dict[str, Any]:
    """Fill the store; with `settled`, as if yesterday's plan had been written and a day had passed."""
    size = Size(options["companies"], options["contacts"], options["deals"])
    with open_context(Path(options["config"])) as ctx:
        facts = {"id": "1", "name": "bench", "timezone": "UTC", "record_url": "", "object_codes": {}}
        ctx.store.mirror.put_state(PORTAL, "portal", facts)
        fill(ctx.store, size)
        if options["settled"]:
            _settle(ctx, size)
    return {}


def _settle(ctx: Context, size: Size) -> None:
    """Write what every system decides, as an apply would, beside today's values of the records."""
    snapshot = reading.build_snapshot(ctx.main, YESTERDAY, {}, contacts=False)
    lines = reading.reporting_lines(ctx.main)
    reporting = None if lines is None else direct_reports(lines)
    run = Assessment(snapshot, ctx.program, classify=ctx.classify, slim=True, reporting=reporting)
    contacts = pl.concat(
        [_wanted(ctx, "contact", run.part(part)) for part in reading.contact_parts(ctx.main, snapshot)]
    )
    world = run.finish()
    if "id" in world.contacts.columns:
        late = _wanted(ctx, "contact", world.contacts).drop(set(contacts.columns) - {"id"}, strict=False)
        contacts = contacts.join(late, on="id", how="left", maintain_order="left")
    decided = {"company": _wanted(ctx, "company", world.accounts), "contact": contacts}
    for object_ in OBJECTS:
        for part in parts(object_, size, later=True):
            if object_ in decided:
                ours = decided[object_].filter(pl.col("id").is_in(part["id"].implode()))
                put(ctx.store, object_, *_beside(part, ours))
            else:
                put(ctx.store, object_, part)


def _beside(part: pl.DataFrame, ours: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A blank of the portal's own that a rule of the mapping fills is filled; what stands there stays."""
    both = [name for name in ours.columns if name in part.columns and name != "id"]
    joined = part.join(ours.select("id", *both), on="id", how="left", suffix=".ours", maintain_order="left")
    filled = joined.with_columns(pl.coalesce(name, pl.col(f"{name}.ours").cast(pl.String)) for name in both)
    return filled.select(part.columns), ours.drop(both)


def _wanted(ctx: Context, object_: ObjectName, frame: pl.DataFrame) -> pl.DataFrame:
    """`id` and every property that a first apply would have written on these records, a company's run among them."""
    outputs = [o for o in ctx.owned if o.object == object_ and OUT + o.name in frame.columns]
    wanted = frame.select("id", *[pl.col(OUT + o.name).cast(pl.String).alias(ctx.prefix + o.name) for o in outputs])
    if object_ == "company":
        wanted = wanted.with_columns(pl.lit("r-0").alias(ctx.prefix + differing.LAST_RUN.name))
    for rule in ctx.natives:
        if rule.object == object_ and OUT + rule.source in frame.columns:
            written = differing.native_changes(frame, rule).select("id", pl.col("after").alias(rule.property))
            wanted = wanted.join(written, on="id", how="left", maintain_order="left")
    free = {ctx.prefix + o.name for o in outputs if o.kind is OutputKind.TEXT and not o.follows}
    return wanted.with_columns(pl.exclude("id", *free).cast(pl.Categorical))


def job_local(options: Mapping[str, Any]) -> dict[str, Any]:
    """Mirror to saved plan: CPU by phase, and which properties change."""
    with open_context(Path(options["config"])) as ctx:
        ctx.store.mirror.put_state(PORTAL, "schema", schema_digest(ctx))
        pulled, phases = mirrored(ctx), Phases("guards, lists, summary, digest")
        with phases.watching(_WATCHED), phases.running(), ctx.exclusive():
            planned = planning.plan_from_mirror(ctx, pulled, kind="plan", as_of=TODAY)
        changes = planned.plan.changes
        by_property = changes.group_by("object", "property").len().sort("len", descending=True)
        return phases.report() | {"changes": changes.height, "by_property": by_property.rows()}
