"""Goal, figure and ratio of one measurement, and the table that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line. `goal` is the most that `ratio` may be; None where a figure is only information."""

    job: str
    what: str
    bound: str
    figure: str
    ratio: float | None = None
    goal: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal was reached; None where there is none."""
        return None if self.goal is None or self.ratio is None else self.ratio <= self.goal


def ratio_row(job: str, what: str, figure: float, bound: float, goal: float | None, *, unit: str = "") -> Row:
    """A figure against the least that is possible."""
    return Row(job, what, _number(bound, unit), _number(figure, unit), figure / bound, goal)


def limit_row(job: str, what: str, figure: float, limit: float, *, unit: str = "") -> Row:
    """A figure against the most that is wanted: met up to a ratio of 1."""
    return Row(job, what, f"<= {_number(limit, unit)}", _number(figure, unit), figure / limit, 1.0)


def fact_row(job: str, what: str, figure: float, *, unit: str = "") -> Row:
    """A figure without a goal."""
    return Row(job, what, "", _number(figure, unit))


def text(rows: Sequence[Row]) -> str:
    """The table for a terminal."""
    head = ("job", "what", "bound", "figure", "ratio", "goal", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    return "\n".join(_line(line, widths) for line in lines)


def document(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The table for a program."""
    return [asdict(row) | {"met": row.met} for row in rows]


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "" if row.ratio is None else f"{row.ratio:.3f}"
    goal = "" if row.goal is None else f"<= {row.goal:g}"
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    return row.job, row.what, row.bound, row.figure, ratio, goal, verdict


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:6], widths[2:6], strict=True)]
    return "  ".join([*left, *right, cells[6]]).rstrip()


def _number(value: float, unit: str) -> str:
    shown = f"{value:,.0f}" if value == int(value) or abs(value) >= 1_000 else f"{value:,.2f}"
    return f"{shown} {unit}".rstrip()
