"""The Salesforce sandbox without a socket: one call in, one reply out, and time that moves when a test says so."""

import csv
import io
import json
from typing import Any

import pytest

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.salesforce import bulk, ids, queries, replication, standard
from crmsync.sandbox.salesforce.bulk_jobs import Jobs
from crmsync.sandbox.salesforce.oauth import Sessions
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.schema import parse_field
from crmsync.sandbox.salesforce.usage import Usage
from crmsync.sandbox.salesforce.wire import ApiError, Call, Reply, Service

USER = ids.make("005", 1)
ROUTES = (*queries.ROUTES, *replication.ROUTES, *bulk.ROUTES)


class HandClock(Clock):
    """Time that moves when a test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def elapsed(self) -> float:
        return self.seconds

    def now_ms(self) -> int:
        return 1_795_392_000_000 + round(self.seconds * 1000)  # 2026-11-23T00:00:00Z


class Bench:
    """A service without a socket: one call, one reply."""

    def __init__(self) -> None:
        self.clock = HandClock()
        objects = standard.objects()
        objects["Account"].add(parse_field("Ext__c string(20) ext unique", {}))
        objects["Account"].add(parse_field("Hidden__c string(20)", {}))
        objects["Account"].grant("Hidden__c", read=False, edit=False)
        self.org = Org(objects, self.clock, USER)
        self.org.begin()
        elapsed = self.clock.elapsed
        self.service = Service(self.org, self.clock, Sessions("00D", None, elapsed), Usage(1000, elapsed))
        self.jobs = self.service.part(Jobs)
        self.jobs.queue_seconds, self.jobs.batch_seconds = 10, 5

    def account(self, name: str, **values: Any) -> str:
        return self.org.create("Account", {"Name": name, **values})

    def value(self, id_: str, name: str) -> Any:
        row = self.org.get("Account", id_)
        return None if row is None else row.fields[name]

    def call(
        self, method: str, path: str, body: Any = None, *, fault: str | None = None, version: str = "66.0",
        headers: dict[str, str] | None = None, **query: str,
    ) -> Reply:  # fmt: skip
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        for route in ROUTES:
            args = route.match(path.split("/"))
            if route.method == method and args is not None:
                asked = {name: [value] for name, value in query.items()}
                return route.handler(
                    self.service, Call(method, path, version, asked, headers or {}, raw, args, fault, USER)
                )
        raise AssertionError(f"no route {method} {path}")

    def refused(self, *args: Any, **more: Any) -> tuple[int, str, str]:
        with pytest.raises(ApiError) as caught:
            self.call(*args, **more)
        (body,) = caught.value.body
        return caught.value.status, body["errorCode"], body["message"]

    def upload(self, data: str | bytes, *, operation: str = "update", version: str = "66.0", **more: Any) -> str:
        """An Account job with that data, closed."""
        body = {"object": "Account", "operation": operation, "contentType": "CSV", **more}
        id_ = str(self.call("POST", "jobs/ingest", body, version=version).body["id"])
        self.call("PUT", f"jobs/ingest/{id_}/batches", data if isinstance(data, bytes) else data.encode())
        self.call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
        return id_

    def run(self, data: str | bytes, **more: Any) -> str:
        """As `upload`, and long after."""
        id_ = self.upload(data, **more)
        self.clock.seconds += 1_000
        self.jobs.advance(self.org)  # as before every call of the API
        return id_

    def info(self, id_: str) -> dict[str, Any]:
        body: dict[str, Any] = self.call("GET", f"jobs/ingest/{id_}").body
        return body

    def rows(self, id_: str, name: str) -> list[dict[str, str]]:
        data = self.call("GET", f"jobs/ingest/{id_}/{name}").body
        return list(csv.DictReader(io.StringIO(data.decode(), newline="")))
