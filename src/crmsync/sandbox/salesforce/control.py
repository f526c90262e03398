"""The control plane, `/_sandbox/...`: faults, statistics, and what other people do in the org."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from crmsync.sandbox.common.faults import FaultListError
from crmsync.sandbox.salesforce import errors, faults, ids
from crmsync.sandbox.salesforce.bulk_jobs import Jobs
from crmsync.sandbox.salesforce.errors import ApiError, Json
from crmsync.sandbox.salesforce.values import OrgError
from crmsync.sandbox.salesforce.wire import Reply

if TYPE_CHECKING:
    from crmsync.sandbox.salesforce.app import App


def answer(app: App, method: str, path: str, raw: bytes) -> Reply:
    """Answers one control call; a malformed one is a 400 that says what is wrong."""
    try:
        body = msgspec.json.decode(raw) if raw else None
        return _answer(app, method, path.removeprefix("/_sandbox/").strip("/"), body)
    except OrgError as refusal:
        refused = errors.of(refusal)
        return Reply(refused.status, refused.body)
    except ApiError as refused:
        return Reply(refused.status, refused.body)
    except FaultListError as fault:
        return Reply(400, {"status": "error", "message": str(fault)})
    except (msgspec.DecodeError, TypeError, ValueError, AttributeError, KeyError) as fault:
        return Reply(400, {"status": "error", "message": f"malformed control call: {fault!r}"})


def _answer(app: App, method: str, name: str, body: Any) -> Reply:
    match method, name:
        case "POST", "faults":
            app.gate.rules = faults.parse_rules(body)
            return Reply(200, {"faults": len(app.gate.rules)})
        case "POST", "reset":
            asked = body or {}
            app.reset(data=asked.get("data", True), rules=asked.get("faults", True))
            return Reply(200, {"status": "reset"})
        case "GET", "requests":
            return Reply(200, [msgspec.to_builtins(entry) for entry in app.log])
        case "GET", "stats":
            return Reply(200, stats(app))
        case "GET", "ids":
            return Reply(200, app.made.loaded.mapped)
        case "POST", "save":
            if app.save is None:
                raise ValueError("the sandbox was started without --state")
            app.save(app.service)
            return Reply(200, {"status": "saved"})
        case "POST", "token":
            if (body or {}).get("expire"):
                app.service.sessions.end()
            return Reply(200, {"access_token": app.access_token})
        case "POST", "settings":
            return Reply(200, _change(app, body or {}))
        case "POST", "edit":
            return Reply(200, _edit(app, body or {}))
        case "POST", "lock":
            until = app.clock.now_ms() + int(body.get("ms", 60_000))
            for text in body["ids"]:
                app.service.org.locked[_id(text)] = until
            return Reply(200, {"locked": len(body["ids"])})
        case "POST", "fls":
            spec = app.service.org.objects[body["object"]]
            spec.grant(body["field"], read=bool(body.get("read", True)), edit=bool(body.get("edit", True)))
            return Reply(200, {"status": "granted"})
    return Reply(404, {"status": "error", "message": f"no control call {method} {name}"})


def _id(text: Any) -> str:
    id_ = ids.canonical(str(text))
    if id_ is None:
        raise ValueError(f"{text!r} is not a record id")
    return id_


def _change(app: App, body: Json) -> Json:
    """Settings that may change while the sandbox runs."""
    if "latency_ms" in body:
        app.settings.latency_ms = float(body["latency_ms"])
    if "commit_delay_ms" in body:
        app.settings.commit_delay_ms = int(body["commit_delay_ms"])
    if "advance_ms" in body:
        app.clock.advance(float(body["advance_ms"]) / 1000)
    if "api_used" in body:
        app.service.usage.clear()
        app.service.usage.added = int(body["api_used"])
    if "api_limit" in body:
        app.service.usage.limit = int(body["api_limit"])
    if "session_seconds" in body:
        app.service.sessions.seconds = body["session_seconds"]
    if "bulk_ms" in body:  # how long a bulk job waits, and how long each of its batches takes
        jobs = app.service.part(Jobs)
        jobs.queue_seconds = jobs.batch_seconds = float(body["bulk_ms"]) / 1000
    if "duplicate_key" in body:
        app.gate.duplicate_key = str(body["duplicate_key"])
    return {
        "latency_ms": app.settings.latency_ms,
        "commit_delay_ms": app.settings.commit_delay_ms,
        "api_used": app.service.usage.used,
        "api_limit": app.service.usage.limit,
    }


def _edit(app: App, body: Json) -> Json:
    """Somebody else's transaction, past limits and faults: `{"object", "id" | none to create, "fields", "user",
    "delete" | "undelete" | "purge": true, "merge": [losers], "commit_ms": how long until others see it}`.
    """
    org, name = app.service.org, str(body["object"])
    gate, org.gate = org.gate, lambda _object, _id: None
    user = _id(body["user"]) if body.get("user") else None
    org.begin(int(body.get("commit_ms", 0)))
    try:
        if not body.get("id"):
            return {"id": org.create(name, body.get("fields") or {}, user)}
        id_ = _id(body["id"])
        if body.get("undelete"):
            org.undelete(name, id_, user)
        if body.get("fields"):
            org.update(name, id_, body["fields"], user)
        if body.get("merge"):
            org.merge(name, id_, [_id(text) for text in body["merge"]], user)
        if body.get("delete"):
            org.delete(name, id_, user)
        if body.get("purge"):
            org.purge(name, id_)
    except OrgError:
        org.rollback(0)
        raise
    finally:
        org.gate = gate
    return {"id": id_}


def stats(app: App) -> Json:
    """Calls and refusals by family, and what the org holds."""
    org, usage = app.service.org, app.service.usage
    return {
        "calls": dict(app.calls),
        "refused": dict(app.refused),
        "total_calls": app.calls.total(),
        "api_used": usage.used,
        "api_limit": usage.limit,
        "latency_ms": app.settings.latency_ms,
        "commit_delay_ms": app.settings.commit_delay_ms,
        "records": {name: records.count() for name, records in org.records.items() if records.count()},
        "ids_mapped": {name: len(mapped) for name, mapped in app.made.loaded.mapped.items() if mapped},
        "references_dropped": app.made.loaded.dropped,
    }
