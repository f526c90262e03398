"""Stakeholder and buying roles of contacts (domain.md B1), with the influence and interest that go with them.

The order of evidence: a person's override, a deal's contact role, the buying role that a person entered in the CRM, the
title. The failure it prevents: a guess. What cannot be classified is reported as such, a lost title costs nobody the
role they hold, and a role that a person entered is never overwritten.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from crmsync.assess.base import OUT, Reads, System, World, beside, held, text
from crmsync.assess.role_evidence import (
    BUYING_BITS,
    BUYING_OURS,
    BUYING_SCHEMA,
    BUYING_WORDS,
    DEAL_BITS,
    DEAL_FIELDS,
    DEAL_SCHEMA,
    DEAL_WORDS,
    ROLE,
    buying_note,
    buying_roles,
    deal_entries,
    deal_roles,
    on_open_deals,
    text_of,
    uses,
    word_notes,
)
from crmsync.assess.role_explain import explain
from crmsync.assess.role_section import (
    DEPARTMENTS,
    ROLE_VALUES,
    ROLES_SECTION,
    SENIORITIES,
    UNCLASSIFIED,
    RoleProgram,
    role_label,
    role_of,
    role_program,
)
from crmsync.assess.role_standing import LEVELS, OPEN_DEAL, influence, interest
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.text import id_order
from crmsync.program.loader import Program

_NOTED = 20
_SCHEMA = {"title": pl.String, "seniority": pl.String, "department": pl.String, "evidence": pl.String}
_WANTED = frozenset({"buying_role", "reports_to", "direct_reports", "last_engaged_at", "last_contacted_at"})


def _options(values: tuple[str, ...]) -> tuple[Option, ...]:
    return tuple(Option(value, role_label(value)) for value in values)


def outputs(program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="contact", system="roles", reason="role_reason")
    roles = _options(ROLE_VALUES)
    levels = _options(tuple(reversed(LEVELS)))
    owned = (
        own(
            "stakeholder_role",
            kind=OutputKind.MULTI,
            label="ABM stakeholder role",
            options=roles,
            keep_hand_edits=True,
            list_name="ABM: Role {label}",
            list_skips=(UNCLASSIFIED,),
        ),
        own("role_reason", kind=OutputKind.TEXT, label="ABM role reason", follows=True),
        own("seniority", kind=OutputKind.ENUM, label="ABM seniority", options=_options(SENIORITIES)),
        own("department", kind=OutputKind.ENUM, label="ABM department", options=_options(DEPARTMENTS)),
        own("influence", kind=OutputKind.ENUM, label="ABM influence", options=levels, reason="influence_reason"),
        own("interest", kind=OutputKind.ENUM, label="ABM interest", options=levels, reason="interest_reason"),
    )
    if "stakeholder_role" not in role_program(program).overrides:
        return owned
    pin = own(
        "stakeholder_role_override",
        kind=OutputKind.MULTI,
        label="ABM stakeholder role override",
        description="A person's word: the role stays as chosen here until this is cleared.",
        options=roles,
        person=True,
    )
    return (*owned, pin)


def reads(_program: Program) -> Reads:
    return {"contact": frozenset({"title"})}


def wants(_program: Program) -> Reads:
    return {"contact": _WANTED, "deal": DEAL_FIELDS}


def assess(world: World) -> World:
    """Add `out.` stakeholder_role, role_reason, seniority, department, influence and interest.

    `out.influence_reason` and `out.interest_reason` are for the plan and the ledger; no property keeps them.
    """
    rules = role_program(world.program)
    frame = _levels(_titles(world, rules))
    frame, notes = _said(frame, world, rules)
    frame = frame.with_columns(_pin(world).alias(ROLE + "pin"))
    frame = frame.with_columns(_is_role(pl.col(ROLE + "pin")).alias(ROLE + "pinned"))
    frame = interest(influence(_decide(frame, rules), rules), world, rules)
    return world.with_frame("contact", frame, *_bad_pins(frame), *notes)


def _titles(world: World, rules: RoleProgram) -> pl.DataFrame:
    """The contacts with what their titles say (`level department words role reason`); distinct titles only."""
    frame = world.contacts.with_columns(text("title").alias("_title"))
    titles = frame["_title"].unique().drop_nulls().rename("title")
    unread = world.vocabulary is None or titles.is_empty()
    read = pl.DataFrame(schema=_SCHEMA) if unread or not world.vocabulary else world.vocabulary(titles)
    pairs = read.select("seniority", "department").unique()
    roles = [";".join(role_of(seniority, department, rules)[0]) for seniority, department in pairs.rows()]
    pairs = pairs.with_columns(pl.Series("role", roles, dtype=pl.String))
    read = read.join(pairs, on=["seniority", "department"], how="left", maintain_order="left")
    # Short and stable: the level and the department that the title says, and the words that said so.
    reason = pl.format("{} in {} ({})", pl.col("seniority"), pl.col("department"), pl.col("evidence"))
    read = read.select(
        pl.col("title").alias("_title"),
        pl.col("seniority").alias(ROLE + "level"),
        pl.col("department").alias(ROLE + "department"),
        pl.col("evidence").alias(ROLE + "words"),
        pl.col("role").alias(ROLE + "role"),
        reason.alias(ROLE + "reason"),
    )
    return beside(frame, read, on="_title", key="_title").drop("_title")


def _levels(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `out.seniority` and `out.department`; a missing title costs nobody what the CRM holds."""
    missing = pl.col("title").is_null()

    def decided(name: str, read: str) -> pl.Expr:
        known = pl.col(ROLE + read).fill_null("unknown")
        return pl.when(missing).then(pl.coalesce(held(name), pl.lit("unknown"))).otherwise(known).alias(OUT + name)

    return frame.with_columns(decided("seniority", "level"), decided("department", "department"))


