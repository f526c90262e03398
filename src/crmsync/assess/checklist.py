"""Checklist tiering and global accounts (domain.md A3).

Boxes are ticked, not ticked or unknown; how many (or how much weight) is ticked gives the tier, first match from the
top. Global accounts are taken out before: they should have every box, and one that they miss is listed, not held
against them. The failure it prevents: a tier that moves because a value went missing, or because the list got longer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial, reduce

import polars as pl

from crmsync.assess.base import OUT, Reads, System, World
from crmsync.assess.checklist_boxes import (
    CHECKLIST_WHY,
    NAMES,
    box_column,
    box_expr,
    box_fields,
    box_gaps,
    box_if_filled,
    box_label,
    named_global,
    wanted_fields,
)
from crmsync.assess.checklist_section import (
    CHECKLIST_SECTION,
    CHECKLIST_TIERS,
    GLOBAL,
    Checklist,
    checklist,
)
from crmsync.assess.checklist_words import explain
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.gaps import Climb, filled_expr, gap_exprs
from crmsync.assess.tier_property import (
    changed_at,
    gap_list,
    reason,
    settle_tier,
    tier_options,
    tier_outputs,
    tier_settled,
)
from crmsync.assess.tier_section import NO_TIER
from crmsync.model.outputs import Output, OutputKind
from crmsync.program.conditions import fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program

_FALSE = pl.lit(value=False)


def outputs(program: Program) -> tuple[Output, ...]:
    """The checklist tier and score, and the tier property where it writes that; without the section, all of them."""
    rules = checklist(program)
    gap_fields = {name for box in rules.boxes for name in box_fields(box) | wanted_fields(box)}
    gap_fields |= fields_of(rules.alignment) | ({"revenue"} if rules.largest is not None else set())
    gap_fields |= fields_of(rules.global_when) if rules.global_when is not None else set()
    written = tier_outputs("checklist", CHECKLIST_TIERS, gap_fields)
    because = "tier_reason" if rules.writes_tier else "checklist_reason"
    own = partial(Output, object="company", system="checklist", reason=because)
    mine = (
        own(
            "checklist_tier",
            kind=OutputKind.ENUM,
            label="ABM checklist tier",
            options=tier_options(CHECKLIST_TIERS),
            ranked=NAMES,
            list_name="ABM: Checklist {label}",
            list_skips=(NO_TIER,),
        ),
        own("checklist_score", kind=OutputKind.NUMBER, label="ABM checklist score", description="Boxes ticked."),
    )
    beside = own("checklist_reason", kind=OutputKind.TEXT, label="ABM checklist reason", follows=True)
    if program.sections.get("checklist") is None:
        return (*mine, beside, *written)
    return (*mine, *written) if rules.writes_tier else (*mine, beside)


def reads(program: Program) -> Reads:
    rules = checklist(program)
    fields = frozenset({EXCLUDED}) | fields_of(rules.alignment)
    fields |= frozenset[str]().union(*(box_fields(box) for box in rules.boxes))
    fields |= {"revenue"} if rules.largest is not None else frozenset()
    return {"company": fields | (fields_of(rules.global_when) if rules.global_when is not None else frozenset())}


def wants(program: Program) -> Reads:
    return {"company": frozenset[str]().union(*(wanted_fields(box) for box in checklist(program).boxes))}


def asks(program: Program) -> dict[str, str]:
    """The box, or the rule for global accounts, that asks for a field."""
    rules = checklist(program)
    when = fields_of(rules.global_when) if rules.global_when is not None else frozenset()
    asked = dict.fromkeys(when, "checklist.global.when")
    if rules.largest is not None:
        asked["revenue"] = "checklist.global.largest"
    return asked | {name: f"checklist.boxes.{box.name}" for box in rules.boxes for name in box_fields(box)}


def assess(world: World) -> World:
    """Add `out.checklist_tier`, its score and its reason; where it writes the tier, all that goes with that."""
    rules = checklist(world.program)
    written = rules.writes_tier
    frame, size_notes = _largest(world.accounts, world, rules)
    frame = frame.with_columns(
        compile_expr(rules.alignment, as_of=world.as_of).alias(CHECKLIST_WHY + "aligned"),
        (pl.col(CHECKLIST_WHY + "largest") | named_global(world, rules)).alias(CHECKLIST_WHY + "global"),
        *[box_expr(box, world).alias(box_column(i)) for i, box in enumerate(rules.boxes)],
    )
    frame = frame.with_columns(
        _rank(rules, unknown=False).alias(CHECKLIST_WHY + "box_reached"),
        _rank(rules, unknown=True).alias(CHECKLIST_WHY + "box_potential"),
        _score(rules).alias(OUT + "checklist_score"),
    )
    frame = frame.with_columns(
        _before_tiers(which, unknown=unknown).alias(CHECKLIST_WHY + which)
        for which, unknown in (("reached", False), ("potential", True))
    )
    frame, notes = settle_tier(frame, "checklist", rules.output, CHECKLIST_TIERS)
    gaps = gap_list(_holes(rules, world), settled=tier_settled() if written else pl.col(EXCLUDED))
    frame = frame.with_columns(gaps.alias(CHECKLIST_WHY + "gaps"))
    because = reason("checklist", _boxes_text(rules), pl.col(CHECKLIST_WHY + "gaps"), pins=written)
    frame = frame.with_columns(because.alias(OUT + ("tier_reason" if written else "checklist_reason")))
    if written:
        frame = frame.with_columns(
            pl.col(OUT + "tier").alias(OUT + "checklist_tier"),
            pl.col(CHECKLIST_WHY + "gaps").alias(OUT + "data_gaps"),
            changed_at(world).alias(OUT + "tier_changed_at"),
        )
    return world.with_frame("company", frame, *size_notes, *notes)


def _largest(frame: pl.DataFrame, world: World, rules: Checklist) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Add `why.checklist.largest` (null for unknown) and `.larger`, how many are known to be larger.

    Among accounts that are not excluded; equals go in together. Certain yes needs every unknown revenue to leave it in,
    and every account to have been read. Where there are no more accounts than places, size sets none of them apart.
    """
    most = rules.largest
    if most is None:
        empty = pl.lit(None, dtype=pl.Int64).alias(CHECKLIST_WHY + "larger")
        return frame.with_columns(_FALSE.alias(CHECKLIST_WHY + "largest"), empty), ()
    counted = frame.filter(~pl.col(EXCLUDED))
    unknown = counted["revenue"].null_count()
    revenue = pl.when(~pl.col(EXCLUDED)).then(pl.col("revenue"))
    frame = frame.with_columns(
        (revenue.rank("min", descending=True).cast(pl.Int64) - 1).alias(CHECKLIST_WHY + "larger"),
    )
    if world.whole and counted.height <= most:
        note = (
            f"checklist.global.largest: {counted.height:,} accounts are no more than the {most:,} largest it names, "
            "so that size makes none of them global; lower it, or say who is global by when:"
        )
        return frame.with_columns(_FALSE.alias(CHECKLIST_WHY + "largest")), (note,)
    larger = pl.col(CHECKLIST_WHY + "larger")
    inside = larger + unknown < most
    truth = pl.when(larger >= most).then(_FALSE).when(inside & pl.lit(world.whole)).then(pl.lit(value=True))
    return frame.with_columns(truth.alias(CHECKLIST_WHY + "largest")), ()


