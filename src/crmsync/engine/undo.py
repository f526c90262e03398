"""Undo: the reverse of a run as a plan of its own, skipping what anyone else changed since."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.engine.plan import Planned, planned_cost, portal_info, supersede_earlier
from crmsync.engine.recover import read_back, recover
from crmsync.engine.values import same_values
from crmsync.errors import RecordNotFound
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import NativePolicy
from crmsync.model.plan import CHANGE_SCHEMA, Plan
from crmsync.model.text import stamp
from crmsync.planning import summary as figures
from crmsync.planning.diff import number
from crmsync.planning.digest import plan_digest
from crmsync.store import LANDED, PlanStatus


def plan_undo(ctx: Context, run_id: str) -> Planned:
    """A saved plan that restores what `run_id` wrote and nobody changed since; the rest is in `summary["skipped"]`.

    Raises RecordNotFound where there is no such run.
    """
    if ctx.store.runs.get(run_id) is None:
        raise RecordNotFound(f"there is no run {run_id}; `crmsync runs` lists them.")
    with ctx.exclusive():
        recover(ctx)
        entries = ctx.store.ledger.entries(run_id)
        written = entries.filter(pl.col("outcome").is_in([status.value for status in LANDED]))
        # The first value before and the last after, where a resumed run wrote one value twice.
        written = written.group_by("object", "record_id", "property", maintain_order=True).agg(
            pl.col("before").first(), pl.col("after").last()
        )
        rows, skipped = _reverse(ctx, run_id, written)
        return _save(ctx, run_id, rows, skipped)


def _reverse(ctx: Context, run_id: str, written: pl.DataFrame) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    rows: list[dict[str, Any]] = []
    skipped: list[dict[str, str]] = []
    shared = {rule.property for rule in ctx.natives if rule.policy is not NativePolicy.NEVER}
    for object_ in ("company", "contact", "deal"):
        mine = written.filter(pl.col("object") == object_)
        if mine.is_empty():
            continue
        ids = mine["record_id"].unique(maintain_order=True).to_list()
        found = read_back(ctx, _object(object_), ids, mine["property"].unique().to_list())
        now = [found.values.get(id_, {}).get(name) for id_, name in mine.select("record_id", "property").rows()]
        mine = mine.with_columns(pl.Series("now", now, dtype=pl.String))
        mine = mine.with_columns(same_values(ctx, mine, "now", "after").alias("ours"))
        for change in mine.iter_rows(named=True):
            where = {"object": object_, "id": change["record_id"], "property": change["property"]}
            if change["record_id"] not in found.values:
                survivor = found.merged.get(change["record_id"])
                skipped.append(where | {"reason": f"merged into {survivor}" if survivor else "the record is gone"})
                continue
            if not change["ours"]:
                skipped.append(where | {"reason": "changed since by somebody else or by a later run"})
                continue
            rows.append(
                where
                | {
                    "seq": 0,
                    "before": change["now"] or None,
                    "after": change["before"],
                    "rule": "undo",
                    "reason": f"undoes run {run_id}",
                    "shared": change["property"] in shared,
                }
            )
    return rows, skipped


def _object(name: str) -> ObjectName:
    return name  # type: ignore[return-value]  # one of CHANGE_SCHEMA's objects


def _save(ctx: Context, run_id: str, rows: list[dict[str, Any]], skipped: list[dict[str, str]]) -> Planned:
    now = ctx.now()
    changes = number(pl.DataFrame(rows, schema=CHANGE_SCHEMA))
    info = portal_info(ctx.main, fresh=False)
    cost = planned_cost(ctx, changes)
    basis: dict[str, Any] = {"run_id": new_id("r", now), "undoes": run_id, "reread": True}
    summary: dict[str, Any] = {
        "objects": figures.object_table(changes),
        "properties": figures.property_table(changes),
        "skipped": skipped,
        "apply": {
            "changes": cost.changes,
            "records": cost.records,
            "batches": cost.batches,
            "reads": cost.batches,
            "calls": cost.batches * 2,
            "daily_left": info.daily_left,
            "daily_limit": info.daily_limit,
        },
    }
    plan = Plan(
        id=new_id("p", now),
        portal=ctx.portal.name,
        kind="undo",
        as_of=stamp(now),
        program=ctx.program.digest,
        created_at=now.isoformat(),
        changes=changes,
        basis=basis,
        summary=summary,
        digest=plan_digest(changes, basis, ()),
        undoes=run_id,
        notes=("The rules still say what they said: the next sync writes it again unless they change first.",),
    )
    supersede_earlier(ctx, now)
    ctx.store.plans.save(plan, now, status=PlanStatus.APPLIED if plan.is_empty else PlanStatus.OPEN)
    return Planned(plan, None)
