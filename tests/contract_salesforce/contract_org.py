"""An org over plain HTTP, local or real: nothing of crmsync's connector, and nothing of the sandbox's insides.

Without the environment an org of its own is started for each test. With `CRMSYNC_SALESFORCE_BASE_URL` the same tests
talk to that org (README.md names the other variables): they make their own records and delete them again, and they
refuse an org that is neither a sandbox nor a Developer Edition.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import os
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import jwt
import pytest
import requests

from crmsync.sandbox.salesforce.server import SandboxOrg

VERSION = "66.0"
HOME = f"/services/data/v{VERSION}/"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REMOTE = os.environ.get("CRMSYNC_SALESFORCE_BASE_URL", "").rstrip("/")
_TIMEOUT = 60
_ALLOW = {"Sforce-Duplicate-Rule-Header": "allowSave=true"}
"""The org's own alert rules are not what is tested."""

Json = dict[str, Any]


def local_only(why: str) -> pytest.MarkDecorator:
    """Marks a test that needs the control plane, with the reason."""
    return pytest.mark.skipif(bool(REMOTE), reason=f"local only: {why}")


def setting(name: str) -> str:
    """`CRMSYNC_SALESFORCE_<name>`, empty where it is not set."""
    return os.environ.get(f"CRMSYNC_SALESFORCE_{name}", "")


