"""Two CRMs as one truth: their records matched and united for one decision, and that decision shown to each of them.

It prevents four harms: an account decided twice with two answers, a guess that joins strangers, a value that two
writers push to and fro, and a record lost because a merge gave it another id. The left CRM is the one whose ids results
go by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

import polars as pl

from crmsync.config.connections import Crm
from crmsync.config.matches import load_decided
from crmsync.engine.context import Context
from crmsync.engine.merged import after_merges
from crmsync.engine.side import Side
from crmsync.engine.snapshot import PART_ROWS, build_snapshot, in_scope
from crmsync.matching import carry
from crmsync.matching.accounts import match_accounts
from crmsync.matching.contacts import match_contacts
from crmsync.matching.deals import match_deals
from crmsync.matching.disagreements import DIFFERS
from crmsync.matching.put_back import PUT_BACK_SCHEMA, give_up, put_back
from crmsync.matching.score import Matched
from crmsync.matching.unite import Precedence, unite, view
from crmsync.model.decided import Decided
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import HELD, NATIVE, Coverage, Snapshot
from crmsync.planning.diff import LAST_RUN
from crmsync.program.units import currency_digits

Where = Literal["left", "right"]
SIDES: tuple[Where, Where] = ("left", "right")
#: Rows of the review list, and of the disagreements, that a plan keeps.
_KEPT = 10_000
#: Names that no decision reads, which matching and people do.
_FOR_MATCHING = frozenset({"first_name", "last_name", "email", "counterpart"})


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
        right = _counted_once(left, right, self.matches)
        self._native = {object_: _native(object_, left, right, found) for object_, found in self.matches.items()}
        left = self._without_late(left, right)
        self.united = unite(left, right, self.matches, _precedence(ctx), digits=currency_digits(ctx.program.currency))
        frames = dict(self.united.snapshot.frames)
        frames["company"] = in_scope(ctx.portal.scope, frames["company"], as_of)
        self._contacts = frames.pop("contact", None)
        if self._contacts is not None and ctx.portal.scope is not None:
            inside = frames["company"].select(pl.col("id").cast(pl.String).alias("account"))
            self._contacts = self._contacts.join(inside, on="account", how="semi", maintain_order="left")
        self.carried: carry.States = {}
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
        both = [self._holding(side.crm, object_, HELD + output) for side in sides]
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
        self.carried = self._ways()
        waiting = [key for key, state in self.carried.items() if state.written_by_sender_alone]
        linked = [
            self._linked(object_).select(pl.lit(object_).alias("object"), pl.col("receiver").alias("id"))
            for object_ in self._native
        ]
        if not waiting or not linked:
            return changes
        there = pl.DataFrame(waiting, schema={"object": pl.String, "property": pl.String}, orient="row")
        # Where the integration put Salesforce's value back over ours it would do so again: that record is written here
        # too, with the reason and the date that go along.
        lost = self._put_back(changes)
        covered = pl.concat(linked).join(lost, on=["object", "id"], how="anti").join(there, on="object")
        kept = changes.join(covered, on=["object", "id", "property"], how="anti", maintain_order="left")
        return _without_lonely_stamps(kept, self._ctx.prefix + LAST_RUN.name)

    # What HubSpot's own integration carries over

    def _put_back(self, changes: pl.DataFrame) -> pl.DataFrame:
        """The receiver's values that were put back over ours; from then on such properties are written to both."""
        found = [pl.DataFrame(schema=PUT_BACK_SCHEMA)]
        carried = {key for key, state in self.carried.items() if state.way is carry.Way.CARRIED}
        for object_ in sorted({name for name, _ in carried}):
            names = [name for of, name in carried if of == object_]
            mine = changes.filter((pl.col("object") == object_) & pl.col("property").is_in(names))
            linked = self._linked(object_).join(mine.select(receiver="id"), on="receiver", how="semi")
            linked = linked.join(mine.select(sender="id"), on="sender", how="semi")
            if linked.is_empty():
                continue
            wrote = self._ctx.store.ledger.last_written(self._ctx.portal.name, object_, linked["sender"].to_list())
            wrote = wrote.select("property", id="record_id", value="after")
            found.append(put_back(mine, linked, wrote))
        lost = pl.concat(found)
        states = give_up(self.carried, lost, self._ctx.now())
        if states != self.carried:
            self.carried = states
            self._ctx.store.mirror.put_state(self._ctx.portal.name, "carried", carry.to_json(states))
        return lost

    @property
    def _ends(self) -> tuple[Where, Where]:
        """Which side gives values to the CRMs' own integration, and which one receives them: Salesforce."""
        return ("right", "left") if self._ctx.sides[0].crm == "salesforce" else ("left", "right")

    def _linked(self, object_: ObjectName) -> pl.DataFrame:
        """`sender` and `receiver` ids of the records that the CRMs' own integration links."""
        sender, receiver = self._ends
        return self._native[object_].select(pl.col(sender).alias("sender"), pl.col(receiver).alias("receiver"))

    def _without_late(self, left: Snapshot, right: Snapshot) -> Snapshot:
        """The left, where it is the one that receives: without what it holds of values that reach it by the integration
        and that the sender holds. Those may be a quarter of an hour old, and would be taken for what stands."""
        if self._ends[1] != "left":
            return left
        frames = dict(left.frames)
        for (object_, name), state in carry.from_json(self._kept_ways()).items():
            held = HELD + name.removeprefix(self._ctx.prefix)
            if not state.written_by_sender_alone or object_ not in self._native:
                continue
            if held not in frames[object_].columns or held not in right.frames[object_].columns:
                continue
            sent = right.frames[object_].filter(pl.col(held).cast(pl.String) != "").select(pl.col("id").alias("right"))
            late = self._native[object_].join(sent, on="right", how="semi")["left"].implode()
            kept = pl.when(~pl.col("id").cast(pl.String).is_in(late)).then(pl.col(held)).alias(held)
            frames[object_] = frames[object_].with_columns(kept)
        return replace(left, frames=frames)

    def _kept_ways(self) -> dict[str, Any] | None:
        """What the last plan knew of how our properties reach Salesforce."""
        kept: dict[str, Any] | None = self._ctx.store.mirror.get_state(self._ctx.portal.name, "carried")
        return kept

    def _ways(self) -> carry.States:
        """How each of our properties reaches Salesforce, as far as it shows now; kept for the next plan."""
        ctx = self._ctx
        outputs = [one for one in ctx.owned if not one.person and one.object in self._native]
        keys = [(one.object, ctx.prefix + one.name) for one in outputs]
        chosen = ctx.portal.together.carried
        stated: dict[ObjectName, list[str]] | None = None
        if chosen != "detect":
            stated = {}
            if chosen != "none":
                stated["company"] = [ctx.prefix + name for name in chosen.company]
                stated["contact"] = [ctx.prefix + name for name in chosen.contact]
        kept = self._kept_ways()
        states = carry.declare(carry.from_json(kept), keys, stated)
        if stated is None:
            seen = {key: frame for object_ in self._native for key, frame in self._observed(object_, keys, states)}
            wait = timedelta(minutes=ctx.portal.together.carry_wait_min)
            states = carry.judge_all(states, seen, ctx.now(), wait)
        now = carry.to_json(states)
        if now != kept:
            ctx.store.mirror.put_state(ctx.portal.name, "carried", now)
        return states

    def _observed(
        self, object_: ObjectName, keys: list[carry.Key], states: carry.States
    ) -> Iterator[tuple[carry.Key, pl.DataFrame]]:
        """What shows of the properties of one object that are not known to be written by us on both sides."""
        mine = [key for key in keys if key[0] == object_]
        open_ = [key for key in mine if key not in states or states[key].written_by_sender_alone]
        if not open_:
            return
        linked = self._linked(object_)
        sender, receiver = (dict(zip(SIDES, self._ctx.sides, strict=True))[end].crm for end in self._ends)
        looked: dict[carry.Key, tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]] = {}
        for key in open_:
            name = HELD + key[1].removeprefix(self._ctx.prefix)
            given, received = (self._holding(crm, object_, name) for crm in (sender, receiver))
            # Once watched, a sample tells; the first look needs what the receiver held of all.
            pairs = carry.sample(linked, given, received) if key in states else linked
            looked[key] = pairs, given, received
        asked = {id_ for key, (pairs, *_) in looked.items() if key in states for id_ in pairs["sender"].to_list()}
        written = self._ctx.store.ledger.last_written(self._ctx.portal.name, object_, sorted(asked))
        for key, (pairs, given, received) in looked.items():
            ours = written.filter(pl.col("property") == key[1])
            ours = ours.select(pl.col("record_id").alias("id"), pl.col("after").alias("value"), "at")
            yield key, carry.observed(pairs, given, received, ours)

    def _holding(self, crm: Crm, object_: ObjectName, name: str) -> pl.DataFrame:
        frame = self._held[crm][object_]
        value = pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, dtype=pl.String)
        return frame.select("id", value.alias("value"))

    def remarks(self, object_: ObjectName, home: str) -> list[str]:
        row = self.united.ids[object_].filter(pl.col("id") == home).row(0, named=True)
        told = []
        if row["left"] is not None and row["right"] is not None:
            how = self.matches[object_].pairs.filter(pl.col("left") == row["left"])["how"][0]
            both = zip(self._ctx.sides, (row["left"], row["right"]), strict=True)
            ids = " and ".join(f"{side.title} {id_}" for side, id_ in both)
            told.append(f"{ids} are one {object_}, matched by {how.replace('_', ' ')}")
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
            "carried": {f"{object_}.{name}": str(state.way) for (object_, name), state in self.carried.items()},
            "notes": _carry_notes(self.carried),
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


