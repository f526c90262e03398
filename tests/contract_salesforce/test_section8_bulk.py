"""Section 8, items 14 to 20, as Salesforce does them: Bulk API 2.0, one step at a time."""

from __future__ import annotations

import pytest
import requests
from contract_org import Org, csv_of, local_only, read_csv

STATES = ["Open", "UploadComplete", "InProgress", "JobComplete"]


def test_14_bulk2_walks_through_its_states_and_never_back(org: Org) -> None:
    (account,) = org.accounts(1)
    job = org.job("ingest", object="Account", operation="update", contentType="CSV", lineEnding="LF")
    assert (job["state"], job["operation"], job["object"]) == ("Open", "update", "Account")
    assert job["contentUrl"].strip("/").endswith(f"jobs/ingest/{job['id']}/batches")
    assert (len(job["id"]), job["id"][:3]) == (18, "750")
    assert isinstance(job["apiVersion"], float | int), "a number, not a text"
    assert org.put(job["id"], f"Id,Site\n{account},x\n").status_code == 201
    assert org.get(f"jobs/ingest/{job['id']}")["state"] == "Open", "data alone starts nothing"
    seen = [job["state"], org.close_job(job["id"])["state"]]
    while seen[-1] != "JobComplete":
        seen.append(org.get(f"jobs/ingest/{job['id']}")["state"])
        assert seen[-1] in STATES
    walked = list(dict.fromkeys(seen))
    assert walked == [state for state in STATES if state in walked], "in order, and none twice"
    info = org.get(f"jobs/ingest/{job['id']}")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"], info["jobType"]) == (1, 0, "V2Ingest")
    assert org.value("Account", account, "Site") == "x"


def test_14_a_query_job_walks_the_same_way_and_says_null_on_its_last_page(org: Org) -> None:
    org.accounts(3, Site=(site := org.mark()[-32:]))
    soql = f"SELECT Id, Site FROM Account WHERE Site = '{site}'"
    job = org.job("query", operation="query", query=soql)
    assert job["state"] == "UploadComplete"
    assert org.ended("query", job["id"])["state"] == "JobComplete"
    path, rows, locator = f"jobs/query/{job['id']}/results", [], ""
    while locator != "null":
        asked = {"maxRecords": "2"} | ({"locator": locator} if locator else {})
        answer = org.send("GET", path, params=asked)
        page = read_csv(answer.content)
        assert int(answer.headers["Sforce-NumberOfRecords"]) == len(page) <= 2
        rows += page
        locator = answer.headers["Sforce-Locator"]
    assert len({row["Id"] for row in rows}) == len(rows) == 3


def test_14_a_finished_job_with_failed_rows_is_complete_all_the_same(org: Org) -> None:
    good, bad = org.accounts(2)
    info = org.run_job(f"Id,AccountNumber\n{good},1\n{bad},{'x' * 41}\n")
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 2, 1)
    (failed,) = org.results(info["id"], "failedResults")
    assert failed["sf__Id"] == bad
    assert failed["sf__Error"].startswith("STRING_TOO_LONG:")
    assert failed["sf__Error"].endswith(":AccountNumber --")


def test_15_job_data_is_answered_201_with_no_body_and_taken_once(org: Org) -> None:
    (account,) = org.accounts(1)
    job = org.job("ingest", object="Account", operation="update", contentType="CSV")
    sent = org.put(job["id"], f"Id,Site\n{account},x\n")
    assert (sent.status_code, sent.content) == (201, b"")
    assert org.put(job["id"], f"Id,Site\n{account},y\n").status_code == 400
    assert org.close_job(job["id"], "Aborted")["state"] == "Aborted"


def test_16_an_empty_cell_is_ignored_and_hash_na_clears(org: Org) -> None:
    kept, cleared = org.accounts(2, Site="here")
    info = org.run_job(f"Id,Site,Sic\n{kept},,1\n{cleared},#N/A,2\n")
    assert info["numberRecordsFailed"] == 0
    assert (org.value("Account", kept, "Site"), org.value("Account", cleared, "Site")) == ("here", None)
    org.call("PATCH", f"sobjects/Account/{kept}", {"Site": None}, 204)
    assert org.value("Account", kept, "Site") is None, "over REST null clears"


def test_17_results_are_told_apart_by_their_ids(org: Org) -> None:
    ids = org.accounts(60)
    info = org.run_job(csv_of(["Id", "Site"], ([id_, f"s{n}"] for n, id_ in enumerate(ids))))
    done = org.results(info["id"], "successfulResults")
    assert list(done[0]) == ["sf__Id", "sf__Created", "Id", "Site"]
    assert sorted(row["sf__Id"] for row in done) == sorted(ids)
    assert {row["sf__Id"]: row["Site"] for row in done} == {id_: f"s{n}" for n, id_ in enumerate(ids)}
    assert {row["sf__Created"] for row in done} == {"false"}


