"""Relationship category of an account (domain.md A5): how well they know us, from what they bought and who is engaged.

First match from the top: greenfield without a purchase that counts, strategic, core, else beachhead. Every criterion is
true, false or unknown, and the held rule keeps a category that only a missing value speaks against. The failure it
prevents: a customer treated as a stranger because a close date or a title went missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from operator import and_, or_

import polars as pl

from crmsync.assess import buying
from crmsync.assess.base import OUT, Reads, System, World, beside, held
from crmsync.assess.buying import at_least
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.objectives import Period, baselines, objective_text, period_of
from crmsync.assess.pins import bad_pins, pin, pin_output
from crmsync.assess.ranks import name_of, rank_of, settle
from crmsync.assess.relationship_evidence import (
    PREFIX,
    SPONSOR_LEVEL,
    Criterion,
    absent,
    areas_of,
    criteria,
    reason_of,
)
from crmsync.assess.relationship_notes import notes, without_objective
from crmsync.assess.relationship_section import (
    CATEGORIES,
    RELATIONSHIP_SECTION,
    RelationshipProgram,
    relationship_program,
)
from crmsync.assess.relationship_words import explain
from crmsync.assess.sponsors import SENIORITY, STALE, can_tell, engaged_edge, freshness, sponsors
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.program.loader import Program

_DEAL = frozenset({"accounts", "amount", "is_won", "closed_at"})
_RANKED = ("purchases_low", "purchases_high", "total_low", "total_high")


def outputs(program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="company", system="relationship")
    options = tuple(Option(name, name.capitalize()) for name in reversed(CATEGORIES))
    owned = (
        own(
            "relationship",
            kind=OutputKind.ENUM,
            label="ABM relationship",
            description="How well they know us: by what they bought in the last years, and who of them is engaged.",
            options=options,
            reason="relationship_reason",
            ranked=CATEGORIES,
            list_name="ABM: Relationship {label}",
        ),
        own("relationship_reason", kind=OutputKind.TEXT, label="ABM relationship reason", follows=True),
        own(
            "relationship_objectives",
            kind=OutputKind.TEXT,
            label="ABM relationship objectives",
            description="What to reach with this account in the current period, and how far that is.",
        ),
    )
    if not relationship_program(program).override:
        return owned
    return (*owned, pin_output("relationship", "ABM relationship", options, system="relationship"))


def reads(program: Program) -> Reads:
    evidence = relationship_program(program).evidence
    company, deal, contact = {EXCLUDED, "managed"}, set(_DEAL), set[str]()
    if evidence.standardised == "required":
        company.add("standardised")
    if evidence.share_of_wallet == "required":
        company.add("share_of_wallet")
    if evidence.breadth == "required":
        deal.update(relationship_program(program).areas)
    if evidence.sponsor == "required":
        contact.update(("account", "last_contacted_at", SENIORITY))
    return {"company": frozenset(company), "deal": frozenset(deal), "contact": frozenset(contact)}


def wants(program: Program) -> Reads:
    contact = {"account", "last_contacted_at", "left_company", SENIORITY}
    if program.sections.get("names") is not None:
        contact.add(STALE)
    return {
        "company": frozenset({"standardised", "share_of_wallet", "referenceable"}),
        "deal": frozenset({"is_closed", *relationship_program(program).areas}),
        "contact": frozenset(contact),
    }


def assess(world: World) -> World:
    """Add `out.relationship`, its reason, and `out.relationship_objectives`."""
    rules = relationship_program(world.program)
    areas, when = areas_of(world, rules), buying.windows(world.as_of, rules.months)
    won = buying.wins(world.deals, areas)
    rows = buying.by_account(won, when.as_of)
    period = period_of(world.as_of, rules.objectives.period)
    people = _people(world, rules, period)
    frame = buying.with_figures(world.accounts, buying.figures(rows, when, areas), PREFIX)
    frame = beside(frame, people, key="account")
    asked = criteria(world, rules)
    frame = _judged(frame, asked, world, rules, areas)
    frame = _decided(frame, asked, world, rules)
    frame = frame.with_columns(
        _objectives(frame, baselines(rows, period, rules.months, areas), world, period).alias(
            OUT + "relationship_objectives"
        )
    )
    engaged = [name for name in people.columns if name != "account"]
    return world.with_frame(
        "company",
        frame.drop(engaged),
        *notes(won, when),
        *without_objective(frame, period),
        *(bad_pins(frame, "relationship", CATEGORIES) if rules.override else ()),
    )


def _people(world: World, rules: RelationshipProgram, period: Period) -> pl.DataFrame:
    """Contacts by account, as `sponsors` counts them and `freshness` finds them; columns as the rules need them."""
    levels = dict.fromkeys((SPONSOR_LEVEL, rules.seniority))
    counted = dict.fromkeys(rules.objectives.levels, period.engaged_since(rules.engaged_days))
    known = can_tell(world)
    contacts = world.contacts if known else world.contacts.clear()
    since = engaged_edge(world.as_of, rules.engaged_days)
    found = sponsors(contacts, tuple(levels), since, counted)
    if world.program.sections.get("names") is None:
        return found.with_columns(pl.lit(None, dtype=pl.Boolean).alias("refreshed"))
    return found.join(freshness(world.contacts), on="account", how="full", coalesce=True)


def _judged(
    frame: pl.DataFrame, asked: Sequence[Criterion], world: World, rules: RelationshipProgram, areas: Sequence[str]
) -> pl.DataFrame:
    """Add `why.relationship.<criterion>` and `why.relationship.buys`: Boolean, null where unknown."""
    frame = frame.with_columns(_in_top(frame, world, rules).alias(PREFIX + "in_top"))
    total = pl.col(PREFIX + "in_top")
    if rules.amount is not None:
        total = total | at_least(PREFIX + "total", rules.amount)
    spread = [at_least(PREFIX + area, rules.breadth) for area in areas]
    judged = {
        "purchases": at_least(PREFIX + "purchases", rules.purchases),
        "years": at_least(PREFIX + "years", rules.years),
        "total": total,
        "standardised": pl.col("standardised"),
        "sponsor": _somebody(SPONSOR_LEVEL),
        "share_of_wallet": pl.col("share_of_wallet") >= (rules.share_of_wallet or 0),
        "core_years": at_least(PREFIX + "years", rules.core_years),
        "breadth": reduce(or_, spread) if spread else pl.lit(None, dtype=pl.Boolean),
        "level": _somebody(rules.seniority),
    }
    return frame.with_columns(
        at_least(PREFIX + "purchases", 1).alias(PREFIX + "buys"),
        _kleene(PREFIX + "before").alias(PREFIX + "before"),
        *(judged[criterion.key].alias(PREFIX + criterion.key) for criterion in asked),
    ).drop(PREFIX + "before_low", PREFIX + "before_high")


def _in_top(frame: pl.DataFrame, world: World, rules: RelationshipProgram) -> pl.Series:
    """Whether an account's total is in the top per cent of buyers; without a purchase it is no buyer."""
    perhaps = frame.select(
        pl.int_range(pl.len()).alias("row"), *(pl.col(PREFIX + name).alias(name) for name in _RANKED)
    ).filter(pl.col("purchases_high") > 0)
    buyers = (int((perhaps["purchases_low"] > 0).sum()), perhaps.height)
    verdict = buying.in_top(perhaps["total_low"], perhaps["total_high"], buyers, rules.top_percent)
    if not (world.whole and world.all_deals) and rules.top_percent:
        # Whoever was not read, or in deals that were not, may have bought more.
        nothing = (pl.col("total_high") <= 0) & pl.lit(value=world.all_deals)
        verdict = perhaps.select(pl.when(nothing).then(pl.lit(value=False)).alias("top"))["top"]
    in_top = pl.zeros(frame.height, dtype=pl.Int8, eager=True).cast(pl.Boolean)
    return in_top.scatter(perhaps["row"], verdict)


