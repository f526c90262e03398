"""A sandbox with a config that points at it, and what a command left, for the tests of the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from crmsync.cli.demo_stages import prepare
from crmsync.sandbox.hubspot.server import SandboxServer

AS_OF = ("--as-of", "2026-11-01")
ACCEPT = ("--accept", "all", "--reason", "a test looked at it")


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code, stdout and stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Result]


@dataclass(frozen=True)
class Desk:
    """A sandbox and a config folder beside each other."""

    server: SandboxServer
    config: Path

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.server.access_token}"}

    def company(self, id_: str, *names: str) -> dict[str, str | None]:
        """Properties of a company, read over HTTP."""
        url = f"{self.server.base_url}/crm/v3/objects/companies/{id_}"
        reply = requests.get(url, params={"properties": ",".join(names)}, headers=self._headers(), timeout=10)
        reply.raise_for_status()
        return dict(reply.json()["properties"])

    def edit(self, id_: str, **values: str) -> None:
        """Change a company as a person in the CRM would."""
        url = f"{self.server.base_url}/crm/v3/objects/companies/{id_}"
        requests.patch(url, json={"properties": values}, headers=self._headers(), timeout=10).raise_for_status()

    def faults(self, *rules: dict[str, Any]) -> None:
        url = f"{self.server.base_url}/_sandbox/faults"
        requests.post(url, json=list(rules), timeout=10).raise_for_status()

    def writes(self) -> int:
        """Calls that wrote record values since the sandbox started."""
        return sum(call["path"].endswith("/batch/update") for call in self._requests())

    def calls(self) -> int:
        """Every call since the sandbox started."""
        return len(self._requests())

    def _requests(self) -> list[dict[str, Any]]:
        return list(requests.get(f"{self.server.base_url}/_sandbox/requests", timeout=10).json())


def make_desk(server: SandboxServer, folder: Path) -> Desk:
    return Desk(server, prepare(folder, server.base_url, server.access_token))


def copy_config(desk: Desk, to: Path) -> Path:
    """The desk's config, mappings included, to be broken."""
    shutil.copytree(desk.config.parent, to)
    return to / "config"
