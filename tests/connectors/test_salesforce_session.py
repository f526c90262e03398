"""The session with an org: how it is opened, renewed once for all, never opened in vain (salesforce.md 0 and 1.1)."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from salesforce_org import ACME, LocalOrg, StartOrg, accounts

from crmsync.connectors.salesforce.session import DEAD_SECONDS
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import BudgetSpent, CrmsyncError, Unauthorized, Unavailable

LOGIN = "/services/oauth2/token"
THREADS = 8


def _at_once(count: int, work: Callable[[], Any]) -> list[Any]:
    """What `work` gave or raised in each of so many threads that begin together."""
    gate = threading.Barrier(count)
    found: list[Any] = []

    def run() -> None:
        gate.wait()
        try:
            found.append(work())
        except CrmsyncError as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _limits(transport: Transport) -> int:
    return transport.get("limits", "limits").status


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"login": "test"},
        {"domain": "acme--uat.sandbox.my"},
        {"private_key": None, "username": None, "secret": True},
        {"private_key": None, "username": None, "secret": True, "domain": "acme.my"},
    ],
)
def test_it_logs_in_once_by_oauth_wherever_the_login_is(org: LocalOrg, given: dict[str, Any]) -> None:
    given = dict(given)
    if given.pop("secret", False):
        given["consumer_secret"] = lambda: org.server.consumer_secret
    transport = org.transport(**given)
    assert [_limits(transport) for _ in range(3)] == [200, 200, 200]
    assert transport.usage().calls == {"login": 1, "limits": 3}
    assert [one["path"] for one in org.requests()] == [LOGIN, *["/services/data/v66.0/limits"] * 3]


@pytest.mark.parametrize(
    ("given", "said", "advice"),
    [
        ({"consumer_key": lambda: "3MVG9wrong"}, "invalid_client_id", "salesforce.consumer_key"),
        ({"username": "nobody@seller.example"}, "authentication failure", "salesforce.username"),
        ({"username": "olga@seller.example"}, "hasn't approved", "Pre-authorise"),
    ],
)
def test_a_login_that_is_refused_says_why_and_what_to_do(
    org: LocalOrg, given: dict[str, Any], said: str, advice: str
) -> None:
    with pytest.raises(Unauthorized) as refused:
        _limits(org.transport(**given))
    assert said in refused.value.message
    assert advice in refused.value.message
    assert "seller.example" not in refused.value.message
    assert "3MVG9" not in refused.value.message


def test_a_wrong_secret_is_not_repeated_to_people(org: LocalOrg) -> None:
    transport = org.transport(private_key=None, consumer_secret=lambda: "hunter2")
    with pytest.raises(Unauthorized, match="consumer_secret") as refused:
        _limits(transport)
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize(
    "key", ["", "secret words", "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n"]
)
def test_a_key_that_is_none_is_said_without_it(org: LocalOrg, key: str) -> None:
    with pytest.raises(Unauthorized, match="PEM form") as refused:
        _limits(org.transport(private_key=lambda: key))
    assert "secret" not in refused.value.message
    assert "c2VjcmV0" not in refused.value.message
    assert org.requests(LOGIN) == []


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nc2VjcmV0\n-----END ENCRYPTED PRIVATE KEY-----\n", "has a passphrase"),
        ("-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----\n", "it is the certificate"),
    ],
)
def test_a_key_with_a_passphrase_and_a_certificate_are_told_apart(org: LocalOrg, key: str, told: str) -> None:
    with pytest.raises(Unauthorized, match=told) as refused:
        _limits(org.transport(private_key=lambda: key))
    assert "c2VjcmV0" not in refused.value.message
    assert org.requests(LOGIN) == []


def test_a_dead_grant_is_asked_about_once_by_all(org: LocalOrg) -> None:
    transport = org.transport(username="nobody@seller.example")
    found = _at_once(THREADS, lambda: _limits(transport))
    assert [type(one) for one in found] == [Unauthorized] * THREADS
    assert len(org.requests(LOGIN)) == 1
    assert transport.usage().calls == {"login": 1}


def test_a_dead_grant_is_tried_again_after_a_while_or_with_another_secret(org: LocalOrg) -> None:
    now, names = [0.0], iter(["wrong", "wrong", "wrong", None])
    right = org.settings().private_key
    assert right is not None
    transport = org.transport(private_key=lambda: next(names) or right(), clock=lambda: now[0])
    other = org.transport(username="nobody@seller.example", clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(Unauthorized):
            _limits(other)
    now[0] = DEAD_SECONDS
    with pytest.raises(Unauthorized):
        _limits(other)
    assert len(org.requests(LOGIN)) == 2
    for _ in range(3):
        with pytest.raises(Unauthorized):
            _limits(transport)
    assert _limits(transport) == 200


def test_an_ended_session_is_renewed_once_for_all_threads(org: LocalOrg) -> None:
    transport = org.transport()
    _limits(transport)
    org.control("token", {"expire": True})
    assert _at_once(THREADS, lambda: _limits(transport)) == [200] * THREADS
    assert len(org.requests(LOGIN)) == 2
    assert transport.usage().calls["login"] == 2


def test_sessions_that_end_amid_many_calls_cost_none(start_org: StartOrg) -> None:
    org = start_org(faults=[{"match": {"path": "/limits"}, "fault": "session_expired", "times": 1, "after": 9}])
    transport = org.transport()
    found = _at_once(THREADS, lambda: [_limits(transport) for _ in range(5)])
    assert found == [[200] * 5] * THREADS


def test_a_session_that_is_never_accepted_ends_in_words(org: LocalOrg) -> None:
    org.faults({"match": {"path": "/limits"}, "fault": "401"})
    transport = org.transport()
    with pytest.raises(Unauthorized, match=r"INVALID_SESSION_ID.*password not expired"):
        _limits(transport)
    assert transport.usage().calls == {"login": 2, "limits": 2}


def test_sessions_that_each_served_for_a_while_are_renewed_again(org: LocalOrg) -> None:
    transport = org.transport()
    for _ in range(3):
        assert _limits(transport) == 200
        org.control("token", {"expire": True})
    assert _limits(transport) == 200
    assert transport.usage().calls["login"] == 4


def test_threads_that_are_refused_open_no_more_than_a_session_each(org: LocalOrg) -> None:
    transport = org.transport()
    _limits(transport)
    org.faults({"match": {"path": "/limits"}, "fault": "401"})
    found = _at_once(THREADS, lambda: _limits(transport))
    assert [type(one) for one in found] == [Unauthorized] * THREADS
    assert transport.usage().calls["login"] <= 1 + THREADS


def test_a_calls_headers_outlive_its_session(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(450)})
    transport = org.transport()
    org.faults({"match": {"path": "/query"}, "fault": "session_expired", "times": 1, "after": 1})
    pages = [len(page.rows) for page in transport.soql("SELECT Id FROM Account", size=200)]
    assert pages == [200, 200, 50]
    assert transport.usage().calls["login"] == 2


@pytest.mark.parametrize("fault", ["503", "502", "429", "reset", "lost_reply", "truncated_body"])
def test_a_login_that_fails_in_passing_is_repeated_even_for_a_write(org: LocalOrg, fault: str) -> None:
    org.faults({"match": {"path": LOGIN}, "fault": fault, "times": 2})
    transport = org.transport()
    answer = transport.send("write", "PATCH", f"sobjects/Account/{ACME}", json={"Name": "New"}, repeatable=False)
    assert answer.status == 204
    assert transport.usage().calls == {"login": 3, "write": 1}


def test_the_environment_decides_neither_trust_nor_route(org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, "/nowhere/ca.pem")
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert _limits(org.transport()) == 200


def test_a_certificate_that_nobody_vouches_for_is_told_apart(org: LocalOrg) -> None:
    with pytest.raises(Unavailable, match=r"certificate is not trusted; check salesforce\.ca_file"):
        _limits(org.transport(ca_file=None))
    assert org.requests() == []


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken and where nobody answers."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield int(taken.getsockname()[1])


def test_an_address_where_nobody_is_ends_soon_with_what_to_check(org: LocalOrg, closed_port: int) -> None:
    with pytest.raises(Unavailable, match=r"Check salesforce\.domain or base_url"):
        _limits(org.transport(base_url=f"https://127.0.0.1:{closed_port}"))


def test_the_login_has_a_time_limit_too(org: LocalOrg) -> None:
    """simple-salesforce gives its calls none (salesforce.md 0.10)."""
    org.faults({"match": {"path": LOGIN}, "fault": "slow", "ms": 1_000})
    transport = org.transport(timeout=(5.0, 0.1))
    with pytest.raises(Unavailable, match="nobody answered in time"):
        _limits(transport)


def test_no_login_is_asked_of_an_org_whose_share_is_spent(org: LocalOrg) -> None:
    transport = org.transport(daily_share=0.5)
    transport.budget.learn(60, 100)
    transport.budget.observe("api-usage=60/100")
    with pytest.raises(BudgetSpent):
        next(transport.soql("SELECT Id FROM Account"))
    assert org.requests() == []


def test_a_key_file_is_read_anew_at_each_login(start_org: StartOrg, tmp_path: Path) -> None:
    org = start_org()
    kept = tmp_path / "key.pem"
    kept.write_text(Path(org.server.private_key).read_text())
    transport = org.transport(private_key=kept.read_text)
    assert _limits(transport) == 200
    kept.write_text("gone")
    assert _limits(transport) == 200
    org.control("token", {"expire": True})
    with pytest.raises(Unauthorized, match="PEM form"):
        _limits(transport)
