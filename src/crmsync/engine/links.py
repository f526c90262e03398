"""Associations between records: which ones the program needs, read with the records and laid out as fields.

A record's associations are stored before the record itself. An interrupted read then leaves the record as the mirror
knew it, so that the next pull takes it for changed and asks again; the other way round its links would stay old.

Whether HubSpot moves a record's modified time when nothing but an association changes is not verified: the scheduled
full pull reads every association anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import polars as pl

from crmsync.config.mappings import ReadMap
from crmsync.connectors.base import Record
from crmsync.engine.side import Side
from crmsync.model.fields import FIELDS, Kind, ObjectName

#: Records that are stored at once where no associations are asked for.
_STORED_AT_ONCE = 1_000
#: Sets that say what a linked record is called there, `<id>:<label>`, rather than its id alone.
_WITH_LABELS = frozenset({"contact_roles"})
#: Sets that say what linked records are called there, and not which they are.
_LABELS_ALONE = frozenset({"buying_role"})
#: A label that every main association carries; it says nothing of a person's part.
_PRIMARY = "primary"


def targets(side: Side, object_: ObjectName) -> tuple[ObjectName, ...]:
    """The objects to which the program needs this object's associations."""
    asked = (read.associated for read in _linked(side, object_, side.reads.get(object_, ())).values())
    return tuple(dict.fromkeys(to for to in asked if to is not None))


def batch(side: Side, object_: ObjectName) -> int:
    """How many records to store at once, so that their associations take few calls."""
    return side.connector.link_batch if targets(side, object_) else _STORED_AT_ONCE


def layout(side: Side, object_: ObjectName) -> tuple[str, ...]:
    """What the mirror holds of a record: properties and associations, and which of those the CRM did not show.

    Another layout asks for a full pull: a right that was given to a field, or taken away, changes no record.
    """
    asked = side.properties(object_)
    unseen = (f"unseen.{name}" for name in side.connector.unseen(object_, asked))
    return (*asked, *sorted(f"associations.{to}" for to in targets(side, object_)), *unseen)


def store(side: Side, object_: ObjectName, records: Sequence[Record], pull_id: str, *, only_changed: bool) -> None:
    """Put records into the mirror, after their associations; `only_changed` asks for those of changed records alone."""
    ids = [record.id for record in records]
    if only_changed and targets(side, object_):
        known = side.store.mirror.modified_times(side.space, object_, ids)
        ids = [record.id for record in records if known.get(record.id) != record.modified_at]
    fetch(side, object_, ids)
    side.store.mirror.put_records(side.space, object_, records, pull_id)


def fetch(side: Side, object_: ObjectName, ids: Sequence[str], to: Iterable[ObjectName] | None = None) -> None:
    """Replace the mirror's associations of these records, batch by batch; all that the program needs, or those `to`."""
    wanted = tuple(targets(side, object_) if to is None else to)
    size = side.connector.link_batch
    for start in range(0, len(ids), size):
        batch = ids[start : start + size]
        for other in wanted:
            found = side.connector.associations(object_, other, batch)
            side.store.mirror.put_associations(side.space, object_, other, found)


def mend(side: Side, object_: ObjectName, gone: Iterable[ObjectName]) -> None:
    """Ask again for associations that lead to records which the mirror no longer holds: a merge gave them another id.

    `gone`: objects of which records went in this pull.
    """
    mirror, portal = side.store.mirror, side.space
    for to in sorted(set(gone) & set(targets(side, object_))):
        lost = mirror.load_associations(portal, object_, to).join(
            mirror.ids(portal, to).to_frame("to_id"), on="to_id", how="anti"
        )
        fetch(side, object_, lost["from_id"].unique(maintain_order=True).to_list(), (to,))


def caught_up(side: Side, object_: ObjectName, at: datetime) -> None:
    """Every association of this object is as it was at `at` or later: from then on changes of them are asked for."""
    for to in targets(side, object_):
        side.store.mirror.put_state(side.space, _state(object_, to), at.isoformat())


