"""Sandboxes over a small portal, closed at the end of each test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sandbox_client import Sandbox, write_portal

Start = Callable[..., Sandbox]
FAST = {"rate": "100000/10s", "search_rate": "100000/s"}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_portal(tmp_path / "data")


@pytest.fixture
def start(data: Path) -> Iterator[Start]:
    with ExitStack() as stack:

        def begin(folder: Path | None = data, **options: Any) -> Sandbox:
            return stack.enter_context(Sandbox(folder, **(FAST | options)))

        yield begin


@pytest.fixture
def box(start: Start) -> Sandbox:
    return start()
