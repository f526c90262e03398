"""Few and many changes in an org: which way they are written, and that what was written is found again unchanged.

Above 2,000 changed rows a bulk job, up to that collections of 200 (salesforce.md 2.4 and 6); read from the org's log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from crmsync.engine.apply import apply_plan
from crmsync.engine.sync import sync
from crmsync.engine.undo import plan_undo
from crmsync.errors import ExitCode
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.model.plan import OutcomeStatus, Update
from tests.salesforce_house import (
    AS_OF,
    OrgHouse,
    Row,
    account_id,
    account_rows,
    api_name,
    assert_settled,
    field_of,
    synced,
)

House = Callable[..., OrgHouse]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    built: list[OrgHouse] = []

    def build(accounts: Sequence[Row], contacts: Sequence[Row] = (), **options: Any) -> OrgHouse:
        built.append(OrgHouse(tmp_path / f"house-{len(built)}", accounts, contacts, **options))
        return built[-1]

    yield build
    for one in built:
        one.close()


def ways(org: OrgHouse) -> tuple[list[int], int]:
    """Sizes of the collections that were written, and how many files of bulk jobs."""
    sizes = [one["inputs"] for one in org.org.requests("/composite/sobjects", "PATCH")]
    return sorted(sizes, reverse=True), len(org.org.requests("/jobs/ingest", "PUT"))


@pytest.mark.parametrize(
    ("rows", "collections", "files"), [(2_000, [200] * 10, 0), (2_001, [], 1)], ids=["collections", "bulk"]
)
def test_up_to_2000_rows_go_in_collections_and_more_in_one_job(
    house: House, rows: int, collections: list[int], files: int
) -> None:
    """Every account gets a decision at first, so there are as many changed rows as accounts; the settings are none."""
    org = house(account_rows(rows))
    config = org.config()
    before = ways(org)
    synced(org, config)
    assert before == ([], 0)
    assert ways(org) == (collections, files)
    with org.context(config) as ctx:
        assert_settled(ctx)
        # Both ways leave what is found again: nothing flaps.
        assert sync(ctx, as_of=AS_OF, full=True).planned.plan.changes.is_empty()
    assert ways(org) == (collections, files)


def test_an_undo_of_many_clears_in_bulk_what_was_blank_before(house: House) -> None:
    """An empty cell would leave the value as it is, and the undo would say that it is done."""
    org = house(account_rows(2_001))
    with org.context(org.config()) as ctx:
        first = sync(ctx, as_of=AS_OF)
        assert first.applied is not None
        assert all("ABM_Tier__c" in values for values in org.held().values())
        back = plan_undo(ctx, first.applied.run_id).plan
        applied = apply_plan(ctx, back, accept=frozenset({"all"}), reason="taken back")
        assert applied.exit_code is ExitCode.DONE
        assert applied.outcomes == {"applied": first.planned.plan.changes.height}
    assert ways(org) == ([], 2)
    assert all(values == {} for values in org.held(stamp=True).values())


# -- every kind of value

OPTIONS = (Option("tier_1", "Tier 1"), Option("none", "None"), Option("a_b", "A & B"))
KINDS: dict[OutputKind, tuple[str, ...]] = {
    OutputKind.ENUM: ("tier_1", "none"),
    OutputKind.MULTI: ("none", "none;a_b"),
    OutputKind.TEXT: ("a line\nand another, with \"quotes\" and 'more'; Łódź 東京", "x" * 5_000),
    OutputKind.NUMBER: ("0", "5000000"),
    OutputKind.DATETIME: ("2026-11-01T00:00:00Z", "2026-06-30T23:59:59Z"),
    OutputKind.DATE: ("2026-11-01", "2024-02-29"),
    OutputKind.BOOLEAN: ("true", "false"),
}


@pytest.mark.parametrize("rows", [2, 201], ids=["collections", "bulk"])
@pytest.mark.parametrize("kind", list(OutputKind), ids=lambda kind: kind.value)
def test_a_value_of_every_kind_is_read_back_as_it_was_written_and_cleared(
    house: House, kind: OutputKind, rows: int
) -> None:
    org = house(account_rows(rows))
    name = f"kind_{kind.value}"
    options = OPTIONS if kind in (OutputKind.ENUM, OutputKind.MULTI) else ()
    output = Output(name=name, object="company", kind=kind, label="Kind", description="", options=options)
    (sets,) = org.org.rows("SELECT Id FROM PermissionSet WHERE Name = 'Crm_Integration'")
    field = f"Account.{api_name(name)}"
    org.org.call("POST", "tooling/sobjects/CustomField", {"FullName": field, "Metadata": field_of(output)}, 201)
    rights = {"ParentId": sets["Id"], "SobjectType": "Account", "Field": field}
    org.org.call("POST", "sobjects/FieldPermissions", {**rights, "PermissionsRead": True, "PermissionsEdit": True}, 201)
    ids = [account_id(n) for n in range(rows)]
    with org.context(org.config(), bulk_from=200) as ctx:
        crm = ctx.connector
        for first, second in (KINDS[kind], tuple(reversed(KINDS[kind])), (KINDS[kind][0], ""), ("", "")):
            wanted = {id_: second if n % 2 else first for n, id_ in enumerate(ids)}
            results = crm.write("company", [Update(id_, {f"abm_{name}": text}) for id_, text in wanted.items()])
            assert {result.status for result in results} == {OutcomeStatus.APPLIED}
            read = crm.read("company", ids, [f"abm_{name}"]).values
            found = {id_: values[f"abm_{name}"] for id_, values in read.items()}
            if kind is OutputKind.DATETIME:  # the same moment, in the spelling that Salesforce gives it
                found = {id_: text[:19] + "Z" if text else text for id_, text in found.items()}
            assert found == {id_: text or None for id_, text in wanted.items()}
    assert ways(org) == (([2] * 4, 0) if rows == 2 else ([], 4))
