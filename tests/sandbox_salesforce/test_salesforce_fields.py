"""What an org tells of its fields and what it hides: describe, custom fields, their rights (salesforce.md 1.8)."""

from typing import Any

import pytest
from salesforce_client import ACME, BETA, Box

# salesforce.md 2.6; the caret stands below the field.
COLUMN = (
    "\nSELECT Id, ABM_Tier__c FROM Account\n           ^\nERROR at Row:1:Column:12\n"
    "No such column 'ABM_Tier__c' on entity 'Account'. If you are attempting to use a custom field, be sure to append "
    "the '__c' after the custom field name. Please reference your WSDL or the describe call for the appropriate names."
)
TIER = {"label": "ABM tier", "type": "Text", "length": 40}


def fields(org: Box, name: str = "Account") -> dict[str, Any]:
    return {one["name"]: one for one in org.get(f"sobjects/{name}/describe")["fields"]}


def make(org: Box, full_name: str = "Account.ABM_Tier__c", status: int = 201, **metadata: Any) -> Any:
    body = {"FullName": full_name, "Metadata": {**TIER, **metadata}}
    return org.post("tooling/sobjects/CustomField", body, status)


def allow(org: Box, *, edit: bool, field: str = "Account.ABM_Tier__c") -> str:
    """Grants a field through the permission set of the API's user, over plain REST."""
    found = org.client().query("SELECT Id FROM PermissionSet WHERE Name = 'Crm_Integration'")
    permission = {
        "ParentId": found["records"][0]["Id"], "SobjectType": "Account", "Field": field, "PermissionsRead": True,
        "PermissionsEdit": edit,
    }  # fmt: skip
    return str(org.post("sobjects/FieldPermissions", permission, 201)["id"])


def test_describe_tells_types_lengths_picklists_and_references(org: Box) -> None:
    known = fields(org)
    assert (known["Name"]["type"], known["Name"]["length"], known["Name"]["nillable"]) == ("string", 255, False)
    assert (known["AnnualRevenue"]["type"], known["AnnualRevenue"]["precision"]) == ("currency", 18)
    assert (known["ParentId"]["referenceTo"], known["ParentId"]["relationshipName"]) == (["Account"], "Parent")
    assert known["SystemModstamp"]["updateable"] is known["Id"]["updateable"] is False
    values = [one["value"] for one in known["Industry"]["picklistValues"]]
    # 32 defaults, and the value that a record of the files holds besides.
    assert (len(values), values[0], values[-1]) == (33, "Agriculture", "Handmade Soap")
    assert (known["Ext__c"]["custom"], known["Ext__c"]["type"]) == (True, "string")
    # The page has Tier, Ownership and YearStarted absent from some orgs: describe is what says.
    assert "Tier" not in known


def test_the_global_describe_and_counts_name_every_object(org: Box) -> None:
    listed = {one["name"]: one for one in org.client().describe()["sobjects"]}
    assert listed["OpportunityContactRole"]["keyPrefix"] == "00K"
    assert listed.keys() >= {"Account", "Contact", "Opportunity", "User", "Campaign", "CampaignMember"}
    assert "AccountContactRelation" not in listed
    counts = org.get("limits/recordCount?sObjects=Account,Contact,Nothing")
    assert counts == {"sObjects": [{"count": 3, "name": "Account"}, {"count": 2, "name": "Contact"}]}


def test_features_bring_their_objects(start_org: Any) -> None:
    org: Box = start_org(features=["contacts_to_multiple_accounts", "account_teams"])
    assert "Roles" in fields(org, "AccountContactRelation")
    assert "TeamMemberRole" in fields(org, "AccountTeamMember")
    org.get("sobjects/Campaign/describe", 404)


