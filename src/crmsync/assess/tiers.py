"""Cumulative and weighted tiering (domain.md A2).

The failure it prevents: an account demoted because a value went missing. A tier is the better of what is reached and
the worse of what is held and what is still possible, so a lost value demotes nobody, and a false one does. What is
decided lands in the tier property, or beside a checklist that writes that one, in the layer tier.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial, reduce

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.gaps import Climb, filled_expr, gap_exprs
from crmsync.assess.tier_property import (
    changed_at,
    gap_list,
    reason,
    settle_tier,
    tier_label,
    tier_options,
    tier_outputs,
    tier_remarks,
    tier_settled,
    tier_writer,
)
from crmsync.assess.tier_section import NO_TIER, TIERS_SECTION, TierProgram, tier_program
from crmsync.model.fields import ACCOUNT
from crmsync.model.outputs import Output, OutputKind
from crmsync.program.conditions import Condition, fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program

_WHY = WHY + "tiers."
_TRUE = pl.lit(True)


def outputs(program: Program) -> tuple[Output, ...]:
    """The tier and what goes with it, or the layer tier; of a program without tiers, all that there could be."""
    tiers = tier_program(program)
    gap_fields = {name for condition in tiers.conditions for name in fields_of(condition)}
    written = tier_outputs("tiers", tiers.names, gap_fields)
    beside = _layer_outputs(tiers)
    if program.sections.get("tiers") is None:
        return (*written, *beside)
    return written if tier_writer(program) == "tiers" else beside


def _layer_outputs(tiers: TierProgram) -> tuple[Output, ...]:
    own = partial(Output, object="company", system="tiers", reason="layer_tier_reason")
    return (
        own(
            "layer_tier",
            kind=OutputKind.ENUM,
            label="ABM layer tier",
            description="The tier by the layers of the programme, beside the checklist that decides the tier.",
            options=tier_options(tiers.names),
            ranked=(NO_TIER, *tiers.names),
        ),
        own("layer_tier_reason", kind=OutputKind.TEXT, label="ABM layer tier reason", follows=True),
    )


def _output(program: Program) -> str:
    return "tier" if tier_writer(program) == "tiers" else "layer_tier"


def reads(program: Program) -> Reads:
    tiers = tier_program(program)
    fields = frozenset[str]().union(*(fields_of(condition) for condition in tiers.conditions))
    return {"company": fields | {EXCLUDED}}


def assess(world: World) -> World:
    """Add `out.tier`, `out.potential_tier`, `out.data_gaps`, `out.tier_reason` and `out.tier_changed_at`; beside a
    checklist that writes those, `out.layer_tier` and its reason.
    """
    tiers, output = tier_program(world.program), _output(world.program)
    frame = world.accounts.with_columns(
        compile_expr(condition, as_of=world.as_of).alias(f"{_WHY}layer.{i}")
        for i, condition in enumerate(tiers.conditions)
    )
    reached, potential = _weighted_ranks(tiers) if tiers.weights else _layer_ranks(tiers)
    frame = frame.with_columns(reached.alias(_WHY + "reached"), potential.alias(_WHY + "potential"))
    frame, notes = settle_tier(frame, "tiers", output, tiers.names)
    written = output == "tier"
    gaps = gap_list(_holes(tiers, world), settled=tier_settled() if written else pl.col(EXCLUDED))
    frame = frame.with_columns(gaps.alias(_WHY + "gaps"))
    because = reason("tiers", _reached_text(tiers, world.program, output), pl.col(_WHY + "gaps"), pins=written)
    frame = frame.with_columns(because.alias(f"{OUT}{output}_reason"))
    if written:
        frame = frame.with_columns(
            pl.col(_WHY + "gaps").alias(OUT + "data_gaps"), changed_at(world).alias(OUT + "tier_changed_at")
        )
    return world.with_frame("company", frame, *notes)


def _layer_ranks(tiers: TierProgram) -> tuple[pl.Expr, pl.Expr]:
    """(reached, potential) as the number of layers climbed, unknown taken as false and as true."""

    def climb(unknown: bool) -> pl.Expr:
        total: pl.Expr = pl.lit(0, dtype=pl.Int32)
        standing = _TRUE
        for i in range(len(tiers.conditions)):
            standing = standing & pl.col(f"{_WHY}layer.{i}").fill_null(value=unknown)
            total = total + standing.cast(pl.Int32)
        return total

    return climb(False), climb(True)


def _weighted_ranks(tiers: TierProgram) -> tuple[pl.Expr, pl.Expr]:
    """(reached, potential) by score bands; a required condition that is not met leaves no tier."""

    def band(unknown: bool) -> pl.Expr:
        start = 1 if tiers.required else 0
        score: pl.Expr = pl.lit(0, dtype=pl.Int64)
        for i, weight in enumerate(tiers.weights, start):
            score = score + pl.col(f"{_WHY}layer.{i}").fill_null(value=unknown).cast(pl.Int64) * weight
        rank: pl.Expr = pl.lit(0, dtype=pl.Int32)
        for least in tiers.bands:
            rank = rank + (score >= least).cast(pl.Int32)
        if tiers.required:
            rank = rank * pl.col(f"{_WHY}layer.0").fill_null(value=unknown).cast(pl.Int32)
        return rank

    return band(False), band(True)


def climb(world: World) -> Climb:
    """The climb by layers or by points (domain.md C2)."""
    tiers = tier_program(world.program)

    def filled(fields: Collection[str]) -> Mapping[str, pl.Expr]:
        return {
            f"{_WHY}layer.{i}": filled_expr(condition, fields, as_of=world.as_of)
            for i, condition in enumerate(tiers.conditions)
        }

    reached, _ = _weighted_ranks(tiers) if tiers.weights else _layer_ranks(tiers)
    return Climb((NO_TIER, *tiers.names), reached, filled)


def _holes(tiers: TierProgram, world: World) -> dict[str, list[pl.Expr]]:
    """Field -> where it is missing on the climb to the potential."""
    holes: dict[str, list[pl.Expr]] = {}
    for i, condition in enumerate(tiers.conditions):
        # A layer stands alone on its step of the climb; points count together, and only where they could buy a band.
        on_climb = pl.col(_WHY + "potential") > (pl.col(_WHY + "reached") if tiers.weights else i)
        for name, expr in gap_exprs(condition, as_of=world.as_of).items():
            holes.setdefault(name, []).append(on_climb & pl.col(f"{_WHY}layer.{i}").is_null() & expr)
    return holes


def _subject(condition: Condition, program: Program) -> str:
    """What a layer is about, in a word or two: a named condition's name, else its fields."""
    for name, known in program.conditions.items():
        if known == condition or getattr(condition, "name", None) == name:
            return "ICP" if name == "icp" else name.replace("_", " ")
    return ", ".join(sorted(fields_of(condition), key=list(ACCOUNT).index))


