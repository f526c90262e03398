"""Target accounts (domain.md C1): who gets a seat, who keeps it, and by which stated criterion one is lost.

A newcomer takes a free seat and displaces nobody; a person's `always` takes a seat beyond capacity and is counted,
`never` takes none. The failure it prevents: designations that churn because the ranking moved a little.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, held, out, text
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.target_section import TARGETS_SECTION, Criterion, TargetProgram, target_program
from crmsync.assess.tier_property import tier_names
from crmsync.assess.tier_section import NO_TIER
from crmsync.model.moments import parse_datetime
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import id_order, stamp
from crmsync.program.conditions import fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program

SEATED = ("approved", "active", "at_risk")
_STATUSES = ("candidate", "proposed", "approved", "active", "at_risk", "removed")
_NO_OWNER = ""


def outputs(_program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="company", system="targets", reason="target_reason")
    statuses = tuple(Option(status, status.replace("_", " ").capitalize()) for status in _STATUSES)
    return (
        own(
            "target_status",
            kind=OutputKind.ENUM,
            label="ABM target status",
            options=statuses,
            list_name="ABM: Target {value}",
        ),
        own("target_reason", kind=OutputKind.TEXT, label="ABM target reason", follows=True),
        own("target_since", kind=OutputKind.DATETIME, label="ABM target since", follows=True),
        own("target_at_risk_since", kind=OutputKind.DATETIME, label="ABM target at risk since", follows=True),
        own("target_removed_at", kind=OutputKind.DATETIME, label="ABM target removed at", follows=True),
        own(
            "target_override",
            kind=OutputKind.ENUM,
            label="ABM target override",
            description="A person's word: always a target account, or never one.",
            options=(Option("always", "Always"), Option("never", "Never")),
            person=True,
        ),
    )


def reads(program: Program) -> Reads:
    targets = target_program(program)
    fields = frozenset({"owner", EXCLUDED, OUT + "tier", OUT + "potential_tier"})
    for criterion in targets.leaves_when:
        if criterion.no_engagement_days is not None:
            fields |= {"last_engaged_at"}
        if criterion.disqualified is not None:
            fields |= fields_of(criterion.disqualified)
    return {"company": fields}


def assess(world: World) -> World:
    """Add `out.target_status` and its reason and dates."""
    targets = target_program(world.program)
    frame = _standing(world, targets)
    frame = _seats(frame, world, targets)
    return world.with_frame("company", _decide(frame, world, targets))


def _days_since(expr: pl.Expr, world: World) -> pl.Expr:
    """Whole days from a moment to as-of, null where the moment is unknown."""
    return (pl.lit(world.as_of) - expr).dt.total_days()


def _standing(world: World, targets: TargetProgram) -> pl.DataFrame:
    """What each account brings: rank, a person's word, its seat, and which criterion speaks against it."""
    ranks = {name: i for i, name in enumerate((NO_TIER, *tier_names(world.program)))}
    word = held("target_override").str.strip_chars().str.to_lowercase()
    frame = world.accounts.with_columns(
        out("tier").replace_strict(ranks, default=0, return_dtype=pl.Int32).alias(WHY + "tier_rank"),
        out("potential_tier").replace_strict(ranks, default=0, return_dtype=pl.Int32).alias(WHY + "potential_rank"),
        (word == "always").fill_null(value=False).alias(WHY + "always"),
        (word == "never").fill_null(value=False).alias(WHY + "never"),
        held("target_status").is_in(SEATED).fill_null(value=False).alias(WHY + "incumbent"),
        parse_datetime(held("target_since")).alias(WHY + "since"),
        parse_datetime(held("target_removed_at")).alias(WHY + "removed_at"),
        text("owner").fill_null(_NO_OWNER).alias(WHY + "owner"),
    )
    verdicts = [_criterion(criterion, targets, ranks, world) for criterion in targets.leaves_when]
    places = [pl.lit(position) for position in range(len(verdicts))]
    at_risk = [pl.when(speaks).then(place) for place, (speaks, _, _) in zip(places, verdicts, strict=True)]
    leaves = [pl.when(over).then(place) for place, (_, _, over) in zip(places, verdicts, strict=True)]
    since_when = [pl.when(speaks).then(since) for speaks, since, _ in verdicts]
    nothing = pl.lit(None, dtype=pl.Int32)
    return frame.with_columns(
        pl.coalesce([*at_risk, nothing]).alias(WHY + "risk"),
        pl.coalesce([*leaves, nothing]).alias(WHY + "leaves"),
        pl.coalesce([*since_when, pl.lit(world.as_of)]).alias(WHY + "risk_since"),
    )


