"""CSV files of records, read whole or not at all.

Prevents a half-written or mislabelled file from becoming a CRM that looks whole: one fault, file and line, stops it.
"""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Columns = dict[str, list[str | None]]


class DataError(Exception):
    """A file that cannot be loaded: what, where, what to do."""


class Reader(Protocol):
    """What `csv.reader` gives."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


@dataclass(frozen=True)
class Layout:
    """What a file has to look like: its id column (named first where the header must have one), what its headers are,
    and `fault`, which says what is wrong with an id, or None.
    """

    id_column: str
    headers: str
    fault: Callable[[str], str | None]
    id_required: bool = True


@dataclass(frozen=True)
class Table:
    """A file as read: columns of text, empty as None, and the line each record ends on."""

    path: Path
    columns: Columns
    lines: list[int]


def read_csv(path: Path, layout: Layout) -> Table:
    """A CSV file. Raises DataError, with file and line, for a bad header, half a line, a bad id or one that stands
    twice.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = next(reader, None)
            _check_header(path, header, layout)
            assert header is not None
            rows, lines = _rows(path, reader, header, layout)
        except csv.Error as fault:
            raise DataError(f"{path}:{reader.line_num}: {fault}. Quote the value or complete the line.") from fault
        except UnicodeDecodeError as fault:
            raise DataError(f"{path}: not UTF-8 text. Save the file as CSV UTF-8.") from fault
    return Table(path, {name: [row[i] or None for row in rows] for i, name in enumerate(header)}, lines)


def _check_header(path: Path, header: list[str] | None, layout: Layout) -> None:
    if not header:
        raise DataError(
            f"{path}:1: the file is empty. The first line must be the {layout.headers}, {layout.id_column} first."
        )
    if layout.id_required and layout.id_column not in header:
        raise DataError(f"{path}:1: the header has no {layout.id_column}. The first line must be the {layout.headers}.")
    for name in header:
        if not name.strip() or name != name.strip():
            raise DataError(f"{path}:1: the header has an empty or padded name ({name!r}). Name every column.")
        if header.count(name) > 1:
            raise DataError(f"{path}:1: {name} stands twice in the header. Keep one of the columns.")


def _rows(path: Path, reader: Reader, header: list[str], layout: Layout) -> tuple[list[list[str]], list[int]]:
    at = header.index(layout.id_column) if layout.id_column in header else -1
    rows: list[list[str]] = []
    lines: list[int] = []
    seen: set[str] = set()
    for row in reader:
        if not row:
            continue
        line = reader.line_num
        if len(row) != len(header):
            raise DataError(f"{path}:{line}: {len(row)} values for {len(header)} columns. Complete or drop the line.")
        if at >= 0:
            key = row[at]
            wrong = layout.fault(key)
            if wrong is not None:
                raise DataError(f"{path}:{line}: {layout.id_column} {key!r} {wrong}")
            if key in seen:
                raise DataError(f"{path}:{line}: {layout.id_column} {key} stands twice. Keep one of the lines.")
            seen.add(key)
        rows.append(row)
        lines.append(line)
    return rows, lines
