"""Blast radius: which lists gain and lose whom, before the first write (lists start workflows)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from crmsync.model.outputs import ListDefinition, Output
from crmsync.planning.standing import Standing


@dataclass(frozen=True, slots=True)
class ListMove:
    """One list: members now, and the ids that would enter and leave."""

    definition: ListDefinition
    size: int
    gains: tuple[str, ...]
    loses: tuple[str, ...]


def list_moves(
    changes: pl.DataFrame, standing: Standing, outputs: Sequence[Output], *, prefix: str
) -> tuple[ListMove, ...]:
    """Every list of `outputs` with its moves, those without moves too."""
    moves: list[ListMove] = []
    for output in outputs:
        definitions = output.lists()
        if not definitions:
            continue
        mine = changes.filter(pl.col("property") == prefix + output.name)
        mine = mine.with_columns(_parts("before"), _parts("after"))
        for definition in definitions:
            was = pl.col("before").list.contains(definition.value).fill_null(value=False)
            will = pl.col("after").list.contains(definition.value).fill_null(value=False)
            gains = tuple(mine.filter(~was & will)["id"].to_list())
            loses = tuple(mine.filter(was & ~will)["id"].to_list())
            moves.append(ListMove(definition, standing.holding(output, definition.value), gains, loses))
    return tuple(moves)


def _parts(column: str) -> pl.Expr:
    return pl.col(column).str.split(";")