def _risk_since(criterion: Criterion, targets: TargetProgram, world: World) -> pl.Expr:
    """Since when a criterion speaks against an account: as it was stamped, else since its tier changed, else now.

    The stamp belongs to the criterion that stands beside it as the reason; another one's grace is not shortened by it.
    """
    others = [other.text for other in targets.leaves_when if other.text != criterion.text]
    mine = ~held("target_reason").is_in(others).fill_null(value=False)
    stamped = pl.when(mine).then(parse_datetime(held("target_at_risk_since")))
    if criterion.below_tier is None:
        return pl.coalesce(stamped, pl.lit(world.as_of))
    unmoved = pl.when(held("tier") == out("tier")).then(parse_datetime(held("tier_changed_at")))
    return pl.coalesce(stamped, unmoved, pl.lit(world.as_of))


def _criterion(
    criterion: Criterion, targets: TargetProgram, ranks: dict[str, int], world: World
) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """(speaks against the account, since when, its grace is over): false where anything it needs is unknown."""
    since = _risk_since(criterion, targets, world)
    if criterion.below_tier is not None:
        speaks = pl.col(WHY + "tier_rank") < ranks[criterion.below_tier]
        return speaks, since, speaks & (_days_since(since, world) > criterion.for_days)
    if criterion.no_engagement_days is not None:
        last = pl.max_horizontal(pl.col(WHY + "since"), pl.col("last_engaged_at"))
        days = pl.when(pl.col("last_engaged_at").is_not_null()).then(_days_since(last, world))
        quiet = (days > criterion.no_engagement_days).fill_null(value=False)
        return quiet, since, quiet & (days > criterion.no_engagement_days + criterion.for_days)
    assert criterion.disqualified is not None
    speaks = compile_expr(criterion.disqualified, as_of=world.as_of).fill_null(value=False)
    over = speaks if criterion.for_days == 0 else speaks & (_days_since(since, world) > criterion.for_days)
    return speaks, since, over


def _seats(frame: pl.DataFrame, world: World, targets: TargetProgram) -> pl.DataFrame:
    """Add `why.seat`: always, kept, new, or null; and `why.rank`, the place among the newcomers.

    Greedy in rank order, skipping those whose owner is full: with owner caps that do not depend on the total, that is
    the first `free` of those whose rank within their owner is within the owner's free seats.
    """
    barred = pl.col(WHY + "never") | pl.col(EXCLUDED)
    stays = pl.col(WHY + "incumbent") & pl.col(WHY + "leaves").is_null()
    back_on = pl.col(WHY + "removed_at") + timedelta(days=targets.cool_down_days)
    cooling = (held("target_status") == "removed").fill_null(value=False) & (back_on > world.as_of).fill_null(
        value=False
    )
    frame = frame.with_columns(
        pl.when(barred)
        .then(pl.lit(None, dtype=pl.String))
        .when(WHY + "always")
        .then(pl.lit("always"))
        .when(stays)
        .then(pl.lit("kept"))
        .alias(WHY + "seat"),
        (cooling & ~barred & ~pl.col(WHY + "always")).alias(WHY + "cooling"),
    )
    eligible = out("tier").is_in(list(targets.tiers)) & pl.col(WHY + "seat").is_null() & ~barred
    eligible = eligible & ~pl.col(WHY + "cooling") & ~pl.col(WHY + "incumbent")
    # Whoever was not read may sit on the seat that looks free.
    eligible = eligible & pl.lit(world.whole)
    owner_seats = frame.filter(pl.col(WHY + "seat").is_not_null()).group_by(WHY + "owner").agg(pl.len().alias("_taken"))
    taken = int(owner_seats["_taken"].sum())
    order = frame.filter(eligible).sort([-pl.col(WHY + "tier_rank"), -pl.col(WHY + "potential_rank"), *id_order()])
    order = order.select("id", WHY + "owner").with_row_index(WHY + "rank", offset=1)
    order = order.join(owner_seats, on=WHY + "owner", how="left", maintain_order="left")
    order = order.with_columns(pl.int_range(pl.len()).over(WHY + "owner").alias("_within"))
    fits = pl.lit(value=True)
    if targets.per_owner is not None:
        fits = pl.col("_within") < targets.per_owner - pl.col("_taken").fill_null(0)
    order = order.with_columns(fits.alias("_fits"))
    within_total = pl.lit(value=True)
    if targets.total is not None:
        within_total = pl.col("_fits").cast(pl.Int64).cum_sum() <= max(targets.total - taken, 0)
    order = order.with_columns((pl.col("_fits") & within_total).alias("_seated"))
    frame = frame.join(order.select("id", WHY + "rank", "_fits", "_seated"), on="id", how="left", maintain_order="left")
    return frame.with_columns(
        pl.when(pl.col("_seated").fill_null(value=False))
        .then(pl.lit("new"))
        .otherwise(pl.col(WHY + "seat"))
        .alias(WHY + "seat"),
        pl.col("_fits").fill_null(value=False).alias(WHY + "owner_has_room"),
        pl.col(WHY + "rank").is_not_null().alias(WHY + "eligible"),
    ).drop("_fits", "_seated")


