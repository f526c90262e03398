"""Bulk API 2.0 step by step, with the server's time in our hands (salesforce.md sections 1.7 and 2.4)."""

import base64
from typing import Any

import pytest
from salesforce_bench import USER, Bench

from crmsync.sandbox.salesforce import ids


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_job_is_open_then_waits_then_works_batch_by_batch_and_is_complete(bench: Bench) -> None:
    bench.jobs.batch_rows = 2
    accounts = [bench.account(f"A{n}") for n in range(5)]
    made = bench.call("POST", "jobs/ingest", {"object": "account", "operation": "update", "lineEnding": "LF"})
    id_ = made.body["id"]
    assert made.status == 200
    assert made.body == {
        "id": id_,
        "operation": "update",
        "object": "Account",
        "createdById": USER,
        "createdDate": "2026-11-23T00:00:00.000+0000",
        "systemModstamp": "2026-11-23T00:00:00.000+0000",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 66.0,
        "contentUrl": f"services/data/v66.0/jobs/ingest/{id_}/batches",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert id_.startswith("750")
    assert len(id_) == 18
    data = "Id,Site\n" + "".join(f"{account},S\n" for account in accounts)
    sent = bench.call("PUT", f"jobs/ingest/{id_}/batches", data.encode(), headers={"Content-Type": "text/csv"})
    assert (sent.status, sent.body) == (201, None)
    assert bench.info(id_)["state"] == "Open"
    assert bench.call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"}).body["state"] == "UploadComplete"
    seen = []
    for second in (9, 10, 15, 20, 24, 25):
        bench.clock.seconds = second
        info = bench.info(id_)
        sites = sum(bench.value(account, "Site") == "S" for account in accounts)
        seen.append((info["state"], info["numberRecordsProcessed"], sites))
    assert seen == [
        ("UploadComplete", 0, 0),
        ("InProgress", 0, 0),
        ("InProgress", 2, 2),
        ("InProgress", 4, 4),
        ("InProgress", 4, 4),
        ("JobComplete", 5, 5),
    ]
    info = bench.info(id_)
    assert info["jobType"] == "V2Ingest"
    assert {info["numberRecordsFailed"], info["retries"], info["apexProcessingTime"]} == {0}
    assert info["totalProcessingTime"] == info["apiActiveProcessingTime"] == 15_000
    assert not {"contentUrl", "errorMessage"} & info.keys()


def test_an_empty_cell_is_ignored_and_na_is_null(bench: Bench) -> None:
    kept, cleared = bench.account("kept", Site="here"), bench.account("cleared", Site="here")
    id_ = bench.run(f"Id,Site,Industry\n{kept},,Banking\n{cleared},#N/A,\n")
    assert bench.info(id_)["numberRecordsFailed"] == 0
    assert (bench.value(kept, "Site"), bench.value(kept, "Industry")) == ("here", "Banking")
    assert (bench.value(cleared, "Site"), bench.value(cleared, "Industry")) == (None, None)


def test_failed_rows_say_why_in_their_own_words_and_the_job_is_complete_all_the_same(bench: Bench) -> None:
    good, gone, long = bench.account("good"), bench.account("gone"), bench.account("long")
    bench.org.delete("Account", gone)
    missing, contact = ids.make("001", 999), ids.make("003", 1)
    data = (
        "Id,AccountNumber,AnnualRevenue\n"
        f"{good},1,2000000\n{gone},2,\n{long},{'x' * 41},\n{missing},4,\n{contact},5,\n,6,\n{good},,much\n"
    )
    id_ = bench.run(data)
    info = bench.info(id_)
    assert (info["state"], info["numberRecordsProcessed"], info["numberRecordsFailed"]) == ("JobComplete", 7, 6)
    assert bench.rows(id_, "successfulResults") == [
        {"sf__Id": good, "sf__Created": "false", "Id": good, "AccountNumber": "1", "AnnualRevenue": "2000000"}
    ]
    failed = {row["AccountNumber"]: row for row in bench.rows(id_, "failedResults")}
    assert {key: row["sf__Error"] for key, row in failed.items()} == {
        "2": "ENTITY_IS_DELETED:entity is deleted:--",
        "x" * 41: f"STRING_TOO_LONG:Account Number: data value too large: {'x' * 41} (max length=40):AccountNumber --",
        "4": "INVALID_CROSS_REFERENCE_KEY:invalid cross reference id:--",
        "5": f"MALFORMED_ID:Account ID: id value of incorrect type: {contact}:Id --",
        "6": "MISSING_ARGUMENT:Id not specified in an update call:--",
        "": "INVALID_TYPE_ON_FIELD_IN_RECORD:Annual Revenue: value not of required type: much:AnnualRevenue --",
    }
    assert failed["2"]["sf__Id"] == gone
    assert failed["6"]["sf__Id"] == ""
    assert bench.rows(id_, "unprocessedrecords") == []


def test_failed_rows_have_no_id_before_version_53(bench: Bench) -> None:
    gone = ids.make("001", 999)
    id_ = bench.run(f"Id,Site\n{gone},x\n", version="52.0")
    assert [row["sf__Id"] for row in bench.rows(id_, "failedResults")] == [""]
    assert bench.info(id_)["apiVersion"] == 52.0


def test_results_come_in_no_order_and_always_in_the_same_one(bench: Bench) -> None:
    accounts = [bench.account(f"A{n}") for n in range(50)]
    id_ = bench.run("Id,Site\n" + "".join(f"{account},S\n" for account in accounts))
    got = [row["Id"] for row in bench.rows(id_, "successfulResults")]
    assert sorted(got) == sorted(accounts)
    assert got != accounts
    assert got == [row["sf__Id"] for row in bench.rows(id_, "successfulResults")]


def test_a_job_that_fails_on_the_way_leaves_its_first_batches_done_and_lists_the_rest(bench: Bench) -> None:
    bench.jobs.batch_rows = 10
    accounts = [bench.account(f"A{n}") for n in range(45)]
    id_ = bench.upload("Id,Site\n" + "".join(f"{account},S\n" for account in accounts))
    bench.jobs.jobs[id_].failing = True
    bench.clock.seconds += 1_000
    info = bench.info(id_)
    assert (info["state"], info["retries"], info["numberRecordsProcessed"]) == ("Failed", 10, 20)
    assert info["errorMessage"].startswith("InternalServerError : ")
    assert sorted(row["sf__Id"] for row in bench.rows(id_, "successfulResults")) == sorted(accounts[:20])
    assert sorted(row["Id"] for row in bench.rows(id_, "unprocessedrecords")) == sorted(accounts[20:])
    assert bench.rows(id_, "unprocessedRecords") == bench.rows(id_, "unprocessedrecords")
    assert [bench.value(account, "Site") for account in accounts] == ["S"] * 20 + [None] * 25


def test_the_fault_bulk_fail_fails_the_job_it_strikes(bench: Bench) -> None:
    body = {"object": "Account", "operation": "insert"}
    id_ = bench.call("POST", "jobs/ingest", body, fault="bulk_fail").body["id"]
    bench.call("PUT", f"jobs/ingest/{id_}/batches", b"Name\nA\n")
    bench.call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    bench.clock.seconds += 1_000
    assert bench.info(id_)["state"] == "Failed"
    assert [row["Name"] for row in bench.rows(id_, "unprocessedrecords")] == ["A"]
    assert list(bench.org.rows("Account")) == []


def test_an_aborted_job_stops_where_it_is(bench: Bench) -> None:
    bench.jobs.batch_rows = 2
    accounts = [bench.account(f"A{n}") for n in range(4)]
    id_ = bench.upload("Id,Site\n" + "".join(f"{account},S\n" for account in accounts))
    bench.clock.seconds = 15
    assert bench.call("PATCH", f"jobs/ingest/{id_}", {"state": "Aborted"}).body["state"] == "Aborted"
    bench.clock.seconds = 1_000
    assert bench.info(id_)["state"] == "Aborted"
    assert [bench.value(account, "Site") for account in accounts] == ["S", "S", None, None]
    assert sorted(row["Id"] for row in bench.rows(id_, "unprocessedrecords")) == sorted(accounts[2:])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("\ufeffId,Site\n", "InvalidBatch : Field name not found : \ufeffId"),
        ("Id,Nme\n", "InvalidBatch : Field name not found : Nme"),
        ("Id,Hidden__c\n", "InvalidBatch : Field name not found : Hidden__c"),
        ("Id, Site\n", "InvalidBatch : Field name not found :  Site"),
        ("Id,Site\r\n", "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("Id,id\n", "InvalidBatch : Duplicate field name in the header"),
    ],
)
def test_a_file_that_no_batch_can_use_fails_the_job_and_writes_nothing(bench: Bench, data: str, said: str) -> None:
    account = bench.account("A")
    data += f"{account},S\n"
    id_ = bench.run(data)
    info = bench.info(id_)
    assert (info["state"], info["errorMessage"], info["numberRecordsProcessed"]) == ("Failed", said, 0)
    assert bench.value(account, "Site") is None
    assert account in bench.call("GET", f"jobs/ingest/{id_}/unprocessedrecords").body.decode()


