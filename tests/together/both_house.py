"""A small world in two running CRMs, worked by hand, and crmsync configured for both.

Eight or so accounts, written as text; what the CRMs hold is read over plain HTTP.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crmsync.connectors.salesforce.settings import api_name
from crmsync.engine.context import Context, open_context
from crmsync.engine.sync import Synced, sync
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.salesforce.ids import make
from tests.together.conftest import running
from tests.together.native_sync import Crms, Kind
from tests.together.rounds import bootstrap

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
ALL = frozenset({"all"})
PROGRAM = """\
program: both
currency: USD
icp:
  all:
    - industry: {in: [MACHINERY]}
    - employees: {gte: 100}
tiers:
  layers:
    tier_3: icp
    tier_2: {revenue: {gte: 10_000_000}}
    tier_1: {country: {in: [DE]}}
roles: {vocabulary: titles}
names: {minimum: 2}
relationship:
  strategic: {purchases: 4, amount: 900_000}
lists: [tier]
"""
A, C, D = ([make(prefix, number) for number in range(20)] for prefix in ("001", "003", "006"))

#: 101 and A1, 104 and A4 are linked by the integration; 102 and A2 share a domain; 103 and A5 stand alone.
HUBSPOT = {
    "companies": f"""\
hs_object_id,name,domain,industry,numberofemployees,annualrevenue,country,salesforceaccountid
101,Alpha Werke,alpha.example,CHEMICALS,200,20000000,Germany,{A[1]}
102,Beta Pumpen,beta.example,MACHINERY,150,,Germany,
103,Gamma Antriebe,gamma.example,MACHINERY,120,12000000,Germany,
104,Delta Tools,delta.example,MACHINERY,50,30000000,United States,{A[4]}
""",
    "contacts": f"""\
hs_object_id,firstname,lastname,email,jobtitle,associatedcompanyid,salesforcecontactid
501,Ana,Ruhland,ana@alpha.example,Marketing Director,101,{C[1]}
502,Ben,Osterkamp,ben@alpha.example,IT Manager,101,
503,Cleo,Varga,cleo@beta.example,CFO,102,
""",
    "deals": f"""\
hs_object_id,dealname,amount,dealstage,pipeline,closedate,associations.companies,hs_salesforceopportunityid
901,Alpha platform,30000,closedwon,default,2026-03-01T00:00:00.000Z,101,{D[1]}
902,Beta tool,5000,closedwon,default,2026-01-10T00:00:00.000Z,102,
""",
}
SALESFORCE = {
    "Account": f"""\
Id,Name,Website,Industry,NumberOfEmployees,AnnualRevenue,BillingCountry
{A[1]},Alpha Werke GmbH,https://www.alpha.example,Machinery,210,20000000,Germany
{A[2]},Beta Pumpen,https://beta.example,Machinery,,15000000,Germany
{A[4]},Delta Tools,https://delta.example,Machinery,500,30000000,United States
{A[5]},Epsilon Guss,https://epsilon.example,Machinery,300,5000000,Germany
""",
    "Contact": f"""\
Id,FirstName,LastName,Email,Title,AccountId
{C[1]},Ana,Ruhland,ana@alpha.example,Marketing Director,{A[1]}
{C[2]},Dana,Ilves,dana@alpha.example,CFO,{A[1]}
{C[3]},Cleo,Varga,cleo@beta.example,CFO,{A[2]}
{C[4]},Emil,Kranz,emil@epsilon.example,CEO,{A[5]}
""",
    "Opportunity": f"""\
