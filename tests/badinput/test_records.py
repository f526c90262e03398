"""A record that is wrong, missing or twice there stops nothing and is named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from crmsync.sandbox.hubspot.server import SandboxServer
from tests.cli.desk import ACCEPT, Command, Desk, make_desk

HEADER = "hs_object_id,name,domain,industry,country,annualrevenue,numberofemployees\n"


def desk_with(folder: Path, rows: str) -> Iterator[Desk]:
    data = folder / "data"
    data.mkdir()
    (data / "companies.csv").write_text(HEADER + rows, encoding="utf-8")
    with SandboxServer(data) as server:
        yield make_desk(server, folder / "here")


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[Desk]:
    """Two companies of one domain, the second with a revenue that no reader can be sure of."""
    rows = "1,Anvil,anvil.example,MACHINERY,Germany,9000000,90\n"
    yield from desk_with(tmp_path, rows + '2,Anvil GmbH,anvil.example,MACHINERY,Germany,"12,5 M€",90\n')


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Desk]:
    yield from desk_with(tmp_path, "")


def test_unreadable_revenue_is_unknown_and_listed_and_the_others_land(odd: Desk, run: Command) -> None:
    result = run(odd, "plan")
    assert result.code == 2
    assert re.search(r"Unreadable, so unknown: .*Anvil GmbH revenue", result.out)
    assert run(odd, "sync", *ACCEPT).code == 0
    # The first is a machine maker in Germany, 9 M, 90 people, technologies unknown; the second stops below revenue.
    assert odd.company("1", "abm_tier")["abm_tier"] == "tier_2"
    assert odd.company("2", "abm_tier")["abm_tier"] == "tier_5"
    assert "revenue" in str(odd.company("2", "abm_data_gaps")["abm_data_gaps"]).split(";")


def test_two_companies_of_one_domain_are_listed_as_probable_duplicates(odd: Desk, run: Command) -> None:
    said = run(odd, "plan").out
    assert "duplicate" in said
    assert "anvil.example" in said


def test_a_portal_without_companies_is_an_empty_plan_that_says_so(empty: Desk, run: Command) -> None:
    result = run(empty, "plan")
    assert "no companies" in (result.out + result.err).lower()
    assert empty.writes() == 0


@pytest.mark.parametrize("asked", [["plan", "--company"], ["explain"], ["resync", "--reason", "asked", "--company"]])
def test_a_company_that_does_not_exist_is_named(asked: list[str], odd: Desk, run: Command) -> None:
    result = run(odd, *asked, "999")
    assert result.code == 1
    assert "999" in result.err
    assert "Traceback" not in result.err
    assert odd.writes() == 0


def test_an_archived_company_is_named(odd: Desk, run: Command) -> None:
    url = f"{odd.server.base_url}/crm/v3/objects/companies/2"
    headers = {"Authorization": f"Bearer {odd.server.access_token}"}
    requests.delete(url, headers=headers, timeout=10).raise_for_status()
    result = run(odd, "plan", "--company", "2")
    assert result.code == 1
    assert "archived" in result.err