def test_a_new_field_is_as_good_as_absent_until_it_is_granted(org: Box) -> None:
    made = make(org)
    assert made["success"] is True
    assert made["id"].startswith("00N")
    assert "ABM_Tier__c" not in fields(org)
    refused = [{"message": COLUMN, "errorCode": "INVALID_FIELD"}]
    assert org.get("query?q=SELECT Id, ABM_Tier__c FROM Account", 400) == refused
    org.call("PATCH", f"sobjects/Account/{ACME}", {"ABM_Tier__c": "tier_1"}, 400)

    granted = allow(org, edit=False)
    assert fields(org)["ABM_Tier__c"]["updateable"] is False
    assert org.record("Account", BETA, "ABM_Tier__c") == {"ABM_Tier__c": None}
    write = org.call("PATCH", f"sobjects/Account/{ACME}", {"ABM_Tier__c": "tier_1"}, 400)
    assert write == [
        {
            "message": "Unable to create/update fields: ABM_Tier__c. Please check the security settings of this field "
            "and verify that it is read/write for your profile or permission set.",
            "errorCode": "INVALID_FIELD_FOR_INSERT_UPDATE",
            "fields": ["ABM_Tier__c"],
        }
    ]

    org.call("PATCH", f"sobjects/FieldPermissions/{granted}", {"PermissionsEdit": True}, 204)
    org.call("PATCH", f"sobjects/Account/{ACME}", {"ABM_Tier__c": "tier_1"}, 204)
    assert org.record("Account", ACME, "ABM_Tier__c") == {"ABM_Tier__c": "tier_1"}


def test_a_permission_set_that_nobody_assigned_grants_nothing(org: Box) -> None:
    make(org)
    other = org.post("sobjects/PermissionSet", {"Name": "Abm", "Label": "ABM"}, 201)["id"]
    org.post("sobjects/FieldPermissions", {
        "ParentId": other, "SobjectType": "Account", "Field": "Account.ABM_Tier__c", "PermissionsRead": True,
        "PermissionsEdit": True,
    }, 201)  # fmt: skip
    assert "ABM_Tier__c" not in fields(org)
    user = org.client().query("SELECT Id FROM User WHERE Username = 'integration@sandbox.example'")["records"][0]["Id"]
    assignment = {"PermissionSetId": other, "AssigneeId": user}
    id_ = org.post("sobjects/PermissionSetAssignment", assignment, 201)["id"]
    assert fields(org)["ABM_Tier__c"]["updateable"] is True
    org.call("DELETE", f"sobjects/PermissionSetAssignment/{id_}", status=204)
    assert "ABM_Tier__c" not in fields(org)


