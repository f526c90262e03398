"""A local Salesforce org in a process of its own, and the config folder that points at it."""

from __future__ import annotations

import json
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import DAILY, memory_mb, work
from bench.salesforce_org import id_list
from crmsync.normalize.defaults import mappings_dir

PROGRAM = Path(__file__).with_name("program_salesforce.yaml")
#: How long a bulk job waits, and works on each of its batches: an org that is not busy.
BULK_MS = 1_000


@dataclass
class Org:
    """`loading`: seconds from its start to its first answer, with all its records in memory."""

    accounts: int
    contacts: int
    base_url: str
    token: str = field(repr=False)
    folder: Path
    process: subprocess.Popen[str]
    tls: ssl.SSLContext
    loading: float

    def forget_store(self) -> None:
        """The next job starts with an empty mirror."""
        shutil.rmtree(self.folder / "state", ignore_errors=True)

    def work(self, job: str, **options: object) -> dict[str, Any]:
        """One job of `bench.jobs` against this org, in a process of its own."""
        return work(job, options, folder=self.folder)

    def edit(self, object_: str, count: int, fields: Mapping[str, Any]) -> None:
        """Change the first `count` records of an object, as another app would."""
        prefix = {"Account": "001", "Contact": "003"}[object_]
        named = id_list(prefix, count)
        for start in range(0, count, 200):
            records = [{"attributes": {"type": object_}, "id": id_, **fields} for id_ in named[start : start + 200]]
            done = self.call("PATCH", "composite/sobjects", {"allOrNone": False, "records": records})
            assert all(result["success"] for result in done), done[:1]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One call as somebody else; `path` below the version, or with a leading slash anywhere."""
        url = self.base_url + (path if path.startswith("/") else f"/services/data/v66.0/{path}")
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(url, data=data, headers=headers, method=method)
        with urllib.request.urlopen(request, timeout=120, context=self.tls) as answer:
            return json.loads(answer.read() or b"null")

    def calls_of(self) -> int:
        """Calls that it has answered in all, as it counts them itself."""
        return int(self.call("GET", "/_sandbox/stats")["total_calls"])

    def memory_mb(self) -> float:
        """What it holds at this moment, in MB."""
        return memory_mb(self.process)


@contextmanager
def org(accounts: int, contacts: int, *, latency_ms: float) -> Iterator[Org]:
    """An org of this size, its owned fields made by an admin, and a config folder beside it."""
    folder = Path(tempfile.mkdtemp(prefix="crmsync-bench-"))
    # In a process of its own: what this one has held counts as the peak of every process that it starts.
    work("org", {"folder": str(folder / "data"), "accounts": accounts, "contacts": contacts})
    began = time.monotonic()
    command = [
        sys.executable, "-m", "crmsync.sandbox", "salesforce", "--data", str(folder / "data"), "--keys",
        str(folder / "keys"), "--api-limit", str(DAILY), "--latency-ms", str(latency_ms), "--features", "",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        loading = time.monotonic() - began
        _write_config(folder, ready)
        tls = ssl.create_default_context(cafile=ready["ca_file"])
        running = Org(
            accounts, contacts, ready["base_url"], ready["access_token"], folder, process, tls, loading
        )  # fmt: skip
        running.call("POST", "/_sandbox/settings", {"bulk_ms": BULK_MS})
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
        shutil.rmtree(folder, ignore_errors=True)


def _write_config(folder: Path, ready: Mapping[str, str]) -> None:
    shutil.copytree(mappings_dir(), folder / "mappings")
    config = folder / "config"
    config.mkdir()
    shutil.copy(PROGRAM, config / "program.yaml")
    (config / "key").write_text(ready["consumer_key"])
    shutil.copy(ready["private_key"], config / "sf.pem")
    (config / "admin").write_text(ready["access_token"])
    (config / "crmsync.yaml").write_text(
        "store: sqlite:///state/crmsync.db\n"
        "portals:\n  main:\n    salesforce:\n"
        f"      base_url: '{ready['base_url']}'\n      ca_file: '{ready['ca_file']}'\n"
        f"      consumer_key: file:key\n      private_key: file:sf.pem\n      username: '{ready['username']}'\n"
        "      daily_share: 100%\n"
        "guards: {max_tier_moves: off, max_demotions: off, max_targets_removed: off, max_list_exits: off, "
        "max_blanked: off}\n"
    )
