"""Bulk 2.0 jobs against a local org over TLS: pages as bytes, results by Id, and blips that decide nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from salesforce_org import ACME, ANA, BETA, DEAL, GAMMA, LocalOrg, StartOrg, accounts

from crmsync.connectors.salesforce import bulk, bulk_jobs
from crmsync.connectors.salesforce.answers import Answer
from crmsync.connectors.salesforce.bulk import BulkIngest, BulkQuery, Ingested
from crmsync.connectors.salesforce.row_errors import RowError
from crmsync.errors import BudgetSpent, Rejected, Unavailable
from crmsync.sandbox.salesforce.bulk_jobs import Jobs

ALL = "SELECT Id, Name, Industry, Note__c, AnnualRevenue FROM Account"
ODD = ['  two\nlines, "quoted" ', "line\u2028separator\u0085next", "Zoë ✓ 北京", "a\r\nb", "#N/A;=1+1"]


def _rows(org: LocalOrg, soql: str = ALL, all_rows: bool = False, **more: Any) -> list[dict[str, str | None]]:
    return [row for page in BulkQuery(org.transport(**more)).rows(soql, all_rows) for row in page]


def _update(org: LocalOrg, rows: dict[str, list[str]], columns: tuple[str, ...] = ("Site",), **more: Any) -> Ingested:
    return BulkIngest(org.transport(**more)).update("Account", columns, rows)


def _stands(org: LocalOrg, *names: str) -> dict[str, Any]:
    """Straight from the org, past its API."""
    shown = {row.id: [row.fields[name] for name in names] for row in org.server.app.service.org.rows("Account")}
    return {id_: values[0] if len(values) == 1 else tuple(values) for id_, values in shown.items()}


def _jobs(org: LocalOrg) -> Jobs:
    return org.server.app.service.part(Jobs)


def _aborts(org: LocalOrg) -> int:
    return sum(job.state == "Aborted" for job in _jobs(org).jobs.values())


def once(work: Callable[[], Any]) -> Callable[[float], None]:
    """A wait in which, the first time, something happens elsewhere; then the server gets a little time."""
    todo = [work]

    def sleep(_: float) -> None:
        while todo:
            todo.pop()()
        time.sleep(0.02)

    return sleep


# -- queries


def test_every_row_comes_with_its_texts_as_they_are_and_none_for_an_empty_cell(start_org: StartOrg) -> None:
    table = [{"Id": f"0015g{n:010d}AAA", "Name": f"N{n}", "Note__c": text} for n, text in enumerate(ODD, 1)]
    org = start_org({"Account": [*table, {"Id": ACME, "Name": "Acme", "Note__c": ""}]})
    found = {row["Name"]: row for row in _rows(org)}
    # A text is trimmed where Salesforce stores it; nothing else may change on the way.
    assert [found[f"N{n}"]["Note__c"] for n in range(1, 6)] == [text.strip() for text in ODD]
    assert found["Acme"] == {"Id": ACME, "Name": "Acme", "Industry": None, "Note__c": None, "AnnualRevenue": None}


def test_pages_follow_the_locator_to_its_end(start_org: StartOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "PAGE_ROWS", 3)
    org = start_org({"Account": accounts(7)})
    pages = list(BulkQuery(org.transport()).rows("SELECT Id FROM Account"))
    assert [len(page) for page in pages] == [3, 3, 1]
    assert sorted(str(row["Id"]) for page in pages for row in page) == [one["Id"] for one in accounts(7)]


def test_a_query_without_rows_has_no_page(org: LocalOrg) -> None:
    assert list(BulkQuery(org.transport()).rows("SELECT Id FROM Account WHERE Name = 'nobody'")) == []


def test_the_recycle_bin_is_asked_for_by_name(org: LocalOrg) -> None:
    org.edit("Account", GAMMA, delete=True)
    query = "SELECT Id, IsDeleted FROM Account"
    assert {row["Id"] for row in _rows(org, query)} == {ACME, BETA}
    assert {row["Id"]: row["IsDeleted"] for row in _rows(org, query, True)} == {
        ACME: "false", BETA: "false", GAMMA: "true",
    }  # fmt: skip


@pytest.mark.parametrize("part", ["jobs/query", "jobs/query/750", "/results"])
def test_a_session_that_ends_on_the_way_is_renewed(org: LocalOrg, part: str) -> None:
    org.faults({"match": {"path": part}, "fault": "session_expired", "times": 1})
    assert len(_rows(org)) == 3
    assert len(_jobs(org).jobs) == 1


@pytest.mark.parametrize("fault", ["503", "reset", "500", "502", "truncated_body", "lost_reply"])
@pytest.mark.parametrize("part", ["jobs/query/750", "/results"])
def test_a_blip_while_polling_or_fetching_is_asked_again_and_aborts_nothing(
    org: LocalOrg, fault: str, part: str
) -> None:
    # 15 in a row are more than the transport's own attempts for one call.
    org.faults({"match": {"method": "GET", "path": part}, "fault": fault, "times": 15})
    assert {row["Id"] for row in _rows(org)} == {ACME, BETA, GAMMA}
    assert _aborts(org) == 0
    assert len(_jobs(org).jobs) == 1


def test_an_outage_that_does_not_end_is_told(org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "TROUBLES", 2)
    org.faults({"match": {"method": "GET", "path": "/results"}, "fault": "503"})
    with pytest.raises(Unavailable, match="Server too busy"):
        _rows(org)


def test_a_job_that_fails_for_reasons_of_salesforces_own_may_be_run_again(org: LocalOrg) -> None:
    org.faults({"fault": "bulk_fail", "times": 1})
    with pytest.raises(Unavailable, match=r"Failed to run the query after 15 retries\. Run it again"):
        _rows(org)


def test_a_query_that_salesforce_does_not_take_is_rejected(org: LocalOrg) -> None:
    with pytest.raises(Rejected) as caught:
        _rows(org, "SELECT Id, Nowhere__c FROM Account")
    assert caught.value.category == "INVALID_FIELD"


def test_a_job_that_fails_over_its_query_is_rejected_with_the_code_that_it_says(org: LocalOrg) -> None:
    org.control("settings", {"bulk_ms": 100})
    hide = once(lambda: org.control("fls", {"object": "Account", "field": "Note__c", "read": False, "edit": False}))
    with pytest.raises(Rejected, match="Failed to process query") as caught:
        _rows(org, sleep=hide)
    assert caught.value.category == "INVALID_FIELD"


def test_a_job_that_somebody_aborts_may_be_run_again(org: LocalOrg) -> None:
    org.control("settings", {"bulk_ms": 60_000})

    def abort() -> None:
        (job,) = _jobs(org).jobs.values()
        job.move("Aborted", 0)

    with pytest.raises(Unavailable, match="ended as Aborted"):
        _rows(org, sleep=once(abort))


def test_a_query_that_does_not_end_is_given_up_and_aborted(org: LocalOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_jobs, "LONGEST_JOB", 3.0)
    org.control("settings", {"bulk_ms": 60_000})
    with pytest.raises(Unavailable, match="did not end in 2 hours"):
        _rows(org)
    assert _aborts(org) == 1


class Spoilt:
    """The org's own answers, one of them spoilt on the way: what a proxy or a fault of the platform could do."""

    def __init__(self, transport: Any, part: str, spoil: Callable[[Answer], Answer]) -> None:
        self._transport, self._part, self._spoil = transport, part, spoil

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get(self, family: str, path: str, *more: Any, **named: Any) -> Answer:
        answer: Answer = self._transport.get(family, path, *more, **named)
        return self._spoil(answer) if self._part in path else answer