def follow(side: Side, object_: ObjectName) -> None:
    """Read again the associations that changed though their record did not, where the CRM tells of such a thing."""
    mirror = side.store.mirror
    for to in targets(side, object_):
        since = mirror.get_state(side.space, _state(object_, to))
        began = side.now()
        if since is not None:
            changed = side.connector.link_changes(object_, to, datetime.fromisoformat(since) - side.connector.lag)
            if changed.lost:
                fetch(side, object_, mirror.ids(side.space, object_).to_list(), (to,))
            else:
                ids = {*changed.of, *mirror.linked_by(side.space, object_, to, changed.gone)}
                fetch(side, object_, sorted(mirror.modified_times(side.space, object_, ids)), (to,))
        mirror.put_state(side.space, _state(object_, to), began.isoformat())


def _state(object_: ObjectName, to: ObjectName) -> str:
    return f"links.{object_}.{to}"


def with_links(side: Side, object_: ObjectName, frame: pl.DataFrame, fields: Iterable[str]) -> pl.DataFrame:
    """`frame` (with `id`) and those of `fields` that associations feed, in the place of columns of the same name.

    A set holds the linked ids, empty where there are none, which is known; `contact_roles` holds `<id>:<label>`, the
    label in lower snake case, one entry for each label; `buying_role` the labels alone, null where nobody said one. A
    single id is the linked record that carries the mapping's
    label; of several the lowest, never the record itself.
    """
    linked = _linked(side, object_, fields)
    if not linked or frame.is_empty():
        return frame
    # Only what lies between the part's first and last id: all links of a large portal do not fit into memory.
    between = str(frame["id"].min()), str(frame["id"].max())
    loaded: dict[ObjectName, pl.DataFrame] = {}
    for name, read in sorted(linked.items()):
        to = read.associated
        assert to is not None
        if to not in loaded:
            loaded[to] = side.store.mirror.load_associations(side.space, object_, to, between=between)
        single = FIELDS[object_][name].kind is Kind.ID
        column = _column(loaded[to], name, read, single=single)
        frame = frame.drop(name, strict=False).join(column, on="id", how="left", maintain_order="left")
        if not single and name not in _LABELS_ALONE:
            frame = frame.with_columns(pl.col(name).fill_null(pl.lit([], dtype=pl.List(pl.String))))
    return frame


def linked_ids(side: Side, object_: ObjectName, name: str) -> pl.DataFrame:
    """`id` and the field `name`, a single linked record, of every record that has one; without reading the records."""
    read = side.mapping.read[object_][name]
    assert read.associated is not None
    links = side.store.mirror.load_associations(side.space, object_, read.associated)
    return _column(links, name, read, single=True)


def _linked(side: Side, object_: ObjectName, fields: Iterable[str]) -> dict[str, ReadMap]:
    known = side.mapping.read.get(object_, {})
    return {name: known[name] for name in fields if name in known and known[name].associated is not None}


def _column(links: pl.DataFrame, name: str, read: ReadMap, *, single: bool) -> pl.DataFrame:
    """`id` and the field `name`, one row for each record that has something there."""
    rows = links.rename({"from_id": "id"})
    if name in _LABELS_ALONE:
        labels = _by_role(rows).filter(pl.col("role") != _PRIMARY).select("id", pl.col("role").alias(name))
        return labels.unique(maintain_order=True).group_by("id", maintain_order=True).agg(pl.col(name).sort())
    if read.label is not None or name in _WITH_LABELS:
        rows = _by_role(rows)
        if read.label is not None:
            rows = rows.filter(pl.col("role") == pl.select(_snake(pl.lit(read.label))).item())
    if single:
        others = rows.filter(pl.col("to_id") != pl.col("id")).sort("id", pl.col("to_id").str.len_bytes(), "to_id")
        return others.group_by("id", maintain_order=True).agg(pl.col("to_id").first().alias(name))
    entry = pl.concat_str("to_id", pl.lit(":"), "role") if name in _WITH_LABELS else pl.col("to_id")
    return rows.group_by("id", maintain_order=True).agg(entry.alias(name))


def _by_role(rows: pl.DataFrame) -> pl.DataFrame:
    """One row for each label, with it in lower snake case as `role`; rows without a label are left out."""
    each = rows.drop_nulls("labels").with_columns(pl.col("labels").str.split(";")).explode("labels")
    each = each.with_columns(_snake(pl.col("labels")).alias("role")).filter(pl.col("role") != "")
    return each.select("id", "to_id", "role").unique(maintain_order=True)


def _snake(label: pl.Expr) -> pl.Expr:
    return label.str.to_lowercase().str.replace_all(r"[^\p{L}\p{M}\p{N}]+", "_").str.strip_chars("_")
