"""The plain tests against an org that they did not start and cannot steer: what a person does with a real sandbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest
from contract_org import REMOTE, Org

HERE = Path(__file__).parent
PLAIN = ["login", "queries", "writes", "bulk", "changes"]
_SECONDS = 300


@pytest.mark.skipif(bool(REMOTE), reason="this is the replay itself")
@pytest.mark.parametrize("grant", ["JWT", "client credentials"])
def test_the_plain_tests_replay_against_any_org_and_leave_nothing_behind(
    org: Org, key_field: str, grant: str, tmp_path: Path
) -> None:
    """The other process knows an address and credentials alone: there `Org.control` refuses to be called."""
    org.control("fls", {"object": "Account", "field": "Jigsaw", "read": False, "edit": False})
    before = org.control("stats", method="GET")["records"]
    known = {
        "BASE_URL": org.base_url,
        "CA_FILE": str(org.ca_file),
        "CONSUMER_KEY": org.consumer_key,
        "EXTERNAL_ID": key_field,
        "HIDDEN_FIELD": "Jigsaw",
    }
    by_key = {"PRIVATE_KEY": org.private_key, "USERNAME": org.username}
    known |= by_key if grant == "JWT" else {"CONSUMER_SECRET": org.consumer_secret}
    report = tmp_path / "report.xml"
    modules = [str(HERE / f"test_section8_{name}.py") for name in PLAIN]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--junitxml={report}", *modules]
    environment = {**os.environ, **{f"CRMSYNC_SALESFORCE_{name}": value for name, value in known.items()}}
    ran = subprocess.run(
        command, env=environment, cwd=HERE.parents[1], capture_output=True, text=True, timeout=_SECONDS
    )
    assert ran.returncode == 0, ran.stdout
    ended = Counter(_how(case) for case in ElementTree.parse(report).iter("testcase"))
    assert ended["passed"] >= 35
    other_grant = "no CRMSYNC_SALESFORCE_CONSUMER_SECRET" if grant == "JWT" else "no CRMSYNC_SALESFORCE_PRIVATE_KEY"
    allowed = {"passed", "local only", other_grant}
    assert set(ended) == allowed, "nothing else is left out"
    after = org.control("stats", method="GET")["records"]
    assert after == before


def _how(case: ElementTree.Element) -> str:
    skipped = case.find("skipped")
    return "passed" if skipped is None else str(skipped.get("message")).partition(":")[0]
