"""Managed accounts (domain.md A4): those with an active owner. A blank owner is a fact, not something unknown."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from crmsync.assess.base import System, World, text


def assess(world: World) -> World:
    """Add the field `managed`; null where the CRM did not say who its active owners are."""
    known = world.active_owners
    active = text("owner").is_in(sorted(known)) if known is not None else pl.lit(None, dtype=pl.Boolean)
    managed = pl.when(pl.col("owner").is_null()).then(pl.lit(value=False)).otherwise(active)
    return world.with_frame("company", world.accounts.with_columns(managed.alias("managed")))


def owner_text(row: Mapping[str, object]) -> str:
    """The owner of one account (`owner`, `managed`) in words, for an explanation."""
    if row["owner"] is None:
        return "it has no owner"
    if row["managed"] is None:
        return "it has an owner; the CRM did not say which owners are active"
    return "its owner is active" if row["managed"] else "its owner is not active"


OWNERSHIP = System(
    key="ownership",
    title="Ownership",
    source="domain.md A4",
    object="company",
    assess=assess,
    reads=lambda _program: {"company": frozenset({"owner"})},
    gives={"company": {"managed": pl.Boolean()}},
)
