"""A small org whose every value is known, and two clients for it: plain HTTP, and simple-salesforce, which we did not
write.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import requests
from simple_salesforce.api import Salesforce

from crmsync.sandbox.salesforce.server import SandboxOrg

# Ids by hand: 001D000000IRFmaIAH is Salesforce's own example of a 15-character id and its three-character suffix.
ACME = "001D000000IRFmaIAH"
BETA, GAMMA = "0015g0000000001AAA", "0015g0000000002AAA"
ANA, BEN = "0035g0000000001AAA", "0035g0000000002AAA"
DEAL = "0065g0000000001AAA"
OLGA = "0055g0000000001AAA"
FILES = {
    "Account.csv": f"""\
Id,Name,Industry,AnnualRevenue,NumberOfEmployees,ParentId,OwnerId,BillingCountry,Ext__c,Note__c,CreatedDate,\
SystemModstamp
{ACME},Acme,Technology,5000000,250,,{OLGA},US,a-1,,2024-01-01T00:00:00.000Z,2026-01-01T00:00:00.000Z
{BETA},Beta,Handmade Soap,,40,{ACME},{OLGA},DE,,Zoë,2024-02-01T00:00:00.000Z,2026-02-01T00:00:00.000Z
{GAMMA},Gamma,,,,,,,,,,
""",
    "Contact.csv": f"""\
Id,AccountId,FirstName,LastName,Email,Title
{ANA},{BETA},Ana,Adams,ana@beta.example,CTO
{BEN},{ACME},,Berg,ben@acme.example,
""",
    "Opportunity.csv": f"""\
Id,AccountId,Name,StageName,Amount,CloseDate
{DEAL},{BETA},Big,Closed Won,1000.5,2025-02-01
""",
    "OpportunityContactRole.csv": f"""\
OpportunityId,ContactId,Role,IsPrimary
{DEAL},{ANA},Evaluator,true
{DEAL},{BEN},,false
""",
    "User.csv": f"""\
Id,Username,LastName,FirstName,Email,IsActive
{OLGA},olga@seller.example,Ode,Olga,olga@seller.example,true
""",
}


def write_org(folder: Path, files: dict[str, str] = FILES) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class Box:
    """A running org, a session that trusts its authority, and simple-salesforce over that session."""

    def __init__(self, data: Path | None, **options: Any) -> None:
        self.org = SandboxOrg(data, **options)
        self.http = requests.Session()
        # requests prefers REQUESTS_CA_BUNDLE of the environment to a session's own authority.
        self.http.trust_env = False
        self.http.verify = self.org.ca_file
        self.token = self.org.access_token

    def client(self, version: str = "66.0") -> Salesforce:
        return Salesforce(
            instance=f"127.0.0.1:{self.org.port}", session_id=self.token, session=self.http, version=version
        )

    def send(self, method: str, path: str, body: Any = None, **more: Any) -> requests.Response:
        """A call below the version, or, with a leading slash, anywhere."""
        url = self.org.base_url + (path if path.startswith("/") else f"/services/data/v66.0/{path}")
        headers = {"Authorization": f"Bearer {self.token}"} | more.pop("headers", {})
        return self.http.request(method, url, json=body, headers=headers, timeout=20, **more)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        answer = self.send(method, path, body, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def get(self, path: str, status: int = 200) -> Any:
        return self.call("GET", path, None, status)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self.call("POST", path, body, status)

    def record(self, name: str, id_: str, *fields: str) -> dict[str, Any]:
        found: dict[str, Any] = self.get(f"sobjects/{name}/{id_}?fields={','.join(fields)}")
        del found["attributes"]
        return found

    def faults(self, *rules: dict[str, Any]) -> None:
        self.post("/_sandbox/faults", list(rules))

    def edit(self, name: str, id_: str | None = None, **more: Any) -> str:
        """What somebody else does in the org."""
        done: dict[str, str] = self.post("/_sandbox/edit", {"object": name, "id": id_, **more})
        return done["id"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()
        self.org.stop()


def update_of(id_: str, name: str = "Account", **values: Any) -> dict[str, Any]:
    """One record of a collection."""
    return {"attributes": {"type": name}, "id": id_, **values}
