"""Names, owners and links for the ids that a plan names: people read names, not ids alone."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmsync.assess.base import World
from crmsync.connectors.base import PortalInfo
from crmsync.engine.context import Context
from crmsync.model.fields import ObjectName

PEOPLE_SCHEMA = {"object": pl.String, "id": pl.String, "name": pl.String, "owner": pl.String, "url": pl.String}

#: Stands for an id while an address is taken apart; no CRM has it.
_ANY_ID = "\x00"


def people_of(
    ctx: Context, world: World, changes: pl.DataFrame, summary: dict[str, Any], info: PortalInfo
) -> pl.DataFrame:
    """One row (PEOPLE_SCHEMA) for each record that the plan changes or its summary names."""
    owners = {owner.id: owner.name for owner in ctx.store.mirror.owners(ctx.portal.name)}
    parts = [pl.DataFrame(schema=PEOPLE_SCHEMA)]
    for object_, frame in world.frames.items():
        ids = changes.filter(pl.col("object") == object_)["id"].unique()
        if object_ == "company":
            ids = pl.concat([ids, pl.Series(_named(summary), dtype=pl.String)])
        wanted = frame.filter(pl.col("id").is_in(ids.implode()))
        before, after = info.link(object_, _ANY_ID).split(_ANY_ID)
        parts.append(
            wanted.select(
                pl.lit(object_).alias("object"),
                pl.col("id"),
                display_name(object_).alias("name"),
                pl.col("owner").replace_strict(owners, default=None, return_dtype=pl.String).alias("owner"),
                pl.concat_str(pl.lit(before), pl.col("id"), pl.lit(after)).alias("url"),
            )
        )
    return pl.concat(parts)


def display_name(object_: ObjectName) -> pl.Expr:
    """What people call a record: a company's name or domain, a contact's first and last name."""
    if object_ == "company":
        return pl.coalesce("name", "domain")
    if object_ == "contact":
        full = pl.concat_str("first_name", "last_name", separator=" ", ignore_nulls=True)
        return pl.when(full != "").then(full)
    return pl.col("name")


def _named(summary: dict[str, Any]) -> list[str]:
    ids = [row["id"] for row in summary.get("moves", {}).get("worth_a_look", [])]
    targets = summary.get("targets", {})
    ids += [*targets.get("gained", []), *(row["id"] for row in targets.get("lost", []))]
    for pair in summary.get("quality", {}).get("duplicates", []):
        ids += pair["ids"]
    ids += [row["id"] for row in summary.get("quality", {}).get("unreadable", [])]
    return ids
