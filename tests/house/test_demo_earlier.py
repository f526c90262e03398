"""The demo portal in a running sandbox: what earlier runs left there is of the type that crmsync gives it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from crmsync.assess.run import outputs, sections
from crmsync.demo import PORTAL, PROGRAM
from crmsync.demo.earlier import define_held_columns, held_columns
from crmsync.errors import CrmsyncError
from crmsync.program.loader import load_program

OWNED = outputs(load_program(PROGRAM, sections()))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[dict[str, str]]:
    command = [sys.executable, "-m", "crmsync.sandbox", "hubspot", "--data", str(PORTAL), "--port", "0"]
    with (
        (tmp_path / "stderr").open("w+") as complaints,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=complaints, text=True) as process,
    ):
        assert process.stdout is not None
        ready = process.stdout.readline()
        try:
            complaints.seek(0)
            assert ready, complaints.read()
            yield json.loads(ready)
        finally:
            process.terminate()


def definition(sandbox: dict[str, str], name: str) -> dict[str, Any]:
    reply = requests.get(
        f"{sandbox['base_url']}/crm/v3/properties/companies/{name}",
        headers={"Authorization": f"Bearer {sandbox['access_token']}"},
        timeout=10,
    )
    reply.raise_for_status()
    return dict(reply.json())


def test_held_columns_are_the_four_that_a_person_or_an_earlier_run_wrote() -> None:
    assert held_columns() == ("abm_tier", "abm_tier_override", "abm_target_status", "abm_target_override")


def test_held_columns_become_drop_downs_whose_options_hold_every_value_of_the_portal(sandbox: dict[str, str]) -> None:
    define_held_columns(sandbox["base_url"], sandbox["access_token"], OWNED)
    tier = definition(sandbox, "abm_tier")
    assert (tier["type"], tier["fieldType"]) == ("enumeration", "select")
    assert {option["value"] for option in tier["options"]} == {
        "tier_1",
        "tier_2",
        "tier_3",
        "tier_4",
        "tier_5",
        "none",
    }
    for name in held_columns():
        assert definition(sandbox, name)["type"] == "enumeration", name


def test_refusal_is_an_error_of_ours_without_the_token(sandbox: dict[str, str]) -> None:
    with pytest.raises(CrmsyncError, match="refused") as refused:
        define_held_columns(sandbox["base_url"], "pat-eu1-not-a-token", OWNED)
    assert "not-a-token" not in str(refused.value)


def test_nobody_there_is_an_error_of_ours() -> None:
    with pytest.raises(CrmsyncError, match="does not answer"):
        define_held_columns("http://127.0.0.1:9", "any", OWNED)
