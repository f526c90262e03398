"""The tier property and what goes with it, whichever system writes it: exactly one does (domain.md A3, last line).

A checklist that says `writes_tier` does; otherwise the layers or weights of `tiers`. What both share stands here, so
that a tier means the same from either: the held rule, a person's pin, the program's exclusion, gaps and dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial, reduce
from typing import Literal

import polars as pl

from crmsync.assess.base import OUT, WHY, World, held, out
from crmsync.assess.checklist_section import CHECKLIST_TIERS, Checklist
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.pins import bad_pins, pin, pin_output, pin_remark
from crmsync.assess.ranks import name_of, rank_of, settle
from crmsync.assess.tier_section import NO_TIER, TierProgram
from crmsync.model.fields import ACCOUNT
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import stamp
from crmsync.program.loader import Program, Resolver

PINNED = WHY + "pinned"
Writer = Literal["checklist", "tiers"]


def tier_writer(program: Program) -> Writer | None:
    """The system that writes the tier property; None where the program decides no tier."""
    return _writer(program.sections.get("checklist"), program.sections.get("tiers"))


def tier_names(program: Program) -> tuple[str, ...]:
    """The values of the tier property from worst to best, `none` left out; empty where nothing writes it."""
    return _names(program.sections.get("checklist"), program.sections.get("tiers"))


def stated_tier_names(resolver: Resolver) -> tuple[str, ...]:
    """As `tier_names`, for a section of a program that is being read; empty also where the writer has a fault."""
    return _names(resolver.section("checklist"), resolver.section("tiers"))


def _writer(checklist: object, tiers: object) -> Writer | None:
    if isinstance(checklist, Checklist) and checklist.writes_tier:
        return "checklist"
    return "tiers" if isinstance(tiers, TierProgram) else None


def _names(checklist: object, tiers: object) -> tuple[str, ...]:
    match _writer(checklist, tiers):
        case "checklist":
            return CHECKLIST_TIERS
        case "tiers" if isinstance(tiers, TierProgram):
            return tiers.names
    return ()


def tier_label(value: str) -> str:
    """`tier_1` -> `Tier 1`, `global` -> `Global`."""
    return value.replace("_", " ").capitalize()


def tier_options(names: Sequence[str]) -> tuple[Option, ...]:
    """The options of a tier, best first, `none` last; `names` go from worst to best."""
    return tuple(Option(name, tier_label(name)) for name in (*reversed(names), NO_TIER))


def tier_outputs(system: Writer, names: Sequence[str], gap_fields: Iterable[str]) -> tuple[Output, ...]:
    """The tier and what goes with it (contract.md, What lands in the CRM)."""
    options = tier_options(names)
    fillable = set(gap_fields)
    gaps = [name for name, field in ACCOUNT.items() if name in fillable and not field.derived]
    own = partial(Output, object="company", system=system, reason="tier_reason")
    return (
        own(
            "tier",
            kind=OutputKind.ENUM,
            label="ABM tier",
            description="Decided by the account programme; pin it with the override property.",
            options=options,
            ranked=(NO_TIER, *names),
            list_name="ABM: {label}",
            list_skips=(NO_TIER,),
        ),
        own("potential_tier", kind=OutputKind.ENUM, label="ABM potential tier", options=options),
        own(
            "data_gaps",
            kind=OutputKind.MULTI,
            label="ABM data gaps",
            description="Fields nobody has filled that hold back the tier.",
            options=tuple(Option(name, ACCOUNT[name].label) for name in gaps),
            list_name="ABM: Gap {value}",
        ),
        own("tier_reason", kind=OutputKind.TEXT, label="ABM tier reason", follows=True),
        own("tier_changed_at", kind=OutputKind.DATETIME, label="ABM tier changed at", follows=True),
        pin_output("tier", "ABM tier", options, system=system),
    )


def settle_tier(
    frame: pl.DataFrame, system: Writer, output: str, names: Sequence[str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Add `out.<output>`, and notes for people; for the tier property also `why.pinned` and `out.potential_tier`.

    Needs `why.<system>.reached` and `.potential` (ranks in `(none, *names)`) and `why.excluded`; adds
    `why.<system>.by_rule`, what the rules alone say. Other outputs than the tier property carry no pin.
    """
    why, values = f"{WHY}{system}.", (NO_TIER, *names)
    by_rule = settle(pl.col(why + "reached"), pl.col(why + "potential"), rank_of(held(output), values))
    frame = frame.with_columns(by_rule.alias(why + "by_rule"))
    word = pin(output, output == "tier", values)

    def final(rank: str) -> pl.Expr:
        ruled = pl.coalesce(word, name_of(pl.col(why + rank), values))
        # docs/decisions/0004: what the program excludes gets no tier, pinned or not.
        return pl.when(EXCLUDED).then(pl.lit(NO_TIER)).otherwise(ruled)

    decided = final("by_rule").alias(OUT + output)
    if output != "tier":
        return frame.with_columns(decided), ()
    pinned = (word.is_not_null() & ~pl.col(EXCLUDED)).alias(PINNED)
    frame = frame.with_columns(decided, final("potential").alias(OUT + "potential_tier"), pinned)
    return frame, bad_pins(frame, "tier", values)


