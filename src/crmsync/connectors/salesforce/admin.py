"""An admin's own connection, for `bootstrap --deploy` alone: a session that the admin opened, used once, kept nowhere.

Kept apart from the runtime user's connection, so that no run of crmsync can ever change the org. Nothing here is
counted against a run's budget. Prevents a token in a message, and an SDK's exception leaving the connector.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from crmsync.errors import Rejected, Unauthorized, Unavailable

_ATTEMPTS = 5
_LONGEST_WAIT = 20.0
_TIMEOUT = (5.0, 120.0)
_LONGEST_MESSAGE = 600
_TRANSIENT_STATUS = frozenset({406, 420, 429, 500, 502, 503, 504})
_TRANSIENT_CODE = frozenset({"UNABLE_TO_LOCK_ROW", "SERVER_UNAVAILABLE", "UNKNOWN_EXCEPTION"})
_NO_RIGHT = frozenset(
    {"INSUFFICIENT_ACCESS", "INSUFFICIENT_ACCESS_OR_READONLY", "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY"}
)

Sleep = Callable[[float], None]


class Admin:
    """`instance` is the org's address (https://acme.my.salesforce.com), `token` a session's access token."""

    def __init__(
        self,
        instance: str,
        token: str,
        *,
        api_version: str,
        ca_file: str | None = None,
        patience: float = 1.0,
        sleep: Sleep = time.sleep,
    ) -> None:
        parts = urlsplit(instance)
        if parts.scheme != "https" or not parts.hostname or parts.username or parts.password:
            raise Rejected(f"{instance}: expected the org's address, such as https://acme.my.salesforce.com")
        self.patience = patience
        self.sleep = sleep
        self._host = parts.hostname
        self._base = f"https://{parts.netloc}/services/data/v{api_version}/"
        self._session = requests.Session()
        # Neither the environment's proxies and certificates nor a .netrc decide where an admin's token goes.
        self._session.trust_env = False
        self._session.verify = ca_file or True
        self._session.mount("https://", HTTPAdapter(max_retries=0))
        self._session.headers.update({"Authorization": f"Bearer {token}", "Sforce-Call-Options": "client=crmsync"})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer, None where it is empty. Raises Rejected, Unauthorized, Unavailable.

        Repeated after a fault of the line or the server: whoever calls makes sure that twice does what once does.
        """
        retrying = Retrying(
            retry=retry_if_exception_type(Unavailable),
            wait=wait_random_exponential(multiplier=self.patience, max=_LONGEST_WAIT * self.patience),
            stop=stop_after_attempt(_ATTEMPTS),
            sleep=self.sleep,
            reraise=True,
        )
        return retrying(self._once, method, path, body)

    def query(self, soql: str, *, tooling: bool = False) -> list[dict[str, Any]]:
        """All rows of a query, over the Tooling API's own objects where `tooling`."""
        path = f"{'tooling/' if tooling else ''}query?q={quote(soql)}"
        rows: list[dict[str, Any]] = []
        while path:
            page = self.call("GET", path)
            rows += page["records"]
            path = str(page.get("nextRecordsUrl") or "").rpartition(f"/v{self._version}/")[2]
        return rows

    def close(self) -> None:
        self._session.close()

    @property
    def _version(self) -> str:
        return self._base.rpartition("/v")[2].rstrip("/")

    def _once(self, method: str, path: str, body: Any) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        headers: Mapping[str, str] = {"Content-Type": "application/json"} if data is not None else {}
        try:
            reply = self._session.request(method, self._base + path, data=data, headers=headers, timeout=_TIMEOUT)
        except requests.exceptions.SSLError:
            # `from None` throughout: an SDK's exception carries headers that no log should see.
            raise Rejected(
                f"{self._host}: its certificate is not trusted. For a local org give --ca-file FILE."
            ) from None
        except requests.exceptions.RequestException as error:
            raise Unavailable(f"{self._host} could not be reached ({type(error).__name__}). Try again later.") from None
        if reply.ok:
            try:
                return msgspec.json.decode(reply.content) if reply.content else None
            except msgspec.DecodeError:
                raise Unavailable(f"{self._host} sent an answer that is no JSON. Is the address right?") from None
        raise _refusal(reply.status_code, reply.content, f"{method} {path.partition('?')[0]}")


def _refusal(status: int, content: bytes, what: str) -> Exception:
    code, said = _words(content)
    told = f"Salesforce refused {what}: {said or f'status {status}'}"[:_LONGEST_MESSAGE]
    if status == 401:
        return Unauthorized(
            "Salesforce does not take the admin's token: it has ended, or is of another org. Get a new one."
        )
    if status in _TRANSIENT_STATUS or code in _TRANSIENT_CODE:
        return Unavailable(told)
    if status == 403 or code in _NO_RIGHT:
        told += (
            " The admin needs Customize Application, Manage Profiles and Permission Sets, and Assign Permission Sets."
        )
    return Rejected(told, category=code, status=status)


def _words(content: bytes) -> tuple[str, str]:
    """The first error's code, and all of them in Salesforce's words."""
    try:
        body = msgspec.json.decode(content)
    except msgspec.DecodeError:
        return "", ""
    errors = [one for one in (body if isinstance(body, list) else [body]) if isinstance(one, dict)]
    said = "; ".join(f"{one.get('errorCode', '')}: {' '.join(str(one.get('message', '')).split())}" for one in errors)
    return (str(errors[0].get("errorCode", "")) if errors else ""), said
