"""The figures of a plan for a person: tiers now and after, moves, seats, lists. Plain JSON types, to be stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from crmsync.model.outputs import Output, OutputKind
from crmsync.model.snapshot import HELD
from crmsync.planning.diff import OUT
from crmsync.planning.lists import ListMove
from crmsync.planning.standing import Standing

_NAMED = 20
#: Decisions that a plan tells of in places of their own.
_TOLD_APART = ("tier", "potential_tier", "target_status")


def tier_table(frame: pl.DataFrame, output: Output, changes: pl.DataFrame, *, prefix: str) -> dict[str, Any]:
    """Counts by tier, best first: as they stand (`now`) and as the plan leaves them (`after`)."""
    planned = changes.filter(pl.col("property") == prefix + output.name)
    now = _counts(frame[HELD + output.name]) if HELD + output.name in frame.columns else {}
    after = dict(now)
    for before, value in planned.select("before", "after").rows():
        if before is not None:
            after[before] = after.get(before, 0) - 1
        if value is not None:
            after[value] = after.get(value, 0) + 1
    order = [*reversed(output.ranked), *sorted(set(now) - set(output.ranked))]
    rows = [{"tier": tier, "now": now.get(tier, 0), "after": after.get(tier, 0)} for tier in order]
    unset = frame.height - sum(now.values())
    return {"rows": rows, "unset_now": unset, "unset_after": frame.height - sum(after.values())}


def _text(column: str) -> pl.Expr:
    """A column that may hold its text as categories."""
    return pl.col(column).cast(pl.String)


def _counts(series: pl.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in series.drop_nulls().value_counts().rows() if value != ""}


def moves(frame: pl.DataFrame, output: Output, changes: pl.DataFrame, *, prefix: str) -> dict[str, Any]:
    """Ups, downs, first fillings, pins and what could rise; the first few moves of standing values by name."""
    planned = changes.filter(pl.col("property") == prefix + output.name)
    ranks = {value: position for position, value in enumerate(output.ranked)}
    stood = planned.filter(pl.col("before").is_not_null()).with_columns(
        pl.col("before").replace_strict(ranks, default=0, return_dtype=pl.Int32).alias("from"),
        pl.col("after").replace_strict(ranks, default=0, return_dtype=pl.Int32).alias("to"),
    )
    could_rise = frame.filter(_text(OUT + "potential_tier").ne_missing(_text(OUT + "tier"))).height
    steps = stood.with_columns((pl.col("from") - pl.col("to")).alias("drop")).sort(
        [-pl.col("drop").abs(), -pl.max_horizontal("from", "to"), pl.col("seq")]
    )
    named = steps.head(_NAMED).select("id", "before", "after", "reason").to_dicts()
    return {
        "up": stood.filter(pl.col("to") > pl.col("from")).height,
        "down": stood.filter(pl.col("to") < pl.col("from")).height,
        "first": planned.height - stood.height,
        "held_by_person": int(frame["why.pinned"].sum()) if "why.pinned" in frame.columns else 0,
        "could_rise": could_rise,
        "worth_a_look": named,
    }


def decision_table(
    standing: Standing, outputs: Sequence[Output], changes: pl.DataFrame, *, prefix: str
) -> list[dict[str, Any]]:
    """Every other decision on accounts that has a few values: how many hold each, now and after, and who moves.

    `up` and `down` count moves of values that stood, where the values have an order; `moved` names the first few.
    """
    told = []
    for output in outputs:
        if output.object != "company" or output.kind is not OutputKind.ENUM or output.person or not output.reason:
            continue
        if output.name in _TOLD_APART:
            continue
        planned = changes.filter((pl.col("object") == "company") & (pl.col("property") == prefix + output.name))
        counted = (
            planned.unpivot(["before", "after"], index="id").drop_nulls("value").group_by("variable", "value").len()
        )
        steps = {(side, value): int(count) for side, value, count in counted.rows()}
        rows = []
        for option in output.options:
            now = standing.holding(output, option.value)
            after = now - steps.get(("before", option.value), 0) + steps.get(("after", option.value), 0)
            rows.append({"value": option.value, "label": option.label, "now": now, "after": after})
        stood = planned.filter(pl.col("before").is_not_null() & pl.col("after").is_not_null())
        ranks = {value: position for position, value in enumerate(output.ranked)}
        before, after_rank = (
            pl.col(side).replace_strict(ranks, default=0, return_dtype=pl.Int32) for side in ("before", "after")
        )
        told.append(
            {
                "name": output.name,
                "label": output.label.removeprefix("ABM "),
                "rows": rows,
                "up": stood.filter(after_rank > before).height,
                "down": stood.filter(after_rank < before).height,
                "moves": stood.height,
                "moved": stood.head(_NAMED).select("id", "before", "after", "reason").to_dicts(),
            }
        )
    return told


def list_table(list_moves: Sequence[ListMove]) -> list[dict[str, Any]]:
    """Lists with their size now and after; `gains` and `loses` hold ids, the first few."""
    return [
        {
            "name": move.definition.name,
            "object": move.definition.object,
            "now": move.size,
            "after": move.size + len(move.gains) - len(move.loses),
            "plus": len(move.gains),
            "minus": len(move.loses),
            "gains": list(move.gains[:_NAMED]),
            "loses": list(move.loses[:_NAMED]),
        }
        for move in list_moves
    ]


def object_table(changes: pl.DataFrame) -> dict[str, dict[str, int]]:
    """By object: records touched, values first filled, values changed, values blanked."""
    table: dict[str, dict[str, int]] = {}
    for (object_,), group in changes.group_by("object", maintain_order=True):
        before, after = group["before"], group["after"]
        table[str(object_)] = {
            "records": group["id"].n_unique(),
            "filled": int(before.is_null().sum()),
            "changed": int((before.is_not_null() & after.is_not_null()).sum()),
            "blanked": int((before.is_not_null() & after.is_null()).sum()),
        }
    return table


def property_table(changes: pl.DataFrame) -> dict[str, int]:
    """Changes by `object.property`."""
    counted = changes.group_by("object", "property", maintain_order=True).len()
    return {f"{object_}.{property_}": int(count) for object_, property_, count in counted.rows()}


def seats(frame: pl.DataFrame, seated: Sequence[str], capacity: Mapping[str, int | None]) -> dict[str, Any]:
    """Target accounts before and after, by id; `capacity` as the program states it."""
    was = _text(HELD + "target_status").is_in(list(seated)).fill_null(value=False)
    will = _text(OUT + "target_status").is_in(list(seated)).fill_null(value=False)
    gained = frame.filter(~was & will)["id"].to_list()
    lost = frame.filter(was & ~will).select("id", OUT + "target_reason").rows()
    return {
        "now": frame.filter(was).height,
        "after": frame.filter(will).height,
        "capacity": dict(capacity),
        "gained": gained[:_NAMED],
        "gained_total": len(gained),
        "lost": [{"id": id_, "reason": reason} for id_, reason in lost[:_NAMED]],
        "lost_total": len(lost),
    }
