"""Rate limits, tokens, scopes and faults on demand (hubspot.md 2.1 and 4; the control plane)."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from sandbox_client import Sandbox

from crmsync.sandbox.hubspot.limits import Window

LIST = "/crm/objects/2026-09/companies"
SEARCH = "/crm/objects/2026-09/companies/search"
UPDATE = "/crm/objects/2026-09/companies/batch/update"
Start = Callable[..., Sandbox]


def update(*ids: str, city: str = "Bonn") -> dict[str, Any]:
    return {"inputs": [{"id": id_, "properties": {"city": city}} for id_ in ids]}


def test_good_answers_say_what_is_left(start: Start) -> None:
    box = start(rate="190/10s", daily=1_000)
    headers = box.send("GET", LIST).headers
    assert {name: value for name, value in headers.items() if "RateLimit" in name} == {
        "X-HubSpot-RateLimit-Max": "190",
        "X-HubSpot-RateLimit-Remaining": "189",
        "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
        "X-HubSpot-RateLimit-Daily": "1000",
        "X-HubSpot-RateLimit-Daily-Remaining": "999",
        "X-HubSpot-RateLimit-Secondly": "19",
        "X-HubSpot-RateLimit-Secondly-Remaining": "19",
    }


def test_past_the_rolling_window_comes_hubspots_429(start: Start) -> None:
    box = start(rate="3/1000s")
    assert [box.send("GET", LIST).status_code for _ in range(4)] == [200, 200, 200, 429]
    body = box.get(LIST, 429)
    assert body["message"] == "You have reached your ten_secondly_rolling limit."
    assert (body["errorType"], body["policyName"]) == ("RATE_LIMIT", "TEN_SECONDLY_ROLLING")
    assert body["groupName"] == f"publicapi:hapikey-api-calls-ten-secondly:{box.server.portal_id}"


def test_search_has_its_own_limit_and_does_not_use_up_the_other(start: Start) -> None:
    box = start(rate="1/1000s", search_rate="2/1000s")
    assert [box.send("POST", SEARCH, {}).status_code for _ in range(3)] == [200, 200, 429]
    body = box.post(SEARCH, {}, 429)
    assert (body["message"], body["policyName"]) == ("You have reached your secondly limit.", "SECONDLY")
    box.get(LIST)


def test_a_day_has_an_end_for_both(start: Start) -> None:
    box = start(daily=2)
    box.get(LIST)
    box.post(SEARCH, {})
    assert box.get(LIST, 429)["policyName"] == "DAILY"
    assert box.post(SEARCH, {}, 429)["policyName"] == "DAILY"


def test_a_window_rolls_and_refused_calls_do_not_count() -> None:
    now = [0.0]
    window = Window("2/10s", lambda: now[0])
    taken = []
    for moment in (0.0, 4.0, 9.9, 10.0, 13.9, 14.0):
        now[0] = moment
        taken.append(window.take())
    assert taken == [True, True, False, True, False, True]


def test_a_time_scale_shortens_the_interval_that_the_headers_tell(start: Start) -> None:
    box = start(rate="190/10s", time_scale=20)
    assert box.send("GET", LIST).headers["X-HubSpot-RateLimit-Interval-Milliseconds"] == "500"
    assert box.get("/_sandbox/stats")["time_scale"] == 20


def test_stats_and_requests_count_every_call(start: Start) -> None:
    box = start(rate="2/1000s")
    for _ in range(3):
        box.send("GET", LIST + "?limit=1")
    box.post(SEARCH, {})
    stats = box.get("/_sandbox/stats")
    assert (stats["calls"], stats["throttled"]) == ({"objects": 3, "search": 1}, {"objects": 1})
    logged = box.get("/_sandbox/requests")
    assert [(r["method"], r["path"], r["status"]) for r in logged] == [
        ("GET", LIST, 200), ("GET", LIST, 200), ("GET", LIST, 429), ("POST", SEARCH, 200),
    ]  # fmt: skip
    assert all(r["ms"] >= 0 for r in logged)


# -- who may


def test_a_wrong_token_is_invalid_and_a_rotated_one_expired(box: Sandbox) -> None:
    old = box.server.access_token
    assert box.send("GET", LIST, token="nonsense").json()["category"] == "INVALID_AUTHENTICATION"
    box.post("/_sandbox/token", {"access_token": "pat-new", "expire": True})
    answer = box.send("GET", LIST, token=old)
    assert (answer.status_code, answer.json()["category"]) == (401, "EXPIRED_AUTHENTICATION")
    assert "expired" in answer.json()["message"]
    box.get(LIST)
    assert box.server.access_token == "pat-new"


def test_a_token_without_a_scope_is_told_which(start: Start) -> None:
    box = start(scopes=["crm.objects.companies.read"])
    box.get(LIST)
    box.post(SEARCH, {})
    for answer in (box.post(UPDATE, update("101"), 403), box.get("/crm/lists/2026-09", 403)):
        assert answer["category"] == "MISSING_SCOPES"
    context = box.post(UPDATE, update("101"), 403)["errors"][0]["context"]
    assert context == {"requiredGranularScopes": ["crm.objects.companies.write"]}


# -- faults


def rule(fault: str, path: str = "", **more: Any) -> dict[str, Any]:
    match = {"path": path, **more.pop("match", {})}
    return {"match": match, "fault": fault, **more}


@pytest.mark.parametrize("name", ["429", "500", "502", "503", "504", "423", "401"])
def test_a_status_fault_answers_so_and_does_not_do_the_work(box: Sandbox, name: str) -> None:
    box.faults(rule(name, "/batch/update", times=1))
    box.post(UPDATE, update("101"), int(name))
    assert box.properties("companies", 101, "city")["city"] is None
    box.post(UPDATE, update("101"))


def test_a_reset_happens_before_the_work_and_a_lost_reply_after_it(box: Sandbox) -> None:
    for name, city in (("reset", None), ("lost_reply", "Bonn")):
        box.faults(rule(name, "/batch/update", times=1))
        with pytest.raises(requests.ConnectionError):
            box.post(UPDATE, update("101"))
        assert box.properties("companies", 101, "city")["city"] == city
    assert [r["status"] for r in box.get("/_sandbox/requests") if r["path"] == UPDATE] == [0, 0]


def test_a_truncated_body_is_shorter_than_it_says(box: Sandbox) -> None:
    box.faults(rule("truncated_body", LIST, times=1))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        box.get(LIST)
    box.get(LIST)


def test_a_lost_page_is_good_json_without_the_next_page(box: Sandbox) -> None:
    box.faults(rule("lost_page", LIST, times=1))
    box.get(f"{LIST}/101")  # has no next page to lose, so the fault waits
    page = box.get(f"{LIST}?limit=2")
    assert ([r["id"] for r in page["results"]], "paging" in page) == (["101", "102"], False)
    assert "paging" in box.get(f"{LIST}?limit=2")


def test_a_validation_rule_refuses_every_write_of_the_record_it_names(box: Sandbox) -> None:
    box.faults(rule("validation_rule", match={"ids": ["102"]}))
    answer = box.post(UPDATE, update("101", "102"), 400)
    assert (answer["category"], answer["errors"][0]["context"]["objectId"]) == ("VALIDATION_ERROR", ["102"])
    box.post(UPDATE, update("101", "103"))
    box.call("PATCH", f"{LIST}/102", {"properties": {"city": "Ulm"}}, 400)
    box.get(f"{LIST}/102")


def test_a_rule_that_picked_a_record_keeps_to_it(box: Sandbox) -> None:
    box.faults(rule("validation_rule", times=1, seed=3))
    picked = box.post(UPDATE, update("101", "102", "103"), 400)["errors"][0]["context"]["objectId"][0]
    others = [i for i in ("101", "102", "103") if i != picked]
    box.post(UPDATE, update(*others))
    box.post(UPDATE, update(picked), 400)


def test_a_vanished_id_is_neither_written_nor_mentioned(box: Sandbox) -> None:
    box.faults(rule("vanished_id", "/batch/update", match={"ids": ["102"]}))
    answer = box.post(UPDATE, update("101", "102"))
    assert ([r["id"] for r in answer["results"]], "errors" in answer) == (["101"], False)
    assert box.properties("companies", 102, "city")["city"] is None


def test_a_rate_is_drawn_by_seed(start: Start) -> None:
    runs = []
    for _ in range(2):
        box = start()
        box.faults(rule("503", LIST, rate=0.3, seed=7))
        runs.append([box.send("GET", LIST).status_code for _ in range(40)])
    assert runs[0] == runs[1]
    assert 4 <= runs[0].count(503) <= 20


def test_after_lets_calls_pass_first_and_method_narrows(box: Sandbox) -> None:
    box.faults(rule("401", LIST, after=2, match={"method": "GET"}))
    assert [box.send("GET", LIST).status_code for _ in range(4)] == [200, 200, 401, 401]
    box.post(UPDATE, update("101"))


def test_faults_are_replaced_checked_and_never_hit_the_control_plane(box: Sandbox) -> None:
    box.faults(rule("503"))
    box.get(LIST, 503)
    box.faults()
    box.get(LIST)
    assert "no fault" in box.post("/_sandbox/faults", [{"fault": "gremlins"}], 400)["message"]
    assert "unknown key" in box.post("/_sandbox/faults", [{"fault": "500", "often": 1}], 400)["message"]


def test_a_reset_brings_back_data_and_forgets_faults_and_calls(box: Sandbox) -> None:
    box.post(UPDATE, update("101"))
    box.faults(rule("503"))
    box.post("/_sandbox/reset")
    assert box.get("/_sandbox/requests") == []
    assert box.properties("companies", 101, "city")["city"] is None
