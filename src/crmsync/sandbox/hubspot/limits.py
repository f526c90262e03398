"""Rate limits with HubSpot's headers and refusals.

Prevents a client from being tuned against a server that never says no.
"""

from collections.abc import Callable

from crmsync.sandbox.common.limits import Window
from crmsync.sandbox.hubspot.wire import PORTAL_ID, ApiError


class Limits:
    """The three limits of an account: ten seconds, a day, and search by the second."""

    def __init__(self, rate: str, search_rate: str, daily: int, elapsed: Callable[[], float], scale: float) -> None:
        self.burst = Window(rate, elapsed)
        self.search = Window(search_rate, elapsed)
        self.daily = daily
        self.used_today = 0
        self._scale = scale

    def take(self, searching: bool) -> dict[str, str]:
        """Counts one call and returns its rate headers, or raises the 429. Search carries no rate headers."""
        if self.used_today >= self.daily:
            raise _refusal("DAILY", "You have reached your daily limit.", "api-calls-daily")
        if searching:
            if not self.search.take():
                raise _refusal("SECONDLY", "You have reached your secondly limit.", "crm-search-secondly")
            self.used_today += 1
            return {}
        if not self.burst.take():
            message = "You have reached your ten_secondly_rolling limit."
            raise _refusal("TEN_SECONDLY_ROLLING", message, "hapikey-api-calls-ten-secondly", self.headers())
        self.used_today += 1
        return self.headers()

    def headers(self) -> dict[str, str]:
        """Rate headers as they stand. The interval follows the sandbox's time scale."""
        secondly = max(1, int(self.burst.most / self.burst.seconds))
        return {
            "X-HubSpot-RateLimit-Max": str(self.burst.most),
            "X-HubSpot-RateLimit-Remaining": str(self.burst.left),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(round(self.burst.seconds * 1000 / self._scale)),
            "X-HubSpot-RateLimit-Daily": str(self.daily),
            "X-HubSpot-RateLimit-Daily-Remaining": str(max(0, self.daily - self.used_today)),
            "X-HubSpot-RateLimit-Secondly": str(secondly),
            "X-HubSpot-RateLimit-Secondly-Remaining": str(min(secondly, self.burst.left)),
        }

    def clear(self) -> None:
        """A new day."""
        self.burst.clear()
        self.search.clear()
        self.used_today = 0


class RateLimited(ApiError):
    """A 429, with the headers that go with it."""

    headers: dict[str, str]


def _refusal(policy: str, message: str, group: str, headers: dict[str, str] | None = None) -> RateLimited:
    refusal = RateLimited(
        429, None, message, errorType="RATE_LIMIT", policyName=policy, groupName=f"publicapi:{group}:{PORTAL_ID}"
    )
    refusal.headers = headers or {}
    return refusal


def forced_429(searching: bool) -> RateLimited:
    """The refusal that a fault asks for, whatever the window says."""
    if searching:
        return _refusal("SECONDLY", "You have reached your secondly limit.", "crm-search-secondly")
    message = "You have reached your ten_secondly_rolling limit."
    return _refusal("TEN_SECONDLY_ROLLING", message, "hapikey-api-calls-ten-secondly")
