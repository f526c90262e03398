"""The Salesforce bench's bounds against worked numbers, and its org against the ids that the local Salesforce makes."""

from __future__ import annotations

import csv
from pathlib import Path

from bench import salesforce_bounds as bounds
from bench.salesforce_org import id_list, write_org
from crmsync.sandbox.salesforce import ids
from crmsync.sandbox.salesforce.load import load


def test_100_000_accounts_and_500_000_contacts_are_300_pages_or_16_bulk_calls() -> None:
    assert bounds.pull_by_query(100_000, 500_000) == 50 + 250
    # Two jobs, each made and looked at once, and 2 + 10 pages of 50,000 rows.
    assert bounds.pull_by_bulk(100_000, 500_000) == 2 + 2 + 2 + 10


def test_a_page_that_is_not_full_is_a_call_for_each_object() -> None:
    assert bounds.pull_by_query(2_001, 1) == 3
    assert bounds.pull_by_query(0) == 0
    assert bounds.pull_by_bulk(50_001) == 2 + 2


def test_2_000_records_are_10_collections_and_25_000_are_three_jobs_of_five_calls() -> None:
    assert bounds.write_by_collections(2_000) == 10
    assert bounds.write_by_collections(199, 201) == 1 + 2
    assert bounds.write_by_bulk(25_000) == 15


def test_a_whole_run_reads_and_writes_each_object_the_cheaper_way() -> None:
    # 10,000 accounts: 5 pages against 3 calls of a job; 4,000 contacts: 2 pages against 3 calls.
    assert bounds.whole_run((10_000, 4_000), (), 2_000) == 3 + 2
    assert bounds.whole_run((10_000, 4_000), (2_000, 2_001), 2_000) == 3 + 2 + 10 + 5


def test_the_org_has_salesforces_ids_and_loads_without_a_lost_reference(tmp_path: Path) -> None:
    write_org(tmp_path, 70, 300)
    loaded = load(tmp_path, (), 0)
    assert loaded.mapped == {"Account": {}, "Contact": {}}
    assert loaded.dropped == {}
    assert id_list("003", 300) == [ids.make("003", number) for number in range(1, 301)]
    with (tmp_path / "Contact.csv").open(newline="") as file:
        people = list(csv.DictReader(file))
    assert {person["AccountId"] for person in people} <= set(id_list("001", 70))
    assert len({person["AccountId"] for person in people}) > 50
    assert 0 < sum(not person["Title"] for person in people) < 100


def test_the_org_is_the_same_each_time(tmp_path: Path) -> None:
    for name in ("one", "again"):
        write_org(tmp_path / name, 50, 50)
    for name in ("Account.csv", "Contact.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
