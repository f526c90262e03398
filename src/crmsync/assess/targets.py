"""Target accounts (domain.md C1): who gets a seat, who keeps it, and by which stated criterion one is lost.

A newcomer takes a free seat and displaces nobody; a person's `always` takes a seat beyond capacity and is counted,
`never` takes none. The failure it prevents: designations that churn because the ranking moved a little.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, beside, held, out, text
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.target_criteria import criterion_lines, since_column, speaks_column, verdicts, warnings
from crmsync.assess.target_section import TARGETS_SECTION, TargetProgram, target_program
from crmsync.assess.tier_property import tier_names
from crmsync.assess.tier_section import NO_TIER
from crmsync.model.moments import parse_datetime
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import id_order, stamp
from crmsync.program.conditions import fields_of
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
        own(
            "target_warnings",
            kind=OutputKind.TEXT,
            label="ABM target warnings",
            description="What speaks against the seat, each with the moment since when.",
        ),
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
    said = verdicts(targets, ranks, world)
    frame = frame.with_columns(
        column
        for place, verdict in enumerate(said)
        for column in (
            verdict.speaks.alias(speaks_column(place)),
            verdict.since.alias(since_column(place)),
        )
    )
    speaking = [pl.col(speaks_column(place)).fill_null(value=False) for place in range(len(said))]
    return frame.with_columns(
        _first(speaking).alias(WHY + "risk"),
        _first([verdict.over for verdict in said]).alias(WHY + "leaves"),
        pl.coalesce([pl.when(now).then(pl.col(since_column(place))) for place, now in enumerate(speaking)]).alias(
            WHY + "risk_since"
        ),
    )


def _first(truths: list[pl.Expr]) -> pl.Expr:
    """The place of the first that is true; null for none."""
    places = [pl.when(truth).then(pl.lit(place, dtype=pl.Int32)) for place, truth in enumerate(truths)]
    return pl.coalesce([*places, pl.lit(None, dtype=pl.Int32)])


def _seats(frame: pl.DataFrame, world: World, targets: TargetProgram) -> pl.DataFrame:
    """Add `why.seat`: always, kept, new, or null; and `why.rank`, the place among the newcomers.

    Greedy in rank order, skipping those whose owner is full: with owner caps that do not depend on the total, that is
    the first `free` of those whose rank within their owner is within the owner's free seats.
    """
    # Whom a person says never of takes no seat; one that is held ends by that criterion, at once or after its grace.
    barred = pl.col(EXCLUDED) | (pl.col(WHY + "never") & ~pl.col(WHY + "incumbent"))
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
    frame = beside(frame, order.select("id", WHY + "rank", "_fits", "_seated"))
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
        pl.when(decided == "at_risk").then(warnings(targets)).alias(OUT + "target_warnings"),
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
    # An account that was removed earlier keeps the reason of that day, whatever speaks against it since.
    removal = (
        pl.when(~pl.col(WHY + "incumbent"))
        .then(held("target_reason"))
        .when(EXCLUDED)
        .then(pl.lit("excluded by the program"))
        .otherwise(leaves)
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
    stated = [criterion.text for criterion in targets.leaves_when if not criterion.said_never]
    since = str(row[OUT + "target_since"] or "")[:10]
    headline = f"{status.replace('_', ' ').capitalize()}" if status else "Not a target account"
    if status in SEATED and since:
        headline += f", a target since {since}" if status == "at_risk" else f" since {since}"
    lines = [ExplainLine("", "because", "", row[OUT + "target_reason"])] if row[OUT + "target_reason"] else []
    if row[WHY + "seat"] == "kept":
        lines += criterion_lines(targets, record, world)
    seats = world.accounts.filter(out("target_status").is_in(SEATED)).height
    limit = f" of {targets.total}" if targets.total is not None else ""
    remarks = [f"{seats}{limit} seats are taken." if status else _why_not(row, targets, world)]
    if row[WHY + "seat"] in ("always", "new") and stated:
        remarks.append("Leaves when " + ", or ".join(stated) + ".")
    if row[WHY + "cooling"] and row[WHY + "removed_at"]:
        back = (row[WHY + "removed_at"] + timedelta(days=targets.cool_down_days)).date()
        remarks.append(f"May return on {back}.")
    return Explanation("targets", headline, tuple(lines), tuple(remarks))


def _why_not(row: dict[str, object], targets: TargetProgram, world: World) -> str:
    """Why an account is not even a candidate."""
    if row[EXCLUDED]:
        return "Excluded by the program: no designation."
    if row[WHY + "never"]:
        return "A person said never in the target override."
    if row[OUT + "tier"] not in targets.tiers:
        tier = "It has no tier" if row[OUT + "tier"] in (None, NO_TIER) else f"Its tier is {row[OUT + 'tier']}"
        return f"{tier}; targets come from {', '.join(targets.tiers)}."
    return "Not every account was read, so no free seat is given." if not world.whole else "No seat was given."


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
