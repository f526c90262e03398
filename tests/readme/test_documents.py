"""Every code block of the documents that a newcomer reads is run, loaded, or named with the reason why not."""

from __future__ import annotations

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from crmsync.assess import run as assessment
from crmsync.config.connections import load_config
from crmsync.program.loader import load_program_text

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "docs/program.md", "docs/connecting-hubspot.md")
PORTAL = ROOT / "src/crmsync/demo/portal"
BASE = """program: base
icp: {employees: {gte: 25}}
tiers: {layers: {tier_2: icp, tier_1: {revenue: {gte: 5_000_000}}}}
"""
# Shell lines that do not run here, each with its reason; what can be checked of them is checked below.
NOT_RUN = {
    "make demo": "builds an environment; its one command, crmsync demo, runs in another block",
    "make test": "would run this test again",
    "export HUBSPOT_ACCESS_TOKEN=...": "the sandbox's token stands in for it",
}
RUN_ID = r"r-\d{8}-\d{6}-[0-9a-f]{4}"


def blocks(document: str) -> list[tuple[str, str]]:
    text = (ROOT / document).read_text(encoding="utf-8")
    return [(info.strip(), body) for info, body in re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.M | re.S)]


ALL = [(document, info, body) for document in DOCUMENTS for info, body in blocks(document)]


def of(info: str) -> list[str]:
    return [body for _, found, body in ALL if found == info]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {info for _, info, _ in ALL} == {
        "console", "sh", "mermaid", "yaml program", "yaml fragment", "yaml config",
    }  # fmt: skip


def test_shell_lines_that_do_not_run_here_are_listed_and_their_targets_exist() -> None:
    lines = {line for body in of("sh") for line in body.splitlines() if line}
    assert lines == set(NOT_RUN)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for line in lines:
        if line.startswith("make "):
            assert re.search(rf"^{line.removeprefix('make ')}:", makefile, re.M)


def test_the_picture_shows_the_one_way_through_the_house() -> None:
    (picture,) = of("mermaid")
    assert "mirror --> snapshot --> assess --> plan --> guard --> apply --> ledger" in picture


EVERY_SYSTEM = """\
checklist: {boxes: {pricing: off}}
category: {}
relationship: {}
strategic_accounts: {}
names: {}
gaps: {}
"""


def test_the_tables_of_properties_are_what_the_packaged_program_owns_alone_and_with_every_system() -> None:
    text = (ROOT / "config/program.yaml").read_text(encoding="utf-8")
    first, second = (ROOT / "README.md").read_text(encoding="utf-8").split("These come with the systems")
    assert _shown(first) == _owned(text) | {("company", "abm_last_run")}
    assert _shown(second) == _owned(text + EVERY_SYSTEM) - _owned(text)


def _owned(text: str) -> set[tuple[str, str]]:
    program = load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())
    return {(output.object, f"abm_{output.name}") for output in assessment.outputs(program)}


def _shown(readme: str) -> set[tuple[str, str]]:
    rows = re.findall(r"^\| (company|contact) \| ([^|]+) \|", readme, re.M)
    return {(object_, name) for object_, names in rows for name in re.findall(r"`(\w+)`", names)}


@pytest.mark.parametrize("text", of("yaml program"))
def test_a_program_shown_loads(text: str) -> None:
    load_program_text(text, "document", assessment.sections(), outputs=assessment.list_names())


@pytest.mark.parametrize("text", of("yaml fragment"))
def test_a_part_of_a_program_shown_loads_beside_tiers(text: str) -> None:
    load_program_text(BASE + text, "document", assessment.sections(), outputs=assessment.list_names())


@pytest.mark.parametrize("text", of("yaml config"))
def test_a_configuration_shown_loads(text: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    (tmp_path / "config/crmsync.yaml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path / "config").portal().scope is not None


@pytest.mark.parametrize("document", [name for name in DOCUMENTS if any(i == "console" for i, _ in blocks(name))])
def test_what_is_typed_shows_what_is_printed(document: str, tmp_path: Path) -> None:
    run = "r-none"
    with sandbox(tmp_path) as (url, token):
        for command, expected in commands(document):
            typed = re.sub(RUN_ID, run, command)
            code, shown = crmsync(typed, tmp_path, token)
            assert code in (0, 2), f"{typed}: {code}\n{shown}"
            assert matches(expected.splitlines(), shown.splitlines()), f"{typed}\n{shown}"
            if " apply " in command:
                run = re.findall(RUN_ID, shown)[0]
            if " init " in command:
                point_at(tmp_path / "my-crm/config/crmsync.yaml", url)


def commands(document: str) -> list[tuple[str, str]]:
    pairs = []
    for info, body in blocks(document):
        if info == "console":
            pairs += re.findall(r"^\$ ([^\n]+)\n(.*?)(?=^\$ |\Z)", body, re.M | re.S)
    return pairs


def crmsync(command: str, folder: Path, token: str) -> tuple[int, str]:
    program, *arguments = shlex.split(command)
    assert program == "crmsync"
    environment = os.environ | {"HUBSPOT_ACCESS_TOKEN": token, "COLUMNS": "120", "PYTHONUTF8": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "crmsync.cli", *arguments],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", timeout=100, check=False,
    )  # fmt: skip
    # A terminal shows both streams.
    return done.returncode, done.stdout + "\n" + done.stderr if done.stderr else done.stdout


def point_at(config: Path, url: str) -> None:
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace("https://api.hubapi.com", url), encoding="utf-8")


@contextmanager
def sandbox(folder: Path) -> Iterator[tuple[str, str]]:
    """The demo's portal without the decisions of earlier runs, as a first run finds it."""
    data = folder / "portal"
    shutil.copytree(PORTAL, data)
    with (PORTAL / "companies.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if not name.startswith("abm_")]
    with (data / "companies.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    command = [sys.executable, "-m", "crmsync.sandbox", "hubspot", "--data", str(data), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            ready = json.loads(process.stdout.readline())
            yield ready["base_url"], ready["access_token"]
        finally:
            process.terminate()
            process.wait(30)


def normal(line: str) -> str:
    line = re.sub(r"\b[pr]-\d{8}-\d{6}-[0-9a-f]{4}\b", "ID", line)
    return " ".join(re.sub(r"\d+\.\d s\b", "SECONDS", line).split())


def matches(expected: list[str], shown: list[str]) -> bool:
    """Lines in order: `...` alone stands for any lines, at a line's end for the rest of it; blank lines are free."""
    want = [normal(line) for line in expected if line.strip()]
    got = [normal(line) for line in shown if line.strip()]
    if not want:
        return not got
    if want[0] == "...":
        rest = want[1:]
        return not rest or any(matches(rest, got[start:]) for start in range(len(got)))
    return bool(got) and same(want[0], got[0]) and matches(want[1:], got[1:])


def same(want: str, got: str) -> bool:
    return got.startswith(want.removesuffix(" ...")) if want.endswith(" ...") else got == want


@pytest.mark.parametrize(
    ("expected", "shown", "holds"),
    [
        (["a", "...", "d"], ["a", "b", "c", "d"], True),
        (["a", "d"], ["a", "b", "d"], False),
        (["a ..."], ["a and more"], True),
        (["a"], ["a and more"], False),
        (["...", "b"], ["b", "c"], False),
        (["Run r-20261101-090000-4e72: 0.2 s"], ["Run r-20261231-235959-0000: 7.1 s"], True),
    ],
)
def test_a_shown_output_is_compared_line_by_line(expected: list[str], shown: list[str], holds: bool) -> None:
    assert matches(expected, shown) is holds
