"""Deals and their associations from the CRM to the frames: what a pull brings, costs, and leaves when it is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from crmsync.engine.context import Context, open_context
from crmsync.engine.pull import Pulled, pull
from crmsync.engine.reread import reread
from crmsync.engine.snapshot import build_snapshot
from crmsync.errors import Unauthorized
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.loop.conftest import AS_OF
from tests.portals import call, project

PROGRAM = """\
program: deals
icp: {purchases: {gte: 1}}
"""
FILES = {
    "companies.csv": """\
hs_object_id,name,hs_lastmodifieddate
11,Acme,2026-01-01T00:00:00Z
12,Bolt,2026-01-01T00:00:00Z
13,Cask,2026-01-01T00:00:00Z
""",
    "contacts.csv": """\
hs_object_id,firstname,jobtitle,associatedcompanyid,lastmodifieddate,associations.contacts
21,Ann,CEO,11,2026-01-01T00:00:00Z,
22,Bob,CFO,11,2026-01-01T00:00:00Z,21:Manager
23,Cyd,Buyer,11,2026-01-01T00:00:00Z,22:Manager;21:Manager;21:Mentor/Mentee
24,Dan,Buyer,11,2026-01-01T00:00:00Z,23
""",
    "deals.csv": """\
hs_object_id,dealname,amount,dealstage,closedate,hs_lastmodifieddate,associations.companies,associations.contacts
31,Won,500,closedwon,2026-03-01T00:00:00Z,2026-03-01T00:00:00Z,11;12,21:Decision maker;22:C-level sponsor;22:Champion
32,Open,100,appointmentscheduled,,2026-03-01T00:00:00Z,12,23
33,Loose,100,closedwon,2026-04-01T00:00:00Z,2026-04-01T00:00:00Z,,
""",
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    (tmp_path / "data").mkdir()
    for name, text in FILES.items():
        (tmp_path / "data" / name).write_text(text, encoding="utf-8")
    with SandboxServer(tmp_path / "data") as running:
        yield running


@pytest.fixture
def config(server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "program.yaml"
    program.write_text(PROGRAM, encoding="utf-8")
    return project(tmp_path / "project", server, program, monkeypatch)


@pytest.fixture
def ctx(config: Path) -> Iterator[Context]:
    with open_context(config) as context:
        yield context


def deals(ctx: Context, pulled: Pulled, column: str = "accounts") -> dict[str, list[str]]:
    frame = build_snapshot(ctx.main, AS_OF, pulled.coverage).frames["deal"]
    return dict(frame.select("id", column).rows())


def asking(ctx: Context, **fields: set[str]) -> None:
    """Let the context need these fields, and companies by name, whatever systems there are."""
    asked = {object_: frozenset(names) for object_, names in fields.items()}
    ctx.main.__dict__["reads"] = {"company": frozenset({"name"}), **asked}


def change(server: SandboxServer, id_: str, name: str, object_: str = "deals") -> None:
    property_ = "dealname" if object_ == "deals" else "firstname"
    call(server, "PATCH", f"/crm/objects/2026-09/{object_}/{id_}", {"properties": {property_: name}})


def link(server: SandboxServer, deal: str, kind: str, other: str) -> None:
    call(server, "PUT", f"/crm/objects/2026-09/deals/{deal}/associations/default/{kind}/{other}")


def fault(server: SandboxServer, name: str, **when: Any) -> None:
    match = {"method": "POST", "path": "/associations/"}
    call(server, "POST", "/_sandbox/faults", [{"match": match, "fault": name, **when}])


def test_a_first_pull_brings_the_links_and_the_next_one_costs_nothing(ctx: Context) -> None:
    first = pull(ctx)
    assert first.kinds["deal"] == "full"
    assert deals(ctx, first) == {"31": ["11", "12"], "32": ["12"], "33": []}
    again = pull(ctx)
    assert set(again.kinds.values()) == {"increment"}
    assert "associations" not in again.calls
    assert sum(again.calls.values()) <= 8
    assert deals(ctx, again) == deals(ctx, first)


def test_only_the_associations_that_a_field_needs_are_asked_for(ctx: Context) -> None:
    asking(ctx, deal={"accounts"})
    assert pull(ctx).calls["associations"] == 1
    assert ctx.store.mirror.load_associations("main", "deal", "contact").is_empty()
    asking(ctx, deal={"accounts", "contact_roles"})
    wider = pull(ctx)
    assert (wider.kinds["company"], wider.kinds["deal"]) == ("increment", "full")
    assert wider.calls["associations"] == 2
    assert set(pull(ctx).kinds.values()) == {"increment"}


def test_labels_become_roles_and_a_label_of_contacts_the_reporting_line(config: Path) -> None:
    file = config.parent / "mappings" / "hubspot.yaml"
    text = file.read_text(encoding="utf-8")
    assert "    # reports_to: {property: associations.contacts, label: Manager}" in text
    file.write_text(text.replace("    # reports_to:", "    reports_to:"), encoding="utf-8")
    with open_context(config) as ctx:
        asking(ctx, deal={"accounts", "contacts", "contact_roles"}, contact={"account", "reports_to"})
        done = pull(ctx)
        assert deals(ctx, done, "contacts") == {"31": ["21", "22"], "32": ["23"], "33": []}
        assert {id_: sorted(roles) for id_, roles in deals(ctx, done, "contact_roles").items()} == {
            "31": ["21:decision_maker", "22:c_level_sponsor", "22:champion"], "32": [], "33": [],
        }  # fmt: skip
        frame = build_snapshot(ctx.main, AS_OF, done.coverage).frames["contact"]
        # Of two managers the lower id; a mentor and a colleague without a label are none.
        assert dict(frame.select("id", "reports_to").rows()) == {"21": None, "22": "21", "23": "21", "24": None}
        assert frame.schema["reports_to"] == pl.String


def test_a_deal_that_changed_brings_its_links_and_no_other_deals_are_asked_for(
    ctx: Context, server: SandboxServer
) -> None:
    asking(ctx, deal={"accounts"})
    pull(ctx)
    link(server, "32", "companies", "13")
    change(server, "32", "Open still")
    done = pull(ctx)
    assert (done.kinds["deal"], done.changed["deal"], done.calls["associations"]) == ("increment", 1, 1)
    assert deals(ctx, done) == {"31": ["11", "12"], "32": ["12", "13"], "33": []}


def test_a_full_pull_finds_what_changed_between_records_alone(ctx: Context, server: SandboxServer) -> None:
    asking(ctx, deal={"accounts"})
    pull(ctx)
    link(server, "33", "companies", "13")
    call(server, "DELETE", "/crm/objects/2026-09/deals/31/associations/companies/12")
    assert deals(ctx, pull(ctx, full=True)) == {"31": ["11"], "32": ["12"], "33": ["13"]}


def test_an_archived_deal_takes_its_links_along(ctx: Context, server: SandboxServer) -> None:
    asking(ctx, deal={"accounts", "contacts"})
    pull(ctx)
    call(server, "DELETE", "/crm/objects/2026-09/deals/31")
    done = pull(ctx)
    assert deals(ctx, done) == {"32": ["12"], "33": []}
    for to in ("company", "contact"):
        assert set(ctx.store.mirror.load_associations("main", "deal", to)["from_id"]) == {"32"}


def test_a_merged_company_keeps_its_deals(ctx: Context, server: SandboxServer) -> None:
    asking(ctx, deal={"accounts"})
    pull(ctx)
    merged = {"primaryObjectId": "12", "objectIdToMerge": "13"}
    survivor = call(server, "POST", "/crm/objects/2026-09/companies/merge", merged)["id"]
    done = pull(ctx)
    assert done.kinds["deal"] == "increment"
    assert deals(ctx, done) == {"31": ["11", survivor], "32": [survivor], "33": []}
    assert "associations" not in pull(ctx).calls


def test_an_increment_that_is_cut_off_before_its_links_is_made_good_by_the_next(
    ctx: Context, server: SandboxServer
) -> None:
    asking(ctx, deal={"accounts"})
    pull(ctx)
    link(server, "32", "companies", "13")
    change(server, "32", "Open still")
    fault(server, "401", times=1)
    with pytest.raises(Unauthorized):
        pull(ctx)
    assert dict(ctx.store.mirror.load_associations("main", "deal", "company").group_by("from_id").len().rows()) == {
        "31": 2, "32": 1,
    }  # fmt: skip
    done = pull(ctx)
    assert (done.changed["deal"], done.calls["associations"]) == (1, 1)
    assert deals(ctx, done)["32"] == ["12", "13"]


@pytest.mark.parametrize("name", ["500", "lost_reply"])
def test_a_first_pull_that_loses_an_answer_asks_again(ctx: Context, server: SandboxServer, name: str) -> None:
    asking(ctx, deal={"accounts"})
    fault(server, name, times=1)
    assert deals(ctx, pull(ctx)) == {"31": ["11", "12"], "32": ["12"], "33": []}


def test_a_first_pull_that_is_cut_off_before_its_links_starts_over(ctx: Context, server: SandboxServer) -> None:
    asking(ctx, deal={"accounts"})
    fault(server, "401", times=1)
    with pytest.raises(Unauthorized):
        pull(ctx)
    done = pull(ctx)
    assert done.kinds["deal"] == "full"
    assert deals(ctx, done) == {"31": ["11", "12"], "32": ["12"], "33": []}


def test_a_contact_that_is_read_by_its_id_brings_its_links_too(config: Path, server: SandboxServer) -> None:
    file = config.parent / "mappings" / "hubspot.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("    # reports_to:", "    reports_to:"), encoding="utf-8")
    with open_context(config) as ctx:
        asking(ctx, contact={"account", "reports_to"})
        done = pull(ctx)
        own = next(
            one
            for one in call(server, "GET", "/crm/associations/2026-09/contacts/contacts/labels")["results"]
            if one["label"] == "Manager"
        )
        types = [{"associationCategory": own["category"], "associationTypeId": own["typeId"]}]
        call(server, "PUT", "/crm/objects/2026-09/contacts/24/associations/contacts/22", types)
        assert reread(ctx, "contact", ["24"]) == {"24"}
        frame = build_snapshot(ctx.main, AS_OF, done.coverage).frames["contact"]
        assert frame.filter(pl.col("id") == "24")["reports_to"].to_list() == ["22"]


@pytest.fixture
def many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[SandboxServer, Context]]:
    """1,100 deals (1000 to 2099), each with one company: 11 where the id divides by three, else 12 or 13."""
    rows = "".join(f"{n},D,{n % 3 + 11}\n" for n in range(1_000, 2_100))
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "companies.csv").write_text(FILES["companies.csv"], encoding="utf-8")
    (folder / "deals.csv").write_text("hs_object_id,dealname,associations.companies\n" + rows, encoding="utf-8")
    program = tmp_path / "program.yaml"
    program.write_text(PROGRAM, encoding="utf-8")
    with SandboxServer(folder) as server, open_context(project(tmp_path / "p", server, program, monkeypatch)) as ctx:
        asking(ctx, deal={"accounts"})
        yield server, ctx


def test_the_links_of_many_deals_take_one_call_a_thousand(many: tuple[SandboxServer, Context]) -> None:
    done = pull(many[1])
    assert done.calls["associations"] == 2
    assert deals(many[1], done) == {str(n): [str(n % 3 + 11)] for n in range(1_000, 2_100)}


def test_a_full_pull_that_ends_incomplete_drops_no_link(many: tuple[SandboxServer, Context]) -> None:
    server, ctx = many
    whole = deals(ctx, pull(ctx))
    lost = {"match": {"method": "GET", "path": "/deals"}, "fault": "lost_page", "times": 1}
    call(server, "POST", "/_sandbox/faults", [lost])
    partial = pull(ctx, full=True)
    assert partial.coverage["deal"].read < 1_100
    assert not partial.coverage["deal"].complete
    assert deals(ctx, partial) == whole


def test_a_pull_that_is_cut_off_between_two_batches_keeps_records_and_links_in_step(
    many: tuple[SandboxServer, Context],
) -> None:
    server, ctx = many
    fault(server, "401", after=1, times=1)
    with pytest.raises(Unauthorized):
        pull(ctx)
    held = set(ctx.store.mirror.ids("main", "deal"))
    assert len(held) == 1_000
    assert set(ctx.store.mirror.load_associations("main", "deal", "company")["from_id"]) == held
    assert deals(ctx, pull(ctx)) == {str(n): [str(n % 3 + 11)] for n in range(1_000, 2_100)}
