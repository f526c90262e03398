"""One house for tests of whole syncs with Salesforce: a seeded org over TLS, a config folder, and what the org holds.

Nothing here replaces a part of crmsync; the connector only waits less than in production. What the org holds is read
over plain HTTP, and the fields that crmsync owns are made over plain HTTP too, as spelt in docs and contract.
"""

from __future__ import annotations

import csv
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crmsync.config.connections import load_config
from crmsync.connectors.salesforce import connect
from crmsync.connectors.salesforce.settings import SalesforceSettings
from crmsync.engine.context import Context
from crmsync.engine.sync import Synced, sync
from crmsync.errors import ExitCode
from crmsync.model.outputs import Output, OutputKind
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.salesforce.ids import make
from tests.contract_salesforce.contract_org import Org

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
KEY = "CRMSYNC_TEST_SALESFORCE_KEY"
#: The run's own id cannot agree between two orgs.
RUN_STAMP = "ABM_Last_Run__c"
LOADED = "2026-06-01T08:00:00.000Z"
SOBJECTS = {"company": "Account", "contact": "Contact", "deal": "Opportunity"}
HARD_NAME = "Müller & Söhne\n„Werk 2“, Łódź \u2028東京"
"""What breaks a reader that splits lines, or guesses a charset."""

PROGRAM = """\
program: org
currency: USD
exclude: {domain: {in: [rival.example]}}
icp:
  all:
    - industry: {in: [MACHINERY, CHEMICALS, BIOTECHNOLOGY]}
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
Held = dict[tuple[str, str], dict[str, Any]]
Build = Callable[..., "OrgHouse"]


def account_id(number: int) -> str:
    """The id of the account of that number, from 0."""
    return make("001", number + 1)


def contact_id(number: int) -> str:
    return make("003", number + 1)


def account_rows(count: int, seed: int = 7) -> list[Row]:
    """Accounts over all tiers, some with values missing, every fifth with a name that is hard to carry."""
    dice = random.Random(seed)
    return [
        {
            "Id": account_id(n),
            "Name": f"{HARD_NAME} {n}" if n % 5 == 0 else f"Company {n}",
            "Website": f"https://www.company-{n}.example/en",
            "Industry": dice.choice(["Machinery", "Chemicals", "Biotechnology", "Banking", ""]),
            "NumberOfEmployees": dice.choice(["10", "40", "250", "900", "8000", ""]),
            "AnnualRevenue": dice.choice(["1000000", "20000000", "300000000", ""]),
            "BillingCountry": dice.choice(["United States", "Germany", "France", "Japan"]),
            "Technologies__c": dice.choice(["salesforce", "google_analytics", ""]),
            "OwnerId": make("005", 1 + dice.randrange(6)),
            "SystemModstamp": LOADED,
        }
        for n in range(count)
    ]


def contact_rows(count: int, accounts: Sequence[Row], seed: int = 8) -> list[Row]:
    """Contacts of those accounts, over many titles."""
    dice = random.Random(seed)
    return [
        {
            "Id": contact_id(n),
            "AccountId": dice.choice(accounts)["Id"],
            "FirstName": f"Zoë{n}",
            "LastName": f"Łaski {n}",
            "Email": f"person{n}@company.example",
            "Title": dice.choice(_TITLES),
            "SystemModstamp": LOADED,
        }
        for n in range(count)
    ]


def write_org(folder: Path, **tables: Sequence[Row]) -> Path:
    """The CSV folder that a sandbox reads; tables by object."""
    folder.mkdir(parents=True, exist_ok=True)
    users = [
        {
            "Id": make("005", n + 1),
            "Username": f"o{n}@seller.example",
            "LastName": f"Owner {n}",
            "Email": f"o{n}@seller.example",
            "IsActive": "true",
        }
        for n in range(6)
    ]
    for name, rows in {**tables, "User": users}.items():
        if rows:
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, fieldnames=list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)
    return folder


def api_name(name: str) -> str:
    """`tier_changed_at` as `ABM_Tier_Changed_At__c`."""
    return "ABM_" + "_".join(word[:1].upper() + word[1:] for word in name.split("_")) + "__c"


def field_of(output: Output) -> dict[str, Any]:
    """The field of an output, as an admin makes it."""
    options = [(one.value, one.label) for one in output.options]
    if output.kind is OutputKind.BOOLEAN:  # a checkbox cannot be empty
        options = [("true", "Yes"), ("false", "No")]
    values = [{"fullName": value, "label": label, "default": False} for value, label in options]
    picklist = {"valueSet": {"restricted": False, "valueSetDefinition": {"sorted": False, "value": values}}}
    return {
        "label": output.label[:40],
        **{
            OutputKind.ENUM: {"type": "Picklist", **picklist},
            OutputKind.BOOLEAN: {"type": "Picklist", **picklist},
            OutputKind.MULTI: {"type": "MultiselectPicklist", "visibleLines": 6, **picklist},
            OutputKind.TEXT: {"type": "LongTextArea", "length": 32_768, "visibleLines": 3},
            OutputKind.NUMBER: {"type": "Number", "precision": 18, "scale": 0},
            OutputKind.DATETIME: {"type": "DateTime"},
            OutputKind.DATE: {"type": "Date"},
        }[output.kind],
    }


class OrgHouse:
    """An org, and config folders (each with a store of its own) that point at it."""

    def __init__(
        self,
        folder: Path,
        accounts: Sequence[Row],
        contacts: Sequence[Row] = (),
        *,
        more: Mapping[str, Sequence[Row]] | None = None,
        program: str = PROGRAM,
        **options: Any,
    ) -> None:
        self.folder, self.program = folder, program
        self.ahead = timedelta()
        data = write_org(folder / "data", Account=accounts, Contact=contacts, **(more or {}))
        self.org = Org(data=data, **options)
        self.org.control("settings", {"bulk_ms": 5})
        os.environ[KEY] = self.org.consumer_key
        self._bootstrap(self.config("bootstrap"))

    def config(self, name: str = "home", *, settings: str = "", guards: str = "") -> Path:
        """A new config folder; `settings` are more lines of the connection, `guards` more sections of the file."""
        home = self.folder / name
        # One language of titles does: reading all four takes longer than the rest of a small sync.
        shutil.copytree(
            mappings_dir(), home / "mappings", ignore=shutil.ignore_patterns("de.yaml", "es.yaml", "fr.yaml")
        )
        (home / "config").mkdir()
        (home / "config" / "program.yaml").write_text(self.program)
        org = self.org
        (home / "config" / "crmsync.yaml").write_text(
            f"portals:\n  main:\n    salesforce:\n      base_url: {org.base_url}\n      ca_file: {org.ca_file}\n"
            f"      consumer_key: env:{KEY}\n      private_key: file:{org.private_key}\n"
            f"      username: {org.username}\n{settings}{guards}"
        )
        return home / "config"

    def advance(self, seconds: float) -> None:
        """As if so long had passed, for the org and for the contexts opened from here on."""
        self.ahead += timedelta(seconds=seconds)
        self.org.control("settings", {"advance_ms": seconds * 1000})

    @contextmanager
    def context(self, config: Path, **settings: Any) -> Iterator[Context]:
        """The production context, with a connector that hardly waits; `settings` are the connector's."""
        loaded = load_config(config)
        org = self.org
        given: dict[str, Any] = {
            "consumer_key": lambda: org.consumer_key,
            "private_key": lambda: Path(org.private_key).read_text(),
            "username": org.username,
            "base_url": org.base_url,
            "ca_file": str(org.ca_file),
            "patience": 0.002,
        }
        with Context(loaded, loaded.portal(None), now=lambda: datetime.now(UTC) + self.ahead) as ctx:
            ctx.main._connector = connect(SalesforceSettings(**(given | settings)), prefix=ctx.prefix)
            yield ctx

    def _bootstrap(self, config: Path) -> None:
        """The owned fields, with rights for the API's user."""
        (sets,) = self.org.rows("SELECT Id FROM PermissionSet WHERE Name = 'Crm_Integration'")
        loaded = load_config(config)
        with Context(loaded, loaded.portal(None)) as ctx:
            outputs = ctx.owned
        for output in outputs:
            object_, name = SOBJECTS[output.object], api_name(output.name)
            body = {"FullName": f"{object_}.{name}", "Metadata": field_of(output)}
            self.org.call("POST", "tooling/sobjects/CustomField", body, 201)
            rights = {"ParentId": sets["Id"], "SobjectType": object_, "Field": f"{object_}.{name}"}
            rights |= {"PermissionsRead": True, "PermissionsEdit": True}
            self.org.call("POST", "sobjects/FieldPermissions", rights, 201)

    def held(self, *, stamp: bool = False) -> Held:
        """Every value of ours in all live records, blanks left out, read over plain HTTP."""
        found: Held = {}
        for object_ in ("Account", "Contact"):
            fields = self.org.get(f"sobjects/{object_}/describe")["fields"]
            names = [one["name"] for one in fields if one["name"].startswith("ABM_")]
            names = [name for name in names if stamp or name != RUN_STAMP]
            for row in self.org.rows(f"SELECT Id,{','.join(names)} FROM {object_}"):
                found[object_, row["Id"]] = {name: row[name] for name in names if row[name] is not None}
        return found

    def writes(self) -> int:
        """Records that were sent in collections, as the org's log has them."""
        return sum(one["inputs"] for one in self.org.requests("/composite/sobjects", "PATCH") if one["status"] == 200)

    def close(self) -> None:
        with self.org:
            pass


def synced(house: OrgHouse, config: Path, *, accept: frozenset[str] = frozenset(), **settings: Any) -> Synced:
    """A sync that ends well; `settings` are the connector's."""
    with house.context(config, **settings) as ctx:
        done = sync(ctx, as_of=AS_OF, accept=accept, reason="a test's own change")
    assert done.exit_code is ExitCode.DONE
    return done


def assert_settled(ctx: Context) -> None:
    """The store says that nothing is in doubt, nothing was refused, and its ledger is whole."""
    assert ctx.store.ledger.verify().faults == []
    assert ctx.store.checkpoint.unsettled(portal="main") == []
    assert ctx.store.letters.list("main") == []