def test_insert_upsert_and_delete_say_what_they_created(bench: Bench) -> None:
    first = bench.rows(bench.run("Name,Ext__c\nA,a\nB,b\n", operation="insert"), "successfulResults")
    assert {row["sf__Created"] for row in first} == {"true"}
    by_name = {row["Name"]: row["sf__Id"] for row in first}
    id_ = bench.run("Ext__c,Name\na,A2\nc,C\n", operation="upsert", externalIdFieldName="ext__C")
    assert bench.info(id_)["externalIdFieldName"] == "Ext__c"
    second = {row["Ext__c"]: (row["sf__Id"], row["sf__Created"]) for row in bench.rows(id_, "successfulResults")}
    assert second["a"] == (by_name["A"], "false")
    assert second["c"][1] == "true"
    assert bench.value(by_name["A"], "Name") == "A2"
    bench.run(f"Id\n{by_name['B']}\n", operation="delete")
    bench.run(f"Id\n{by_name['A']}\n", operation="hardDelete")
    assert bench.value(by_name["B"], "IsDeleted") is True
    assert bench.org.get("Account", by_name["A"]) is None
    wide = bench.run(f"Id,Name\n{second['c'][0]},x\n", operation="delete")
    assert bench.info(wide)["errorMessage"] == "InvalidBatch : delete batches must contain only ids"


