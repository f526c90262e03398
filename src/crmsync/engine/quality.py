"""Bad records stop nothing, and are listed: unreadable values, probable duplicates, findings of the systems."""

from __future__ import annotations

from typing import Any

import polars as pl

from crmsync.assess.base import World
from crmsync.errors import mask
from crmsync.model.snapshot import UNREADABLE

_LISTED = 50


def quality(world: World) -> dict[str, Any]:
    """`unreadable` (object, id, field, value), `duplicates` (domain, ids), `notes`; the first of each, with totals."""
    unreadable: list[dict[str, str]] = []
    total = 0
    for object_, frame in world.frames.items():
        for column in (name for name in frame.columns if name.startswith(UNREADABLE)):
            bad = frame.filter(pl.col(column).is_not_null()).select("id", column)
            total += bad.height
            field = column.removeprefix(UNREADABLE)
            unreadable += [
                {"object": object_, "id": id_, "field": field, "value": mask(text)}
                for id_, text in bad.head(_LISTED).rows()
            ]
    accounts = world.frames.get("company")
    doubles = duplicates(accounts) if accounts is not None and "domain" in accounts.columns else []
    return {
        "unreadable": unreadable[:_LISTED],
        "unreadable_total": total,
        "duplicates": doubles[:_LISTED],
        "duplicates_total": len(doubles),
        "notes": list(world.notes),
    }


def duplicates(accounts: pl.DataFrame) -> list[dict[str, Any]]:
    """Domains that several companies share, with their ids: probable duplicates, never merged by us."""
    shared = (
        accounts.filter(pl.col("domain").is_not_null())
        .group_by("domain")
        .agg(pl.col("id"))
        .filter(pl.col("id").list.len() > 1)
        .sort("domain")
    )
    return [{"domain": domain, "ids": ids} for domain, ids in shared.rows()]
