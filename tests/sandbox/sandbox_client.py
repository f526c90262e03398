"""A small portal whose every value is known, a sandbox over it, and a plain HTTP client."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

import requests

from crmsync.sandbox.hubspot.server import SandboxServer

FILES = {
    "companies.csv": """\
hs_object_id,name,domain,industry,numberofemployees,annualrevenue,country,web_technologies,lifecyclestage,\
hs_parent_company_id,createdate,hs_lastmodifieddate,region_code
101,Acme Corp,acme.example,COMPUTER_SOFTWARE,250,5000000,US,hubspot;marketo,lead,\
,2024-01-01T00:00:00.000Z,2026-01-01T00:00:00.000Z,EMEA
102,Beta Retail,beta.example,RETAIL,40,"12,5 M€",DE,,customer,101,2024-02-01T00:00:00.000Z,2026-02-01T00:00:00.000Z,
103,gamma,,,,900,,hubspot,,,2024-03-01T00:00:00.000Z,2026-03-01T00:00:00.000Z,
104,Delta acme Works,delta.example,OLD_INDUSTRY,9,100,US,,,,2024-04-01T00:00:00.000Z,2026-04-01T00:00:00.000Z,
""",
    "contacts.csv": """\
hs_object_id,firstname,lastname,email,jobtitle,associatedcompanyid,hs_buying_role,createdate,lastmodifieddate
201,Ana,Adams,ana@acme.example,CTO,101,DECISION_MAKER,2024-01-05T00:00:00.000Z,2026-01-05T00:00:00.000Z
202,Ben,Berg,ben@acme.example,CFO,101,,2024-01-06T00:00:00.000Z,2026-01-06T00:00:00.000Z
203,Cleo,Costa,cleo@nowhere.example,,,,2024-01-07T00:00:00.000Z,2026-01-07T00:00:00.000Z
""",
    "deals.csv": """\
hs_object_id,dealname,amount,dealstage,pipeline,createdate,closedate,associations.companies,associations.contacts
301,Big,1000,closedwon,default,2025-01-01T00:00:00.000Z,2025-02-01T00:00:00.000Z,101;102,201;202
302,Small,10,appointmentscheduled,default,2025-01-02T00:00:00.000Z,,102,
""",
    "owners.csv": """\
id,email,firstName,lastName,teams,archived
9001,olga@seller.example,Olga,Ode,Central;East,
9002,pete@seller.example,Pete,Poe,,true
""",
}


def write_portal(folder: Path, files: dict[str, str] = FILES) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


class Sandbox:
    """A running sandbox and a session with its token."""

    def __init__(self, data: Path | None, **options: Any) -> None:
        self.server = SandboxServer(data, **options)
        self.http = requests.Session()

    def send(self, method: str, path: str, body: Any = None, token: str | None = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {token or self.server.access_token}"}
        return self.http.request(method, self.server.base_url + path, json=body, headers=headers, timeout=20)

    def get(self, path: str, status: int = 200) -> Any:
        return self._checked(self.send("GET", path), status)

    def post(self, path: str, body: Any = None, status: int = 200) -> Any:
        return self._checked(self.send("POST", path, body), status)

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        return self._checked(self.send(method, path, body), status)

    @staticmethod
    def _checked(answer: requests.Response, status: int) -> Any:
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def faults(self, *rules: dict[str, Any]) -> None:
        self.post("/_sandbox/faults", list(rules))

    def properties(self, kind: str, id_: int | str, *names: str) -> dict[str, str | None]:
        record = self.get(f"/crm/objects/2026-09/{kind}/{id_}?properties={','.join(names)}")
        values: dict[str, str | None] = record["properties"]
        return values

    def search(self, kind: str, *filters: dict[str, Any], **more: Any) -> Any:
        groups = [{"filters": list(filters)}] if filters else []
        return self.post(f"/crm/objects/2026-09/{kind}/search", {"filterGroups": groups, **more})

    def found(self, kind: str, *filters: dict[str, Any], **more: Any) -> list[str]:
        return [record["id"] for record in self.search(kind, *filters, **more)["results"]]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.http.close()
        self.server.stop()
