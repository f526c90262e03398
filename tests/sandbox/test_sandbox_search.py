"""Search and its limits (hubspot.md 2.3)."""

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sandbox_client import Sandbox

from crmsync.sandbox.common.clock import parse_ms

SEARCH = "/crm/objects/2026-09/companies/search"


def where(name: str, operator: str, *values: Any) -> dict[str, Any]:
    """One filter; two values for BETWEEN, a list for IN."""
    item: dict[str, Any] = {"propertyName": name, "operator": operator}
    if values and isinstance(values[0], list):
        item["values"] = values[0]
    elif values:
        item["value"] = values[0]
    if len(values) > 1:
        item["highValue"] = values[1]
    return item


JAN, FEB, MAR, APR = (str(parse_ms(f"2026-0{m}-01T00:00:00Z")) for m in (1, 2, 3, 4))


@pytest.mark.parametrize(
    ("item", "ids"),
    [
        (where("numberofemployees", "EQ", "40.0"), ["102"]),
        (where("numberofemployees", "GT", "9"), ["101", "102"]),  # as text "40" < "9"
        (where("numberofemployees", "GTE", "40"), ["101", "102"]),
        (where("numberofemployees", "LT", "40"), ["104"]),
        (where("numberofemployees", "LTE", "40"), ["102", "104"]),
        (where("numberofemployees", "BETWEEN", "9", "40"), ["102", "104"]),
        (where("annualrevenue", "HAS_PROPERTY"), ["101", "102", "103", "104"]),
        (where("annualrevenue", "GT", "0"), ["101", "103", "104"]),  # "12,5 M€" is no number
        (where("industry", "NOT_HAS_PROPERTY"), ["103"]),
        (where("industry", "EQ", "RETAIL"), ["102"]),
        (where("industry", "EQ", "retail"), []),  # enumerations mind the case
        (where("industry", "NEQ", "RETAIL"), ["101", "104"]),
        (where("name", "EQ", "ACME CORP"), ["101"]),  # text does not
        (where("name", "IN", ["acme corp", "gamma"]), ["101", "103"]),
        (where("name", "IN", ["Acme Corp"]), []),  # IN on text wants lower case
        (where("name", "NOT_IN", ["gamma"]), ["101", "102", "104"]),
        (where("name", "CONTAINS_TOKEN", "acme"), ["101", "104"]),
        (where("name", "CONTAINS_TOKEN", "acm"), []),
        (where("name", "CONTAINS_TOKEN", "acm*"), ["101", "104"]),
        (where("name", "NOT_CONTAINS_TOKEN", "acme"), ["102", "103"]),
        (where("web_technologies", "IN", ["marketo", "zendesk"]), ["101"]),
        (where("web_technologies", "CONTAINS_TOKEN", "hubspot"), ["101", "103"]),
        (where("hs_lastmodifieddate", "GTE", FEB), ["102", "103", "104"]),
        (where("hs_lastmodifieddate", "BETWEEN", FEB, MAR), ["102", "103"]),
        (where("hs_object_id", "GT", "102"), ["103", "104"]),
        (where("createdate", "LT", "2024-02-01"), ["101"]),
        (where("num_associated_contacts", "GTE", "1"), ["101"]),
        (where("associations.contact", "EQ", "201"), ["101"]),
    ],
)
def test_each_operator_finds_what_it_says(box: Sandbox, item: dict[str, Any], ids: list[str]) -> None:
    assert box.found("companies", item) == ids


def test_filters_of_a_group_all_hold_and_groups_are_alternatives(box: Sandbox) -> None:
    groups = [
        {"filters": [where("country", "EQ", "US"), where("numberofemployees", "GT", "100")]},
        {"filters": [where("name", "EQ", "gamma")]},
    ]
    found = box.post(SEARCH, {"filterGroups": groups})
    assert (found["total"], [r["id"] for r in found["results"]]) == (2, ["101", "103"])


def test_words_are_looked_for_in_the_names(box: Sandbox) -> None:
    assert [r["id"] for r in box.post(SEARCH, {"query": "acme works"})["results"]] == ["104"]


@pytest.mark.parametrize(
    ("name", "direction", "ids"),
    [
        ("annualrevenue", "ASCENDING", ["104", "103", "101", "102"]),  # what is no number comes last
        ("hs_lastmodifieddate", "DESCENDING", ["104", "103", "102", "101"]),
        ("hs_object_id", "DESCENDING", ["104", "103", "102", "101"]),
        ("name", "ASCENDING", ["101", "102", "104", "103"]),
    ],
)
def test_one_sort_orders_by_type(box: Sandbox, name: str, direction: str, ids: list[str]) -> None:
    assert box.found("companies", sorts=[{"propertyName": name, "direction": direction}]) == ids


