"""Faults happen on the wire, in Salesforce's forms (salesforce.md 2.6), and as often as they were asked for."""

from typing import Any

import pytest
import requests
from salesforce_client import ACME, ANA, BETA, GAMMA, Box, update_of

Body = list[dict[str, Any]]
EXPIRED: Body = [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
TOTAL: Body = [{"message": "TotalRequests Limit exceeded.", "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
CONCURRENT: Body = [
    {
        "message": "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
        "errorCode": "REQUEST_LIMIT_EXCEEDED",
    }
]
UNKNOWN: Body = [
    {
        "message": "An unexpected error occurred. Please include this ErrorId if you contact support: "
        "1933027655-144670 (-464075996)",
        "errorCode": "UNKNOWN_EXCEPTION",
    }
]
DISABLED: Body = [
    {"message": "The REST API is not enabled for this Organization.", "errorCode": "API_DISABLED_FOR_ORG"}
]
BUSY: Body = [{"message": "Server too busy", "errorCode": "SERVER_UNAVAILABLE"}]
QUERY = "query?q=SELECT Id FROM Account"


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        ("500", 500, UNKNOWN), ("503", 503, BUSY), ("401", 401, EXPIRED), ("daily_limit", 403, TOTAL),
        ("concurrent_limit", 403, CONCURRENT), ("api_disabled", 403, DISABLED),
    ],
)  # fmt: skip
def test_a_fault_is_worded_as_salesforce_words_it_and_ends(org: Box, fault: str, status: int, body: Body) -> None:
    org.faults({"match": {"path": "/query"}, "fault": fault, "times": 1, "after": 1})
    answers = [org.send("GET", QUERY) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, status, 200]
    assert answers[1].json() == body


@pytest.mark.parametrize("fault", ["502", "504", "429"])
def test_a_proxys_fault_is_no_json(org: Box, fault: str) -> None:
    org.faults({"fault": fault, "times": 1})
    answer = org.send("GET", QUERY)
    assert answer.status_code == int(fault)
    assert "We are setting things up" in answer.text
    assert org.send("GET", QUERY).status_code == 200


def test_a_session_that_a_fault_ends_stays_ended(org: Box) -> None:
    org.faults({"fault": "session_expired", "times": 1})
    assert org.get(QUERY, 401) == EXPIRED
    assert org.get(QUERY, 401) == EXPIRED


@pytest.mark.parametrize("fault", ["reset", "lost_reply"])
def test_a_cut_connection_says_nothing_of_whether_the_write_was_done(org: Box, fault: str) -> None:
    org.faults({"match": {"method": "PATCH"}, "fault": fault, "times": 1})
    with pytest.raises(requests.ConnectionError):
        org.send("PATCH", f"sobjects/Account/{ACME}", {"Name": "A2"})
    assert org.record("Account", ACME, "Name")["Name"] == {"reset": "Acme", "lost_reply": "A2"}[fault]
    assert [one["status"] for one in org.get("/_sandbox/requests")] == [0, 200]


def test_half_a_body_is_no_body(org: Box) -> None:
    org.faults({"fault": "truncated_body", "times": 1})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        org.get(QUERY)
    assert len(org.get(QUERY)["records"]) == 3


def test_a_slow_answer_is_slow(org: Box) -> None:
    org.faults({"fault": "slow", "times": 1, "ms": 150})
    org.get(QUERY)
    org.get(QUERY)
    slow, quick = org.get("/_sandbox/requests")
    assert slow["ms"] >= 150 > quick["ms"]


def test_a_locked_row_is_refused_once_and_then_goes(org: Box) -> None:
    org.faults({"match": {"ids": [BETA]}, "fault": "lock_row", "times": 1})
    body = {"records": [update_of(ACME, Site="x"), update_of(BETA, Site="x")]}
    first, second = org.call("PATCH", "composite/sobjects", body)
    assert first["success"] is True
    assert second["errors"] == [
        {
            "statusCode": "UNABLE_TO_LOCK_ROW",
            "message": f"unable to obtain exclusive access to this record or 1 records: {BETA}",
            "fields": [],
        }
    ]
    assert all(one["success"] for one in org.call("PATCH", "composite/sobjects", body))


def test_a_record_that_a_validation_rule_holds_stays_refused(org: Box) -> None:
    org.faults({"match": {"path": "composite"}, "fault": "validation_rule", "times": 1, "after": 1})
    body = {"records": [update_of(ACME, Site="x"), update_of(BETA, Site="x"), update_of(GAMMA, Site="x")]}
    for _ in range(2):
        results = org.call("PATCH", "composite/sobjects", body)
        assert [one["success"] for one in results] == [True, False, True]
        assert results[1]["errors"][0]["statusCode"] == "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    org.call("PATCH", f"sobjects/Account/{BETA}", {"Site": "y"}, 204)


def test_a_duplicate_rule_has_the_misspelt_body_and_lets_who_insists_pass(org: Box) -> None:
    org.faults({"match": {"method": "PATCH"}, "fault": "duplicate_rule"})
    address = f"sobjects/Contact/{ANA}"
    refused = org.call("PATCH", address, {"Title": "CFO"}, 400)[0]
    assert list(refused) == ["duplicateResut", "message", "errorCode"]
    assert (refused["errorCode"], refused["message"]) == ("DUPLICATES_DETECTED", "Use one of these records?")
    result = refused["duplicateResut"]
    assert (result["allowSave"], result["duplicateRule"]) == (True, "Standard_Contact_Duplicate_Rule")
    match = result["matchResults"][0]
    assert (match["matchEngine"], match["size"], match["matchRecords"][0]["record"]["attributes"]["type"]) == (
        "FuzzyMatchEngine", 1, "Contact",
    )  # fmt: skip
    collected = org.call("PATCH", "composite/sobjects", {"records": [update_of(ANA, "Contact", Title="CFO")]})
    assert collected[0]["errors"][0]["statusCode"] == "DUPLICATES_DETECTED"
    org.post("/_sandbox/settings", {"duplicate_key": "duplicateResult"})
    assert "duplicateResult" in org.call("PATCH", address, {"Title": "CFO"}, 400)[0]
    org.call("PATCH", address, {"Title": "CFO"}, 204, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"})


def test_a_late_commit_answers_late_and_keeps_its_early_stamp(org: Box) -> None:
    org.faults({"fault": "late_commit", "times": 1, "ms": 200})
    org.call("PATCH", f"sobjects/Account/{ACME}", {"Site": "late"}, 204)
    took = org.get("/_sandbox/requests")[0]["ms"]
    org.call("PATCH", f"sobjects/Account/{BETA}", {"Site": "soon"}, 204)
    late, soon = (org.client().Account.get(id_)["SystemModstamp"] for id_ in (ACME, BETA))
    assert took >= 200
    # The later write is stamped at least those 200 ms after: a clock of this machine, read twice.
    assert soon > late


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"fault": "500"}, "faults: expected a list"),
        ([{"fault": "lost_page"}], "faults[0]: no fault 'lost_page'. Use one of 401 429"),
        ([{"fault": "500", "often": True}], "faults[0]: unknown key often"),
    ],
)
def test_a_fault_list_that_cannot_be_used_is_refused_in_words(org: Box, rules: Any, words: str) -> None:
    assert words in org.post("/_sandbox/faults", rules, 400)["message"]


