"""Associations as HubSpot gives them: labels, pages, and the errors that a 207 carries."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hubspot_portal import Open, companies

from crmsync.connectors.base import Link
from crmsync.connectors.hubspot import HubSpotConnector, HubSpotSettings
from crmsync.errors import Unavailable

Answer = Callable[..., HubSpotConnector]
PEOPLE = [{"hs_object_id": str(n), "email": f"p{n}@x.example"} for n in (1, 2)]
#: As HubSpot's 207 says it of a record without any (several public projects quote this body).
NONE = {
    "status": "error",
    "category": "OBJECT_NOT_FOUND",
    "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
    "message": "No company is associated with deal 8.",
    "context": {"fromObjectId": ["8"], "fromObjectType": ["deal"], "toObjectType": ["company"]},
}


@pytest.fixture
def answering() -> Iterator[Answer]:
    """A connector to a server that answers every call with the given 207."""
    with ExitStack() as stack:

        def serve(**body: Any) -> HubSpotConnector:
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    self.rfile.read(int(self.headers["Content-Length"]))
                    content = json.dumps(body).encode()
                    self.send_response(207)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

                def log_message(self, *_: Any) -> None: ...

            server = HTTPServer(("127.0.0.1", 0), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            settings = HubSpotSettings(
                f"http://127.0.0.1:{server.server_port}", token=lambda: "pat-x", search_rate=5_000.0, patience=0.001
            )
            connector = HubSpotConnector(settings, prefix="abm_", group=("crmsync", "crmsync"))
            return stack.enter_context(connector)

        yield serve


@pytest.mark.parametrize("version", ["2026-09", "2026-03", "v3"])
def test_each_association_comes_with_all_its_labels(portal: Open, version: str) -> None:
    deals = [
        {"hs_object_id": "7", "associations.contacts": "2:Decision maker;1;2:Champion"},
        {"hs_object_id": "8", "associations.contacts": ""},
    ]
    with portal(companies=companies(1), contacts=PEOPLE, deals=deals).connect(api_version=version) as crm:
        assert crm.associations("deal", "contact", ["7", "8", "99"]) == {
            "7": [Link("1"), Link("2", ("Champion", "Decision maker"))], "8": [], "99": [],
        }  # fmt: skip
        assert crm.associations("contact", "deal", ["2"]) == {"2": [Link("7", ("Champion", "Decision maker"))]}
        assert crm.usage().calls == {"associations": 2}


def test_labels_on_a_later_page_of_one_record_are_read_too(portal: Open) -> None:
    linked = ";".join([*(str(n) for n in range(1, 601)), "600:Champion"])
    people = [{"hs_object_id": str(n), "email": f"p{n}@x.example"} for n in range(1, 601)]
    one = portal(
        companies=companies(1), contacts=people, deals=[{"hs_object_id": "7", "associations.contacts": linked}]
    )
    with one.connect() as crm:
        found = crm.associations("deal", "contact", ["7"])["7"]
        assert [link.to for link in found] == [str(n) for n in range(1, 601)]
        assert found[-1] == Link("600", ("Champion",))
        assert crm.usage().calls == {"associations": 2}


def test_a_record_that_hubspot_says_has_none_has_none(answering: Answer) -> None:
    linked = {"from": {"id": "7"}, "to": [{"toObjectId": 11, "associationTypes": [{"label": None, "typeId": 341}]}]}
    crm = answering(status="COMPLETE", results=[linked], numErrors=1, errors=[NONE])
    assert crm.associations("deal", "company", ["7", "8"]) == {"7": [Link("11")], "8": []}


def test_records_that_hubspot_could_not_look_at_are_not_taken_for_unlinked(answering: Answer) -> None:
    failed = {"status": "error", "category": "INTERNAL_ERROR", "message": "Something broke", "context": {"ids": ["8"]}}
    crm = answering(status="COMPLETE", results=[], numErrors=1, errors=[failed])
    with pytest.raises(Unavailable, match=r"associations of some deal records .*INTERNAL_ERROR: Something broke"):
        crm.associations("deal", "company", ["8"])