_WATCHED = "written to HubSpot alone for now, to see whether its own integration carries them over"
_CARRIED = "carried over by HubSpot's own integration, so written to HubSpot alone"
_NAMED = 5


def _carry_notes(states: carry.States) -> list[str]:
    """What a person should know of values that reach Salesforce without us, one sentence for each reason."""
    said: dict[str, list[str]] = {}
    for (_object, name), state in sorted(states.items()):
        if state.way is carry.Way.OWN and state.note.startswith("no longer"):
            said.setdefault(state.note, []).append(name)
        elif state.written_by_sender_alone and not state.declared:
            said.setdefault(_WATCHED if state.way is carry.Way.WATCHING else _CARRIED, []).append(name)
    return [f"{', '.join(names[:_NAMED])}{_more(len(names) - _NAMED)}: {why}" for why, names in said.items()]


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _without_lonely_stamps(changes: pl.DataFrame, stamp: str) -> pl.DataFrame:
    """Without the stamp of the last run where nothing else of the record is written: never the only change."""
    others = changes.filter(pl.col("property") != stamp).select("object", "id").unique()
    alone = changes.filter(pl.col("property") == stamp).join(others, on=["object", "id"], how="anti")
    return changes.join(alone.select("seq", "object", "id", "property"), on=["object", "id", "property"], how="anti")
