"""The mirror: what the CRM last said, record by record, and how far each pull has come.

A record's properties are kept as the CRM's own JSON, so that storing a page costs no decoding; an assessment reads the
columns it needs. Losing the mirror costs a full pull and nothing else. `finish_full_pull` is one transaction because a
sweep without its watermark, or the reverse, would make a partial read look complete.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import msgspec
import polars as pl
import sqlalchemy as sa

from crmsync.store.database import Database, chunks
from crmsync.store.frames import compact, decode, in_id_order, read_properties
from crmsync.store.links import LINK_SCHEMA, StoredLink, labelled, link_pages
from crmsync.store.schema import associations, link_records, owners, records, spaces, state
from crmsync.store.timestamps import from_text, to_text

_CHUNK_ROWS = 10_000
_CHUNK_IDS = 500
_RECORD_COLUMNS = ("space", "id", "modified_at", "pull_id", "properties")


class StoredRecord(Protocol):
    """What `put_records` takes: a connector's record. `properties` is a JSON object of name -> text or null."""

    @property
    def id(self) -> str: ...
    @property
    def modified_at(self) -> str: ...
    @property
    def properties(self) -> bytes: ...


class StoredOwner(Protocol):
    """What `put_owners` takes."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def active(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Owner:
    id: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class PullState:
    """How far the mirror of one object has come.

    `layout`: the properties that its records were pulled with; another one asks for a full pull. `watermark`: highest
    modified time seen and landed. `full_count` and `full_at`: records of the last full pull, and when it ended.
    """

    layout: tuple[str, ...] | None = None
    watermark: datetime | None = None
    full_count: int | None = None
    full_at: datetime | None = None


class Mirror:
    """Records, associations, owners and pull states, by portal and object."""

    def __init__(self, database: Database) -> None:
        self._db = database

    # Records

    def put_records(self, portal: str, object_: str, batch: Sequence[StoredRecord], pull_id: str) -> None:
        """Insert or replace records, marked as seen by `pull_id`. One transaction; a page or many at a time."""
        if not batch:
            return
        with self._db.write(durable=False) as connection:
            space = self._make_space(connection, portal, object_)
            rows = [(space, r.id, r.modified_at, pull_id, _line(r.properties)) for r in batch]
            self._db.insert(
                connection, records, _RECORD_COLUMNS, rows, keys=_RECORD_COLUMNS[:2], replace=_RECORD_COLUMNS[2:]
            )

    def sweep(self, portal: str, object_: str, pull_id: str) -> int:
        """Delete the records that `pull_id`, a complete full pull, did not see; returns how many."""
        with self._db.write() as connection:
            return self._sweep(connection, portal, object_, pull_id)

    def finish_full_pull(
        self,
        portal: str,
        object_: str,
        pull_id: str,
        *,
        layout: Sequence[str],
        watermark: datetime | None,
        at: datetime,
    ) -> int:
        """Sweep, and set layout, watermark, count and time, in one transaction. Returns how many records were swept."""
        with self._db.write() as connection:
            space = self._make_space(connection, portal, object_)
            swept = self._sweep(connection, portal, object_, pull_id)
            count = connection.execute(_count(space)).scalar_one()
            values: dict[str, Any] = {"layout": json.dumps(list(layout)), "full_count": count, "full_at": to_text(at)}
            if watermark is not None:
                values["watermark"] = to_text(watermark)
            connection.execute(sa.update(spaces).where(spaces.c.space == space).values(values))
            return swept

    def delete_records(self, portal: str, object_: str, ids: Iterable[str]) -> int:
        """Delete records that are archived or merged away, with the associations that lead from them."""
        with self._db.write() as connection:
            space = _space(connection, portal, object_)
            if space is None:
                return 0
            deleted = 0
            for part in chunks(list(ids), _CHUNK_IDS):
                query = sa.delete(records).where(records.c.space == space, records.c.id.in_(part))
                deleted += connection.execute(query).rowcount
            if deleted:
                self._drop_orphans(connection, portal, object_, space)
            return deleted

    def update_properties(self, portal: str, object_: str, values: Mapping[str, Mapping[str, str | None]]) -> int:
        """Merge `values` (id -> property -> text, None for no value) into records; ids not mirrored are left out.

        Returns how many records were changed.
        """
        with self._db.write(durable=False) as connection:
            return self.merge(connection, portal, object_, values)

    def merge(
        self, connection: sa.Connection, portal: str, object_: str, values: Mapping[str, Mapping[str, str | None]]
    ) -> int:
        """`update_properties` within the caller's transaction."""
        space = _space(connection, portal, object_)
        if space is None or not values:
            return 0
        changed = 0
        for part in chunks(list(values), _CHUNK_IDS):
            query = sa.select(records.c.id, records.c.properties)
            found = connection.execute(query.where(records.c.space == space, records.c.id.in_(part))).all()
            rows = [(msgspec.json.encode(decode(old) | dict(values[id_])), space, id_) for id_, old in found]
            changed += self._db.update(connection, records, ("properties",), ("space", "id"), rows)
        return changed

    def load(self, portal: str, object_: str, properties: Sequence[str]) -> pl.DataFrame:
        """`id` and one String column a property, null where there is no value or an empty one, in order of id
        (numeric where all ids are numbers, otherwise by bytes).

        A text column takes 16 bytes a row and, beyond 12 bytes, the text: 5 M contacts with 4 properties take 0.9 GB.
        For more, `scan` and turn each part into narrower types.
        """
        wanted = _columns(properties)
        return in_id_order(map(compact, self.scan(portal, object_, wanted)), ["id", *wanted])

    def scan(self, portal: str, object_: str, properties: Sequence[str]) -> Iterator[pl.DataFrame]:
        """As `load`, in parts of at most 10,000 rows, all of one state of the mirror, in order of the id's bytes."""
        wanted = _columns(properties)
        with self._db.read() as connection:
            space = _space(connection, portal, object_)
            if space is None:
                return
            for ids, lines in self._pages(connection, space, bool(wanted)):
                yield read_properties(ids, lines, wanted)

    def get(self, portal: str, object_: str, id_: str) -> dict[str, str | None] | None:
        """One record's properties; None where it is not mirrored."""
        return self.get_many(portal, object_, [id_]).get(id_)

    def get_many(self, portal: str, object_: str, ids: Iterable[str]) -> dict[str, dict[str, str | None]]:
        """Properties by id, without the ids that are not mirrored."""
        with self._db.read() as connection:
            space = _space(connection, portal, object_)
            if space is None:
                return {}
            result: dict[str, dict[str, str | None]] = {}
            for part in chunks(list(ids), _CHUNK_IDS):
                query = sa.select(records.c.id, records.c.properties)
                found = connection.execute(query.where(records.c.space == space, records.c.id.in_(part)))
                result.update((id_, decode(text)) for id_, text in found)
            return result

    def count(self, portal: str, object_: str) -> int:
        with self._db.read() as connection:
            space = _space(connection, portal, object_)
            return 0 if space is None else int(connection.execute(_count(space)).scalar_one())

    def modified_times(self, portal: str, object_: str, ids: Iterable[str]) -> dict[str, str]:
        """The CRM's modified time, as it said it, of the given records that are mirrored."""
        with self._db.read() as connection:
            space = _space(connection, portal, object_)
            known: dict[str, str] = {}
            for part in chunks(list(ids), _CHUNK_IDS) if space is not None else ():
                query = sa.select(records.c.id, records.c.modified_at)
                rows = connection.execute(query.where(records.c.space == space, records.c.id.in_(part)))
                known.update((id_, modified) for id_, modified in rows)
            return known

    def count_since(self, portal: str, object_: str, since: datetime) -> int:
        """How many mirrored records the CRM says were modified at or after `since`, to the second."""
        with self._db.read() as connection:
            space = _space(connection, portal, object_)
            query = sa.select(sa.func.count()).where(
                records.c.space == space, sa.func.substr(records.c.modified_at, 1, 19) >= f"{since:%Y-%m-%dT%H:%M:%S}"
            )
            return 0 if space is None else int(connection.execute(query).scalar_one())

    def ids(self, portal: str, object_: str) -> pl.Series:
        """Every mirrored id, in the order of `load`."""
        return self.load(portal, object_, ()).get_column("id")

    def clear(self, portal: str) -> None:
        """Forget the portal's records, associations and pull states, so that the next pull is a full one."""
        with self._db.write() as connection:
            mine = sa.select(spaces.c.space).where(spaces.c.portal == portal)
            connection.execute(sa.delete(records).where(records.c.space.in_(mine)))
            connection.execute(sa.delete(associations).where(associations.c.space.in_(mine)))
            connection.execute(sa.delete(link_records).where(link_records.c.space.in_(mine)))
            connection.execute(sa.delete(spaces).where(spaces.c.portal == portal))

    # Pull states

    def pull_state(self, portal: str, object_: str) -> PullState:
        with self._db.read() as connection:
            query = sa.select(spaces).where(spaces.c.portal == portal, spaces.c.object == object_)
            row = connection.execute(query).first()
        if row is None:
            return PullState()
        return PullState(
            layout=tuple(json.loads(row.layout)) if row.layout else None,
            watermark=from_text(row.watermark) if row.watermark else None,
            full_count=row.full_count,
            full_at=from_text(row.full_at) if row.full_at else None,
        )

    def set_watermark(self, portal: str, object_: str, watermark: datetime) -> None:
        """After an increment has landed whole. Every record put before is on the disk once this returns."""
        with self._db.write() as connection:
            space = self._make_space(connection, portal, object_)
            values = {"watermark": to_text(watermark)}
            connection.execute(sa.update(spaces).where(spaces.c.space == space).values(values))

    # Associations, owners, small state

    def put_associations(self, portal: str, from_: str, to: str, links: Mapping[str, Sequence[StoredLink]]) -> None:
        """Replace the associations of each given id by those named for it; an empty list leaves none.

        One transaction. A record named twice for one id is one association with the labels of both.
        """
        if not links:
            return
        with self._db.write(durable=False) as connection:
            space = self._make_space(connection, portal, _link(from_, to))
            for part in chunks(list(links), _CHUNK_IDS):
                for table in (associations, link_records):
                    connection.execute(sa.delete(table).where(table.c.space == space, table.c.from_id.in_(part)))
            rows = [(space, id_, to, labels) for id_, found in links.items() for to, labels in labelled(found).items()]
            self._db.insert(connection, associations, ("space", "from_id", "to_id", "labels"), rows)
            own = {one: (space, one, id_) for id_, found in links.items() for link in found for one in link.ids}
            keys = ("space", "id")
            self._db.insert(
                connection, link_records, (*keys, "from_id"), list(own.values()), keys=keys, replace=("from_id",)
            )

    def linked_by(self, portal: str, from_: str, to: str, link_ids: Iterable[str]) -> list[str]:
        """Ids of the records from which the given association records lead (`StoredLink.ids`), each once, sorted."""
        with self._db.read() as connection:
            space = _space(connection, portal, _link(from_, to))
            found: set[str] = set()
            for part in chunks(list(link_ids), _CHUNK_IDS) if space is not None else ():
                query = sa.select(link_records.c.from_id)
                rows = connection.execute(query.where(link_records.c.space == space, link_records.c.id.in_(part)))
                found.update(row[0] for row in rows)
            return sorted(found)

    def load_associations(
        self, portal: str, from_: str, to: str, *, between: tuple[str, str] | None = None
    ) -> pl.DataFrame:
        """Columns `from_id`, `to_id` and `labels` (String; labels `;`-joined, null without any), in order of both ids
        as text. `between` (both ends included, by the bytes of the id) leaves out what leads from other records."""
        with self._db.read() as connection:
            space = _space(connection, portal, _link(from_, to))
            frames = [pl.DataFrame(schema=LINK_SCHEMA)]
            if space is not None:
                frames += link_pages(connection, space, between, joined=self._db.is_sqlite)
        return pl.concat(frames, rechunk=False)

    def put_owners(self, portal: str, people: Iterable[StoredOwner]) -> None:
        """Replace the portal's owners."""
        with self._db.write() as connection:
            connection.execute(sa.delete(owners).where(owners.c.portal == portal))
            rows = [(portal, o.id, o.name, o.active) for o in people]
            self._db.insert(connection, owners, ("portal", "id", "name", "active"), rows)

    def owners(self, portal: str) -> list[Owner]:
        with self._db.read() as connection:
            query = sa.select(owners.c.id, owners.c.name, owners.c.active).where(owners.c.portal == portal)
            return [Owner(*row) for row in connection.execute(query.order_by(owners.c.id))]

    def put_state(self, portal: str, key: str, value: Any) -> None:
        """Keep a small JSON value under `key`."""
        with self._db.write() as connection:
            row = (portal, key, json.dumps(value))
            self._db.insert(
                connection, state, ("portal", "key", "value"), [row], keys=("portal", "key"), replace=("value",)
            )

    def get_state(self, portal: str, key: str) -> Any:
        """The value under `key`, None where there is none."""
        with self._db.read() as connection:
            query = sa.select(state.c.value).where(state.c.portal == portal, state.c.key == key)
            text = connection.execute(query).scalar()
        return None if text is None else json.loads(text)

    # Inside

    def _make_space(self, connection: sa.Connection, portal: str, object_: str) -> int:
        space = _space(connection, portal, object_)
        if space is None:
            query = sa.insert(spaces).values(portal=portal, object=object_).returning(spaces.c.space)
            space = int(connection.execute(query).scalar_one())
        return space

    def _sweep(self, connection: sa.Connection, portal: str, object_: str, pull_id: str) -> int:
        space = _space(connection, portal, object_)
        if space is None:
            return 0
        query = sa.delete(records).where(records.c.space == space, records.c.pull_id != pull_id)
        swept = connection.execute(query).rowcount
        if swept:
            self._drop_orphans(connection, portal, object_, space)
        return swept

    def _drop_orphans(self, connection: sa.Connection, portal: str, object_: str, space: int) -> None:
        """Associations that lead from a record which is gone."""
        links = sa.select(spaces.c.space).where(
            spaces.c.portal == portal, spaces.c.object.startswith(_link(object_, ""), autoescape=True)
        )
        known = sa.select(records.c.id).where(records.c.space == space)
        for table in (associations, link_records):
            connection.execute(sa.delete(table).where(table.c.space.in_(links), table.c.from_id.not_in(known)))

    def _pages(self, connection: sa.Connection, space: int, with_properties: bool) -> Iterator[tuple[pl.Series, bytes]]:
        """Ids and properties in id order, a line a record. By key rather than by cursor, which PostgreSQL's driver
        would read whole."""
        columns = [records.c.id, *([records.c.properties] if with_properties else [])]
        last: str | None = None
        while True:
            query = sa.select(*columns).where(records.c.space == space).order_by(records.c.id).limit(_CHUNK_ROWS)
            if last is not None:
                query = query.where(records.c.id > last)
            ids, lines = _joined(connection, query) if self._db.is_sqlite else _listed(connection, query)
            if ids.is_empty():
                return
            yield ids, lines
            if len(ids) < _CHUNK_ROWS:
                return
            last = ids[-1]


