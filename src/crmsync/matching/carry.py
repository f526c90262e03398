"""Is a value carried over? HubSpot's own Salesforce integration may copy a property into its Salesforce field.

It does so every quarter of an hour or so, for the records it links, and nothing that crmsync may ask says for which
properties. Whatever it copies must be written to one CRM alone, the *sender* (HubSpot): two writers of one value in the
*receiver* (Salesforce) push it to and fro. So each property is watched once, by what happens to values that we wrote:

- *watching*: written to the sender alone for linked records, since the first such write. Once `wait` is over, those
  values that have stood in the sender for that long, and that the receiver did not hold when watching began, are looked
  for in the receiver. It holds at least nine in ten of them: *carried*. Otherwise: *own*. Where nothing of what was
  written is that old, watching goes on, at most `PATIENCE` times as long in all.
- *carried*: written to the sender alone for linked records. It is *own* again, with a note, once of the last `LATEST`
  values that have stood for `wait` more than half, and at least `LEAST_LOST`, are not what the receiver holds: the
  mapping was taken away, or the receiver's own value is preferred there and put back over ours.
- *own*: written to both. So is every property where nothing is linked. It is not watched again: values that are the
  same on both sides leave an integration nothing to fight over.

What a person declares (`together.carried`) is never judged. Records that are not linked are written on both sides
always. Pure: the clock, and what was seen, are given.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import polars as pl

from crmsync.model.fields import OBJECTS, ObjectName
from crmsync.model.moments import parse_datetime

Key = tuple[ObjectName, str]
"""An object and one of its properties, as the caller names it."""

PATIENCE = 4
LATEST = 100
LEAST_LOST = 3
#: Values that the receiver held before, kept for each property that is watched; of more, the first by `_spread`.
KEPT_BEFORE = 2_000
#: Linked records of a property that are looked at later on: what holds for so many holds for the property.
SAMPLE = 300

OBSERVED_SCHEMA: dict[str, pl.DataType] = {
    "id": pl.String(),
    "sender": pl.String(),
    "receiver": pl.String(),
    "wrote": pl.String(),
    "written_at": pl.Datetime("us", "UTC"),
}
"""One property of every linked record: the record's `id`, each once; what either CRM holds now; what we last wrote to
the sender, and when (null where we never did)."""


class Way(StrEnum):
    """How a property reaches the receiver."""

    WATCHING = "watching"
    CARRIED = "carried"
    OWN = "own"


@dataclass(frozen=True)
class State:
    """What is known of one property.

    `began`: when it went this way, None where a person said so. While it is watched: `since`, when it was first written
    to the sender, None until then; `before`, what the receiver held when watching began, by record, null left out;
    `sampled` where `before` has the first by `_spread` alone, so that nothing is known of those after the last. `note`:
    why, for people.
    """

    way: Way
    began: datetime | None = None
    since: datetime | None = None
    before: Mapping[str, str] = field(default_factory=dict)
    sampled: bool = False
    declared: bool = False
    note: str = ""

    @property
    def written_by_sender_alone(self) -> bool:
        """Whether we write this property of linked records to the sender and not to the receiver."""
        return self.way is not Way.OWN


States = Mapping[Key, State]


def observed(linked: pl.DataFrame, sender: pl.DataFrame, receiver: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """What is seen of one property (OBSERVED_SCHEMA), by the sender's ids.

    `linked`: `sender` and `receiver` ids of the records that the integration links. `sender` and `receiver`: `id` and
    `value`, what is held there. `written`: `id`, `value` and `at` (text or moment), what we last wrote to the sender.
    """
    at = pl.col("at") if written.schema["at"] != pl.String else parse_datetime(pl.col("at"))
    ours = written.select("id", pl.col("value").alias("wrote"), at.alias("written_at"))
    seen = linked.select(pl.col("sender").alias("id"), pl.col("receiver").alias("other"))
    seen = seen.join(sender.select("id", pl.col("value").alias("sender")), on="id", how="left")
    seen = seen.join(receiver.select(pl.col("id").alias("other"), pl.col("value").alias("receiver")), "other", "left")
    seen = seen.join(ours, on="id", how="left").sort("id")
    return seen.select(pl.col(name).cast(dtype) for name, dtype in OBSERVED_SCHEMA.items())


def sample(linked: pl.DataFrame, sender: pl.DataFrame, receiver: pl.DataFrame, size: int = SAMPLE) -> pl.DataFrame:
    """Some of the `linked` records, for a property that was begun with all of them: arguments as in `observed`.

    Those in which either CRM holds a value, for a property may stand in a few records of very many; whether it arrived
    makes no difference. Mostly the same ones each time.
    """
    holding = [side.filter(pl.col("value").cast(pl.String) != "").select("id") for side in (sender, receiver)]
    held = pl.col("sender").is_in(holding[0]["id"].implode()) | pl.col("receiver").is_in(holding[1]["id"].implode())
    return linked.filter(held).sort(_spread(pl.col("sender"))).head(size)


def declare(states: States, properties: Iterable[Key], stated: Mapping[ObjectName, Collection[str]] | None) -> States:
    """`states` of these properties as a person wants them: `stated` are those carried over, all others are not.

    None leaves all to be judged; what was only declared is then forgotten.
    """
    if stated is None:
        wanted = set(properties)
        return {key: state for key, state in states.items() if key in wanted and not state.declared}
    return {
        key: State(Way.CARRIED if key[1] in stated.get(key[0], ()) else Way.OWN, declared=True, note="as declared")
        for key in properties
    }


def judge_all(states: States, seen: Mapping[Key, pl.DataFrame], now: datetime, wait: timedelta) -> States:
    """Each property that was seen, judged; the others stay as they are."""
    return {**states, **{key: judge(states.get(key), frame, now, wait) for key, frame in seen.items()}}


def judge(state: State | None, seen: pl.DataFrame, now: datetime, wait: timedelta) -> State:
    """The state of one property after what is `seen` (OBSERVED_SCHEMA) now; None: nothing is known of it yet.

    What is seen at first must be of every linked record; later on, a `sample` is enough.
    """
    if state is not None and (state.declared or state.way is Way.OWN):
        return state
    if state is not None and state.way is Way.CARRIED:
        return _still_carried(state, seen, now, wait)
    if seen.is_empty():
        return State(Way.OWN, now, note="no record is linked by the CRMs' own integration")
    return _watched(_begun(seen, now) if state is None else state, seen, now, wait)


def _begun(seen: pl.DataFrame, now: datetime) -> State:
    held = seen.drop_nulls("receiver").filter(pl.col("receiver") != "")
    kept = held.sort(_spread(pl.col("id"))).head(KEPT_BEFORE)
    before = dict(kept.select("id", "receiver").sort("id").rows())
    return State(Way.WATCHING, now, before=before, sampled=held.height > kept.height)


def _watched(state: State, seen: pl.DataFrame, now: datetime, wait: timedelta) -> State:
    began = state.began or now
    told = _evidence(seen, began).join(_before(state), on="id", how="left", maintain_order="left")
    # What the receiver held already tells nothing when it holds it now.
    differs = same_value(pl.col("value"), pl.col("before")).not_()
    last = max((id_[::-1] for id_ in state.before), default="")
    known = _spread(pl.col("id")) <= last if state.sampled else pl.lit(value=True)
    told = told.with_columns((differs & known).alias("tells"))
    # What we did not write ourselves tells only where there is nothing else, as after the ledger was lost.
    written = told.drop_nulls("written_at")
    told = told.filter("tells") if written.is_empty() else written
    if state.since is None:
        first = told["at"].min()
        if not isinstance(first, datetime):
            return state
        state = replace(state, since=max(first, began))
    watched = now - (state.since or now)
    if watched < wait:
        return state
    settled = told.filter(pl.col("at") <= now - wait)
    asked = settled.filter("tells")
    arrived = asked.filter(same_value(pl.col("value"), pl.col("receiver"))).height
    if arrived and arrived * 10 >= asked.height * 9:
        note = f"{arrived} of {asked.height} linked records received what we had written to the other CRM alone"
        return State(Way.CARRIED, now, note=note)
    if asked.is_empty() and settled.height < told.height and watched < PATIENCE * wait:
        return state
    return State(Way.OWN, now, note=f"{arrived} of {asked.height} linked records received what we had written")


def _still_carried(state: State, seen: pl.DataFrame, now: datetime, wait: timedelta) -> State:
    settled = _evidence(seen, state.began or now).drop_nulls("written_at").filter(pl.col("at") <= now - wait)
    latest = settled.sort(["at", "id"], descending=True).head(LATEST)
    lost = latest.filter(same_value(pl.col("value"), pl.col("receiver")).not_()).height
    if lost < LEAST_LOST or lost * 2 <= latest.height:
        return state
    note = f"no longer carried over: {lost} of the {latest.height} linked records written last hold another value"
    return State(Way.OWN, now, note=f"{note}; it is written to both CRMs from now on")


def _evidence(seen: pl.DataFrame, began: datetime) -> pl.DataFrame:
    """`seen` with `value`, what should arrive, and `at`, since when: what we wrote or, where we did not, what stands.

    What we wrote counts even where the sender no longer holds it: the integration may have put the receiver's over it.
    """
    ours = pl.col("written_at").is_not_null()
    return seen.with_columns(
        pl.when(ours).then(pl.col("wrote")).otherwise(pl.col("sender")).alias("value"),
        pl.col("written_at").fill_null(began).alias("at"),
    )


def _before(state: State) -> pl.DataFrame:
    columns = {"id": list(state.before), "before": list(state.before.values())}
    return pl.DataFrame(columns, schema={"id": pl.String, "before": pl.String})


def _spread(ids: pl.Expr) -> pl.Expr:
    """What ids are sorted by to take some: last figures first, so that not the oldest records alone are taken."""
    return ids.str.reverse()


def same_value(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """Whether two texts are one value in both CRMs' spellings; never null, for no value is a value here."""
    return _canonical(one).eq_missing(_canonical(other))


