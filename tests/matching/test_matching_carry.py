"""Whether HubSpot's own integration carries a property over: cases by hand, and laws over any course of events."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.matching.carry import (
    LATEST,
    OBSERVED_SCHEMA,
    PATIENCE,
    SAMPLE,
    State,
    Way,
    declare,
    from_json,
    judge,
    judge_all,
    observed,
    sample,
    to_json,
)

START = datetime(2026, 11, 1, 8, tzinfo=UTC)
WAIT = timedelta(minutes=30)

Row = tuple[str | None, str | None, str | None, datetime | None]
"""What HubSpot and Salesforce hold, what we last wrote to HubSpot, and when."""


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def seen(*rows: Row) -> pl.DataFrame:
    return pl.DataFrame([(str(n), *row) for n, row in enumerate(rows, 1)], schema=OBSERVED_SCHEMA, orient="row")


def blank(count: int) -> pl.DataFrame:
    return seen(*[(None, None, None, None)] * count)


def wrote(minute: float, value: str | None, salesforce: str | None) -> Row:
    """We wrote `value` to HubSpot then, and it stands there; Salesforce holds the other."""
    return value, salesforce, value, at(minute)


def watching(count: int = 10) -> State:
    """Ten linked records, blank in both CRMs, first written at minute 5."""
    begun = judge(None, blank(count), START, WAIT)
    return judge(begun, seen(*[wrote(5, "tier_1", None)] * count), at(6), WAIT)


def test_where_no_record_is_linked_a_property_is_written_to_both_at_once() -> None:
    state = judge(None, blank(0), START, WAIT)
    assert (state.way, state.written_by_sender_alone) == (Way.OWN, False)
    assert judge(watching(), blank(0), at(6), WAIT).way is Way.OWN


def test_a_property_is_watched_since_it_was_first_written() -> None:
    begun = judge(None, blank(2), START, WAIT)
    assert (begun.way, begun.since, begun.written_by_sender_alone) == (Way.WATCHING, None, True)
    # Two days until a person applies the plan: the wait has not begun.
    still = judge(begun, blank(2), at(2_880), WAIT)
    assert still == begun
    first = judge(begun, seen(wrote(2_890, "a", None), wrote(2_885, "a", None)), at(2_891), WAIT)
    assert first.since == at(2_885)
    assert judge(first, seen(wrote(2_890, "a", None), wrote(2_885, "a", None)), at(2_914.9), WAIT) == first


@pytest.mark.parametrize(
    ("arrived", "way"), [(10, Way.CARRIED), (9, Way.CARRIED), (8, Way.OWN), (1, Way.OWN), (0, Way.OWN)]
)
def test_nine_in_ten_that_arrive_without_us_are_carried_over(arrived: int, way: Way) -> None:
    now = [wrote(5, "tier_1", "tier_1" if n < arrived else None) for n in range(10)]
    assert judge(watching(), seen(*now), at(34.9), WAIT).way is Way.WATCHING
    assert judge(watching(), seen(*now), at(35), WAIT).way is way


def test_one_linked_record_is_enough_to_tell() -> None:
    assert judge(watching(1), seen(wrote(5, "tier_1", "tier_1")), at(35), WAIT).way is Way.CARRIED


def test_what_salesforce_held_before_is_no_sign_that_it_was_carried() -> None:
    begun = judge(None, seen((None, "tier_1", None, None), (None, "tier_2", None, None)), START, WAIT)
    assert begun.before == {"1": "tier_1", "2": "tier_2"}
    # The first has what it had; the second was not brought across.
    same = seen(wrote(5, "tier_1", "tier_1"), wrote(5, "tier_1", "tier_2"))
    assert judge(begun, same, at(35), WAIT).way is Way.OWN
    across = seen(wrote(5, "tier_1", "tier_1"), wrote(5, "tier_1", "tier_1"))
    assert judge(begun, across, at(35), WAIT).way is Way.CARRIED


def test_a_value_written_a_moment_ago_is_not_counted_yet() -> None:
    rows = [wrote(5, "tier_1", "tier_1"), *[wrote(34, "tier_2", None)] * 9]
    assert judge(watching(), seen(*rows), at(35), WAIT).way is Way.CARRIED


def test_watching_waits_for_a_first_value_that_tells_but_not_for_ever() -> None:
    old = [(None, "tier_1", None, None)] * 2
    begun = judge(None, seen(*old), START, WAIT)
    # The first was never anything else in Salesforce; the second is written anew before each look.
    minutes = WAIT.total_seconds() / 60
    for turn in range(1, PATIENCE):
        again = seen(wrote(1, "tier_1", "tier_1"), wrote(turn * minutes, "tier_2", "tier_1"))
        begun = judge(begun, again, at(turn * minutes + 1), WAIT)
        assert begun.way is Way.WATCHING
    again = seen(wrote(1, "tier_1", "tier_1"), wrote(PATIENCE * minutes, "tier_2", "tier_1"))
    assert judge(begun, again, at(PATIENCE * minutes + 1), WAIT).way is Way.OWN


def test_a_value_that_the_ledger_does_not_know_counts_from_when_watching_began() -> None:
    rows = seen(("tier_1", None, None, None))
    begun = judge(None, rows, START, WAIT)
    assert begun.since == START
    assert judge(begun, rows, at(29), WAIT).way is Way.WATCHING
    assert judge(begun, rows, at(30), WAIT).way is Way.OWN
    assert judge(begun, seen(("tier_1", "tier_1", None, None)), at(30), WAIT).way is Way.CARRIED


def test_beside_what_we_wrote_nothing_else_counts() -> None:
    begun = judge(None, seen((None, None, None, None), *[(None, "old", None, None)] * 20), START, WAIT)
    rows = seen(wrote(5, "tier_1", "tier_1"), *[(None, "old", None, None)] * 20)
    assert judge(begun, rows, at(40), WAIT).way is Way.CARRIED


def test_a_value_left_in_salesforce_alone_does_not_keep_a_property_watched_for_ever() -> None:
    rows = seen((None, "tier_1", None, None))
    assert judge(judge(None, rows, START, WAIT), rows, at(30), WAIT).way is Way.OWN


def test_an_integration_that_puts_salesforce_s_value_back_carries_nothing() -> None:
    back = [("old", "old", "new", at(5))] * 4
    begun = judge(None, seen(*[("old", "old", None, None)] * 4), START, WAIT)
    assert judge(begun, seen(*back), at(40), WAIT).way is Way.OWN
    assert judge(State(Way.CARRIED, START), seen(*back), at(40), WAIT).way is Way.OWN


def test_a_clear_is_carried_like_a_value() -> None:
    begun = judge(None, seen(("tier_1", "tier_1", "tier_1", at(-60))), START, WAIT)
    assert judge(begun, seen((None, None, None, at(5))), at(36), WAIT).way is Way.CARRIED
    assert judge(begun, seen((None, "tier_1", None, at(5))), at(36), WAIT).way is Way.OWN


@pytest.mark.parametrize(
    ("lost", "linked", "way"),
    [(3, 5, Way.OWN), (2, 3, Way.CARRIED), (3, 6, Way.CARRIED), (4, 6, Way.OWN), (3, 3, Way.OWN), (0, 9, Way.CARRIED)],
)
def test_a_property_that_no_longer_arrives_is_written_to_both_again(lost: int, linked: int, way: Way) -> None:
    rows = [wrote(5, "tier_1", None if n < lost else "tier_1") for n in range(linked)]
    before = State(Way.CARRIED, START)
    assert judge(before, seen(*rows), at(34), WAIT) == before
    after = judge(before, seen(*rows), at(35), WAIT)
    assert after.way is way
    assert ("no longer carried over" in after.note) == (way is Way.OWN)


def test_a_mapping_that_was_taken_away_is_seen_among_many_that_arrived_before() -> None:
    earlier = [wrote(5, "tier_1", "tier_1")] * 1_000
    since = [wrote(100, "tier_2", "tier_1")] * (LATEST // 2 + 1)
    assert judge(State(Way.CARRIED, START), seen(*earlier, *since[:-1]), at(140), WAIT).way is Way.CARRIED
    assert judge(State(Way.CARRIED, START), seen(*earlier, *since), at(140), WAIT).way is Way.OWN


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("a;b", "B; a", True),
        ("5", "5.0", True),
        ("5.25", "5.250", True),
        ("500", "5", False),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00.000+0000", True),
        ("2026-11-01T00:00:00Z", "2026-11-01", True),
        ("2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z", False),
        ("", None, True),
        ("tier_1", "tier_2", False),
    ],
)
def test_two_spellings_of_a_value_are_one(ours: str, theirs: str | None, same: bool) -> None:
    rows = [(ours, theirs, ours, at(5))] * 3
    assert judge(State(Way.CARRIED, START), seen(*rows), at(60), WAIT).way is (Way.CARRIED if same else Way.OWN)


def test_what_is_declared_stands_and_is_forgotten_once_it_is_no_longer() -> None:
    keys = [("company", "tier"), ("contact", "role")]
    known = {("company", "tier"): State(Way.OWN, START), ("deal", "gone"): State(Way.OWN, START)}
    stated = declare(known, keys, {"company": ("tier",)})
    assert {key: (state.way, state.declared) for key, state in stated.items()} == {
        ("company", "tier"): (Way.CARRIED, True), ("contact", "role"): (Way.OWN, True),
    }  # fmt: skip
    assert declare(known, keys, {}).get(("company", "tier")) == stated["contact", "role"]
    assert declare(stated, keys, None) == {}
    assert declare(known, keys, None) == {("company", "tier"): State(Way.OWN, START)}


def test_what_is_seen_is_put_together_by_the_sender_s_ids() -> None:
    linked = pl.DataFrame({"sender": ["7", "3"], "receiver": ["R7", "R3"]})
    held = pl.DataFrame({"id": ["3", "7", "9"], "value": ["a", None, "z"]})
    theirs = pl.DataFrame({"id": ["R7"], "value": ["b"]})
    written = pl.DataFrame({"id": ["3", "9"], "value": ["a", "z"], "at": ["2026-11-01T08:05:00Z"] * 2})
    assert observed(linked, held, theirs, written).rows() == [
        ("3", "a", None, "a", at(5)),
        ("7", None, "b", None, None),
    ]
    as_moments = written.with_columns(pl.Series("at", [at(5)] * 2))
    assert observed(linked, held, theirs, as_moments).equals(observed(linked, held, theirs, written))


def test_of_many_values_that_salesforce_held_some_are_kept_and_the_rest_tells_nothing() -> None:
    many = seen(*[(None, "old", None, None)] * 5_000, *[(None, None, None, None)] * 20)
    begun = judge(None, many, START, WAIT)
    assert (len(begun.before), begun.sampled) == (2_000, True)
    ours = [pl.lit("new").alias(name) for name in ("sender", "wrote")]
    now = many.with_columns(*ours, pl.lit(at(5)).alias("written_at"))
    # What is kept are the first by their last figures: of 1000, 10, 100, 1020 and so on everything is known.
    last = max(id_[::-1] for id_ in begun.before)
    known = pl.col("id").str.reverse() <= last
    assert now.filter(known).height > 2_000
    only_known = now.with_columns(pl.when(known).then(pl.lit("new")).otherwise(pl.lit("old")).alias("receiver"))
    assert judge(begun, only_known, at(35), WAIT).way is Way.CARRIED
    only_others = now.with_columns(pl.when(known).then(pl.lit("old")).otherwise(pl.lit("new")).alias("receiver"))
    assert judge(begun, only_others, at(35), WAIT).way is Way.OWN


def test_a_property_of_few_records_is_looked_at_in_those() -> None:
    ids = [str(n) for n in range(1_000)]
    linked = pl.DataFrame({"sender": ids, "receiver": ["R" + id_ for id_ in ids]})
    ours = pl.DataFrame({"id": ids, "value": ["x" if n == 77 else "" if n == 5 else None for n in range(1_000)]})
    theirs = pl.DataFrame(
        {"id": ["R" + id_ for id_ in ids], "value": ["y" if n == 980 else None for n in range(1_000)]}
    )
    assert sample(linked, ours, theirs).sort("sender")["sender"].to_list() == ["77", "980"]
    everywhere = ours.with_columns(pl.lit("x").alias("value"))
    assert sample(linked, everywhere, theirs).height == SAMPLE
    assert sample(linked.reverse(), everywhere.reverse(), theirs).equals(sample(linked, everywhere, theirs))
    assert sample(linked, everywhere, theirs, size=3)["receiver"].to_list() == ["R0", "R100", "R200"]


def test_with_a_sample_a_property_ends_as_with_all_records() -> None:
    """Forty records of three thousand are written; Salesforce held another value in all the others."""
    ids = [str(n) for n in range(3_000)]
    linked = pl.DataFrame({"sender": ids, "receiver": ["R" + id_ for id_ in ids]})
    few = set(ids[1_000:1_040])

    def held(prefix: str, value: str | None, rest: str | None) -> pl.DataFrame:
        return pl.DataFrame(
            {"id": [prefix + one for one in ids], "value": [value if one in few else rest for one in ids]}
        )

    nothing = pl.DataFrame(schema={"id": pl.String, "value": pl.String, "at": pl.String})
    first = observed(linked, held("", None, "old"), held("R", None, "old"), nothing)
    begun = judge(None, first, START, WAIT)
    written = pl.DataFrame({"id": sorted(few), "value": ["new"] * 40, "at": ["2026-11-01T08:05:00Z"] * 40})
    for arrived, rest, way in (("new", None, Way.CARRIED), ("new", "old", Way.CARRIED), (None, None, Way.OWN)):
        ours, theirs = held("", "new", None), held("R", arrived, rest)
        later = observed(sample(linked, ours, theirs, size=3_000), ours, theirs, written)
        assert later.height == (40 if rest is None else 3_000)
        assert judge(begun, later, at(40), WAIT).way is way


def test_what_is_kept_in_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="lead is not an object"):
        from_json({"states": [{"object": "lead", "property": "tier", "way": "own"}]})


# Laws, over any course of up to six looks at up to four linked records.

_VALUES = st.none() | st.sampled_from(["a", "b"])
_TIMES = st.none() | st.integers(-60, 200).map(at)
_ROWS = st.lists(st.tuples(_VALUES, _VALUES, _VALUES, _TIMES), max_size=4)
_LOOKS = st.lists(st.tuples(st.integers(1, 50), _ROWS), min_size=1, max_size=6)
_STATES = st.builds(
    State,
    st.sampled_from(Way),
    st.none() | st.integers(-60, 60).map(at),
    st.none() | st.integers(-60, 60).map(at),
    st.just({}),
    st.booleans(),
    st.booleans(),
    st.text(max_size=5),
)


def course(looks: list[tuple[int, list[Row]]], state: State | None = None) -> list[State]:
    """Every state on the way, one a look; `looks` are minutes since the one before and what is seen."""
    states, minute = [], 0
    for minutes, rows in looks:
        minute += minutes
        state = judge(state, seen(*rows), at(minute), WAIT)
        states.append(state)
    return states


@given(_LOOKS)
def test_a_property_goes_one_way_at_a_time_and_never_back_to_being_watched(looks: list[tuple[int, list[Row]]]) -> None:
    rank = {Way.WATCHING: 0, Way.CARRIED: 1, Way.OWN: 2}
    ways = [rank[state.way] for state in course(looks)]
    assert ways == sorted(ways)
    assert all(state.written_by_sender_alone == (state.way is not Way.OWN) for state in course(looks))


@given(_LOOKS)
def test_nothing_is_judged_before_the_wait_is_over(looks: list[tuple[int, list[Row]]]) -> None:
    minute, states = 0, course(looks)
    for (minutes, rows), before, after in zip(looks, [None, *states], states, strict=False):
        minute += minutes
        early = minute < WAIT.total_seconds() / 60
        if early and rows and (before is None or before.way is Way.WATCHING):
            assert after.way is Way.WATCHING


@given(_LOOKS, st.sampled_from([Way.CARRIED, Way.OWN]))
def test_what_a_person_declared_never_changes(looks: list[tuple[int, list[Row]]], way: Way) -> None:
    declared = State(way, declared=True)
    assert set(map(id, course(looks, declared))) == {id(declared)}


@given(_LOOKS)
def test_the_same_is_seen_the_same_way_in_any_order(looks: list[tuple[int, list[Row]]]) -> None:
    state: State | None = None
    minute = 0
    for minutes, rows in looks:
        minute += minutes
        frame = seen(*rows)
        after = judge(state, frame, at(minute), WAIT)
        assert judge(state, frame.reverse(), at(minute), WAIT) == after
        state = after


@given(_LOOKS)
def test_kept_and_read_again_a_state_is_the_same_and_goes_on_the_same(looks: list[tuple[int, list[Row]]]) -> None:
    plain = course(looks)
    state: State | None = None
    minute = 0
    for (minutes, rows), expected in zip(looks, plain, strict=True):
        minute += minutes
        state = judge(state, seen(*rows), at(minute), WAIT)
        kept = json.loads(json.dumps(to_json({("company", "tier"): state})))
        state = from_json(kept)["company", "tier"]
        assert state == expected


@given(st.dictionaries(st.sampled_from([("company", "a"), ("company", "b"), ("contact", "a")]), _STATES), _ROWS)
def test_properties_are_judged_apart(states: dict[tuple[str, str], State], rows: list[Row]) -> None:
    frame = seen(*rows)
    together = judge_all(states, {("company", "a"): frame}, at(100), WAIT)  # type: ignore[dict-item, arg-type]
    assert {k: v for k, v in together.items() if k != ("company", "a")} == {
        k: v for k, v in states.items() if k != ("company", "a")
    }
    assert together["company", "a"] == judge(states.get(("company", "a")), frame, at(100), WAIT)


# Laws over both CRMs as they go on: runs that write, and an integration that copies or does not.


class Portal:
    """Linked records with one property in HubSpot and in Salesforce; `delay` minutes to copy it, None for never."""

    def __init__(self, records: int, delay: int | None) -> None:
        self.hubspot: list[str | None] = [None] * records
        self.salesforce: list[str | None] = [None] * records
        self.wrote: dict[int, tuple[str, int]] = {}
        self.delay = delay
        self.state: State | None = None

    def run(self, minute: int, wanted: dict[int, str]) -> Way:
        """One run of ours: look, judge, and write what is wanted where it belongs."""
        for record, (value, written) in self.wrote.items():
            if self.delay is not None and minute - written >= self.delay:
                self.salesforce[record] = value
        rows = []
        for record, value in enumerate(self.hubspot):
            text, written_at = self.wrote.get(record, (None, None))
            rows.append((value, self.salesforce[record], text, None if written_at is None else at(written_at)))
        self.state = judge(self.state, seen(*rows), at(minute), WAIT)
        for record, value in wanted.items():
            if self.hubspot[record] != value:
                self.hubspot[record], self.wrote[record] = value, (value, minute)
        if not self.state.written_by_sender_alone:
            self.salesforce = list(self.hubspot)
        return self.state.way


_RUNS = st.lists(
    st.tuples(st.integers(1, 45), st.dictionaries(st.integers(0, 3), st.sampled_from("abc"), max_size=4)),
    max_size=12,
)


@given(_RUNS, st.integers(0, 29))
def test_what_an_integration_copies_in_time_is_never_written_to_both(
    runs: list[tuple[int, dict[int, str]]], delay: int
) -> None:
    portal, minute = Portal(4, delay), 0
    for minutes, wanted in [(0, {}), (1, {0: "a"}), *runs]:
        minute += minutes
        # Records 1 to 3 are written at will; the first once, so that there is one to tell by.
        assert portal.run(minute, {n: v for n, v in wanted.items() if n or not portal.wrote}) is not Way.OWN


@given(_RUNS)
def test_what_nothing_copies_is_written_to_both_in_the_end(runs: list[tuple[int, dict[int, str]]]) -> None:
    portal, minute = Portal(4, None), 0
    for minutes, wanted in [(0, {}), (1, {0: "a"}), *runs]:
        minute += minutes
        portal.run(minute, wanted)
    patience = PATIENCE * int(WAIT.total_seconds() // 60)
    assert portal.run(minute + patience, {}) is Way.OWN
    assert portal.salesforce == portal.hubspot