def _decide(frame: pl.DataFrame, world: World, targets: TargetProgram) -> pl.DataFrame:
    """Add the status, its dates and its reason."""
    seat = pl.col(WHY + "seat")
    approved = (held("target_status") == "approved").fill_null(value=False)
    seated = (
        pl.when((seat == "kept") & pl.col(WHY + "risk").is_not_null())
        .then(pl.lit("at_risk"))
        .when(approved)
        .then(pl.lit("approved"))
        .otherwise(pl.lit("active"))
    )
    was_removed = (held("target_status") == "removed").fill_null(value=False)
    status = (
        pl.when(seat.is_not_null())
        .then(seated)
        .when(WHY + "incumbent")
        .then(pl.lit("removed"))
        .when(WHY + "eligible")
        .then(pl.lit("candidate"))
        .when(was_removed)
        .then(pl.lit("removed"))
        .otherwise(pl.lit(None, dtype=pl.String))
    )
    frame = frame.with_columns(status.alias(OUT + "target_status"))
    now = pl.lit(stamp(world.as_of))
    decided = out("target_status")
    at_risk = pl.when(decided == "at_risk").then(pl.col(WHY + "risk_since").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    removed = pl.when(decided == "removed").then(pl.when(was_removed).then(held("target_removed_at")).otherwise(now))
    since = (
        pl.when(decided.is_in(SEATED))
        .then(pl.when(pl.col(WHY + "incumbent")).then(pl.coalesce(held("target_since"), now)).otherwise(now))
        .when(decided == "removed")
        .then(held("target_since"))
    )
    return frame.with_columns(
        since.alias(OUT + "target_since"),
        at_risk.alias(OUT + "target_at_risk_since"),
        removed.alias(OUT + "target_removed_at"),
        _reason(targets).alias(OUT + "target_reason"),
    )


def _reason(targets: TargetProgram) -> pl.Expr:
    seat, decided = pl.col(WHY + "seat"), out("target_status")
    spoken = {i: criterion.text for i, criterion in enumerate(targets.leaves_when)}
    risk = pl.col(WHY + "risk").replace_strict(spoken, default="", return_dtype=pl.String)
    leaves = pl.col(WHY + "leaves").replace_strict(spoken, default="", return_dtype=pl.String)
    full = (
        pl.when(WHY + "owner_has_room")
        .then(pl.lit("all seats are taken"))
        .otherwise(pl.lit("its owner's seats are taken"))
    )
    removal = (
        pl.when(EXCLUDED)
        .then(pl.lit("excluded by the program"))
        .when(WHY + "never")
        .then(pl.lit("a person said never"))
        .when(pl.col(WHY + "leaves").is_not_null())
        .then(leaves)
        .otherwise(held("target_reason"))
    )
    return (
        pl.when(seat == "always")
        .then(pl.lit("a person said always"))
        .when(decided == "at_risk")
        .then(risk)
        .when(seat == "kept")
        .then(pl.lit("keeps its seat"))
        .when(seat == "new")
        .then(pl.concat_str(pl.lit("selected from "), out("tier")))
        .when(decided == "candidate")
        .then(full)
        .when(decided == "removed")
        .then(removal)
    )


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """Whether the account is a target, since when, in which seat, and what would end it."""
    targets = target_program(world.program)
    row = record.row(0, named=True)
    status = row[OUT + "target_status"]
    since = str(row[OUT + "target_since"] or "")[:10]
    headline = f"{status.replace('_', ' ').capitalize()}" if status else "Not a target account"
    if status in SEATED and since:
        headline += f" since {since}"
    lines = [ExplainLine("", "because", "", row[OUT + "target_reason"])] if row[OUT + "target_reason"] else []
    seats = world.accounts.filter(out("target_status").is_in(SEATED)).height
    limit = f" of {targets.total}" if targets.total is not None else ""
    remarks = [f"{seats}{limit} seats are taken."]
    if status in SEATED and targets.leaves_when:
        remarks.append("Leaves when " + ", or ".join(criterion.text for criterion in targets.leaves_when) + ".")
    if row[WHY + "cooling"] and row[WHY + "removed_at"]:
        back = (row[WHY + "removed_at"] + timedelta(days=targets.cool_down_days)).date()
        remarks.append(f"May return on {back}.")
    return Explanation("targets", headline, tuple(lines), tuple(remarks))


TARGETS = System(
    key="targets",
    title="Target",
    source="domain.md C1",
    object="company",
    sections=(TARGETS_SECTION,),
    reads=reads,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("targets") is not None,
)
