"""A system of one's own is one file and one line (`systems=(*SYSTEMS, TOY)`): all else follows from its declaration."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import cast

import polars as pl
import pytest
from pydantic import BaseModel, ConfigDict

from crmsync.assess import SYSTEMS
from crmsync.assess import run as assessment
from crmsync.assess.base import OUT, ExplainLine, Explanation, System, World, out
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.snapshot import Snapshot
from crmsync.program.conditions import Condition, fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.loader import ConditionSpec, Program, Section, load_program_text

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


# The whole of a system: a call goes to accounts of a tier, in the morning where the program's condition is true.
class CallsSpec(BaseModel):
    model_config = ConfigDict(extra="forbid")
    early: ConditionSpec


CALLS = Section("calls", CallsSpec, lambda spec, resolver: resolver.condition(spec.early))
TIMES = (Option("morning", "Morning"), Option("any_time", "Any time"))
CALL_TIME = Output(
    "call_time", "company", OutputKind.ENUM, "Call time", options=TIMES, system="calls", list_name="ABM: Call {label}"
)


def early(program: Program) -> Condition:
    return cast(Condition, program.section("calls"))


def call(world: World) -> World:
    in_the_morning = compile_expr(early(world.program), as_of=world.as_of).fill_null(value=False)
    time = pl.when(in_the_morning).then(pl.lit("morning")).otherwise(pl.lit("any_time"))
    time = pl.when(out("tier") != "none").then(time)
    return world.with_frame("company", world.accounts.with_columns(time.alias(OUT + "call_time")))


def say(_world: World, record: pl.DataFrame) -> Explanation:
    row = record.row(0, named=True)
    return Explanation(
        "calls", f"Call: {row[OUT + 'call_time']}", (ExplainLine("yes", "tier", "tier", row[OUT + "tier"]),)
    )


TOY = System(
    key="calls",
    title="Calls",
    source="this test",
    object="company",
    sections=(CALLS,),
    reads=lambda program: {"company": fields_of(early(program)) | {OUT + "tier"}},
    outputs=lambda _program: (CALL_TIME,),
    assess=call,
    explain=say,
    active=lambda program: program.sections.get("calls") is not None,
)
# The one line; put first, so that its place in the list cannot be what orders it after the tiers.
WITH_TOY = (TOY, *SYSTEMS)

PROGRAM = """\
program: toy
currency: USD
tiers:
  layers:
    tier_2: {country: {eq: US}}
    tier_1: {employees: {gte: 100}}
calls:
  early: {region: {in: [California, Oregon]}}
lists: [call_time]
"""


def loaded(text: str = PROGRAM) -> Program:
    return load_program_text(text, "toy.yaml", assessment.sections(WITH_TOY), outputs=assessment.list_names(WITH_TOY))


def assessed(program: Program) -> World:
    rows = [
        {"id": "1", "country": "US", "employees": 500, "region": "California"},
        {"id": "2", "country": "US", "employees": 50, "region": None},
        {"id": "3", "country": "JP", "employees": 50, "region": "Oregon"},
    ]
    frame = pl.DataFrame(rows, schema={name: field.kind.dtype for name, field in FIELDS["company"].items()})
    return assessment.assess(Snapshot({"company": frame}, AS_OF), program, systems=WITH_TOY)


def test_the_loader_reads_its_section_and_names_what_is_wrong_in_it() -> None:
    assert fields_of(early(loaded())) == {"region"}
    with pytest.raises(ConfigError, match=r"toy\.yaml:8: calls\.early\.regoin: no such field\. Did you mean region\?"):
        loaded(PROGRAM.replace("region:", "regoin:"))
    with pytest.raises(ConfigError, match=r"toy\.yaml:8: calls\.earlier"):
        loaded(PROGRAM.replace("early:", "earlier:"))


def test_it_runs_after_the_system_whose_output_it_reads() -> None:
    order = [system.key for system in assessment.active(loaded(), WITH_TOY)]
    assert order.index("calls") > order.index("tiers")
    world = assessed(loaded())
    decided = dict(zip(world.accounts["id"], world.accounts[OUT + "call_time"], strict=True))
    # 1 is in a tier and certainly in California; 2 in a tier, nobody knows where; 3 in none.
    assert decided == {"1": "morning", "2": "any_time", "3": None}


def test_its_output_is_owned_and_keeps_the_lists_that_the_program_asks_for() -> None:
    owned = {output.name: output for output in assessment.outputs(loaded(), WITH_TOY)}
    assert [one.name for one in owned["call_time"].lists()] == ["ABM: Call Morning", "ABM: Call Any time"]
    silent = assessment.outputs(loaded(PROGRAM.replace("lists: [call_time]\n", "")), WITH_TOY)
    assert [output.lists() for output in silent if output.name == "call_time"] == [()]
    assert "call_time" in assessment.output_names(WITH_TOY)


def test_its_fields_are_asked_of_the_mapping() -> None:
    assert "region" in assessment.reads(loaded(), WITH_TOY)["company"]


def test_it_explains_a_record() -> None:
    world = assessed(loaded())
    explained = [
        system.explain(world, world.accounts.filter(pl.col("id") == "1"))
        for system in assessment.active(loaded(), WITH_TOY)
    ]
    assert Explanation("calls", "Call: morning", (ExplainLine("yes", "tier", "tier", "tier_1"),)) in explained


def test_without_its_section_it_is_off() -> None:
    program = loaded(PROGRAM.replace("calls:\n  early: {region: {in: [California, Oregon]}}\nlists: [call_time]\n", ""))
    assert "calls" not in [system.key for system in assessment.active(program, WITH_TOY)]
    assert "call_time" not in [output.name for output in assessment.outputs(program, WITH_TOY)]
    assert OUT + "call_time" not in assessed(program).accounts.columns
    assert "region" not in assessment.reads(program, WITH_TOY).get("company", frozenset())


def test_two_systems_that_stand_on_each_other_are_a_fault_that_names_both() -> None:
    first = replace(
        TOY, key="hen", sections=(), reads=lambda _program: {"company": frozenset({"why.egg"})},
        gives={"company": {"why.hen": pl.String()}}, outputs=lambda _program: (), active=lambda _program: True,
    )  # fmt: skip
    second = replace(
        first, key="egg", reads=lambda _program: {"company": frozenset({"why.hen"})},
        gives={"company": {"why.egg": pl.String()}},
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"circle: (hen -> egg -> hen|egg -> hen -> egg)"):
        assessment.active(loaded(), (*WITH_TOY, first, second))
    with pytest.raises(ConfigError, match="circle"):
        assessment.outputs(loaded(), (second, *WITH_TOY, first))


def test_a_column_that_nothing_gives_is_a_fault_that_names_system_and_column() -> None:
    stray = replace(TOY, reads=lambda _program: {"company": frozenset({"why.nothing"})})
    with pytest.raises(ConfigError, match=r"calls: reads why\.nothing of company"):
        assessment.active(loaded(), (*SYSTEMS, stray))
