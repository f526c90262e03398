"""A store that cannot be used: one message, and the CRM is left alone."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tests.badinput.conftest import shell
from tests.cli.desk import ACCEPT, Command, Desk, copy_config


def test_a_store_locked_by_another_process_is_told(bare: Desk, run: Command) -> None:
    assert run(bare, "plan").code == 2
    other = sqlite3.connect(bare.config.parent / "state" / "crmsync.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        result = run(bare, "sync", *ACCEPT)
    finally:
        other.close()
    assert result.code == 1
    assert "is locked by another process" in result.err
    assert bare.writes() == 0


def test_a_full_disk_is_told_and_nothing_is_written_to_the_crm(bare: Desk) -> None:
    # The size limit of a file (in KiB) stands in for the disk's end; the signal would kill the process instead.
    result = shell(bare.config, "sync", *ACCEPT, before="trap '' XFSZ; ulimit -f 64;")
    assert result.code == 1
    assert "the store" in result.err
    assert "Traceback" not in result.err
    assert bare.writes() == 0


def test_a_state_folder_that_is_a_file_is_told(bare: Desk, run: Command, tmp_path: Path) -> None:
    config = copy_config(bare, tmp_path / "copy")
    (config.parent / "state").write_text("in the way")
    result = run(config, "plan")
    assert result.code == 1
    assert "cannot be made or written" in result.err


def test_a_reader_that_goes_away_leaves_no_traceback(bare: Desk) -> None:
    result = shell(bare.config, "plan", after="| head -n 1")
    assert len(result.out.splitlines()) == 1
    assert "Traceback" not in result.err
    assert "Exception ignored" not in result.err
