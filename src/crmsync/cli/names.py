"""Names, owners and links for ids, from the mirror alone: for what is shown after the assessed frames are gone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from crmsync.engine.context import Context
from crmsync.engine.plan import portal_info
from crmsync.model.fields import ObjectName
from crmsync.model.plan import Plan
from crmsync.planning.render import PEOPLE_SCHEMA

_NAMES: dict[ObjectName, tuple[str, ...]] = {
    "company": ("name",),
    "contact": ("first_name", "last_name"),
    "deal": ("name",),
}


def people_of_plan(context: Context, plan: Plan) -> pl.DataFrame:
    """`PEOPLE_SCHEMA` for every record that the plan changes or its summary names."""
    ids = {object_: plan.changes.filter(pl.col("object") == object_)["id"].unique().to_list() for object_ in _NAMES}
    summary = plan.summary
    named = [row["id"] for row in (summary.get("moves") or {}).get("worth_a_look") or ()]
    targets = summary.get("targets") or {}
    named += [*(targets.get("gained") or ()), *(row["id"] for row in targets.get("lost") or ())]
    quality = summary.get("quality") or {}
    named += [id_ for pair in quality.get("duplicates") or () for id_ in pair["ids"]]
    named += [row["id"] for row in quality.get("unreadable") or ()]
    ids["company"] += named
    for row in summary.get("skipped") or ():
        ids.get(row["object"], []).append(row["id"])
    return pl.concat([people(context, object_, wanted) for object_, wanted in ids.items()])


def people(context: Context, object_: ObjectName, ids: Iterable[str]) -> pl.DataFrame:
    """`PEOPLE_SCHEMA` for these records; those that are not mirrored are left out."""
    wanted = list(dict.fromkeys(ids))
    found = context.store.mirror.get_many(context.portal.name, object_, wanted) if wanted else {}
    owners = {owner.id: owner.name for owner in context.store.mirror.owners(context.portal.name)}
    mapped = context.mapping.read.get(object_, {})
    owner = mapped.get("owner")
    info = portal_info(context, fresh=False) if found else None
    rows = []
    for id_, values in found.items():
        parts = [values.get(mapped[field].property) for field in _NAMES[object_] if field in mapped]
        name = " ".join(part for part in parts if part)
        owned_by = owners.get(values.get(owner.property) or "") if owner else None
        rows.append((object_, id_, name or None, owned_by, info.link(object_, id_) if info else None))
    return pl.DataFrame(rows, schema=PEOPLE_SCHEMA, orient="row")


def labels(context: Context, pairs: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """(object, id) -> name, for those that have one."""
    by_object: dict[str, set[str]] = {}
    for object_, id_ in pairs:
        by_object.setdefault(object_, set()).add(id_)
    known: dict[tuple[str, str], str] = {}
    for object_ in _NAMES:
        for row in people(context, object_, sorted(by_object.get(object_, ()))).iter_rows(named=True):
            if row["name"]:
                known[object_, row["id"]] = row["name"]
    return known
