"""The desk of the command line's tests, and a second small portal with records that are wrong in themselves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.conftest import _logging_restored, bare, desk, run
from tests.cli.desk import Result

__all__ = ["_logging_restored", "bare", "desk", "run"]


def shell(config: Path, *arguments: str, before: str = "", after: str = "") -> Result:
    """A command in a process of its own, between two pieces of bash."""
    line = f'{before} "$@" {after}'
    typed = [sys.executable, "-m", "crmsync.cli", *arguments, "--config", str(config)]
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", line, "bash", *typed], capture_output=True, text=True)
    return Result(ended.returncode, ended.stdout, ended.stderr)
