"""Cuts of the id space, against a portal that is a sorted list of ids."""

from __future__ import annotations

import bisect

from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.connectors.hubspot.ranges import Ask, Probe, Range, Ranges, find_cut
from crmsync.connectors.hubspot.wire import WireRecord


def _portal(ids: list[int], asked: list[int] | None = None) -> Ask:
    """A search over sorted ids with HubSpot's limit: no offset past 9,999."""

    def ask(start: int, end: int | None, offset: int) -> Probe:
        assert offset <= 9_999
        if asked is not None:
            asked.append(start)
        low = bisect.bisect_left(ids, start)
        high = len(ids) if end is None else bisect.bisect_left(ids, end)
        found = ids[low:high]
        return Probe(len(found), found[offset] if offset < len(found) else None)

    return ask


_ids = st.lists(st.integers(1, 10**12), min_size=1, max_size=400, unique=True).map(sorted)


@given(ids=_ids, data=st.data())
def test_a_cut_is_an_existing_id_with_the_true_number_above_it(ids: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, ids[-1]))
    cut = find_cut(_portal(ids), start, None, len(ids))
    if cut is not None:
        at, above = cut
        assert at in ids
        assert above == len(ids) - ids.index(at)


def test_20_000_records_are_halved_by_one_search_at_a_full_page() -> None:
    asked: list[int] = []
    ids = [7 * n + 1 for n in range(19_950)]
    # Half is 9,975 records, in whole pages 9,900.
    assert find_cut(_portal(ids, asked), 0, None, len(ids)) == (ids[9_900], 10_050)
    assert len(asked) == 1


def test_evenly_spread_ids_are_cut_near_the_middle_in_three_searches() -> None:
    asked: list[int] = []
    ids = list(range(5_000_000_001, 5_000_300_001))
    cut = find_cut(_portal(ids, asked), 0, None, len(ids))
    assert cut is not None
    assert 105_000 <= cut[1] <= 195_000
    assert len(asked) == 3


def test_a_clump_of_old_ids_and_few_new_ones_is_cut_in_at_most_six_searches() -> None:
    asked: list[int] = []
    ids = [*range(1, 90_001), *range(70_000_000_000, 70_010_000_000, 1_000_000)]
    cut = find_cut(_portal(ids, asked), 0, None, len(ids))
    assert cut is not None
    assert len(asked) <= 6
    assert 10_000 <= cut[1] <= 90_100


def _page(ids: list[int], after: int) -> tuple[list[WireRecord], bool]:
    low = bisect.bisect_left(ids, after)
    return [WireRecord(str(id_)) for id_ in ids[low : low + 100]], low + 100 < len(ids)


@settings(max_examples=60)
@given(
    ids=st.lists(st.integers(1, 10**9), max_size=3_000, unique=True).map(sorted),
    expected=st.integers(0, 4_000),
    turns=st.lists(st.integers(0, 5), min_size=200, max_size=400),
)
def test_cursors_in_any_order_read_each_id_exactly_once(ids: list[int], expected: int, turns: list[int]) -> None:
    """Six cursors take turns as drawn, then in order, until all are done; `expected` may be wrong."""
    ranges = Ranges(expected, _portal(ids), worth=200)
    owned: dict[int, Range | None] = {}
    got: list[str] = []

    def step(cursor: int) -> None:
        mine = owned.get(cursor) or ranges.take()
        if mine is None:
            return
        found, more = _page(ids, mine.position)
        kept, beyond = ranges.claim(mine, found)
        got.extend(one.id for one in kept)
        owned[cursor] = mine
        if beyond or not more:
            ranges.close(mine)
            owned[cursor] = None

    for cursor in turns:
        step(cursor)
    while any(owned.values()) or not owned:
        for cursor in range(6):
            step(cursor)
    assert sorted(map(int, got)) == ids
