"""Pages, locators and their end; getUpdated and getDeleted (salesforce.md sections 2.2 and 2.5)."""

from typing import Any

import pytest
from salesforce_bench import USER, Bench

from crmsync.sandbox.salesforce import ids
from crmsync.sandbox.salesforce.cursors import CLASSIC, Cursors, page_size
from crmsync.sandbox.salesforce.values import stamp

TEXT = "SELECT Name FROM Account ORDER BY Name"
INVALID_LOCATOR = (400, "INVALID_QUERY_LOCATOR", "invalid query locator")
START = "2026-11-23T00:00:00+00:00"


@pytest.fixture(scope="module")
def names() -> list[str]:
    return [f"A{n:04}" for n in range(4_500)]


def full(names: list[str]) -> Bench:
    """An org with one account of each name, put there past every rule."""
    bench = Bench()
    blank = dict.fromkeys(bench.org.objects["Account"].fields)
    for number, name in enumerate(names, start=1):
        id_ = ids.make("001", number)
        bench.org.put("Account", id_, {**blank, "Id": id_, "Name": name, "IsDeleted": False})
    return bench


def first(bench: Bench, version: str = "66.0", headers: dict[str, str] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = bench.call("GET", "query", version=version, headers=headers, q=TEXT).body
    return body


def locator_of(page: dict[str, Any]) -> str:
    return str(page["nextRecordsUrl"]).rpartition("/")[2]


def test_pages_hold_2000_rows_and_every_row_comes_once(names: list[str]) -> None:
    bench = full(names)
    page = first(bench)
    assert page["totalSize"] == 4_500
    pages = [page]
    while not pages[-1]["done"]:
        locator = locator_of(pages[-1])
        assert pages[-1]["nextRecordsUrl"] == f"/services/data/v66.0/query/{locator}"
        assert (locator[:3], len(locator.partition("-")[0])) == ("0r8", 18)
        pages.append(bench.call("GET", f"query/{locator}").body)
        assert pages[-1]["totalSize"] == 4_500
    assert [len(one["records"]) for one in pages] == [2_000, 2_000, 500]
    assert [locator_of(one).partition("-")[2] for one in pages[:2]] == ["2000", "4000"]
    assert [record["Name"] for one in pages for record in one["records"]] == names
    assert "nextRecordsUrl" not in pages[-1]


def test_a_locator_is_good_once(names: list[str]) -> None:
    bench = full(names)
    locator = locator_of(first(bench))
    following = locator_of(bench.call("GET", f"query/{locator}").body)
    assert bench.refused("GET", f"query/{locator}") == INVALID_LOCATOR
    assert len(bench.call("GET", f"query/{following}").body["records"]) == 500
    assert bench.refused("GET", f"query/{following}") == INVALID_LOCATOR
    assert bench.refused("GET", "query/0r8000000000000AAA-2000") == INVALID_LOCATOR
    assert bench.refused("GET", "query/nonsense") == INVALID_LOCATOR


def test_a_cursor_is_of_the_moment_of_its_query(names: list[str]) -> None:
    bench = full(names)
    locator = locator_of(first(bench))
    bench.account("A2000a")
    page = bench.call("GET", f"query/{locator}").body
    assert page["records"][1]["Name"] == "A2001"


@pytest.mark.parametrize(("seconds", "good"), [(2 * 86_400 - 1, True), (2 * 86_400, False)])
def test_a_locator_ends_after_two_days(names: list[str], seconds: int, good: bool) -> None:
    bench = full(names)
    locator = locator_of(first(bench))
    bench.clock.seconds += seconds
    if good:
        assert bench.call("GET", f"query/{locator}").status == 200
    else:
        assert bench.refused("GET", f"query/{locator}") == INVALID_LOCATOR


def test_up_to_version_54_a_cursor_ends_after_15_idle_minutes(names: list[str]) -> None:
    bench = full(names)
    read, idle = locator_of(first(bench, "54.0")), locator_of(first(bench, "54.0"))
    bench.clock.seconds += 899
    read = locator_of(bench.call("GET", f"query/{read}").body)
    bench.clock.seconds += 1
    assert bench.refused("GET", f"query/{idle}") == INVALID_LOCATOR
    assert bench.call("GET", f"query/{read}").status == 200


def test_up_to_version_54_the_eleventh_cursor_ends_the_oldest(names: list[str]) -> None:
    bench = full(names)
    modern = locator_of(first(bench))
    locators = []
    for _ in range(11):
        bench.clock.seconds += 1
        locators.append(locator_of(first(bench, "54.0")))
    assert bench.refused("GET", f"query/{locators[0]}") == INVALID_LOCATOR
    for locator in (*locators[1:], modern):
        assert bench.call("GET", f"query/{locator}").status == 200


def test_a_policy_can_be_set_for_every_version(names: list[str]) -> None:
    bench = full(names)
    bench.service.part(Cursors).policy = CLASSIC
    locator = locator_of(first(bench))
    bench.clock.seconds += 900
    assert bench.refused("GET", f"query/{locator}") == INVALID_LOCATOR


def test_the_batch_size_is_a_hint_between_200_and_2000(names: list[str]) -> None:
    page = first(full(names), headers={"Sforce-Query-Options": "batchSize=250"})
    assert len(page["records"]) == 250
    assert locator_of(page).endswith("-250")
    hints = ("batchSize=1", "batchSize=9999", "batchsize=300, x=1", "batchSize=many", None)
    assert [page_size(hint) for hint in hints] == [200, 2_000, 300, 2_000, 2_000]


def test_a_query_without_a_statement_is_malformed() -> None:
    assert Bench().refused("GET", "query")[:2] == (400, "MALFORMED_QUERY")


def test_a_late_row_is_behind_the_watermark_and_latest_date_covered_stops_before_it() -> None:
    bench = Bench()
    early = bench.account("early")
    bench.clock.seconds = 61
    bench.org.begin(commit_ms=120_000)
    late = bench.account("late")
    bench.org.begin()
    bench.clock.seconds = 125
    window = {"start": START, "end": "2026-11-23T00:02:00+00:00"}
    seen = bench.call("GET", "sobjects/Account/updated", **window).body
    assert seen == {"ids": [early], "latestDateCovered": "2026-11-23T00:01:00.000+0000"}
    bench.clock.seconds = 181
    window["start"] = "2026-11-23T00:01:00+00:00"
    seen = bench.call("GET", "sobjects/Account/updated", **window).body
    assert seen == {"ids": [late], "latestDateCovered": "2026-11-23T00:02:00.000+0000"}
    assert bench.value(late, "SystemModstamp") == "2026-11-23T00:01:01.000+0000"


def test_get_deleted_finds_what_bypassed_the_recycle_bin() -> None:
    bench = Bench()
    account = bench.account("A")
    opportunity = bench.org.create(
        "Opportunity", {"Name": "O", "StageName": "Prospecting", "CloseDate": "2026-12-01", "AccountId": account}
    )
    contact = bench.org.create("Contact", {"LastName": "C", "AccountId": account})
    role = bench.org.create("OpportunityContactRole", {"OpportunityId": opportunity, "ContactId": contact})
    bench.clock.seconds = 30
    bench.org.delete("OpportunityContactRole", role)
    bench.clock.seconds = 300
    text = "SELECT Id FROM OpportunityContactRole"
    assert bench.call("GET", "queryAll", q=text).body["records"] == []
    window = {"start": START, "end": "2026-11-23T00:05:00+00:00"}
    assert bench.call("GET", "sobjects/OpportunityContactRole/deleted", **window).body == {
        "deletedRecords": [{"deletedDate": "2026-11-23T00:00:30.000+0000", "id": role}],
        "earliestDateAvailable": "2026-11-08T00:05:00.000+0000",
        "latestDateCovered": "2026-11-23T00:05:00.000+0000",
    }


@pytest.mark.parametrize(
    ("call", "start", "end"),
    [
        ("updated", "2026-11-23T00:00:59Z", "2026-11-23T00:00:01Z"),
        ("updated", "2026-11-23T00:00:01Z", "2026-11-23T00:00:59Z"),
        ("updated", "2026-10-23T23:59:00Z", "2026-11-23T00:00:00Z"),
        ("deleted", "2026-11-07T23:59:00Z", "2026-11-23T00:00:00Z"),
    ],
)
def test_a_window_that_is_empty_or_too_far_back_is_no_replication_date(call: str, start: str, end: str) -> None:
    status, code, _ = Bench().refused("GET", f"sobjects/Account/{call}", start=start, end=end)
    assert (status, code) == (400, "INVALID_REPLICATION_DATE")


def test_the_bounds_of_the_windows_are_30_and_15_days() -> None:
    bench = Bench()
    for call, start in (("updated", "2026-10-24T00:00:00Z"), ("deleted", "2026-11-08T00:00:00Z")):
        assert bench.call("GET", f"sobjects/Account/{call}", start=start, end=START).status == 200
    assert stamp(bench.clock.now_ms()) == "2026-11-23T00:00:00.000+0000"
    assert USER.startswith("005")