def _kleene(name: str) -> pl.Expr:
    """True where `<name>_low` is, false where `<name>_high` is not, else null."""
    return (
        pl.when(pl.col(f"{name}_low")).then(pl.lit(value=True)).when(~pl.col(f"{name}_high")).then(pl.lit(value=False))
    )


def _somebody(level: str) -> pl.Expr:
    """Whether somebody of the level is engaged; an account without such a contact has nobody."""
    sure, maybe = (pl.col(f"{how}.{level}").fill_null(value=False) for how in ("sure", "maybe"))
    return pl.when(sure).then(pl.lit(value=True)).when(~maybe).then(pl.lit(value=False))


def _decided(frame: pl.DataFrame, asked: Sequence[Criterion], world: World, rules: RelationshipProgram) -> pl.DataFrame:
    """Add the category and its reason; `why.relationship.by_rule` is what the rules alone say, as a rank."""
    pinned = pin("relationship", rules.override, CATEGORIES)
    frame = frame.with_columns(
        _rank(asked, unknown=False).alias(PREFIX + "reached"),
        _rank(asked, unknown=True).alias(PREFIX + "potential"),
        pinned.alias(PREFIX + "pin"),
    )
    by_rule = settle(
        pl.col(PREFIX + "reached"), pl.col(PREFIX + "potential"), rank_of(held("relationship"), CATEGORIES)
    )
    frame = frame.with_columns(by_rule.alias(PREFIX + "by_rule"))
    said = pl.coalesce(PREFIX + "pin", name_of(pl.col(PREFIX + "by_rule"), CATEGORIES))
    because = pl.when(pl.col(PREFIX + "pin").is_not_null()).then(pl.lit("set by a person"))
    reason = OUT + "relationship_reason"
    frame = frame.with_columns(_reasons(frame, asked, world, rules).alias(reason))
    return frame.with_columns(said.alias(OUT + "relationship"), because.otherwise(pl.col(reason)).alias(reason))


