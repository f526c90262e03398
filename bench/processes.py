"""The processes of a measurement: a sandbox in HubSpot's place, and workers whose CPU and memory are their own."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crmsync.normalize.defaults import config_dir, mappings_dir

ROOT = Path(__file__).resolve().parent.parent
#: Enough for every job of one bench; the day's budget is not what is measured.
DAILY = 10_000_000


@dataclass
class Portal:
    """A running sandbox and the config that points at it. `scale`: how much faster than real its time runs."""

    companies: int
    contacts: int
    scale: float
    base_url: str
    token: str = field(repr=False)
    folder: Path
    process: subprocess.Popen[str]

    @property
    def store(self) -> Path:
        return self.folder / "state" / "crmsync.db"

    def forget_store(self) -> None:
        """The next job starts with an empty mirror."""
        shutil.rmtree(self.store.parent, ignore_errors=True)

    def edit(self, object_: str, first_id: int, count: int, values: Mapping[str, str]) -> None:
        """Change the first `count` records of an object, as another app would."""
        for start in range(first_id, first_id + count, 100):
            ids = range(start, min(start + 100, first_id + count))
            body = json.dumps({"inputs": [{"id": str(id_), "properties": values} for id_ in ids]}).encode()
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            url = f"{self.base_url}/crm/objects/2026-09/{object_}/batch/update"
            self._send(urllib.request.Request(url, data=body, headers=headers, method="POST"))

    def _send(self, request: urllib.request.Request) -> None:
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    answer.read()
                return
            except urllib.error.HTTPError as error:
                with error:
                    if error.code != 429:
                        raise
                time.sleep(0.5 / self.scale)

    def memory_mb(self) -> float:
        """What the sandbox holds at this moment, in MB; 0 where the system does not tell."""
        return memory_mb(self.process)


def memory_mb(process: subprocess.Popen[str]) -> float:
    """What a process holds at this moment, in MB; 0 where the system does not tell."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.exists():
        return 0.0
    found = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmRSS:"))
    return int(next(found, "0")) / 1024


@contextmanager
def portal(companies: int, contacts: int, *, scale: float, latency_ms: float = 200) -> Iterator[Portal]:
    """A synthetic portal at HubSpot's limits, in a process of its own, with a config folder beside it."""
    folder = Path(tempfile.mkdtemp(prefix="crmsync-bench-"))
    command = [
        sys.executable, "-m", "crmsync.sandbox", "hubspot", "--synthetic", f"{companies},{contacts}",
        "--latency-ms", str(latency_ms), "--time-scale", str(scale), "--daily", str(DAILY),
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        _write_config(folder, ready["base_url"], ready["access_token"])
        yield Portal(companies, contacts, scale, ready["base_url"], ready["access_token"], folder, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _write_config(folder: Path, base_url: str, token: str) -> None:
    """The shipped program and mapping, as `crmsync init` would put them there."""
    shutil.copytree(mappings_dir(), folder / "mappings")
    (folder / "config").mkdir()
    shutil.copy(config_dir() / "program.yaml", folder / "config" / "program.yaml")
    (folder / "config" / "token").write_text(token)
    (folder / "config" / "crmsync.yaml").write_text(
        "store: sqlite:///state/crmsync.db\n"
        f"portals:\n  main:\n    hubspot: {{base_url: '{base_url}', token: 'file:token', daily_share: 100%}}\n"
        # A first run fills everything and a bench changes more than any guard should let through.
        "guards: {max_tier_moves: off, max_demotions: off, max_targets_removed: off, max_list_exits: off, "
        "max_blanked: off}\n"
    )


def work(job: str, options: Mapping[str, object], *, folder: Path | None = None, scale: float = 1.0) -> dict[str, Any]:
    """One job of `bench.jobs` in a fresh process; its report. Raises RuntimeError with the worker's last words."""
    given = dict(options) | {"config": str(folder / "config") if folder else "", "scale": scale}
    command: Sequence[str] = [sys.executable, "-m", "bench.jobs", job, json.dumps(given)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"job {job} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return report
