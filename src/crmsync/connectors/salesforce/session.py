"""The session with the org: simple-salesforce logs in (JWT bearer or client credentials), over a `requests.Session` of
ours that has what its own calls would lack.

It prevents a call without a time limit, an environment variable that decides which certificates are trusted, headers
that are lost with a renewed session, as many logins as there are threads, and a login by SOAP.
"""

from __future__ import annotations

import hashlib
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import jwt
import msgspec
import requests
import urllib3
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.exceptions import SalesforceAuthenticationFailed

from crmsync.connectors.retrying import Cause
from crmsync.connectors.salesforce.budget import HEADER, Budget
from crmsync.connectors.salesforce.retry import UNTRUSTED, Failure
from crmsync.connectors.salesforce.settings import SalesforceSettings
from crmsync.errors import Unauthorized

DEAD_SECONDS = 60.0
"""How long a refused login is remembered: one answer for every thread, and what was mended is tried again."""

_LOGIN = "/services/oauth2/token"
_LATER = frozenset({"server_error", "temporarily_unavailable"})
_ADVICE = (
    ("approved", "Pre-authorise its permission set in the External Client App's policies"),
    ("audience", "Set salesforce.login to login for a production org, to test for a sandbox"),
    ("client", "Check salesforce.consumer_key and salesforce.consumer_secret"),
    ("expired", "Check this machine's clock"),
    ("assertion", "Check that salesforce.private_key belongs to the app's certificate"),
)

Timeout: TypeAlias = "float | tuple[float, float] | tuple[float, None] | None"


def _unusable_key(error: Exception, key: str) -> str:
    """What is wrong with a private key, and what to do; nothing of the key itself."""
    told = f"The private key that salesforce.private_key names cannot be used ({type(error).__name__}): "
    if "ENCRYPTED" in key:
        return told + (
            "it has a passphrase, and nobody is there to type it. Write it without, in PEM form: "
            "openssl rsa -in OLD.pem -out sf.pem; keep that file to crmsync's user (0600)."
        )
    if "BEGIN CERTIFICATE" in key and "PRIVATE KEY" not in key:
        return told + "it is the certificate, which goes into the app. An RSA key in PEM form is needed, all its lines."
    return told + "an RSA key in PEM form is needed, all its lines."


class Failed(Exception):
    """One failed attempt, inside the connector only. `words` are for people."""

    def __init__(self, failure: Failure, words: str = "") -> None:
        super().__init__(failure.status)
        self.failure = failure
        self.words = words or failure.message


@dataclass(frozen=True, slots=True)
class Open:
    """A session as it stands: its token, the address below the version, and the instance's own."""

    token: str
    base: str
    instance: str


