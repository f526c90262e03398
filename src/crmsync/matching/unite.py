"""Two snapshots as one: a united record for each pair, its values, its ids on either side, and what the sides dispute.

A united record goes by the id it has on the left, the primary CRM, or else by the one on the right. A field's value is
the preferred side's where that is known, else the other's, so that it is unknown only where neither knows it. What
refers to other records is said in their united ids; a reference to a record that was not read stays as it is.

Of sets, an empty one gives way to one that is not, as a blank does; the contacts of a deal, and their roles, are those
of either side. What crmsync holds (`held.*`, a person's word among it) is the left's where there is any, else the
right's: what the program decides on is one state, not two. What each side itself holds, and its own properties
(`native.*`), are put in place of that by `view` before the diff.

The failures this prevents: one customer counted twice, a deal of one CRM lost to the account that both know, and a
field that nobody maps taken for one that nobody filled (a column is there only where a side has it).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import polars as pl

from crmsync.matching.disagreements import UNITED_SETS, differing, in_order, is_compared
from crmsync.matching.references import Translation, same_owners
from crmsync.model.fields import FIELDS, OBJECTS, Kind, ObjectName
from crmsync.model.snapshot import HELD, NATIVE, UNREADABLE, Coverage, Snapshot

Side = Literal["left", "right"]
#: A person's word is held under a name that ends so (model.outputs, `Output.person`).
OVERRIDE = "_override"


class Matches(Protocol):
    """Which records are the same: `pairs` has `left` and `right`, no id of either twice."""

    @property
    def pairs(self) -> pl.DataFrame: ...


@dataclass(frozen=True)
class Precedence:
    """Whose value counts where both sides have one: `fields` by object and field, `primary` for all others."""

    primary: Side = "left"
    fields: Mapping[tuple[ObjectName, str], Side] = field(default_factory=dict)

    def of(self, object_: ObjectName, name: str) -> Side:
        return self.fields.get((object_, name), self.primary)


@dataclass(frozen=True)
class United:
    """Two snapshots as one.

    `ids` by object: one row for each united record with `id`, `left` and `right` (String), null where a side has no
    such record; in the order of the frames, which is the left's, then the right's for what is there alone.
    `disagreements` is in DISAGREEMENT_SCHEMA.
    """

    snapshot: Snapshot
    ids: dict[ObjectName, pl.DataFrame]
    disagreements: pl.DataFrame


def unite(
    left: Snapshot, right: Snapshot, matches: Mapping[ObjectName, Matches], precedence: Precedence, *, digits: int = 2
) -> United:
    """Both snapshots as one, as of the left's moment. Pairs of records that were not read are left out.

    `digits`: of the program's currency, for the amounts in disagreements. Raises ValueError where a record is in two
    pairs, or where two unlike records would go by one id.
    """
    objects = [object_ for object_ in OBJECTS if object_ in left.frames or object_ in right.frames]
    rows = {object_: _Rows.of(object_, left, right, matches) for object_ in objects}
    owners = same_owners(left.owners, right.owners)
    frames: dict[ObjectName, pl.DataFrame] = {}
    disputes: list[pl.DataFrame] = []
    for object_ in objects:
        translate = Translation({to: rows[to].ids for to in objects}, owners, object_)
        pair = _Pair(object_, rows[object_], left.frames.get(object_), right.frames.get(object_), translate, precedence)
        frames[object_], found = pair.united(digits)
        disputes += found
    snapshot = Snapshot(
        frames,
        left.as_of,
        _coverage(left.coverage, right.coverage),
        owners=left.owners | {id_: name for id_, name in right.owners.items() if id_ not in owners},
        active_owners=_active(left, right, owners),
    )
    return United(snapshot, {object_: rows[object_].ids for object_ in objects}, in_order(disputes))


def side_ids(frame: pl.DataFrame, ids: pl.DataFrame, side: Side) -> pl.DataFrame:
    """The rows of `frame` (`id`: of the united record) that are on one side, in the same order, with their `id` there.

    `ids`: of the frame's object, from `United.ids`.
    """
    known = ids.select("id", pl.col(side).alias("here"))
    here = frame.select(pl.col("id").cast(pl.String)).join(known, on="id", how="left", maintain_order="left")["here"]
    # Most often every record is there: then no other column is copied.
    renamed = frame.with_columns(here.alias("id"))
    return renamed if here.null_count() == 0 else renamed.filter(here.is_not_null())


def view(frame: pl.DataFrame, ids: pl.DataFrame, side: Side, held: pl.DataFrame) -> pl.DataFrame:
    """`side_ids`, with what that side itself holds instead of what both do: what the diff compares.

    `held`: `id` (on that side, each once) and the side's `held.*` and `native.*`. A value that the side has no property
    for is no column; a record that `held` lacks holds nothing.
    """
    here = side_ids(frame, ids, side)
    here = here.drop([name for name in here.columns if name.startswith((HELD, NATIVE))])
    own = held.select("id", *(name for name in held.columns if name.startswith((HELD, NATIVE))))
    found = here.select("id").join(own, on="id", how="left", maintain_order="left").drop("id")
    return here.with_columns(found.get_columns())


@dataclass(frozen=True)
class _Rows:
    """The united records of one object: their ids, and the row of each in either side's frame, null where none."""

    ids: pl.DataFrame
    left: pl.Series
    right: pl.Series

    @classmethod
    def of(cls, object_: ObjectName, left: Snapshot, right: Snapshot, matches: Mapping[ObjectName, Matches]) -> _Rows:
        lefts, rights = (
            _record_ids(side.frames.get(object_), name) for side, name in ((left, "left"), (right, "right"))
        )
        found = matches.get(object_)
        pairs = pl.DataFrame(schema={"left": pl.String, "right": pl.String}) if found is None else found.pairs
        pairs = pairs.select(pl.col("left", "right").cast(pl.String)).drop_nulls()
        for side in ("left", "right"):
            if pairs[side].is_duplicated().any():
                twice = str(pairs.filter(pl.col(side).is_duplicated())[side].min())
                raise ValueError(f"{object_} {twice} ({side}) is paired with more than one record")
        pairs = pairs.join(lefts, on="left", how="semi").join(rights, on="right", how="semi")
        both = lefts.join(pairs, on="left", how="left", maintain_order="left")
        alone = rights.join(pairs, on="right", how="anti", maintain_order="left")
        ids = pl.concat([both.select("left", "right"), alone.select("right")], how="diagonal")
        ids = ids.select(pl.coalesce("left", "right").alias("id"), "left", "right")
        if ids["id"].is_duplicated().any():
            twice = str(ids.filter(pl.col("id").is_duplicated())["id"].min())
            raise ValueError(f"{object_} {twice} is the id of two records; the ids of two CRMs must differ")
        numbered = ids.join(lefts.with_row_index("at_left"), on="left", how="left", maintain_order="left")
        numbered = numbered.join(rights.with_row_index("at_right"), on="right", how="left", maintain_order="left")
        return cls(ids, numbered["at_left"], numbered["at_right"])


