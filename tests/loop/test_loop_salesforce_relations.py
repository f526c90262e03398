"""Roles that contacts have in accounts (Contacts to Multiple Accounts) as their buying roles, as a mapping may say."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmsync.engine.context import Context, open_context
from crmsync.engine.plan import make_plan
from crmsync.engine.snapshot import build_snapshot
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.salesforce import ids
from crmsync.sandbox.salesforce.server import SandboxOrg
from tests.loop.conftest import AS_OF

ACME, BOLT = ids.make("001", 1), ids.make("001", 2)
ANN, BOB, CYD = (ids.make("003", number) for number in (1, 2, 3))
FILES = {
    "Account": f"Id,Name\n{ACME},Acme\n{BOLT},Bolt\n",
    "Contact": f"Id,LastName,Title,AccountId\n{ANN},Ann,,{ACME}\n{BOB},Bob,,{ACME}\n{CYD},Cyd,,{BOLT}\n",
    # Ann is something in two accounts, Bob was something once, Cyd is related and nothing is said of how.
    "AccountContactRelation": "AccountId,ContactId,Roles,IsActive\n"
    f"{ACME},{ANN},Economic Buyer;Executive Sponsor,true\n{BOLT},{ANN},Economic Buyer,true\n"
    f"{ACME},{BOB},Technical Buyer,false\n{BOLT},{CYD},,true\n",
}


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Context]:
    data, config = tmp_path / "data", tmp_path / "project" / "config"
    data.mkdir()
    config.mkdir(parents=True)
    for name, text in FILES.items():
        (data / f"{name}.csv").write_text(text, encoding="utf-8")
    shutil.copytree(mappings_dir(), tmp_path / "project" / "mappings")
    mapping = tmp_path / "project" / "mappings" / "salesforce.yaml"
    text = mapping.read_text(encoding="utf-8")
    start, end = text.index("    buying_role:\n"), text.index("    reports_to:")
    mapping.write_text(text[:start] + "    buying_role: associations.companies\n" + text[end:], encoding="utf-8")
    (config / "program.yaml").write_text("program: relations\nroles: {vocabulary: titles}\n", encoding="utf-8")
    with SandboxOrg(data, features=("contacts_to_multiple_accounts",)) as org:
        (config / "key").write_text(org.consumer_key, encoding="utf-8")
        (config / "crmsync.yaml").write_text(
            f"portals:\n  main:\n    salesforce:\n      base_url: {org.base_url}\n      ca_file: {org.ca_file}\n"
            f"      consumer_key: file:key\n      private_key: file:{org.private_key}\n"
            f"      username: {org.username}\n",
            encoding="utf-8",
        )
        with open_context(config) as context:
            yield context


def test_the_roles_of_relations_that_last_are_read_in_any_order_and_none_is_not_known(ctx: Context) -> None:
    make_plan(ctx, as_of=AS_OF)
    contacts = build_snapshot(ctx.main, AS_OF, {}).contacts.sort("id")
    assert contacts.select("id", "buying_role").rows() == [
        (ANN, ["economic_buyer", "executive_sponsor"]), (BOB, None), (CYD, None),
    ]  # fmt: skip


def test_they_decide_as_a_person_s_word(ctx: Context) -> None:
    plan = make_plan(ctx, as_of=AS_OF).plan
    roles = {row["id"]: row["after"] for row in plan.changes.to_dicts() if row["property"] == "abm_stakeholder_role"}
    assert roles == {
        ANN: "commercial_decision_maker;influencer", BOB: "unclassified", CYD: "unclassified",
    }  # fmt: skip