def _without(answer: Answer, *names: str) -> Answer:
    return Answer(answer.status, {k: v for k, v in answer.headers.items() if k not in names}, answer.body)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda answer: _without(answer, "Sforce-Locator"), "does not say where"),
        (lambda answer: Answer(200, answer.headers, answer.body.rpartition(b'\n"')[0] + b"\n"), "gave 2 rows"),
        (lambda answer: Answer(200, answer.headers, answer.body[:-5]), "cut short"),
        (lambda answer: Answer(200, answer.headers, b"\xff\xfe"), "cut short"),
    ],
)
def test_half_a_result_does_not_pass_for_the_whole(
    org: LocalOrg, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[Answer], Answer], words: str
) -> None:
    monkeypatch.setattr(bulk_jobs, "TROUBLES", 2)
    spoilt: Any = Spoilt(org.transport(), "/results", spoil)
    with pytest.raises(Unavailable, match=words):
        list(BulkQuery(spoilt).rows("SELECT Name FROM Account"))


def test_the_charset_of_the_header_decides_nothing(org: LocalOrg) -> None:
    def latin(answer: Answer) -> Answer:
        return Answer(200, {**answer.headers, "Content-Type": "text/csv;charset=ISO-8859-1"}, answer.body)

    spoilt: Any = Spoilt(org.transport(), "/results", latin)
    rows = [row for page in BulkQuery(spoilt).rows("SELECT Name FROM Account") for row in page]
    assert {"Name": "Zoë & Söhne"} in rows


