"""Bad records stop nothing, and are listed: unreadable values, probable duplicates, findings of the systems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from crmsync.assess.base import World
from crmsync.errors import mask
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import UNREADABLE

_LISTED = 50


@dataclass
class Quality:
    """What is noted of the records of one assessment, frame by frame."""

    unreadable: list[dict[str, str]] = field(default_factory=list)
    total: int = 0

    def add(self, object_: ObjectName, frame: pl.DataFrame) -> None:
        for column in (name for name in frame.columns if name.startswith(UNREADABLE)):
            bad = frame.filter(pl.col(column).is_not_null()).select("id", column)
            self.total += bad.height
            name = column.removeprefix(UNREADABLE)
            room = max(_LISTED - len(self.unreadable), 0)
            self.unreadable += [
                {"object": object_, "id": id_, "field": name, "value": mask(text)}
                for id_, text in bad.head(room).rows()
            ]

    def report(self, world: World) -> dict[str, Any]:
        """`unreadable` (object, id, field, value), `duplicates` (domain, ids), `notes`; totals beside them."""
        accounts = world.frames.get("company")
        doubles = duplicates(accounts) if accounts is not None and "domain" in accounts.columns else []
        return {
            "unreadable": self.unreadable,
            "unreadable_total": self.total,
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
