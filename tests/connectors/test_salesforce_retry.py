"""Salesforce's retry policy as the table that it is (salesforce.md 2.6, Retry class)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.retrying import ATTEMPTS, FIRST_ATTEMPTS, LONGEST_WAIT, Cause, Decision, Kind
from crmsync.connectors.salesforce.retry import TIMED_OUT_ATTEMPTS, Failure, decide

TOTAL = "TotalRequests Limit exceeded."
CONCURRENT = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."


def _status(status: int, code: str = "", message: str = "", retry_after: float | None = None) -> Failure:
    return Failure(Cause.STATUS, status, code, message, retry_after)


@pytest.mark.parametrize(
    ("failure", "attempt", "kind", "wait"),
    [
        (_status(403, "REQUEST_LIMIT_EXCEEDED", CONCURRENT), 1, Kind.THROTTLED, 1.0),
        (_status(403, "REQUEST_LIMIT_EXCEEDED", CONCURRENT), 4, Kind.THROTTLED, 8.0),
        (_status(403, "REQUEST_LIMIT_EXCEEDED", CONCURRENT), 11, Kind.THROTTLED, 30.0),
        (_status(429), 1, Kind.THROTTLED, 1.0),
        (_status(429, retry_after=7.0), 1, Kind.THROTTLED, 7.0),
        (_status(400, "UNABLE_TO_LOCK_ROW"), 1, Kind.UNAVAILABLE, 2.0),
        (_status(500, "UNABLE_TO_LOCK_ROW"), 3, Kind.UNAVAILABLE, 6.0),
        (_status(400, "QUERY_TIMEOUT"), 1, Kind.UNAVAILABLE, 0.5),
        (_status(503, "SERVER_UNAVAILABLE"), 3, Kind.UNAVAILABLE, 2.0),
        (_status(500, "UNKNOWN_EXCEPTION"), 1, Kind.UNAVAILABLE, 0.2),
        (_status(500), 4, Kind.UNAVAILABLE, 1.6),
        (_status(502), 1, Kind.UNAVAILABLE, 0.5),
        (_status(504), 2, Kind.UNAVAILABLE, 1.0),
        (_status(406), 1, Kind.UNAVAILABLE, 0.5),
        (_status(420), 1, Kind.UNAVAILABLE, 0.5),
        (Failure(Cause.NOT_SENT), 1, Kind.UNAVAILABLE, 0.5),
        (Failure(Cause.NO_REPLY), 2, Kind.UNAVAILABLE, 0.4),
        (Failure(Cause.NEW_TOKEN, 401, "INVALID_SESSION_ID"), 1, Kind.UNAUTHORIZED, 0.0),
    ],
)
def test_a_read_is_repeated_after(failure: Failure, attempt: int, kind: Kind, wait: float) -> None:
    decision = decide(failure, attempt=attempt, repeatable=True)
    assert decision.repeat
    assert decision.kind is kind
    assert decision.wait == pytest.approx(wait)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (_status(403, "REQUEST_LIMIT_EXCEEDED", TOTAL), Kind.BUDGET_SPENT),
        (_status(401, "INVALID_SESSION_ID"), Kind.UNAUTHORIZED),
        (_status(403, "API_DISABLED_FOR_ORG"), Kind.UNAUTHORIZED),
        (_status(403, "TXN_SECURITY_METERING_ERROR"), Kind.UNAUTHORIZED),
        (_status(403), Kind.UNAUTHORIZED),
        (_status(403, "INSUFFICIENT_ACCESS_OR_READONLY"), Kind.REJECTED),
        (_status(400, "INVALID_FIELD"), Kind.REJECTED),
        (_status(400, "INVALID_QUERY_LOCATOR"), Kind.REJECTED),
        (_status(400, "STRING_TOO_LONG"), Kind.REJECTED),
        (_status(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION"), Kind.REJECTED),
        (_status(400, "DUPLICATES_DETECTED"), Kind.REJECTED),
        (_status(404, "ENTITY_IS_DELETED"), Kind.REJECTED),
        (_status(404, "NOT_FOUND"), Kind.REJECTED),
        (_status(410, "UNSUPPORTED_API_VERSION"), Kind.REJECTED),
        (_status(300), Kind.REJECTED),
        (_status(414), Kind.REJECTED),
    ],
)
def test_it_is_not_repeated_after(failure: Failure, kind: Kind) -> None:
    for repeatable in (True, False):
        decision = decide(failure, attempt=1, repeatable=repeatable)
        assert not decision.repeat
        assert decision.kind is kind


@pytest.mark.parametrize(
    "failure",
    [Failure(Cause.NO_REPLY), *(_status(code) for code in (500, 502, 504)), _status(500, "UNKNOWN_EXCEPTION")],
)
def test_a_write_that_may_have_happened_is_unanswered_at_once(failure: Failure) -> None:
    assert decide(failure, attempt=1, repeatable=False) == Decision(Kind.UNANSWERED)


@pytest.mark.parametrize(
    "failure",
    [
        Failure(Cause.NOT_SENT),
        Failure(Cause.NEW_TOKEN, 401),
        *(_status(code) for code in (406, 420, 429, 503)),
        _status(400, "UNABLE_TO_LOCK_ROW"),
        _status(403, "REQUEST_LIMIT_EXCEEDED", CONCURRENT),
    ],
)
def test_a_write_that_cannot_have_happened_is_repeated(failure: Failure) -> None:
    assert decide(failure, attempt=1, repeatable=False).repeat


def test_hours_of_retry_after_are_not_slept_through() -> None:
    decision = decide(_status(503, retry_after=3_600.0), attempt=1, repeatable=True)
    assert decision == Decision(Kind.UNAVAILABLE, wait=3_600.0)


def test_a_query_that_timed_out_is_not_sent_a_dozen_times() -> None:
    failure = _status(400, "QUERY_TIMEOUT")
    repeats = [decide(failure, attempt=attempt, repeatable=True).repeat for attempt in range(1, 6)]
    assert repeats == [True, True, False, False, False]
    assert TIMED_OUT_ATTEMPTS == 3


def test_an_address_that_never_answered_is_given_up_sooner() -> None:
    typo, outage = Failure(Cause.NOT_SENT, reached=False), Failure(Cause.NOT_SENT)
    assert not decide(typo, attempt=FIRST_ATTEMPTS, repeatable=True).repeat
    assert decide(outage, attempt=FIRST_ATTEMPTS, repeatable=True).repeat


@given(
    cause=st.sampled_from(Cause),
    status=st.integers(300, 599),
    code=st.sampled_from(["", "REQUEST_LIMIT_EXCEEDED", "UNABLE_TO_LOCK_ROW", "QUERY_TIMEOUT", "UNKNOWN_EXCEPTION"]),
    message=st.sampled_from(["", TOTAL, CONCURRENT]),
    retry_after=st.none() | st.floats(0, 1e6),
    attempt=st.integers(1, 40),
    repeatable=st.booleans(),
)
def test_every_repeat_is_bounded(
    cause: Cause, status: int, code: str, message: str, retry_after: float | None, attempt: int, repeatable: bool
) -> None:
    decision = decide(Failure(cause, status, code, message, retry_after), attempt=attempt, repeatable=repeatable)
    if decision.repeat:
        assert attempt < ATTEMPTS
        assert 0 <= decision.wait <= LONGEST_WAIT
