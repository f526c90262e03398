"""A HubSpot portal's CSV files as rows of text, for what turns one portal into another.

Files of a portal are a few thousand rows, so they are gone through row by row. Nothing here knows what a value means.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path

Row = dict[str, str]

FILES = ("companies", "contacts", "deals", "owners")


@dataclass(frozen=True)
class Tables:
    """A portal's files (contract.md, "Sandbox data"), each a list of rows of text; empty is no value."""

    companies: tuple[Row, ...] = ()
    contacts: tuple[Row, ...] = ()
    deals: tuple[Row, ...] = ()
    owners: tuple[Row, ...] = ()

    def of(self, file: str) -> tuple[Row, ...]:
        """The rows of one of FILES."""
        found: tuple[Row, ...] = getattr(self, file)
        return found

    def each(self, file: str, change: Callable[[Row], Row]) -> Tables:
        """The same with the values that `change` gives put into every row of a file."""
        return replace(self, **{file: tuple({**row, **change(row)} for row in self.of(file))})


def read_tables(folder: Path) -> Tables:
    """The CSV files of a folder; a missing one has no rows."""
    found: dict[str, tuple[Row, ...]] = {}
    for name in FILES:
        path = folder / f"{name}.csv"
        if path.exists():
            with path.open(encoding="utf-8-sig", newline="") as file:
                found[name] = tuple(csv.DictReader(file, strict=True))
    return Tables(**found)


def write_tables(tables: Tables, folder: Path) -> Path:
    """The files of a portal, written into `folder`, which is made."""
    folder.mkdir(parents=True)
    for name in FILES:
        write_rows(folder / f"{name}.csv", tables.of(name))
    return folder


def write_rows(path: Path, rows: Collection[Row]) -> None:
    """A CSV file with every column that a row has, in the order of their first use; no rows, no file."""
    if not rows:
        return
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        out.writeheader()
        out.writerows(rows)
