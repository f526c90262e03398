"""Keeps us within HubSpot's rate limits without wasting them: a rolling window for the ten-secondly limit, a second
one for search, and the day's budget with a share left to other apps.

Fed by the headers of each answer, so that a plan with 100, 190 or 250 calls a window is used in full. It prevents the
two failures of fixed delays: 429s (they count as errors against us) and half-used minutes. A burst is allowed while
the window has room; a long job runs at the full rate.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from crmsync.errors import BudgetSpent

Clock = Callable[[], float]
Sleep = Callable[[float], None]

#: Requests reach HubSpot a little later than we send them, some more than others; so a window is kept this much longer
#: than it says. Search's window is so short that the same jitter is a larger part of it.
_MARGIN = 0.03
_SEARCH_MARGIN = 0.06
#: After the day's budget was found spent, one call may look again this often (seconds): the day ends in the portal's
#: time zone, which only HubSpot's own headers tell.
_PROBE = 600.0


class Window:
    """At most `limit` starts in any `interval` seconds. Not thread-safe by itself."""

    def __init__(self, limit: int, interval: float, margin: float = _MARGIN) -> None:
        self.limit = limit
        self.interval = interval
        self._margin = margin
        self._starts: deque[float] = deque()
        self._held_until = 0.0

    def delay(self, now: float) -> float:
        """Seconds until one more start is allowed; 0 where it is allowed now."""
        span = self.interval * (1 + self._margin)
        while self._starts and self._starts[0] + span <= now:
            self._starts.popleft()
        free_at = self._held_until
        if len(self._starts) >= self.limit:
            free_at = max(free_at, self._starts[len(self._starts) - self.limit] + span)
        return max(0.0, free_at - now)

    def start(self, now: float) -> None:
        self._starts.append(now)

    def used(self, now: float) -> int:
        return sum(1 for start in self._starts if start + self.interval > now)

    def hold(self, until: float) -> None:
        self._held_until = max(self._held_until, until)


class Limiter:
    """Thread-safe gate in front of every request; `clock` (seconds, monotonic) and `sleep` are parameters."""

    def __init__(
        self,
        *,
        daily_share: float = 0.8,
        search_rate: float = 5.0,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
    ) -> None:
        self._share = daily_share
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        # The most that a private app without an add-on may use; the first answer's headers correct it.
        self._calls = Window(190, 10.0)
        burst = min(5, max(1, round(search_rate)))
        self._searches = Window(burst, burst / search_rate, _SEARCH_MARGIN)
        self._daily_limit: int | None = None
        self._daily_left: int | None = None
        self._daily_seen = 0.0

    @property
    def interval(self) -> float:
        """Length of the ten-secondly window in seconds, as HubSpot last said it."""
        return self._calls.interval

    @property
    def search_interval(self) -> float:
        return self._searches.interval

    @property
    def daily(self) -> tuple[int | None, int | None]:
        """The day's limit and what is left of it for all apps; None where HubSpot does not say."""
        with self._lock:
            return self._daily_limit, self._daily_left

    def acquire(self, *, search: bool) -> None:
        """Wait for room, then count one start. Raises BudgetSpent where the day's share is used up."""
        while True:
            with self._lock:
                now = self._clock()
                self._check_budget(now)
                window = self._searches if search else self._calls
                delay = window.delay(now)
                if delay <= 0:
                    window.start(now)
                    if self._daily_left is not None:
                        self._daily_left -= 1
                    return
            self._sleep(delay)

    def observe(self, headers: Mapping[str, str]) -> None:
        """Take in the limits that an answer's headers tell. `headers` is case-insensitive."""
        limit = _number(headers.get("X-HubSpot-RateLimit-Max"))
        interval = _number(headers.get("X-HubSpot-RateLimit-Interval-Milliseconds"))
        remaining = _number(headers.get("X-HubSpot-RateLimit-Remaining"))
        with self._lock:
            now = self._clock()
            if limit and interval:
                self._calls.limit, self._calls.interval = limit, interval / 1000
                self._share_window(remaining, now)
            self._observe_day(headers, now)

    def _share_window(self, remaining: int | None, now: float) -> None:
        """Where the window is empty though we used little of it, another process uses our token: let it breathe."""
        if remaining == 0 and self._calls.used(now) < 0.8 * self._calls.limit:
            self._calls.hold(now + self._calls.interval / 20)

    def _observe_day(self, headers: Mapping[str, str], now: float) -> None:
        limit = _number(headers.get("X-HubSpot-RateLimit-Daily"))
        left = _number(headers.get("X-HubSpot-RateLimit-Daily-Remaining"))
        if limit is None or left is None:
            return
        same_day = self._daily_left is not None and limit == self._daily_limit and left <= self._daily_left + limit // 2
        # Answers arrive out of order, and calls are under way that HubSpot has not counted yet: believe the lower.
        self._daily_left = min(left, self._daily_left) if same_day and self._daily_left is not None else left
        self._daily_limit, self._daily_seen = limit, now

    def set_daily(self, limit: int, left: int) -> None:
        """The day's figures from the account's own usage page."""
        with self._lock:
            self._daily_limit, self._daily_left, self._daily_seen = limit, left, self._clock()

    def throttled(self, *, search: bool, wait: float) -> None:
        """HubSpot said 429 for a window: hold the others back too where our own count agrees that it is full."""
        with self._lock:
            now = self._clock()
            window = self._searches if search else self._calls
            if search or window.used(now) >= 0.8 * window.limit:
                window.hold(now + wait)

    def _check_budget(self, now: float) -> None:
        if self._daily_limit is None or self._daily_left is None:
            return
        kept = self._daily_limit - int(self._daily_limit * self._share)
        if self._daily_left > kept:
            return
        if now - self._daily_seen >= _PROBE:
            self._daily_seen = now
            return
        raise BudgetSpent(
            f"HubSpot: {max(self._daily_left, 0):,} of {self._daily_limit:,} calls are left today and {kept:,} of them "
            "are kept for other apps. Go on tomorrow, or raise daily_share."
        )


def _number(text: str | None) -> int | None:
    try:
        return int(text) if text is not None else None
    except ValueError:
        return None
