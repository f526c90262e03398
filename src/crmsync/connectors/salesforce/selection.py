"""What is asked of an object, and the rows that come back as records at our border."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from crmsync.connectors.base import Record
from crmsync.connectors.salesforce.fields import FieldInfo, converter
from crmsync.connectors.salesforce.ids import canonical_id

STAMP = "SystemModstamp"
_STAMPED = converter(FieldInfo(STAMP, "datetime"))


@dataclass(frozen=True)
class Selection:
    """What is asked of an object: its columns by our name, and how each becomes text; those not there become null."""

    sobject: str
    there: tuple[tuple[str, str, Callable[[Any], str | None]], ...]
    absent: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """API names, the id and the stamp of change always among them."""
        return list(dict.fromkeys(["Id", STAMP, *(api for _, api, _ in self.there)]))

    def values(self, row: dict[str, Any]) -> dict[str, str | None]:
        """A row by our names."""
        return {name: text(row.get(api)) for name, api, text in self.there} | dict.fromkeys(self.absent)

    def record(self, row: dict[str, Any]) -> Record:
        """A row of a query, or of a bulk file, as a record."""
        return Record(row_id(row), stamp_of(row), msgspec.json.encode(self.values(row)))


def select_of(sobject: str, found: Mapping[str, FieldInfo | None]) -> Selection:
    """The selection of these fields by our names; None for one that is not there."""
    there = [(name, info.name, converter(info)) for name, info in found.items() if info is not None]
    return Selection(sobject, tuple(there), tuple(name for name, info in found.items() if info is None))


def stamp_of(row: dict[str, Any]) -> str:
    """When a row was changed last: `2026-01-01T00:00:00.000Z`."""
    return _STAMPED(row[STAMP]) or ""


def row_id(row: dict[str, Any]) -> str:
    """The id of a row, in its 18 characters."""
    id_ = str(row["Id"])
    return id_ if len(id_) == 18 else canonical_id(id_)
