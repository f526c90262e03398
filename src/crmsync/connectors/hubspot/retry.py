"""What to do after one failed attempt: a pure decision, so that the whole policy is one table that a test can read.

It prevents two failures: giving up on what passes by itself, and repeating a write that may have happened. HubSpot
names its limits by `policyName`; its Retry-After is honoured where it is sent, and not relied upon.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ATTEMPTS = 12
#: An address that never answered is more likely a typo than an outage: told within about ten seconds.
FIRST_ATTEMPTS = 5
LOCK_SECONDS = 2.0
#: A longer wait than this is for the worker's schedule, not for a thread to sleep through.
LONGEST_WAIT = 120.0


class Cause(StrEnum):
    """How an attempt failed."""

    STATUS = "status"
    NOT_SENT = "not_sent"
    NO_REPLY = "no_reply"
    NEW_TOKEN = "new_token"  # noqa: S105 - the name of a cause, no secret


class Kind(StrEnum):
    """What the failure is once it is no longer repeated; each is one class of the error tree."""

    THROTTLED = "throttled"
    BUDGET_SPENT = "budget_spent"
    UNAVAILABLE = "unavailable"
    UNAUTHORIZED = "unauthorized"
    UNANSWERED = "unanswered"
    REJECTED = "rejected"


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


@dataclass(frozen=True, slots=True)
class Decision:
    """`repeat` after `wait` seconds, or raise `kind`. `spread` says that jitter may be put on the wait."""

    kind: Kind
    repeat: bool = False
    wait: float = 0.0
    spread: bool = True


#: A gateway's answer, or a crash on the way: the write may have happened.
_MAYBE_DONE = frozenset({500, 502, 504, 520, 522, 524})


def decide(failure: Failure, *, attempt: int, repeatable: bool, interval: float, search_interval: float) -> Decision:
    """The policy. `attempt` counts from 1; `interval` and `search_interval` are the rate windows in seconds.

    `repeatable` is false for writes whose second execution nobody asked for: where the reply is lost or a gateway
    answered in HubSpot's place, they become `unanswered` at once and the caller reads back.
    """
    decision = _first(failure, attempt, repeatable, interval, search_interval)
    attempts = ATTEMPTS if failure.reached else FIRST_ATTEMPTS
    if decision.repeat and (attempt >= attempts or decision.wait > LONGEST_WAIT):
        return Decision(decision.kind, wait=decision.wait)
    return decision


def _first(failure: Failure, attempt: int, repeatable: bool, interval: float, search_interval: float) -> Decision:
    match failure.cause:
        case Cause.NOT_SENT:
            return Decision(Kind.UNAVAILABLE, repeat=True, wait=_backoff(0.5, attempt))
        case Cause.NO_REPLY:
            if not repeatable:
                return Decision(Kind.UNANSWERED)
            return Decision(Kind.UNAVAILABLE, repeat=True, wait=_backoff(0.2, attempt))
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
        wait = max(_backoff(base, attempt), failure.retry_after or 0.0)
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


def _backoff(base: float, attempt: int) -> float:
    """Seconds: doubles with each attempt, 30 at most."""
    return float(min(30.0, base * 2 ** (attempt - 1)))
