"""The demo portal in a sandbox, a config that points at it, and the command line as a person calls it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from crmsync import demo
from crmsync.assess.run import outputs, sections
from crmsync.cli.main import main
from crmsync.demo.earlier import define_held_columns
from crmsync.program.loader import load_program
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.cli.desk import Command, Desk, Result, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """The demo portal before any run."""
    with SandboxServer(demo.PORTAL) as server:
        owned = outputs(load_program(demo.PROGRAM, sections()))
        define_held_columns(server.base_url, server.access_token, owned)
        yield make_desk(server, tmp_path)


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Desk]:
    """A portal with companies of two lines, no earlier runs, and the demo's program."""
    data = tmp_path / "data"
    data.mkdir()
    header = "hs_object_id,name,domain,industry,country,annualrevenue,numberofemployees\n"
    rows = "1,Anvil,anvil.example,MACHINERY,Germany,9000000,90\n2,Bellows,bellows.example,RETAIL,Germany,,\n"
    (data / "companies.csv").write_text(header + rows, encoding="utf-8")
    with SandboxServer(data) as server:
        yield make_desk(server, tmp_path / "here")


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level
    structlog.reset_defaults()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command in this process: `run(desk, "plan", "--json")`."""

    def call(where: Desk | Path | None, *arguments: str) -> Result:
        config = where.config if isinstance(where, Desk) else where
        given = [*arguments, "--config", str(config)] if config is not None else list(arguments)
        capsys.readouterr()
        code = main(given)
        said = capsys.readouterr()
        return Result(code, said.out, said.err)

    return call
