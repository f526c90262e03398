"""Several calls in one: `composite` (salesforce.md 2.3).

Prevents a client from reading the 200 of the whole as success: each part has its own status.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from multidict import CIMultiDict

from crmsync.sandbox.salesforce import errors
from crmsync.sandbox.salesforce.errors import Json
from crmsync.sandbox.salesforce.values import OrgError
from crmsync.sandbox.salesforce.wire import ApiError, Call, Reply, Route, Service

MOST_PARTS, MOST_HEAVY = 25, 5
_REFERENCE = re.compile(r"@\{([A-Za-z]\w*)\.([\w.\[\]]+)\}")
_HEAVY = re.compile(r"/(query|queryAll|composite/sobjects)(/|\?|$)", re.IGNORECASE)


def _halted(message: str) -> ApiError:
    return ApiError(400, [{"errorCode": "PROCESSING_HALTED", "message": message}])


def _resolved(value: Any, done: Mapping[str, Json]) -> Any:
    """The value with every `@{reference.path}` replaced. Raises the refusal of one that has no answer."""
    if isinstance(value, dict):
        return {name: _resolved(one, done) for name, one in value.items()}
    if isinstance(value, list):
        return [_resolved(one, done) for one in value]
    if not isinstance(value, str):
        return value

    def put(match: re.Match[str]) -> str:
        found: Any = done.get(match[1], {}).get("body")
        for part in re.findall(r"\w+", match[2]):
            if isinstance(found, list):
                found = found[int(part)] if part.isdigit() and int(part) < len(found) else None
            else:
                found = found.get(part) if isinstance(found, dict) else None
        if found is None:
            raise _halted(f"Invalid reference specified. No value for {match[1]}.{match[2]} found in {match[1]}")
        return str(found)

    return _REFERENCE.sub(put, value)


def _parts(call: Call) -> tuple[list[Json], bool]:
    body = call.record()
    parts = body.get("compositeRequest")
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise errors.refuse(400, "JSON_PARSER_ERROR", "compositeRequest: an array is expected at [line:1, column:1]")
    if len(parts) > MOST_PARTS:
        raise errors.refuse(400, "LIMIT_EXCEEDED", f"The request cannot have more than {MOST_PARTS} subrequests")
    if sum(bool(_HEAVY.search(str(part.get("url")))) for part in parts) > MOST_HEAVY:
        message = f"The request cannot have more than {MOST_HEAVY} query and sObject Collections subrequests"
        raise errors.refuse(400, "LIMIT_EXCEEDED", message)
    names = [str(part.get("referenceId")) for part in parts]
    if len(set(names)) != len(names):
        raise errors.refuse(400, "INVALID_BATCH_REQUEST", "Each subrequest needs a referenceId of its own")
    return parts, body.get("allOrNone") is True


def _one(service: Service, call: Call, part: Json, done: Mapping[str, Json]) -> Reply:
    """One part's answer. Nothing of a part that was refused stays."""
    mark = service.org.savepoint()
    try:
        path, _, query = str(_resolved(part.get("url"), done)).partition("?")
        raw = msgspec.json.encode(_resolved(part["body"], done)) if part.get("body") is not None else b""
        method = str(part.get("method", "")).upper()
        headers = CIMultiDict(call.headers)
        headers.update(part.get("httpHeaders") or {})
        inner, handler = service.find(method, path, parse_qs(query, keep_blank_values=True), headers, raw)
        inner.user = call.user
        return handler(service, inner)
    except OrgError as refusal:
        service.org.rollback(mark)
        refused = errors.of(refusal)
        return Reply(refused.status, refused.body)
    except ApiError as refused:
        service.org.rollback(mark)
        return Reply(refused.status, refused.body)


def run(service: Service, call: Call) -> Reply:
    """`POST composite`: 200, with each part's status and body in order. With `allOrNone` one refusal undoes all."""
    parts, all_or_none = _parts(call)
    done: dict[str, Json] = {}
    failed = False
    for part in parts:
        name = str(part.get("referenceId"))
        reply = _one(service, call, part, done)
        failed |= reply.status >= 300
        done[name] = {
            "body": reply.body, "httpHeaders": reply.headers, "httpStatusCode": reply.status, "referenceId": name,
        }  # fmt: skip
        if failed and all_or_none:
            break
    if failed and all_or_none:
        service.org.rollback(0)
        _undo(parts, done)
    return Reply(200, {"compositeResponse": [done[str(part.get("referenceId"))] for part in parts]})


def _undo(parts: list[Json], done: dict[str, Json]) -> None:
    """Every part but the refused one answers that it was rolled back."""
    message = "The transaction was rolled back since another operation in the same transaction failed."
    for part in parts:
        name = str(part.get("referenceId"))
        if name not in done or done[name]["httpStatusCode"] < 300:
            body = [{"errorCode": "PROCESSING_HALTED", "message": message}]
            done[name] = {"body": body, "httpHeaders": {}, "httpStatusCode": 400, "referenceId": name}


ROUTES = (Route("POST", "composite", run),)