def _reached_text(tiers: TierProgram, program: Program, output: str) -> pl.Expr:
    """One of a few fixed texts by how far the climb went and what the next step said, so that it never flaps."""
    if tiers.weights:
        return pl.concat_str(pl.lit("by score: "), pl.col(OUT + output))
    subjects = [_subject(condition, program) for condition in tiers.conditions]
    texts: dict[int, str] = {}
    for rank in range(len(subjects) + 1):
        met = "meets " + ", ".join(subjects[:rank]) if rank else ""
        for unknown in (0, 1):
            following = ""
            if rank < len(subjects):
                following = f"{subjects[rank]} {'unknown' if unknown else 'not met'} for {tiers.names[rank]}"
            texts[rank * 2 + unknown] = "; ".join(part for part in (met, following) if part)
    nothing = pl.lit(0, dtype=pl.Int32)
    unknown_next = reduce(
        lambda acc, i: (
            pl.when(pl.col(_WHY + "reached") == i)
            .then(pl.col(f"{_WHY}layer.{i}").is_null().cast(pl.Int32))
            .otherwise(acc)
        ),
        range(len(subjects)),
        nothing,
    )
    return (pl.col(_WHY + "reached") * 2 + unknown_next).replace_strict(texts, return_dtype=pl.String)


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The tier of one account, layer by layer, from the same columns that decided it."""
    tiers, output = tier_program(world.program), _output(world.program)
    row = record.row(0, named=True)
    tier, possible = row[OUT + output], (NO_TIER, *tiers.names)[row[_WHY + "potential"]]
    potential = row[OUT + "potential_tier"] if output == "tier" else NO_TIER if row[EXCLUDED] else possible
    headline = tier_label(tier) if tier != NO_TIER else "No tier"
    if output != "tier":
        headline = f"By the layers: {headline}"
    if potential != tier:
        headline += f", could be {potential.removeprefix('tier_')}"
    lines = []
    for i, condition in enumerate(tiers.conditions):
        truth = row[f"{_WHY}layer.{i}"]
        text = account_decisions(condition, record, world)
        if truth is None and not tiers.weights and i > row[_WHY + "potential"]:
            text = f"nobody knows; nothing hangs on it while {tiers.names[row[_WHY + 'potential']]} is not met"
        lines.append(ExplainLine(answer(truth), tiers.step(i), _subject(condition, world.program), text))
    remarks = tier_remarks(row, "tiers", output, tiers.names, row[_WHY + "gaps"] or "")
    return Explanation("tiers", headline, tuple(lines), tuple(remarks))


TIERS = System(
    key="tiers",
    title="Tiers",
    source="domain.md A2",
    object="company",
    sections=(TIERS_SECTION,),
    reads=reads,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("tiers") is not None,
)
