"""Snapshot: what the CRM says now, as columns, and whether that is all of it.

`frames["company"]` has the columns of `model.fields.ACCOUNT` that the mapping provides (missing ones are null), and
`held.<output>` (String, the CRM's own text) for every owned property and person's word that was read.
`least.<field>` stands beside a derived figure that may be known only from below: the figure itself where it is known.
`unreadable.<field>` (String) holds text that could not be read as its field's kind, told apart from no text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from crmsync.model.fields import ObjectName

HELD = "held."
UNREADABLE = "unreadable."
NATIVE = "native."
LEAST = "least."


@dataclass(frozen=True)
class Coverage:
    """How much of one object was read. `expected` is the CRM's own count, `previous` the last complete one."""

    read: int
    expected: int | None
    previous: int | None = None

    @property
    def complete(self) -> bool:
        return self.expected is None or self.read >= self.expected


@dataclass(frozen=True)
class Snapshot:
    """Input of `assess`: frames by object, owners by id, coverage by object.

    `active_owners`: ids of the owners who may hold accounts; None where the CRM did not say.
    """

    frames: dict[ObjectName, pl.DataFrame]
    as_of: datetime
    coverage: dict[str, Coverage] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    active_owners: frozenset[str] | None = None

    @property
    def complete(self) -> bool:
        return all(c.complete for c in self.coverage.values())

    @property
    def accounts(self) -> pl.DataFrame:
        return self.frames["company"]

    @property
    def contacts(self) -> pl.DataFrame:
        return self.frames["contact"]
