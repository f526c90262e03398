"""Orgs over a small set of files, closed at the end of each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from salesforce_client import Box, write_org

StartOrg = Callable[..., Box]


@pytest.fixture
def org_data(tmp_path: Path) -> Path:
    return write_org(tmp_path / "org")


@pytest.fixture
def start_org(org_data: Path) -> Iterator[StartOrg]:
    with ExitStack() as stack:

        def begin(folder: Path | None = org_data, **options: Any) -> Box:
            return stack.enter_context(Box(folder, **options))

        yield begin


@pytest.fixture
def org(start_org: StartOrg) -> Box:
    return start_org()
