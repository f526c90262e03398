"""Owned properties and active lists in a HubSpot portal over HTTP."""

from __future__ import annotations

import dataclasses

import pytest
from hubspot_portal import OUTPUTS, Open, Portal, companies

from crmsync.connectors.base import SchemaChange
from crmsync.errors import ConfigError, Unauthorized
from crmsync.model.outputs import ListDefinition, Option
from crmsync.model.plan import Update

PROPERTIES = "/crm/properties/2026-09/companies"
TIER_1 = ListDefinition("ABM: Tier 1", "company", "tier", "tier_1")
GAP = ListDefinition("ABM: Gap revenue", "company", "data_gaps", "revenue", multi=True)
COLD = ListDefinition("ABM: Cold", "company", "cold", "true")


def test_group_and_properties_are_created_once(portal: Open) -> None:
    one = portal(companies=companies(2))
    names = [f"{output.object}.abm_{output.name}" for output in OUTPUTS]
    with one.connect() as crm:
        wanted = crm.missing_schema(OUTPUTS, [])
        assert {change.name for change in wanted if change.what == "property"} == set(names)
        assert [change.name for change in wanted if change.what == "property group"] == [
            "company.crmsync",
            "contact.crmsync",
        ]
        assert crm.ensure_schema(OUTPUTS) == wanted
        assert crm.missing_schema(OUTPUTS, []) == []
        assert crm.ensure_schema(OUTPUTS) == []


@pytest.mark.parametrize(
    ("name", "type_", "field_type"),
    [
        ("abm_tier", "enumeration", "select"),
        ("abm_data_gaps", "enumeration", "checkbox"),
        ("abm_tier_reason", "string", "textarea"),
        ("abm_tier_changed_at", "datetime", "date"),
        ("abm_next_review", "date", "date"),
        ("abm_names_known", "number", "number"),
        ("abm_cold", "bool", "booleancheckbox"),
        ("abm_tier_override", "enumeration", "select"),
    ],
)
def test_a_property_has_the_type_of_its_output(portal: Open, name: str, type_: str, field_type: str) -> None:
    one = portal(companies=companies(1))
    with one.connect() as crm:
        crm.ensure_schema(OUTPUTS)
    made = one.call("GET", f"{PROPERTIES}/{name}")
    assert (made["type"], made["fieldType"], made["groupName"]) == (type_, field_type, "crmsync")


def test_a_value_of_every_kind_can_be_written_and_read_back(portal: Open) -> None:
    values = {
        "abm_tier": "tier_1",
        "abm_data_gaps": "revenue;country",
        "abm_tier_reason": 'because; of "quotes"',
        "abm_tier_changed_at": "2026-11-01T10:00:00.000Z",
        "abm_next_review": "2027-01-31",
        "abm_names_known": "5",
        "abm_cold": "true",
        "abm_tier_override": "tier_1",
    }
    with portal(companies=companies(1)).connect() as crm:
        crm.ensure_schema(OUTPUTS)
        (result,) = crm.write("company", [Update("1000", values)])
        assert result.status == "applied", result.message
        back = crm.read("company", ["1000"], list(values)).values["1000"]
    assert {name: back[name] for name in values} == values


def test_a_new_option_is_added_and_the_old_ones_stay(portal: Open) -> None:
    one = portal(companies=companies(1))
    wider = dataclasses.replace(OUTPUTS[0], options=(*OUTPUTS[0].options, Option("tier_2", "Tier 2")))
    with one.connect() as crm:
        crm.ensure_schema(OUTPUTS[:1])
        assert crm.ensure_schema([wider]) == [SchemaChange("option", "company.abm_tier=tier_2")]
        assert crm.ensure_schema([wider]) == []
        # A program with fewer tiers takes no option away: old values stand in the CRM's history.
        assert crm.ensure_schema(OUTPUTS[:1]) == []
    options = [option["value"] for option in one.call("GET", f"{PROPERTIES}/abm_tier")["options"]]
    assert options == ["tier_1", "none", "tier_2"]


def _property(one: Portal, name: str, type_: str, field_type: str) -> None:
    body = {"name": name, "label": name, "groupName": "companyinformation", "type": type_, "fieldType": field_type}
    options = [{"label": "A", "value": "a", "displayOrder": 0, "hidden": False}]
    one.call("POST", PROPERTIES, body | ({"options": options} if type_ == "enumeration" else {}))


