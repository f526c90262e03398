"""A sync with Salesforce in a process of its own that kills itself, with SIGKILL, before or after a chosen call.

`python salesforce_child.py CONFIG WHEN NAME NTH SETTINGS`: WHEN is `before` or `after`, NAME the method and family of
a call (`PUT bulk`), SETTINGS more of the connector's, as JSON. Nothing but the counting is added to the real code.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

from crmsync.config.connections import load_config
from crmsync.connectors.salesforce import connect
from crmsync.connectors.salesforce.settings import SalesforceSettings
from crmsync.connectors.salesforce.transport import Transport
from crmsync.engine.context import Context
from crmsync.engine.sync import sync
from tests.salesforce_house import AS_OF


def _install(when: str, wanted: str, nth: int) -> None:
    """Ends the process at the `nth` such call; with nth 0 none ends it."""
    passed: Counter[str] = Counter()
    lock = threading.Lock()
    send = Transport.send

    def passing(at: str, name: str) -> None:
        with lock:
            passed[at, name] += 1
            if (at, name) == (when, wanted) and passed[at, name] == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    def counted(self: Transport, family: str, method: str, *arguments: Any, **options: Any) -> Any:
        passing("before", f"{method} {family}")
        answer = send(self, family, method, *arguments, **options)
        passing("after", f"{method} {family}")
        return answer

    Transport.send = counted  # type: ignore[method-assign]


def main(config: str, when: str, name: str, nth: str, more: str) -> None:
    loaded = load_config(Path(config))
    portal = loaded.portal(None)
    given = portal.salesforce
    assert given is not None
    settings = SalesforceSettings(
        consumer_key=lambda: portal.salesforce_secret("consumer_key"),
        private_key=lambda: portal.salesforce_secret("private_key"),
        username=given.username,
        base_url=given.base_url,
        ca_file=given.ca_file,
        patience=0.002,
    )
    _install(when, name, int(nth))
    with Context(loaded, portal) as ctx:
        ctx.main._connector = connect(dataclasses.replace(settings, **json.loads(more)), prefix=ctx.prefix)
        sync(ctx, as_of=AS_OF)


if __name__ == "__main__":
    main(*sys.argv[1:])
