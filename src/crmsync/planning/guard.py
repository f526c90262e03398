"""Guards: what a plan may change before a person has to look (contract.md, `guards`).

Guards count changes of values that stood: filling an empty owned property is no move. A limit in per cent is a share of
the records that had a value, with an absolute floor beside it; small portals are guarded as well. Monotone: a plan with
more of the same changes never breaches less.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from crmsync.model.limits import Limit
from crmsync.model.outputs import Output
from crmsync.model.plan import GuardReading
from crmsync.model.snapshot import Coverage
from crmsync.planning.lists import ListMove
from crmsync.planning.standing import Standing

TARGET_SEATS = ("approved", "active", "at_risk")


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """The limits of one portal (config.connections.Guards has the defaults); None switches a guard off."""

    max_tier_moves: Limit | None
    max_demotions: Limit | None
    max_targets_removed: Limit | None
    max_list_exits: Limit | None
    max_blanked: Limit | None
    min_snapshot: float | None
    floor: int


def read_guards(
    changes: pl.DataFrame,
    standing: Standing,
    outputs: Sequence[Output],
    coverage: Mapping[str, Coverage],
    limits: GuardLimits,
    *,
    prefix: str,
    moves: Sequence[ListMove] = (),
) -> tuple[GuardReading, ...]:
    """Every guard's figure, breached or not."""
    stood = changes.filter(pl.col("before").is_not_null())
    readings = [*_snapshot(coverage, limits.min_snapshot, limits.floor)]
    for output in outputs:
        base = standing.had_value(output)
        # Of a decision that stands nowhere yet there is nothing to tell; of tiers a plan always tells.
        if output.ranked and (base or output.name == "tier"):
            moved = stood.filter(pl.col("property") == prefix + output.name)
            down, name = _demoted(moved, output), output.name.replace("_", " ")
            falls = "demotions" if output.name == "tier" else f"{name} demotions"
            moves_label = f"{name} moves"
            readings += _share("max_tier_moves", moves_label, moved.height, base, limits.max_tier_moves, limits.floor)
            readings += _share("max_demotions", falls, down, base, limits.max_demotions, limits.floor)
    status = next((output for output in outputs if output.name == "target_status"), None)
    if status is not None:
        seats = pl.col("before").is_in(TARGET_SEATS) & ~pl.col("after").is_in(TARGET_SEATS).fill_null(value=False)
        removed = stood.filter((pl.col("property") == prefix + status.name) & seats).height
        held_seats = sum(standing.holding(status, seat) for seat in TARGET_SEATS)
        readings += _share(
            "max_targets_removed", "targets removed", removed, held_seats, limits.max_targets_removed, limits.floor
        )
    exits, members = sum(len(move.loses) for move in moves), sum(move.size for move in moves)
    readings += _share("max_list_exits", "list exits", exits, members, limits.max_list_exits, limits.floor)
    blanked = stood.filter(pl.col("after").is_null() & ~_is_companion(outputs, prefix))
    base = sum(standing.had_value(one) for one in outputs if not one.follows and not one.person)
    readings += _share("max_blanked", "values blanked", blanked.height, base, limits.max_blanked, limits.floor)
    return tuple(readings)


def _share(name: str, label: str, value: int, base: int, limit: Limit | None, floor: int) -> list[GuardReading]:
    if limit is None:
        return []
    breached = not limit.allows(value, base, floor)
    share = f", {value * 100 / base:.1f} %" if base else ""
    message = f"{label} {value} of {base}{share}; the limit is {limit}"
    if breached:
        message += f". Look at the plan, then accept it with --accept {name}, or raise guards.{name}"
    return [GuardReading(name, value, base, str(limit), breached, message)]


def _snapshot(coverage: Mapping[str, Coverage], least: float | None, floor: int) -> list[GuardReading]:
    """An incomplete read always stops; so does one that lost more than `floor` and falls below `least` per cent."""
    readings = []
    for object_, seen in coverage.items():
        expected = seen.expected if seen.expected is not None else seen.read
        if not seen.complete:
            message = (
                f"snapshot incomplete: read {seen.read:,} of {expected:,} {object_} records that the CRM counts; "
                "nothing is demoted, cleared or removed on a partial read. Run again; if it stays, look at the CRM"
            )
            readings.append(GuardReading("min_snapshot", seen.read, expected, "100%", True, message))
        elif least is not None and _shrank(seen, least, floor):
            message = (
                f"snapshot shrank: {seen.read:,} {object_} records, {seen.previous:,} the last time; "
                f"the limit is {least:g}%. If they were archived on purpose, accept with --accept min_snapshot"
            )
            readings.append(GuardReading("min_snapshot", seen.read, seen.previous or 0, f"{least:g}%", True, message))
    if not readings and coverage and least is not None:
        read = sum(seen.read for seen in coverage.values())
        base = sum(seen.expected if seen.expected is not None else seen.read for seen in coverage.values())
        readings.append(GuardReading("min_snapshot", read, base, f"{least:g}%", False, "snapshot complete"))
    return readings


def _shrank(seen: Coverage, least: float, floor: int) -> bool:
    previous = seen.previous or 0
    return previous - seen.read > floor and seen.read * 100 < least * previous


def _demoted(moves: pl.DataFrame, output: Output) -> int:
    ranks = {value: position for position, value in enumerate(output.ranked)}
    before = pl.col("before").replace_strict(ranks, default=0, return_dtype=pl.Int32)
    after = pl.col("after").replace_strict(ranks, default=0, return_dtype=pl.Int32)
    return moves.filter(after < before).height


def _is_companion(outputs: Sequence[Output], prefix: str) -> pl.Expr:
    return pl.col("property").is_in([prefix + output.name for output in outputs if output.follows])
