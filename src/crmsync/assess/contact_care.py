"""The state of each name (domain.md B2): whether it is stale, and what is missing to reach the person.

Staleness never rests on the date of modification, which our own writes move. No date is unknown, so not stale.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, text
from crmsync.assess.names_section import names_program
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.program.loader import Program

STALE, SOCIAL, PERSON = WHY + "stale", WHY + "social", WHY + "person"
PROFILES = ("linkedin_url", "twitter")
GAPS = {"stale": "Stale", "no_social_profile": "Without Social Profile", "no_title": "Without Title"}

_WANTED = frozenset({"last_contacted_at", "bounced", "left_company", "linkedin_url", "twitter", "title", "email"})
_OLD = WHY + "contact_care.old"


def outputs(_program: Program) -> tuple[Output, ...]:
    return (
        Output(
            "name_gaps",
            object="contact",
            kind=OutputKind.MULTI,
            label="ABM name gaps",
            description="What stands in the way of reaching this person.",
            options=tuple(Option(value, label) for value, label in GAPS.items()),
            system="contact_care",
            list_name="ABM: Contact {label}",
        ),
    )


def reads(_program: Program) -> Reads:
    return {"contact": frozenset({"account"})}


def wants(_program: Program) -> Reads:
    return {"contact": _WANTED}


def assess(world: World) -> World:
    """Add `why.stale` and `why.social` (never null), `why.person`, and `out.name_gaps` for contacts with an account.

    `why.person` is equal for two records of one account with the same e-mail address, which are one name, and null
    where there is no address; it is a number, so that no address is carried on.
    """
    limit = world.as_of - timedelta(days=names_program(world.program).stale_days)
    old = pl.col("last_contacted_at") < pl.lit(limit).cast(pl.Datetime("us", "UTC"))
    gone = pl.col("bounced").fill_null(value=False) | pl.col("left_company").fill_null(value=False)
    profiles = [(text(name).str.strip_chars() != "").fill_null(value=False) for name in PROFILES]
    address = text("email").str.strip_chars().str.to_lowercase()
    person = pl.concat_str(text("account"), pl.lit("\x00"), pl.when(address != "").then(address))
    frame = world.contacts.with_columns(
        old.fill_null(value=False).alias(_OLD),
        (old.fill_null(value=False) | gone).alias(STALE),
        (profiles[0] | profiles[1]).alias(SOCIAL),
        pl.when(person.is_not_null()).then(person.hash()).alias(PERSON),
    )
    missing = {"stale": pl.col(STALE)}
    # What no property of the portal could hold is nobody's gap.
    if any(world.has("contact", name) for name in PROFILES):
        missing["no_social_profile"] = ~pl.col(SOCIAL)
    if world.has("contact", "title"):
        missing["no_title"] = pl.col("title").is_null()
    named = [pl.when(gap).then(pl.lit(name)) for name, gap in missing.items()]
    joined = pl.concat_str(named, separator=";", ignore_nulls=True)
    gaps = pl.when(pl.col("account").is_not_null() & (joined != "")).then(joined)
    return world.with_frame("contact", frame.with_columns(gaps.alias(OUT + "name_gaps")))


def explain(world: World, record: pl.DataFrame) -> Explanation | None:
    """What is known of one name, and what is missing; nothing where the contact belongs to no account."""
    row = record.row(0, named=True)
    if row["account"] is None:
        return None
    days = names_program(world.program).stale_days
    gaps = (row[OUT + "name_gaps"] or "").split(";")
    headline = ", ".join(GAPS[gap].lower() for gap in gaps if gap) or "a name to work with"
    last = row["last_contacted_at"]
    lines = [
        ExplainLine("unknown", "contacted", "", "nobody knows when, so this alone makes nobody stale")
        if last is None
        else ExplainLine(
            "no" if row[_OLD] else "yes", "contacted", "", f"{last:%Y-%m-%d}, {_within(row[_OLD])} the last {days} days"
        )
    ]
    if row["bounced"]:
        lines.append(ExplainLine("no", "reachable", "", "the e-mail bounced"))
    if row["left_company"]:
        lines.append(ExplainLine("no", "still there", "", "marked as having left the company"))
    if row[SOCIAL] or "no_social_profile" in gaps:
        kinds = [label for name, label in zip(PROFILES, ("LinkedIn", "X"), strict=True) if row[name]]
        known = " and ".join(kinds)
        lines.append(ExplainLine("yes" if known else "no", "profile", "", known or "neither LinkedIn nor X is known"))
    return Explanation("contact_care", headline[:1].upper() + headline[1:], tuple(lines))


def _within(old: bool) -> str:
    return "not within" if old else "within"


CONTACT_CARE = System(
    key="contact_care",
    title="Name",
    source="domain.md B2",
    object="contact",
    assess=assess,
    reads=reads,
    wants=wants,
    outputs=outputs,
    gives={"contact": {STALE: pl.Boolean(), SOCIAL: pl.Boolean(), PERSON: pl.UInt64()}},
    explain=explain,
    active=lambda program: program.sections.get("names") is not None,
)
