"""`kill -9` at each step of writing to Salesforce: the next sync brings the org to exactly the desired state."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmsync.engine.sync import sync
from crmsync.errors import ExitCode
from tests.salesforce_house import AS_OF, OrgHouse, account_rows, assert_settled, contact_rows, synced

CHILD = Path(__file__).parent / "salesforce_child.py"
ROOT = Path(__file__).parents[2]
BULK: dict[str, Any] = {"bulk_from": 20}
ACCOUNTS = account_rows(300)
CONTACTS = contact_rows(450, ACCOUNTS)
#: A sync of these records takes two jobs (accounts, contacts), or two and three collections.
MOMENTS = [
    ("after", "POST bulk", 1, BULK),
    ("before", "PUT bulk", 1, BULK),
    ("after", "PUT bulk", 1, BULK),
    ("before", "PATCH bulk", 1, BULK),
    ("after", "PATCH bulk", 1, BULK),
    ("after", "GET bulk", 1, BULK),
    ("after", "GET bulk", 3, BULK),
    ("after", "PATCH bulk", 2, BULK),
    ("before", "PATCH collections", 1, {}),
    ("after", "PATCH collections", 1, {}),
    ("after", "PATCH collections", 3, {}),
    ("after", "PATCH collections", 5, {}),
    ("after", "GET query", 2, {}),
]


def killed_sync(config: Path, when: str, call: str, nth: int, settings: dict[str, Any]) -> int:
    """The exit code of a sync that is to die there."""
    command = [sys.executable, str(CHILD), str(config), when, call, str(nth), json.dumps(settings)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=environment, cwd=ROOT, timeout=300, check=False).returncode


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrgHouse]:
    house = OrgHouse(tmp_path_factory.mktemp("calm"), ACCOUNTS, CONTACTS)
    try:
        synced(house, house.config())
        yield house
    finally:
        house.close()


@pytest.mark.parametrize(
    ("when", "call", "nth", "settings"), MOMENTS, ids=[f"{when} {call} {nth}" for when, call, nth, _ in MOMENTS]
)
def test_the_sync_after_a_kill_leaves_the_org_as_an_uninterrupted_one_does(
    tmp_path: Path, calm: OrgHouse, when: str, call: str, nth: int, settings: dict[str, Any]
) -> None:
    house = OrgHouse(tmp_path / "house", ACCOUNTS, CONTACTS)
    try:
        config = house.config()
        assert killed_sync(config, when, call, nth, settings) == -signal.SIGKILL
        with house.context(config, **settings) as ctx:
            assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
            assert_settled(ctx)
            assert sync(ctx, as_of=AS_OF).applied is None
        assert house.held() == calm.held()
        open_jobs = [job for job in house.org.get("jobs/ingest")["records"] if job["state"] not in {"JobComplete"}]
        assert len(open_jobs) <= 1, "a job that was made and never closed writes nothing, and ends by itself"
        assert all(job["state"] == "Open" for job in open_jobs)
    finally:
        house.close()
