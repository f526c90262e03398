"""Two CRMs as one truth: their records matched and united for one decision, and that decision shown to each of them.

It prevents four harms: an account decided twice with two answers, a guess that joins strangers, a value that two
writers push to and fro, and a record lost because a merge gave it another id. The left CRM is the one whose ids results
go by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import polars as pl

from crmsync.config.matches import load_decided
from crmsync.engine.carried import SIDES, CarriedOver, Where, holding
from crmsync.engine.context import Context
from crmsync.engine.merged import after_merges
from crmsync.engine.side import Side
from crmsync.engine.snapshot import PART_ROWS, build_snapshot, in_scope
from crmsync.matching.accounts import match_accounts
from crmsync.matching.contacts import match_contacts
from crmsync.matching.deals import match_deals
from crmsync.matching.disagreements import DIFFERS
from crmsync.matching.score import Matched
from crmsync.matching.unite import Precedence, unite, view
from crmsync.model.decided import Decided
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import HELD, NATIVE, Coverage, Snapshot
from crmsync.program.units import currency_digits

#: Rows of the review list, and of the disagreements, that a plan keeps.
_KEPT = 10_000
#: Names that no decision reads, which matching and people do.
_FOR_MATCHING = frozenset({"first_name", "last_name", "email", "counterpart"})


#: `how` of a pair, in the words of a sentence.
_HOW = {
    "decided": "a person's decision",
    "native": "the id that their integration keeps",
    "domain": "domain",
    "name_place": "name and place",
    "email": "e-mail address",
    "name_account": "name within the account",
    "account_name": "account and name",
}


class TwoCrms:
    """The picture of a portal with two CRMs (`engine.picture.Picture`)."""

    def __init__(self, ctx: Context, as_of: datetime, coverage: dict[str, Coverage], *, asks: bool = False) -> None:
        self._ctx = ctx
        snapshots = {side.crm: _read(side, as_of, coverage) for side in ctx.sides}
        self._held = {
            crm: {object_: _ours(frame) for object_, frame in snapshot.frames.items()}
            for crm, snapshot in snapshots.items()
        }
        left, right = (_without_natives(snapshots[side.crm]) for side in ctx.sides)
        decided = load_decided(ctx.portal.folder / ctx.portal.together.matches)
        left, right, now = after_merges(ctx, left, right, decided, asks=asks)
        self.matches = _matched(left, right, now)
        self._idle = _without_effect(now, self.matches)
        right = _counted_once(left, right, self.matches)
        native = {object_: _native(object_, left, right, found) for object_, found in self.matches.items()}
        self._carried = CarriedOver(ctx, native, self._held)
        left = self._carried.without_late(left, right)
        self.united = unite(left, right, self.matches, _precedence(ctx), digits=currency_digits(ctx.program.currency))
        frames = dict(self.united.snapshot.frames)
        frames["company"] = in_scope(ctx.portal.scope, frames["company"], as_of)
        self._contacts = frames.pop("contact", None)
        if self._contacts is not None and ctx.portal.scope is not None:
            inside = frames["company"].select(pl.col("id").cast(pl.String).alias("account"))
            self._contacts = self._contacts.join(inside, on="account", how="semi", maintain_order="left")
        self.snapshot = replace(self.united.snapshot, frames=frames)

    def contact_parts(self, *, named: bool = True) -> Iterator[pl.DataFrame]:
        if self._contacts is None:
            return
        needed = {name for side in self._ctx.sides for name in side.decides_on.get("contact", ())}
        unread = [] if named else sorted(_FOR_MATCHING - needed)
        for start in range(0, max(self._contacts.height, 1), PART_ROWS):
            yield self._contacts.slice(start, PART_ROWS).drop(unread, strict=False)

    def reporting_lines(self) -> pl.DataFrame | None:
        contacts = self.united.snapshot.frames.get("contact")
        if contacts is None or "reports_to" not in contacts.columns:
            return None
        return contacts.select("id", "reports_to").filter(pl.col("reports_to").is_not_null())

    def views(self, object_: ObjectName, frame: pl.DataFrame) -> list[tuple[Side, pl.DataFrame]]:
        ids, nothing = self.united.ids[object_], pl.DataFrame(schema={"id": pl.String})
        return [
            (side, view(frame, ids, where, self._held[side.crm].get(object_, nothing)))
            for side, where in zip(self._ctx.sides, SIDES, strict=True)
        ]

    def at_home(self, object_: ObjectName, ids: list[str]) -> list[str]:
        known = self.united.ids.get(object_)
        if known is None or not ids:
            return ids
        asked = pl.DataFrame({"right": ids}, schema={"right": pl.String})
        found = asked.join(known.select("right", "id").drop_nulls(), on="right", how="left", maintain_order="left")
        return found.select(pl.coalesce("id", "right")).to_series().to_list()

    def held(self, object_: ObjectName, output: str, ids: list[str]) -> pl.DataFrame:
        asked = pl.DataFrame({"id": ids}, schema={"id": pl.String})
        sides = [side for side in self._ctx.sides if object_ in self._held[side.crm]]
        both = [holding(self._held[side.crm][object_], HELD + output) for side in sides]
        return pl.concat([frame.join(asked, on="id", how="semi") for frame in both])

    def homes(self, changes: pl.DataFrame) -> pl.DataFrame:
        at_home = pl.concat(
            [
                pl.DataFrame(schema={"object": pl.String, "id": pl.String}),
                *(frame.select(pl.lit(name).alias("object"), "id") for name, frame in self.united.ids.items()),
            ]
        )
        return changes.join(at_home, on=["object", "id"], how="semi", maintain_order="left")

    def counterpart(self, object_: ObjectName, ids: Iterable[str]) -> dict[str, str]:
        pairs = self.united.ids.get(object_)
        if pairs is None:
            return {}
        both = pairs.drop_nulls(["left", "right"])
        asked = pl.DataFrame({"asked": list(ids)}, schema={"asked": pl.String})
        found = [
            both.join(asked, left_on=mine, right_on="asked", how="semi").select(mine, other).rows()
            for mine, other in (("left", "right"), ("right", "left"))
        ]
        return {mine: other for rows in found for mine, other in rows}

    def settle(self, changes: pl.DataFrame) -> pl.DataFrame:
        return self._carried.settle(changes)

    def remarks(self, object_: ObjectName, home: str) -> list[str]:
        row = self.united.ids[object_].filter(pl.col("id") == home).row(0, named=True)
        told = []
        if row["left"] is not None and row["right"] is not None:
            how = self.matches[object_].pairs.filter(pl.col("left") == row["left"])["how"][0]
            both = zip(self._ctx.sides, (row["left"], row["right"]), strict=True)
            ids = " and ".join(f"{side.title} {id_}" for side, id_ in both)
            told.append(f"{ids} are one {object_}, matched by {_HOW[how]}")
        disputed = self.united.disagreements.filter((pl.col("object") == object_) & (pl.col("id") == home))
        left, right = (side.title for side in self._ctx.sides)
        for one in disputed.iter_rows(named=True):
            if one["kept"] == DIFFERS:
                told.append(f"{one['field']}: {left} and {right} say different things")
            else:
                said = f"{left} says {one['left']}, {right} says {one['right']}; {one['kept']} counts"
                told.append(f"{one['field']}: {said}")
        return told

    def report(self) -> dict[str, Any]:
        disagreements = self.united.disagreements
        names = {where: side.title for where, side in zip(SIDES, self._ctx.sides, strict=True)}
        reviews = [
            found.review.select(pl.lit(object_).alias("object"), pl.all()) for object_, found in self.matches.items()
        ]
        review = pl.concat(reviews) if reviews else pl.DataFrame()
        return {
            "sides": names,
            "matched": {
                object_: dict(found.pairs.group_by("how", maintain_order=True).len().sort("how").rows())
                for object_, found in self.matches.items()
            },
            "only": {
                object_: {
                    names["left"]: ids.filter(pl.col("right").is_null()).height,
                    names["right"]: ids.filter(pl.col("left").is_null()).height,
                }
                for object_, ids in self.united.ids.items()
            },
            "review": review.head(_KEPT).to_dicts(),
            "review_total": review.height,
            "disagreements": disagreements.head(_KEPT).to_dicts(),
            "disagreements_total": disagreements.height,
            "carried": {f"{of}.{name}": str(state.way) for (of, name), state in self._carried.states.items()},
            "notes": [*self._carried.notes(), *self._idle],
        }


def _read(side: Side, as_of: datetime, coverage: dict[str, Coverage]) -> Snapshot:
    mine = {label: coverage[label] for object_ in side.objects if (label := side.label(object_)) in coverage}
    return build_snapshot(side, as_of, mine, scoped=False)


def _ours(frame: pl.DataFrame) -> pl.DataFrame:
    """What one CRM holds of ours, and of its own that follows."""
    return frame.select("id", *(name for name in frame.columns if name.startswith((HELD, NATIVE))))


def _without_natives(snapshot: Snapshot) -> Snapshot:
    frames = {
        object_: frame.drop([name for name in frame.columns if name.startswith(NATIVE)])
        for object_, frame in snapshot.frames.items()
    }
    return replace(snapshot, frames=frames)


def _precedence(ctx: Context) -> Precedence:
    side_of = {side.crm: where for side, where in zip(ctx.sides, SIDES, strict=True)}
    fields = {
        (object_, name): side_of[crm]
        for object_, chosen in ctx.portal.together.fields.items()
        for name, crm in chosen.items()
    }
    return Precedence("left", fields)


def _matched(left: Snapshot, right: Snapshot, decided: Mapping[ObjectName, Decided]) -> dict[ObjectName, Matched]:
    """Accounts first; people and deals are looked for within the accounts that are the same."""
    found: dict[ObjectName, Matched] = {
        "company": match_accounts(left.frames["company"], right.frames["company"], decided["company"])
    }
    accounts = found["company"].pairs
    if "contact" in left.frames and "contact" in right.frames:
        found["contact"] = match_contacts(left.frames["contact"], right.frames["contact"], accounts, decided["contact"])
    if "deal" in left.frames and "deal" in right.frames:
        found["deal"] = match_deals(left.frames["deal"], right.frames["deal"], accounts, decided["deal"])
    return found


def _without_effect(decided: Mapping[ObjectName, Decided], matches: Mapping[ObjectName, Matched]) -> list[str]:
    """Pairs that a person called the same and that are none, such as a company with a contact: each said once."""
    made = {object_: set(found.pairs.select("left", "right").rows()) for object_, found in matches.items()}
    rows = zip(*(decided[object_].same for object_ in matches), strict=True)
    return [
        f"matches.yaml: {one} and {other} are not two records of one kind that the two CRMs have; the line does nothing"
        for each in rows
        if not any(pair in found or pair[::-1] in found for pair, found in zip(each, made.values(), strict=True))
        for one, other in each[:1]
    ]


def _counted_once(left: Snapshot, right: Snapshot, matches: dict[ObjectName, Matched]) -> Snapshot:
    """Without deals that a person has yet to tell from one on the left of the same account: one purchase would count
    as two there. Of two accounts each keeps its own, for neither has both."""
    found = matches.get("deal")
    if found is None or found.review.is_empty():
        return right
    deals, doubtful = right.frames["deal"], found.review.select("left", "right")
    if "accounts" in deals.columns and "accounts" in left.frames["deal"].columns:
        accounts = matches["company"].pairs.select(pl.col("left").alias("at_left"), pl.col("right").alias("at_right"))
        mine, theirs = _accounts(left, "left"), _accounts(right, "right")
        doubtful = doubtful.join(mine, on="left").join(accounts, on="at_left").join(theirs, on=["right", "at_right"])
    sure = deals.filter(~pl.col("id").cast(pl.String).is_in(doubtful["right"].implode()))
    return replace(right, frames={**right.frames, "deal": sure})


def _accounts(snapshot: Snapshot, side: Where) -> pl.DataFrame:
    """The accounts of each deal: `left` and `at_left`, or right."""
    rows = snapshot.frames["deal"].select(pl.col("id").alias(side), pl.col("accounts").alias(f"at_{side}"))
    return rows.explode(f"at_{side}").drop_nulls().select(pl.all().cast(pl.String))


def _native(object_: ObjectName, left: Snapshot, right: Snapshot, found: Matched) -> pl.DataFrame:
    """Those of the pairs that the CRMs' own integration links, on either side."""
    pairs = found.pairs.select("left", "right")
    linked = [pairs.clear()]
    for mine, other, snapshot in (("left", "right", left), ("right", "left", right)):
        frame = snapshot.frames[object_]
        if "counterpart" in frame.columns:
            known = frame.select(pl.col("id").alias(mine), pl.col("counterpart").alias(other)).drop_nulls()
            linked.append(pairs.join(known, on=["left", "right"], how="semi"))
    return pl.concat(linked).unique(maintain_order=True)
