"""Deletes, the recycle bin and merges (salesforce.md 2.5 and 2.7).

Prevents a client that never looks into the bin, or never follows a merge, from passing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmsync.sandbox.salesforce.values import OrgError

if TYPE_CHECKING:
    from crmsync.sandbox.salesforce.org import Org

_GO_WITH = {
    "Account": (("Contact", "AccountId"), ("Opportunity", "AccountId"), ("AccountContactRelation", "AccountId"),
                ("AccountTeamMember", "AccountId")),
    "Contact": (("OpportunityContactRole", "ContactId"), ("CampaignMember", "ContactId"),
                ("AccountContactRelation", "ContactId")),
    "Opportunity": (("OpportunityContactRole", "OpportunityId"),),
    "Campaign": (("CampaignMember", "CampaignId"),),
    "PermissionSet": (("FieldPermissions", "ParentId"), ("PermissionSetAssignment", "PermissionSetId")),
}  # fmt: skip
"""Records that go into the bin, or come out of it, with the one they hang on."""

_MERGEABLE = frozenset({"Account", "Contact"})


def _children(org: Org, name: str, id_: str) -> list[tuple[str, str]]:
    return [
        (child, other)
        for child, field_name in _GO_WITH.get(name, ())
        if child in org.records
        for other in org.records[child].find(field_name, id_)
    ]


def delete(org: Org, name: str, id_: str, user: str) -> None:
    """Into the bin, children too; an object that bypasses the bin is gone at once where it is deleted directly."""
    spec = org.objects[name]
    if not spec.deletable:
        raise OrgError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id")
    if spec.bypasses_bin:
        org.log_deletion(name, id_)
        org.put(name, id_, None)
        return
    _into_bin(org, name, id_, user)


def _into_bin(org: Org, name: str, id_: str, user: str) -> None:
    record = org.records[name].get(id_)
    if record is None or record.get("IsDeleted"):
        return
    if "IsDeleted" in org.objects[name].fields:
        org.touch(name, id_, {"IsDeleted": True}, user)
    else:
        org.put(name, id_, None)
    org.log_deletion(name, id_)
    for child, other in _children(org, name, id_):
        _into_bin(org, child, other, user)


def undelete(org: Org, name: str, id_: str, user: str) -> None:
    """Out of the bin, with the children that are in it. A record that lost a merge stays."""
    record = org.records[name].get(id_)
    if record is None:
        raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if not record.get("IsDeleted"):
        raise OrgError("UNDELETE_FAILED", "Entity is not in the recycle bin")
    if record.get("MasterRecordId"):
        raise OrgError("UNDELETE_FAILED", "Unable to undelete a record that was merged")
    org.touch(name, id_, {"IsDeleted": False}, user)
    for child, other in _children(org, name, id_):
        found = org.records[child].get(other)
        if found is not None and found.get("IsDeleted") and not found.get("MasterRecordId"):
            undelete(org, child, other, user)


def purge(org: Org, name: str, id_: str) -> None:
    """Gone for good: the link from a merged record to its winner with it."""
    record = org.records[name].get(id_)
    if record is None or not record.get("IsDeleted"):
        raise OrgError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    org.put(name, id_, None)


def merge(org: Org, name: str, winner: str, losers: list[str], user: str) -> None:
    """Up to two losers into one winner: children reparented, losers in the bin with MasterRecordId."""
    if name not in _MERGEABLE:
        raise OrgError("INVALID_OPERATION", f"entity type {name} cannot be merged")
    if not 1 <= len(losers) <= 2 or winner in losers or len(set(losers)) != len(losers):
        raise OrgError("INVALID_NUMBER_OF_DUPLICATES", "a merge takes one or two records besides the master")
    org.writable(name, winner)
    for loser in losers:
        org.writable(name, loser)
    for loser in losers:
        for object_name, spec in org.objects.items():
            for one in spec.references():
                if name in one.refers_to and one.name != "MasterRecordId":
                    _reparent(org, object_name, one.name, loser, winner, user)
        org.touch(name, loser, {"IsDeleted": True, "MasterRecordId": winner}, user)
        org.log_deletion(name, loser)
    org.touch(name, winner, {}, user)


def _reparent(org: Org, name: str, field_name: str, loser: str, winner: str, user: str) -> None:
    for other in org.records[name].find(field_name, loser):
        record = org.records[name].get(other)
        if record is not None and not record.get("IsDeleted"):
            org.touch(name, other, {field_name: None if other == winner else winner}, user)
