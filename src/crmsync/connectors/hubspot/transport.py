"""The only place that speaks HTTP to HubSpot: one generated `ApiClient` for the whole connector, raw bytes in, msgspec
structs out, every attempt counted by family, and one retry policy above the rate limiter.

It prevents a TLS handshake a call (the official client opens a pool per attribute access), calls that nobody counted
(its own retries are off), and an SDK's exception, a token or an e-mail address leaving the connector.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import msgspec
import urllib3
from hubspot.crm.objects import ApiClient, Configuration
from hubspot.crm.objects.exceptions import ApiException
from tenacity import RetryCallState, Retrying

from crmsync.connectors.base import Usage
from crmsync.connectors.hubspot.limiter import Clock, Limiter, Sleep
from crmsync.connectors.hubspot.retry import Cause, Decision, Failure, Kind, decide
from crmsync.connectors.hubspot.settings import HubSpotSettings, Paths
from crmsync.connectors.hubspot.wire import WireError
from crmsync.errors import BudgetSpent, CrmsyncError, Rejected, Throttled, Unanswered, Unauthorized, Unavailable

T = TypeVar("T")
Query = Sequence[tuple[str, str]]

SEARCH = "search"
_NOT_SENT = (
    urllib3.exceptions.NewConnectionError,
    urllib3.exceptions.ConnectTimeoutError,
    urllib3.exceptions.ProxyError,
    urllib3.exceptions.SSLError,
)
_LONGEST_MESSAGE = 600


@dataclass(frozen=True)
class Request(Generic[T]):
    """One call. `answer` is the shape to decode; `repeatable` false means: never twice without reading back."""

    family: str
    method: str
    path: str
    answer: type[T]
    query: Query = ()
    body: dict[str, Any] | None = None
    repeatable: bool = True

    @property
    def is_search(self) -> bool:
        """Whether the search limit counts it (object search; searching lists is an ordinary call)."""
        return self.family == SEARCH


class _Failed(Exception):
    """One failed attempt, inside this module only."""

    def __init__(self, failure: Failure, error: WireError) -> None:
        super().__init__(failure.status)
        self.failure = failure
        self.error = error


class Transport:
    """Thread-safe. `clock`, `sleep` (seconds) and `jitter` are parameters for tests."""

    def __init__(
        self,
        settings: HubSpotSettings,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = time.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.paths = Paths(settings.api_version)
        self.limiter = Limiter(
            daily_share=settings.daily_share, search_rate=settings.search_rate, clock=clock, sleep=sleep
        )
        self._sleep = sleep
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._client = _client(settings)
        self._lock = threading.Lock()
        self._calls: dict[str, int] = {}
        self._throttled = 0
        self._retried = 0
        self._reached = False

    def get(self, family: str, path: str, answer: type[T], query: Query = ()) -> T:
        return self.call(Request(family, "GET", path, answer, query=query))

    def post(
        self,
        family: str,
        path: str,
        answer: type[T],
        body: dict[str, Any],
        *,
        repeatable: bool = True,
        query: Query = (),
    ) -> T:
        return self.call(Request(family, "POST", path, answer, query=query, body=body, repeatable=repeatable))

    def call(self, request: Request[T]) -> T:
        """The decoded answer, after as many attempts as the policy allows. Raises `crmsync.errors` only."""

        def repeats(state: RetryCallState) -> bool:
            return self._decision(request, state).repeat

        def waits(state: RetryCallState) -> float:
            return self._wait(self._decision(request, state))

        retrying = Retrying(retry=repeats, wait=waits, before_sleep=self._count_retry, sleep=self._sleep, reraise=True)
        try:
            answer: T = retrying(self._attempt, request)
        except _Failed as failed:
            # `from None`: the SDK's exception carries headers and bodies that no log should see.
            raise _error(request, failed, self._final(request, failed)) from None
        return answer

    def usage(self) -> Usage:
        limit, left = self.limiter.daily
        with self._lock:
            return Usage(dict(self._calls), self._throttled, self._retried, limit, left)

    def close(self) -> None:
        self._client.rest_client.pool_manager.clear()
        self._client.close()

    def _attempt(self, request: Request[T]) -> T:
        self.limiter.acquire(search=request.is_search)
        with self._lock:
            self._calls[request.family] = self._calls.get(request.family, 0) + 1
        body = self._send(request)
        try:
            return msgspec.json.decode(body or b"{}", type=request.answer)
        except msgspec.DecodeError:
            raise _Failed(Failure(Cause.NO_REPLY), WireError("the answer is no JSON that HubSpot documents")) from None

    def _send(self, request: Request[T]) -> bytes:
        token = self.settings.token()
        try:
            response = self._client.call_api(
                request.path,
                request.method,
                query_params=list(request.query),
                header_params={"Authorization": f"Bearer {token}", "Accept-Encoding": "gzip"},
                body=request.body,
                _preload_content=False,
                _request_timeout=self.settings.timeout,
            )
            self._reached = True
            self.limiter.observe(response.headers)
            return bytes(response.data)
        except ApiException as error:
            raise self._failed(request, error, token) from None
        except _NOT_SENT as error:
            raise self._not_sent(type(error).__name__) from None
        except (urllib3.exceptions.HTTPError, UnicodeDecodeError) as error:
            raise _Failed(Failure(Cause.NO_REPLY), WireError(type(error).__name__)) from None
        except AttributeError as error:
            # The generated client trips over its own exception where TLS fails: that one has no body to decode.
            if not isinstance(error.__context__, ApiException):
                raise
            raise self._not_sent("TLS handshake failed") from None

    def _not_sent(self, reason: str) -> _Failed:
        error = WireError(f"{self.settings.base_url} cannot be reached ({reason})")
        return _Failed(Failure(Cause.NOT_SENT, reached=self._reached), error)

    def _failed(self, request: Request[T], error: ApiException, token: str) -> _Failed:
        self._reached = True
        status = int(error.status or 0)
        headers: Mapping[str, str] = error.headers or {}
        self.limiter.observe(headers)
        wire = _wire_error(error.body)
        if status == 401 and self.settings.token() != token:
            return _Failed(Failure(Cause.NEW_TOKEN, status), wire)
        failure = Failure(Cause.STATUS, status, wire.policy_name, _seconds(headers.get("Retry-After")))
        if status == 429:
            self._note_throttled(request, failure)
        return _Failed(failure, wire)

    def _note_throttled(self, request: Request[T], failure: Failure) -> None:
        with self._lock:
            self._throttled += 1
        search = request.is_search or failure.policy == "SECONDLY"
        wait = self.limiter.search_interval if search else self.limiter.interval / 8
        self.limiter.throttled(search=search, wait=wait)

    def _decision(self, request: Request[T], state: RetryCallState) -> Decision:
        failed = state.outcome.exception() if state.outcome else None
        if not isinstance(failed, _Failed):
            return Decision(Kind.REJECTED)
        return self._decide(request, failed, state.attempt_number)

    def _final(self, request: Request[T], failed: _Failed) -> Decision:
        return self._decide(request, failed, 1)

    def _decide(self, request: Request[T], failed: _Failed, attempt: int) -> Decision:
        return decide(
            failed.failure,
            attempt=attempt,
            repeatable=request.repeatable,
            interval=self.limiter.interval,
            search_interval=self.limiter.search_interval,
        )

    def _wait(self, decision: Decision) -> float:
        spread = self._jitter.uniform(0.7, 1.3) if decision.spread else 1.0
        patience = self.settings.patience if decision.kind is Kind.UNAVAILABLE else 1.0
        return decision.wait * spread * patience

    def _count_retry(self, _state: RetryCallState) -> None:
        with self._lock:
            self._retried += 1


def _client(settings: HubSpotSettings) -> ApiClient:
    configuration = Configuration(host=settings.base_url.rstrip("/"))
    configuration.retries = False
    # Cursors, searches beside them, and the writers of the engine share one pool.
    configuration.connection_pool_maxsize = settings.cursors * 2 + 8
    client = ApiClient(configuration)
    client.user_agent = settings.user_agent
    return client


def _wire_error(body: str | bytes | None) -> WireError:
    """HubSpot's error body; whatever is no such body (a gateway's page) gives an empty one."""
    try:
        return msgspec.json.decode(body or b"{}", type=WireError)
    except msgspec.DecodeError:
        pass
    try:
        loose = msgspec.json.decode(body or b"{}", type=dict[str, Any])
    except msgspec.DecodeError:
        return WireError()
    texts = {key: loose.get(key) for key in ("message", "category", "policyName")}
    message, category, policy = (text if isinstance(text, str) else "" for text in texts.values())
    return WireError(message, category, policy)


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def words(error: WireError) -> str:
    """HubSpot's own words, the details behind the headline, no longer than a person reads."""
    details = [detail.message for detail in error.errors if detail.message and detail.message not in error.message]
    return " ".join(filter(None, [error.message, *dict.fromkeys(details)]))[:_LONGEST_MESSAGE]


