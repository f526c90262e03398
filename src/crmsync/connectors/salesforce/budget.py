"""The part of the day's API calls that is ours, by what Salesforce says in every answer (salesforce.md 2.1).

It prevents crmsync from taking the calls that an org's other apps need: they all share one count over 24 hours.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from crmsync.errors import BudgetSpent

HEADER = "Sforce-Limit-Info"
RECHECK_SECONDS = 900.0
"""Once stopped, one call in so many seconds goes through: the count goes back by itself, and only an answer says so."""

_ORG = re.compile(r"(?<![-\w])api-usage=(\d+)/(\d+)")
_APP = re.compile(r"(?<![-\w])per-app-api-usage=(\d+)/(\d+)")
_FREE = frozenset({"login", "limits"})


@dataclass(frozen=True, slots=True)
class Count:
    """Calls of the last 24 hours, and how many there may be."""

    used: int
    limit: int


class Budget:
    """Thread-safe. `share`: how much of the org's calls may be used before we stop, 0.8 for 80 %."""

    def __init__(self, share: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._lock = threading.Lock()
        self._org: Count | None = None
        self._app: Count | None = None
        self._tried = float("-inf")

    def observe(self, header: str | None) -> None:
        """Take over what an answer's header says: `api-usage=25/5000; per-app-api-usage=17/250(appName=crmsync)`."""
        org, app = _ORG.search(header or ""), _APP.search(header or "")
        with self._lock:
            if org:
                self._org = Count(int(org[1]), int(org[2]))
                self._app = Count(int(app[1]), int(app[2])) if app else None
                self._tried = self._clock()

    def learn(self, used: int, limit: int) -> None:
        """The same from the limits page."""
        with self._lock:
            self._org = Count(used, limit)

    def check(self, family: str) -> None:
        """Raises BudgetSpent where a call of that family is one too many. Looking at the limits is always allowed."""
        if family in _FREE:
            return
        with self._lock:
            told = self._spent()
            now = self._clock()
            if told and now - self._tried >= RECHECK_SECONDS:
                self._tried = now
                return
        if told:
            raise BudgetSpent(told)

    @property
    def daily(self) -> tuple[int | None, int | None]:
        """(calls a day, calls left to all apps together), None before the first answer."""
        with self._lock:
            if self._org is None:
                return None, None
            return self._org.limit, max(0, self._org.limit - self._org.used)

    def _spent(self) -> str:
        """Why no call may be made, in words; empty where one may."""
        again = "Go on later: the count is over 24 hours."
        org, app = self._org, self._app
        if org is not None and org.limit > 0 and org.used >= org.limit * self._share:
            return (
                f"Salesforce: {org.used:,} of the day's {org.limit:,} API calls are used, by all apps together, and "
                f"crmsync stops at {self._share:.0%} (salesforce.daily_share). {again}"
            )
        if app is not None and app.limit > 0 and app.used >= app.limit:
            return f"Salesforce: crmsync has used the {app.limit:,} API calls that the org gives it a day. {again}"
        return ""
