"""When the receiver's value was put back over ours: worked by hand, one record for each way it can be."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from crmsync.matching.carry import State, Way
from crmsync.matching.put_back import give_up, put_back

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TIER = ("company", "abm_tier")

#: HubSpot's id, what it holds, what Salesforce holds, what we wrote to HubSpot last.
CASES = {
    "put back": ("1", "tier_1", "tier_1", "tier_3"),
    "a first change of what we wrote": ("2", "tier_1", "tier_1", "tier_1"),
    "not yet carried over": ("3", "tier_3", "tier_1", "tier_3"),
    "changed by a person in HubSpot alone": ("4", "tier_2", "tier_1", "tier_1"),
    "cleared in both": ("5", "", None, "tier_3"),
    "never written": ("6", "tier_1", "tier_1", None),
    "another spelling of a moment": (
        "7",
        "2026-11-01T09:00:00Z",
        "2026-11-01T09:00:00.000+00:00",
        "2026-10-01T09:00:00Z",
    ),
}


def _found(names: list[str]) -> list[str]:
    rows = [CASES[name] for name in names]
    changes = pl.DataFrame(
        [("company", id_, "abm_tier", mine) for id_, mine, _, _ in rows]
        + [("company", f"s{id_}", "abm_tier", theirs) for id_, _, theirs, _ in rows],
        schema={"object": pl.String, "id": pl.String, "property": pl.String, "before": pl.String},
        orient="row",
    )
    linked = pl.DataFrame({"sender": [row[0] for row in rows], "receiver": [f"s{row[0]}" for row in rows]})
    wrote = pl.DataFrame(
        [(id_, "abm_tier", ours) for id_, _, _, ours in rows if ours is not None],
        schema={"id": pl.String, "property": pl.String, "value": pl.String},
        orient="row",
    )
    return sorted(put_back(changes, linked, wrote)["id"])


def test_a_value_was_put_back_where_both_hold_one_that_we_did_not_write_last() -> None:
    assert _found(list(CASES)) == ["s1", "s5", "s7"]
    assert _found(["never written"]) == []


def test_a_record_that_changes_in_one_crm_alone_tells_nothing() -> None:
    changes = pl.DataFrame({"object": ["company"], "id": ["1"], "property": ["abm_tier"], "before": ["tier_1"]})
    linked = pl.DataFrame({"sender": ["1"], "receiver": ["s1"]})
    wrote = pl.DataFrame({"id": ["1"], "property": ["abm_tier"], "value": ["tier_3"]})
    assert put_back(changes, linked, wrote).is_empty()


def _after(records: int, state: State) -> State:
    found = pl.DataFrame(
        [("company", f"s{n}", "abm_tier") for n in range(records)],
        schema={"object": pl.String, "id": pl.String, "property": pl.String},
        orient="row",
    )
    return give_up({TIER: state}, found, NOW)[TIER]


def test_three_records_of_a_property_make_it_ours_and_two_do_not() -> None:
    carried = State(Way.CARRIED, NOW)
    assert _after(2, carried) == carried
    given_up = _after(3, carried)
    assert (given_up.way, given_up.began) == (Way.OWN, NOW)
    assert given_up.note.startswith("no longer carried over: on 3 records")


def test_what_a_person_declared_or_what_is_watched_stays() -> None:
    for state in (State(Way.CARRIED, declared=True), State(Way.WATCHING, NOW), State(Way.OWN, NOW)):
        assert _after(100, state) == state
