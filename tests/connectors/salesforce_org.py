"""A small local org over TLS with its control plane, and connectors to it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from crmsync.connectors.salesforce import SalesforceConnector, SalesforceSettings
from crmsync.connectors.salesforce.transport import Transport
from crmsync.sandbox.salesforce.server import SandboxOrg

Rows = Sequence[Mapping[str, str]]
StartOrg = Callable[..., "LocalOrg"]

# 001D000000IRFmaIAH is Salesforce's own example of an id with its suffix; those in capitals are worked by hand: no
# letter after the prefix is one, so the suffix is AAA.
ACME, BETA, GAMMA = "001D000000IRFmaIAH", "0015g0000000001AAA", "0015g0000000002AAA"
ANA, BEN = "0035g0000000001AAA", "0035g0000000002AAA"
DEAL = "0065g0000000001AAA"
OLGA, PAUL = "0055g0000000001AAA", "0055g0000000002AAA"
SOON, LATER, LAST = "2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z", "2026-03-01T00:00:00.000Z"

TABLES: dict[str, Rows] = {
    "Account": [
        {"Id": ACME, "Name": "Acme", "Industry": "Technology", "AnnualRevenue": "5000000", "NumberOfEmployees": "250",
         "BillingCountry": "US", "OwnerId": OLGA, "Note__c": "It's \"here\"", "SystemModstamp": SOON},
        {"Id": BETA, "Name": "Zoë & Söhne", "Industry": "", "AnnualRevenue": "", "NumberOfEmployees": "40",
         "BillingCountry": "DE", "OwnerId": OLGA, "Note__c": "", "SystemModstamp": LATER},
        {"Id": GAMMA, "Name": "Gamma", "Industry": "", "AnnualRevenue": "", "NumberOfEmployees": "",
         "BillingCountry": "", "OwnerId": PAUL, "Note__c": "two\nlines", "SystemModstamp": LAST},
    ],
    "Contact": [
        {"Id": ANA, "AccountId": BETA, "LastName": "Adams", "Email": "ana@beta.example"},
        {"Id": BEN, "AccountId": ACME, "LastName": "Berg", "Email": "ben@acme.example"},
    ],
    "Opportunity": [
        {"Id": DEAL, "AccountId": BETA, "Name": "Big", "StageName": "Closed Won", "Amount": "1000.5",
         "CloseDate": "2025-02-01"},
    ],
    "User": [
        {"Id": OLGA, "Username": "olga@seller.example", "FirstName": "Olga", "LastName": "Ode",
         "Email": "olga@seller.example", "IsActive": "true"},
        {"Id": PAUL, "Username": "paul@seller.example", "FirstName": "", "LastName": "paul@seller.example",
         "Email": "paul@seller.example", "IsActive": "false"},
    ],
}  # fmt: skip


def accounts(count: int) -> list[dict[str, str]]:
    """Accounts whose ids have digits alone behind the prefix; one changed each second of 2026-05-01."""
    return [
        {
            "Id": f"0015g{n:010d}AAA",
            "Name": f"Company {n}",
            "SystemModstamp": f"2026-05-01T{n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}.000Z",
        }
        for n in range(1, count + 1)
    ]


class LocalOrg:
    """One org: its data, its control plane, and connectors to it."""

    def __init__(self, folder: Path, tables: Mapping[str, Rows] | None = None, **options: Any) -> None:
        folder.mkdir(exist_ok=True)
        for name, rows in (TABLES if tables is None else tables).items():
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
        self.server = SandboxOrg(folder, **options)
        self._open: list[SalesforceConnector | Transport] = []

    def settings(self, **more: Any) -> SalesforceSettings:
        """Waits between attempts are a thousandth of the real ones."""
        server = self.server
        given = {
            "consumer_key": lambda: server.consumer_key,
            "private_key": lambda: Path(server.private_key).read_text(encoding="ascii"),
            "username": server.username,
            "base_url": server.base_url,
            "ca_file": server.ca_file,
            "patience": 0.001,
            "timeout": (5.0, 20.0),
        }
        return SalesforceSettings(**(given | more))

    def connect(self, **more: Any) -> SalesforceConnector:
        self._open.append(connector := SalesforceConnector(self.settings(**more), prefix="abm_"))
        return connector

    def transport(self, **more: Any) -> Transport:
        """The transport alone; `clock` is its own, all else are settings."""
        own = {name: more.pop(name) for name in ("clock", "sleep") if name in more}
        self._open.append(transport := Transport(self.settings(**more), **own))
        return transport

    def faults(self, *rules: dict[str, Any]) -> None:
        self.control("faults", list(rules))

    def control(self, name: str, body: Any = None) -> Any:
        """A call of the control plane: with a body where it changes something."""
        url = f"{self.server.base_url}/_sandbox/{name}"
        with requests.Session() as http:
            http.trust_env = False
            answer = http.request(
                "GET" if body is None else "POST", url, json=body, verify=self.server.ca_file, timeout=20
            )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def edit(self, name: str, id_: str | None = None, **more: Any) -> str:
        """What somebody else does in the org."""
        return str(self.control("edit", {"object": name, "id": id_, **more})["id"])

    def requests(self, part: str = "/services/") -> list[dict[str, Any]]:
        """Calls that arrived, whose path has `part` in it."""
        return [one for one in self.control("requests") if part in one["path"]]

    def close(self) -> None:
        for one in self._open:
            one.close()
        self.server.stop()
