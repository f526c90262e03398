"""Queries and bulk jobs over TLS, through simple-salesforce and plain requests, the clients we did not write."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceMalformedRequest

from crmsync.sandbox.salesforce.server import SandboxOrg

VERSION = "66.0"


@pytest.fixture
def sandbox() -> Iterator[SandboxOrg]:
    with SandboxOrg(None) as org:
        yield org


@pytest.fixture
def session(sandbox: SandboxOrg) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False  # or REQUESTS_CA_BUNDLE wins over verify
        made.verify = sandbox.ca_file
        made.headers["Authorization"] = f"Bearer {sandbox.access_token}"
        made.post(f"{sandbox.base_url}/_sandbox/settings", json={"bulk_ms": 10}, timeout=10)
        yield made


@pytest.fixture
def client(sandbox: SandboxOrg, session: requests.Session) -> Salesforce:
    return Salesforce(
        instance=f"127.0.0.1:{sandbox.port}", session_id=sandbox.access_token, version=VERSION, session=session
    )


def fill(client: Salesforce, many: int) -> list[str]:
    """That many accounts, through a bulk insert; their ids in no order."""
    records = [{"Name": f"A{n:05}", "AnnualRevenue": n} for n in range(many)]
    (result,) = client.bulk2.Account.insert(records=records, batch_size=many, wait=0.05)
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (many, 0)
    rows = client.bulk2.Account.get_successful_records(result["job_id"])
    return [row["sf__Id"] for row in csv.DictReader(io.StringIO(rows))]


def until_ended(session: requests.Session, url: str) -> dict[str, Any]:
    """The job once it has ended; the test's own time limit ends the wait for one that never does."""
    while True:
        info: dict[str, Any] = session.get(url, timeout=10).json()
        if info["state"] in {"JobComplete", "Failed", "Aborted"}:
            return info


def test_query_all_iter_reads_every_page(client: Salesforce) -> None:
    ids = fill(client, 4_100)
    text = "SELECT Id, Name, Owner.Name, Parent.Name FROM Account ORDER BY Name"
    page = client.query(text)
    assert (page["totalSize"], page["done"], len(page["records"])) == (4_100, False, 2_000)
    assert page["nextRecordsUrl"].startswith(f"/services/data/v{VERSION}/query/0r8")
    rows = list(client.query_all_iter(text))
    assert [row["Name"] for row in rows] == [f"A{n:05}" for n in range(4_100)]
    assert sorted(row["Id"] for row in rows) == sorted(ids)
    assert rows[0]["Owner"]["Name"] == "Integration User"
    assert rows[0]["Parent"] is None
    again = client.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert len(again["records"]) == 2_000
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.query_more(page["nextRecordsUrl"], identifier_is_url=True)
    assert caught.value.content == [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]


def test_query_all_with_deleted_asks_for_the_recycle_bin(client: Salesforce) -> None:
    kept, gone = fill(client, 2)
    client.restful(f"sobjects/Account/{gone}", method="DELETE")
    assert [row["Id"] for row in client.query("SELECT Id FROM Account")["records"]] == [kept]
    bin_ = client.query("SELECT Id FROM Account WHERE IsDeleted = true", include_deleted=True)
    assert [row["Id"] for row in bin_["records"]] == [gone]


def test_the_body_of_a_refused_query_is_the_documented_one(client: Salesforce) -> None:
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.query("SELECT X__c FROM Account")
    assert caught.value.status == 400
    assert caught.value.content == [
        {
            "message": "\nSELECT X__c FROM Account\n       ^\nERROR at Row:1:Column:8\nNo such column 'X__c' on entity "
            "'Account'. If you are attempting to use a custom field, be sure to append the '__c' after the custom "
            "field name. Please reference your WSDL or the describe call for the appropriate names.",
            "errorCode": "INVALID_FIELD",
        }
    ]


