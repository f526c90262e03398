"""Cumulative and weighted tiering (domain.md A2), with the tier a person pinned and the accounts a program excludes.

The failure it prevents: an account demoted because a value went missing. A tier is the better of what is reached and
the worse of what is held and what is still possible, so a lost value demotes nobody, and a false one does.
"""

from __future__ import annotations

from functools import partial, reduce

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, held
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.gaps import gap_exprs
from crmsync.assess.tier_section import NO_TIER, TIERS_SECTION, TierProgram, tier_program
from crmsync.model.fields import ACCOUNT
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import stamp
from crmsync.program.conditions import Condition, fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program

_TRUE = pl.lit(True)


def tier_label(value: str) -> str:
    """`tier_1` -> `Tier 1`, `global` -> `Global`."""
    return value.replace("_", " ").capitalize()


def outputs(program: Program) -> tuple[Output, ...]:
    """The tier and what goes with it (contract.md, What lands in the CRM)."""
    tiers = tier_program(program)
    best_first = (*reversed(tiers.names), NO_TIER)
    options = tuple(Option(name, tier_label(name)) for name in best_first)
    gap_fields = sorted({f for condition in tiers.conditions for f in fields_of(condition)}, key=list(ACCOUNT).index)
    own = partial(Output, object="company", system="tiers", reason="tier_reason")
    return (
        own(
            "tier",
            kind=OutputKind.ENUM,
            label="ABM tier",
            description="Decided by the account programme; pin it with the override property.",
            options=options,
            ranked=(NO_TIER, *tiers.names),
            list_name="ABM: {label}",
            list_skips=(NO_TIER,),
        ),
        own("potential_tier", kind=OutputKind.ENUM, label="ABM potential tier", options=options),
        own(
            "data_gaps",
            kind=OutputKind.MULTI,
            label="ABM data gaps",
            description="Fields nobody has filled that hold back the tier.",
            options=tuple(Option(name, ACCOUNT[name].label) for name in gap_fields),
            list_name="ABM: Gap {value}",
        ),
        own("tier_reason", kind=OutputKind.TEXT, label="ABM tier reason", follows=True),
        own("tier_changed_at", kind=OutputKind.DATETIME, label="ABM tier changed at", follows=True),
        own(
            "tier_override",
            kind=OutputKind.ENUM,
            label="ABM tier override",
            description="A person's word: the tier stays as chosen here until this is cleared.",
            options=options,
            person=True,
        ),
    )


def reads(program: Program) -> Reads:
    tiers = tier_program(program)
    fields = frozenset[str]().union(*(fields_of(condition) for condition in tiers.conditions))
    return {"company": fields | {EXCLUDED}}


def assess(world: World) -> World:
    """Add `out.tier`, `out.potential_tier`, `out.data_gaps`, `out.tier_reason`, `out.tier_changed_at`."""
    tiers = tier_program(world.program)
    frame = world.accounts
    names = (NO_TIER, *tiers.names)
    frame = frame.with_columns(
        held("tier_override").str.strip_chars().str.to_lowercase().alias(WHY + "pin"),
        *[
            compile_expr(condition, as_of=world.as_of).alias(f"{WHY}layer.{i}")
            for i, condition in enumerate(tiers.conditions)
        ],
    )
    reached, potential = _weighted_ranks(tiers) if tiers.weights else _layer_ranks(tiers)
    frame = frame.with_columns(reached.alias(WHY + "reached"), potential.alias(WHY + "potential"))
    frame = frame.with_columns(_rank_of(held("tier"), names).alias(WHY + "held"))
    pinned = pl.col(WHY + "pin").is_in(list(names)) & pl.col(WHY + "pin").is_not_null()
    by_rule = pl.max_horizontal(WHY + "reached", pl.min_horizontal(WHY + "held", WHY + "potential"))
    frame = frame.with_columns((pinned & ~pl.col(EXCLUDED)).alias(WHY + "pinned"), by_rule.alias(WHY + "by_rule"))
    frame = frame.with_columns(
        _settled(_name_of(pl.col(WHY + "by_rule"), names)).alias(OUT + "tier"),
        _settled(_name_of(pl.col(WHY + "potential"), names)).alias(OUT + "potential_tier"),
        _gaps(tiers, world).alias(OUT + "data_gaps"),
    )
    moved = pl.col(OUT + "tier").ne_missing(held("tier"))
    frame = frame.with_columns(
        _reason(tiers, world.program).alias(OUT + "tier_reason"),
        pl.when(moved)
        .then(pl.lit(stamp(world.as_of)))
        .otherwise(held("tier_changed_at"))
        .alias(OUT + "tier_changed_at"),
    )
    return world.with_frame("company", frame, *_bad_pins(frame, pinned))


