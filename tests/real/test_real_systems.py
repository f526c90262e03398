"""The 1,000 largest US companies with every system on: what lands over HTTP equals a count by the standard library.

The data is not part of the project: the tests are skipped where `../shared/data/portal` is missing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmsync.engine.context import open_context
from crmsync.engine.sync import sync
from crmsync.normalize.defaults import mappings_dir
from crmsync.normalize.titles import TitleVocabulary
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.portals import all_records, project
from tests.real.stdlib_counts import AS_OF, Account, Contact, Portal, Titles, read, spread, with_a_past

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "portal"
PROGRAM = Path(__file__).parent / "program_all.yaml"
SHOWN = 10

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/portal is not there")

# Results without members in the portal as it is: its deals were all won within a year, or more than three years ago.
MISSING_AS_IT_IS = {"strategic", "core"}


def _titles(folder: Path) -> Titles:
    """Seniority and department of every title: the one thing that is not counted again but read by the vocabulary."""
    titles = sorted({row["jobtitle"].strip() for row in read(folder, "contacts")} - {""})
    known = TitleVocabulary.load(mappings_dir() / "titles").classify_unique(pl.Series(titles))
    return {title: (level, department) for title, level, department in known.select(known.columns[:3]).rows()}


@pytest.fixture(scope="module", params=["as it is", "with a past"])
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if request.param == "as it is":
        return DATA
    return with_a_past(DATA, tmp_path_factory.mktemp("portal") / "past")


@pytest.fixture(scope="module")
def expected(portal: Path) -> tuple[dict[str, Account], dict[str, Contact]]:
    counted = Portal(portal, _titles(portal))
    return counted.accounts(), counted.persons()


@pytest.fixture(scope="module")
def server(portal: Path) -> Iterator[SandboxServer]:
    # The test reads everything back page by page, faster than HubSpot would let it.
    with SandboxServer(portal, rate="10000/10s") as running:
        yield running


def _differences(
    wanted: dict[str, Account] | dict[str, Contact], found: dict[str, dict[str, str | None]]
) -> dict[str, list[str]]:
    """By property, the first records that say something else, in a form that can be looked up."""
    differing: dict[str, list[str]] = {}
    for id_, one in wanted.items():
        for name, value in asdict(one).items():
            said = found[id_][f"abm_{name}"] or None
            if said != (None if value is None else str(value)):
                differing.setdefault(name, []).append(f"{id_}: counted {value}, landed {said}")
    return {name: [f"{len(lines)} differ", *lines[:SHOWN]] for name, lines in differing.items()}


def _landed(server: SandboxServer, object_: str, kind: type[Any]) -> dict[str, dict[str, str | None]]:
    return all_records(server, object_, [f"abm_{one.name}" for one in fields(kind)])


def test_every_result_of_the_programme_has_members(
    portal: Path, expected: tuple[dict[str, Account], dict[str, Contact]]
) -> None:
    """Otherwise the comparison below would say little."""
    accounts, contacts = expected
    missing = MISSING_AS_IT_IS if portal == DATA else set()
    assert set(spread(accounts, "checklist_tier")) == {"global", "tier_1", "tier_2", "tier_3", "tier_4", "none"}
    assert set(spread(accounts, "category")) == {"a", "b", "c", "None"}
    assert set(spread(accounts, "management_mismatch")) == {"needs_owner", "owned_c", "None"}
    assert set(spread(accounts, "relationship")) == {"strategic", "core", "beachhead", "greenfield"} - missing
    assert set(spread(accounts, "coverage_model")) == {
        "global", "strategic", "customer_success", "account_manager", "self_service", "None",
    }  # fmt: skip
    assert {"0", "1", "5", "10"} <= set(spread(accounts, "names_known"))
    assert {"0", "1", "2", "3"} <= set(spread(accounts, "departments_covered"))
    assert set(spread(accounts, "names_needed")) == {"0", "1", "2", "3", "4", "5", "None"}
    assert set(spread(contacts, "interest")) == {"high", "medium", "low", "None"}


def test_what_lands_equals_a_count_by_the_standard_library(
    portal: Path,
    expected: tuple[dict[str, Account], dict[str, Contact]],
    server: SandboxServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    accounts, contacts = expected
    config = project(tmp_path, server, PROGRAM, monkeypatch)
    if portal != DATA:
        mapping = tmp_path / "mappings" / "hubspot.yaml"
        text = mapping.read_text(encoding="utf-8")
        assert text.count("deal:\n  read:\n") == 1
        mapping.write_text(text.replace("deal:\n  read:\n", "deal:\n  read:\n    product: product\n"), encoding="utf-8")
    with open_context(config) as ctx:
        first = sync(ctx, as_of=AS_OF)
        assert first.applied is not None
        assert first.applied.exit_code == 0
        assert _differences(accounts, _landed(server, "companies", Account)) == {}
        assert _differences(contacts, _landed(server, "contacts", Contact)) == {}
        tiers = all_records(server, "companies", ["abm_tier", "abm_checklist_tier"])
        assert all(one["abm_tier"] == one["abm_checklist_tier"] for one in tiers.values()), "the checklist writes it"
        again = sync(ctx, as_of=AS_OF)
        assert again.applied is None, "a sync that changes nothing writes nothing"
    if report := os.environ.get("CRMSYNC_REPORT"):
        counts = {one.name: spread(accounts, one.name) for one in fields(Account)}
        Path(report).write_text(json.dumps(counts, indent=1) + "\n", encoding="utf-8")
