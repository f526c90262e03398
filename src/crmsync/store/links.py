"""Associations as rows and as columns: their labels as one text, and pages of them read without an object a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import polars as pl
import sqlalchemy as sa

from crmsync.store.schema import associations

_PAGE_ROWS = 20_000
_KEYS = (associations.c.from_id, associations.c.to_id)
LINK_SCHEMA = dict.fromkeys(("from_id", "to_id", "labels"), pl.String)


class StoredLink(Protocol):
    """What `put_associations` takes: the other record, and what the CRM calls it there."""

    @property
    def to(self) -> str: ...
    @property
    def labels(self) -> Sequence[str]: ...
    @property
    def ids(self) -> Sequence[str]: ...


def labelled(links: Sequence[StoredLink]) -> dict[str, str | None]:
    """Each linked id once, with its labels as one text; a semicolon within a label becomes a comma."""
    found: dict[str, set[str]] = {}
    for link in links:
        mine = found.setdefault(link.to, set())
        mine.update(" ".join(label.replace(";", ",").split()) for label in link.labels)
    return {to: ";".join(sorted(labels - {""})) or None for to, labels in found.items()}


def link_pages(
    connection: sa.Connection, space: int, between: tuple[str, str] | None, *, joined: bool
) -> Iterator[pl.DataFrame]:
    """Associations of a space in order of both ids, columns as in LINK_SCHEMA; `joined`: SQLite may join the lines."""
    query = sa.select(*_KEYS, sa.func.coalesce(associations.c.labels, "").label("labels"))
    query = query.where(associations.c.space == space).order_by(*_KEYS).limit(_PAGE_ROWS)
    if between is not None:
        query = query.where(associations.c.from_id.between(*between))
    last: tuple[str, str] | None = None
    while True:
        page = query if last is None else query.where(sa.tuple_(*_KEYS) > sa.tuple_(*last))
        frame = _joined(connection, page) if joined else _listed(connection, page)
        yield frame.with_columns(pl.col("labels").replace("", None))
        if frame.height < _PAGE_ROWS:
            return
        last = frame["from_id"][-1], frame["to_id"][-1]


def _joined(connection: sa.Connection, query: sa.Select[Any]) -> pl.DataFrame:
    """A page joined by SQLite itself: an object a row would cost several times as much."""
    columns = query.subquery().c
    texts = connection.execute(sa.select(sa.func.count(), *(sa.func.group_concat(one, "\n") for one in columns))).one()
    if not texts[0]:
        return pl.DataFrame(schema=LINK_SCHEMA)
    series = [
        pl.Series(name, [text]).str.split("\n").explode() for name, text in zip(LINK_SCHEMA, texts[1:], strict=True)
    ]
    if {len(one) for one in series} != {texts[0]} or not series[0].is_sorted():
        # An id with a line break in it, or lines in another order than they were asked for.
        return _listed(connection, query)
    return pl.DataFrame(series)


def _listed(connection: sa.Connection, query: sa.Select[Any]) -> pl.DataFrame:
    rows = connection.execute(query).all()
    return pl.DataFrame([tuple(row) for row in rows], schema=LINK_SCHEMA, orient="row")
