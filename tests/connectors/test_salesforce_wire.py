"""Bodies and headers as they cross the wire: what no local org would send, and what simple-salesforce trips over
(salesforce.md 0.4, 0.10, 1.1, 1.3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests
from requests.adapters import BaseAdapter
from salesforce_org import LocalOrg

from crmsync.connectors.salesforce.session import Adapter
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import CrmsyncError, Rejected, Unauthorized, Unavailable

LOGIN = "/services/oauth2/token"
WELCOME = b'{"access_token": "00D5g0000000001!token", "instance_url": "https://acme.my.salesforce.com"}'
Say = Callable[[str], tuple[int, bytes]]


class Told(BaseAdapter):
    """Answers by path, and keeps what it was sent."""

    def __init__(self, say: Say) -> None:
        super().__init__()
        self.say = say
        self.sent: list[requests.PreparedRequest] = []
        self.more: list[dict[str, Any]] = []

    def send(self, request: requests.PreparedRequest, **more: Any) -> requests.Response:  # type: ignore[override]
        self.sent.append(request)
        self.more.append(more)
        response = requests.Response()
        response.status_code, response._content = self.say(str(request.path_url).partition("?")[0])
        response.url, response.request = str(request.url), request
        return response

    def close(self) -> None:
        pass


@pytest.fixture
def telling(org: LocalOrg) -> Callable[[Say], tuple[Transport, Told]]:
    """A transport to somebody who says what `say` gives for a path, at Salesforce's own addresses."""

    def tell(say: Say, **settings: Any) -> tuple[Transport, Told]:
        transport = org.transport(**({"base_url": None, "sleep": lambda _: None} | settings))
        told = Told(say)
        transport.session.http.mount("https://", told)
        return transport, told

    return tell


def _after_login(status: int, body: bytes) -> Say:
    return lambda path: (200, WELCOME) if path == LOGIN else (status, body)


@pytest.mark.parametrize(
    "body", [b"", b"<html>Sign in</html>", b'{"error": "x"}', b"[]", b"[1]", b'[{"message": "?"}]', b"null", b"\xff"]
)
def test_a_401_of_any_shape_ends_in_words(telling: Callable[..., tuple[Transport, Told]], body: bytes) -> None:
    transport, told = telling(_after_login(401, body))
    with pytest.raises(Unauthorized, match="does not accept the session"):
        transport.get("limits", "limits")
    assert [str(one.path_url) for one in told.sent].count(LOGIN) == 2


@pytest.mark.parametrize("status", [300, 302, 400, 403, 404, 409, 412, 415, 418, 420, 500, 503])
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"a": 1}', b'[{"errorCode": 5, "message": null}]'])
def test_any_refusal_in_any_shape_is_one_of_our_errors(
    telling: Callable[..., tuple[Transport, Told]], status: int, body: bytes
) -> None:
    transport, _ = telling(_after_login(status, body))
    with pytest.raises(CrmsyncError, match=r"Salesforce (GET|gave)"):
        transport.get("limits", "limits")


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, b"{}", Unavailable),
        (200, b"[]", Unavailable),
        (200, b'{"access_token": "x"}', Unavailable),
        (200, b"<html>", Unavailable),
        (500, b'[{"errorCode": "UNKNOWN_EXCEPTION"}]', Unavailable),
        (503, b"", Unavailable),
        (400, b'{"error": "invalid_grant", "error_description": "login rate exceeded"}', Unavailable),
        (400, b'{"error": "temporarily_unavailable"}', Unavailable),
        (400, b'{"error": "invalid_grant"}', Unauthorized),
        (401, b'{"error": "invalid_client", "error_description": "invalid client credentials"}', Unauthorized),
    ],
)
def test_a_login_of_any_shape_is_told_apart_from_a_refusal(
    telling: Callable[..., tuple[Transport, Told]], status: int, body: bytes, error: type[CrmsyncError]
) -> None:
    transport, told = telling(lambda _: (status, body))
    with pytest.raises(error):
        transport.get("limits", "limits")
    assert {str(one.path_url) for one in told.sent} == {LOGIN}


def test_a_secret_that_an_answer_repeats_is_not_passed_on(org: LocalOrg, telling: Any) -> None:
    key = org.server.consumer_key
    transport, _ = telling(lambda _: (400, b'{"error": "invalid_client_id", "error_description": "%s"}' % key.encode()))
    with pytest.raises(Unauthorized) as refused:
        transport.get("limits", "limits")
    assert key not in refused.value.message
    assert "***" in refused.value.message


def test_every_call_says_whose_it_is_and_none_is_soap(telling: Any) -> None:
    transport, told = telling(_after_login(200, b"{}"), domain="acme.my")
    transport.get("limits", "limits")
    transport.send("bulk", "PUT", "jobs/ingest/1/batches", data=b"Id\n", headers={"Content-Type": "text/csv"})
    login, first, second = told.sent
    assert login.url == "https://acme.my.salesforce.com/services/oauth2/token"
    assert first.url == "https://acme.my.salesforce.com/services/data/v66.0/limits"
    assert [one.headers["Sforce-Call-Options"] for one in told.sent] == ["client=crmsync"] * 3
    assert first.headers["Authorization"] == "Bearer 00D5g0000000001!token"
    assert "Authorization" not in login.headers
    assert (second.headers["Content-Type"], second.body) == ("text/csv", b"Id\n")
    assert not any("Soap" in str(one.url) for one in told.sent)


def test_a_jwt_logs_in_where_it_was_told(telling: Any) -> None:
    for login in ("login", "test"):
        transport, told = telling(_after_login(200, b"{}"), login=login)
        transport.get("limits", "limits")
        assert told.sent[0].url == f"https://{login}.salesforce.com/services/oauth2/token"


def test_no_page_leads_a_token_elsewhere(telling: Any) -> None:
    transport, told = telling(_after_login(302, b""))
    with pytest.raises(Rejected, match="answered 302"):
        transport.get("limits", "limits")
    assert len(told.sent) == 2


def test_each_call_has_the_time_limit_of_the_settings(org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[Any] = []
    whole = requests.adapters.HTTPAdapter.send

    def send(self: Adapter, request: Any, stream: Any, timeout: Any, *more: Any) -> requests.Response:
        limits.append(timeout)
        return whole(self, request, stream, timeout, *more)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    org.transport(timeout=(3.0, 17.0)).get("limits", "limits")
    assert limits == [(3.0, 17.0)] * 2


def test_settings_show_no_secret(org: LocalOrg) -> None:
    shown = repr(org.settings(consumer_secret=lambda: "hunter2"))
    assert "consumer_key" not in shown
    assert "private_key" not in shown
    assert "consumer_secret" not in shown
