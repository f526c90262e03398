"""What Salesforce can do to a sync: a busy job, an ended session, a held row, values that are hard to carry, a row that
commits late. Each sync is to end with the same values, in every record, as one that nothing happened to.

What the org holds is counted over plain HTTP; nothing is taken from crmsync's own word for it.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from crmsync.connectors.base import Connector
from crmsync.engine.context import Context
from crmsync.engine.sync import sync
from crmsync.errors import ExitCode
from tests.contract_salesforce.contract_org import csv_of
from tests.salesforce_house import (
    AS_OF,
    HARD_NAME,
    OrgHouse,
    account_id,
    account_rows,
    assert_settled,
    contact_rows,
    synced,
)

BULK: dict[str, Any] = {"bulk_from": 20}
WAYS = pytest.mark.parametrize("settings", [{}, BULK], ids=["collections", "bulk"])
ACCOUNTS, CONTACTS = 300, 600


@pytest.fixture
def two_orgs(tmp_path: Path) -> Iterator[tuple[OrgHouse, OrgHouse]]:
    """Two orgs of the same records: a calm one, which has been synced, and one for the fault."""
    accounts = account_rows(ACCOUNTS)
    contacts = contact_rows(CONTACTS, accounts)
    with contextlib.ExitStack() as stack:
        calm, rough = (OrgHouse(tmp_path / name, accounts, contacts) for name in ("calm", "rough"))
        stack.callback(calm.close)
        stack.callback(rough.close)
        synced(calm, calm.config())
        yield calm, rough


def assert_nothing_lost(calm: OrgHouse, rough: OrgHouse) -> None:
    """Every record holds what it holds in the calm org, and each of them has been decided on."""
    wanted, found = calm.held(), rough.held()
    assert found == wanted
    decided = Counter(object_ for (object_, _), values in found.items() if values)
    assert decided == {"Account": ACCOUNTS, "Contact": CONTACTS}
    assert sum("ABM_Tier__c" in values for values in found.values()) == ACCOUNTS
    assert sum("ABM_Stakeholder_Role__c" in values for values in found.values()) == CONTACTS


def assert_rest(ctx: Context) -> None:
    assert sync(ctx, as_of=AS_OF).applied is None, "a second run has nothing to do"


@pytest.mark.parametrize("fault", ["503", "reset", "500", "502", "truncated_body"])
def test_a_busy_server_while_a_bulk_job_is_polled(two_orgs: tuple[OrgHouse, OrgHouse], fault: str) -> None:
    """The client library would abort the job at the first of these, half done (salesforce.md 0.6)."""
    calm, rough = two_orgs
    rough.org.control("settings", {"bulk_ms": 40})
    rough.org.faults({"match": {"method": "GET", "path": "/jobs/ingest/750"}, "fault": fault, "times": 30})
    with rough.context(rough.config(), **BULK) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
        struck = [one["fault"] for one in rough.org.requests("/jobs/ingest") if one["fault"]]
        assert struck == [fault] * 30, "more than any single call is tried again"
        assert_rest(ctx)
    states = Counter(job["state"] for job in rough.org.get("jobs/ingest")["records"])
    assert set(states) == {"JobComplete"}, "no job was aborted, and none left open"
    assert_nothing_lost(calm, rough)


def test_a_503_while_the_job_of_a_bulk_query_is_polled(two_orgs: tuple[OrgHouse, OrgHouse]) -> None:
    calm, rough = two_orgs
    rough.org.control("settings", {"bulk_ms": 40})
    rough.org.faults({"match": {"method": "GET", "path": "/jobs/query/750"}, "fault": "503", "times": 30})
    with rough.context(rough.config(), query_bulk_from=100) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
    assert len([one for one in rough.org.requests("/jobs/query") if one["fault"]]) == 30
    assert_nothing_lost(calm, rough)


@pytest.mark.parametrize("after", [0, 1, 2, 3, 5, 8])
def test_a_session_that_ends_in_the_middle_of_reading(two_orgs: tuple[OrgHouse, OrgHouse], after: int) -> None:
    calm, rough = two_orgs
    rough.org.faults({"match": {"path": "/query"}, "fault": "session_expired", "times": 1, "after": after})
    with rough.context(rough.config()) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
        struck = [one for one in rough.org.requests() if one["fault"] == "session_expired"]
        # So many queries does a sync not always make; the first ones it does.
        assert len(struck) == 1 or after > 3
    assert_nothing_lost(calm, rough)


def test_a_session_that_ends_between_two_pages(tmp_path: Path) -> None:
    """4,300 accounts are three pages; the session is ended as soon as the first has come."""
    accounts = account_rows(4_300)
    house = OrgHouse(tmp_path / "house", accounts)
    try:
        with house.context(house.config()) as ctx:
            ended: list[str] = []
            ctx.main._connector = _Between(ctx.connector, house, ended)  # type: ignore[assignment]
            assert sync(ctx, as_of=AS_OF, accept=frozenset({"all"}), reason="first").exit_code is ExitCode.DONE
            assert ended == ["company"]
            assert_settled(ctx)
        tiers = house.org.rows("SELECT Id, ABM_Tier__c FROM Account")
        assert sum(one["ABM_Tier__c"] is not None for one in tiers) == len(tiers) == 4_300
    finally:
        house.close()


class _Between:
    """The connector as it is; the org ends every session once, after the first page of a pull."""

    def __init__(self, connector: Connector, house: OrgHouse, ended: list[str]) -> None:
        self._connector, self._house, self._ended = connector, house, ended

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def pull(self, object_: Any, *arguments: Any, **options: Any) -> Iterator[Any]:
        for page in self._connector.pull(object_, *arguments, **options):
            if not self._ended:
                self._ended.append(object_)
                self._house.org.control("token", {"expire": True})
            yield page


@WAYS
def test_rows_that_others_hold_for_a_while_are_written_in_the_same_sync(
    two_orgs: tuple[OrgHouse, OrgHouse], settings: dict[str, Any]
) -> None:
    calm, rough = two_orgs
    victims = [account_id(n) for n in (3, 77, 78, 299)]
    rough.org.faults(*({"match": {"ids": [id_]}, "fault": "lock_row", "times": 2} for id_ in victims))
    with rough.context(rough.config(), **settings) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
        assert_rest(ctx)
    assert_nothing_lost(calm, rough)


@WAYS
def test_a_row_that_somebody_holds_all_along_is_written_by_the_next_sync(
    two_orgs: tuple[OrgHouse, OrgHouse], settings: dict[str, Any]
) -> None:
    calm, rough = two_orgs
    held = account_id(42)
    rough.org.control("lock", {"ids": [held], "ms": 86_400_000})
    config = rough.config()
    with rough.context(config, **settings) as ctx:
        sync(ctx, as_of=AS_OF)
        assert ctx.store.letters.list("main") == [], "a lock is no refusal"
    wanted, found = calm.held(), rough.held()
    assert found.pop(("Account", held)) == {}
    assert wanted.pop(("Account", held)) != {}
    assert found == wanted, "the others did not wait for it"
    rough.org.control("lock", {"ids": [held], "ms": 0})
    with rough.context(config, **settings) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert_settled(ctx)
        assert_rest(ctx)
    assert_nothing_lost(calm, rough)


@pytest.mark.parametrize(
    "settings",
    [{}, {"query_bulk_from": 100}, {"query_bulk_from": 100, "bulk_from": 20}],
    ids=["REST", "bulk query", "bulk query and bulk job"],
)
def test_line_ends_and_letters_of_every_script_arrive_as_they_stand(
    two_orgs: tuple[OrgHouse, OrgHouse], settings: dict[str, Any]
) -> None:
    """The names come as CSV without a charset, with line ends inside their quotes."""
    calm, rough = two_orgs
    with rough.context(rough.config(), **settings) as ctx:
        done = sync(ctx, as_of=AS_OF)
        assert done.exit_code is ExitCode.DONE
        assert_settled(ctx)
        mirrored = ctx.store.mirror.load(ctx.main.space, "company", ["Name"])
        names = dict(mirrored.select("id", "Name").iter_rows())
    expected = {row["Id"]: row["Name"] for row in account_rows(ACCOUNTS)}
    assert names == expected
    assert sum(name.startswith(HARD_NAME) for name in names.values()) == ACCOUNTS / 5
    assert {row["Id"]: row["Name"] for row in rough.org.rows("SELECT Id, Name FROM Account")} == expected
    assert bool(rough.org.requests("/jobs/query", "POST")) == ("query_bulk_from" in settings)
    assert bool(rough.org.requests("/jobs/ingest", "POST")) == ("bulk_from" in settings)
    assert_nothing_lost(calm, rough)


@WAYS
def test_a_value_that_holds_line_ends_is_found_again_in_the_results_of_a_job(
    tmp_path: Path, settings: dict[str, Any]
) -> None:
    """The reason of a tier quotes the record: here a country with a line end in it."""
    accounts = account_rows(ACCOUNTS)
    for row in accounts[::3]:
        row |= {"BillingCountry": "Côte\nd'Ivoire", "Industry": "Machinery", "NumberOfEmployees": "250"}
        row |= {"AnnualRevenue": "20000000"}
    house = OrgHouse(tmp_path / "house", accounts)
    try:
        config = house.config()
        synced(house, config, **settings)
        tiers = {row["Id"]: row["ABM_Tier__c"] for row in house.org.rows("SELECT Id, ABM_Tier__c FROM Account")}
        assert all(value is not None for value in tiers.values())
        assert {tiers[row["Id"]] for row in accounts[::3]} == {"tier_3"}
        with house.context(config, **settings) as ctx:
            assert_settled(ctx)
            assert_rest(ctx)
    finally:
        house.close()


def test_a_row_that_commits_late_is_read_by_a_later_increment(two_orgs: tuple[OrgHouse, OrgHouse]) -> None:
    """A transaction of five minutes stamps its row at its start: a later write of another row is seen before it."""
    calm, rough = two_orgs
    config = rough.config()
    synced(rough, config)
    assert rough.held() == calm.held()
    late, soon = account_id(11), account_id(12)
    fields = {
        "Industry": "Machinery", "NumberOfEmployees": 250, "AnnualRevenue": 20_000_000, "BillingCountry": "Germany",
        "Technologies__c": "salesforce",
    }  # fmt: skip
    before = {id_: rough.held()["Account", id_] for id_ in (late, soon)}
    rough.org.edit("Account", late, fields=fields | {"Name": "Late"}, commit_ms=300_000)
    rough.org.control("settings", {"advance_ms": 60_000})
    rough.org.edit("Account", soon, fields=fields | {"Name": "Soon"})
    synced(rough, config)
    found = rough.held()
    assert found["Account", soon]["ABM_Tier__c"] == "tier_1"
    assert found["Account", late] == before[late], "nobody can see it yet"
    rough.org.control("settings", {"advance_ms": 300_000})
    assert rough.org.value("Account", late, "Name") == "Late"
    stamps = {id_: rough.org.value("Account", id_, "SystemModstamp") for id_ in (late, soon)}
    assert stamps[late] < stamps[soon], "behind what has been read already"
    full_pulls = len(rough.org.requests("/query"))
    synced(rough, config)
    assert rough.held()["Account", late]["ABM_Tier__c"] == "tier_1"
    assert len(rough.org.requests("/query")) > full_pulls


def test_a_row_that_commits_late_beneath_thousands_of_changes_is_read_where_somebody_is_always_at_work(
    tmp_path: Path,
) -> None:
    """It was written by us a moment before, so that it counts among what changed lately with its old stamp too, and
    more records than a page holds change after it. Syncs come every eight minutes, and each time something is new.
    """
    accounts = account_rows(2_700)
    late, *others = (row["Id"] for row in accounts)
    house = OrgHouse(tmp_path / "house", accounts)
    try:
        config = house.config()
        accept = frozenset({"all"})
        synced(house, config)
        house.advance(240)
        synced(house, config)
        fields = {"Industry": "Machinery", "NumberOfEmployees": 250, "AnnualRevenue": 20_000_000}
        fields |= {"BillingCountry": "Germany", "Technologies__c": "salesforce"}
        house.org.edit("Account", late, fields=fields, commit_ms=240_000)
        house.advance(30)
        load = house.org.run_job(csv_of(["Id", "Site"], ([id_, "loaded"] for id_ in others[:2_500])))
        assert (load["state"], load["numberRecordsFailed"]) == ("JobComplete", 0)
        seen = []
        for turn in range(5):
            house.advance(480 if turn else 30)
            house.org.edit("Account", others[turn], fields={"Site": f"turn {turn}"})
            synced(house, config, accept=accept)
            seen.append(house.org.value("Account", late, "ABM_Tier__c") == "tier_1")
        assert seen[0] is False, "nobody can see it yet"
        assert seen[-1] is True, "within half an hour"
    finally:
        house.close()


#: Each hits a share of all calls; none of them lasts.
PASSING = ("500", "502", "503", "504", "429", "reset", "lost_reply", "truncated_body", "concurrent_limit", "slow")


@pytest.mark.parametrize("seed", [1, 2])
@WAYS
def test_a_sync_converges_under_all_passing_faults_at_once(
    two_orgs: tuple[OrgHouse, OrgHouse], settings: dict[str, Any], seed: int
) -> None:
    calm, rough = two_orgs
    rules = [{"fault": name, "rate": 0.04, "seed": seed * 100 + n, "ms": 20} for n, name in enumerate(PASSING)]
    expiry = {"fault": "session_expired", "rate": 0.02, "seed": seed * 100 + 50, "match": {"path": "/services/data"}}
    locks = {"fault": "lock_row", "rate": 0.05, "seed": seed * 100 + 60}
    rough.org.faults(*rules, expiry, locks)
    with rough.context(rough.config(), **settings, query_bulk_from=200 if settings else None) as ctx:
        for _ in range(6):
            if sync(ctx, as_of=AS_OF).applied is None:
                break
        else:
            pytest.fail("six syncs did not come to rest")
        assert ctx.connector.usage().retried > 5, "the faults are to be felt"
        assert_settled(ctx)
    rough.org.faults()
    hit = {one["fault"] for one in rough.org.requests()} - {None}
    assert len(hit) >= 5
    assert_nothing_lost(calm, rough)


def test_a_deleted_and_a_made_account_are_both_seen_by_an_increment(two_orgs: tuple[OrgHouse, OrgHouse]) -> None:
    _, rough = two_orgs
    config = rough.config()
    synced(rough, config)
    gone = account_id(5)
    rough.org.edit("Account", gone, delete=True)
    new = rough.org.edit("Account", fields={"Name": "New", "Industry": "Banking"})
    synced(rough, config)
    found = rough.held()
    assert found["Account", new]["ABM_Tier__c"] == "none"
    assert ("Account", gone) not in found
    with rough.context(config) as ctx:
        assert_settled(ctx)
        live = {row["Id"] for row in rough.org.rows("SELECT Id FROM Account")}
        assert set(ctx.store.mirror.ids(ctx.main.space, "company")) == live
