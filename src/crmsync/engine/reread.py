"""Records that a person names by id: read anew, or told as missing.

Prevents a wrong id that looks like "nothing to do".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from crmsync.connectors.base import ReadBack, Record
from crmsync.engine import links
from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.engine.picture import picture
from crmsync.engine.side import Side
from crmsync.errors import RecordNotFound
from crmsync.model.fields import ObjectName


def reread(ctx: Context, object_: ObjectName, ids: Sequence[str]) -> set[str]:
    """Read the given records into the mirror, with their associations, a merged one as its survivor.

    Returns the ids they have now. Raises RecordNotFound that names every id that does not exist or is archived; nothing
    is written then.
    """
    if not ids:
        return set()
    ids = [ctx.side_of(id_).connector.canonical_id(id_) for id_ in ids]
    found = [(side, side.connector.read(object_, mine, side.properties(object_))) for side, mine in ctx.by_side(ids)]
    missing = [id_ for _, read in found for id_ in read.missing]
    if missing:
        named = ", ".join(missing)
        raise RecordNotFound(f"{object_} {named}: no such record, or it is archived. Nothing was written.")
    return {id_ for side, read in found for id_ in _stored(side, object_, read)}


def reread_both(ctx: Context, chosen: Mapping[ObjectName, Collection[str]]) -> dict[ObjectName, set[str]]:
    """`reread`, and with it the same records in the other CRM, so that both are written from what stands now."""
    found = {object_: reread(ctx, object_, sorted(ids)) for object_, ids in chosen.items()}
    if len(ctx.sides) == 1 or not any(found.values()):
        return found
    seen = picture(ctx, ctx.now(), {}, asks=True)
    for object_, ids in found.items():
        others = {*seen.counterpart(object_, sorted(ids)).values()} - ids
        for side, theirs in ctx.by_side(sorted(others)):
            # One that went in this very moment is left to the next pull.
            _stored(side, object_, side.connector.read(object_, theirs, side.properties(object_)))
    return found


def _stored(side: Side, object_: ObjectName, found: ReadBack) -> set[str]:
    """Put what was read into the mirror; the ids of it."""
    modified = side.connector.modified_property[object_]
    records = [
        Record(id_, values.get(modified) or "", msgspec.json.encode(values)) for id_, values in found.values.items()
    ]
    links.store(side, object_, records, new_id("pull", side.now()), only_changed=False)
    gone = [old for old, new in found.merged.items() if old != new]
    side.store.mirror.delete_records(side.space, object_, gone)
    return set(found.values)