def _rank(rules: Checklist, *, unknown: bool) -> pl.Expr:
    """The place in `NAMES` by the boxes alone, first match from the top, with every unknown taken as `unknown`."""
    boxes = len(rules.counting)
    whole = sum(box.weight for _, box in rules.counting)
    ticked = reduce(
        lambda total, one: total + pl.col(box_column(one[0])).fill_null(value=unknown).cast(pl.Int64) * one[1].weight,
        rules.counting,
        pl.lit(0, dtype=pl.Int64),
    )
    aligned = pl.col(CHECKLIST_WHY + "aligned").fill_null(value=unknown)
    return (
        pl.when((ticked == whole) & aligned)
        .then(pl.lit(NAMES.index("tier_1"), dtype=pl.Int32))
        .when(ticked * 2 > whole)
        .then(pl.lit(NAMES.index("tier_2"), dtype=pl.Int32))
        # More than two boxes: with equal weights, the share of two boxes in all of them.
        .when(ticked * boxes > 2 * whole)
        .then(pl.lit(NAMES.index("tier_3"), dtype=pl.Int32))
        .when(ticked > 0)
        .then(pl.lit(NAMES.index("tier_4"), dtype=pl.Int32))
        .otherwise(pl.lit(0, dtype=pl.Int32))
    )


def _before_tiers(which: str, *, unknown: bool) -> pl.Expr:
    """Global where it is that, else what the boxes say."""
    outside = pl.col(CHECKLIST_WHY + "global").fill_null(value=unknown)
    return (
        pl.when(outside)
        .then(pl.lit(NAMES.index(GLOBAL), dtype=pl.Int32))
        .otherwise(pl.col(f"{CHECKLIST_WHY}box_{which}"))
    )


