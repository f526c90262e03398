"""One house for fault tests: a seeded portal in a sandbox over HTTP, a config folder, and what the CRM holds.

Nothing here replaces a part of crmsync; the connector only waits less than in production.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests

from crmsync.config.connections import load_config
from crmsync.connectors.base import Connector
from crmsync.connectors.hubspot import HubSpotSettings, connect
from crmsync.engine.context import Context
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.hubspot.server import SandboxServer

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
TOKEN = "CRMSYNC_FAULTS_TOKEN"
#: Values that must agree between two portals; the run's own id cannot.
RUN_STAMP = "abm_last_run"
NATIVE = {"companies": ("hs_is_target_account", "hs_ideal_customer_profile"), "contacts": ("hs_buying_role",)}

PROGRAM = """\
program: faults
currency: USD
exclude: {domain: {in: [rival.example]}}
icp:
  all:
    - industry: {in: [MACHINERY, AUTOMOTIVE, PLASTICS]}
    - employees: {gte: 25}
tiers:
  layers:
    tier_5: icp
    tier_4: {revenue: {between: [5_000_000, 2_000_000_000]}}
    tier_3: {employees: {between: [100, 5_000]}}
    tier_2: {country: {in: [US, DE, FR]}}
    tier_1: {technologies: {has_any: [salesforce]}}
targets:
  from: [tier_1, tier_2]
  capacity: {total: 15, per_owner: 10}
roles: {vocabulary: titles}
lists: [tier, target_status, stakeholder_role]
"""

_TITLES = (
    "CEO",
    "CFO",
    "VP Sales",
    "Head of IT",
    "Purchasing Manager",
    "Software Engineer",
    "Werkleiter",
    "Intern",
    "",
)
Row = dict[str, str]
Held = dict[tuple[str, str], dict[str, str]]
Build = Callable[..., "House"]


def company_rows(count: int, seed: int = 7) -> list[Row]:
    """Companies over all tiers, some with values missing."""
    dice = random.Random(seed)
    return [
        {
            "hs_object_id": str(1_000 + 3 * n),
            "name": f"Company {n}",
            "domain": f"company-{n}.example",
            "industry": dice.choice(["MACHINERY", "AUTOMOTIVE", "PLASTICS", "BANKING", ""]),
            "numberofemployees": dice.choice(["10", "40", "250", "900", "8000", ""]),
            "annualrevenue": dice.choice(["1000000", "20000000", "300000000", ""]),
            "country": dice.choice(["United States", "Germany", "France", "Japan"]),
            "web_technologies": dice.choice(["salesforce", "google_analytics", ""]),
            "hubspot_owner_id": dice.choice(["301", "302", "303", "304", "305", "306"]),
        }
        for n in range(count)
    ]


def contact_rows(count: int, companies: Sequence[Row], seed: int = 8) -> list[Row]:
    """Contacts of those companies; some already have a buying role that a person entered."""
    dice = random.Random(seed)
    return [
        {
            "hs_object_id": str(50_000 + 5 * n),
            "firstname": f"First{n}",
            "lastname": f"Last{n}",
            "email": f"person{n}@company.example",
            "jobtitle": dice.choice(_TITLES),
            "associatedcompanyid": dice.choice(companies)["hs_object_id"],
            "hs_buying_role": dice.choice(["", "", "", "CHAMPION"]),
        }
        for n in range(count)
    ]


def write_portal(folder: Path, companies: Sequence[Row], contacts: Sequence[Row] = ()) -> Path:
    """The CSV folder that a sandbox reads."""
    folder.mkdir(parents=True, exist_ok=True)
    owners = [
        {"id": str(301 + n), "email": f"o{n}@seller.example", "firstName": "O", "lastName": str(n)} for n in range(6)
    ]
    for name, rows in {"companies": companies, "contacts": contacts, "owners": owners}.items():
        if rows:
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    return folder


class QuickContext(Context):
    """The production context, with a connector that does not wait: the sandbox's limits are raised to match."""

    def _connect(self) -> Connector:
        settings = HubSpotSettings(
            base_url=self.portal.hubspot.base_url, token=self.portal.token, search_rate=5_000.0, patience=0.002
        )
        return connect(settings, prefix=self.prefix, group=(self.mapping.group_name, self.mapping.group_label))