def test_an_insert_with_an_id_and_an_upsert_without_its_key_fail_their_row(bench: Bench) -> None:
    account = bench.account("A")
    inserted = bench.rows(bench.run(f"Id,Name\n{account},x\n", operation="insert"), "failedResults")
    assert inserted[0]["sf__Error"] == "INVALID_FIELD_FOR_INSERT_UPDATE:cannot specify Id in an insert call:Id --"
    id_ = bench.run("Ext__c,Name\n,x\n", operation="upsert", externalIdFieldName="Ext__c")
    assert bench.rows(id_, "failedResults")[0]["sf__Error"] == "MISSING_ARGUMENT:Ext__c not specified:--"


def test_a_parent_can_be_named_by_its_external_id(bench: Bench) -> None:
    parent, child = bench.account("parent", Ext__c="p"), bench.account("child")
    bench.run(f"Id,Parent.Ext__c\n{child},p\n")
    assert bench.value(child, "ParentId") == parent


def test_job_data_is_put_once_and_only_while_the_job_is_open(bench: Bench) -> None:
    id_ = bench.call("POST", "jobs/ingest", {"object": "Account", "operation": "insert"}).body["id"]
    bench.call("PUT", f"jobs/ingest/{id_}/batches", b"Name\nA\n")
    assert bench.refused("PUT", f"jobs/ingest/{id_}/batches", b"Name\nB\n") == (
        400,
        "INVALIDJOB",
        f"Found multiple contents for job: <{id_}>, please 'Close' / 'Abort' / 'Delete' the current Job then create a "
        "new Job and make sure you only do 'PUT' once on a given Job.",
    )
    bench.call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    assert bench.refused("PUT", f"jobs/ingest/{id_}/batches", b"Name\nB\n")[:2] == (400, "INVALIDJOBSTATE")
    assert bench.refused("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})[:2] == (400, "INVALIDJOBSTATE")
    assert bench.refused("GET", f"jobs/ingest/{id_}/successfulResults")[:2] == (400, "INVALIDJOBSTATE")


def test_more_than_150_megabytes_in_base64_are_refused(bench: Bench) -> None:
    assert bench.jobs.most_bytes * 4 / 3 == 150_000_000
    bench.jobs.most_bytes = 10
    id_ = bench.call("POST", "jobs/ingest", {"object": "Account", "operation": "insert"}).body["id"]
    assert bench.refused("PUT", f"jobs/ingest/{id_}/batches", b"Name\nABCDEF\n")[0] == 413


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ({"object": "Territory2", "operation": "insert"}, "INVALIDENTITY", "'Territory2' is not supported by the Bulk"),
        ({"object": "Account", "operation": "merge"}, "INVALIDJOB", "merge"),
        ({"object": "Account", "operation": "upsert"}, "INVALIDJOB", "External ID was blank for Account."),
        ({"object": "Account", "operation": "upsert", "externalIdFieldName": "Name"}, "INVALIDJOB",
         "Field name provided, Name does not match an External ID for Account"),
        ({"object": "Account", "operation": "insert", "lineEnding": "CR"}, "INVALIDJOB", "CR"),
    ],
)  # fmt: skip
def test_a_job_that_cannot_be_is_refused_when_it_is_made(
    bench: Bench, body: dict[str, str], code: str, said: str
) -> None:
    status, got, message = bench.refused("POST", "jobs/ingest", body)
    assert (status, got) == (400, code)
    assert said in message