def test_paging_is_by_offset_and_ends(box: Sandbox) -> None:
    first = box.search("companies", limit=3)
    assert (first["total"], first["paging"]["next"]["after"]) == (4, "3")
    second = box.search("companies", limit=3, after="3")
    assert [r["id"] for r in second["results"]] == ["104"]
    assert "paging" not in second


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "9900", "limit": 101},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [where("name", "HAS_PROPERTY")] * 7}]},
        {"filterGroups": [{"filters": [where("name", "HAS_PROPERTY")] * 5}] * 4},
        {"sorts": ["name", "domain"]},
        {"filterGroups": [{"filters": [where("no_such", "EQ", "1")]}]},
        {"filterGroups": [{"filters": [where("name", "LIKE", "1")]}]},
        {"filterGroups": [{"filters": [where("annualrevenue", "GT", "much")]}]},
        {"filterGroups": [{"filters": [where("name", "IN", "gamma")]}]},
        {"properties": ["x" * 3_000]},
    ],
)
def test_what_goes_past_a_limit_is_refused(box: Sandbox, body: dict[str, Any]) -> None:
    assert box.post(SEARCH, body, 400)["category"] == "VALIDATION_ERROR"


def test_what_stands_at_a_limit_is_answered(box: Sandbox) -> None:
    groups = [{"filters": [where("name", "HAS_PROPERTY")] * 6}] * 3
    assert box.post(SEARCH, {"filterGroups": groups, "limit": 200, "after": "9800"})["results"] == []


def test_an_archived_record_is_never_found(box: Sandbox) -> None:
    box.call("DELETE", "/crm/objects/2026-09/companies/101", status=204)
    assert box.found("companies") == ["102", "103", "104"]


def test_the_index_lags_behind_new_and_changed_records(box: Sandbox) -> None:
    box.post("/_sandbox/settings", {"index_lag_ms": 3_600_000})
    box.post("/crm/objects/2026-09/companies", {"properties": {"name": "Echo"}}, 201)
    box.call("PATCH", "/crm/objects/2026-09/companies/101", {"properties": {"name": "Renamed"}})
    stale = box.search("companies", where("hs_object_id", "IN", ["101", "105"]), properties=["name"])
    assert [(r["id"], r["properties"]["name"], r["updatedAt"]) for r in stale["results"]] == [
        ("101", "Acme Corp", "2026-01-01T00:00:00.000Z")
    ]
    assert box.properties("companies", 101, "name")["name"] == "Renamed"
    box.post("/_sandbox/settings", {"index_lag_ms": 0})
    assert box.found("companies", where("name", "IN", ["renamed", "echo"])) == ["101", "105"]


def test_search_replies_carry_no_rate_headers(box: Sandbox) -> None:
    assert not [name for name in box.send("POST", SEARCH, {}).headers if "RateLimit" in name]


CHANGES = st.lists(st.tuples(st.sampled_from(["101", "102", "103", "104"]), st.integers(0, 60)), min_size=1, max_size=8)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES, bound=st.integers(0, 60), fold=st.booleans())
def test_search_equals_reading_every_record(
    box: Sandbox, changes: list[tuple[str, int]], bound: int, fold: bool
) -> None:
    for id_, number in changes:
        box.call("PATCH", f"/crm/objects/2026-09/companies/{id_}", {"properties": {"numberofemployees": str(number)}})
    if fold:
        box.server.app.portal.tables["companies"].compact(None)
    listed = box.get("/crm/objects/2026-09/companies?properties=numberofemployees")["results"]
    expected = [r["id"] for r in listed if float(r["properties"]["numberofemployees"] or -1) >= bound]
    assert box.found("companies", where("numberofemployees", "GTE", str(bound))) == expected


def test_folding_edits_into_the_columns_changes_no_answer(box: Sandbox) -> None:
    box.post("/crm/objects/2026-09/companies", {"properties": {"name": "Echo", "city": "Bonn"}}, 201)
    box.call("PATCH", "/crm/objects/2026-09/companies/101", {"properties": {"city": "Ulm", "industry": ""}})
    box.call("DELETE", "/crm/objects/2026-09/companies/104", status=204)
    query = "/crm/objects/2026-09/companies?properties=name,city,industry&propertiesWithHistory=city&limit=50"
    before = [box.get(query), box.get(f"{query}&archived=true"), box.search("companies", properties=["city"])]
    box.server.app.portal.tables["companies"].compact(int(time.time() * 1000) + 1)
    assert [box.get(query), box.get(f"{query}&archived=true"), box.search("companies", properties=["city"])] == before
    assert box.post("/crm/objects/2026-09/companies", {"properties": {"name": "F"}}, 201)["id"] == "106"
