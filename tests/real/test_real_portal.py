"""The 1,000 largest US companies through the sandbox, and the tiers counted again by the standard library alone.

The data is not part of the project: the test is skipped where `../shared/data/portal` is missing.
"""

from __future__ import annotations

import csv
import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmsync.engine.context import open_context
from crmsync.engine.sync import sync
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.portals import all_records, project

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "portal"
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data/portal is not there")

# The programme of program.yaml, written a second time without crmsync.
MONEY_HOUSES = {"BANKING", "INSURANCE", "INVESTMENT_MANAGEMENT", "FINANCIAL_SERVICES", "REAL_ESTATE"}
STATES = {
    "California", "Texas", "New York", "Illinois", "Ohio", "Wisconsin", "Pennsylvania", "Michigan", "Georgia",
    "Minnesota",
}  # fmt: skip


def _expected_tier(row: dict[str, str]) -> str:
    """Every layer in turn, unknown counting as not met: nothing is held in this portal."""
    if row["domain"] in ("oracle.com", "salesforce.com"):
        return "none"
    if not row["industry"] or row["industry"] in MONEY_HOUSES or row["country"] != "United States":
        return "none"
    reached = "tier_5"
    if row["annualrevenue"] and 2_500_000_000 <= float(row["annualrevenue"]) <= 60_000_000_000:
        reached = "tier_4"
        if row["numberofemployees"] and 4_000 <= float(row["numberofemployees"]) <= 120_000:
            reached = "tier_3"
            if row["state"] in STATES:
                reached = "tier_2"
                if {"salesforce", "hubspot"} & set(row["web_technologies"].split(";")):
                    reached = "tier_1"
    return reached


@pytest.fixture(scope="module")
def server() -> Iterator[SandboxServer]:
    with SandboxServer(DATA, rate="190/10s", latency_ms=50) as running:
        yield running


def _tiers_over_http(server: SandboxServer) -> Counter[str | None]:
    return Counter(values["abm_tier"] for values in all_records(server, "companies", ["abm_tier"]).values())


def test_tiers_read_back_equal_a_count_by_the_standard_library(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (DATA / "companies.csv").open(newline="") as file:
        expected = Counter(_expected_tier(row) for row in csv.DictReader(file))
    assert len(expected) == 6, "the programme spreads the portal over five tiers and none"
    config = project(tmp_path, server, Path(__file__).parent / "program.yaml", monkeypatch)
    with open_context(config) as ctx:
        first = sync(ctx, as_of=AS_OF)
        assert first.applied is not None
        assert first.applied.exit_code == 0
        assert _tiers_over_http(server) == expected
        calls = [ctx.connector.usage().total]
        for _ in range(2):
            again = sync(ctx, as_of=AS_OF)
            assert again.applied is None, "a sync that changes nothing writes nothing"
            calls.append(ctx.connector.usage().total)
    assert calls[2] - calls[1] <= 8, "the echo of our own writes is read once"
    if report := os.environ.get("CRMSYNC_REPORT"):
        Path(report).write_text(json.dumps({"tiers": dict(sorted(expected.items())), "calls": calls}) + "\n")
