"""What every org has before any business: itself, its stages, the API's user and that user's permission set."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from crmsync.sandbox.common.clock import Clock
from crmsync.sandbox.salesforce import ids
from crmsync.sandbox.salesforce.load import Loaded, load
from crmsync.sandbox.salesforce.org import Org
from crmsync.sandbox.salesforce.values import Values, stamp

ORGANIZATION = ids.make(ids.PREFIXES["Organization"], 1)
PERMISSION_SET = "Crm_Integration"
DEFAULT_USERNAME = "integration@sandbox.example"


@dataclass(frozen=True)
class Made:
    """An org, and what was changed of the files it was made from."""

    org: Org
    loaded: Loaded


def build(folder: Path | None, features: Iterable[str], clock: Clock, username: str) -> Made:
    """The org of a folder. The API's user is the one of `User.csv` with that user name, else a new one."""
    loaded = load(folder, features, clock.now_ms())
    org = Org(loaded.specs, clock, "", loaded.records)
    org.addresses = loaded.addresses
    org.begin()
    named = loaded.records["User"].indexed("Username", username) if "User" in loaded.records else []
    org.user = named[0] if named else org.new_id("User")
    if not named:
        name = {"FirstName": "Integration", "LastName": "User", "Name": "Integration User"}
        _put(org, "User", org.user, {"Username": username, "Email": username, "IsActive": True, **name})
    for records in loaded.records.values():
        records.fill(("OwnerId", "CreatedById", "LastModifiedById"), org.user)
    _put(org, "Organization", ORGANIZATION, {
        "Name": "Sandbox", "OrganizationType": "Developer Edition", "IsSandbox": True, "InstanceName": "CS999",
    })  # fmt: skip
    _stages(org)
    permission_set = org.new_id("PermissionSet")
    _put(org, "PermissionSet", permission_set, {"Name": PERMISSION_SET, "Label": "CRM integration"})
    grant: Values = {"PermissionSetId": permission_set, "AssigneeId": org.user}
    _put(org, "PermissionSetAssignment", org.new_id("PermissionSetAssignment"), grant)
    org.begin()
    return Made(org, loaded)


def _put(org: Org, name: str, id_: str, values: Values) -> None:
    spec, now = org.objects[name], stamp(org.clock.now_ms())
    whole: Values = {one.name: False if one.type == "boolean" else None for one in spec.fields.values()}
    stamps: Values = dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), now)
    people: Values = dict.fromkeys(("CreatedById", "LastModifiedById"), org.user)
    org.put(name, id_, {**whole, **stamps, **people, **values, "Id": id_})


def _stages(org: Org) -> None:
    """The standard stages and, open or closed as the records say, those of the files."""
    known = dict.fromkeys(org.objects["Opportunity"].fields["StageName"].values)
    for row in org.rows("Opportunity", deleted=True):
        name = str(row.fields["StageName"])
        if name in known and name not in org.stages:
            won, closed = bool(row.fields["IsWon"]), bool(row.fields["IsClosed"])
            org.stages[name] = (100 if won else 0 if closed else 50, closed, won)
    for order, name in enumerate(known, start=1):
        chance, closed, won = org.stages.get(name, (0, False, False))
        _put(org, "OpportunityStage", org.new_id("OpportunityStage"), {
            "MasterLabel": name, "ApiName": name, "IsActive": True, "SortOrder": order, "IsClosed": closed,
            "IsWon": won, "DefaultProbability": float(chance),
        })  # fmt: skip
