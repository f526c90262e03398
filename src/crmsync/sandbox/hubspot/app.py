"""One request's way through the sandbox: route, token, limits, faults, scope, work, reply.

Control calls (`/_sandbox/...`) take none of it, so that a test can always steer.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import msgspec
from aiohttp import web

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.common.connection import Logged, cut, new_log, truncated
from crmsync.sandbox.common.faults import Rule
from crmsync.sandbox.hubspot import faults, routing
from crmsync.sandbox.hubspot.limits import Limits, RateLimited, forced_429
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.wire import ApiError, Call, Json, Reply, correlation_id, encode, invalid, not_found

_STATUS_FAULTS = {
    "500": (500, None, "internal error"),
    "502": (502, None, "Bad Gateway"),
    "503": (503, None, "Service Unavailable"),
    "504": (504, None, "Gateway Timeout"),
    "423": (423, "LOCKED", "This resource is temporarily locked by other writes. Retry after 2 seconds."),
}


@dataclass
class Settings:
    """What a sandbox is started with; times in the sandbox's own, unscaled milliseconds."""

    rate: str = "190/10s"
    search_rate: str = "5/s"
    daily: int = 1_000_000
    latency_ms: float = 0
    index_lag_ms: float = 0
    token: str = "pat-sandbox-0000-1111-2222-333344445555"  # noqa: S105 opens nothing but a local sandbox
    scopes: frozenset[str] | None = None
    faults: Sequence[Json] = ()


