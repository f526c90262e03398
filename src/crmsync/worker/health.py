"""The worker's heartbeat: a small file whose age says whether a worker is alive, for container health checks."""

from __future__ import annotations

import json
import os
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from crmsync.engine.context import Context
from crmsync.errors import StoreError

BEAT = timedelta(seconds=15)
#: A heartbeat older than this is a dead worker's: four beats may be lost to a busy machine.
STALE = BEAT * 5


def heartbeat_path(context: Context) -> Path:
    """Beside a SQLite store; with another store in the temporary folder, which a container has of its own."""
    url = context.config.store_url()
    name = f"worker-{quote(context.portal.name, safe='')}.json"
    file = url.removeprefix("sqlite:///")
    if file == url or not file or file == ":memory:":
        return Path(tempfile.gettempdir()) / f"crmsync-{name}"
    return Path(file).parent / name


def beat(path: Path, now: datetime, *, state: str) -> None:
    """Write the heartbeat, whole or not at all. Raises StoreError where the folder cannot be written."""
    text = json.dumps({"at": now.isoformat(), "process": os.getpid(), "state": state})
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        raise StoreError(f"the heartbeat {path} cannot be written ({error.strerror}); check its folder.") from error


def is_alive(context: Context) -> tuple[bool, str]:
    """(whether a worker is alive, a sentence that says why)."""
    return judge(heartbeat_path(context), context.now())


def judge(path: Path, now: datetime) -> tuple[bool, str]:
    """`is_alive` by the heartbeat at `path`."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        at, state = datetime.fromisoformat(said["at"]), str(said["state"])
    except FileNotFoundError:
        return False, "No worker has run here."
    except (OSError, ValueError, KeyError, TypeError):
        return False, f"The heartbeat {path} cannot be read."
    age = now - at
    seconds = max(0, round(age.total_seconds()))
    if state == "ended":
        return False, f"The worker ended cleanly {seconds} s ago."
    if age > STALE:
        return False, f"The worker was last alive {seconds} s ago; it has died or hangs."
    return True, f"The worker is alive: {state}, {seconds} s ago."
