"""The small portal behind a sandbox, read once for a whole file of tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from crmsync.engine.context import Context, open_context
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.portals import project
from tests.report import portal

Opened = Callable[..., Context]


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """`opened(program, contacts=..., deals=...)`: a context over the small portal."""
    with ExitStack() as stack:

        def start(program: str = portal.PROGRAM, contacts: str = "", deals: str = "") -> Context:
            server = stack.enter_context(SandboxServer(portal.write(tmp_path / "data", contacts, deals)))
            file = tmp_path / "given.yaml"
            file.write_text(program, encoding="utf-8")
            return stack.enter_context(open_context(project(tmp_path / "here", server, file, monkeypatch)))

        yield start