def _said(frame: pl.DataFrame, world: World, rules: RoleProgram) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Add what deals and the CRM's own buying role say (DEAL_SCHEMA, BUYING_SCHEMA, OPEN_DEAL)."""
    entries = deal_entries(world, frame, rules)
    buying, notes = buying_roles(frame, rules)
    for found, schema in ((deal_roles(entries), DEAL_SCHEMA), (buying, BUYING_SCHEMA)):
        if found.is_empty():
            frame = frame.with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in schema.items())
        else:
            frame = beside(frame, found)
    on_open, perhaps = on_open_deals(world, frame["id"])
    open_deal = pl.when(pl.col("id").is_in(on_open.implode())).then(pl.lit(value=True))
    unclear = pl.col("id").is_in(perhaps.implode())
    frame = frame.with_columns(
        pl.col(DEAL_BITS, BUYING_BITS).fill_null(0),
        pl.col(BUYING_OURS).fill_null(value=False),
        open_deal.when(~unclear).then(pl.lit(value=False)).alias(OPEN_DEAL),
    )
    return frame, (*word_notes(entries, rules, "the contact role on deals"), *notes)


def _decide(frame: pl.DataFrame, rules: RoleProgram) -> pl.DataFrame:
    """Add the role, its reason, whose word decided (`source`) and what the rules alone say (`by_rule`)."""
    lost = pl.col("title").is_null() & held("stakeholder_role").is_not_null()
    source = (
        pl.when(pl.col(DEAL_BITS) > 0)
        .then(pl.lit("deal"))
        .when((pl.col(BUYING_BITS) > 0) & ~pl.col(BUYING_OURS))
        .then(pl.lit("buying"))
        .when(lost)
        .then(pl.lit("held"))
        .otherwise(pl.lit("title"))
    )
    # Who uses the product is an End User beside another role, wherever that role comes from.
    said = text_of(pl.when(pl.col(DEAL_BITS) > 0).then(DEAL_BITS).otherwise(BUYING_BITS) | uses(rules))
    frame = frame.with_columns(source.alias(ROLE + "source"))
    source = pl.col(ROLE + "source")
    by_rule = (
        pl.when(source.is_in(["deal", "buying"]))
        .then(said)
        .when(source == "held")
        .then(held("stakeholder_role"))
        .otherwise(pl.col(ROLE + "role").fill_null(UNCLASSIFIED))
    )
    pinned = pl.col(ROLE + "pinned")
    role = pl.when(pinned).then(ROLE + "pin").otherwise(pl.col(ROLE + "by_rule"))
    frame = frame.with_columns(by_rule.alias(ROLE + "by_rule"))
    return frame.with_columns(role.alias(OUT + "stakeholder_role"), _reason(pinned, source).alias(OUT + "role_reason"))


def _reason(pinned: pl.Expr, source: pl.Expr) -> pl.Expr:
    """Whose word decided, and whose the CRM's buying role is where it has one: the next run reads that here."""
    note = buying_note(pl.col(BUYING_WORDS), pl.col(BUYING_OURS))
    reason = (
        pl.when(pinned)
        .then(pl.lit("set by a person"))
        .when(source == "deal")
        .then(pl.concat_str(pl.lit("contact role on deals: "), DEAL_WORDS))
        .when(source == "held")
        .then(pl.lit("kept: the job title is missing now"))
        .when(pl.col("title").is_null())
        .then(pl.lit("no job title"))
        .otherwise(pl.col(ROLE + "reason"))
    )
    alone = (source == "buying") & ~pinned
    return pl.when(alone).then(note).otherwise(pl.concat_str(reason, note, separator="; ", ignore_nulls=True))


def _pin(world: World) -> pl.Expr:
    """A person's word as role values, `;`-separated; null where there is none or the program does not ask for it."""
    if "stakeholder_role" not in role_program(world.program).overrides:
        return pl.lit(None, dtype=pl.String)
    parts = held("stakeholder_role_override").str.to_lowercase().str.split(";")
    parts = parts.list.eval(pl.element().str.strip_chars()).list.eval(pl.element().filter(pl.element() != ""))
    return pl.when(parts.list.len() > 0).then(parts.list.join(";"))


def _is_role(pin: pl.Expr) -> pl.Expr:
    """Boolean, never null: every part of a pin is a role."""
    strangers = pin.str.split(";").list.set_difference(pl.lit(list(ROLE_VALUES), dtype=pl.List(pl.String)))
    return (strangers.list.len() == 0).fill_null(value=False)


def _bad_pins(frame: pl.DataFrame) -> tuple[str, ...]:
    bad = frame.filter(pl.col(ROLE + "pin").is_not_null() & ~pl.col(ROLE + "pinned")).sort(id_order())
    return tuple(f"contact {id_}: the role override names what is not a role" for id_ in bad["id"].head(_NOTED))


ROLES = System(
    key="roles",
    title="Role",
    source="domain.md B1",
    object="contact",
    sections=(ROLES_SECTION,),
    reads=reads,
    wants=wants,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("roles") is not None,
)
