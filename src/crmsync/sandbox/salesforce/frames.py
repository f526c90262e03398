"""Records of one object as a reader sees them at a moment, as columns.

Prevents a query from costing a dict per record: an org of millions is read by its columns.
"""

from collections.abc import Sequence

import polars as pl

from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.records import dtype_of


def visible(org: Org, name: str, fields: Sequence[str], *, deleted: bool, now_ms: int) -> pl.DataFrame:
    """`Id` and the named fields of what is committed at `now_ms`, with `deleted` the recycle bin's too.

    A checkbox is never null. What has been written since loading comes last; otherwise rows ascend by id.
    """
    spec, records = org.objects[name], org.records[name]
    types = {one: dtype_of(spec.fields[one]) for one in dict.fromkeys(["Id", *fields])}
    if "IsDeleted" in spec.fields:
        types["IsDeleted"] = pl.Boolean
    waiting = {id_: held.before for (of, id_), held in org.pending.items() if of == name and held.until > now_ms}
    written = {id_: values for id_, values in records.overlay.items() if id_ not in waiting} | waiting
    base = records.base.select(
        (pl.col(one).cast(kind) if one in records.base.columns else pl.lit(None, dtype=kind)).alias(one)
        for one, kind in types.items()
    )
    if written:
        base = base.filter(~pl.col("Id").is_in(list(written)))
        changed = [values for values in written.values() if values is not None]
        late = {
            one: pl.Series([values.get(one) for values in changed], dtype=kind, strict=False)
            for one, kind in types.items()
        }
        base = pl.concat([base, pl.DataFrame(late)])
    base = base.with_columns(pl.col(pl.Boolean).fill_null(False))
    if not deleted and "IsDeleted" in types:
        base = base.filter(~pl.col("IsDeleted"))
    return base.select(list(dict.fromkeys(["Id", *fields])))
