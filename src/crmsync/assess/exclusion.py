"""The accounts that a program excludes (domain.md, People win): no tier and no designation, whatever else is true."""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import WHY, Reads, System, World
from crmsync.program.conditions import fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program

EXCLUDED = WHY + "excluded"
"""Boolean, never null: the program's `exclude` is certainly true."""


def reads(program: Program) -> Reads:
    return {"company": fields_of(program.exclude)} if program.exclude else {}


def assess(world: World) -> World:
    """Add `why.excluded`: an unknown costs nobody what they hold."""
    exclude = world.program.exclude
    truth = compile_expr(exclude, as_of=world.as_of).fill_null(value=False) if exclude else pl.lit(value=False)
    return world.with_frame("company", world.accounts.with_columns(truth.alias(EXCLUDED)))


EXCLUSION = System(
    key="exclusion",
    title="Exclusion",
    source="domain.md, People win",
    object="company",
    assess=assess,
    reads=reads,
    gives={"company": {EXCLUDED: pl.Boolean()}},
)
