"""The only place that speaks HTTP to Salesforce: one session for the whole connector, raw bytes out, every attempt
counted by family, one retry policy, and the day's budget asked before each call.

It prevents calls that nobody counted, a session renewed by every thread at once or without end, and an SDK's
exception, a token or an e-mail address leaving the connector. simple-salesforce logs in; its own calls renew a session
without a lock, drop headers when they do, and know neither time limit nor retry (salesforce.md 0).
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import requests
from tenacity import RetryCallState, Retrying

from crmsync.connectors.base import Usage
from crmsync.connectors.retrying import Cause, Decision, Kind
from crmsync.connectors.salesforce.answers import Answer, Rows, decode_rows, problem_of
from crmsync.connectors.salesforce.budget import Budget
from crmsync.connectors.salesforce.retry import Failure, decide
from crmsync.connectors.salesforce.session import Failed, Session, network_code, network_words, not_sent
from crmsync.connectors.salesforce.settings import SalesforceSettings
from crmsync.errors import (
    BudgetSpent,
    ConfigError,
    CrmsyncError,
    Fault,
    Rejected,
    Throttled,
    Unanswered,
    Unauthorized,
    Unavailable,
)

__all__ = ["Answer", "Rows", "Transport"]

_JSON = msgspec.json.Encoder(decimal_format="number")
GONE = 410
"""The answer to every call of a version of the API that Salesforce has retired."""
RENEWALS = 3
"""Sessions that may end under one call. One that ended before anything was answered under it ends the call at once."""


@dataclass(slots=True)
class _Call:
    """One call through all its attempts."""

    family: str
    method: str
    path: str
    query: Mapping[str, str] | None
    body: bytes | None
    headers: dict[str, str]
    repeatable: bool
    renewals: int = 0

    @property
    def named(self) -> str:
        """For messages: without the query, which has people's names in it."""
        return f"Salesforce {self.method} {self.path.partition('?')[0]}"


