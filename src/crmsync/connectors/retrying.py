"""What the connectors' retry policies share: the words of a decision, and how long anybody waits.

Each CRM has a table of its own (`decide`), because each names its limits and failures in its own way. It prevents two
failures everywhere: giving up on what passes by itself, and repeating a write that may have happened.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

ATTEMPTS = 12
#: An address that never answered is more likely a typo than an outage: told within about ten seconds.
FIRST_ATTEMPTS = 5
#: A longer wait than this is for the worker's schedule, not for a thread to sleep through.
LONGEST_WAIT = 120.0
LONGEST_BACKOFF = 30.0


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
class Decision:
    """`repeat` after `wait` seconds, or raise `kind`. `spread` says that jitter may be put on the wait."""

    kind: Kind
    repeat: bool = False
    wait: float = 0.0
    spread: bool = True


def backoff(base: float, attempt: int) -> float:
    """Seconds: doubles with each attempt from 1, LONGEST_BACKOFF at most."""
    return float(min(LONGEST_BACKOFF, base * 2 ** (attempt - 1)))


def bounded(decision: Decision, attempt: int, *, reached: bool, attempts: int = ATTEMPTS) -> Decision:
    """The decision, without its repeat where there were `attempts` already or the wait is nobody's to sleep through.

    `reached` is false while the address has not answered anything yet.
    """
    most = attempts if reached else min(attempts, FIRST_ATTEMPTS)
    if decision.repeat and (attempt >= most or decision.wait > LONGEST_WAIT):
        return Decision(decision.kind, wait=decision.wait)
    return decision
