"""Names, owners and links for the ids that a plan names: people read names, not ids alone. From the mirror."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from crmsync.connectors.base import PortalInfo
from crmsync.engine.context import Context
from crmsync.engine.side import Side
from crmsync.model.fields import ObjectName
from crmsync.model.plan import Plan
from crmsync.planning.render import PEOPLE_SCHEMA

#: What people call a record: the first column that says something, its parts joined.
_NAMES: dict[ObjectName, tuple[tuple[str, ...], ...]] = {
    "company": (("name",), ("domain",)),
    "contact": (("first_name", "last_name"),),
    "deal": (("name",),),
}
#: From here on reading the whole mirror costs less than asking for each record.
_MANY = 5_000


def display_name(object_: ObjectName) -> pl.Expr:
    """What people call a record, from its canonical columns."""
    names = [pl.concat_str(*parts, separator=" ", ignore_nulls=True) for parts in _NAMES[object_]]
    return pl.coalesce([pl.when(name != "").then(name) for name in names])


def people_of_plan(ctx: Context, plan: Plan) -> pl.DataFrame:
    """PEOPLE_SCHEMA for every record that the plan changes or its summary names."""
    ids = {object_: plan.changes.filter(pl.col("object") == object_)["id"].unique().to_list() for object_ in _NAMES}
    ids["company"] += _named(plan)
    for row in plan.summary.get("skipped") or ():
        ids.get(row["object"], []).append(row["id"])
    return pl.concat([people(ctx, object_, wanted) for object_, wanted in ids.items()])


def _named(plan: Plan) -> list[str]:
    summary = plan.summary
    named = [row["id"] for row in (summary.get("moves") or {}).get("worth_a_look") or ()]
    named += [row["id"] for table in summary.get("decisions") or () for row in table["moved"]]
    targets = summary.get("targets") or {}
    named += [*(targets.get("gained") or ()), *(row["id"] for row in targets.get("lost") or ())]
    quality = summary.get("quality") or {}
    named += [id_ for pair in quality.get("duplicates") or () for id_ in pair["ids"]]
    return named + [row["id"] for row in quality.get("unreadable") or ()]


def people(ctx: Context, object_: ObjectName, ids: Iterable[str]) -> pl.DataFrame:
    """PEOPLE_SCHEMA for these records; those that are not mirrored are left out."""
    parts = [_people(side, object_, mine) for side, mine in ctx.by_side(dict.fromkeys(ids))]
    return pl.concat([pl.DataFrame(schema=PEOPLE_SCHEMA), *parts])


def _people(side: Side, object_: ObjectName, wanted: list[str]) -> pl.DataFrame:
    """`people` of one CRM's records."""
    mapped = side.mapping.read.get(object_, {})
    fields = [name for name in (*(part for parts in _NAMES[object_] for part in parts), "owner") if name in mapped]
    found = _read(side, object_, wanted, {name: mapped[name].property for name in fields})
    names = [name for parts in _NAMES[object_] for name in (*parts, "owner") if name not in found.columns]
    found = found.with_columns([pl.lit(None, dtype=pl.String).alias(name) for name in dict.fromkeys(names)])
    return found.select(
        pl.lit(object_).alias("object"),
        pl.col("id"),
        display_name(object_).alias("name"),
        pl.col("owner").replace_strict(side.owners, default=None, return_dtype=pl.String).alias("owner"),
        _link(kept_info(side), object_).alias("url"),
    )


def _read(side: Side, object_: ObjectName, ids: list[str], columns: Mapping[str, str]) -> pl.DataFrame:
    """`id` and the named columns of these records, as text."""
    mirror, space = side.store.mirror, side.space
    schema = {"id": pl.String, **dict.fromkeys(columns, pl.String)}
    if len(ids) < _MANY:
        rows = [
            (id_, *(values.get(property_) or None for property_ in columns.values()))
            for id_, values in mirror.get_many(space, object_, ids).items()
        ]
        return pl.DataFrame(rows, schema=schema, orient="row")
    asked = pl.DataFrame({"id": ids})
    pages = [
        page.join(asked, on="id", how="semi").select("id", *(pl.col(p).alias(name) for name, p in columns.items()))
        for page in mirror.scan(space, object_, list(columns.values()))
    ]
    return pl.concat([pl.DataFrame(schema=schema), *pages])


def kept_info(side: Side) -> PortalInfo | None:
    """The portal's facts as they were last asked for; None where they never were."""
    kept = side.store.mirror.get_state(side.space, "portal")
    return None if kept is None else PortalInfo(**kept, daily_limit=None, daily_left=None)


def _link(info: PortalInfo | None, object_: ObjectName) -> pl.Expr:
    if info is None:
        return pl.lit("")
    # Stands for an id while an address is taken apart; no CRM has it.
    before, after = info.link(object_, "\x00").split("\x00")
    return pl.concat_str(pl.lit(before), pl.col("id"), pl.lit(after))


def labels(ctx: Context, pairs: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """(object, id) -> name, for those that have one."""
    by_object: dict[str, set[str]] = {}
    for object_, id_ in pairs:
        by_object.setdefault(object_, set()).add(id_)
    known: dict[tuple[str, str], str] = {}
    for object_ in _NAMES:
        for row in people(ctx, object_, sorted(by_object.get(object_, ()))).iter_rows(named=True):
            if row["name"]:
                known[object_, row["id"]] = row["name"]
    return known