def test_a_job_is_deleted_once_it_has_ended_and_is_forgotten_after_seven_days(bench: Bench) -> None:
    id_ = bench.upload("Name\nA\n", operation="insert")
    bench.clock.seconds = 12
    assert bench.refused("DELETE", f"jobs/ingest/{id_}")[1] == "INVALIDJOBSTATE"
    bench.clock.seconds = 100
    assert bench.call("DELETE", f"jobs/ingest/{id_}").status == 204
    assert bench.refused("GET", f"jobs/ingest/{id_}") == (404, "NOT_FOUND", "The requested resource does not exist")
    other = bench.run("Name\nB\n", operation="insert")
    bench.clock.seconds = 7 * 86_400
    assert [one["id"] for one in bench.call("GET", "jobs/ingest").body["records"]] == [other]
    bench.clock.seconds += 101
    assert bench.call("GET", "jobs/ingest").body["records"] == []


def test_a_job_left_open_for_a_day_is_aborted(bench: Bench) -> None:
    id_ = bench.call("POST", "jobs/ingest", {"object": "Account", "operation": "insert"}).body["id"]
    bench.clock.seconds = 86_400
    assert bench.info(id_)["state"] == "Aborted"


def test_rows_beyond_the_days_batches_are_recorded_nowhere(bench: Bench) -> None:
    bench.jobs.batch_rows, bench.jobs.most_batches = 1, 2
    id_ = bench.run("Name\nA\nB\nC\n", operation="insert")
    lists = ("successfulResults", "failedResults", "unprocessedrecords")
    assert [[row["Name"] for row in sorted(bench.rows(id_, one), key=str)] for one in lists] == [["A", "B"], [], []]


def test_what_a_job_wrote_is_seen_once_it_commits_with_the_stamp_of_its_writing(bench: Bench) -> None:
    account = bench.account("A")
    id_ = bench.call("POST", "jobs/ingest", {"object": "Account", "operation": "update"}).body["id"]
    bench.call("PUT", f"jobs/ingest/{id_}/batches", f"Id,Site\n{account},S\n".encode())
    bench.org.begin(commit_ms=60_000)
    bench.call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    bench.clock.seconds = 15
    assert bench.info(id_)["state"] == "JobComplete"
    text = "SELECT Site, SystemModstamp FROM Account"
    before = bench.call("GET", "query", q=text).body["records"][0]
    assert (before["Site"], before["SystemModstamp"]) == (None, "2026-11-23T00:00:00.000+0000")
    bench.clock.seconds = 75
    after = bench.call("GET", "query", q=text).body["records"][0]
    assert (after["Site"], after["SystemModstamp"]) == ("S", "2026-11-23T00:00:15.000+0000")


def test_a_row_of_bytes_that_are_no_latin_comes_back_as_utf8_without_a_charset(bench: Bench) -> None:
    id_ = bench.run("Name\nŁódź\n", operation="insert")
    reply = bench.call("GET", f"jobs/ingest/{id_}/successfulResults")
    assert reply.content_type == "text/csv"
    assert "Łódź" in reply.body.decode("utf-8")


def query(bench: Bench, text: str, *, operation: str = "query", **more: Any) -> str:
    made = bench.call("POST", "jobs/query", {"operation": operation, "query": text, **more})
    assert (made.status, made.body["state"]) == (200, "UploadComplete")
    bench.clock.seconds += 1_000
    return str(made.body["id"])


def test_a_query_job_gives_pages_with_a_locator_that_ends_in_the_word_null(bench: Bench) -> None:
    accounts = [bench.account(f"A{n}", AnnualRevenue=2e7 if n else None) for n in range(5)]
    bench.org.delete("Account", bench.account("gone"))
    id_ = query(bench, "SELECT Id, Name, AnnualRevenue, Owner.Name, IsDeleted FROM Account ORDER BY Name")
    info = bench.call("GET", f"jobs/query/{id_}").body
    assert (info["state"], info["jobType"], info["object"]) == ("JobComplete", "V2Query", "Account")
    assert info["numberRecordsProcessed"] == 5
    pages, locators, more = [], [], {}
    while len(pages) < 4:
        reply = bench.call("GET", f"jobs/query/{id_}/results", maxRecords="2", **more)
        pages.append(reply.body.decode())
        assert reply.headers["Sforce-NumberOfRecords"] == str(pages[-1].count("\n") - 1)
        locators.append(reply.headers["Sforce-Locator"])
        if locators[-1] == "null":
            break
        more = {"locator": locators[-1]}
    assert [base64.b64decode(f"{one}==") for one in locators[:-1]] == [b"2", b"4"]
    assert locators[-1] == "null"
    assert pages[0] == (
        '"Id","Name","AnnualRevenue","Owner.Name","IsDeleted"\n'
        f'"{accounts[0]}","A0","","","false"\n"{accounts[1]}","A1","2.0E7","","false"\n'
    )
    assert pages[2].splitlines()[1:] == [f'"{accounts[4]}","A4","2.0E7","","false"']