def test_clashes_of_type_are_told_all_at_once_and_nothing_is_created(portal: Open) -> None:
    one = portal(companies=companies(1))
    _property(one, "abm_tier", "string", "text")
    _property(one, "abm_data_gaps", "enumeration", "select")
    with one.connect() as crm:
        with pytest.raises(ConfigError) as caught:
            crm.ensure_schema(OUTPUTS)
        assert [(fault.where, fault.message.split(".")[0]) for fault in caught.value.faults] == [
            ("HubSpot company property abm_tier", "exists as string/text; crmsync needs enumeration/select"),
            (
                "HubSpot company property abm_data_gaps",
                "exists as enumeration/select; crmsync needs enumeration/checkbox",
            ),
        ]
        assert "abm_cold" not in crm.property_names("company")
        with pytest.raises(ConfigError):
            crm.missing_schema(OUTPUTS, [])


def test_a_text_property_in_one_line_is_good_enough(portal: Open) -> None:
    one = portal(companies=companies(1))
    _property(one, "abm_tier_reason", "string", "text")
    with one.connect() as crm:
        assert crm.ensure_schema(OUTPUTS[2:3]) == []


@pytest.mark.parametrize("fault", ["lost_reply", "reset", "503"])
def test_schema_and_lists_survive_a_bad_line(portal: Open, fault: str) -> None:
    one = portal(companies=companies(1))
    one.faults({"match": {"method": "POST", "path": "/crm/"}, "fault": fault, "rate": 0.4, "seed": 2})
    with one.connect() as crm:
        crm.ensure_schema(OUTPUTS)
        crm.ensure_lists([TIER_1, GAP])
        one.faults()
        assert crm.missing_schema(OUTPUTS, [TIER_1, GAP]) == []


def test_active_lists_are_created_once_and_hubspot_keeps_them(portal: Open) -> None:
    one = portal(companies=companies(4))
    wanted = [TIER_1, GAP, COLD]
    with one.connect() as crm:
        crm.ensure_schema(OUTPUTS)
        assert [change.name for change in crm.missing_schema(OUTPUTS, wanted)] == [one.name for one in wanted]
        made = crm.ensure_lists(wanted)
        assert [state.created for state in made] == [True, True, True]
        crm.write("company", [Update("1000", {"abm_tier": "tier_1", "abm_data_gaps": "country;revenue"})])
        crm.write("company", [Update("1007", {"abm_tier": "none", "abm_cold": "true"})])
        assert [list(crm.list_members(state.id)) for state in made] == [["1000"], ["1000"], ["1007"]]
        again = crm.ensure_lists(wanted)
    assert [(state.id, state.created, state.problem) for state in again] == [(one.id, False, "") for one in made]


def test_a_list_of_our_name_that_is_not_ours_is_left_and_reported(portal: Open) -> None:
    one = portal(companies=companies(1))
    body = {"name": "ABM: Tier 1", "objectTypeId": "0-2", "processingType": "MANUAL"}
    list_id = one.call("POST", "/crm/lists/2026-09", body)["list"]["listId"]
    other = {
        "filterBranchType": "OR",
        "filterBranchOperator": "OR",
        "filters": [],
        "filterBranches": [
            {
                "filterBranchType": "AND",
                "filterBranchOperator": "AND",
                "filterBranches": [],
                "filters": [
                    {
                        "filterType": "PROPERTY",
                        "property": "hs_ideal_customer_profile",
                        "operation": {
                            "operationType": "ENUMERATION",
                            "operator": "IS_ANY_OF",
                            "values": ["tier_1"],
                            "includeObjectsWithNoValueSet": False,
                        },
                    }
                ],
            }
        ],
    }
    body = {"name": GAP.name, "objectTypeId": "0-2", "processingType": "DYNAMIC", "filterBranch": other}
    one.call("POST", "/crm/lists/2026-09", body)
    with one.connect() as crm:
        crm.ensure_schema(OUTPUTS)
        manual, gap = crm.ensure_lists([TIER_1, GAP])
    assert (manual.id, manual.created) == (list_id, False)
    assert "not an active one" in manual.problem
    assert "another filter" in gap.problem


def test_a_token_without_the_scope_says_which_one(portal: Open) -> None:
    one = portal(companies=companies(1), scopes=["crm.objects.companies.read"])
    with one.connect() as crm, pytest.raises(Unauthorized, match=r"crm\.schemas\.contacts"):
        crm.ensure_schema(OUTPUTS)
