"""The accounts as they are decided on: one CRM's mirror as it is, or two CRMs' as one truth.

A decision is made once, on the picture; `views` then shows each CRM its own records, so that one diff serves both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol

import polars as pl

from crmsync.engine.context import Context
from crmsync.engine.side import Side
from crmsync.engine.snapshot import build_snapshot, contact_parts, reporting_lines, together
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import Coverage, Snapshot


class Picture(Protocol):
    """`snapshot` has no contacts; they come in parts."""

    @property
    def snapshot(self) -> Snapshot: ...

    def contact_parts(self, *, named: bool = True) -> Iterator[pl.DataFrame]: ...

    def reporting_lines(self) -> pl.DataFrame | None: ...

    def views(self, object_: ObjectName, frame: pl.DataFrame) -> list[tuple[Side, pl.DataFrame]]:
        """An assessed frame as each CRM has its records: their own ids, and what that CRM holds."""
        ...

    def at_home(self, object_: ObjectName, ids: list[str]) -> list[str]:
        """The ids under which records of either CRM are decided on, in the order given."""
        ...

    def homes(self, changes: pl.DataFrame) -> pl.DataFrame:
        """Those of `changes` that stand for an account in figures: one for each, whatever CRMs it is in."""
        ...

    def settle(self, changes: pl.DataFrame) -> pl.DataFrame:
        """`changes` without what reaches a CRM by another way."""
        ...

    def counterpart(self, object_: ObjectName, ids: list[str]) -> dict[str, str]:
        """The ids of the same records in the other CRM, for those that are there."""
        ...

    def held(self, object_: ObjectName, output: str, ids: list[str]) -> pl.DataFrame:
        """`id` and `value`: what the CRM that has the record holds of one of our outputs, as text."""
        ...

    def remarks(self, object_: ObjectName, home: str) -> list[str]:
        """What two CRMs say of one record, for its explanation."""
        ...

    def report(self) -> dict[str, Any] | None:
        """What is to be told of two CRMs: matches, the review list, disagreements, what is carried over."""
        ...


class OneCrm:
    """The picture of a portal with one CRM: its mirror, nothing added."""

    def __init__(self, ctx: Context, as_of: datetime, coverage: dict[str, Coverage]) -> None:
        self._side = ctx.main
        self.snapshot = build_snapshot(ctx.main, as_of, coverage, contacts=False)

    def contact_parts(self, *, named: bool = True) -> Iterator[pl.DataFrame]:
        return contact_parts(self._side, self.snapshot, named=named)

    def reporting_lines(self) -> pl.DataFrame | None:
        return reporting_lines(self._side)

    def views(self, object_: ObjectName, frame: pl.DataFrame) -> list[tuple[Side, pl.DataFrame]]:
        return [(self._side, frame)]

    def at_home(self, object_: ObjectName, ids: list[str]) -> list[str]:
        return ids

    def homes(self, changes: pl.DataFrame) -> pl.DataFrame:
        return changes

    def settle(self, changes: pl.DataFrame) -> pl.DataFrame:
        return changes

    def counterpart(self, object_: ObjectName, ids: list[str]) -> dict[str, str]:
        return {}

    def held(self, object_: ObjectName, output: str, ids: list[str]) -> pl.DataFrame:
        return pl.DataFrame(schema={"id": pl.String, "value": pl.String})

    def remarks(self, object_: ObjectName, home: str) -> list[str]:
        return []

    def report(self) -> dict[str, Any] | None:
        return None


def whole(seen: Picture) -> Snapshot:
    """The picture's snapshot with all contacts in it, where any are read."""
    parts = list(seen.contact_parts())
    if not parts:
        return seen.snapshot
    return replace(seen.snapshot, frames={**seen.snapshot.frames, "contact": together(parts)})


def picture(ctx: Context, as_of: datetime, coverage: dict[str, Coverage], *, asks: bool = False) -> Picture:
    """What the mirrors hold, as it is decided on. `asks`: a CRM may be asked where its merged records went; what only
    looks is content with what was found out before."""
    if len(ctx.sides) == 1:
        return OneCrm(ctx, as_of, coverage)
    from crmsync.engine.two_crms import TwoCrms

    return TwoCrms(ctx, as_of, coverage, asks=asks)