def test_a_list_of_ids_as_long_as_an_address_may_be_is_answered_and_a_longer_one_is_414(
    client: Salesforce, session: requests.Session, sandbox: SandboxOrg
) -> None:
    ids = fill(client, 700)
    url = f"{sandbox.base_url}/services/data/v{VERSION}/query"
    for many, status in ((600, 200), (700, 414)):
        listed = ",".join(f"'{id_}'" for id_ in ids[:many])
        reply = session.get(url, params={"q": f"SELECT Id FROM Account WHERE Id IN ({listed})"}, timeout=10)
        assert reply.status_code == status
        assert (len(reply.request.path_url) > 16_384) == (status == 414)
    assert reply.headers["Content-Type"].startswith("text/html")


def test_bulk_update_and_upsert_through_the_client(client: Salesforce) -> None:
    ids = fill(client, 3)
    rows = [{"Id": ids[0], "Site": "S"}, {"Id": ids[1], "Site": "x" * 81}]
    (result,) = client.bulk2.Account.update(records=rows, wait=0.05)
    assert (result["numberRecordsProcessed"], result["numberRecordsFailed"]) == (2, 1)
    failed = list(csv.DictReader(io.StringIO(client.bulk2.Account.get_failed_records(result["job_id"]))))
    assert failed[0]["sf__Id"] == ids[1]
    assert failed[0]["sf__Error"].startswith("STRING_TOO_LONG:")
    assert failed[0]["sf__Error"].endswith(":Site --")
    assert list(csv.DictReader(io.StringIO(client.bulk2.Account.get_unprocessed_records(result["job_id"])))) == []
    sites = {row["Id"]: row["Site"] for row in client.query("SELECT Id, Site FROM Account")["records"]}
    assert sites == {ids[0]: "S", ids[1]: None, ids[2]: None}


def test_bulk_query_pages_until_the_locator_says_null(client: Salesforce) -> None:
    fill(client, 25)
    pages = list(client.bulk2.Account.query("SELECT Name FROM Account", max_records=10, wait=0.05))
    rows = [list(csv.DictReader(io.StringIO(page))) for page in pages]
    assert [len(page) for page in rows] == [10, 10, 5]
    assert sorted(row["Name"] for page in rows for row in page) == [f"A{n:05}" for n in range(25)]


def test_a_503_between_two_polls_does_not_abort_a_job(
    client: Salesforce, session: requests.Session, sandbox: SandboxOrg
) -> None:
    jobs = f"{sandbox.base_url}/services/data/v{VERSION}/jobs/ingest"
    job = session.post(jobs, json={"object": "Account", "operation": "insert"}, timeout=10).json()
    url = f"{jobs}/{job['id']}"
    put = session.put(f"{url}/batches", data="Name\nA\n", headers={"Content-Type": "text/csv"}, timeout=10)
    assert (put.status_code, put.content) == (201, b"")
    session.patch(url, json={"state": "UploadComplete"}, timeout=10)
    faults = [{"match": {"method": "GET", "path": "/jobs/ingest"}, "fault": "503", "times": 1}]
    assert session.post(f"{sandbox.base_url}/_sandbox/faults", json=faults, timeout=10).status_code == 200
    busy = session.get(url, timeout=10)
    assert (busy.status_code, busy.json()) == (503, [{"message": "Server too busy", "errorCode": "SERVER_UNAVAILABLE"}])
    assert until_ended(session, url)["state"] == "JobComplete"
    assert client.query("SELECT COUNT() FROM Account")["totalSize"] == 1


def test_what_a_job_wrote_is_there_for_every_other_call_without_a_poll(
    client: Salesforce, session: requests.Session, sandbox: SandboxOrg
) -> None:
    jobs = f"{sandbox.base_url}/services/data/v{VERSION}/jobs/ingest"
    url = f"{jobs}/{session.post(jobs, json={'object': 'Account', 'operation': 'insert'}, timeout=10).json()['id']}"
    session.put(f"{url}/batches", data="Name\nA\n", timeout=10, headers={"Content-Type": "text/csv"})
    session.patch(url, json={"state": "UploadComplete"}, timeout=10)
    while not client.query("SELECT COUNT() FROM Account")["totalSize"]:
        pass  # the test's own time limit ends the wait
    assert session.get(url, timeout=10).json()["numberRecordsProcessed"] == 1


