"""A HubSpot sandbox over HTTP with its control plane, and connectors to it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from crmsync.connectors.hubspot import HubSpotConnector, HubSpotSettings
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.sandbox.hubspot.server import SandboxServer

Rows = Sequence[Mapping[str, str]]
Open = Callable[..., "Portal"]

OUTPUTS = (
    Output("tier", "company", OutputKind.ENUM, "Tier", options=(Option("tier_1", "Tier 1"), Option("none", "None"))),
    Output("data_gaps", "company", OutputKind.MULTI, "Gaps", options=(Option("revenue", "R"), Option("country", "C"))),
    Output("tier_reason", "company", OutputKind.TEXT, "Reason", follows=True),
    Output("tier_changed_at", "company", OutputKind.DATETIME, "Changed", follows=True),
    Output("next_review", "company", OutputKind.DATE, "Next review"),
    Output("names_known", "company", OutputKind.NUMBER, "Names known"),
    Output("cold", "company", OutputKind.BOOLEAN, "Cold list"),
    Output("tier_override", "company", OutputKind.ENUM, "Pin", options=(Option("tier_1", "Tier 1"),), person=True),
    Output("influence", "contact", OutputKind.ENUM, "Influence", options=(Option("high", "High"),)),
)


def companies(count: int, *, first: int = 1_000, step: int = 7) -> list[dict[str, str]]:
    return [
        {"hs_object_id": str(first + step * n), "name": f"Company {n}", "country": "DE", "abm_note": ""}
        for n in range(count)
    ]


class Portal:
    """One sandbox: its data, its control plane, and connectors to it."""

    def __init__(self, folder: Path, tables: Mapping[str, Rows], **options: Any) -> None:
        folder.mkdir(exist_ok=True)
        for name, rows in tables.items():
            _write_csv(folder / f"{name}.csv", rows)
        options = {"rate": "100000/10s", "search_rate": "5000/s"} | options
        self.server = SandboxServer(folder, **options)
        self._connectors: list[HubSpotConnector] = []

    def connect(self, **options: Any) -> HubSpotConnector:
        """A connector whose waits between attempts are a hundredth of the real ones."""
        defaults = {"token": lambda: self.server.access_token, "search_rate": 5_000.0, "patience": 0.01}
        settings = HubSpotSettings(self.server.base_url, **(defaults | options))
        connector = HubSpotConnector(settings, prefix="abm_", group=("crmsync", "Account programme"))
        self._connectors.append(connector)
        return connector

    def faults(self, *faults: dict[str, Any]) -> None:
        self._control("POST", "faults", list(faults))

    def requests(self) -> list[dict[str, Any]]:
        calls: list[dict[str, Any]] = self._control("GET", "requests")
        return calls

    def calls(self, method: str, ending: str) -> int:
        return sum(1 for one in self.requests() if one["method"] == method and one["path"].endswith(ending))

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """A call as any other client would make it."""
        headers = {"Authorization": f"Bearer {self.server.access_token}"}
        answer = requests.request(method, self.server.base_url + path, json=body, headers=headers, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def value(self, object_path: str, id_: str, name: str) -> str | None:
        record = self.call("GET", f"/crm/objects/2026-09/{object_path}/{id_}?properties={name}")
        value: str | None = record["properties"].get(name)
        return value

    def close(self) -> None:
        for connector in self._connectors:
            connector.close()
        self.server.stop()

    def _control(self, method: str, name: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.server.base_url}/_sandbox/{name}", json=body, timeout=10)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _write_csv(path: Path, rows: Rows) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else ["hs_object_id"])
        writer.writeheader()
        writer.writerows(rows)