Id,Name,AccountId,Amount,CloseDate,StageName
{D[1]},Alpha platform,{A[1]},30000,2026-03-01,Closed Won
{D[2]},Alpha renewal,{A[1]},12000,2026-06-01,Closed Won
{D[3]},Beta tool,{A[2]},7000,2025-06-01,Closed Won
""",
}


class Both:
    """Two CRMs over these tables, and one project that connects them."""

    def __init__(self, folder: Path, crms: Crms, together: str, more: str) -> None:
        self.crms, self.folder = crms, folder
        self.config = folder / "project" / "config"
        self.config.mkdir(parents=True)
        # One language of titles does; reading all four takes longer than the rest.
        shutil.copytree(
            mappings_dir(),
            folder / "project" / "mappings",
            ignore=shutil.ignore_patterns("de.yaml", "es.yaml", "fr.yaml"),
        )
        (self.config / "program.yaml").write_text(PROGRAM)
        (self.config / "token").write_text(crms.hubspot.access_token)
        (self.config / "key").write_text(crms.org.consumer_key)
        shutil.copy(crms.org.private_key, self.config / "sf.pem")
        self.configure(together, more)
        with self.opened() as ctx:
            bootstrap(ctx, crms.org)

    def configure(self, together: str = "carried: none", more: str = "") -> None:
        """`crmsync.yaml`; `more` are lines of the portal."""
        server, org = self.crms.hubspot, self.crms.org
        (self.config / "crmsync.yaml").write_text(
            "portals:\n  main:\n"
            f"    hubspot: {{base_url: '{server.base_url}', token: file:token}}\n"
            f"    salesforce: {{base_url: '{org.base_url}', ca_file: '{org.ca_file}', consumer_key: file:key, "
            f"private_key: file:sf.pem, username: '{org.username}'}}\n"
            f"    together: {{{together}}}\n{more}"
        )

    @contextmanager
    def opened(self) -> Iterator[Context]:
        """crmsync at the CRMs' own time, with connectors that hardly wait between attempts."""
        with open_context(self.config, now=self.crms.now) as ctx:
            for side in ctx.sides:
                transport: Any = getattr(side.connector, "transport")  # noqa: B009  # both have one; no contract says so
                transport.settings = replace(transport.settings, patience=0.002)
            yield ctx

    def sync(self, **options: Any) -> Synced:
        with self.opened() as ctx:
            return sync(ctx, as_of=AS_OF, accept=ALL, reason="a test's own change", **options)

    def value(self, kind: Kind, id_: str, name: str) -> str | None:
        """One of our values as a CRM holds it now."""
        if id_.isdigit():
            return self.crms.hubspot_records(kind, [f"abm_{name}"])[id_].values[f"abm_{name}"]
        field = api_name("abm_", f"abm_{name}")
        return self.crms.salesforce_records(kind, [field])[id_].values[field]

    def values(self, kind: Kind, name: str) -> dict[str, str | None]:
        """One of our values of every live record of both CRMs."""
        ours, field = f"abm_{name}", api_name("abm_", f"abm_{name}")
        found = {id_: side.values[ours] for id_, side in self.crms.hubspot_records(kind, [ours]).items()}
        return found | {id_: side.values[field] for id_, side in self.crms.salesforce_records(kind, [field]).items()}

    def enter(self, kind: Kind, id_: str, name: str, value: str | None) -> None:
        """A person's entry, under the CRM's own name of the field."""
        if id_.isdigit():
            plural = {"company": "companies", "contact": "contacts", "deal": "deals"}[kind]
            self.crms.hubspot_call("PATCH", f"/crm/v3/objects/{plural}/{id_}", {"properties": {name: value}})
        else:
            sobject = {"company": "Account", "contact": "Contact", "deal": "Opportunity"}[kind]
            # The API's own user may not edit a person's word, and the org knows no other one's rights.
            pinned = name.endswith("_Override__c")
            rights = {"object": sobject, "field": name, "read": True}
            if pinned:
                self.crms.salesforce_call("POST", "/_sandbox/fls", {**rights, "edit": True})
            body = {"object": sobject, "id": id_, "fields": {name: value}}
            self.crms.salesforce_call("POST", "/_sandbox/edit", body)
            if pinned:
                self.crms.salesforce_call("POST", "/_sandbox/fls", {**rights, "edit": False})
        self.crms.pass_time(1)

    def merge_accounts(self, winner: str, loser: str) -> None:
        body = {"object": "Account", "id": winner, "merge": [loser]}
        self.crms.salesforce_call("POST", "/_sandbox/edit", body)
        self.crms.pass_time(1)


@contextmanager
def both(
    folder: Path,
    hubspot: Mapping[str, str] = HUBSPOT,
    salesforce: Mapping[str, str] = SALESFORCE,
    *,
    together: str = "carried: none",
    more: str = "",
) -> Iterator[Both]:
    """The world in two running CRMs."""
    for name, tables in (("hubspot", hubspot), ("salesforce", salesforce)):
        (folder / name).mkdir(parents=True)
        for table, text in tables.items():
            (folder / name / f"{table}.csv").write_text(text)
    with running(folder / "hubspot", folder / "salesforce") as crms:
        yield Both(folder, crms, together, more)