def test_the_faults_of_records_and_jobs_reach_bulk(session: requests.Session, sandbox: SandboxOrg) -> None:
    base = f"{sandbox.base_url}/services/data/v{VERSION}"

    def ran(data: str) -> tuple[dict[str, Any], str]:
        job = session.post(f"{base}/jobs/ingest", json={"object": "Account", "operation": "insert"}, timeout=10).json()
        url = f"{base}/jobs/ingest/{job['id']}"
        session.put(f"{url}/batches", data=data, timeout=10, headers={"Content-Type": "text/csv"})
        session.patch(url, json={"state": "UploadComplete"}, timeout=10)
        return until_ended(session, url), url

    control = f"{sandbox.base_url}/_sandbox/faults"
    session.post(
        control, json=[{"match": {"path": "/jobs/ingest"}, "fault": "validation_rule", "times": 1}], timeout=10
    )
    info, url = ran("Name\nA\nB\n")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (2, 1)
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION:" in session.get(f"{url}/failedResults", timeout=10).text
    match = {"method": "PATCH", "path": "/jobs/ingest"}
    session.post(control, json=[{"match": match, "fault": "bulk_fail", "times": 1}], timeout=10)
    info, url = ran("Name\nC\nD\n")
    assert (info["state"], info["retries"]) == ("Failed", 10)
    left = session.get(f"{url}/unprocessedrecords", timeout=10).text
    assert sorted(row["Name"] for row in csv.DictReader(io.StringIO(left))) == ["C", "D"]
    assert ran("Name\nE\n")[0]["state"] == "JobComplete"


def test_results_without_a_charset_are_mojibake_for_whoever_guesses(
    client: Salesforce, session: requests.Session, sandbox: SandboxOrg
) -> None:
    client.restful("sobjects/Account", method="POST", json={"Name": "Łódź"})
    base = f"{sandbox.base_url}/services/data/v{VERSION}/jobs/query"
    job = session.post(base, json={"operation": "query", "query": "SELECT Name FROM Account"}, timeout=10).json()
    assert until_ended(session, f"{base}/{job['id']}")["numberRecordsProcessed"] == 1
    reply = session.get(f"{base}/{job['id']}/results", timeout=10)
    assert reply.headers["Content-Type"] == "text/csv"
    assert "Łódź" in reply.content.decode("utf-8")
    assert "Łódź" not in reply.text


def test_updated_and_deleted_through_the_client_and_their_body(client: Salesforce) -> None:
    end = datetime.now(UTC)
    found = client.Account.updated(end - timedelta(hours=1), end)
    assert found["ids"] == []
    with pytest.raises(SalesforceMalformedRequest) as caught:
        client.Account.deleted(end, end - timedelta(hours=1))
    assert caught.value.content[0]["errorCode"] == "INVALID_REPLICATION_DATE"


def test_job_data_of_several_megabytes_is_taken(session: requests.Session, sandbox: SandboxOrg) -> None:
    jobs = f"{sandbox.base_url}/services/data/v{VERSION}/jobs/ingest"
    job = session.post(jobs, json={"object": "Account", "operation": "insert"}, timeout=10).json()
    data = "Name,Description\n" + "".join(f"A{n},{'x' * 20_000}\n" for n in range(150))
    headers = {"Content-Type": "text/csv"}
    assert session.put(f"{jobs}/{job['id']}/batches", data=data, headers=headers, timeout=20).status_code == 201
    session.patch(f"{jobs}/{job['id']}", json={"state": "UploadComplete"}, timeout=10)
    info = until_ended(session, f"{jobs}/{job['id']}")
    assert (info["numberRecordsProcessed"], info["numberRecordsFailed"]) == (150, 0)