def _error(request: Request[T], failed: _Failed, decision: Decision) -> CrmsyncError:
    failure, said = failed.failure, words(failed.error)
    what = f"HubSpot {request.method} {request.path}"
    status = f"answered {failure.status}" if failure.status else "gave no answer"
    match decision.kind:
        case Kind.BUDGET_SPENT:
            return BudgetSpent(f"{what}: the day's API calls are used up. Go on tomorrow. {said}".strip())
        case Kind.THROTTLED:
            policy = failure.policy or str(failure.status)
            return Throttled(
                f"{what}: limit {policy} held for too long. {said}".strip(), policy=policy, wait=decision.wait
            )
        case Kind.UNAVAILABLE if failure.cause is Cause.NOT_SENT:
            return Unavailable(
                f"HubSpot gave no answer: {said}. Check hubspot.base_url in crmsync.yaml and the network, "
                "then run again.",
                wait=decision.wait,
            )
        case Kind.UNAVAILABLE:
            return Unavailable(f"{what} {status}: {said or 'no reason given'}. Try again later.", wait=decision.wait)
        case Kind.UNANSWERED:
            return Unanswered(f"{what} {status}: {said or 'the reply was lost'}. The write may have happened.")
        case Kind.UNAUTHORIZED:
            return Unauthorized(_unauthorized(request, failed))
        case Kind.REJECTED:
            message = said or f"{what} {status}"
            return Rejected(message, category=_category(failed.error), status=failure.status)


def _category(error: WireError) -> str:
    return error.category or error.error_type or next((detail.code for detail in error.errors if detail.code), "")


def _unauthorized(request: Request[T], failed: _Failed) -> str:
    said = words(failed.error)
    if failed.failure.status == 401:
        return (
            f"HubSpot does not accept the access token: it is wrong, expired or revoked. {said} "
            "Check the token that hubspot.token names, then run again."
        )
    needed = sorted({text for detail in failed.error.errors for texts in detail.context.values() for text in texts})
    scopes = f"It needs: {', '.join(needed)}. " if needed else ""
    return (
        f"HubSpot refuses {request.method} {request.path} to this access token (403). {said} {scopes}"
        "Grant the scope or permission to the service key or app, then run again."
    )
