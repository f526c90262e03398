"""How the system that writes the tier climbs, so that the same climb can be made as if a field were filled (C2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import polars as pl

from crmsync.assess.base import WHY
from crmsync.assess.gaps import filled_expr
from crmsync.assess.tier_section import NO_TIER, TierProgram, tier_program
from crmsync.assess.tiers import _layer_ranks, _weighted_ranks
from crmsync.program.loader import Program


@dataclass(frozen=True)
class Climb:
    """`names`, worst to best, are what the ranks of `reached` stand for, an expression over the columns of the steps.

    `filled(field)` gives each of these columns as it would be if `field`, where missing, were filled favourably.
    """

    names: tuple[str, ...]
    reached: pl.Expr
    filled: Callable[[str], Mapping[str, pl.Expr]]


def climb(program: Program, *, as_of: datetime) -> Climb | None:
    """The climb of whichever system writes the tier; None where none does."""
    tiers = tier_program(program)
    if not tiers.names:
        return None
    reached, _ = _weighted_ranks(tiers) if tiers.weights else _layer_ranks(tiers)
    return Climb((NO_TIER, *tiers.names), reached, partial(_layers, tiers, as_of))


def _layers(tiers: TierProgram, as_of: datetime, field: str) -> Mapping[str, pl.Expr]:
    return {
        f"{WHY}layer.{i}": filled_expr(condition, field, as_of=as_of) for i, condition in enumerate(tiers.conditions)
    }
