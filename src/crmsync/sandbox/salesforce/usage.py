"""The org's daily calls: the count, the header that says it, the refusal when none are left (salesforce.md 2.1)."""

from collections import deque
from collections.abc import Callable

from crmsync.sandbox.salesforce import errors

DAY_SECONDS = 86_400.0


class Usage:
    """A rolling count over 24 hours of the sandbox's own time."""

    def __init__(self, limit: int, elapsed: Callable[[], float]) -> None:
        self.limit = limit
        self.added = 0
        """Calls that others made, set by the control plane."""
        self._elapsed = elapsed
        self._calls: deque[float] = deque()

    @property
    def used(self) -> int:
        """Calls of the last 24 hours."""
        now = self._elapsed()
        while self._calls and now - self._calls[0] >= DAY_SECONDS:
            self._calls.popleft()
        return len(self._calls) + self.added

    def take(self) -> None:
        """Counts one call, or raises the 403 TotalRequests. A refused call does not count."""
        if self.used >= self.limit:
            raise errors.total_requests()
        self._calls.append(self._elapsed())

    def header(self) -> dict[str, str]:
        """`Sforce-Limit-Info: api-usage=18/5000`."""
        return {"Sforce-Limit-Info": f"api-usage={self.used}/{self.limit}"}

    def clear(self) -> None:
        """A new day."""
        self._calls.clear()
        self.added = 0
