"""A sync of two CRMs in a process of its own that kills itself, with SIGKILL, right after a write or before it is sent.

`python both_child.py CONFIG CRM WHEN NTH`: CRM whose `write` it is, WHEN `before` or `after`, and which write of that
CRM. Nothing but the counting is added to the real code.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from crmsync.engine.context import open_context
from crmsync.engine.sync import sync
from tests.together.both_house import ALL, AS_OF


def main(config: str, crm: str, when: str, nth: str) -> None:
    lock, passed = threading.Lock(), [0]
    with open_context(Path(config)) as ctx:
        connector = next(side for side in ctx.sides if side.crm == crm).connector
        write = connector.write

        def killing(*arguments: Any) -> Any:
            with lock:
                passed[0] += 1
                mine = passed[0] == int(nth)
            if mine and when == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            answer = list(write(*arguments))
            if mine:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer

        connector.write = killing  # type: ignore[method-assign]
        sync(ctx, as_of=AS_OF, accept=ALL, reason="to be killed")


if __name__ == "__main__":
    main(*sys.argv[1:])