def _record_ids(frame: pl.DataFrame | None, name: str) -> pl.DataFrame:
    if frame is None:
        return pl.DataFrame(schema={name: pl.String})
    return frame.select(pl.col("id").cast(pl.String).alias(name))


@dataclass(frozen=True)
class _Pair:
    """One object's two frames, on the way to one."""

    object: ObjectName
    rows: _Rows
    left: pl.DataFrame | None
    right: pl.DataFrame | None
    translate: Translation
    precedence: Precedence

    def united(self, digits: int) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
        """The united frame, and where the sides disagree. Column by column, so that two more frames are never held."""
        columns, disputes = [self.rows.ids["id"]], []
        both = self.rows.left.is_not_null() & self.rows.right.is_not_null()
        ids = self.rows.ids["id"].filter(both)
        for name in self._names():
            values = self._sides(name)
            kept = values.select(self._value(name)).to_series()
            columns.append(kept)
            if self._disputed(name) and len(ids):
                pairs = values.filter(both).with_columns(ids, kept.filter(both).alias("kept"))
                disputes.append(differing(self.object, name.removeprefix(HELD), pairs, digits=digits))
        frame = pl.DataFrame(columns)
        return frame.with_columns(self._unreadable(frame)), disputes

    def _names(self) -> Iterator[str]:
        """Columns of either side that are united as they are, the left's first."""
        there = [name for frame in (self.left, self.right) if frame is not None for name in frame.columns]
        for name in dict.fromkeys(there):
            if name != "id" and not name.startswith((NATIVE, UNREADABLE)):
                yield name

    def _sides(self, name: str) -> pl.DataFrame:
        """`left` and `right` of one column, a row for each united record, in one type."""
        left = None if self.left is None or name not in self.left.columns else self.left[name]
        right = None if self.right is None or name not in self.right.columns else self.right[name]
        if right is not None:
            right = self.translate.right(name, right)
        dtype = self._dtype(name, left, right)
        sides = ((left, self.rows.left), (right, self.rows.right))
        values = [
            pl.repeat(None, len(at), dtype=dtype, eager=True) if column is None else column.cast(dtype).gather(at)
            for column, at in sides
        ]
        return pl.DataFrame({"left": values[0], "right": values[1]})

    def _dtype(self, name: str, left: pl.Series | None, right: pl.Series | None) -> pl.DataType:
        dtypes = [column.dtype for column in (left, right) if column is not None]
        for dtype in dtypes:
            # Narrower than text on one side, so on both.
            if dtype == pl.Categorical:
                return dtype
        known = FIELDS[self.object].get(name)
        return known.kind.dtype if known is not None else dtypes[0]

    def _preferred(self, name: str) -> tuple[pl.Expr, pl.Expr]:
        """The side that counts, and the other one."""
        side: Side = "left" if name.startswith(HELD) or name == "counterpart" else self.precedence.of(self.object, name)
        other: Side = "right" if side == "left" else "left"
        return pl.col(side), pl.col(other)

    def _value(self, name: str) -> pl.Expr:
        first, second = self._preferred(name)
        known = FIELDS[self.object].get(name)
        if known is not None and known.kind is Kind.SET:
            if self.object == "deal" and name in UNITED_SETS:
                together = pl.concat_list(first, second).list.unique(maintain_order=True)
                return pl.coalesce(together, first, second).alias(name)
            empty = (first.list.len() == 0).fill_null(value=False)
            return pl.when(~empty).then(pl.coalesce(first, second)).otherwise(pl.coalesce(second, first)).alias(name)
        if name.startswith(HELD):
            # A CRM's blank text is no value.
            first, second = (pl.when(side.cast(pl.String) != "").then(side) for side in (first, second))
        return pl.coalesce(first, second).alias(name)

    def _disputed(self, name: str) -> bool:
        return is_compared(self.object, name) or (name.startswith(HELD) and name.endswith(OVERRIDE))

    def _unreadable(self, frame: pl.DataFrame) -> list[pl.Series]:
        """Text that could not be read, of fields that neither side gives in another way; no column without any."""
        sides = [side for side in (self.left, self.right) if side is not None]
        names = dict.fromkeys(name for side in sides for name in side.columns if name.startswith(UNREADABLE))
        found = []
        for name in names:
            of = name.removeprefix(UNREADABLE)
            first, second = self._preferred(of)
            text = self._sides(name).select(pl.coalesce(first, second).alias(name)).to_series()
            if of in frame.columns:
                text = pl.DataFrame([text, frame[of]]).select(pl.when(pl.col(of).is_null()).then(name)).to_series()
            if text.null_count() < len(text):
                found.append(text.alias(name))
        return found


