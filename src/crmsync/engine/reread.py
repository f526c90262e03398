"""Records that a person names by id: read anew, or told as missing.

Prevents a wrong id that looks like "nothing to do".
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from crmsync.connectors.base import Record
from crmsync.engine import links
from crmsync.engine.context import Context
from crmsync.engine.ids import new_id
from crmsync.errors import RecordNotFound
from crmsync.model.fields import ObjectName


def reread(ctx: Context, object_: ObjectName, ids: Sequence[str]) -> set[str]:
    """Read the given records into the mirror, with their associations, a merged one as its survivor.

    Returns the ids they have now. Raises RecordNotFound that names every id that does not exist or is archived; nothing
    is written then.
    """
    if not ids:
        return set()
    found = ctx.connector.read(object_, ids, ctx.properties(object_))
    if found.missing:
        named = ", ".join(found.missing)
        raise RecordNotFound(f"{object_} {named}: no such record, or it is archived. Nothing was written.")
    modified = ctx.connector.modified_property[object_]
    records = [
        Record(id_, values.get(modified) or "", msgspec.json.encode(values)) for id_, values in found.values.items()
    ]
    links.store(ctx, object_, records, new_id("pull", ctx.now()), only_changed=False)
    gone = [old for old, new in found.merged.items() if old != new]
    ctx.store.mirror.delete_records(ctx.portal.name, object_, gone)
    return {found.merged.get(id_, id_) for id_ in ids}
