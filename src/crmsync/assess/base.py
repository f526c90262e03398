"""What a system is, and the values that systems hand on.

Everything here is pure: no clock, no network, no store. `out.<output>` columns are what a system decides, as the CRM's
own text (null for no value); `why.<name>` columns are the truth values and figures that an explanation is read from, so
that the explanation comes from the same expressions as the decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from crmsync.model.fields import ObjectName
from crmsync.model.outputs import Output
from crmsync.model.snapshot import HELD
from crmsync.program.loader import Program, Section

OUT = "out."
WHY = "why."


@dataclass(frozen=True)
class World:
    """Frames by object, as systems hand them on; `notes` are findings for people (bad pins, warnings).

    `whole`: every account that the CRM counts was read, so that what is scarce can be shared out.
    """

    frames: dict[ObjectName, pl.DataFrame]
    program: Program
    as_of: datetime
    vocabulary: TitleClassifier | None = None
    notes: tuple[str, ...] = ()
    whole: bool = True

    @property
    def accounts(self) -> pl.DataFrame:
        return self.frames["company"]

    @property
    def contacts(self) -> pl.DataFrame:
        return self.frames["contact"]

    def with_frame(self, object_: ObjectName, frame: pl.DataFrame, *notes: str) -> World:
        return replace(self, frames={**self.frames, object_: frame}, notes=self.notes + notes)


TitleClassifier = Callable[[pl.Series], pl.DataFrame]
"""Unique titles -> title, seniority, department, evidence (`normalize.titles`)."""


@dataclass(frozen=True)
class ExplainLine:
    """One line of an explanation: the answer (yes, no, unknown, ""), a label, what was decided on, and why."""

    answer: str
    label: str
    subject: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """What one system says of one record: `headline` ("Tier 2, could be 1"), lines, and closing remarks."""

    system: str
    headline: str
    lines: tuple[ExplainLine, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class System:
    """One system of domain.md. `key` names its section; `after` the systems whose outputs it reads.

    `reads(program)` gives the canonical fields it needs by object, `outputs(program)` what it owns, `assess(world)`
    adds the `out.` and `why.` columns, and `explain(world, record)` puts one record (a frame of one row) into words.
    """

    key: str
    title: str
    source: str
    object: ObjectName
    sections: tuple[Section, ...]
    reads: Callable[[Program], dict[ObjectName, frozenset[str]]]
    outputs: Callable[[Program], tuple[Output, ...]]
    assess: Callable[[World], World]
    explain: Callable[[World, pl.DataFrame], Explanation]
    after: tuple[str, ...] = ()
    active: Callable[[Program], bool] = field(default=lambda _program: True)


def ensure_columns(frame: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """`frame` with the named String columns, null where they were missing (a property not yet in the CRM)."""
    missing = [name for name in names if name not in frame.columns]
    return frame.with_columns([pl.lit(None, dtype=pl.String).alias(name) for name in missing]) if missing else frame


def held(name: str) -> pl.Expr:
    """What the CRM holds for an owned output now, as text."""
    return pl.col(HELD + name)


def out(name: str) -> pl.Expr:
    """What an earlier system decided for an output."""
    return pl.col(OUT + name)
