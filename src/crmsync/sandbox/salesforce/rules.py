"""What an org works out or refuses by itself when a record is written (salesforce.md section 3).

Prevents a client from being tested against records that could not exist: two primary contact roles on an opportunity, a
won opportunity that is open, one person twice in a campaign.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmsync.sandbox.salesforce.values import OrgError, Values

if TYPE_CHECKING:
    from crmsync.sandbox.salesforce.org import Org

#: What may be there once for each two values of these fields.
_TWICE = {
    "ObjectPermissions": ("ParentId", "SobjectType"),
    "PermissionSetAssignment": ("PermissionSetId", "AssigneeId"),
}


def derive(org: Org, name: str, before: Values | None, after: Values) -> Values:
    """The record with the fields that the org fills: a person's name, an opportunity's state, a member's response."""
    after = org.addresses.sync(name, before, dict(after))
    if name in {"Contact", "User"}:
        after["Name"] = " ".join(str(part) for part in (after.get("FirstName"), after.get("LastName")) if part) or None
    elif name == "Opportunity":
        probability, closed, won = org.stages.get(str(after.get("StageName")), (0, False, False))
        after["IsClosed"], after["IsWon"] = closed, won
        old = before or {}
        moved = old.get("StageName") != after.get("StageName")
        if moved and after.get("Probability") == old.get("Probability"):  # nobody set another with the stage
            after["Probability"] = float(probability)
    elif name == "CampaignMember":
        after["Status"] = after.get("Status") or "Sent"
        after["HasResponded"] = after["Status"] == "Responded"
    return after


def check(org: Org, name: str, id_: str, before: Values | None, after: Values) -> None:
    """Refuses a record that may not be there twice, and a right without the right to read. Raises OrgError."""
    if name == "ObjectPermissions" and not after["PermissionsRead"]:
        given = [right for right in after if right.startswith("Permissions") and after[right]]
        if given:
            message = f"Permission {given[0].removeprefix('Permissions')} depends on permission(s): Read"
            raise OrgError("FIELD_INTEGRITY_EXCEPTION", message)
    if before is not None:
        return
    if name == "CampaignMember":
        for other in org.records[name].find("ContactId", str(after.get("ContactId"))):
            record = org.records[name].get(other)
            if record is not None and not record["IsDeleted"] and record["CampaignId"] == after["CampaignId"]:
                raise OrgError("DUPLICATE_VALUE", "Already a campaign member.")
    if name in _TWICE:
        first, second = _TWICE[name]
        for other in org.records[name].find(first, str(after[first])):
            record = org.records[name].get(other)
            if record is not None and record[second] == after[second] and not record["IsDeleted"]:
                message = f"duplicate value found: <unknown> duplicates value on record with id: {other[:15]}"
                raise OrgError("DUPLICATE_VALUE", message)
    if name == "FieldPermissions":
        object_name, _, field_name = str(after.get("Field")).partition(".")
        spec = org.spec(str(after.get("SobjectType")))
        if spec is None or spec.name != object_name or spec.field(field_name) is None:
            message = f"Field Name: bad value for restricted picklist field: {after.get('Field')}"
            raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, ["Field"])
        for other in org.records[name].find("Field", str(after["Field"])):
            record = org.records[name].get(other)
            if record is not None and record["ParentId"] == after["ParentId"] and not record["IsDeleted"]:
                message = f"duplicate value found: <unknown> duplicates value on record with id: {other[:15]}"
                raise OrgError("DUPLICATE_VALUE", message)


def after(org: Org, name: str, id_: str, record: Values, user: str) -> None:
    """What else moves when a record was written: the one primary contact role, the rights a permission set gives."""
    if name == "OpportunityContactRole" and record["IsPrimary"]:
        for other in org.records[name].find("OpportunityId", str(record["OpportunityId"])):
            found = org.records[name].get(other)
            if other != id_ and found is not None and found["IsPrimary"] and not found["IsDeleted"]:
                org.touch(name, other, {"IsPrimary": False}, user)
    if name in {"FieldPermissions", "PermissionSetAssignment"}:
        grant(org)


def grant(org: Org) -> None:
    """Field-level security of the custom fields made through the API, from the permission sets of the API's user."""
    mine = {
        row.fields["PermissionSetId"]
        for row in org.rows("PermissionSetAssignment")
        if row.fields["AssigneeId"] == org.user
    }
    rights: dict[tuple[str, str], tuple[bool, bool]] = {}
    for row in org.rows("FieldPermissions"):
        if row.fields["ParentId"] in mine:
            object_name, _, field_name = str(row.fields["Field"]).partition(".")
            read, edit = rights.get((object_name, field_name), (False, False))
            edit = edit or bool(row.fields["PermissionsEdit"])
            rights[object_name, field_name] = (read or edit or bool(row.fields["PermissionsRead"]), edit)
    for spec in org.objects.values():
        for one in list(spec.fields.values()):
            if one.id is not None:
                read, edit = rights.get((spec.name, one.name), (False, False))
                spec.grant(one.name, read=read, edit=edit)