def _active(left: Snapshot, right: Snapshot, owners: Mapping[str, str]) -> frozenset[str] | None:
    """Owners who are active on either side; None where a side whose accounts have owners did not say who is."""
    silent = [side for side in (left, right) if side.active_owners is None and _owns(side)]
    if silent or (left.active_owners is None and right.active_owners is None):
        return None
    theirs = frozenset(owners.get(id_, id_) for id_ in right.active_owners or ())
    return (left.active_owners or frozenset()) | theirs


def _owns(side: Snapshot) -> bool:
    accounts = side.frames.get("company")
    if accounts is None or "owner" not in accounts.columns:
        return False
    return accounts["owner"].null_count() < accounts.height


def _coverage(left: Mapping[str, Coverage], right: Mapping[str, Coverage]) -> dict[str, Coverage]:
    """Records of both sides; complete only where each side is, even where one was read beyond what it counted."""
    united: dict[str, Coverage] = {}
    for name in dict.fromkeys([*left, *right]):
        sides = [side[name] for side in (left, right) if name in side]
        expected, previous = None, None
        if any(side.expected is not None for side in sides):
            expected = sum(max(side.expected or 0, side.read) for side in sides)
        if any(side.previous is not None for side in sides):
            # A side that was never read before is no loss against the last time.
            previous = sum(side.read if side.previous is None else side.previous for side in sides)
        united[name] = Coverage(sum(side.read for side in sides), expected, previous)
    return united