def _layer_ranks(tiers: TierProgram) -> tuple[pl.Expr, pl.Expr]:
    """(reached, potential) as the number of layers climbed, unknown taken as false and as true."""

    def climb(unknown: bool) -> pl.Expr:
        total: pl.Expr = pl.lit(0, dtype=pl.Int32)
        standing = _TRUE
        for i in range(len(tiers.conditions)):
            standing = standing & pl.col(f"{WHY}layer.{i}").fill_null(value=unknown)
            total = total + standing.cast(pl.Int32)
        return total

    return climb(False), climb(True)


def _weighted_ranks(tiers: TierProgram) -> tuple[pl.Expr, pl.Expr]:
    """(reached, potential) by score bands; a required condition that is not met leaves no tier."""

    def band(unknown: bool) -> pl.Expr:
        start = 1 if tiers.required else 0
        score: pl.Expr = pl.lit(0, dtype=pl.Int64)
        for i, weight in enumerate(tiers.weights, start):
            score = score + pl.col(f"{WHY}layer.{i}").fill_null(value=unknown).cast(pl.Int64) * weight
        rank: pl.Expr = pl.lit(0, dtype=pl.Int32)
        for least in tiers.bands:
            rank = rank + (score >= least).cast(pl.Int32)
        if tiers.required:
            rank = rank * pl.col(f"{WHY}layer.0").fill_null(value=unknown).cast(pl.Int32)
        return rank

    return band(False), band(True)


def _rank_of(expr: pl.Expr, names: tuple[str, ...]) -> pl.Expr:
    """Tier name -> rank, 0 for none, null or a name this program does not have."""
    return expr.replace_strict({name: i for i, name in enumerate(names)}, default=0, return_dtype=pl.Int32)


def _name_of(expr: pl.Expr, names: tuple[str, ...]) -> pl.Expr:
    return expr.replace_strict(dict(enumerate(names)), return_dtype=pl.String)


def _settled(by_rule: pl.Expr) -> pl.Expr:
    """The rule's word, under a person's pin, under the program's exclusion (docs/decisions/0004)."""
    return pl.when(EXCLUDED).then(pl.lit(NO_TIER)).when(WHY + "pinned").then(WHY + "pin").otherwise(by_rule)


def _gaps(tiers: TierProgram, world: World) -> pl.Expr:
    """`;`-separated fields of the unknowns on the climb to the potential, in the order of the canonical fields."""
    holes: dict[str, list[pl.Expr]] = {}
    for i, condition in enumerate(tiers.conditions):
        # A layer stands alone on its step of the climb; points count together, and only where they could buy a band.
        on_climb = pl.col(WHY + "potential") > (pl.col(WHY + "reached") if tiers.weights else i)
        for name, expr in gap_exprs(condition, as_of=world.as_of).items():
            holes.setdefault(name, []).append(on_climb & pl.col(f"{WHY}layer.{i}").is_null() & expr)
    parts = [pl.when(reduce(lambda a, b: a | b, holes[name])).then(pl.lit(name)) for name in ACCOUNT if name in holes]
    if not parts:
        return pl.lit(None, dtype=pl.String)
    settled = pl.col(EXCLUDED) | pl.col(WHY + "pinned")
    joined = pl.concat_str(parts, separator=";", ignore_nulls=True)
    return pl.when(~settled & (joined != "")).then(joined)