@dataclass
class App:
    """The sandbox's request handler and its control plane."""

    build: Callable[[], Portal]
    clock: Clock
    settings: Settings
    save: Callable[[Portal], None] | None = None
    portal: Portal = field(init=False)
    limits: Limits = field(init=False)
    rules: list[Rule] = field(init=False)
    token: str = field(init=False)
    expired: set[str] = field(default_factory=set)
    log: deque[Logged] = field(default_factory=new_log)
    calls: Counter[str] = field(default_factory=Counter)
    throttled: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        s = self.settings
        self.limits = Limits(s.rate, s.search_rate, s.daily, self.clock.elapsed, self.clock.scale)
        self.portal = self.build()
        self.token = s.token
        self.rules = faults.parse_rules(list(s.faults))

    # -- one call

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers one HTTP request."""
        raw = await request.read()
        path, _, query = request.raw_path.partition("?")
        try:
            body = msgspec.json.decode(raw) if raw else None
        except msgspec.DecodeError:
            body = ApiError(400, "VALIDATION_ERROR", "Invalid input JSON")
        if path.startswith("/_sandbox/"):
            return self._send(self._guarded(lambda: self.control(request.method, path, body)))
        began = time.perf_counter()
        reply, struck = await self._answer(request, path, query, body, len(raw))
        ms = round((time.perf_counter() - began) * 1000, 3)
        inputs = body.get("inputs") if isinstance(body, dict) else None
        name = struck.rule.fault if struck else None
        status = 0 if name in {"reset", "lost_reply"} else reply.status
        size = len(inputs) if isinstance(inputs, list) else 0
        self.log.append(Logged(request.method, path, query, status, ms, size, name))
        if name in {"reset", "lost_reply"}:
            cut(request)
            return web.Response()
        if name == "truncated_body":
            return await truncated(request, reply.status, encode(reply.body), "application/json;charset=utf-8")
        return self._send(reply)

    async def _answer(
        self, request: web.BaseRequest, path: str, query: str, body: Any, size: int
    ) -> tuple[Reply, faults.Struck | None]:
        struck: faults.Struck | None = None
        headers: dict[str, str] = {}
        try:
            call, route = routing.find(request.method, path, parse_qs(query, keep_blank_values=True), body, size)
            family = route.family
            self.calls[family] += 1
            try:
                self._authenticate(request.headers)
                headers = self.limits.take(family == "search")
                struck = faults.strike(self.rules, call)
                await self._disturb(struck, family)
                routing.check_scopes(route, call, self.settings.scopes)
                if isinstance(body, ApiError):
                    raise body
                await self._sleep(self.settings.latency_ms)
                reply = self._work(route, call, struck)
            except RateLimited as refusal:
                self.throttled[family] += 1
                headers = refusal.headers
                raise
        except ApiError as fault:
            reply = Reply(fault.status, fault.body(correlation_id()))
        reply.headers.update(headers)
        return reply, struck

    def _work(self, route: routing.Route, call: Call, struck: faults.Struck | None) -> Reply:
        name = struck.rule.fault if struck else None
        if struck and name == "vanished_id":
            call.vanished = struck.ids
        if route.handler is routing.USAGE:
            return routing.usage(self.portal, self.limits)
        reply = route.handler(self.portal, call)
        if struck and name == "lost_page":
            if isinstance(reply.body, dict) and "paging" in reply.body:
                del reply.body["paging"]
            else:
                struck.rule.give_back()
        return reply

    def _authenticate(self, headers: Mapping[str, str]) -> None:
        given = headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if given in self.expired:
            raise _expired()
        if given != self.token:
            raise ApiError(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you can find "
                "more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            )

    async def _disturb(self, struck: faults.Struck | None, family: str) -> None:
        """What goes wrong before the work. Raises the fault's refusal."""
        if struck is None:
            return
        name = struck.rule.fault
        if name in _STATUS_FAULTS:
            status, category, message = _STATUS_FAULTS[name]
            raise ApiError(status, category, message)
        if name == "429":
            raise forced_429(family == "search")
        if name == "401":
            raise _expired()
        if name == "slow":
            await self._sleep(struck.rule.ms)
        elif name == "reset":
            raise ApiError(500, None, "connection reset")
        elif name == "validation_rule":
            raise _validation_rule(struck.ids)

    async def _sleep(self, ms: float) -> None:
        if ms:
            await asyncio.sleep(ms / 1000 / self.clock.scale)

    def _send(self, reply: Reply) -> web.Response:
        headers = {"X-HubSpot-Correlation-Id": correlation_id(), **reply.headers}
        if isinstance(reply.body, dict) and "correlationId" in reply.body:
            headers["X-HubSpot-Correlation-Id"] = reply.body["correlationId"]
        if reply.body is None:
            return web.Response(status=reply.status, headers=headers)
        headers["Content-Type"] = "application/json;charset=utf-8"
        return web.Response(status=reply.status, body=encode(reply.body), headers=headers)

    def close(self) -> None:
        """Saves the state where there is a state file."""
        if self.save is not None:
            self.save(self.portal)

    # -- control

    def _guarded(self, work: Callable[[], Reply]) -> Reply:
        try:
            return work()
        except ApiError as fault:
            return Reply(fault.status, fault.body(correlation_id()))
        except (TypeError, ValueError, AttributeError, KeyError) as fault:
            return Reply(400, {"status": "error", "message": f"malformed control call: {fault!r}"})

    def control(self, method: str, path: str, body: Any) -> Reply:
        """The control plane of `/_sandbox/`."""
        match method, path.removeprefix("/_sandbox/").strip("/"):
            case "POST", "faults":
                self.rules = faults.parse_rules(body)
                return Reply(200, {"faults": len(self.rules)})
            case "POST", "reset":
                self._reset(body or {})
                return Reply(200, {"status": "reset"})
            case "GET", "requests":
                return Reply(200, [msgspec.to_builtins(entry) for entry in self.log])
            case "GET", "stats":
                return Reply(200, self.stats())
            case "POST", "save":
                if self.save is None:
                    raise invalid("The sandbox was started without --state")
                self.save(self.portal)
                return Reply(200, {"status": "saved"})
            case "POST", "token":
                self._token(body or {})
                return Reply(200, {"access_token": self.token})
            case "POST", "settings":
                return Reply(200, self._change(body or {}))
            case "POST", "edit":
                return routing.edit(self.portal, body or {})
        raise not_found(f"no control call {method} {path}")

    def _reset(self, body: Json) -> None:
        if body.get("data", True):
            self.portal = self.build()
        if body.get("faults", True):
            self.rules = []
        self.token = self.settings.token
        self.expired.clear()
        self.limits.clear()
        self.log.clear()
        self.calls.clear()
        self.throttled.clear()

    def _token(self, body: Json) -> None:
        """A new token; with `expire` the one that stands until now is answered with HubSpot's word on expired ones."""
        if body.get("expire"):
            self.expired.add(self.token)
        if body.get("access_token"):
            self.token = str(body["access_token"])
            self.expired.discard(self.token)

    def _change(self, body: Json) -> Json:
        if "latency_ms" in body:
            self.settings.latency_ms = float(body["latency_ms"])
        if "index_lag_ms" in body:
            self.settings.index_lag_ms = self.portal.index_lag_ms = float(body["index_lag_ms"])
        if "daily_used" in body:
            self.limits.used_today = int(body["daily_used"])
        if "advance_ms" in body:
            self.clock.advance(float(body["advance_ms"]) / 1000)
        return {"latency_ms": self.settings.latency_ms, "index_lag_ms": self.settings.index_lag_ms}

    def stats(self) -> Json:
        """Calls and 429s by family, and what the sandbox holds."""
        return {
            "calls": dict(self.calls),
            "throttled": dict(self.throttled),
            "total_calls": self.calls.total(),
            "total_throttled": self.throttled.total(),
            "daily_used": self.limits.used_today,
            "daily_limit": self.limits.daily,
            "time_scale": self.clock.scale,
            "latency_ms": self.settings.latency_ms,
            "rate": self.settings.rate,
            "search_rate": self.settings.search_rate,
            "records": {name: len(table) for name, table in self.portal.tables.items()},
        }


def _expired() -> ApiError:
    return ApiError(
        401, "EXPIRED_AUTHENTICATION", "The OAuth token used to make this call expired 1 hour(s) ago.",
        context={"expire time": ["1 hour(s) ago"]},
    )  # fmt: skip


def _validation_rule(ids: frozenset[int]) -> ApiError:
    message = "A validation rule of this account was not met: a conditionally required property has no value"
    errors = [
        {
            "message": message, "code": "CONDITIONAL_REQUIRED_PROPERTY", "in": "properties",
            "context": {"objectId": [str(i) for i in sorted(ids)]},
        }
    ]  # fmt: skip
    return invalid(message, errors=errors, subCategory="PropertyValidation.RULE_NOT_MET")