def test_query_all_shows_the_recycle_bin(bench: Bench) -> None:
    bench.org.delete("Account", bench.account("gone"))
    for operation, many in (("query", "0"), ("queryAll", "1")):
        id_ = query(bench, "SELECT Id FROM Account", operation=operation)
        assert bench.call("GET", f"jobs/query/{id_}/results").headers["Sforce-NumberOfRecords"] == many


def test_a_query_job_waits_and_its_results_are_refused_until_then(bench: Bench) -> None:
    id_ = bench.call("POST", "jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).body["id"]
    states = []
    for second in (9, 14, 15):
        bench.clock.seconds = second
        states.append(bench.call("GET", f"jobs/query/{id_}").body["state"])
        if second < 15:
            assert bench.refused("GET", f"jobs/query/{id_}/results")[1] == "INVALIDJOBSTATE"
    assert states == ["UploadComplete", "InProgress", "JobComplete"]
    assert bench.refused("GET", f"jobs/query/{id_}/results", locator="OTk")[1] == "INVALID_QUERY_LOCATOR"
    assert bench.call("DELETE", f"jobs/query/{id_}").status == 204


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "API_ERROR",
         "Aggregate Relationships not supported in Bulk Query"),
        ("SELECT COUNT() FROM Account", "API_ERROR", "not supported in Bulk Query"),
        ("SELECT Id FROM Account LIMIT 1 OFFSET 1", "API_ERROR", "not supported in Bulk Query"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'."),
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'FORM'"),
    ],
)  # fmt: skip
def test_what_a_bulk_query_cannot_do_is_refused_when_the_job_is_made(
    bench: Bench, text: str, code: str, said: str
) -> None:
    status, got, message = bench.refused("POST", "jobs/query", {"operation": "query", "query": text})
    assert (status, got) == (400, code)
    assert said in message


def test_a_query_whose_field_vanishes_on_the_way_fails_the_job(bench: Bench) -> None:
    made = bench.call("POST", "jobs/query", {"operation": "query", "query": "SELECT Ext__c FROM Account"})
    bench.org.objects["Account"].grant("Ext__c", read=False, edit=False)
    bench.clock.seconds = 100
    info = bench.call("GET", f"jobs/query/{made.body['id']}").body
    assert info["state"] == "Failed"
    assert "INVALID_FIELD" in info["errorMessage"]


def test_only_a_query_without_limit_and_order_may_be_read_in_chunks(bench: Bench) -> None:
    texts = ("SELECT Id FROM Account", "SELECT Id FROM Account LIMIT 5", "SELECT Id FROM Account ORDER BY Id")
    infos = [bench.call("GET", f"jobs/query/{query(bench, text)}").body for text in texts]
    assert [info["isPkChunkingSupported"] for info in infos] == [True, False, False]


def test_query_jobs_are_counted_by_the_day(bench: Bench) -> None:
    bench.jobs.most_queries = 1
    query(bench, "SELECT Id FROM Account")
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    said = (400, "LIMIT_EXCEEDED", "Max bulk v2 query jobs (1) per 24 hrs has been exceeded (1)")
    assert bench.refused("POST", "jobs/query", body) == said
    bench.clock.seconds = 86_400
    query(bench, "SELECT Id FROM Account")


def test_a_job_closed_without_data_fails(bench: Bench) -> None:
    id_ = bench.call("POST", "jobs/ingest", {"object": "Account", "operation": "insert"}).body["id"]
    bench.call("PATCH", f"jobs/ingest/{id_}", {"state": "UploadComplete"})
    bench.clock.seconds = 1_000
    info = bench.info(id_)
    assert (info["state"], info["errorMessage"]) == ("Failed", "InvalidBatch : Unable to find any data in the request")
    assert bench.call("GET", f"jobs/ingest/{id_}/unprocessedrecords").body == b""