def _canonical(text: pl.Expr) -> pl.Expr:
    """Without what does not count: case, blanks, order of options, zeros of a fraction, how a moment is written."""
    options = text.str.to_lowercase().str.split(";").list.eval(pl.element().str.strip_chars()).list.sort()
    plain = options.list.join(";").str.strip_chars(";")
    fraction = pl.when(plain.str.contains(r"^-?[0-9]+\.[0-9]+$")).then(plain)
    number = fraction.str.strip_chars_end("0").str.strip_suffix(".")
    moment = parse_datetime(pl.when(plain.str.contains(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}")).then(text.str.strip_chars()))
    second = moment.dt.truncate("1s").dt.strftime("%Y-%m-%dT%H:%M:%S")
    value = pl.coalesce(number, second, plain)
    return pl.when(value != "").then(value)


def to_json(states: States) -> dict[str, Any]:
    """Plain values that JSON holds, in one order, for the store."""
    rows = []
    for (object_, name), state in sorted(states.items()):
        moments = {at: value.isoformat() for at in ("began", "since") if (value := getattr(state, at)) is not None}
        row = {"object": object_, "property": name, "way": str(state.way), **moments, "note": state.note}
        if state.way is Way.WATCHING:
            row |= {"before": dict(sorted(state.before.items())), "sampled": state.sampled}
        rows.append(row | ({"declared": True} if state.declared else {}))
    return {"states": rows}


def from_json(kept: Mapping[str, Any] | None) -> dict[Key, State]:
    """What `to_json` gave; nothing kept is nothing known."""
    states: dict[Key, State] = {}
    for row in (kept or {}).get("states", ()):
        if row["object"] not in OBJECTS:
            raise ValueError(f"{row['object']} is not an object; what is known of carried values cannot be read")
        moments = {at: datetime.fromisoformat(row[at]) for at in ("began", "since") if at in row}
        states[row["object"], row["property"]] = State(
            Way(row["way"]),
            **moments,
            before=dict(row.get("before", {})),
            sampled=bool(row.get("sampled", False)),
            declared=bool(row.get("declared", False)),
            note=str(row.get("note", "")),
        )
    return states