def is_held(system: Writer) -> pl.Expr:
    """The rank stands above what is reached, because what is missing demotes nobody."""
    return pl.col(f"{WHY}{system}.by_rule") > pl.col(f"{WHY}{system}.reached")


def gap_list(holes: Mapping[str, Sequence[pl.Expr]], *, settled: pl.Expr) -> pl.Expr:
    """`;`-separated fields of which any expression is true, in the order of the canonical fields; null for none.

    A derived field is no gap: nobody can fill it. Where the tier is `settled` by a person or by the exclusion, filling
    a field would change nothing.
    """
    named = [name for name, field in ACCOUNT.items() if name in holes and not field.derived]
    parts = [pl.when(reduce(lambda a, b: a | b, holes[name])).then(pl.lit(name)) for name in named]
    if not parts:
        return pl.lit(None, dtype=pl.String)
    joined = pl.concat_str(parts, separator=";", ignore_nulls=True)
    return pl.when(~settled & (joined != "")).then(joined)


def tier_settled() -> pl.Expr:
    """Whether a person or the exclusion has the last word on the tier property, whatever the fields say."""
    return pl.col(EXCLUDED) | pl.col(PINNED)


def held_text(gaps: pl.Expr) -> pl.Expr:
    """Why a tier is held: the fields that nobody knows."""
    fields = gaps.str.replace_all(";", ", ")
    return (
        pl.when(fields.is_not_null())
        .then(pl.concat_str(pl.lit("held while unknown: "), fields))
        .otherwise(pl.lit("held while not everything is known"))
    )


def reason(system: Writer, by_rule: pl.Expr, gaps: pl.Expr, *, pins: bool) -> pl.Expr:
    """The reason for a tier: exclusion, a person's pin (where there are `pins`), what is held, else `by_rule`."""
    excluded, pinned = pl.lit("excluded by the program"), pl.lit("set by a person")
    ruled = pl.when(is_held(system)).then(held_text(gaps)).otherwise(by_rule)
    return (
        pl.when(EXCLUDED)
        .then(excluded)
        .when(pl.col(PINNED) if pins else pl.lit(value=False))
        .then(pinned)
        .otherwise(ruled)
    )


def changed_at(world: World) -> pl.Expr:
    """When the tier last changed, as the CRM's text: now, where it changes now."""
    moved = out("tier").ne_missing(held("tier"))
    return pl.when(moved).then(pl.lit(stamp(world.as_of))).otherwise(held("tier_changed_at"))


def tier_remarks(row: Mapping[str, object], system: Writer, output: str, names: Sequence[str], gaps: str) -> list[str]:
    """Closing remarks on one account: excluded, pinned, held, since when. `gaps` are the fields it is held for."""
    remarks = []
    by_rule, reached = (int(str(row[f"{WHY}{system}.{which}"])) for which in ("by_rule", "reached"))
    pinned = output == "tier" and row[PINNED]
    if row[EXCLUDED]:
        word = output == "tier" and row.get("held.tier_override")
        remarks.append("Excluded by the program: no tier, no designation" + (", pin or not." if word else "."))
    elif pinned:
        remarks.append(pin_remark("tier", (NO_TIER, *names)[by_rule]))
    elif by_rule > reached:
        lost = f"a value it had is missing, and a missing value demotes nobody ({gaps})"
        remarks.append(f"Held: {lost if gaps else 'not everything is known, and that demotes nobody'}.")
    changed = row.get("held.tier_changed_at") if output == "tier" else None
    if changed and row.get("held.tier") == row[OUT + "tier"]:
        where = "Without a tier" if row[OUT + "tier"] == NO_TIER else "In this tier"
        remarks.append(f"{where} since {str(changed)[:10]}.")
    return remarks
