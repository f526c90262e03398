"""Whatever is wrong: what, where and what to do, exit code 1, and nothing half written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from crmsync.cli.commands import command
from crmsync.cli.face import Face
from crmsync.errors import ExitCode
from tests.cli.desk import ACCEPT, AS_OF, Command, Desk, copy_config


def replaced(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


PROGRAM_FAULTS = {
    "broken YAML": (replaced("conditions:", "conditions: {"), r"program\.yaml:\d+"),
    "unknown field": (replaced("{employees: {between", "{employes: {between"), r"employes.*Did you mean employees\?"),
    "unknown operator": (replaced("{between: [50,", "{betwen: [50,"), r"betwen.*[Dd]id you mean between\?"),
    "unknown tier": (replaced("from: [tier_1,", "from: [tier_9,"), r"tier_9"),
    "tier twice": (replaced("    tier_4:", "    tier_5: icp\n    tier_4:"), r"tier_5"),
}


@pytest.mark.parametrize("name", PROGRAM_FAULTS)
@pytest.mark.parametrize("asked", ["check", "plan"])
def test_a_faulty_program_is_told_by_file_and_line(
    name: str, asked: str, bare: Desk, run: Command, tmp_path: Path
) -> None:
    change, message = PROGRAM_FAULTS[name]
    config = copy_config(bare, tmp_path / "broken")
    program = config / "program.yaml"
    program.write_text(change(program.read_text(encoding="utf-8")), encoding="utf-8")
    result = run(config, asked)
    said = result.out + result.err
    assert result.code == 1
    assert re.search(message, said)
    assert re.search(r"program\.yaml:\d+", said)
    assert "Traceback" not in said


def test_every_fault_is_told_at_once_and_counted(bare: Desk, run: Command, tmp_path: Path) -> None:
    config = copy_config(bare, tmp_path / "broken")
    program = config / "program.yaml"
    text = program.read_text(encoding="utf-8").replace("{employees: {between", "{employes: {between", 1)
    program.write_text(text.replace("from: [tier_1,", "from: [tier_9,"), encoding="utf-8")
    result = run(config, "plan", "--json")
    assert result.err.strip().splitlines()[-1] == "2 faults; nothing was read or written."
    assert len(result.document["faults"]) == 2
    assert result.document["exit_code"] == 1


def test_no_config_says_how_to_get_one(run: Command, tmp_path: Path) -> None:
    result = run(tmp_path / "nowhere", "plan")
    assert (result.code, "crmsync init" in result.err) == (1, True)


def test_a_missing_token_names_the_variable(
    bare: Desk, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("A_TOKEN_THAT_IS_NOT_SET", raising=False)
    config = copy_config(bare, tmp_path / "broken")
    file = config / "crmsync.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("file:token", "env:A_TOKEN_THAT_IS_NOT_SET"))
    for asked in ("check", "plan"):
        result = run(config, asked)
        assert result.code == 1
        assert "A_TOKEN_THAT_IS_NOT_SET" in result.out + result.err


def test_a_wrong_token_is_told_without_it(bare: Desk, run: Command, tmp_path: Path) -> None:
    config = copy_config(bare, tmp_path / "broken")
    (config / "token").write_text("pat-eu1-not-this-one")
    result = run(config, "plan")
    assert result.code == 1
    assert "not-this-one" not in result.out + result.err
    assert result.err.strip()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["plann"], "No such command 'plann'"),
        (["plan", "--nonsense"], "No such option"),
        (["explain"], "Missing argument"),
        (["explain", "deal:4"], "company:123 or contact:9"),
        (["plan", "--company", "contact:9"], "is not a company"),
        (["plan", "--as-of", "yesterday"], "expected a date such as 2026-11-01"),
        (["plan", "--format", "xml"], "expected one of text, markdown, html, csv, json"),
        (["plan", "--out", "plan.xls"], "say --format"),
        (["apply", "p-nope"], "there is no plan p-nope"),
        (["apply", "nope.json"], "cannot be read"),
        (["undo", "r-nope"], "there is no run r-nope"),
        (["run", "r-nope"], "there is no run r-nope"),
        (["dead-letters", "burn"], "expected retry or dismiss"),
        (["dead-letters", "retry", "x"], "is not a number"),
        (["dead-letters", "retry", "7"], "there is no open dead letter 7"),
        (["plan", "--portal", "nope"], "no portal is named nope"),
    ],
)
def test_what_is_typed_wrongly_is_one_message_and_exit_code_1(
    arguments: list[str], said: str, bare: Desk, run: Command
) -> None:
    result = run(bare, *arguments)
    assert result.code == 1
    assert said in result.err
    assert "Traceback" not in result.err
    assert bare.writes() == 0


def test_a_broken_chain_ends_1_and_names_the_entry(bare: Desk, run: Command) -> None:
    assert run(bare, "sync", *AS_OF, *ACCEPT).code == 0
    assert run(bare, "runs", "--verify").code == 0
    store = sqlite3.connect(bare.config.parent / "state" / "crmsync.db")
    try:
        # Whoever can write the file can drop the guard against it; the chain is what tells.
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            store.execute(f'DROP TRIGGER "{name}"')
        store.execute("UPDATE ledger SET after = 'tier_1' WHERE seq = 3")
        store.commit()
    finally:
        store.close()
    result = run(bare, "runs", "--verify")
    assert result.code == 1
    assert "entry 3" in result.err


def test_init_writes_a_config_that_checks_and_never_overwrites(run: Command, tmp_path: Path) -> None:
    result = run(None, "init", str(tmp_path / "mine"))
    assert result.code == 0
    assert "crmsync check --config" in result.out
    assert (tmp_path / "mine/config/crmsync.yaml").is_file()
    assert (tmp_path / "mine/mappings/hubspot.yaml").is_file()
    mine = tmp_path / "mine/config/program.yaml"
    mine.write_text("mine")
    again = run(None, "init", str(tmp_path / "mine"))
    assert (again.code, mine.read_text()) == (1, "mine")
    assert "nothing was written" in again.err


def test_a_fault_of_our_own_is_one_line_that_says_how_to_see_more(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    app = typer.Typer()

    def broken(_face: Face) -> int:
        raise KeyError("someone@example.com lost a key")

    def sound(_face: Face) -> int:
        return ExitCode.DONE

    command(app, "broken")(broken)
    command(app, "sound")(sound)
    assert app(["broken"], standalone_mode=False) == 1
    said = capsys.readouterr().err
    assert len(said.strip().splitlines()) == 1
    assert "--debug" in said
    assert "someone@example.com" not in said
    assert app(["broken", "--debug"], standalone_mode=False) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "someone@example.com" not in said
