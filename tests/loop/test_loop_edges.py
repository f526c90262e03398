"""The loop at its edges: other currencies, ids that do not exist, a portal of which only contacts are mapped."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from crmsync.engine import snapshot
from crmsync.engine.context import Context, open_context
from crmsync.engine.explain import explain
from crmsync.engine.plan import make_plan
from crmsync.engine.snapshot import converted
from crmsync.engine.sync import sync
from crmsync.errors import RecordNotFound
from crmsync.sandbox.hubspot.server import SandboxServer
from crmsync.store import mirror as mirror_module
from tests.loop.conftest import AS_OF
from tests.portals import project

ROLES_ONLY = "program: roles\ncurrency: USD\nroles: {vocabulary: titles}\n"


@pytest.mark.parametrize(
    ("minor", "rate", "from_", "expected"),
    [
        # 45,095,325,000,000 yen at 0.00654321 dollars: 295,068,181,493.2500 dollars.
        (45_095_325_000_000, "0.00654321", "JPY", 29_506_818_149_325),
        (100, "1.085", "EUR", 109),  # 108.5 cents, half up
        (100, "1.0849", "EUR", 108),
        (1, "0.0001", "EUR", 0),
        (None, "1.08", "EUR", None),
    ],
)
def test_an_amount_is_converted_exactly_however_large(
    minor: int | None, rate: str, from_: str, expected: int | None
) -> None:
    frame = pl.DataFrame({"minor": [minor]}, schema={"minor": pl.Int64})
    assert frame.select(converted(pl.col("minor"), Decimal(rate), from_, "USD"))["minor"].to_list() == [expected]


def test_a_portal_read_in_small_parts_gives_the_same_plan(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make_plan(ctx, as_of=AS_OF).plan
    monkeypatch.setattr(snapshot, "PART_ROWS", 1)
    monkeypatch.setattr(mirror_module, "_CHUNK_ROWS", 7)
    parts = make_plan(ctx, as_of=AS_OF).plan
    stamped = pl.col("property") != "abm_last_run"
    assert whole.changes.filter(stamped).drop("seq").equals(parts.changes.filter(stamped).drop("seq"))
    assert whole.changes.height == parts.changes.height > 1_000
    assert [guard.message for guard in whole.guards] == [guard.message for guard in parts.guards]
    told = ("lists", "quality", "tiers", "moves", "targets", "objects", "properties")
    assert {name: whole.summary[name] for name in told} == {name: parts.summary[name] for name in told}


def test_a_plan_for_a_company_that_does_not_exist_says_so(ctx: Context) -> None:
    with pytest.raises(RecordNotFound, match="company 999999"):
        make_plan(ctx, as_of=AS_OF, companies=["1001", "999999"])
    assert ctx.store.plans.list("main") == []


def test_a_portal_of_which_only_contacts_are_mapped_gets_its_roles(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "roles.yaml"
    program.write_text(ROLES_ONLY)
    root = project(tmp_path / "contacts", server, program, monkeypatch)
    mapping = root.parent / "mappings" / "hubspot.yaml"
    text = mapping.read_text()
    company, contact, deal = (text.index(f"\n{name}:\n") for name in ("company", "contact", "deal"))
    assert company < contact < deal
    mapping.write_text(text[:company] + text[contact:deal] + "\n")
    with open_context(root) as contacts:
        synced = sync(contacts, as_of=AS_OF)
        assert synced.planned.plan.changes["object"].unique().to_list() == ["contact"]
        assert sync(contacts, as_of=AS_OF).planned.plan.is_empty
        some = synced.planned.plan.changes["id"][0]
        assert explain(contacts, None, some, as_of=AS_OF).object == "contact"
