"""One request's way through the org: session, daily limit, faults, work, commit, reply.

Control calls (`/_sandbox/...`) take none of it, so that a test can always steer.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.common.connection import Logged, cut, new_log, truncated
from crmsync.sandbox.common.faults import Rule
from crmsync.sandbox.common.limits import Window
from crmsync.sandbox.salesforce import control, describe, errors, faults, oauth, routing
from crmsync.sandbox.salesforce.bulk_jobs import Jobs
from crmsync.sandbox.salesforce.errors import ApiError, Json
from crmsync.sandbox.salesforce.seed import ORGANIZATION, Made
from crmsync.sandbox.salesforce.usage import Usage
from crmsync.sandbox.salesforce.values import OrgError
from crmsync.sandbox.salesforce.wire import Call, Reply, Service

LONGEST_URI = 16_384
_SILENT = frozenset({"reset", "lost_reply"})


@dataclass
class Settings:
    """What an org is started with. `commit_delay_ms` is how long a write takes to commit, and to be answered.

    `rate` and `search_rate`, such as `190/10s`, bound calls and queries; without them there is no such limit.
    """

    consumer_key: str
    consumer_secret: str
    public_key: str
    username: str
    api_limit: int = 100_000
    session_seconds: float | None = None
    commit_delay_ms: int = 0
    latency_ms: float = 0
    access_token: str | None = None
    faults: Sequence[Json] = ()
    rate: str | None = None
    search_rate: str | None = None


@dataclass
class App:
    """The org's request handler. `build` makes the org anew; `save` keeps it, where it is to be kept."""

    build: Callable[[], Made]
    clock: Clock
    settings: Settings
    save: Callable[[Service], None] | None = None
    service: Service = field(init=False)
    made: Made = field(init=False)
    gate: faults.Gate = field(default_factory=faults.Gate)
    log: deque[Logged] = field(default_factory=new_log)
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        sessions = oauth.Sessions(ORGANIZATION, self.settings.session_seconds, self.clock.elapsed)
        usage = Usage(self.settings.api_limit, self.clock.elapsed)
        self.made = self.build()
        settings, elapsed = self.settings, self.clock.elapsed
        self.windows = {
            queries: Window(rate, elapsed)
            for queries, rate in ((False, settings.rate), (True, settings.search_rate))
            if rate is not None
        }
        self.service = Service(self.made.org, self.clock, sessions, usage, find=routing.find)
        self.access_token = self.settings.access_token or sessions.open()
        sessions.add(self.access_token)
        self.gate.guard(self.made.org)
        self.gate.rules = faults.parse_rules(list(self.settings.faults))

    def reset(self, *, data: bool = True, rules: bool = True) -> None:
        """The org as it was loaded, no faults, no calls counted, the first session good again."""
        if data:
            self.made = self.build()
            self.service.org = self.made.org
            self.gate.guard(self.made.org)
            self.service.parts.clear()
        if rules:
            self.gate.rules = []
        self.service.sessions.end()
        self.service.sessions.add(self.access_token)
        self.service.usage.clear()
        self.log.clear()
        self.calls.clear()
        self.refused.clear()

    def close(self) -> None:
        """Keeps the org, where it is to be kept."""
        if self.save is not None:
            self.save(self.service)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one HTTP request."""
        raw = await request.read()
        path, _, query = request.raw_path.partition("?")
        if path.startswith("/_sandbox/"):
            return _send(control.answer(self, request.method, path, raw))
        began = time.perf_counter()
        if len(request.raw_path) > LONGEST_URI:
            self.log.append(Logged(request.method, path, "", 414, 0, 0))
            return _send(_too_long())
        reply, struck = await self._answer(request, path, query, raw)
        ms = round((time.perf_counter() - began) * 1000, 3)
        name = struck.fault if struck is not None else None
        status = 0 if name in _SILENT else reply.status
        self.log.append(Logged(request.method, path, query, status, ms, _inputs(raw), name))
        if reply.status == 403:
            self.refused[routing.family(path)] += 1
        if name in _SILENT:
            cut(request)
            return web.Response()
        if name == "truncated_body":
            return await truncated(request, reply.status, _bytes(reply), reply.content_type)
        return _send(reply)

    async def _answer(self, request: web.BaseRequest, path: str, query: str, raw: bytes) -> tuple[Reply, Rule | None]:
        struck: Rule | None = None
        headers: dict[str, str] = {}
        self.calls[routing.family(path)] += 1
        try:
            version = routing.version_of(path)
            if version is not None:
                self.service.sessions.check(request.headers.get("Authorization", ""))
                headers = self.service.usage.header()
                self.service.usage.take()
                headers = self.service.usage.header()
                self._pace(path)
            struck = faults.strike(self.gate.rules, request.method, path, raw)
            await self._disturb(struck)
            await self._sleep(self.settings.latency_ms)
            if version is None:
                reply = self._outside(request, path, raw)
            else:
                call, handler = routing.find(
                    request.method, path, parse_qs(query, keep_blank_values=True), request.headers, raw
                )
                call.fault = struck.fault if struck is not None else None
                reply = await self._work(call, handler, struck)
        except ApiError as fault:
            text = isinstance(fault.body, str)
            reply = Reply(fault.status, fault.body.encode() if text else fault.body, fault.headers)
            if text:
                reply.content_type = "text/html;charset=UTF-8"
        reply.headers.update(headers)
        return reply, struck

    def _pace(self, path: str) -> None:
        """Refuses a call beyond the rate that was set; a real org has none for short calls (salesforce.md 2.1)."""
        window = self.windows.get(routing.family(path) in {"query", "queryAll"})
        if window is not None and not window.take():
            raise errors.concurrent_requests()

    async def _work(self, call: Call, handler: Callable[[Service, Call], Reply], struck: Rule | None) -> Reply:
        org = self.service.org
        self.service.part(Jobs).advance(org)
        call.user = org.user
        writes = call.method != "GET"
        late = struck is not None and struck.fault == "late_commit"
        commit_ms = (round(struck.ms) if late and struck is not None else self.settings.commit_delay_ms) * writes
        org.begin(commit_ms)
        self.gate.call = call
        try:
            reply = handler(self.service, call)
        except OrgError as refusal:
            org.rollback(0)
            raise errors.of(refusal) from refusal
        except ApiError:
            org.rollback(0)
            raise
        finally:
            self.gate.call = None
        if commit_ms and org.savepoint():
            await asyncio.sleep(commit_ms / 1000)
        return reply

    def _outside(self, request: web.BaseRequest, path: str, raw: bytes) -> Reply:
        """Login, and the list of versions, which need no session."""
        place = path.rstrip("/")
        if place == "/services/data" and request.method == "GET":
            return Reply(200, describe.versions())
        if place == "/services/oauth2/token" and request.method == "POST":
            return Reply(200, self._token(request, raw))
        if place == "/services/oauth2/revoke" and request.method == "POST":
            form = parse_qs(raw.decode("utf-8", "replace"))
            self.service.sessions.end((form.get("token") or [""])[-1])
            return Reply(200)
        raise errors.not_found()

    def _token(self, request: web.BaseRequest, raw: bytes) -> Json:
        form = {name: values[-1] for name, values in parse_qs(raw.decode("utf-8", "replace")).items()}
        settings, org = self.settings, self.service.org
        users = {str(row.fields["Username"]): row.id for row in org.rows("User") if row.id != org.user}
        app = oauth.App(
            settings.consumer_key, settings.consumer_secret, settings.public_key, settings.username, org.user, users
        )
        authorization = request.headers.get("Authorization", "")
        return oauth.token(app, self.service.sessions, form, authorization, self.service.base_url)

    async def _disturb(self, struck: Rule | None) -> None:
        """What goes wrong before the work. Raises the fault's refusal."""
        if struck is None:
            return
        if struck.fault == "session_expired":
            self.service.sessions.end()
        if struck.fault == "slow":
            await self._sleep(struck.ms)
        if struck.fault == "reset":
            raise errors.unknown_exception()
        refusal = faults.refusal(struck.fault)
        if refusal is not None:
            raise refusal

    async def _sleep(self, ms: float) -> None:
        if ms:
            await asyncio.sleep(ms / 1000 / self.clock.scale)


def _too_long() -> Reply:
    page = b"<h1>Bad Message 414</h1><pre>reason: URI Too Long</pre>"
    return Reply(414, page, content_type="text/html;charset=iso-8859-1")


def _inputs(raw: bytes) -> int:
    """How many records a JSON body carries."""
    if not raw.startswith(b"{"):
        return 0
    try:
        body: Any = msgspec.json.decode(raw)
    except msgspec.DecodeError:
        return 0
    records = body.get("records") if isinstance(body, dict) else None
    return len(records) if isinstance(records, list) else 0


def _bytes(reply: Reply) -> bytes:
    if isinstance(reply.body, bytes):
        return reply.body
    return b"" if reply.body is None else msgspec.json.encode(reply.body)


def _send(reply: Reply) -> web.Response:
    if reply.body is None:
        return web.Response(status=reply.status, headers=reply.headers)
    return web.Response(
        status=reply.status, body=_bytes(reply), headers={"Content-Type": reply.content_type, **reply.headers}
    )
