"""Fixtures that open portals and orgs for one test and close them after it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hubspot_portal import Open, Portal
from salesforce_org import LocalOrg, StartOrg


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[Open]:
    """Opens portals: `portal(companies=[...], contacts=[...], rate="190/10s")`."""
    opened: list[Portal] = []

    def open_(**arguments: Any) -> Portal:
        names = ("companies", "contacts", "deals", "owners")
        tables = {name: arguments.pop(name) for name in names if name in arguments}
        opened.append(Portal(tmp_path / f"portal-{len(opened)}", tables, **arguments))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.fixture
def start_org(tmp_path: Path) -> Iterator[StartOrg]:
    """Starts local orgs: `start_org(api_limit=10)`, `start_org({"Account": [...]})`."""
    started: list[LocalOrg] = []

    def start(tables: Any = None, **options: Any) -> LocalOrg:
        started.append(LocalOrg(tmp_path / f"org-{len(started)}", tables, **options))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def org(start_org: StartOrg) -> LocalOrg:
    return start_org()
