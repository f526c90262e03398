"""Section 8, items 1 to 3, as Salesforce does them: tokens, ended sessions, and the three meanings of a 403."""

from __future__ import annotations

import base64
import re
import time

import pytest
from contract_org import REMOTE, Org, local_only, setting

EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
by_key = pytest.mark.skipif(bool(REMOTE) and not setting("PRIVATE_KEY"), reason="no CRMSYNC_SALESFORCE_PRIVATE_KEY")
by_secret = pytest.mark.skipif(
    bool(REMOTE) and not setting("CONSUMER_SECRET"), reason="no CRMSYNC_SALESFORCE_CONSUMER_SECRET"
)


def assert_token(org: Org, body: dict[str, str]) -> None:
    assert body.keys() >= {"access_token", "instance_url", "id", "token_type"}
    assert (body["token_type"], body["instance_url"]) == ("Bearer", org.base_url)
    assert re.fullmatch(r"00D\w{12,15}!.+", body["access_token"])
    assert org.send("GET", "limits", token=body["access_token"]).status_code == 200


@by_key
@pytest.mark.parametrize("as_text", [True, False], ids=["exp as text", "exp as number"])
def test_01_token_200_shape_of_a_jwt_login(org: Org, as_text: bool) -> None:
    claims = org.claims()
    answer = org.bearer(claims if as_text else claims | {"exp": int(claims["exp"])})
    assert answer.status_code == 200, answer.text
    assert_token(org, answer.json())


@by_secret
def test_01_token_200_shape_of_a_client_credentials_login(org: Org) -> None:
    answer = org.by_secret(org.consumer_secret)
    assert answer.status_code == 200, answer.text
    assert_token(org, answer.json())
    assert answer.json().keys() >= {"signature", "issued_at"}


@by_key
@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"aud": "https://crm.example"}, "invalid_grant", "audience is invalid"),
        ({"exp": "1"}, "invalid_grant", "expired authorization code"),
        ({"sub": "nobody@nowhere.example"}, "invalid_grant", ""),
        ({"iss": "3MVG9nobody"}, "invalid_client_id", "client identifier invalid"),
    ],
)
def test_01_token_400_shape_says_error_and_description(
    org: Org, changed: dict[str, str], error: str, words: str
) -> None:
    answer = org.bearer(org.claims(**changed))
    assert answer.status_code == 400
    body = answer.json()
    assert set(body) == {"error", "error_description"}, "one object, where every other refusal is a list"
    assert (body["error"], words in body["error_description"]) == (error, True)


@by_secret
def test_01_token_400_shape_of_a_wrong_secret(org: Org) -> None:
    answer = org.by_secret("0" * 64)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_02_a_401_is_an_array_of_one_invalid_session_id(org: Org) -> None:
    answer = org.send("GET", "limits", token="00Dnobody!never")
    assert (answer.status_code, answer.json()) == (401, EXPIRED)


def test_02_a_session_that_ended_stays_ended_and_one_new_login_goes_on(org: Org) -> None:
    ended = org.login()
    org.http.post(f"{org.base_url}/services/oauth2/revoke", data={"token": ended}, timeout=20)
    assert [org.send("GET", "limits", token=ended).status_code for _ in range(2)] == [401, 401]
    assert org.send("GET", "limits", token=org.login()).status_code == 200


@local_only("it would use up an org's day, or its 25 long calls")
@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("daily_limit", "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
        (
            "concurrent_limit", "REQUEST_LIMIT_EXCEEDED",
            "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        ),
        ("api_disabled", "API_DISABLED_FOR_ORG", "The REST API is not enabled for this Organization."),
    ],
    ids=["TotalRequests", "ConcurrentRequests", "permission"],
)  # fmt: skip
def test_03_a_403_is_total_or_concurrent_requests_or_a_permission(org: Org, fault: str, code: str, words: str) -> None:
    org.faults({"match": {"path": "/services/data"}, "fault": fault, "times": 1})
    answer = org.send("GET", "limits")
    assert (answer.status_code, answer.json()) == (403, [{"message": words, "errorCode": code}])
    assert "Retry-After" not in answer.headers, "nobody says how long (salesforce.md 2.1)"
    assert org.send("GET", "limits").status_code == 200


@local_only("it would use up an org's day")
def test_03_total_requests_lasts_until_the_day_is_over(org: Org) -> None:
    org.control("settings", {"api_limit": 3})
    assert [org.send("GET", "limits").status_code for _ in range(5)] == [200, 200, 200, 403, 403]
    org.control("settings", {"advance_ms": 86_400_000})
    assert org.send("GET", "limits").status_code == 200


def test_25_every_answer_says_how_many_of_the_days_calls_are_used(org: Org) -> None:
    first, second = (org.send("GET", "limits") for _ in range(2))
    said = [re.match(r"api-usage=(\d+)/(\d+)", one.headers["Sforce-Limit-Info"]) for one in (first, second)]
    assert said[0] is not None
    assert said[1] is not None
    used, limit = (int(text) for text in said[0].groups())
    assert int(said[1][1]) >= used, "approximate, but not going back"
    day = second.json()["DailyApiRequests"]
    assert day["Max"] == limit
    assert 0 <= day["Remaining"] <= limit
    assert org.send("GET", "nothing/here").headers.get("Sforce-Limit-Info"), "refusals count too"


@by_key
def test_01_a_jwt_that_lives_longer_than_three_minutes_is_refused(org: Org) -> None:
    answer = org.bearer(org.claims(exp=str(int(time.time()) + 3_600)))
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


@by_secret
def test_01_client_credentials_may_come_as_basic_or_in_the_form(org: Org) -> None:
    code = base64.b64encode(f"{org.consumer_key}:{org.consumer_secret}".encode()).decode()
    grant = {"grant_type": "client_credentials"}
    basic = org.token_call(grant, headers={"Authorization": f"Basic {code}"})
    form = org.token_call(grant | {"client_id": org.consumer_key, "client_secret": org.consumer_secret})
    assert basic.status_code == form.status_code == 200