# -- ingest


def test_values_land_by_id_an_empty_cell_keeps_and_na_clears(org: LocalOrg) -> None:
    rows = {ACME: ["x", ""], BETA: ["#N/A", "Banking"], GAMMA[:15]: ["", "#N/A"]}
    done = _update(org, rows, ("Note__c", "Industry"))
    assert done == Ingested(landed={ACME, BETA, GAMMA[:15]})
    assert _stands(org, "Note__c", "Industry") == {
        ACME: ("x", "Technology"), BETA: (None, "Banking"), GAMMA: ("two\nlines", None),
    }  # fmt: skip


@pytest.mark.parametrize("text", [text for text in ODD if "\r" not in text])
def test_texts_arrive_as_they_were_sent(org: LocalOrg, text: str) -> None:
    assert _update(org, {ACME: [text]}, ("Note__c",)).landed == {ACME}
    assert _stands(org, "Note__c")[ACME] == text.strip()


def test_a_hundred_rows_in_no_order_are_told_apart_by_id(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(100)})
    ids = [one["Id"] for one in accounts(100)]
    org.edit("Account", ids[40], delete=True)
    # YearStarted takes four characters: every tenth has five.
    rows = {id_: ["12345" if n % 10 == 9 else str(1_000 + n)] for n, id_ in enumerate(ids)}
    done = _update(org, rows, ("YearStarted",))
    assert set(done.failed) == {*ids[9::10], ids[40]}
    assert done.landed == set(ids) - set(done.failed)
    assert done.failed[ids[40]] == RowError("ENTITY_IS_DELETED", "entity is deleted")
    message = "Year Started: data value too large: 12345 (max length=4)"
    assert done.failed[ids[9]] == RowError("STRING_TOO_LONG", message, ("YearStarted",))
    assert _stands(org, "YearStarted") == {
        id_: None if id_ in done.failed else str(1_000 + n) for n, id_ in enumerate(ids) if n != 40
    }


@pytest.mark.parametrize("other", [ACME, ACME[:15]])
def test_a_record_stands_in_a_job_only_once(org: LocalOrg, other: str) -> None:
    rows = {ACME.swapcase() if other == ACME else ACME: ["a"], other: ["b"]}
    with pytest.raises(ValueError, match="only once"):
        _update(org, rows)
    assert org.requests("/jobs/") == []


def test_more_than_an_upload_takes_goes_in_several_jobs(start_org: StartOrg, monkeypatch: pytest.MonkeyPatch) -> None:
    org = start_org({"Account": accounts(10)})
    ids = [one["Id"] for one in accounts(10)]
    # The header is 8 bytes, each row 18 + 1 + 3 + 1: three rows are 77.
    monkeypatch.setattr(bulk, "MOST_BYTES", 80)
    done = _update(org, {id_: [f"s{n:02d}"] for n, id_ in enumerate(ids)})
    assert done.landed == set(ids)
    assert sorted(len(job.rows) for job in _jobs(org).jobs.values()) == [1, 3, 3, 3]
    assert [len(job.data or b"") for job in _jobs(org).jobs.values()] == [77, 77, 77, 31]


@pytest.mark.parametrize("fault", ["503", "reset", "500", "lost_reply", "truncated_body"])
@pytest.mark.parametrize("part", ["jobs/ingest/750", "/successfulResults", "/failedResults"])
def test_a_blip_decides_nothing_over_a_job(org: LocalOrg, fault: str, part: str) -> None:
    org.faults({"match": {"method": "GET", "path": part}, "fault": fault, "times": 15})
    gone = "0015g0000000999AAA"
    done = _update(org, {ACME: ["x"], gone: ["y"], BETA: ["z"]})
    assert (done.landed, set(done.failed)) == ({ACME, BETA}, {gone})
    assert _aborts(org) == 0
    assert len(_jobs(org).jobs) == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
