"""Make a local Salesforce org look as if an admin had prepared it and earlier runs had left their decisions in it.

The fields come first, by the admin's own way (`connectors.salesforce.deploy`), so that they have the types that crmsync
gives them; then the values that the portal's files hold. Only for a local org: a real one is prepared by its admin.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from simple_salesforce.format import format_soql

from crmsync.connectors.salesforce.admin import Admin
from crmsync.connectors.salesforce.deploy import deploy
from crmsync.connectors.salesforce.rights import OVERRIDES
from crmsync.connectors.salesforce.settings import COLLECTION
from crmsync.connectors.salesforce.steps import Step
from crmsync.demo.portal_files import Row
from crmsync.engine.bootstrap import natives_of
from crmsync.engine.context import Context
from crmsync.errors import CrmsyncError
from crmsync.sandbox.salesforce.server import SandboxOrg

API_VERSION = "66.0"
_ROLLED_BACK = "ALL_OR_NONE_OPERATION_ROLLED_BACK"


def prepare_org(org: SandboxOrg, context: Context, held: Mapping[str, Sequence[Row]]) -> list[Step]:
    """Make the fields and rights of `context`'s Salesforce side in `org`, then write `held` (`Converted.held`)."""
    side = next(side for side in context.sides if side.crm == "salesforce")
    admin = Admin(org.base_url, org.access_token, api_version=API_VERSION, ca_file=org.ca_file)
    try:
        steps = deploy(
            admin, context.owned, context.prefix, natives_of(side), username=org.username, say=lambda _step: None
        )
        with _a_person(admin, org.username):
            for object_, rows in held.items():
                for start in range(0, len(rows), COLLECTION):
                    _write(admin, object_, rows[start : start + COLLECTION])
    finally:
        admin.close()
    return steps


@contextmanager
def _a_person(admin: Admin, username: str) -> Iterator[None]:
    """The org's one user with the right to pin values, which crmsync's user does not have."""
    sets = admin.query(format_soql("SELECT Id FROM PermissionSet WHERE Name = {}", OVERRIDES))
    users = admin.query(format_soql("SELECT Id FROM User WHERE Username = {}", username))
    body = {"PermissionSetId": sets[0]["Id"], "AssigneeId": users[0]["Id"]}
    given = admin.call("POST", "sobjects/PermissionSetAssignment", body)["id"]
    try:
        yield
    finally:
        admin.call("DELETE", f"sobjects/PermissionSetAssignment/{given}")


def _write(admin: Admin, object_: str, rows: Sequence[Row]) -> None:
    records = [{"attributes": {"type": object_}, "id": row["Id"], **_values(row)} for row in rows]
    results = admin.call("PATCH", "composite/sobjects", {"allOrNone": True, "records": records})
    refused = [result["errors"][0] for result in results if not result["success"]]
    if refused:
        first = next((one for one in refused if one["statusCode"] != _ROLLED_BACK), refused[0])
        raise CrmsyncError(f"the local org refused an earlier value: {first['statusCode']}: {first['message']}")


def _values(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "Id"}
