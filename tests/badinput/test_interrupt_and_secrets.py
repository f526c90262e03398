"""Stopping a command by hand is safe and says so; tokens and e-mail addresses stay where they belong."""

from __future__ import annotations

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
import requests

from crmsync import demo
from tests.badinput.conftest import shell
from tests.cli.desk import ACCEPT, AS_OF, Command, Desk, copy_config

#: Tables that hold the CRM's own records.
MIRROR = ("records", "owners", "associations")


def test_ctrl_c_during_a_plan_says_what_is_safe_and_ends_130(bare: Desk) -> None:
    bare.faults({"match": {"path": "/crm/"}, "fault": "slow", "rate": 1.0})
    typed = [sys.executable, "-m", "crmsync.cli", "plan", "--config", str(bare.config)]
    process = subprocess.Popen(typed, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        while not requests.get(f"{bare.server.base_url}/_sandbox/requests", timeout=10).json():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130
    assert "running the same command again is safe" in err
    assert "Traceback" not in out + err
    assert bare.writes() == 0


def test_a_whole_run_shows_no_token_and_no_address_of_a_contact(desk: Desk) -> None:
    # Each line with everything that crmsync is willing to say.
    lines = [["check"], ["plan"], ["sync", *ACCEPT], ["runs"], ["explain", "1001"], ["dead-letters"]]
    said = ""
    for line in lines:
        dated = AS_OF if line[0] in ("plan", "sync", "explain") else ()
        result = shell(desk.config, *line, *dated, "-vv", "--debug")
        said += result.out + result.err
    store = sqlite3.connect(desk.config.parent / "state" / "crmsync.db")
    try:
        tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            if table not in MIRROR:
                said += "\n".join(repr(row) for row in store.execute(f'SELECT * FROM "{table}"'))
    finally:
        store.close()
    with (demo.PORTAL / "contacts.csv").open(encoding="utf-8", newline="") as file:
        addresses = [row["email"] for row in csv.DictReader(file) if row["email"]]
    assert len(addresses) > 100
    assert desk.server.access_token not in said
    assert [address for address in addresses if address in said] == []


@pytest.mark.parametrize(
    "asked",
    [
        ["plan"],
        ["check"],
        ["runs"],
        ["dead-letters"],
        ["apply"],
        ["run", "r-nope"],
        ["history", "999"],
        ["explain", "999"],
        ["undo", "r-nope"],
        ["dead-letters", "retry", "999"],
        ["resync", "--company", "999", "--reason", "asked"],
        ["plan", "--as-of", "yesterday"],
        ["plan", "--bogus"],
        ["plann"],
    ],
)
def test_json_is_exactly_one_document_on_errors_too(asked: list[str], bare: Desk, run: Command) -> None:
    result = run(bare, *asked, "--json")
    document = json.loads(result.out)
    assert ("error" in document) == (result.code == 1)


def test_a_program_that_is_not_utf_8_is_named(bare: Desk, run: Command) -> None:
    config = copy_config(bare, bare.config.parent.parent / "copy")
    (config / "program.yaml").write_bytes(b"program: caf\xe9\n")
    result = run(config, "plan")
    assert (result.code, "save it as UTF-8" in result.err) == (1, True)


def test_a_layer_that_can_never_be_true_is_told_with_both_lines(bare: Desk, run: Command) -> None:
    config = copy_config(bare, bare.config.parent.parent / "copy")
    program = config / "program.yaml"
    old, new = "tier_2: {country: {in: [DE, AT, CH, FR, ES]}}", "tier_2: {employees: {lt: 50}}"
    text = program.read_text(encoding="utf-8")
    assert old in text
    program.write_text(text.replace(old, new), encoding="utf-8")
    result = run(config, "plan")
    assert result.code == 1
    assert "tiers.layers.tier_2: this layer can never be true" in result.err
    assert bare.writes() == 0
