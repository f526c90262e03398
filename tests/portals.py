"""A project folder for a test: config, mappings and program against a sandbox, without anything of the machine's."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.hubspot.server import SandboxServer


def project(
    folder: Path, server: SandboxServer, program: Path, monkeypatch: pytest.MonkeyPatch, extra: str = ""
) -> Path:
    """Write config/ and mappings/ below `folder`; returns the config folder. The token is in the environment."""
    config = folder / "config"
    config.mkdir(parents=True)
    shutil.copytree(mappings_dir(), folder / "mappings")
    shutil.copy(program, config / "program.yaml")
    monkeypatch.setenv("SANDBOX_TOKEN", server.access_token)
    connection = f"    hubspot: {{base_url: '{server.base_url}', token: env:SANDBOX_TOKEN}}\n"
    (config / "crmsync.yaml").write_text(f"portals:\n  main:\n{connection}{extra}")
    return config


def without_owned(source: Path, target: Path) -> Path:
    """Copy a portal's CSVs without the columns that crmsync owns, as if it had never run there."""
    target.mkdir()
    for path in source.glob("*.csv"):
        with path.open(newline="") as file:
            rows = list(csv.reader(file))
        keep = [place for place, name in enumerate(rows[0]) if not name.startswith("abm_")]
        with (target / path.name).open("w", newline="") as file:
            csv.writer(file).writerows([[row[place] for place in keep] for row in rows])
    return target


def call(server: SandboxServer, method: str, path: str, body: Any = None) -> Any:
    """One request to the sandbox, with its token; the decoded answer, None where there is none."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Authorization": f"Bearer {server.access_token}", "Content-Type": "application/json"}
    request = Request(f"{server.base_url}{path}", data=data, method=method, headers=headers)
    with urlopen(request) as reply:
        text = reply.read()
    return json.loads(text) if text else None


def all_records(server: SandboxServer, object_: str, properties: list[str]) -> dict[str, dict[str, str | None]]:
    """Every live record's properties by id, page by page over HTTP."""
    found: dict[str, dict[str, str | None]] = {}
    after = ""
    while True:
        page = call(server, "GET", f"/crm/v3/objects/{object_}?limit=100&properties={','.join(properties)}{after}")
        found |= {record["id"]: record["properties"] for record in page["results"]}
        if "paging" not in page:
            return found
        after = f"&after={page['paging']['next']['after']}"
