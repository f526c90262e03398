"""Stakeholder and buying roles of contacts (domain.md B1): seniority and department from the title, role by a table.

The failure it prevents: a guess. What cannot be classified is reported as such, a lost title costs nobody the role they
hold, and a role that a person entered is never overwritten.
"""

from __future__ import annotations

from functools import partial

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World, held
from crmsync.assess.role_section import (
    DEPARTMENTS,
    ROLE_VALUES,
    ROLES_SECTION,
    SENIORITIES,
    UNCLASSIFIED,
    role_of,
    role_program,
)
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.program.loader import Program

_NOTED = 20
_SCHEMA = {"title": pl.String, "seniority": pl.String, "department": pl.String, "evidence": pl.String}


def _label(value: str) -> str:
    return {"c_suite": "C-suite", "vp": "VP", "it": "IT", "hr": "HR"}.get(value, value.replace("_", " ").title())


def outputs(program: Program) -> tuple[Output, ...]:
    own = partial(Output, object="contact", system="roles", reason="role_reason")
    roles = tuple(Option(value, _label(value)) for value in ROLE_VALUES)
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
        own(
            "seniority",
            kind=OutputKind.ENUM,
            label="ABM seniority",
            options=tuple(Option(value, _label(value)) for value in SENIORITIES),
        ),
        own(
            "department",
            kind=OutputKind.ENUM,
            label="ABM department",
            options=tuple(Option(value, _label(value)) for value in DEPARTMENTS),
        ),
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


def assess(world: World) -> World:
    """Add `out.seniority`, `out.department`, `out.stakeholder_role`, `out.role_reason`; unique titles only."""
    rules = role_program(world.program)
    frame = world.contacts
    titles = frame["title"].unique().drop_nulls()
    unread = world.vocabulary is None or titles.is_empty()
    read = pl.DataFrame(schema=_SCHEMA) if unread or not world.vocabulary else world.vocabulary(titles)
    pairs = read.select("seniority", "department").unique()
    roles = [role_of(seniority, department, rules) for seniority, department in pairs.rows()]
    pairs = pairs.with_columns(pl.Series("role", [";".join(role) for role, _ in roles], dtype=pl.String))
    read = read.join(pairs, on=["seniority", "department"], how="left", maintain_order="left")
    read = read.with_columns(_reason()).rename(
        {name: WHY + name for name in ("seniority", "department", "role", "reason", "evidence")}
    )
    frame = frame.join(read, on="title", how="left", maintain_order="left")
    lost = pl.col("title").is_null() & held("stakeholder_role").is_not_null()
    frame = frame.with_columns(_pin(world).alias(WHY + "pin"))
    pinned = _is_role(pl.col(WHY + "pin"))
    frame = frame.with_columns(
        lost.alias(WHY + "lost"),
        pinned.alias(WHY + "pinned"),
        _or_held("seniority", "unknown", lost),
        _or_held("department", "unknown", lost),
        pl.when(pinned)
        .then(WHY + "pin")
        .otherwise(pl.when(lost).then(held("stakeholder_role")).otherwise(pl.col(WHY + "role").fill_null(UNCLASSIFIED)))
        .alias(OUT + "stakeholder_role"),
    )
    reason = (
        pl.when(WHY + "pinned")
        .then(pl.lit("set by a person"))
        .when(WHY + "lost")
        .then(pl.lit("kept: the job title is missing now"))
        .when(pl.col("title").is_null())
        .then(pl.lit("no job title"))
        .otherwise(pl.col(WHY + "reason"))
    )
    return world.with_frame("contact", frame.with_columns(reason.alias(OUT + "role_reason")), *_bad_pins(frame))


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
    bad = frame.filter(pl.col(WHY + "pin").is_not_null() & ~pl.col(WHY + "pinned"))["id"].head(_NOTED)
    return tuple(f"contact {id_}: the role override names what is not a role" for id_ in bad)


def _or_held(name: str, missing: str, lost: pl.Expr) -> pl.Expr:
    decided = pl.col(WHY + name).fill_null(missing)
    return pl.when(lost).then(pl.coalesce(held(name), pl.lit(missing))).otherwise(decided).alias(OUT + name)


def _reason() -> pl.Expr:
    """Short and stable: the level and the department that the title says, and the words that said so."""
    return pl.format("{} in {} ({})", pl.col("seniority"), pl.col("department"), pl.col("evidence")).alias("reason")


def explain(_world: World, record: pl.DataFrame) -> Explanation:
    """The role of one contact: title, level, department and the words that decided."""
    row = record.row(0, named=True)
    roles = str(row[OUT + "stakeholder_role"] or UNCLASSIFIED).split(";")
    headline = ", ".join(_label(role) for role in roles)
    title = row["title"]
    lines = [
        ExplainLine(
            "yes" if title else "unknown", "title", "", str(title) if title else "nobody has filled the job title"
        )
    ]
    if title:
        for name in ("seniority", "department"):
            value = str(row[OUT + name])
            lines.append(ExplainLine("unknown" if value == "unknown" else "yes", name, "", value))
        lines.append(ExplainLine("", "words", "", str(row[WHY + "evidence"] or "no word that the vocabulary knows")))
    remarks = []
    if row[WHY + "pinned"]:
        remarks.append("Set by a person in the override.")
    if row[WHY + "lost"]:
        remarks.append("Kept: the title is missing now, and a missing value costs nobody the role they hold.")
    return Explanation("roles", headline, tuple(lines), tuple(remarks))


ROLES = System(
    key="roles",
    title="Role",
    source="domain.md B1",
    object="contact",
    sections=(ROLES_SECTION,),
    reads=reads,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("roles") is not None,
)
