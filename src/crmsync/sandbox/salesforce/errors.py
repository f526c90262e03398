"""Refusals as they cross the wire: status and body in Salesforce's words (salesforce.md 2.6).

Prevents two handlers from wording the same refusal differently. Single-record calls answer a JSON array of
`errorCode`; collections name the same thing `statusCode`; OAuth answers one object.
"""

from typing import Any

from crmsync.sandbox.salesforce.values import OrgError

Json = dict[str, Any]
_STATUS = {
    "ENTITY_IS_DELETED": 404,
    "NOT_FOUND": 404,
    "INVALID_CROSS_REFERENCE_KEY": 404,
    "INVALID_SESSION_ID": 401,
    "REQUEST_LIMIT_EXCEEDED": 403,
    "TXN_SECURITY_METERING_ERROR": 403,
    "METHOD_NOT_ALLOWED": 405,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "UNKNOWN_EXCEPTION": 500,
    "SERVER_UNAVAILABLE": 503,
}
# What the reader of a body expects to be there: these codes never carry a list of fields.
_BARE = frozenset({"INVALID_SESSION_ID", "REQUEST_LIMIT_EXCEEDED", "NOT_FOUND", "INVALID_FIELD", "INVALID_TYPE",
                   "MALFORMED_QUERY", "INVALID_QUERY_LOCATOR", "JSON_PARSER_ERROR", "UNKNOWN_EXCEPTION",
                   "SERVER_UNAVAILABLE", "METHOD_NOT_ALLOWED", "DUPLICATES_DETECTED", "QUERY_TIMEOUT"})  # fmt: skip


class ApiError(Exception):
    """A refusal of a whole call: its status and its body, which is JSON (a list or an object) or text."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(f"{status}")
        self.status = status
        self.body = body
        self.headers = headers or {}


def refuse(status: int, code: str, message: str, fields: list[str] | None = None) -> ApiError:
    """A refusal of one code; without `fields` the body has no such key."""
    body: Json = {"message": message, "errorCode": code}
    if fields is not None:
        body["fields"] = fields
    return ApiError(status, [body])


def of(refusal: OrgError) -> ApiError:
    """The refusal of the one record that a call is about."""
    body: Json = {"message": refusal.message, "errorCode": refusal.code}
    if refusal.code not in _BARE:
        body["fields"] = refusal.fields
    return ApiError(_STATUS.get(refusal.code, 400), [{**refusal.extra, **body}])


def in_collection(refusal: OrgError) -> Json:
    """One entry of a SaveResult's `errors` (salesforce.md 2.3)."""
    return {"statusCode": refusal.code, "message": refusal.message, "fields": refusal.fields, **refusal.extra}


def not_found() -> ApiError:
    """No such record, or no such address."""
    return refuse(404, "NOT_FOUND", "The requested resource does not exist")


def no_type(name: str) -> ApiError:
    """An object the org does not have, because it does not exist or because its feature is off."""
    return refuse(400, "INVALID_TYPE", f"sObject type '{name}' is not supported.")


def expired() -> ApiError:
    """A session that ended, or never was."""
    return refuse(401, "INVALID_SESSION_ID", "Session expired or invalid")


def total_requests() -> ApiError:
    """The day's calls are used up."""
    return refuse(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def concurrent_requests() -> ApiError:
    """Too many long calls at once."""
    message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    return refuse(403, "REQUEST_LIMIT_EXCEEDED", message)


def api_disabled() -> ApiError:
    """The user, or the whole org, may not call at all: a 403 that no waiting helps."""
    return refuse(403, "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization.")


def unknown_exception() -> ApiError:
    """Salesforce's word on a fault of its own."""
    message = (
        "An unexpected error occurred. Please include this ErrorId if you contact support: "
        "1933027655-144670 (-464075996)"
    )
    return refuse(500, "UNKNOWN_EXCEPTION", message)


def server_unavailable() -> ApiError:
    """The server is busy."""
    return refuse(503, "SERVER_UNAVAILABLE", "Server too busy")


def gone(version: str) -> ApiError:
    """A retired API version."""
    return refuse(410, "UNSUPPORTED_API_VERSION", f"API version {version} is retired. Use a supported version.")


def oauth(error: str, description: str, status: int = 400) -> ApiError:
    """A refusal of the token endpoint."""
    return ApiError(status, {"error": error, "error_description": description})
