"""The time of a sandbox, and date-times as both CRMs' clients write them.

Prevents a later write from carrying an earlier stamp, and a limit from being tested in real seconds.
"""

import time
from datetime import UTC, datetime


class Clock:
    """Wall time for stamps; elapsed time, run `scale` times faster, for limits, latency and lag."""

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = scale
        self._last = 0
        self._ahead_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970, never going back: a later write never carries an earlier stamp."""
        self._last = max(self._last, time.time_ns() // 1_000_000 + self._ahead_ms)
        return self._last

    def elapsed(self) -> float:
        """Seconds of the sandbox's own time since an arbitrary start."""
        return time.monotonic() * self.scale + self._ahead_ms / 1000

    def advance(self, seconds: float) -> None:
        """As if so long had passed at once, for stamps, limits and sessions alike."""
        if seconds < 0:
            raise ValueError("time does not go back")
        self._ahead_ms += round(seconds * 1000)


def parse_ms(text: str) -> int | None:
    """Epoch milliseconds, a date or an ISO date-time; None for anything else. Without a zone it is UTC."""
    text = text.strip()
    if text.lstrip("-").isdigit():
        return int(text)
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError:
        return None
    if stamp.tzinfo is None:
        stamp = stamp.replace(tzinfo=UTC)
    return round(stamp.timestamp() * 1000)