@pytest.mark.parametrize(
    ("full_name", "metadata", "code"),
    [
        ("Account.ABM_Tier", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.1__c", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.A__b__c", {}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.Ext__c", {}, "DUPLICATE_DEVELOPER_NAME"),
        ("Nothing.X__c", {}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("Account.X__c", {"type": "Magic"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.X__c", {"length": 300}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.X__c", {"length": None}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.X__c", {"label": ""}, "REQUIRED_FIELD_MISSING"),
        ("Account.X__c", {"type": "Picklist"}, "FIELD_INTEGRITY_EXCEPTION"),
        ("Account.X__c", {"type": "Number", "precision": 2, "scale": 2}, "FIELD_INTEGRITY_EXCEPTION"),
    ],
)
def test_a_field_that_cannot_be_is_refused(org: Box, full_name: str, metadata: dict[str, Any], code: str) -> None:
    assert make(org, full_name, 400, **metadata)[0]["errorCode"] == code


def test_fields_of_every_type_store_what_fits_and_refuse_the_rest(org: Box) -> None:
    values = {"value": [{"fullName": one, "label": one.title()} for one in ("tier_1", "tier_2")]}
    picklist = {"restricted": True, "valueSetDefinition": values}
    cases: list[tuple[str, dict[str, Any], Any, Any, str]] = [
        ("P__c", {"type": "Picklist", "valueSet": picklist}, "tier_2", "tier_9",
         "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("M__c", {"type": "MultiselectPicklist", "valueSet": picklist}, "tier_1;tier_2", "tier_1;x",
         "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ("N__c", {"type": "Number", "precision": 4, "scale": 1}, 12.5, 1000, "NUMBER_OUTSIDE_VALID_RANGE"),
        ("C__c", {"type": "Checkbox"}, True, "maybe", "JSON_PARSER_ERROR"),
        ("D__c", {"type": "Date"}, "2026-02-28", "2026-02-30", "JSON_PARSER_ERROR"),
        ("T__c", {"type": "DateTime"}, "2026-02-28T10:00:00.000+0000", "2026-02-28", "JSON_PARSER_ERROR"),
        ("E__c", {"type": "Email"}, "a@b.example", "a b", "INVALID_EMAIL_ADDRESS"),
        ("L__c", {"type": "LongTextArea", "length": 300}, "x" * 300, "x" * 301, "STRING_TOO_LONG"),
    ]  # fmt: skip
    for name, metadata, good, bad, code in cases:
        make(org, f"Account.{name}", **metadata)
        allow(org, edit=True, field=f"Account.{name}")
        org.call("PATCH", f"sobjects/Account/{ACME}", {name: good}, 204)
        assert org.record("Account", ACME, name) == {name: good}
        assert org.call("PATCH", f"sobjects/Account/{ACME}", {name: bad}, 400)[0]["errorCode"] == code
        assert org.record("Account", ACME, name) == {name: good}
    org.call("PATCH", f"sobjects/Account/{ACME}", {"N__c": "7.25", "T__c": "2026-02-28T12:00:00+02:00"}, 204)
    # 7.25 to one place rounds half up; the offset is taken off.
    assert org.record("Account", ACME, "N__c", "T__c") == {"N__c": 7.3, "T__c": "2026-02-28T10:00:00.000+0000"}
    wording = org.call("PATCH", f"sobjects/Account/{ACME}", {"P__c": "tier_9"}, 400)[0]["message"]
    assert wording == "ABM tier: bad value for restricted picklist field: tier_9"


def test_a_field_is_read_changed_and_deleted_by_its_id(org: Box) -> None:
    id_ = make(org)["id"]
    shown = org.get(f"tooling/sobjects/CustomField/{id_}")
    assert (shown["FullName"], shown["Metadata"]["length"]) == ("Account.ABM_Tier__c", 40)
    body = {"FullName": "Account.ABM_Tier__c", "Metadata": {**TIER, "length": 50}}
    org.call("PATCH", f"tooling/sobjects/CustomField/{id_}", body, 204)
    assert org.get(f"tooling/sobjects/CustomField/{id_}")["Metadata"]["length"] == 50
    org.call("DELETE", f"tooling/sobjects/CustomField/{id_}", status=204)
    org.get(f"tooling/sobjects/CustomField/{id_}", 404)


def test_rights_may_be_taken_away_again(org: Box) -> None:
    org.post("/_sandbox/fls", {"object": "Account", "field": "Industry", "read": False, "edit": False})
    assert "Industry" not in fields(org)
    assert "Industry" not in org.client().Account.get(ACME)
    org.get("query?q=SELECT Industry FROM Account", 400)


def test_definitions_of_custom_fields_are_found_by_a_tooling_query_whether_seen_or_not(org: Box) -> None:
    id_ = make(org)["id"]
    soql = "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE NamespacePrefix = null AND TableEnumOrId IN "
    (row,) = org.get(f"tooling/query?q={soql}('Account','Contact')")["records"]
    del row["attributes"]
    assert row == {"Id": id_, "DeveloperName": "ABM_Tier", "TableEnumOrId": "Account"}
    assert org.get(f"tooling/query?q={soql}('Contact')")["totalSize"] == 0
    assert org.get("tooling/query?q=SELECT Id FROM Account", 400)[0]["errorCode"] == "INVALID_TYPE"
    # The data API knows no such object.
    assert org.get("query?q=SELECT Id FROM CustomField", 400)[0]["errorCode"] == "INVALID_TYPE"


def test_rights_to_an_object_are_given_once_and_stand_on_the_right_to_read(org: Box) -> None:
    parent = org.post("sobjects/PermissionSet", {"Name": "Abm", "Label": "ABM"}, 201)["id"]
    body = {"ParentId": parent, "SobjectType": "Account"}
    refused = org.post("sobjects/ObjectPermissions", {**body, "PermissionsEdit": True}, 400)
    assert refused[0]["errorCode"] == "FIELD_INTEGRITY_EXCEPTION"
    made = org.post("sobjects/ObjectPermissions", {**body, "PermissionsRead": True}, 201)["id"]
    assert made.startswith("110")
    again = org.post("sobjects/ObjectPermissions", {**body, "PermissionsRead": True}, 400)
    assert again[0]["errorCode"] == "DUPLICATE_VALUE"
    org.call("PATCH", f"sobjects/ObjectPermissions/{made}", {"PermissionsEdit": True}, 204)
    assert org.record("ObjectPermissions", made, "PermissionsEdit", "PermissionsDelete") == {
        "PermissionsEdit": True,
        "PermissionsDelete": False,
    }
