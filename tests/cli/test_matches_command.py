"""`crmsync matches`: the newest plan's lists as a person reads them, and decisions that the next plan takes up."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmsync.cli.matches import matched_lines, undecided
from crmsync.config.matches import load_decided
from crmsync.engine.context import open_context
from crmsync.errors import ExitCode
from crmsync.model.decided import Decided
from crmsync.model.plan import CHANGE_SCHEMA, Plan
from crmsync.normalize.defaults import mappings_dir
from tests.cli.desk import Command

ANVIL, ZEPHYR = "001A0000006Vm9uIAC", "001A0000006Vm9rIAC"
AT = datetime(2026, 11, 1, tzinfo=UTC)
TOGETHER: dict[str, Any] = {
    "sides": {"left": "HubSpot", "right": "Salesforce"},
    "matched": {"company": {"native": 1_200, "name_place": 3}, "contact": {}},
    "review": [
        {"object": "company", "left": "101", "right": ANVIL, "score": 0.7, "why": "same name, but no place",
         "left_name": "Anvil", "right_name": "Anvil Inc."},
        {"object": "company", "left": "101", "right": ZEPHYR, "score": 0.5, "why": "like names",
         "left_name": "Anvil", "right_name": None},
    ],
    "review_total": 2,
    "disagreements": [
        {"object": "company", "id": "101", "field": "industry", "left": "RETAIL", "right": "BANKING", "kept": "RETAIL"}
    ],
    "disagreements_total": 1,
}  # fmt: skip


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A portal with both CRMs, neither of which is there to answer."""
    shutil.copytree(mappings_dir(), tmp_path / "mappings")
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "program.yaml").write_text("program: small\ncurrency: USD\nicp: {industry: {in: [RETAIL]}}\n")
    (folder / "secret").write_text("opens-nothing")
    (folder / "crmsync.yaml").write_text(
        "portals:\n  main:\n"
        "    hubspot: {base_url: 'http://127.0.0.1:9', token: file:secret}\n"
        "    salesforce: {base_url: 'https://127.0.0.1:9', consumer_key: file:secret, consumer_secret: file:secret}\n"
    )
    return folder


def _planned(config: Path, together: dict[str, Any] | None) -> None:
    plan = Plan(
        id="p-1", portal="main", kind="sync", as_of="2026-11-01T00:00:00+00:00", program="small",
        created_at="2026-11-01T08:30:00+00:00", changes=pl.DataFrame(schema=CHANGE_SCHEMA), basis={},
        summary={"together": together} if together is not None else {},
    )  # fmt: skip
    with open_context(config) as context:
        context.store.plans.save(plan, AT)


def test_the_newest_plan_tells_what_is_in_both(config: Path, run: Command) -> None:
    _planned(config, TOGETHER)
    said = run(config, "matches")
    assert said.code == ExitCode.DONE
    # A table's cells are padded to the width of their column.
    assert "\n".join(line.rstrip() for line in said.out.split("\n")) == (
        """\
As of plan p-1, 2026-11-01 08:30
company       1,203 in both CRMs   (name place 3, native 1,200)
contact           0 in both CRMs

2 pairs may be the same, and nobody guesses
         score  HubSpot    Salesforce                     why
company  0.70   Anvil 101  Anvil Inc. 001A0000006Vm9uIAC  same name, but no place
company  0.50   Anvil 101  001A0000006Vm9rIAC             like names
Decide with: crmsync matches --same ID ID   or: crmsync matches --different ID ID

1 value on which the CRMs disagree
         id   field     HubSpot  Salesforce
company  101  industry  RETAIL   BANKING
Whose value counts is under together in crmsync.yaml.
"""
    )


