"""The token endpoint and the sessions it opens: JWT bearer and client credentials (salesforce.md 1.1 and 7).

Prevents a client from being tested against a login that takes anything: audience, expiry, signature, consumer and user
are checked, and each refusal has Salesforce's words. Username and password are refused, as orgs do by default.
"""

import base64
import binascii
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from crmsync.sandbox.salesforce import errors

AUDIENCES = frozenset({"https://login.salesforce.com", "https://test.salesforce.com"})
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LONGEST_SECONDS = 180
"""How far ahead an assertion may expire: three minutes."""
_SLACK_SECONDS = 5


@dataclass
class Sessions:
    """Access tokens that are good, each with the second of its end (None: it never ends) in the sandbox's own time."""

    organization: str
    seconds: float | None
    elapsed: Callable[[], float]
    live: dict[str, float | None] = field(default_factory=dict)

    def open(self) -> str:
        """A new token, in the shape of Salesforce's: the org's id, `!`, the secret part."""
        token = f"{self.organization[:15]}!AQ{secrets.token_urlsafe(64)}"
        self.add(token)
        return token

    def add(self, token: str) -> None:
        """Makes a token good from now on."""
        self.live[token] = self.elapsed() + self.seconds if self.seconds is not None else None

    def end(self, token: str | None = None) -> None:
        """Ends one session, or all."""
        for one in [token] if token is not None else list(self.live):
            self.live.pop(one, None)

    def check(self, authorization: str) -> None:
        """Raises the 401 of a session that ended or never was. `OAuth TOKEN` is taken like `Bearer TOKEN`."""
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        until = self.live.get(token, 0.0)
        if scheme not in {"Bearer", "OAuth"} or (until is not None and until <= self.elapsed()):
            self.end(token)
            raise errors.expired()


@dataclass(frozen=True)
class App:
    """The connected app: its key and secret, the key its JWTs are checked with, and who is pre-authorised."""

    consumer_key: str
    consumer_secret: str
    public_key: str
    username: str
    user_id: str
    known: Mapping[str, str] = field(default_factory=dict)
    """Other users of the org, who have not approved the app: user name to id."""


def token(
    app: App, sessions: Sessions, form: Mapping[str, str], authorization: str, base_url: str,
    now: Callable[[], float] = time.time,
) -> dict[str, Any]:  # fmt: skip
    """The answer of the token endpoint. Raises ApiError with `error` and `error_description`."""
    grant = form.get("grant_type")
    if grant == JWT_GRANT:
        _check_assertion(app, form.get("assertion", ""), now())
        return _answer(app, sessions, base_url, scope="api web")
    if grant == "client_credentials":
        _check_client(app, form, authorization)
        more = {"signature": secrets.token_urlsafe(32), "issued_at": str(int(now() * 1000))}
        return _answer(app, sessions, base_url, **more)
    if grant == "password":
        raise errors.oauth("invalid_grant", "authentication failure")
    if grant is None:
        raise errors.oauth("invalid_request", "must provide grant_type")
    raise errors.oauth("unsupported_grant_type", "grant type not supported")


def _answer(app: App, sessions: Sessions, base_url: str, **more: str) -> dict[str, Any]:
    return {
        "access_token": sessions.open(),
        **more,
        "instance_url": base_url,
        "id": f"https://login.salesforce.com/id/{sessions.organization}/{app.user_id}",
        "token_type": "Bearer",
    }


def _check_assertion(app: App, assertion: str, now: float) -> None:
    if not assertion:
        raise errors.oauth("invalid_request", "must provide assertion")
    unchecked = {"verify_signature": False, "verify_exp": False, "verify_aud": False}
    try:
        claims = jwt.decode(assertion, options=unchecked)  # type: ignore[arg-type]
    except jwt.InvalidTokenError as fault:
        raise errors.oauth("invalid_grant", "invalid assertion") from fault
    if claims.get("iss") != app.consumer_key:
        raise errors.oauth("invalid_client_id", "client identifier invalid")
    if claims.get("aud") not in AUDIENCES:
        raise errors.oauth("invalid_grant", "audience is invalid")
    # The expiry may be a number or a text of digits: Salesforce's own example has a text.
    expires = str(claims.get("exp", ""))
    if not expires.isdigit() or not now <= int(expires) <= now + LONGEST_SECONDS + _SLACK_SECONDS:
        raise errors.oauth("invalid_grant", "expired authorization code")
    checked = {"verify_exp": False, "verify_aud": False, "verify_iat": False, "verify_sub": False}
    try:
        jwt.decode(assertion, app.public_key, algorithms=["RS256"], options=checked)  # type: ignore[arg-type]
    except jwt.InvalidTokenError as fault:
        raise errors.oauth("invalid_grant", "invalid assertion") from fault
    user = claims.get("sub") or claims.get("prn")
    if user in app.known:
        raise errors.oauth("invalid_grant", "user hasn't approved this consumer")
    if user != app.username:
        raise errors.oauth("invalid_grant", "authentication failure")


def _check_client(app: App, form: Mapping[str, str], authorization: str) -> None:
    key, secret = form.get("client_id"), form.get("client_secret")
    scheme, _, code = authorization.partition(" ")
    if scheme == "Basic":
        try:
            key, _, secret = base64.b64decode(code).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as fault:
            raise errors.oauth("invalid_client", "invalid client credentials") from fault
    if key != app.consumer_key:
        raise errors.oauth("invalid_client_id", "client identifier invalid")
    if secret != app.consumer_secret:
        raise errors.oauth("invalid_client", "invalid client credentials")
