"""Ideal customer profile (domain.md A1): `icp_fit` yes, no or unknown, and a warning where the list grows long."""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import OUT, WHY, ExplainLine, Explanation, Reads, System, World
from crmsync.assess.explain import account_decisions, answer
from crmsync.assess.icp_section import ICP_MAX_SECTION, ICP_SECTION, icp_condition, icp_recommended_max
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.program.conditions import fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import Program


def outputs(_program: Program) -> tuple[Output, ...]:
    options = (Option("yes", "Yes"), Option("no", "No"), Option("unknown", "Unknown"))
    return (
        Output("icp_fit", object="company", kind=OutputKind.ENUM, label="ABM ICP fit", options=options, system="icp"),
    )


def reads(program: Program) -> Reads:
    return {"company": fields_of(icp_condition(program))}


def assess(world: World) -> World:
    """Add `out.icp_fit`. The list is never truncated, only warned about (A1)."""
    truth = compile_expr(icp_condition(world.program), as_of=world.as_of).alias(WHY + "icp")
    frame = world.accounts.with_columns(truth)
    fit = pl.col(WHY + "icp").replace_strict({True: "yes", False: "no"}, default="unknown", return_dtype=pl.String)
    frame = frame.with_columns(fit.alias(OUT + "icp_fit"))
    fitting = int(frame[WHY + "icp"].sum() or 0)
    limit = icp_recommended_max(world.program)
    if fitting < limit:
        return world.with_frame("company", frame)
    note = f"{fitting:,} accounts fit the ICP; a first list should hold fewer than {limit:,} (icp_recommended_max)"
    return world.with_frame("company", frame, note)


def explain(world: World, record: pl.DataFrame) -> Explanation:
    row = record.row(0, named=True)
    condition = icp_condition(world.program)
    text = account_decisions(condition, record, world)
    return Explanation(
        "icp", f"ICP fit {row[OUT + 'icp_fit']}", (ExplainLine(answer(row[WHY + "icp"]), "icp", "ICP", text),)
    )


ICP = System(
    key="icp",
    title="ICP",
    source="domain.md A1",
    object="company",
    sections=(ICP_SECTION, ICP_MAX_SECTION),
    reads=reads,
    outputs=outputs,
    assess=assess,
    explain=explain,
    active=lambda program: program.sections.get("icp") is not None,
)