def _joined(connection: sa.Connection, query: sa.Select[Any]) -> tuple[pl.Series, bytes]:
    """A page, joined by SQLite itself: no object a record costs a third of the CPU of reading one."""
    page = query.subquery()
    texts = [sa.func.group_concat(column, "\n") for column in page.c]
    count, ids, *lines = connection.execute(
        sa.select(sa.func.count(), texts[0], *(sa.cast(text, sa.LargeBinary) for text in texts[1:]))
    ).one()
    series = (
        pl.Series("id", [ids], dtype=pl.String).str.split("\n").explode() if count else pl.Series("id", [], pl.String)
    )
    if len(series) != count or not series.is_sorted():
        # An id with a line break in it, or lines in another order than they were asked for.
        return _listed(connection, query)
    return series, lines[0] if lines and count else b""


def _listed(connection: sa.Connection, query: sa.Select[Any]) -> tuple[pl.Series, bytes]:
    rows = connection.execute(query).all()
    ids = pl.Series("id", [row[0] for row in rows], dtype=pl.String)
    return ids, b"\n".join(row[1] for row in rows) if rows and len(rows[0]) > 1 else b""


def _columns(properties: Sequence[str]) -> list[str]:
    return [name for name in dict.fromkeys(properties) if name != "id"]


def _line(text: bytes) -> bytes:
    """`text` as it can be read line by line later, with other records."""
    if b"\\ud" in text or b"\\uD" in text:
        # Half a surrogate pair would be read as another character by Polars than by `decode`.
        return msgspec.json.encode(decode(text))
    # A newline inside JSON text is white space only; in a string it is escaped.
    return text.replace(b"\n", b" ") if b"\n" in text else text


def _link(from_: str, to: str) -> str:
    return f"{from_}>{to}"


def _space(connection: sa.Connection, portal: str, object_: str) -> int | None:
    query = sa.select(spaces.c.space).where(spaces.c.portal == portal, spaces.c.object == object_)
    return connection.execute(query).scalar()


def _count(space: int) -> sa.Select[int]:
    return sa.select(sa.func.count()).select_from(records).where(records.c.space == space)
