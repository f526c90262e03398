"""Permission sets over plain REST: the set, the rights in it, and who has it (salesforce.md 1.8).

Prevents a field that exists and is invisible: a field made by an API grants nobody anything, and for some moments after
it was made the org does not even know it when a right to it is to be given.
"""

from __future__ import annotations

from typing import Any

from simple_salesforce.format import format_soql

from crmsync.connectors.salesforce.admin import Admin
from crmsync.connectors.salesforce.rights import Grant, PermissionSet
from crmsync.connectors.salesforce.settings import COLLECTION
from crmsync.connectors.salesforce.steps import ASSIGNED, CREATED, GRANTED, LEFT, Say, Step
from crmsync.errors import ConfigError, Fault, Rejected

_ROUNDS = 5
_OBJECT_RIGHTS = (
    "SELECT Id, PermissionsRead, PermissionsEdit, PermissionsViewAllRecords FROM ObjectPermissions "
    "WHERE ParentId = {} AND SobjectType = {}"
)
_FIELD_RIGHTS = "SELECT Id, Field, PermissionsRead, PermissionsEdit FROM FieldPermissions WHERE ParentId = {}"
_LICENCE = (
    "Where the user has the licence Salesforce Integration, first assign the permission set licence Salesforce API "
    "Integration to the user."
)


class Permissions:
    """`ours` are the fields that crmsync keeps: a right to one of them must be given, to another it may fail."""

    def __init__(self, admin: Admin, ours: frozenset[str]) -> None:
        self._admin = admin
        self._ours = ours

    def ensure_set(self, wanted: PermissionSet, done: Say) -> str:
        """Make the set where it is missing and widen it to what is wanted; returns its id."""
        id_ = self._find(wanted.name)
        if id_ is None:
            id_ = self._create(wanted)
            done(Step("permission set", wanted.name, CREATED, wanted.description))
        for sobject, edit in wanted.objects.items():
            self._object(id_, wanted.name, sobject, edit, done)
        self._fields(id_, wanted, done)
        return id_

    def assign(self, id_: str, name: str, user: str, done: Say) -> None:
        text = "SELECT Id FROM PermissionSetAssignment WHERE PermissionSetId = {} AND AssigneeId = {}"
        soql = format_soql(text, id_, user)
        if self._admin.query(soql):
            return
        body = {"PermissionSetId": id_, "AssigneeId": user}
        try:
            self._admin.call("POST", "sobjects/PermissionSetAssignment", body)
        except Rejected as error:
            if not self._admin.query(soql):  # a lost reply, repeated, is refused as a duplicate
                raise Rejected(f"{error.message} {_LICENCE}", category=error.category, status=error.status) from None
        done(Step("assignment", name, ASSIGNED, "to crmsync's user"))

    def _find(self, name: str) -> str | None:
        rows = self._admin.query(format_soql("SELECT Id FROM PermissionSet WHERE Name = {}", name))
        return str(rows[0]["Id"]) if rows else None

    def _create(self, wanted: PermissionSet) -> str:
        body = {"Name": wanted.name, "Label": wanted.label, "Description": wanted.description}
        try:
            return str(self._admin.call("POST", "sobjects/PermissionSet", body)["id"])
        except Rejected:
            found = self._find(wanted.name)
            if found is None:
                raise
            return found

    def _object(self, id_: str, set_name: str, sobject: str, edit: bool, done: Say) -> None:
        wanted = {"PermissionsRead": True, "PermissionsViewAllRecords": True}
        wanted |= {"PermissionsEdit": True} if edit else {}
        soql = format_soql(_OBJECT_RIGHTS, id_, sobject)
        rows = self._admin.query(soql)
        if rows and all(rows[0][name] for name in wanted):
            return
        if rows:
            self._admin.call("PATCH", f"sobjects/ObjectPermissions/{rows[0]['Id']}", wanted)
        else:
            try:
                made = {"ParentId": id_, "SobjectType": sobject, **wanted}
                self._admin.call("POST", "sobjects/ObjectPermissions", made)
            except Rejected:
                if not self._admin.query(soql):
                    raise
        how = "read all, edit what a field grants" if edit else "read all"
        done(Step("object", f"{set_name}: {sobject}", GRANTED, how))

    def _fields(self, id_: str, wanted: PermissionSet, done: Say) -> None:
        """Rounds of reading what is granted and giving what is not, until nothing of ours is left."""
        refused: dict[str, str] = {}
        for round_ in range(_ROUNDS + 1):
            lacking = [(grant, row) for grant, row in self._granted(id_, wanted) if not _enough(grant, row)]
            open_ = {grant.field for grant, _ in lacking}
            for field in sorted(refused.keys() - open_):  # refused as a duplicate: an earlier reply was lost
                done(Step("right", f"{wanted.name}: {field}", GRANTED))
            refused = {field: said for field, said in refused.items() if field in open_}
            if round_ == _ROUNDS or not open_ or (round_ and not open_ & self._ours):
                break
            if round_:
                self._admin.sleep(self._admin.patience * 2.0**round_)
            refused = self._give(id_, lacking)
            for grant, _ in lacking:
                if grant.field not in refused:
                    done(Step("right", f"{wanted.name}: {grant.field}", GRANTED, "edit" if grant.edit else "read"))
        mine = sorted(field for field in refused if field in self._ours)
        for field in sorted(refused.keys() - set(mine)):
            done(Step("right", f"{wanted.name}: {field}", LEFT, refused[field]))
        if mine:
            faults = [Fault(f"Salesforce field {field}: {wanted.name}", None, refused[field]) for field in mine]
            raise ConfigError(faults, "the fields are there; run the command again")

    def _granted(self, id_: str, wanted: PermissionSet) -> list[tuple[Grant, dict[str, Any] | None]]:
        rows = {str(row["Field"]).lower(): row for row in self._admin.query(format_soql(_FIELD_RIGHTS, id_))}
        return [(grant, rows.get(grant.field.lower())) for grant in wanted.grants]

    def _give(self, id_: str, lacking: list[tuple[Grant, dict[str, Any] | None]]) -> dict[str, str]:
        """Give rights, 200 a call; what was refused, in Salesforce's words."""
        refused: dict[str, str] = {}
        for new in (True, False):
            rows = [(grant, row) for grant, row in lacking if (row is None) is new]
            for start in range(0, len(rows), COLLECTION):
                part = rows[start : start + COLLECTION]
                records = [_record(id_, grant, row) for grant, row in part]
                body = {"allOrNone": False, "records": records}
                results = self._admin.call("POST" if new else "PATCH", "composite/sobjects", body)
                for (grant, _), result in zip(part, results, strict=True):
                    if not result.get("success"):
                        errors = result.get("errors") or [{}]
                        refused[grant.field] = f"{errors[0].get('statusCode')}: {errors[0].get('message')}"
        return refused


def _enough(grant: Grant, row: dict[str, Any] | None) -> bool:
    """What goes beyond it is left: an admin gave it."""
    return row is not None and bool(row["PermissionsRead"]) and (bool(row["PermissionsEdit"]) or not grant.edit)


def _record(id_: str, grant: Grant, row: dict[str, Any] | None) -> dict[str, Any]:
    rights: dict[str, Any] = {"PermissionsRead": True, "PermissionsEdit": grant.edit}
    attributes = {"attributes": {"type": "FieldPermissions"}}
    if row is not None:
        return {**attributes, "id": row["Id"], **rights}
    return {**attributes, "ParentId": id_, "SobjectType": grant.sobject, "Field": grant.field, **rights}
