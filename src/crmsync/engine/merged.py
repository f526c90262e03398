"""Ids of one CRM that the other one, or a person, still names after a merge took them away.

A record that is gone leaves no trace of where it went once it is purged, so what was found out is kept in the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from crmsync.engine.context import Context
from crmsync.engine.side import Side
from crmsync.model.decided import Decided, IdPair
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import Snapshot

Moved = Mapping[ObjectName, Mapping[str, str]]
"""Ids that a merge took away, with those of the survivors; two objects of HubSpot may have one number."""


def after_merges(
    ctx: Context, left: Snapshot, right: Snapshot, decided: Decided, *, asks: bool
) -> tuple[Snapshot, Snapshot, dict[ObjectName, Decided]]:
    """Both sides with the other's ids as they are now, in one form, and a person's pairs for each object likewise, in
    the same order for all of them.

    `asks`: the CRM may be asked about ids that are not known to be merged or gone yet.
    """
    l_side, r_side = ctx.sides
    decided = Decided(same=_plain(ctx, decided.same), different=_plain(ctx, decided.different))
    named = _objects(decided, left, right)
    moved_left = _moved(l_side, left, right, named, asks=asks)
    moved_right = _moved(r_side, right, left, named, asks=asks)
    now: dict[ObjectName, Decided] = {}
    for object_ in left.frames:
        moved = {**moved_left.get(object_, {}), **moved_right.get(object_, {})}
        now[object_] = Decided(same=_followed(decided.same, moved), different=_followed(decided.different, moved))
    return _pointing(left, right, moved_right, r_side), _pointing(right, left, moved_left, l_side), now


def _plain(ctx: Context, pairs: Iterable[IdPair]) -> tuple[IdPair, ...]:
    """Pairs in the CRMs' own form of an id."""

    def plain(id_: str) -> str:
        return ctx.side_of(id_.strip()).connector.canonical_id(id_)

    return tuple(dict.fromkeys((plain(one), plain(other)) for one, other in pairs))


def _followed(pairs: Iterable[IdPair], moved: Mapping[str, str]) -> tuple[IdPair, ...]:
    return tuple((moved.get(one, one), moved.get(other, other)) for one, other in pairs)


def _objects(decided: Decided, left: Snapshot, right: Snapshot) -> dict[ObjectName, set[str]]:
    """A person's ids by object: the one of which at least one id of the pair is known, or else any."""
    pairs = (*decided.same, *decided.different)
    ids = {id_ for pair in pairs for id_ in pair}
    found: dict[ObjectName, set[str]] = {object_: set() for object_ in left.frames}
    if not ids:
        return found
    asked = pl.Series(sorted(ids), dtype=pl.String)
    known = {
        object_: {
            id_
            for snapshot in (left, right)
            if object_ in snapshot.frames
            for id_ in asked.filter(asked.is_in(snapshot.frames[object_]["id"].cast(pl.String).implode()))
        }
        for object_ in found
    }
    for pair in pairs:
        of = [object_ for object_ in found if known[object_] & {*pair}]
        for object_ in of or found:
            found[object_] |= {*pair}
    return found


def _pointing(snapshot: Snapshot, others: Snapshot, moved: Moved, side: Side) -> Snapshot:
    """Counterparts, ids of `side`, as they are now; `others` are that side's records."""
    frames = dict(snapshot.frames)
    for object_ in snapshot.frames.keys() & others.frames.keys():
        gone, changed = moved.get(object_, {}), {}
        for text in _unknown(snapshot, others, object_):
            id_ = side.connector.canonical_id(text)
            if (now := gone.get(id_, id_)) != text:
                changed[text] = now
        if changed:
            told = pl.col("counterpart").cast(pl.String).replace(changed)
            frames[object_] = frames[object_].with_columns(told.alias("counterpart"))
    return replace(snapshot, frames=frames)


def _unknown(snapshot: Snapshot, others: Snapshot, object_: ObjectName) -> list[str]:
    """Counterparts as they are written, of which the other CRM has no record by that id: few of very many."""
    frame = snapshot.frames[object_]
    if "counterpart" not in frame.columns:
        return []
    told = frame.select(pl.col("counterpart").cast(pl.String)).drop_nulls().unique().sort("counterpart")
    live = others.frames[object_].select(pl.col("id").cast(pl.String))
    return told.join(live, left_on="counterpart", right_on="id", how="anti").to_series().to_list()


def _moved(
    side: Side, mine: Snapshot, others: Snapshot, decided: Mapping[ObjectName, set[str]], *, asks: bool
) -> dict[ObjectName, dict[str, str]]:
    """Ids of this CRM that others still name and that a merge took away, by object."""
    mirror = side.store.mirror
    moved: dict[ObjectName, dict[str, str]] = {}
    for object_, frame in mine.frames.items():
        named = _unknown(others, mine, object_) if object_ in others.frames else []
        asked = {side.connector.canonical_id(id_) for id_ in (*named, *decided.get(object_, ()))}
        if asked or mirror.get_state(side.space, f"redirects.{object_}"):
            live = set(frame["id"].cast(pl.String).to_list())
            moved[object_] = _ends(side, object_, {id_ for id_ in asked - live if side.connector.owns(id_)}, live, asks)
    return moved


def _ends(side: Side, object_: ObjectName, lost: set[str], live: set[str], asks: bool) -> dict[str, str]:
    """Where the `lost` ids went, over as many merges as there were; those that went nowhere are left out."""
    mirror, state = side.store.mirror, f"redirects.{object_}"
    before: dict[str, str] = dict(mirror.get_state(side.space, state) or {})
    # "" is kept of what was gone without a trace, so that it is not asked for again; one that came back is forgotten.
    kept = {id_: to for id_, to in before.items() if to or id_ not in live}
    looked: set[str] = set()
    while True:
        ends = {id_: _end(id_, kept) for id_ in lost}
        new = {end for end in ends.values() if end not in live and end not in kept} - looked
        if not new or not asks:
            break
        looked |= new
        read = side.connector.read(object_, sorted(new), ())
        # What lives, and is only not read yet, is asked for again the next time.
        kept |= {id_: to for id_, to in read.merged.items() if id_ != to} | dict.fromkeys(read.missing, "")
    if kept != before and asks:
        mirror.put_state(side.space, state, kept)
    return {id_: end for id_, end in ends.items() if end != id_}


def _end(id_: str, kept: Mapping[str, str]) -> str:
    seen = {id_}
    while (further := kept.get(id_)) and further not in seen:
        id_ = further
        seen.add(id_)
    return id_
