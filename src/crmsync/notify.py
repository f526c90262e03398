"""Messages to people: one line to a webhook (Slack and all that speak its JSON) when a run needs somebody.

The address is a secret: who has it can post. It never reaches a log or an exception, and no message carries an e-mail
address. A webhook that fails never fails a run.
"""

from __future__ import annotations

from collections.abc import Callable

import requests
import structlog
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential, wait_random

from crmsync.errors import CrmsyncError, mask

TIMEOUT_S = 10
ATTEMPTS = 4
_log = structlog.get_logger("crmsync.notify")


class _TryAgain(Exception):
    """The webhook may take the message later. Says why, without the address."""


class Webhook:
    """Posts `{"text": ...}`. `address` is called at each post, so that a rotated secret is picked up."""

    def __init__(self, address: Callable[[], str], *, wait: float = 1.0) -> None:
        self._address = address
        self._wait = wait

    def send(self, text: str) -> bool:
        """Whether the message was taken. Waits and tries again on 429, 5xx and network faults; never raises."""
        retrying = Retrying(
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(multiplier=self._wait, max=30) + wait_random(0, self._wait),
            retry=retry_if_exception_type(_TryAgain),
        )
        try:
            return bool(retrying(self._post, mask(text)))
        except RetryError as error:
            _log.warning("notification not delivered", reason=str(error.last_attempt.exception()), attempts=ATTEMPTS)
            return False
        except CrmsyncError as error:
            _log.warning("notification not delivered", reason=error.message)
            return False

    def _post(self, text: str) -> bool:
        try:
            answer = requests.post(self._address(), json={"text": text}, timeout=TIMEOUT_S, allow_redirects=False)
        except requests.RequestException as error:
            # Its text would hold the address; `from None` keeps it out of any traceback.
            raise _TryAgain(type(error).__name__) from None
        if answer.status_code == requests.codes.too_many_requests or answer.status_code >= 500:
            raise _TryAgain(f"status {answer.status_code}")
        if answer.status_code >= 300:
            _log.warning("notification refused", status=answer.status_code)
            return False
        return True


def silent(_text: str) -> bool:
    """Where no webhook is configured."""
    return True
