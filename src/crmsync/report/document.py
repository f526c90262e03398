"""A report as a value, and the same value as Markdown, as an HTML page, and as CSV.

A report says what it has to say once, in blocks; the formats differ in layout alone. Whatever came from the CRM is
escaped here, and only web addresses become links.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Literal, TypeAlias, get_args

from crmsync.planning.render.table import harmless

ReportFormat = Literal["markdown", "html", "csv"]
FORMATS: tuple[ReportFormat, ...] = get_args(ReportFormat)


@dataclass(frozen=True, slots=True)
class Link:
    """A record by name with its address in the CRM; `url` may be empty."""

    text: str
    url: str = ""


Cell: TypeAlias = str | int | Link | None


@dataclass(frozen=True, slots=True)
class Facts:
    """Short answers, each under a label."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Prose:
    """A sentence or two."""

    text: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table. A column that holds numbers alone stands to the right."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def numeric(self, position: int) -> bool:
        cells = [row[position] for row in self.rows]
        return all(cell is None or isinstance(cell, int) for cell in cells) and any(cell is not None for cell in cells)


@dataclass(frozen=True, slots=True)
class Bar:
    """`value`, and as a fainter part of the same bar what lies between it and `total`, where that is more."""

    label: str
    value: int
    total: int = 0
    note: str = ""
    warns: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Figures as bars of one scale; `what` says for those who cannot see them what is drawn."""

    what: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing, ready for a page (`svg`) and for Markdown (`mermaid`)."""

    svg: str
    mermaid: str


Block: TypeAlias = Facts | Prose | Sheet | Bars | Picture


@dataclass(frozen=True, slots=True)
class Part:
    """One headed part; `narrow` parts stand beside each other on a page."""

    title: str
    blocks: tuple[Block, ...]
    narrow: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """`said` are the short facts under the title: portal, program, as of when."""

    title: str
    said: tuple[str, ...]
    parts: tuple[Part, ...]


def is_web(url: str) -> bool:
    return url.startswith(("https://", "http://"))


def table_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """RFC 4180, lines end in `\\n`; what a spreadsheet would run as a formula gets an apostrophe in front."""
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_csv_cell(cell) for cell in row] for row in rows)
    return out.getvalue()


def _csv_cell(cell: object) -> str:
    # The writer does not quote a lone carriage return, which many readers take for the end of the line.
    return harmless(None if cell is None else str(cell)).replace("\r\n", "\n").replace("\r", "\n")