@local_only("an org may give them in order, it just promises none")
def test_17_results_come_in_no_order(org: Org) -> None:
    ids = org.accounts(60)
    info = org.run_job(csv_of(["Id", "Site"], ([id_, "s"] for id_ in ids)))
    got = [row["sf__Id"] for row in org.results(info["id"], "successfulResults")]
    assert (sorted(got), got != ids) == (sorted(ids), True)


def test_17_results_hold_line_ends_and_any_letters_in_utf_8(org: Org) -> None:
    """`splitlines` would break these cells, and a charset guessed from the headers would break the letters."""
    (account,) = org.accounts(1)
    text = 'first\nsecond \u2028 third \x85 Łódź 東京 “quoted” "twice"'
    info = org.run_job(csv_of(["Id", "Description"], [[account, text]]))
    (row,) = org.results(info["id"], "successfulResults")
    assert row["Description"] == text
    assert org.value("Account", account, "Description") == text


@pytest.mark.parametrize("spelling", ["unprocessedrecords", "unprocessedRecords"])
def test_18_unprocessed_records_of_a_job_that_was_aborted(org: Org, spelling: str) -> None:
    first, second = org.accounts(2)
    job = org.job("ingest", object="Account", operation="update", contentType="CSV")
    org.put(job["id"], f"Id,Site\n{first},x\n{second},x\n")
    org.close_job(job["id"], "Aborted")
    left = org.results(job["id"], spelling)
    assert sorted(row["Id"] for row in left) == sorted([first, second])
    assert org.results(job["id"], "successfulResults") == []
    assert [org.value("Account", id_, "Site") for id_ in (first, second)] == [None, None]


@local_only("an org fails in the middle of a job when it likes")
def test_18_a_job_that_fails_on_the_way_keeps_what_it_did_and_lists_the_rest(org: Org) -> None:
    """Two batches of 10,000; the job fails after the first."""
    ids = org.accounts(10_001)
    org.faults({"match": {"method": "PATCH", "path": "/jobs/ingest"}, "fault": "bulk_fail", "times": 1})
    info = org.run_job(csv_of(["Id", "Site"], ([id_, "x"] for id_ in ids)))
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 10_000)
    done = {row["sf__Id"] for row in org.results(info["id"], "successfulResults")}
    left = {row["Id"] for row in org.results(info["id"], "unprocessedrecords")}
    assert (len(done), len(left), done | left) == (10_000, 1, set(ids))
    (last,) = left
    assert org.value("Account", last, "Site") is None
    assert org.page("SELECT COUNT() FROM Account WHERE Site = 'x'")["totalSize"] == 10_000


def test_19_a_failed_job_says_why_and_wrote_nothing(org: Org) -> None:
    (account,) = org.accounts(1)
    info = org.run_job(f"Id,Nothing__c\n{account},x\n")
    assert (info["state"], info["numberRecordsProcessed"]) == ("Failed", 0)
    assert info["errorMessage"].startswith("InvalidBatch : Field name not found : Nothing__c")


def test_19_a_byte_order_mark_becomes_part_of_the_first_name(org: Org) -> None:
    (account,) = org.accounts(1)
    info = org.run_job(f"\ufeffId,Site\n{account},x\n")
    assert info["state"] == "Failed"
    assert "Field name not found" in info["errorMessage"]
    assert org.value("Account", account, "Site") is None


@local_only("an org is busy when it likes")
@pytest.mark.parametrize("fault", ["503", "reset", "500", "502"])
def test_20_a_fault_between_two_polls_does_not_abort_a_job(org: Org, fault: str) -> None:
    (account,) = org.accounts(1)
    job = org.job("ingest", object="Account", operation="update", contentType="CSV")
    org.put(job["id"], f"Id,Site\n{account},x\n")
    org.close_job(job["id"])
    org.faults({"match": {"method": "GET", "path": "/jobs/ingest"}, "fault": fault, "times": 1})
    assert polled(org, job["id"]) in {0, int(fault) if fault.isdigit() else 0}
    assert org.ended("ingest", job["id"])["state"] == "JobComplete"
    assert org.value("Account", account, "Site") == "x"


def polled(org: Org, id_: str) -> int:
    """The status of one poll; 0 where there was no answer."""
    try:
        answer = org.send("GET", f"jobs/ingest/{id_}")
    except requests.ConnectionError:
        return 0
    return answer.status_code