class Session:
    """Thread-safe. `count` is called before each login; `clock` is in seconds."""

    def __init__(
        self,
        settings: SalesforceSettings,
        budget: Budget,
        *,
        count: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._budget = budget
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._open: Open | None = None
        self._dead: tuple[str, float, str] | None = None
        self.reached = False
        #: The token under which an answer came last: its session was good.
        self.proved = ""
        self.http = self._session()

    def current(self) -> Open:
        """The open session; logs in where there is none. Raises Unauthorized, and Failed inside the connector."""
        found = self._open
        if found is not None:
            return found
        with self._lock:
            return self._open or self._login()

    def renew(self, ended: str) -> None:
        """See to another session than the one of the token `ended`; another thread may have done so already."""
        with self._lock:
            if self._open is None or self._open.token == ended:
                self._open = None
                self._login()

    def close(self) -> None:
        self.http.close()

    def _login(self) -> Open:
        given = self._credentials()
        digest = hashlib.sha256(repr(sorted(given.items())).encode()).hexdigest()
        if self._dead is not None:
            same, until, told = self._dead
            if same == digest and self._clock() < until:
                raise Unauthorized(told)
        self._count("login")
        try:
            with warnings.catch_warnings():
                # Its advice on an app that nobody approved has the consumer key in it.
                warnings.filterwarnings("ignore", module="simple_salesforce")
                # A key that is too short is Salesforce's to refuse, in a sentence.
                warnings.filterwarnings("ignore", category=jwt.InsecureKeyLengthWarning)
                client = Salesforce(**given, version=self._settings.api_version, session=self.http)
        except SalesforceAuthenticationFailed as error:
            told = self._refused(str(error.code), error.auth_message, given)
            self._dead = (digest, self._clock() + DEAD_SECONDS, told)
            raise Unauthorized(told) from None
        except requests.RequestException as error:
            # Whatever was to be sent has not been: it may be sent again, write or not.
            failure = Failure(Cause.NOT_SENT, code=network_code(error), reached=self.reached)
            raise Failed(failure, f"login: {network_words(error)}") from None
        except (ValueError, TypeError, jwt.InvalidKeyError) as error:
            raise Unauthorized(_unusable_key(error, str(given.get("privatekey", "")))) from None
        self._dead = None
        instance = f"https://{client.sf_instance.rstrip('/')}"
        self._open = Open(str(client.session_id), f"{instance}/services/data/v{client.sf_version}/", instance)
        return self._open

    def _credentials(self) -> dict[str, Any]:
        """Arguments of simple-salesforce's login; secrets are asked for anew, so that a rotated key is picked up."""
        settings = self._settings
        key = settings.consumer_key()
        if settings.private_key is not None:
            return {
                "username": settings.username,
                "consumer_key": key,
                "privatekey": settings.private_key(),
                "domain": settings.login,
                # Where the assertion is sent; who it is for stays login or test.
                "instance_url": settings.domain,
            }
        if settings.consumer_secret is None:
            raise Unauthorized("salesforce has neither private_key nor consumer_secret: one of them is needed.")
        # A local org has no domain of its own, and simple-salesforce takes login for no domain at all.
        domain = settings.domain or "local.my"
        return {"consumer_key": key, "consumer_secret": settings.consumer_secret(), "domain": domain}

    def _refused(self, code: str, said: str, given: Mapping[str, Any]) -> str:
        advice = next((text for word, text in _ADVICE if word in f"{code} {said}".lower()), "")
        advice = advice or "Check salesforce.username, the app's policies and the user's permission sets"
        words = f"{code}: {said}" if said else code
        for name in ("consumer_key", "consumer_secret", "privatekey"):
            if given.get(name):
                words = words.replace(str(given[name]), "***")
        return f"Salesforce refuses the login ({words}). {advice}, then run again."

    def _session(self) -> requests.Session:
        http = requests.Session()
        # REQUESTS_CA_BUNDLE would beat `ca_file`, and .netrc would send a password.
        http.trust_env = False
        http.verify = self._settings.ca_file or True
        http.max_redirects = 0
        http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        http.headers.update({
            "Sforce-Call-Options": f"client={self._settings.client_name}",
            "User-Agent": self._settings.client_name,
            "Accept-Encoding": "gzip",
        })  # fmt: skip
        adapter = Adapter(self._settings)
        http.mount("https://", adapter)
        http.mount("http://", adapter)
        http.hooks["response"].append(self._seen)
        return http

    def _seen(self, response: requests.Response, *_: Any, **__: Any) -> None:
        """Every answer, whatever its status: what it says of the day's calls, and whether a login's is one."""
        self.reached = True
        self._budget.observe(response.headers.get(HEADER))
        if urlsplit(response.url).path == _LOGIN:
            _check_login(response)


class Adapter(HTTPAdapter):
    """Time limits for every call, also those that simple-salesforce makes, and another address in the place of all."""

    def __init__(self, settings: SalesforceSettings) -> None:
        self._timeout = settings.timeout
        self._base = urlsplit(settings.base_url) if settings.base_url else None
        # Cursors, and the writers of the engine beside them, share one pool.
        super().__init__(pool_maxsize=settings.cursors * 2 + 16, max_retries=0)

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Timeout = None,
        verify: bool | str = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        """Send it, within the time limit, to the local org where there is one."""
        if self._base is not None and request.url:
            request = request.copy()
            request.url = (
                urlsplit(str(request.url))._replace(scheme=self._base.scheme, netloc=self._base.netloc).geturl()
            )
        return super().send(request, stream, timeout or self._timeout, verify, cert, proxies)


def _check_login(response: requests.Response) -> None:
    """Raises Failed for an answer that is no verdict on the login: simple-salesforce would trip over its body."""
    try:
        body = msgspec.json.decode(response.content, type=dict[str, Any])
    except msgspec.MsgspecError:
        body = {}
    if response.status_code == 200 and body.get("access_token") and body.get("instance_url"):
        return
    error, said = body.get("error"), str(body.get("error_description"))
    if isinstance(error, str) and error not in _LATER and "rate exceeded" not in said and response.status_code < 500:
        return
    raise Failed(Failure(Cause.NOT_SENT, response.status_code), f"the login answered {response.status_code}")


def network_words(error: requests.RequestException) -> str:
    """What went wrong on the way, without addresses and headers."""
    if network_code(error) == UNTRUSTED:
        return "its certificate is not trusted; check salesforce.ca_file"
    if isinstance(error, requests.Timeout):
        return "nobody answered in time"
    if isinstance(error, requests.ConnectionError):
        return "no connection to that address"
    return "the answer broke off"


def network_code(error: requests.RequestException) -> str:
    """UNTRUSTED where the other side's certificate was the reason, else empty."""
    return UNTRUSTED if isinstance(error, requests.exceptions.SSLError) and UNTRUSTED in str(error) else ""


def not_sent(error: requests.RequestException) -> bool:
    """Whether the request certainly did not reach anybody."""
    if isinstance(error, requests.exceptions.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(error, requests.exceptions.SSLError):
        return network_code(error) == UNTRUSTED
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", None)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)
