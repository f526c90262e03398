"""What one CRM's records refer to, in the ids that united records go by: other records, and owners."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from crmsync.model.fields import FIELDS, Kind, ObjectName

REFERENCES: dict[ObjectName, dict[str, ObjectName]] = {
    "company": {"parent": "company"},
    "contact": {"account": "company", "reports_to": "contact"},
    "deal": {"accounts": "company", "contacts": "contact", "contact_roles": "contact"},
}
"""Fields that hold ids of other records, and of which object."""


def same_owners(left: Mapping[str, str], right: Mapping[str, str]) -> dict[str, str]:
    """Right owner id -> left owner id, where exactly one owner on each side has that name."""
    lefts, rights = ({id_: " ".join(name.split()).casefold() for id_, name in side.items()} for side in (left, right))
    in_left, in_right = Counter(lefts.values()), Counter(rights.values())
    by_name = {name: id_ for id_, name in lefts.items() if name and in_left[name] == 1}
    return {id_: by_name[name] for id_, name in rights.items() if name in by_name and in_right[name] == 1}


@dataclass(frozen=True)
class Translation:
    """The right's references and owners in united ids. The left's are in those already."""

    ids: Mapping[ObjectName, pl.DataFrame]
    owners: Mapping[str, str]
    object: ObjectName

    def right(self, name: str, values: pl.Series) -> pl.Series:
        if name == "owner":
            return values.cast(pl.String).replace(dict(self.owners)) if self.owners else values
        to = REFERENCES[self.object].get(name)
        if to is None or to not in self.ids:
            return values
        known = self.ids[to].select(pl.col("right").alias("ref"), "id").drop_nulls("ref")
        if FIELDS[self.object][name].kind is not Kind.SET:
            return _looked_up(values.cast(pl.String), known).alias(values.name)
        return _entries_looked_up(values.cast(pl.List(pl.String)), known, labelled=name == "contact_roles")


def _looked_up(refs: pl.Series, known: pl.DataFrame) -> pl.Series:
    """Ids by `known` (`ref`, `id`), themselves where it has none."""
    found = refs.to_frame("ref").join(known, on="ref", how="left", maintain_order="left")
    return found.select(pl.coalesce("id", "ref")).to_series()


def _entries_looked_up(sets: pl.Series, known: pl.DataFrame, *, labelled: bool) -> pl.Series:
    """Each entry of each set looked up; what follows its colon stays where entries are `labelled`."""
    frame = sets.to_frame("set").with_row_index("row")
    entries = frame.filter(pl.col("set").list.len() > 0).explode("set")
    if entries.is_empty():
        return sets
    parts = (
        entries["set"].str.splitn(":", 2).struct.unnest() if labelled else entries.select(pl.col("set").alias("ref"))
    )
    ids = _looked_up(parts.to_series(0), known)
    if labelled:
        label = pl.when(parts["field_1"].is_null()).then(pl.lit("")).otherwise(pl.format(":{}", parts["field_1"]))
        ids = ids.to_frame("ref").select(pl.concat_str("ref", label)).to_series()
    moved = entries.select("row", ids.alias("moved")).group_by("row").agg(pl.col("moved").unique(maintain_order=True))
    joined = frame.join(moved, on="row", how="left", maintain_order="left")
    return joined.select(pl.coalesce("moved", "set").alias(sets.name)).to_series()
