"""Where each call goes: the one table of paths below `/services/data/vNN.0/`."""

import re
from collections.abc import Mapping, Sequence

from crmsync.sandbox.salesforce import (
    bulk,
    collections,
    composite,
    describe,
    errors,
    metadata,
    queries,
    replication,
    rest,
    tooling,
)
from crmsync.sandbox.salesforce.wire import Call, Handler, Route

ROUTES: tuple[Route, ...] = (
    *describe.ROUTES,
    *queries.ROUTES,
    *replication.ROUTES,
    *bulk.ROUTES,
    *collections.ROUTES,
    *composite.ROUTES,
    *metadata.ROUTES,
    *tooling.ROUTES,
    *rest.ROUTES,
)
_DATA = re.compile(r"/services/data/v([^/]+)(?:/(.*))?")


def version_of(path: str) -> str | None:
    """The version that a path names: `66.0`; None for a path that is not below one. Raises 404 and 410."""
    match = _DATA.fullmatch(path)
    if match is None:
        return None
    version = match[1]
    if version in describe.VERSIONS:
        return version
    if re.fullmatch(r"[1-9]\d?\.0", version) and float(version) < min(map(float, describe.VERSIONS)):
        raise errors.gone(version)
    raise errors.not_found()


def family(path: str) -> str:
    """The word that statistics count a path under: `sobjects`, `query`, `composite`, `jobs`, `oauth2`, ..."""
    match = _DATA.fullmatch(path)
    if match is None:
        return path.strip("/").partition("/")[2].partition("/")[0] or "other"
    return (match[2] or "").partition("/")[0] or "versions"


def find(
    method: str, path: str, query: Mapping[str, Sequence[str]], headers: Mapping[str, str], raw: bytes
) -> tuple[Call, Handler]:
    """The call and its handler. Raises ApiError: 404 for no such path, 405 for no such method there.

    A POST with `_HTTP_METHOD=PATCH` counts as that method, for clients that cannot send it.
    """
    match, version = _DATA.fullmatch(path), version_of(path)
    if match is None or version is None:
        raise errors.not_found()
    parts = [part for part in (match[2] or "").split("/") if part]
    if method == "POST" and query.get("_HTTP_METHOD"):
        method = query["_HTTP_METHOD"][-1].upper()
    allowed: list[str] = []
    for route in ROUTES:
        args = route.match(parts or [""])
        if args is None:
            continue
        if route.method == method:
            return Call(method, path, version, query, headers, raw, args), route.handler
        if route.method not in allowed:
            allowed.append(route.method)
    if allowed:
        message = f"HTTP Method '{method}' not allowed. Allowed are {','.join(allowed)}"
        raise errors.refuse(405, "METHOD_NOT_ALLOWED", message)
    raise errors.not_found()
