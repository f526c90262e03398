"""The bundled portal in a running sandbox, and a project folder that points at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crmsync.demo import PORTAL, PROGRAM
from crmsync.engine.context import Context, open_context
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.portals import project, without_owned

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    """The invented portal as if crmsync had never run there."""
    with SandboxServer(without_owned(PORTAL, tmp_path / "data")) as running:
        yield running


@pytest.fixture
def ctx(server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    with open_context(project(tmp_path / "project", server, PROGRAM, monkeypatch)) as context:
        yield context


@pytest.fixture
def calls(ctx: Context) -> Callable[[], int]:
    """API calls since this was last asked."""
    seen = 0

    def since() -> int:
        nonlocal seen
        before, seen = seen, ctx.connector.usage().total
        return seen - before

    return since
