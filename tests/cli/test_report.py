"""`crmsync report` as a person calls it: formats, files, one company, and clear words for what was typed wrongly."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.desk import AS_OF, Command, Desk

PROGRAM = """\
program: two
icp: {industry: {in: [MACHINERY, RETAIL]}}
tiers:
  layers:
    tier_2: icp
    tier_1: {revenue: {gte: 1_000_000}}
gaps: {forms: [revenue]}
"""


@pytest.fixture
def two(bare: Desk) -> Desk:
    """Anvil is tier_1; Bellows has no revenue, without which it is tier_2."""
    (bare.config / "program.yaml").write_text(PROGRAM, encoding="utf-8")
    return bare


def test_markdown_is_what_a_terminal_shows(two: Desk, run: Command) -> None:
    done = run(two, "report", "gaps", *AS_OF)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("# Data gaps\n")
    assert "1 account held back, 1 tier to gain with everything filled." in done.out
    assert two.writes() == 0


def test_json_is_one_document_with_the_same_figures(two: Desk, run: Command) -> None:
    done = run(two, "report", "gaps", "--json", *AS_OF)
    assert done.code == 0
    assert done.document["as_of"] == "2026-11-01T00:00:00+00:00"
    assert done.document["fields"] == [
        {"field": "revenue", "accounts": 1, "alone": 1, "together": 1, "fills": ["sales", "forms"]}
    ]
    (account,) = done.document["accounts"]
    assert (account["id"], account["name"], account["now"], account["alone"]) == ("2", "Bellows", "tier_2", "tier_1")


@pytest.mark.parametrize(
    ("name", "start"),
    [("gaps.csv", "field,fills,id,"), ("gaps.html", "<!doctype html>"), ("deep/gaps.md", "# Data gaps")],
)
def test_the_suffix_of_the_file_says_how(two: Desk, run: Command, tmp_path: Path, name: str, start: str) -> None:
    out = tmp_path / name
    done = run(two, "report", "gaps", "--out", str(out), *AS_OF)
    assert (done.code, done.out) == (0, "")
    assert f"Written to {out}." in done.err.replace("\n", "")
    assert out.read_text(encoding="utf-8").startswith(start)


def test_a_format_that_is_named_goes_to_stdout_as_it_is(two: Desk, run: Command) -> None:
    rows = list(csv.DictReader(StringIO(run(two, "report", "gaps", "--format", "csv", *AS_OF).out)))
    assert [(row["id"], row["field"]) for row in rows] == [("2", "revenue")]
    assert run(two, "report", "coverage", "--format", "HTML", *AS_OF).out.startswith("<!doctype html>")


def test_one_company_by_its_id(two: Desk, run: Command) -> None:
    done = run(two, "report", "gaps", "--company", "company:2", "--json", *AS_OF)
    assert [row["id"] for row in done.document["accounts"]] == ["2"]
    done = run(two, "report", "coverage", "--company", "1", *AS_OF)
    assert done.code == 0
    assert done.out.startswith("# Coverage of Anvil\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("coverage", "--company", "999"), "no company has the id 999"),
        (("gaps", "--company", "999"), "no company has the id 999"),
        (("gaps", "--company", "contact:9"), "--company contact:9: that is a contact"),
        (("gaps", "--company", "deal:9"), "an id looks like 123, company:123 or contact:9"),
        (("gaps", "--format", "pdf"), "--format pdf: expected one of markdown, html, csv."),
        (("gaps", "--out", "gaps.pdf"), "--out gaps.pdf: say --format"),
        (("coverage", "--as-of", "soon"), "--as-of soon: expected a date"),
    ],
)
def test_what_was_typed_wrongly_gives_one_clear_error(
    two: Desk, run: Command, arguments: tuple[str, ...], said: str
) -> None:
    done = run(two, "report", *arguments)
    assert (done.code, done.out) == (1, "")
    assert said in done.err
    assert "fault of its own" not in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert run(two, "report", *arguments, "--json").document["exit_code"] == 1


def test_a_file_that_cannot_be_written_is_said(two: Desk, run: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, not a folder")
    done = run(two, "report", "gaps", "--out", str(tmp_path / "taken" / "gaps.csv"), *AS_OF)
    assert done.code == 1
    assert "cannot be written" in done.err


def test_a_second_report_asks_the_crm_for_nothing(two: Desk, run: Command) -> None:
    run(two, "report", "coverage", *AS_OF)
    before = two.calls()
    assert run(two, "report", "gaps", *AS_OF).code == 0
    assert two.calls() == before
