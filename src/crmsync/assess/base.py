"""What a system is, and the values that systems hand on.

Everything here is pure: no clock, no network, no store. `out.<output>` columns are what a system decides, as the CRM's
own text (null for no value); `why.<name>` columns are the truth values and figures that an explanation is read from, so
that the explanation comes from the same expressions as the decision.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    `whole`: every account that the CRM counts was read, so that what is scarce can be shared out; `all_deals`: every
    deal, so that what none of them says was not bought. `provided`: the canonical fields by object that the snapshot
    came with; a field that is read and not among them is all null.
    """

    frames: dict[ObjectName, pl.DataFrame]
    program: Program
    as_of: datetime
    vocabulary: TitleClassifier | None = None
    notes: tuple[str, ...] = ()
    whole: bool = True
    all_deals: bool = True
    active_owners: frozenset[str] | None = None
    provided: Mapping[ObjectName, frozenset[str]] = field(default_factory=dict)

    @property
    def accounts(self) -> pl.DataFrame:
        return self.frames["company"]

    @property
    def contacts(self) -> pl.DataFrame:
        """Every contact; for a contact system that runs in parts, those of its part."""
        return self.frames["contact"]

    @property
    def deals(self) -> pl.DataFrame:
        return self.frames["deal"]

    def has(self, object_: ObjectName, field_: str) -> bool:
        """Whether the CRM can give this field at all: what it cannot give is told apart from what is missing."""
        return field_ in self.provided.get(object_, frozenset())

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


Reads = Mapping[ObjectName, frozenset[str]]
"""Columns by object: canonical fields, `out.<output>` and whatever another system gives."""


def _nothing(_program: Program) -> Reads:
    return {}


@dataclass(frozen=True)
class System:
    """One system of domain.md: a file with these, and one line in `SYSTEMS`.

    `key` names it. `reads(program)` gives the columns that it needs, those of other systems among them: the order of
    evaluation follows from that. A canonical field that it reads must be mapped; one that it `wants` is null where no
    property feeds it (`World.has` tells). `outputs(program)` is what it owns in the CRM, `gives` the columns that it
    adds beside them for others, by object: derived fields and `why.` columns. `assess(world)` adds them, and
    `explain(world, record)` puts one record of `object` (a frame of one row) into words, or has nothing to say.

    `asks(program)` tells where in the program a canonical field of `object` is asked for, as far as that is not plain
    from the field's own name there: faults name it.

    A system is used where the program is for it (`active`, mostly: its section is given); one without `active` where
    a system that is used, or a condition, reads what it gives.

    A contact system that reads nothing of an account system is given contacts in parts: what it decides of a contact
    may depend on that contact, on the deals that name it (`contacts`, `contact_roles`), and on nothing else.
    """

    key: str
    title: str
    source: str
    object: ObjectName
    assess: Callable[[World], World]
    reads: Callable[[Program], Reads] = _nothing
    wants: Callable[[Program], Reads] = _nothing
    sections: tuple[Section, ...] = ()
    outputs: Callable[[Program], tuple[Output, ...]] = field(default=lambda _program: ())
    gives: Mapping[ObjectName, Mapping[str, pl.DataType]] = field(default_factory=dict)
    explain: Callable[[World, pl.DataFrame], Explanation | None] = field(default=lambda _world, _record: None)
    active: Callable[[Program], bool] | None = None
    asks: Callable[[Program], Mapping[str, str]] = field(default=lambda _program: {})


def ensure_columns(frame: pl.DataFrame, columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """`frame` with the named columns, null where they were missing (a property not in the CRM, a system not used)."""
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in columns.items() if name not in frame.columns]
    return frame.with_columns(missing) if missing else frame


def beside(frame: pl.DataFrame, extra: pl.DataFrame, *, on: str = "id", key: str = "id") -> pl.DataFrame:
    """`frame` with the columns of `extra`, whose `key` (text, no two alike) is the row's `on`; null where it has none.

    A left join that copies no column of `frame`: of a million accounts that is hundreds of megabytes.
    """
    found = frame.select(text(on).alias(key)).join(extra, on=key, how="left", maintain_order="left").drop(key)
    return frame.with_columns(found.get_columns())


def held(name: str) -> pl.Expr:
    """What the CRM holds for an owned output now, as text. The column may be narrower than text."""
    return pl.col(HELD + name).cast(pl.String)


def text(name: str) -> pl.Expr:
    """A text column as text; the column may be narrower."""
    return pl.col(name).cast(pl.String)


def out(name: str) -> pl.Expr:
    """What an earlier system decided for an output."""
    return pl.col(OUT + name).cast(pl.String)