@pytest.mark.parametrize("fault", ["503", "reset", "lost_reply"])
def test_a_reply_lost_on_the_way_to_the_closed_job_writes_everything_once(
    org: LocalOrg, method: str, fault: str
) -> None:
    org.faults({"match": {"method": method, "path": "jobs/ingest"}, "fault": fault, "times": 1})
    assert _update(org, {ACME: ["x"], BETA: ["y"]}).landed == {ACME, BETA}
    written = [job for job in _jobs(org).jobs.values() if job.state == "JobComplete"]
    assert [len(job.saved) for job in written] == [2]


def test_an_upload_that_is_never_answered_is_told_as_not_written(org: LocalOrg) -> None:
    org.faults({"match": {"method": "PUT"}, "fault": "lost_reply"})
    with pytest.raises(Unavailable, match="Nothing of it was written"):
        _update(org, {ACME: ["x"]})
    assert _stands(org, "Site")[ACME] is None


def test_a_job_that_fails_on_the_way_tells_what_it_did_and_what_not(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(45)})
    ids = [one["Id"] for one in accounts(45)]
    _jobs(org).batch_rows = 10
    org.faults({"match": {"method": "PATCH"}, "fault": "bulk_fail"})
    done = _update(org, {id_: ["S"] for id_ in ids})
    # Of five batches the sandbox does the first two and fails at the third.
    assert done.landed == set(ids[:20]) == {id_ for id_, site in _stands(org, "Site").items() if site == "S"}
    assert set(done.unprocessed) == set(ids[20:])
    assert "ended as Failed: InternalServerError" in done.unprocessed[ids[44]]


def test_rows_beyond_the_days_batches_are_in_no_result(org: LocalOrg) -> None:
    _jobs(org).most_batches = 0
    done = _update(org, {ACME: ["x"], BETA: ["y"]})
    assert set(done.unrecorded) == {ACME, BETA}
    assert "its results do not have this record" in done.unrecorded[ACME]


def test_a_column_that_is_not_there_fails_the_job_and_writes_nothing(org: LocalOrg) -> None:
    done = _update(org, {ACME: ["x", "y"]}, ("Nowhere__c", "Site"))
    assert "Field name not found : Nowhere__c" in done.unprocessed[ACME]
    assert not done.settled


def test_what_became_of_a_job_that_nobody_could_follow_is_unknown(org: LocalOrg) -> None:
    spend = once(lambda: org.control("settings", {"api_used": 100_000}))
    done = _update(org, {ACME: ["x"]}, sleep=spend)
    assert set(done.unknown) == {ACME}
    assert "could not be read" in done.unknown[ACME]


def test_a_budget_that_is_spent_before_the_job_is_closed_stops_the_run(org: LocalOrg) -> None:
    transport = org.transport()
    BulkIngest(transport).update("Account", ["Site"], {ACME: ["x"]})
    org.control("settings", {"api_used": 100_000})
    with pytest.raises(BudgetSpent):
        BulkIngest(transport).update("Account", ["Site"], {ACME: ["y"]})
    assert _stands(org, "Site")[ACME] == "x"


def test_the_second_of_two_jobs_that_cannot_be_sent_costs_the_first_nothing(
    start_org: StartOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BULK_ROWS", 2)
    org = start_org({"Account": accounts(5)})
    ids = [one["Id"] for one in accounts(5)]
    org.faults({"match": {"method": "POST", "path": "jobs/ingest"}, "fault": "api_disabled", "after": 1})
    done = _update(org, {id_: ["S"] for id_ in ids})
    assert done.landed == set(ids[:2])
    assert set(done.unprocessed) == set(ids[2:])
    # One refusal is enough: the third job is not tried.
    assert len([one for one in org.requests("jobs/ingest") if one["method"] == "POST"]) == 2


def test_a_job_that_does_not_end_is_aborted_and_its_rows_were_not_written(
    org: LocalOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_jobs, "LONGEST_JOB", 3.0)
    org.control("settings", {"bulk_ms": 60_000})
    done = _update(org, {ACME: ["x"]})
    assert _aborts(org) == 1
    assert "ended as Aborted" in done.unprocessed[ACME]


def test_calls_are_counted_as_bulk(org: LocalOrg) -> None:
    transport = org.transport()
    BulkIngest(transport).update("Contact", ["Title"], {ANA: ["CTO"]})
    list(BulkQuery(transport).rows(f"SELECT Id FROM Opportunity WHERE Id = '{DEAL}'"))
    assert transport.usage().calls["bulk"] == len(org.requests("/jobs/"))
