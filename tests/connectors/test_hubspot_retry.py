"""The retry policy as the table that it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.connectors.hubspot.retry import ATTEMPTS, LONGEST_WAIT, Cause, Decision, Failure, Kind, decide


def _decide(failure: Failure, attempt: int = 1, *, repeatable: bool = True) -> Decision:
    return decide(failure, attempt=attempt, repeatable=repeatable, interval=10.0, search_interval=1.0)


def _status(status: int, policy: str = "", retry_after: float | None = None) -> Failure:
    return Failure(Cause.STATUS, status, policy, retry_after)


@pytest.mark.parametrize(
    ("failure", "attempt", "kind", "wait"),
    [
        (_status(429, "TEN_SECONDLY_ROLLING"), 1, Kind.THROTTLED, 1.25),
        (_status(429, "TEN_SECONDLY_ROLLING"), 4, Kind.THROTTLED, 5.0),
        (_status(429, "TEN_SECONDLY_ROLLING"), 11, Kind.THROTTLED, 10.0),
        (_status(429, "SECONDLY"), 1, Kind.THROTTLED, 1.0),
        (_status(429, "SECONDLY"), 3, Kind.THROTTLED, 3.0),
        (_status(429, "TEN_SECONDLY_ROLLING", 7.0), 1, Kind.THROTTLED, 7.0),
        (_status(429), 1, Kind.THROTTLED, 1.25),
        (_status(477, "", 30.0), 1, Kind.THROTTLED, 30.0),
        (_status(423), 1, Kind.UNAVAILABLE, 2.0),
        (_status(423), 3, Kind.UNAVAILABLE, 6.0),
        (_status(500), 1, Kind.UNAVAILABLE, 0.2),
        (_status(500), 4, Kind.UNAVAILABLE, 1.6),
        (_status(502), 1, Kind.UNAVAILABLE, 0.5),
        (_status(503), 3, Kind.UNAVAILABLE, 2.0),
        (_status(504), 2, Kind.UNAVAILABLE, 1.0),
        (_status(521), 1, Kind.UNAVAILABLE, 0.5),
        (_status(523), 1, Kind.UNAVAILABLE, 0.5),
        (_status(524), 1, Kind.UNAVAILABLE, 0.5),
        (_status(503, "", 9.0), 1, Kind.UNAVAILABLE, 9.0),
        (Failure(Cause.NOT_SENT), 1, Kind.UNAVAILABLE, 0.5),
        (Failure(Cause.NOT_SENT), 9, Kind.UNAVAILABLE, 30.0),
        (Failure(Cause.NO_REPLY), 1, Kind.UNAVAILABLE, 0.2),
        (Failure(Cause.NEW_TOKEN, 401), 1, Kind.UNAUTHORIZED, 0.0),
    ],
)
def test_a_read_is_repeated_after(failure: Failure, attempt: int, kind: Kind, wait: float) -> None:
    decision = _decide(failure, attempt)
    assert decision.repeat
    assert decision.kind is kind
    assert decision.wait == pytest.approx(wait)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (_status(429, "DAILY"), Kind.BUDGET_SPENT),
        (_status(429, "DAILY", 5.0), Kind.BUDGET_SPENT),
        (_status(401), Kind.UNAUTHORIZED),
        (_status(403), Kind.UNAUTHORIZED),
        (_status(400), Kind.REJECTED),
        (_status(404), Kind.REJECTED),
        (_status(409), Kind.REJECTED),
        (_status(414), Kind.REJECTED),
    ],
)
def test_it_is_not_repeated_after(failure: Failure, kind: Kind) -> None:
    for repeatable in (True, False):
        decision = _decide(failure, repeatable=repeatable)
        assert not decision.repeat
        assert decision.kind is kind


@pytest.mark.parametrize("failure", [Failure(Cause.NO_REPLY), *(_status(code) for code in (500, 502, 504, 524))])
def test_a_write_that_may_have_happened_is_unanswered_at_once(failure: Failure) -> None:
    assert _decide(failure, repeatable=False) == Decision(Kind.UNANSWERED)


@pytest.mark.parametrize(
    "failure",
    [Failure(Cause.NOT_SENT), *(_status(code) for code in (423, 429, 503, 521, 523))],
)
def test_a_write_that_cannot_have_happened_is_repeated(failure: Failure) -> None:
    assert _decide(failure, repeatable=False).repeat


def test_hours_of_retry_after_are_not_slept_through() -> None:
    decision = _decide(_status(477, "", 86_400.0))
    assert decision == Decision(Kind.THROTTLED, wait=86_400.0)


def test_a_shorter_window_shortens_the_wait() -> None:
    failure = _status(429, "TEN_SECONDLY_ROLLING")
    decision = decide(failure, attempt=1, repeatable=True, interval=1.0, search_interval=0.1)
    assert decision.wait == pytest.approx(0.125)


def test_a_changed_token_is_tried_twice_at_most() -> None:
    assert _decide(Failure(Cause.NEW_TOKEN, 401), 2).repeat
    assert not _decide(Failure(Cause.NEW_TOKEN, 401), 3).repeat


@given(
    cause=st.sampled_from(Cause),
    status=st.integers(400, 599),
    policy=st.sampled_from(["", "TEN_SECONDLY_ROLLING", "SECONDLY", "DAILY", "OTHER"]),
    retry_after=st.none() | st.floats(0, 1e6),
    attempt=st.integers(1, 40),
    repeatable=st.booleans(),
)
def test_every_repeat_is_bounded(
    cause: Cause, status: int, policy: str, retry_after: float | None, attempt: int, repeatable: bool
) -> None:
    decision = _decide(Failure(cause, status, policy, retry_after), attempt, repeatable=repeatable)
    if decision.repeat:
        assert attempt < ATTEMPTS
        assert 0 <= decision.wait <= LONGEST_WAIT