class Org:
    """One org, a session of it, and the records that the test made there."""

    def __init__(self, **options: Any) -> None:
        """`options` are the local org's."""
        self.box: SandboxOrg | None = None
        if REMOTE:
            assert not options, "an org that is not ours cannot be started"
            self.base_url, self.ca_file = REMOTE, setting("CA_FILE") or True
            self.consumer_key, self.consumer_secret = setting("CONSUMER_KEY"), setting("CONSUMER_SECRET")
            self.private_key, self.username = setting("PRIVATE_KEY"), setting("USERNAME")
        else:
            self.box = SandboxOrg(options.pop("data", None), **options)
            self.base_url, self.ca_file = self.box.base_url, self.box.ca_file
            self.consumer_key, self.consumer_secret = self.box.consumer_key, self.box.consumer_secret
            self.private_key, self.username = self.box.private_key, self.box.username
        self.http = requests.Session()
        self.http.trust_env = False  # or REQUESTS_CA_BUNDLE wins over verify
        self.http.verify = self.ca_file
        self.made: list[str] = []
        self.token = ""

    # -- login

    def claims(self, **changed: Any) -> Json:
        audience = setting("AUDIENCE") or "https://test.salesforce.com"
        expires = str(int(time.time()) + 170)
        return {"iss": self.consumer_key, "sub": self.username, "aud": audience, "exp": expires} | changed

    def bearer(self, claims: Json) -> requests.Response:
        """A login by JWT with these claims."""
        assertion = jwt.encode(claims, Path(self.private_key).read_text(), algorithm="RS256")
        return self.token_call({"grant_type": JWT_GRANT, "assertion": assertion})

    def token_call(self, form: Mapping[str, str], **more: Any) -> requests.Response:
        url = f"{self.base_url}/services/oauth2/token"
        return self.http.post(url, data=dict(form), timeout=_TIMEOUT, **more)

    def by_secret(self, secret: str) -> requests.Response:
        """A login by client credentials."""
        return self.token_call({"grant_type": "client_credentials"}, auth=(self.consumer_key, secret))

    def login(self) -> str:
        """A new session, by JWT where there is a key."""
        answer = self.bearer(self.claims()) if self.private_key else self.by_secret(self.consumer_secret)
        assert answer.status_code == 200, answer.text
        self.token = answer.json()["access_token"]
        return self.token

    # -- calls

    def send(self, method: str, path: str, body: Any = None, *, token: str = "", **more: Any) -> requests.Response:
        """A call below the version, or, with a leading slash, anywhere. Nothing is tried again."""
        url = self.base_url + (path if path.startswith("/") else HOME + path)
        headers = {"Authorization": f"Bearer {token or self.token or self.login()}"} | more.pop("headers", {})
        return self.http.request(method, url, json=body, headers=headers, timeout=_TIMEOUT, **more)

    def call(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        answer = self.send(method, path, body, **more)
        if answer.status_code == 401 != status:  # a test ended every session, this one too
            self.login()
            answer = self.send(method, path, body, **more)
        assert answer.status_code == status, f"{answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def get(self, path: str, status: int = 200, **more: Any) -> Any:
        return self.call("GET", path, None, status, **more)

    def page(self, soql: str, *, deleted: bool = False, status: int = 200, **more: Any) -> Any:
        """The first page of a query, as it is."""
        return self.get("queryAll" if deleted else "query", status, params={"q": soql}, **more)

    def rows(self, soql: str, *, deleted: bool = False) -> list[Json]:
        """All rows of a query, without their attributes."""
        page = self.page(soql, deleted=deleted)
        found = list(page["records"])
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"])
            found += page["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in found]

    def value(self, object_: str, id_: str, name: str) -> Any:
        return self.get(f"sobjects/{object_}/{id_}?fields={name}")[name]

    # -- records

    def create(self, object_: str, *records: Json) -> list[str]:
        """Makes records, to be deleted at the end; their ids in order."""
        ids: list[str] = []
        for first in range(0, len(records), 200):
            part = [{"attributes": {"type": object_}, **record} for record in records[first : first + 200]]
            results = self.call("POST", "composite/sobjects", {"records": part}, headers=_ALLOW)
            assert all(one["success"] for one in results), results
            ids += [one["id"] for one in results]
        self.made += ids
        return ids

    def accounts(self, many: int, **fields: Any) -> list[str]:
        """That many accounts of one name that nobody else has."""
        name = self.mark()
        return self.create("Account", *({"Name": name, **fields} for _ in range(many)))

    @staticmethod
    def mark() -> str:
        return f"crmsync contract {uuid.uuid4().hex}"

    def contact_role(self) -> Json:
        """An account with a contact, an opportunity, and the role that joins them: ids by object."""
        account, *_ = self.accounts(1)
        contact, *_ = self.create("Contact", {"LastName": self.mark(), "AccountId": account})
        deal = {"Name": self.mark(), "AccountId": account, "StageName": "Prospecting", "CloseDate": "2026-12-31"}
        opportunity, *_ = self.create("Opportunity", deal)
        role = {"OpportunityId": opportunity, "ContactId": contact, "Role": "Evaluator"}
        made, *_ = self.create("OpportunityContactRole", role)
        return {
            "Account": account, "Contact": contact, "Opportunity": opportunity, "OpportunityContactRole": made,
        }  # fmt: skip

    # -- bulk

    def job(self, kind: str, **body: Any) -> Json:
        """A new job; `kind` is `ingest` or `query`."""
        made: Json = self.call("POST", f"jobs/{kind}", body)
        return made

    def put(self, id_: str, data: str) -> requests.Response:
        headers = {"Content-Type": "text/csv", "Authorization": f"Bearer {self.token or self.login()}"}
        url = f"{self.base_url}{HOME}jobs/ingest/{id_}/batches"
        return self.http.put(url, data=data.encode(), headers=headers, timeout=_TIMEOUT)

    def close_job(self, id_: str, state: str = "UploadComplete") -> Json:
        said: Json = self.call("PATCH", f"jobs/ingest/{id_}", {"state": state})
        return said

    def ended(self, kind: str, id_: str) -> Json:
        """The job once it has ended; the test's own time limit ends the wait for one that never does."""
        while True:
            info: Json = self.get(f"jobs/{kind}/{id_}")
            if info["state"] in {"JobComplete", "Failed", "Aborted"}:
                return info

    def run_job(self, data: str, operation: str = "update", object_: str = "Account") -> Json:
        """An ingest job from its making to its end."""
        job = self.job("ingest", object=object_, operation=operation, contentType="CSV", lineEnding="LF")
        assert self.put(job["id"], data).status_code == 201
        self.close_job(job["id"])
        return self.ended("ingest", job["id"])

    def results(self, id_: str, name: str) -> list[dict[str, str]]:
        """`successfulResults`, `failedResults` or `unprocessedrecords` of an ingest job, in the order they came."""
        answer = self.send("GET", f"jobs/ingest/{id_}/{name}")
        assert answer.status_code == 200, answer.text
        return read_csv(answer.content)

    # -- what only a local org has

    def control(self, name: str, body: Any = None, method: str = "POST") -> Any:
        """A call of the control plane."""
        assert not REMOTE, "an org that is not ours has no control plane"
        answer = self.http.request(method, f"{self.base_url}/_sandbox/{name}", json=body, timeout=_TIMEOUT)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def faults(self, *rules: Json) -> None:
        self.control("faults", list(rules))

    def edit(self, object_: str, id_: str | None = None, **more: Any) -> str:
        """What somebody else does in the org."""
        done: dict[str, str] = self.control("edit", {"object": object_, "id": id_, **more})
        return done["id"]

    def requests(self, part: str = "", method: str = "") -> list[Json]:
        """The org's own log, of calls whose path has that part."""
        log: list[Json] = self.control("requests", method="GET")
        return [one for one in log if part in one["path"] and method in {"", one["method"]}]

    def age_deletions(self, minutes: int = 2) -> None:
        """As if so long had passed since what was deleted: the log is asked for by whole minutes that are over."""
        assert self.box is not None
        log = self.box.app.service.org.deletions
        log[:] = [dataclasses.replace(one, at=one.at - minutes * 60_000) for one in log]

    # -- the end

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if REMOTE and self.made:
                # Children went with their parents; what is gone already is refused, which does not matter here.
                for first in range(0, len(self.made), 200):
                    listed = ",".join(self.made[first : first + 200])
                    self.send("DELETE", "composite/sobjects", params={"ids": listed, "allOrNone": "false"})
        finally:
            self.http.close()
            if self.box is not None:
                self.box.stop()


StartOrg = Callable[..., Org]


def read_csv(data: bytes) -> list[dict[str, str]]:
    """Rows of a results file, whose cells may hold line ends."""
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))


def update_of(id_: str, object_: str = "Account", **values: Any) -> Json:
    """One record of a collection."""
    return {"attributes": {"type": object_}, "id": id_, **values}


def csv_of(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A file as Bulk API 2.0 takes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def refuse_production(org: Org) -> None:
    """Stops everything where the org is one that people work in."""
    (found,) = org.rows("SELECT IsSandbox, OrganizationType FROM Organization")
    if not found["IsSandbox"] and found["OrganizationType"] != "Developer Edition":
        pytest.exit(f"{org.base_url} is a production org; these tests write. Name a sandbox.", returncode=1)