@contextmanager
def quick_context(config: Path) -> Iterator[QuickContext]:
    loaded = load_config(config)
    with QuickContext(loaded, loaded.portal(None)) as ctx:
        yield ctx


class House:
    """A sandbox, and config folders (each with a store of its own) that point at it."""

    def __init__(self, folder: Path, companies: Sequence[Row], contacts: Sequence[Row] = (), **options: Any) -> None:
        self.folder = folder
        data = write_portal(folder / "data", companies, contacts)
        self.server = SandboxServer(data, **({"rate": "100000/10s", "search_rate": "5000/s"} | options))
        self.http = requests.Session()
        os.environ[TOKEN] = self.server.access_token

    def config(
        self, name: str = "home", *, program: str = PROGRAM, guards: str = "", mapping: Mapping[str, str] = {}
    ) -> Path:
        """A new config folder; `mapping` replaces texts in the packaged mapping."""
        home = self.folder / name
        # One language of titles does: reading all four takes longer than the rest of a small sync.
        shutil.copytree(
            mappings_dir(), home / "mappings", ignore=shutil.ignore_patterns("de.yaml", "es.yaml", "fr.yaml")
        )
        text = (home / "mappings" / "hubspot.yaml").read_text()
        for old, new in mapping.items():
            assert old in text
            text = text.replace(old, new)
        (home / "mappings" / "hubspot.yaml").write_text(text)
        (home / "config").mkdir()
        (home / "config" / "program.yaml").write_text(program)
        portal = f"portals:\n  main:\n    hubspot: {{base_url: '{self.server.base_url}', token: env:{TOKEN}}}\n"
        (home / "config" / "crmsync.yaml").write_text(portal + guards)
        return home / "config"

    def control(self, method: str, name: str, body: Any = None) -> Any:
        answer = self.http.request(method, f"{self.server.base_url}/_sandbox/{name}", json=body, timeout=30)
        answer.raise_for_status()
        return answer.json()

    def faults(self, *rules: dict[str, Any]) -> None:
        self.control("POST", "faults", list(rules))

    def edit(self, object_: str, id_: str, **properties: str) -> None:
        """A person edits a record in the CRM's own pages."""
        self.control("POST", "edit", {"object": object_, "id": id_, "properties": properties})

    def archive(self, object_: str, id_: str) -> None:
        self.control("POST", "edit", {"object": object_, "id": id_, "archived": True})

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.server.access_token}"}
        answer = self.http.request(method, self.server.base_url + path, json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def held(self, *, stamp: bool = False) -> Held:
        """Every value of ours and every native one that we may write, of all live records; blanks left out."""
        found: Held = {}
        for object_, natives in NATIVE.items():
            known = self.call("GET", f"/crm/properties/2026-09/{object_}")["results"]
            names = [one["name"] for one in known if one["name"].startswith("abm_")] + list(natives)
            names = [name for name in names if stamp or name != RUN_STAMP]
            after = ""
            while True:
                page = self.call("GET", f"/crm/objects/2026-09/{object_}?limit=100&properties={','.join(names)}{after}")
                for one in page["results"]:
                    values = {name: one["properties"].get(name) for name in names}
                    found[object_, one["id"]] = {name: value for name, value in values.items() if value}
                if "paging" not in page:
                    break
                after = f"&after={page['paging']['next']['after']}"
        return found

    def writes(self) -> list[dict[str, Any]]:
        """The batch updates that reached the CRM, as its own log has them."""
        requests_ = self.control("GET", "requests")
        return [one for one in requests_ if one["path"].endswith("/batch/update")]

    def forget_requests(self) -> None:
        self.server.app.log.clear()

    def close(self) -> None:
        self.http.close()
        self.server.stop()


def moves(before: Held, after: Held) -> dict[tuple[str, str, str], tuple[str | None, str | None]]:
    """What changed between two readings, by object, id and property."""
    found = {}
    for record in before.keys() | after.keys():
        old, new = before.get(record, {}), after.get(record, {})
        for name in old.keys() | new.keys():
            if old.get(name) != new.get(name):
                found[*record, name] = (old.get(name), new.get(name))
    return found
