"""What to do after one failed attempt: a pure decision, so that the whole policy is one table that a test can read.

It prevents two failures: giving up on what passes by itself, and repeating a write that may have happened. HubSpot
names its limits by `policyName`; its Retry-After is honoured where it is sent, and not relied upon.
"""

from __future__ import annotations

from dataclasses import dataclass

from crmsync.connectors.retrying import ATTEMPTS, LONGEST_WAIT, Cause, Decision, Kind, backoff, bounded

__all__ = ["ATTEMPTS", "LOCK_SECONDS", "LONGEST_WAIT", "Cause", "Decision", "Failure", "Kind", "decide"]

LOCK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt: `policy` is HubSpot's `policyName`, `retry_after` seconds from the header.

    `reached` is false while the address has not answered anything yet.
    """

    cause: Cause
    status: int = 0
    policy: str = ""
    retry_after: float | None = None
    reached: bool = True


#: A gateway's answer, or a crash on the way: the write may have happened.
_MAYBE_DONE = frozenset({500, 502, 504, 520, 522, 524})


def decide(failure: Failure, *, attempt: int, repeatable: bool, interval: float, search_interval: float) -> Decision:
    """The policy. `attempt` counts from 1; `interval` and `search_interval` are the rate windows in seconds.

    `repeatable` is false for writes whose second execution nobody asked for: where the reply is lost or a gateway
    answered in HubSpot's place, they become `unanswered` at once and the caller reads back.
    """
    decision = _first(failure, attempt, repeatable, interval, search_interval)
    return bounded(decision, attempt, reached=failure.reached)


def _first(failure: Failure, attempt: int, repeatable: bool, interval: float, search_interval: float) -> Decision:
    match failure.cause:
        case Cause.NOT_SENT:
            return Decision(Kind.UNAVAILABLE, repeat=True, wait=backoff(0.5, attempt))
        case Cause.NO_REPLY:
            if not repeatable:
                return Decision(Kind.UNANSWERED)
            return Decision(Kind.UNAVAILABLE, repeat=True, wait=backoff(0.2, attempt))
        case Cause.NEW_TOKEN:
            return Decision(Kind.UNAUTHORIZED, repeat=attempt <= 2)
        case Cause.STATUS:
            return _by_status(failure, attempt, repeatable, interval, search_interval)


def _by_status(failure: Failure, attempt: int, repeatable: bool, interval: float, search_interval: float) -> Decision:
    status = failure.status
    if status == 429:
        return _by_policy(failure, attempt, interval, search_interval)
    if status == 477:
        return Decision(Kind.THROTTLED, repeat=True, wait=failure.retry_after or 10.0, spread=False)
    if status == 423:
        return Decision(Kind.UNAVAILABLE, repeat=True, wait=LOCK_SECONDS * min(attempt, 5), spread=False)
    if status in (401, 403):
        return Decision(Kind.UNAUTHORIZED)
    if status in _MAYBE_DONE and not repeatable:
        return Decision(Kind.UNANSWERED)
    if status >= 500:
        base = 0.2 if status == 500 else 0.5
        wait = max(backoff(base, attempt), failure.retry_after or 0.0)
        return Decision(Kind.UNAVAILABLE, repeat=True, wait=wait)
    return Decision(Kind.REJECTED)


def _by_policy(failure: Failure, attempt: int, interval: float, search_interval: float) -> Decision:
    policy = failure.policy.upper()
    if policy == "DAILY":
        return Decision(Kind.BUDGET_SPENT)
    if failure.retry_after is not None:
        return Decision(Kind.THROTTLED, repeat=True, wait=failure.retry_after, spread=False)
    if policy == "SECONDLY":
        return Decision(Kind.THROTTLED, repeat=True, wait=search_interval * attempt)
    return Decision(Kind.THROTTLED, repeat=True, wait=min(interval, interval / 8 * attempt))