def test_each_list_comes_alone_and_as_one_document(config: Path, run: Command) -> None:
    _planned(config, TOGETHER)
    assert "disagree" not in run(config, "matches", "--review").out
    assert "nobody guesses" not in run(config, "matches", "--disagreements").out
    document = json.loads(run(config, "matches", "--json").out)
    assert document["review"] == TOGETHER["review"]
    assert document["disagreements"] == TOGETHER["disagreements"]
    assert document["matched"] == TOGETHER["matched"]
    assert "review" not in json.loads(run(config, "matches", "--disagreements", "--json").out)


def test_a_long_list_says_how_much_is_left(config: Path, run: Command) -> None:
    _planned(config, TOGETHER | {"review_total": 12_000})
    said = run(config, "matches", "--review", "--limit", "1").out
    assert "12,000 pairs" in said
    assert "and 11,999 more" in said


def test_nothing_to_decide_is_said(config: Path, run: Command) -> None:
    _planned(config, TOGETHER | {"review": [], "review_total": 0, "disagreements": [], "disagreements_total": 0})
    said = run(config, "matches").out
    assert "Nothing to decide." in said
    assert "The CRMs agree on every value that both have." in said


def test_a_decision_is_kept_and_leaves_the_list(config: Path, run: Command) -> None:
    _planned(config, TOGETHER)
    said = run(config, "matches", "--different", ZEPHYR, "company:101")
    assert (said.code, said.out) == (
        ExitCode.DONE,
        f"101 and {ZEPHYR} are not the same; the next plan takes that up.\n",
    )
    assert load_decided(config / "matches.yaml") == Decided(different=(("101", ZEPHYR),))
    left = run(config, "matches", "--review").out
    assert ZEPHYR not in left
    assert "1 pair may be the same" in left
    assert "1 pair decided since" in left
    assert "known already" in run(config, "matches", "--different", "101", ZEPHYR).out


def test_an_id_of_15_letters_is_kept_as_the_crm_spells_it(config: Path, run: Command) -> None:
    run(config, "matches", "--same", "101", ANVIL[:15])
    assert load_decided(config / "matches.yaml").same == (("101", ANVIL),)


@pytest.mark.parametrize("ids", [("101", "102"), (ANVIL, ZEPHYR), ("101", "x")])
def test_a_pair_is_one_of_each_crm(config: Path, run: Command, ids: tuple[str, str]) -> None:
    said = run(config, "matches", "--same", *ids)
    assert said.code == ExitCode.ERROR
    assert said.err == f"{ids[0]} {ids[1]}: expected one id of HubSpot and one of Salesforce.\n"
    assert not (config / "matches.yaml").exists()


def test_a_contradiction_is_refused(config: Path, run: Command) -> None:
    run(config, "matches", "--same", "101", ANVIL)
    said = run(config, "matches", "--same", "101", ZEPHYR)
    assert said.code == ExitCode.ERROR
    assert "101 is in two pairs" in said.err
    assert load_decided(config / "matches.yaml").same == (("101", ANVIL),)


def test_before_any_plan_there_is_nothing_to_show(config: Path, run: Command) -> None:
    said = run(config, "matches")
    assert said.code == ExitCode.ERROR
    assert said.err == "no plan yet, so nothing was matched. Start with: crmsync plan\n"


def test_one_crm_has_nothing_to_match(config: Path, run: Command) -> None:
    text = (config / "crmsync.yaml").read_text()
    (config / "crmsync.yaml").write_text("".join(line for line in text.splitlines(True) if "salesforce:" not in line))
    said = run(config, "matches")
    assert said.code == ExitCode.ERROR
    assert said.err == "portal main has one CRM; there is nothing to match.\n"


def test_a_pair_decided_the_same_settles_what_else_its_records_were_asked_of() -> None:
    rows = TOGETHER["review"] + [{"object": "contact", "left": "101", "right": "003A0000006Vm9tIAC"}]
    waiting, done = undecided(rows, Decided(same=((ANVIL, "101"),)))
    assert [row["object"] for row in waiting] == ["contact"]
    assert done == 2


def test_objects_without_a_pair_are_told_too() -> None:
    assert matched_lines({"deal": {}}) == ["deal              0 in both CRMs"]