def test_the_log_and_the_statistics_say_what_happened(org: Box) -> None:
    org.get(QUERY)
    org.faults({"fault": "daily_limit", "times": 1})
    org.get("limits", 403)
    org.call("PATCH", "composite/sobjects", {"records": [update_of(ACME, Site="x")] * 2})
    log = org.get("/_sandbox/requests")
    shown = [(one["method"], one["path"], one["status"], one["inputs"], one["fault"]) for one in log]
    assert shown == [
        ("GET", "/services/data/v66.0/query", 200, 0, None),
        ("GET", "/services/data/v66.0/limits", 403, 0, "daily_limit"),
        ("PATCH", "/services/data/v66.0/composite/sobjects", 200, 2, None),
    ]
    stats = org.get("/_sandbox/stats")
    assert stats["calls"] == {"query": 1, "limits": 1, "composite": 1}
    assert stats["refused"] == {"limits": 1}
    assert (stats["api_used"], stats["records"]["Account"]) == (3, 3)


def test_reset_brings_the_files_back(org: Box) -> None:
    org.call("DELETE", f"sobjects/Account/{GAMMA}", status=204)
    org.faults({"fault": "500"})
    org.post("/_sandbox/reset", {})
    assert org.record("Account", GAMMA, "Name") == {"Name": "Gamma"}
    assert len(org.get("/_sandbox/requests")) == 1


def test_a_fault_of_named_records_hits_the_calls_that_name_one(org: Box) -> None:
    org.faults({"match": {"ids": [BETA]}, "fault": "503"})
    org.call("PATCH", f"sobjects/Account/{ACME}", {"Site": "x"}, 204)
    org.call("PATCH", f"sobjects/Account/{BETA[:15]}", {"Site": "x"}, 503)
    org.call("PATCH", "composite/sobjects", {"records": [update_of(ACME, Site="x"), update_of(BETA, Site="x")]}, 503)


def test_a_rate_that_was_asked_for_refuses_what_is_beyond_it(start_org: Any) -> None:
    org: Box = start_org(rate="2/3600s")
    assert [org.send("GET", "limits").status_code for _ in range(3)] == [200, 200, 403]
    assert org.get("limits", 403) == CONCURRENT
    org.get(QUERY)
