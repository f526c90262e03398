"""Rolling windows of calls.

Prevents a client from being tuned against a server that never says no.
"""

import re
from collections import deque
from collections.abc import Callable

_RATE = re.compile(r"(\d+)\s*/\s*(\d*\.?\d*)\s*s")


def parse_rate(text: str) -> tuple[int, float]:
    """`190/10s` as calls and seconds. Raises ValueError."""
    match = _RATE.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is not a rate. Write calls and seconds: 190/10s")
    return int(match[1]), float(match[2] or 1)


class Window:
    """A rolling window: at most `most` calls in any `seconds`. Refused calls do not count."""

    def __init__(self, rate: str, elapsed: Callable[[], float]) -> None:
        self.most, self.seconds = parse_rate(rate)
        self._elapsed = elapsed
        self._calls: deque[float] = deque()

    def take(self) -> bool:
        """Counts one call, or refuses it."""
        now = self._elapsed()
        while self._calls and now - self._calls[0] >= self.seconds:
            self._calls.popleft()
        if len(self._calls) >= self.most:
            return False
        self._calls.append(now)
        return True

    @property
    def left(self) -> int:
        """Calls that would still go through at this moment."""
        return self.most - len(self._calls)

    def clear(self) -> None:
        """Forgets every call."""
        self._calls.clear()
