"""Property definitions, groups, owners, pipelines, account (hubspot.md 2.1, 2.6, 3)."""

from typing import Any

import pytest
from sandbox_client import Sandbox

PROPERTIES = "/crm/properties/2026-09/companies"
TIER: dict[str, Any] = {
    "name": "abm_tier", "label": "Tier", "type": "enumeration", "fieldType": "select", "groupName": "crmsync",
    "options": [{"label": "Tier 1", "value": "tier_1", "displayOrder": 0, "hidden": False}],
}  # fmt: skip


@pytest.fixture
def group(box: Sandbox) -> Sandbox:
    box.post(f"{PROPERTIES}/groups", {"name": "crmsync", "label": "Programme", "displayOrder": -1}, 201)
    return box


@pytest.mark.parametrize(
    ("name", "type_", "field", "read_only"),
    [
        ("hs_is_target_account", "bool", "booleancheckbox", False),
        ("hs_ideal_customer_profile", "enumeration", "radio", False),
        ("industry", "enumeration", "select", False),
        ("web_technologies", "enumeration", "checkbox", False),
        ("founded_year", "string", "text", False),
        ("annualrevenue", "number", "number", False),
        ("hs_num_decision_makers", "number", "number", True),
        ("hs_parent_company_id", "number", "number", True),
        ("hs_lastmodifieddate", "datetime", "date", True),
    ],
)
def test_native_properties_have_hubspots_types(
    box: Sandbox, name: str, type_: str, field: str, read_only: bool
) -> None:
    definition = box.get(f"{PROPERTIES}/{name}")
    assert (definition["type"], definition["fieldType"]) == (type_, field)
    assert definition["modificationMetadata"]["readOnlyValue"] is read_only
    assert definition["hubspotDefined"] is True


def test_native_options_are_hubspots(box: Sandbox) -> None:
    def values(kind: str, name: str) -> list[str]:
        return [o["value"] for o in box.get(f"/crm/properties/2026-09/{kind}/{name}")["options"]]

    assert values("companies", "hs_ideal_customer_profile") == ["tier_1", "tier_2", "tier_3"]
    assert {"BUDGET_HOLDER", "DECISION_MAKER", "END_USER", "CHAMPION"} < set(values("contacts", "hs_buying_role"))
    assert len(values("companies", "industry")) > 140


def test_a_property_is_created_once_written_and_read_back(group: Sandbox) -> None:
    made = group.post(PROPERTIES, TIER, 201)
    assert group.get(f"{PROPERTIES}/abm_tier") == made
    assert group.post(PROPERTIES, TIER, 409)["category"] == "OBJECT_ALREADY_EXISTS"
    group.call("PATCH", "/crm/objects/2026-09/companies/101", {"properties": {"abm_tier": "tier_1"}})
    group.call("PATCH", "/crm/objects/2026-09/companies/101", {"properties": {"abm_tier": "tier_9"}}, 400)
    assert group.properties("companies", 101, "abm_tier")["abm_tier"] == "tier_1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"fieldType": "text"},
        {"type": "text"},
        {"groupName": "nowhere"},
        {"options": []},
        {"name": "Abm Tier"},
        {"label": ""},
        {"options": [{"label": "A", "value": "a"}]},
        {"options": [{"label": x, "value": "a", "hidden": False} for x in "AB"]},
    ],
)
def test_a_definition_that_does_not_fit_is_refused(group: Sandbox, wrong: dict[str, Any]) -> None:
    group.post(PROPERTIES, TIER | wrong, 400)


def test_a_batch_creates_what_it_can_and_lists_the_rest(group: Sandbox) -> None:
    answer = group.post(f"{PROPERTIES}/batch/create", {"inputs": [TIER, TIER]}, 207)
    assert ([p["name"] for p in answer["results"]], answer["numErrors"]) == (["abm_tier"], 1)
    answer = group.post(f"{PROPERTIES}/batch/read", {"inputs": [{"name": "abm_tier"}, {"name": "nope"}]}, 207)
    assert [p["name"] for p in answer["results"]] == ["abm_tier"]


def test_options_can_be_added_but_native_definitions_stand(group: Sandbox) -> None:
    group.post(PROPERTIES, TIER, 201)
    options = [*TIER["options"], {"label": "None", "value": "none", "displayOrder": 1, "hidden": False}]
    changed = group.call("PATCH", f"{PROPERTIES}/abm_tier", {"options": options})
    assert [o["value"] for o in changed["options"]] == ["tier_1", "none"]
    group.call("PATCH", f"{PROPERTIES}/industry", {"label": "Trade"}, 400)


def test_an_archived_property_is_gone_with_its_values(group: Sandbox) -> None:
    group.post(PROPERTIES, TIER, 201)
    group.call("DELETE", f"{PROPERTIES}/abm_tier", status=204)
    group.get(f"{PROPERTIES}/abm_tier", 404)
    assert [p["name"] for p in group.get(f"{PROPERTIES}?archived=true")["results"]] == ["abm_tier"]
    assert "abm_tier" not in group.properties("companies", 101, "abm_tier")
    group.call("DELETE", f"{PROPERTIES}/industry", status=400)


def test_a_group_is_created_once(group: Sandbox) -> None:
    assert group.get(f"{PROPERTIES}/groups/crmsync")["label"] == "Programme"
    group.post(f"{PROPERTIES}/groups", {"name": "crmsync", "label": "Again"}, 409)
    assert [g["name"] for g in group.get(f"{PROPERTIES}/groups")["results"]] == ["companyinformation", "crmsync"]


def test_owners_have_teams_and_the_deactivated_stand_apart(box: Sandbox) -> None:
    active = box.get("/crm/owners/2026-09?limit=500")["results"]
    assert [(o["id"], [t["name"] for t in o["teams"]], o["userId"] != int(o["id"])) for o in active] == [
        ("9001", ["Central", "East"], True)
    ]
    gone = box.get("/crm/v3/owners/?archived=true")["results"]
    assert [(o["id"], o["userId"], o["userIdIncludingInactive"]) for o in gone] == [("9002", None, 40_009_002)]
    box.get("/crm/owners/2026-09?limit=501", 400)
    box.get("/crm/owners/2026-09/1", 404)


def test_the_account_tells_its_daily_usage(box: Sandbox) -> None:
    usage = box.get("/account-info/2026-09/api-usage/daily/private-apps")["results"][0]
    assert (usage["name"], usage["usageLimit"], usage["currentUsage"]) == ("private-apps-api-calls-daily", 1_000_000, 1)
    assert box.get("/account-info/v3/details")["portalId"] == box.server.portal_id


def test_the_deal_pipeline_has_its_stages(box: Sandbox) -> None:
    stages = box.get("/crm/pipelines/2026-09/deals/default/stages")["results"]
    assert {s["id"] for s in stages if s["metadata"]["isClosed"] == "true"} == {"closedwon", "closedlost"}
