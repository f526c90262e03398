"""What HubSpot's own integration carries over to Salesforce, so that crmsync leaves it alone there.

It prevents one value from having two writers, which would push it to and fro. How that is found out is
`matching.carry`; here it meets the ledger, what both CRMs hold, and the changes of a plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import polars as pl

from crmsync.config.connections import Crm
from crmsync.engine.context import Context
from crmsync.matching import carry
from crmsync.matching.put_back import PUT_BACK_SCHEMA, give_up, put_back
from crmsync.model.fields import ObjectName
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.planning.diff import LAST_RUN

Where = Literal["left", "right"]
SIDES: tuple[Where, Where] = ("left", "right")
_WATCHED = "written to HubSpot alone for now, to see whether its own integration carries them over"
_CARRIED = "carried over by HubSpot's own integration, so written to HubSpot alone"
_NAMED = 5


class CarriedOver:
    """`native`: `left` and `right` ids of the records that the integration links. `held`: what each CRM holds of ours.

    `states`: how each of our properties reaches Salesforce; known once `settle` was asked.
    """

    def __init__(
        self,
        ctx: Context,
        native: Mapping[ObjectName, pl.DataFrame],
        held: Mapping[Crm, Mapping[ObjectName, pl.DataFrame]],
    ) -> None:
        self._ctx = ctx
        self._native = native
        self._held = held
        self.states: carry.States = {}

    def settle(self, changes: pl.DataFrame) -> pl.DataFrame:
        """`changes` without those that reach Salesforce by the integration."""
        self.states = self._ways()
        waiting = [key for key, state in self.states.items() if state.written_by_sender_alone]
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

    def without_late(self, left: Snapshot, right: Snapshot) -> Snapshot:
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

    def notes(self) -> list[str]:
        """What a person should know of values that reach Salesforce without us, one sentence for each reason."""
        said: dict[str, list[str]] = {}
        for (_object, name), state in sorted(self.states.items()):
            if state.way is carry.Way.OWN and state.note.startswith("no longer"):
                said.setdefault(state.note, []).append(name)
            elif state.written_by_sender_alone and not state.declared:
                said.setdefault(_WATCHED if state.way is carry.Way.WATCHING else _CARRIED, []).append(name)
        return [f"{', '.join(names[:_NAMED])}{_more(len(names) - _NAMED)}: {why}" for why, names in said.items()]

    def _put_back(self, changes: pl.DataFrame) -> pl.DataFrame:
        """The receiver's values that were put back over ours; from then on such properties are written to both."""
        found = [pl.DataFrame(schema=PUT_BACK_SCHEMA)]
        carried = {key for key, state in self.states.items() if state.way is carry.Way.CARRIED}
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
        states = give_up(self.states, lost, self._ctx.now())
        if states != self.states:
            self.states = states
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
            given, received = (holding(self._held[crm][object_], name) for crm in (sender, receiver))
            # Once watched, a sample tells; the first look needs what the receiver held of all.
            pairs = carry.sample(linked, given, received) if key in states else linked
            looked[key] = pairs, given, received
        asked = {id_ for key, (pairs, *_) in looked.items() if key in states for id_ in pairs["sender"].to_list()}
        written = self._ctx.store.ledger.last_written(self._ctx.portal.name, object_, sorted(asked))
        for key, (pairs, given, received) in looked.items():
            ours = written.filter(pl.col("property") == key[1])
            ours = ours.select(pl.col("record_id").alias("id"), pl.col("after").alias("value"), "at")
            yield key, carry.observed(pairs, given, received, ours)


def holding(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """`id` and `value`, the text of one column; nothing where the frame has no such column."""
    value = pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, dtype=pl.String)
    return frame.select("id", value.alias("value"))


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""


def _without_lonely_stamps(changes: pl.DataFrame, stamp: str) -> pl.DataFrame:
    """Without the stamp of the last run where nothing else of the record is written: never the only change."""
    others = changes.filter(pl.col("property") != stamp).select("object", "id").unique()
    alone = changes.filter(pl.col("property") == stamp).join(others, on=["object", "id"], how="anti")
    return changes.join(alone.select("seq", "object", "id", "property"), on=["object", "id", "property"], how="anti")