def _subject(condition: Condition, program: Program) -> str:
    """What a layer is about, in a word or two: a named condition's name, else its fields."""
    for name, known in program.conditions.items():
        if known == condition or getattr(condition, "name", None) == name:
            return "ICP" if name == "icp" else name.replace("_", " ")
    return ", ".join(sorted(fields_of(condition), key=list(ACCOUNT).index))


def _reason(tiers: TierProgram, program: Program) -> pl.Expr:
    subjects = [_subject(condition, program) for condition in tiers.conditions]
    excluded = pl.lit("excluded by the program")
    pinned = pl.lit("set by a person")
    gap = pl.concat_str(
        pl.lit("held while unknown: "), pl.col(OUT + "data_gaps").fill_null("").str.replace_all(";", ", ")
    )
    is_held = pl.col(WHY + "by_rule") > pl.col(WHY + "reached")
    return (
        pl.when(EXCLUDED)
        .then(excluded)
        .when(WHY + "pinned")
        .then(pinned)
        .when(is_held)
        .then(gap)
        .otherwise(_reached_text(tiers, subjects))
    )


def _reached_text(tiers: TierProgram, subjects: list[str]) -> pl.Expr:
    """One of a few fixed texts by how far the climb went and what the next step said, so that it never flaps."""
    if tiers.weights:
        return pl.concat_str(pl.lit("by score: "), pl.col(OUT + "tier"))
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
            pl.when(pl.col(WHY + "reached") == i)
            .then(pl.col(f"{WHY}layer.{i}").is_null().cast(pl.Int32))
            .otherwise(acc)
        ),
        range(len(subjects)),
        nothing,
    )
    return (pl.col(WHY + "reached") * 2 + unknown_next).replace_strict(texts, return_dtype=pl.String)


def _bad_pins(frame: pl.DataFrame, pinned: pl.Expr) -> tuple[str, ...]:
    pin = pl.col(WHY + "pin")
    bad = (
        frame.filter(pin.is_not_null() & (pin != "") & ~pinned.fill_null(value=False))
        .select("id", WHY + "pin")
        .head(20)
    )
    return tuple(
        f"company {id_}: the tier override {value!r} is not a tier of this program" for id_, value in bad.rows()
    )


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The tier of one account, layer by layer, from the same columns that decided it."""
    tiers = tier_program(world.program)
    row = record.row(0, named=True)
    tier, potential = row[OUT + "tier"], row[OUT + "potential_tier"]
    headline = tier_label(tier) if tier != NO_TIER else "No tier"
    if potential != tier:
        headline += f", could be {potential.removeprefix('tier_')}"
    lines = []
    for i, condition in enumerate(tiers.conditions):
        truth = row[f"{WHY}layer.{i}"]
        text = account_decisions(condition, record, world)
        if truth is None and not tiers.weights and i > row[WHY + "potential"]:
            text = f"nobody knows; nothing hangs on it while {tiers.names[row[WHY + 'potential']]} is not met"
        lines.append(ExplainLine(answer(truth), tiers.step(i), _subject(condition, world.program), text))
    return Explanation("tiers", headline, tuple(lines), tuple(_remarks(row, tiers)))


def _remarks(row: dict[str, object], tiers: TierProgram) -> list[str]:
    remarks = []
    if row[EXCLUDED]:
        remarks.append(
            "Excluded by the program: no tier, no designation" + (", pin or not." if row[WHY + "pin"] else ".")
        )
    elif row[WHY + "pinned"]:
        by_rule = (NO_TIER, *tiers.names)[int(str(row[WHY + "by_rule"]))]
        remarks.append(f"Set by a person in the tier override; the rules alone say {by_rule}.")
    elif int(str(row[WHY + "by_rule"])) > int(str(row[WHY + "reached"])):
        remarks.append(
            f"Held: a value it had is missing, and a missing value demotes nobody ({row[OUT + 'data_gaps']})."
        )
    changed = row.get("held.tier_changed_at")
    if changed and row.get("held.tier") == row[OUT + "tier"]:
        remarks.append(f"In this tier since {str(changed)[:10]}.")
    return remarks


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