class Transport:
    """Thread-safe. `clock`, `sleep` (seconds) and `jitter` are parameters for tests."""

    def __init__(
        self,
        settings: SalesforceSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: random.Random | None = None,
    ) -> None:
        self.settings = settings
        self.budget = Budget(settings.daily_share, clock=clock)
        self.session = Session(settings, self.budget, count=self._count, clock=clock)
        self._sleep = sleep
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads retries, guards nothing
        self._lock = threading.Lock()
        self._calls: dict[str, int] = {}
        self._throttled = 0
        self._retried = 0

    def get(
        self,
        family: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """`path` is below `/services/data/vNN.0/`, or with a leading slash on the instance. Errors: `send`."""
        return self.send(family, "GET", path, query=query, headers=headers)

    def send(
        self,
        family: str,
        method: str,
        path: str,
        *,
        json: Any = None,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        repeatable: bool = True,
    ) -> Answer:
        """The answer, after as many attempts as the policy allows.

        Raises Throttled, BudgetSpent, Unavailable, Rejected (category: the errorCode), Unauthorized; and Unanswered
        where `repeatable` is false and the reply is lost.
        """
        sent = dict(headers or {})
        body = data
        if json is not None:
            body = _JSON.encode(json)
            sent.setdefault("Content-Type", "application/json")
        return self._through(_Call(family, method, path, query, body, sent, repeatable))

    def soql(self, query: str, *, all_rows: bool = False, family: str = "query", size: int = 0) -> Iterator[Rows]:
        """A query's pages; `all_rows` finds what is in the recycle bin too, `size` asks for pages of 200 to 2,000 rows.

        A locator is good once. Where the reply to it was lost, the next try is refused: Rejected with the category
        INVALID_QUERY_LOCATOR, and the caller begins again behind the last row that it has.
        """
        options = {"Sforce-Query-Options": f"batchSize={size}"} if size else None
        path: str | None = "queryAll" if all_rows else "query"
        asked: Mapping[str, str] | None = {"q": query}
        while path is not None:
            page = decode_rows(self.get(family, path, asked, headers=options).body)
            yield page.rows
            path, asked = page.next, None

    def check_version(self) -> None:
        """Raises ConfigError where the org does not have the version of the API that the settings name.

        Salesforce answers every path of such a version as if what it names were not there.
        """
        asked = self.settings.api_version
        listed = self.get("describe", "/services/data").json()
        known = sorted((str(one["version"]) for one in listed if one.get("version")), key=float)
        if known and asked not in known:
            told = f"this org does not have version {asked} of the API. Set one from {known[0]} to {known[-1]}"
            raise ConfigError([Fault("salesforce.api_version", None, told)])

    def usage(self) -> Usage:
        limit, left = self.budget.daily
        with self._lock:
            return Usage(dict(self._calls), self._throttled, self._retried, limit, left)

    def close(self) -> None:
        self.session.close()

    def wait(self, seconds: float) -> None:
        """Between two polls, or two rounds of writes: `seconds`, by the connection's patience."""
        self._sleep(seconds * self.settings.patience)

    def _through(self, call: _Call) -> Answer:
        def repeats(state: RetryCallState) -> bool:
            return self._decision(call, state).repeat

        def waits(state: RetryCallState) -> float:
            return self._wait(self._decision(call, state))

        retrying = Retrying(retry=repeats, wait=waits, before_sleep=self._count_retry, sleep=self._sleep, reraise=True)
        try:
            answer: Answer = retrying(self._attempt, call)
        except Failed as failed:
            # `from None`: the client's exception carries headers and addresses that no log should see.
            raise _error(call, failed, decide(failed.failure, attempt=1, repeatable=call.repeatable)) from None
        return answer

    def _attempt(self, call: _Call) -> Answer:
        self.budget.check(call.family)
        opened = self.session.current()
        url = opened.instance + call.path if call.path.startswith("/") else opened.base + call.path
        self._count(call.family)
        try:
            response = self.session.http.request(
                call.method,
                url,
                params=call.query,
                data=call.body,
                headers={"Authorization": f"Bearer {opened.token}", **call.headers},
                allow_redirects=False,
            )
            answer = Answer(response.status_code, response.headers, response.content)
        except requests.RequestException as error:
            cause = Cause.NOT_SENT if not_sent(error) else Cause.NO_REPLY
            failure = Failure(cause, code=network_code(error), reached=self.session.reached)
            raise Failed(failure, network_words(error)) from None
        if answer.status >= 300:
            raise self._failed(call, opened.token, answer)
        if "html" in answer.headers.get("Content-Type", ""):
            raise Failed(Failure(Cause.NO_REPLY), "a page for people came in the place of an answer")
        self.session.proved = opened.token
        return answer

    def _failed(self, call: _Call, token: str, answer: Answer) -> Failed:
        problem = problem_of(answer.body)
        proved = call.renewals == 0 or self.session.proved == token
        if answer.status == 401 and proved and call.renewals < RENEWALS:
            call.renewals += 1
            self.session.renew(token)
            return Failed(Failure(Cause.NEW_TOKEN, 401, problem.code), problem.words)
        wait = _seconds(answer.headers.get("Retry-After"))
        failure = Failure(Cause.STATUS, answer.status, problem.code, problem.message, wait)
        if decide(failure, attempt=1, repeatable=call.repeatable).kind is Kind.THROTTLED:
            with self._lock:
                self._throttled += 1
        return Failed(failure, problem.words)

    def _decision(self, call: _Call, state: RetryCallState) -> Decision:
        failed = state.outcome.exception() if state.outcome else None
        if not isinstance(failed, Failed):
            return Decision(Kind.REJECTED)
        return decide(failed.failure, attempt=state.attempt_number, repeatable=call.repeatable)

    def _wait(self, decision: Decision) -> float:
        spread = self._jitter.uniform(0.7, 1.3) if decision.spread else 1.0
        return decision.wait * spread * self.settings.patience

    def _count(self, family: str) -> None:
        with self._lock:
            self._calls[family] = self._calls.get(family, 0) + 1

    def _count_retry(self, _state: RetryCallState) -> None:
        with self._lock:
            self._retried += 1


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


def _error(call: _Call, failed: Failed, decision: Decision) -> CrmsyncError:
    failure, said = failed.failure, failed.words
    status = f"answered {failure.status}" if failure.status else "gave no answer"
    match decision.kind:
        case Kind.BUDGET_SPENT:
            return BudgetSpent(
                f"{call.named}: the day's API calls of the whole org are used up. Go on later: the count is over 24 "
                f"hours. {said}".strip()
            )
        case Kind.THROTTLED:
            return Throttled(
                f"{call.named}: too many calls at once for too long. {said}".strip(),
                policy=failure.code or str(failure.status),
                wait=decision.wait,
            )
        case Kind.UNAVAILABLE if failure.cause is Cause.NOT_SENT:
            return Unavailable(
                f"Salesforce gave no answer: {said}. Check salesforce.domain or base_url in crmsync.yaml and the "
                "network, then run again.",
                wait=decision.wait,
            )
        case Kind.UNAVAILABLE:
            return Unavailable(
                f"{call.named} {status}: {said or 'no reason given'}. Try again later.", wait=decision.wait
            )
        case Kind.UNANSWERED:
            return Unanswered(f"{call.named} {status}: {said or 'the reply was lost'}. The write may have happened.")
        case Kind.UNAUTHORIZED if failure.status == 401:
            return Unauthorized(
                f"Salesforce does not accept the session that it has just opened. {said} Check that the user is "
                "active, its password not expired, and its profile's login addresses, then run again."
            )
        case Kind.UNAUTHORIZED:
            return Unauthorized(
                f"{call.named}: refused to this user ({failure.status}). {said} Give the user's permission set what "
                "it needs (API Enabled), then run again."
            )
        case Kind.REJECTED if failure.status == GONE:
            told = f"{said} Set a newer one as salesforce.api_version, such as 66.0."
            return Rejected(told, category=failure.code, status=failure.status)
        case Kind.REJECTED:
            return Rejected(said or f"{call.named} {status}", category=failure.code, status=failure.status)
