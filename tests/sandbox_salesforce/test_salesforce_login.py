"""Who is let in: login, sessions, the daily limit, versions, and what the others are told (salesforce.md 1, 2)."""

import base64
import ssl
import time
import urllib.request
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from requests.adapters import HTTPAdapter
from salesforce_client import ACME, Box
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceRefusedRequest,
)

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
Claims = dict[str, Any]


def claims(org: Box, **changed: Any) -> Claims:
    good = {
        "iss": org.org.consumer_key, "sub": org.org.username, "aud": "https://login.salesforce.com",
        "exp": str(int(time.time()) + 180),
    }  # fmt: skip
    return good | changed


def token_call(org: Box, form: dict[str, str], **more: Any) -> requests.Response:
    return org.http.post(f"{org.org.base_url}/services/oauth2/token", data=form, timeout=20, **more)


def bearer(org: Box, what: Claims, key: str | None = None) -> requests.Response:
    assertion = jwt.encode(what, key or Path(org.org.private_key).read_text(), algorithm="RS256")
    return token_call(org, {"grant_type": GRANT, "assertion": assertion})


class ToSandbox(HTTPAdapter):
    """Takes what a client sends to Salesforce to the sandbox instead."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self.base_url = base_url

    def send(self, request: requests.PreparedRequest, *args: Any, **more: Any) -> requests.Response:
        assert request.url is not None
        request.url = self.base_url + "/" + request.url.split("/", 3)[3]
        return super().send(request, *args, **more)


def test_the_certificate_is_good_for_a_strict_client(org: Box) -> None:
    context = ssl.create_default_context(cafile=org.org.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with urllib.request.urlopen(f"{org.org.base_url}/services/data", timeout=10, context=context) as answer:
        assert answer.status == 200
    assert Path(org.org.private_key).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("audience", ["https://login.salesforce.com", "https://test.salesforce.com"])
@pytest.mark.parametrize("as_text", [True, False])
def test_a_signed_assertion_opens_a_session(org: Box, audience: str, as_text: bool) -> None:
    expires = int(time.time()) + 100
    answer = bearer(org, claims(org, aud=audience, exp=str(expires) if as_text else expires))
    assert answer.status_code == 200
    body = answer.json()
    assert (body["token_type"], body["instance_url"]) == ("Bearer", org.org.base_url)
    assert body["id"].startswith("https://login.salesforce.com/id/00D")
    org.token = body["access_token"]
    assert org.record("Account", ACME, "Name") == {"Name": "Acme"}


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"aud": "https://127.0.0.1"}, "invalid_grant", "audience is invalid"),
        ({"exp": "1"}, "invalid_grant", "expired authorization code"),
        ({"exp": str(int(time.time()) + 3_600)}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "expired authorization code"),
        ({"sub": "olga@seller.example"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"sub": "nobody@seller.example"}, "invalid_grant", "authentication failure"),
        ({"iss": "other"}, "invalid_client_id", "client identifier invalid"),
    ],
)
def test_an_assertion_that_is_wrong_is_refused_in_salesforces_words(
    org: Box, changed: Claims, error: str, words: str
) -> None:
    answer = bearer(org, claims(org, **changed))
    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": words})


def test_an_assertion_signed_by_another_key_is_refused(org: Box) -> None:
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    other = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = other.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()).decode()
    assert bearer(org, claims(org), pem).json()["error"] == "invalid_grant"


def test_simple_salesforce_logs_in_by_jwt_and_by_client_credentials(org: Box) -> None:
    org.http.mount("https://", ToSandbox(org.org.base_url))
    by_key = Salesforce(
        username=org.org.username, consumer_key=org.org.consumer_key, privatekey_file=org.org.private_key,
        session=org.http, version="66.0",
    )  # fmt: skip
    assert by_key.restful(f"sobjects/Account/{ACME}", params={"fields": "Name"})["Name"] == "Acme"
    by_secret = Salesforce(
        consumer_key=org.org.consumer_key, consumer_secret=org.org.consumer_secret, domain="acme.my",
        session=org.http, version="66.0",
    )  # fmt: skip
    assert by_secret.session_id not in {by_key.session_id, None}
    assert by_secret.limits()["DailyApiRequests"]["Max"] == 100_000
    with pytest.raises(SalesforceAuthenticationFailed, match="invalid client credentials"):
        Salesforce(consumer_key=org.org.consumer_key, consumer_secret="no", domain="acme.my", session=org.http)


def test_client_credentials_come_as_basic_or_in_the_form(org: Box) -> None:
    key, secret = org.org.consumer_key, org.org.consumer_secret
    code = base64.b64encode(f"{key}:{secret}".encode()).decode()
    grant = {"grant_type": "client_credentials"}
    basic = token_call(org, grant, headers={"Authorization": f"Basic {code}"})
    form = token_call(org, grant | {"client_id": key, "client_secret": secret})
    assert basic.status_code == form.status_code == 200
    assert basic.json().keys() >= {"access_token", "instance_url", "id", "token_type", "signature", "issued_at"}


def test_username_and_password_are_refused_as_orgs_do_by_default(org: Box) -> None:
    form = {"grant_type": "password", "username": org.org.username, "password": "p", "client_id": "k"}
    answer = token_call(org, form)
    assert answer.status_code == 400
    assert answer.json() == {"error": "invalid_grant", "error_description": "authentication failure"}
    assert token_call(org, {"grant_type": "magic"}).json()["error"] == "unsupported_grant_type"


EXPIRED = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]


def test_a_session_ends_and_a_new_login_goes_on(start_org: Any) -> None:
    org: Box = start_org(session_seconds=0)
    assert org.get("limits", 401) == EXPIRED
    with pytest.raises(SalesforceExpiredSession):
        org.client().query("SELECT Id FROM Account")
    org.post("/_sandbox/settings", {"session_seconds": 600})
    org.token = bearer(org, claims(org)).json()["access_token"]
    assert org.get("limits")["DailyApiRequests"]["Max"] == 100_000


def test_a_token_that_never_was_and_one_revoked_are_refused(org: Box) -> None:
    good = org.token
    org.token = "00Dnonsense!x"
    assert org.get("limits", 401) == EXPIRED
    org.token = good
    org.http.post(f"{org.org.base_url}/services/oauth2/revoke", data={"token": good}, timeout=10)
    assert org.get("limits", 401) == EXPIRED


def test_every_rest_answer_says_how_many_calls_the_day_has_seen(start_org: Any) -> None:
    org: Box = start_org(api_limit=4)
    headers = [org.send("GET", path).headers.get("Sforce-Limit-Info") for path in ("limits", "sobjects/Account/no")]
    assert headers == ["api-usage=1/4", "api-usage=2/4"]
    assert org.send("GET", "/services/data").headers.get("Sforce-Limit-Info") is None
    left = org.get("limits")["DailyApiRequests"]
    assert left == {"Max": 4, "Remaining": 1}
    org.get("limits")
    refused = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    assert org.get("limits", 403) == refused
    with pytest.raises(SalesforceRefusedRequest, match="REQUEST_LIMIT_EXCEEDED"):
        org.client().query("SELECT Id FROM Account")
    assert org.get("/_sandbox/stats")["api_used"] == 4
    org.post("/_sandbox/reset")
    assert org.get("limits")["DailyApiRequests"]["Remaining"] == 3


def test_others_use_up_the_days_calls_too(org: Box) -> None:
    org.post("/_sandbox/settings", {"api_used": 99_999})
    client = org.client()
    client.query("SELECT Id FROM Account LIMIT 1")
    assert client.api_usage["api-usage"].used == 100_000
    org.get("limits", 403)


def test_versions_are_listed_and_retired_ones_are_gone(org: Box) -> None:
    listed = org.get("/services/data")
    assert {"label": "Spring '26", "url": "/services/data/v66.0", "version": "66.0"} in listed
    assert org.get("/services/data/v66.0/")["query"] == "/services/data/v66.0/query"
    org.get("/services/data/v29.0/limits", 410)
    org.get("/services/data/v99.0/limits", 404)


def test_an_address_that_is_not_there_and_a_method_that_is_not(org: Box) -> None:
    absent = [{"message": "The requested resource does not exist", "errorCode": "NOT_FOUND"}]
    assert org.get("nothing/here", 404) == absent
    assert org.call("PUT", "limits", {}, 405)[0]["errorCode"] == "METHOD_NOT_ALLOWED"
    assert org.send("GET", "query?q=" + "x" * 17_000).status_code == 414
