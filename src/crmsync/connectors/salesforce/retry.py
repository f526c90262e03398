"""What to do after one failed attempt: a pure decision, so that the whole policy is one table that a test can read
(salesforce.md 2.6).

It prevents two failures: giving up on what passes by itself, and repeating a write that may have happened. Salesforce
says by `errorCode` what is wrong; the status alone says little: a 403 is the day's limit, a busy org, or a missing
right.
"""

from __future__ import annotations

from dataclasses import dataclass

from crmsync.connectors.retrying import Cause, Decision, Kind, backoff, bounded

LOCK_SECONDS = 2.0
"""A record's lock has been waited for ten seconds already when Salesforce says so."""
CONCURRENT_SECONDS = 1.0
TIMED_OUT_ATTEMPTS = 3
"""A query that ran for two minutes in vain costs too much to be sent a dozen times."""

UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"
"""The code of an attempt that ended at a certificate which nobody trusts; another attempt meets the same one."""

_LIMIT = "REQUEST_LIMIT_EXCEEDED"
_LOCKED = "UNABLE_TO_LOCK_ROW"
_TIMED_OUT = "QUERY_TIMEOUT"
_BUSY = frozenset({"SERVER_UNAVAILABLE", "SERVICE_UNAVAILABLE"})
_CRASHED = frozenset({"UNKNOWN_EXCEPTION", "INTERNAL_ERROR"})
#: Salesforce's edge answers these while it moves or starts an org: nothing was done.
_NOT_YET = frozenset({406, 420, 503})
#: A gateway's answer, or a crash on the way: the write may have happened.
_MAYBE_DONE = frozenset({500, 502, 504})
#: Rights to one object, record or field: for the caller, and no reason to stop everything else.
_NO_RIGHT = ("INSUFFICIENT_ACCESS", "CANNOT_", "FIELD_", "NOT_FOUND")


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed attempt: `code` is Salesforce's errorCode, `message` its words, `retry_after` seconds from the header.

    `reached` is false while the address has not answered anything yet.
    """

    cause: Cause
    status: int = 0
    code: str = ""
    message: str = ""
    retry_after: float | None = None
    reached: bool = True


def decide(failure: Failure, *, attempt: int, repeatable: bool) -> Decision:
    """The policy. `attempt` counts from 1.

    `repeatable` is false for writes whose second execution nobody asked for: where the reply is lost or a gateway
    answered in Salesforce's place, they become `unanswered` at once and the caller reads back.
    """
    decision = _first(failure, attempt, repeatable)
    if failure.code == _TIMED_OUT:
        return bounded(decision, attempt, reached=failure.reached, attempts=TIMED_OUT_ATTEMPTS)
    return bounded(decision, attempt, reached=failure.reached)


def _first(failure: Failure, attempt: int, repeatable: bool) -> Decision:
    match failure.cause:
        case Cause.NOT_SENT if failure.code == UNTRUSTED:
            return Decision(Kind.UNAVAILABLE)
        case Cause.NOT_SENT:
            return Decision(Kind.UNAVAILABLE, repeat=True, wait=backoff(0.5, attempt))
        case Cause.NO_REPLY:
            if not repeatable:
                return Decision(Kind.UNANSWERED)
            return Decision(Kind.UNAVAILABLE, repeat=True, wait=backoff(0.2, attempt))
        case Cause.NEW_TOKEN:
            # Nothing was done under the token that had ended. Who opens how many sessions, the transport bounds.
            return Decision(Kind.UNAUTHORIZED, repeat=True)
        case Cause.STATUS:
            decision = _by_code(failure, attempt, repeatable)
            wait = max(decision.wait, failure.retry_after or 0.0) if decision.repeat else decision.wait
            return Decision(decision.kind, decision.repeat, wait, decision.spread)


def _by_code(failure: Failure, attempt: int, repeatable: bool) -> Decision:
    code, status = failure.code, failure.status
    if code == _LIMIT:
        if failure.message.lower().startswith("totalrequests"):
            return Decision(Kind.BUDGET_SPENT)
        return Decision(Kind.THROTTLED, repeat=True, wait=backoff(CONCURRENT_SECONDS, attempt))
    if code == _LOCKED:
        return Decision(Kind.UNAVAILABLE, repeat=True, wait=LOCK_SECONDS * min(attempt, 5))
    if code == _TIMED_OUT or code in _BUSY or status in _NOT_YET:
        return Decision(Kind.UNAVAILABLE, repeat=True, wait=backoff(0.5, attempt))
    if status == 429:
        return Decision(Kind.THROTTLED, repeat=True, wait=backoff(CONCURRENT_SECONDS, attempt))
    if (code in _CRASHED or status in _MAYBE_DONE) and not repeatable:
        return Decision(Kind.UNANSWERED)
    if code in _CRASHED or status >= 500:
        return Decision(Kind.UNAVAILABLE, repeat=True, wait=backoff(0.2 if status == 500 else 0.5, attempt))
    if status == 401 or (status == 403 and not code.startswith(_NO_RIGHT)):
        return Decision(Kind.UNAUTHORIZED)
    return Decision(Kind.REJECTED)