def _rank(asked: Sequence[Criterion], *, unknown: bool) -> pl.Expr:
    """The first category that matches from the top, every unknown taken as `unknown`."""

    def met(category: str) -> pl.Expr:
        parts = [pl.col(PREFIX + one.key).fill_null(value=unknown) for one in asked if one.category == category]
        return reduce(and_, parts)

    return (
        pl.when(~pl.col(PREFIX + "buys").fill_null(value=unknown))
        .then(0)
        .when(met("strategic"))
        .then(3)
        .when(met("core"))
        .then(2)
        .otherwise(1)
        .cast(pl.Int32)
    )


def _reasons(frame: pl.DataFrame, asked: Sequence[Criterion], world: World, rules: RelationshipProgram) -> pl.Series:
    """The reason of each account, worked out once for each pattern of answers."""
    keys = ["buys", "before", *(one.key for one in asked)]
    # Two bits an answer, two for each rank: a pattern is one number.
    digits = [pl.col(PREFIX + key).cast(pl.Int64).fill_null(2) for key in keys]
    digits += [pl.col(PREFIX + name).cast(pl.Int64) for name in ("by_rule", "reached")]
    code = reduce(lambda total, digit: total * 4 + digit, digits)
    codes = frame.select(code.alias("code"))["code"]
    silent = absent(world, rules)
    unsaid = f"; this portal cannot say: {', '.join(silent)}" if silent else ""
    texts: dict[int, str] = {}
    for number in codes.unique().sort().to_list():
        reached, by_rule = number % 4, number // 4 % 4
        rest, truths = number // 16, dict[str, bool | None]()
        for key in reversed(keys):
            truths[key] = {0: False, 1: True}.get(rest % 4)
            rest //= 4
        text = reason_of(truths, (by_rule, reached), asked, rules)
        texts[number] = text + unsaid if by_rule else text
    return codes.replace_strict(texts, return_dtype=pl.String)


def _objectives(frame: pl.DataFrame, base: pl.DataFrame, world: World, period: Period) -> pl.Series:
    """The objectives of each account as text, worked out once for each set of figures; none where excluded."""
    rules = relationship_program(world.program)
    areas = areas_of(world, rules)
    engaged = [f"engaged.{level}" for level in rules.objectives.levels]
    table = frame.select(
        pl.int_range(pl.len()).alias("row"),
        "id",
        pl.when(~pl.col(EXCLUDED)).then(OUT + "relationship").alias("category"),
        (pl.col(PREFIX + "purchases_low") > 0).alias("buys"),
        pl.col(PREFIX + "before").alias("lapsed"),
        "refreshed",
        "referenceable",
        *(pl.col(name).fill_null(0) if can_tell(world) else pl.col(name) for name in engaged),
    )
    parts = [table.filter(pl.col("category").is_null()).select("row", pl.lit(None, dtype=pl.String).alias("text"))]
    for category, goals in rules.objectives.goals:
        expr = objective_text(goals, period, areas, world.program.currency).alias("text")
        keys = sorted(set(expr.meta.root_names()))
        some = table.filter(pl.col("category") == category)
        some = some.join(
            base.select("account", *sorted(set(base.columns) & set(keys))), left_on="id", right_on="account", how="left"
        )
        some = some.select("row", *keys)
        if keys:
            texts = some.select(keys).unique().with_columns(expr)
            some = some.join(texts, on=keys, how="left", nulls_equal=True)
        else:
            some = some.with_columns(expr)
        parts.append(some.select("row", "text"))
    return pl.concat(parts).sort("row")["text"]


RELATIONSHIP = System(
    key="relationship",
    title="Relationship",
    source="domain.md A5",
    object="company",
    sections=(RELATIONSHIP_SECTION,),
    reads=reads,
    wants=wants,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("relationship") is not None,
)
