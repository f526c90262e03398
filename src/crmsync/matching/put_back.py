"""Values of ours over which another writer put the receiver's own: what is carried over must then be written to both.

HubSpot's own Salesforce integration may prefer Salesforce's value. It then carries ours into a blank field once, and
from then on puts what stands in Salesforce back over each new one; written to HubSpot alone, again and again, the two
values would be pushed to and fro for ever. Where both CRMs hold the new value there is nothing left to put back.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import polars as pl

from crmsync.matching.carry import LEAST_LOST, State, States, Way, same_value

#: Receiver's record and property over whose sender the receiver's value was put.
PUT_BACK_SCHEMA: dict[str, pl.DataType] = {"object": pl.String(), "id": pl.String(), "property": pl.String()}


def put_back(changes: pl.DataFrame, linked: pl.DataFrame, wrote: pl.DataFrame) -> pl.DataFrame:
    """PUT_BACK_SCHEMA, of one object: both CRMs hold one value that is about to change, and that we did not write last.

    `changes`: `object id property before` of both CRMs' records. `linked`: `sender` and `receiver` ids. `wrote`:
    `id property value`, what we last wrote to the sender.
    """
    told = changes.select("object", "id", "property", "before")
    both = linked.join(told.rename({"id": "sender"}), on="sender").join(
        told.select("property", receiver="id", there="before"), on=["receiver", "property"]
    )
    ours = wrote.select("property", sender="id", wrote="value")
    again = both.join(ours, on=["sender", "property"]).filter(
        same_value(pl.col("before"), pl.col("there")) & ~same_value(pl.col("wrote"), pl.col("before"))
    )
    return again.select("object", pl.col("receiver").alias("id"), "property").unique(maintain_order=True)


def give_up(states: States, found: pl.DataFrame, now: datetime) -> States:
    """`states` after what was `found` (PUT_BACK_SCHEMA): a property is written to both from now on once it was put back
    on LEAST_LOST records. What a person declared stays; its records are written to both one by one."""
    counts = found.group_by("object", "property").len().sort("object", "property").rows()
    lost = {(object_, name): count for object_, name, count in counts if count >= LEAST_LOST}
    return {key: _own(state, lost.get(key, 0), now) for key, state in states.items()}


def _own(state: State, records: int, now: datetime) -> State:
    if not records or state.declared or state.way is not Way.CARRIED:
        return state
    note = (
        f"no longer carried over: on {records} records Salesforce's value was put back over the new one; it is written "
        "to both CRMs from now on. Map it two-way, or do not sync it, in HubSpot's Salesforce settings"
    )
    return replace(state, way=Way.OWN, began=now, note=note)