def climb(world: World) -> Climb:
    """The climb by boxes, global accounts taken out before (domain.md C2)."""
    rules = checklist(world.program)

    def filled(fields: Collection[str]) -> Mapping[str, pl.Expr]:
        large = pl.col(CHECKLIST_WHY + "largest")
        if "revenue" in fields:
            large = pl.when(large.is_null() & pl.col("revenue").is_null()).then(pl.lit(value=True)).otherwise(large)
        named = _FALSE
        if rules.global_when is not None:
            named = filled_expr(rules.global_when, fields, as_of=world.as_of)
        boxes = {box_column(i): box_if_filled(box, fields, world) for i, box in enumerate(rules.boxes)}
        aligned = filled_expr(rules.alignment, fields, as_of=world.as_of)
        return boxes | {CHECKLIST_WHY + "aligned": aligned, CHECKLIST_WHY + "global": large | named}

    outside = pl.col(CHECKLIST_WHY + "global").fill_null(value=False)
    top = pl.lit(NAMES.index(GLOBAL), dtype=pl.Int32)
    return Climb(NAMES, pl.when(outside).then(top).otherwise(_rank(rules, unknown=False)), filled)


def _score(rules: Checklist) -> pl.Expr:
    """Boxes that are ticked for sure, as the CRM's text; one of weight 0 does not count."""
    ticked = [pl.col(box_column(i)).fill_null(value=False).cast(pl.Int64) for i, box in rules.counting]
    return reduce(lambda a, b: a + b, ticked, pl.lit(0, dtype=pl.Int64)).cast(pl.String)


def _holes(rules: Checklist, world: World) -> dict[str, list[pl.Expr]]:
    """Field -> where it is missing and could raise the tier: of a box, of the alignment, or of being global."""
    inside = ~pl.col(CHECKLIST_WHY + "global").fill_null(value=False)
    could_rise = inside & (pl.col(CHECKLIST_WHY + "box_potential") > pl.col(CHECKLIST_WHY + "box_reached"))
    holes: dict[str, list[pl.Expr]] = {}

    def note(where: pl.Expr, gaps: dict[str, pl.Expr]) -> None:
        for name, expr in gaps.items():
            holes.setdefault(name, []).append(where & expr)

    for _, box in rules.counting:
        note(could_rise, box_gaps(box, world))
    to_the_top = could_rise & (pl.col(CHECKLIST_WHY + "box_potential") == NAMES.index("tier_1"))
    note(to_the_top, gap_exprs(rules.alignment, as_of=world.as_of))
    undecided = pl.col(CHECKLIST_WHY + "global").is_null()
    if rules.largest is not None:
        note(undecided, {"revenue": pl.col("revenue").is_null() & pl.col(CHECKLIST_WHY + "largest").is_null()})
    if rules.global_when is not None:
        note(undecided, gap_exprs(rules.global_when, as_of=world.as_of))
    return holes


def _boxes_text(rules: Checklist) -> pl.Expr:
    """How many boxes are ticked, and which are not: it changes with a box and with nothing else."""
    count = len(rules.counting)
    outside = pl.col(CHECKLIST_WHY + "global").fill_null(value=False)
    aligned, every = pl.col(CHECKLIST_WHY + "aligned"), pl.col(OUT + "checklist_score") == str(count)
    ticked = pl.concat_str(pl.col(OUT + "checklist_score"), pl.lit(f" of {count} boxes"))
    parts = [
        pl.when(outside).then(pl.lit("global account")).otherwise(ticked),
        _named(rules, "not ticked: ", lambda box: ~box),
        _named(rules, "unknown: ", lambda box: box.is_null()),
        pl.when(every & ~outside & aligned.is_null()).then(pl.lit("alignment unknown")),
        pl.when(every & ~outside & ~aligned).then(pl.lit("alignment not met")),
    ]
    return pl.concat_str(parts, separator="; ", ignore_nulls=True)


def _named(rules: Checklist, lead: str, says: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
    """`lead` and the names of the boxes of which `says` is true; null where there is none."""
    names = [
        pl.when(says(pl.col(box_column(i)))).then(pl.lit(box_label(box)))
        for i, box in enumerate(rules.boxes)
        if box.weight
    ]
    joined = pl.concat_str(names, separator=", ", ignore_nulls=True)
    return pl.when(joined != "").then(pl.concat_str(pl.lit(lead), joined))


CHECKLIST = System(
    key="checklist",
    title="Checklist",
    source="domain.md A3",
    object="company",
    sections=(CHECKLIST_SECTION,),
    reads=reads,
    wants=wants,
    outputs=outputs,
    gives={"company": {CHECKLIST_WHY + "largest": pl.Boolean()}},
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("checklist") is not None,
    asks=asks,
)
