"""The limiter against a clock that only its own sleeps move."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.hubspot.limiter import Limiter, Window
from crmsync.errors import BudgetSpent


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


def _limiter(**options: float) -> tuple[Limiter, Clock]:
    clock = Clock()
    return Limiter(clock=clock, sleep=clock.sleep, **options), clock


def _headers(limit: int = 190, interval: int = 10_000, remaining: int = 100, **daily: int) -> dict[str, str]:
    headers = {
        "X-HubSpot-RateLimit-Max": str(limit),
        "X-HubSpot-RateLimit-Interval-Milliseconds": str(interval),
        "X-HubSpot-RateLimit-Remaining": str(remaining),
    }
    if daily:
        headers["X-HubSpot-RateLimit-Daily"] = str(daily["limit_day"])
        headers["X-HubSpot-RateLimit-Daily-Remaining"] = str(daily["left"])
    return headers


def _starts(limiter: Limiter, clock: Clock, calls: int, *, search: bool = False) -> list[float]:
    starts = []
    for _ in range(calls):
        limiter.acquire(search=search)
        starts.append(clock.now)
        clock.now += 0.001
    return starts


def _most_in_any(starts: list[float], interval: float) -> int:
    return max(sum(1 for other in starts if start <= other < start + interval) for start in starts)


def test_a_short_job_may_use_the_whole_window_at_once() -> None:
    limiter, clock = _limiter()
    starts = _starts(limiter, clock, 190)
    assert starts[-1] - starts[0] < 1


def test_no_ten_seconds_hold_more_than_190_calls_before_the_first_header() -> None:
    limiter, clock = _limiter()
    assert _most_in_any(_starts(limiter, clock, 600), 10.0) == 190


def test_a_long_job_takes_at_most_a_tenth_longer_than_the_bound() -> None:
    limiter, clock = _limiter()
    starts = _starts(limiter, clock, 1_901)
    # 1,901 calls at 190 in 10 s: the last one may start after ten full windows, 100 s.
    assert 100 <= starts[-1] - starts[0] <= 110


def test_headers_lower_the_window_of_a_starter_portal() -> None:
    limiter, clock = _limiter()
    limiter.observe(_headers(limit=100))
    assert _most_in_any(_starts(limiter, clock, 400), 10.0) == 100


def test_a_window_of_one_second_is_used_at_its_full_rate() -> None:
    limiter, clock = _limiter()
    limiter.observe(_headers(interval=1_000))
    starts = _starts(limiter, clock, 1_901)
    assert 10 <= starts[-1] - starts[0] <= 11


@given(limit=st.integers(1, 50), interval=st.floats(0.1, 20), gaps=st.lists(st.floats(0, 3), max_size=150))
def test_a_window_is_never_overdrawn_whatever_the_gaps(limit: int, interval: float, gaps: list[float]) -> None:
    window, now, starts = Window(limit, interval), 0.0, []
    for gap in gaps:
        now += gap
        now += window.delay(now)
        window.start(now)
        starts.append(now)
    assert not starts or _most_in_any(starts, interval) <= limit


def test_search_has_its_own_five_a_second() -> None:
    limiter, clock = _limiter()
    starts = _starts(limiter, clock, 51, search=True)
    assert _most_in_any(starts, 1.0) == 5
    assert 10 <= starts[-1] - starts[0] <= 11


def test_searches_and_calls_do_not_wait_for_each_other() -> None:
    limiter, clock = _limiter()
    _starts(limiter, clock, 5, search=True)
    before = clock.now
    limiter.acquire(search=False)
    assert clock.now == before


def test_a_scaled_search_rate_shortens_the_window() -> None:
    limiter, clock = _limiter(search_rate=50.0)
    starts = _starts(limiter, clock, 51, search=True)
    assert 1 <= starts[-1] - starts[0] <= 1.1


def test_a_throttled_search_holds_all_searches_back() -> None:
    limiter, clock = _limiter()
    before = clock.now
    limiter.throttled(search=True, wait=2.0)
    limiter.acquire(search=True)
    assert clock.now - before == pytest.approx(2.0)


def test_one_stray_429_does_not_hold_an_almost_empty_window_back() -> None:
    limiter, clock = _limiter()
    limiter.acquire(search=False)
    before = clock.now
    limiter.throttled(search=False, wait=5.0)
    limiter.acquire(search=False)
    assert clock.now == before


def test_a_full_window_is_held_back_after_a_429() -> None:
    limiter, clock = _limiter()
    _starts(limiter, clock, 160)
    before = clock.now
    limiter.throttled(search=False, wait=5.0)
    limiter.acquire(search=False)
    assert clock.now - before == pytest.approx(5.0)


def test_a_window_that_others_emptied_is_left_to_breathe() -> None:
    limiter, clock = _limiter()
    limiter.acquire(search=False)
    limiter.observe(_headers(remaining=0))
    before = clock.now
    limiter.acquire(search=False)
    assert clock.now - before == pytest.approx(0.5)


def test_the_share_of_other_apps_is_never_spent() -> None:
    limiter, _ = _limiter(daily_share=0.8)
    limiter.observe(_headers(limit_day=1_000, left=203))
    for _ in range(3):
        limiter.acquire(search=False)
    with pytest.raises(BudgetSpent, match="200 of 1,000 calls are left today and 200 of them are kept"):
        limiter.acquire(search=False)


def test_searches_count_towards_the_day() -> None:
    limiter, _ = _limiter(daily_share=0.8)
    limiter.observe(_headers(limit_day=1_000, left=201))
    limiter.acquire(search=True)
    with pytest.raises(BudgetSpent):
        limiter.acquire(search=False)


def test_a_late_header_does_not_give_calls_back() -> None:
    limiter, _ = _limiter(daily_share=0.8)
    limiter.observe(_headers(limit_day=1_000, left=202))
    limiter.acquire(search=False)
    limiter.acquire(search=False)
    limiter.observe(_headers(limit_day=1_000, left=202))
    assert limiter.daily == (1_000, 200)


def test_a_new_day_is_noticed_by_its_header() -> None:
    limiter, _ = _limiter(daily_share=0.8)
    limiter.observe(_headers(limit_day=1_000, left=201))
    limiter.observe(_headers(limit_day=1_000, left=999))
    assert limiter.daily == (1_000, 999)


def test_after_ten_minutes_one_call_may_look_whether_the_day_is_over() -> None:
    limiter, clock = _limiter(daily_share=0.8)
    limiter.observe(_headers(limit_day=1_000, left=100))
    with pytest.raises(BudgetSpent):
        limiter.acquire(search=False)
    clock.now += 600
    limiter.acquire(search=False)
    with pytest.raises(BudgetSpent):
        limiter.acquire(search=False)


def test_a_portal_that_tells_no_daily_limit_has_none() -> None:
    limiter, clock = _limiter()
    limiter.observe(_headers())
    _starts(limiter, clock, 500)
    assert limiter.daily == (None, None)


def test_headers_that_are_no_numbers_change_nothing() -> None:
    limiter, clock = _limiter()
    limiter.observe({"X-HubSpot-RateLimit-Max": "lots", "X-HubSpot-RateLimit-Interval-Milliseconds": "10000"})
    assert _most_in_any(_starts(limiter, clock, 400), 10.0) == 190
