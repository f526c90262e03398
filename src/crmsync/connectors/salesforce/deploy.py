"""Fields, picklist values and rights made in the org with an admin's connection: the package without Salesforce's CLI.

What it does can be done again: what stands there is left, missing values are added behind those that are there, a right
is given and never taken away. Prevents a field of someone else's from being written to as if it were ours: a clash of
type stops everything before anything is made. List views come with the package alone; no call of these APIs makes one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from simple_salesforce.format import format_soql

from crmsync.connectors.salesforce.admin import Admin
from crmsync.connectors.salesforce.definitions import (
    SHAPES,
    check_names,
    field_metadata,
    full_name,
    options_of,
    picklist_value,
)
from crmsync.connectors.salesforce.permissions import Permissions
from crmsync.connectors.salesforce.rights import MAPPED, RUNTIME, Natives, PermissionSet, permission_sets
from crmsync.connectors.salesforce.steps import CREATED, EXTENDED, LEFT, Say, Step
from crmsync.errors import ConfigError, Fault, Rejected
from crmsync.model.outputs import Output, OutputKind

_TABLE = "CustomField"
_CUSTOM_FIELDS = (
    "SELECT Id, DeveloperName, TableEnumOrId FROM CustomField WHERE TableEnumOrId IN {} AND NamespacePrefix = null"
)
_TAKEN = "DUPLICATE_DEVELOPER_NAME"
#: Types that do as well as the one that would be created.
_ALSO: dict[OutputKind, frozenset[str]] = {OutputKind.TEXT: frozenset({"Html"})}


@dataclass(frozen=True, slots=True)
class _Standing:
    """A field of ours that is there already, with the metadata that it has."""

    id: str
    metadata: dict[str, Any]


def deploy(
    admin: Admin, outputs: Sequence[Output], prefix: str, natives: Natives, *, username: str | None, say: Say
) -> list[Step]:
    """Bring the org to what the package says, list views apart. `say` is told of each step as it is done.

    `username` is the runtime user's; without it the permission sets are assigned to nobody. Raises ConfigError, before
    anything is made, for fields that clash and for a user that is not there; Rejected where the admin lacks a right.
    """
    check_names(outputs, prefix)
    user = _user(admin, username) if username else None
    fields = {full_name(output, prefix): output for output in outputs}
    standing = _standing(admin, fields)
    _check_clashes(fields, standing)
    steps: list[Step] = []

    def done(step: Step) -> None:
        steps.append(step)
        say(step)

    for name, output in fields.items():
        step = _extend(admin, name, output, standing[name]) if name in standing else _create(admin, name, output)
        if step is not None:
            done(step)
    sets, missing = _of_this_org(admin, permission_sets(outputs, prefix, natives), fields)
    for field in missing:
        done(Step("field", field, LEFT, "this org has no such field, so it stays unknown"))
    permissions = Permissions(admin, frozenset(fields))
    for one in sets:
        id_ = permissions.ensure_set(one, done)
        if user is not None and one.name in (RUNTIME, MAPPED):
            permissions.assign(id_, one.name, user, done)
    return steps


def _user(admin: Admin, username: str) -> str:
    rows = admin.query(format_soql("SELECT Id, IsActive FROM User WHERE Username = {}", username))
    if not rows or not rows[0]["IsActive"]:
        what = "is not active in this org" if rows else "is not in this org"
        where = "crmsync.yaml: salesforce.username (or --user)"
        raise ConfigError([Fault(where, None, f"that user {what}; create the user first")], "nothing was created")
    return str(rows[0]["Id"])


def _standing(admin: Admin, fields: dict[str, Output]) -> dict[str, _Standing]:
    """Our fields that the org has, whether anybody may see them or not."""
    tables = sorted({name.partition(".")[0] for name in fields})
    rows = admin.query(format_soql(_CUSTOM_FIELDS, tables), tooling=True)
    wanted = {name.lower(): name for name in fields}
    found: dict[str, _Standing] = {}
    for row in rows:
        name = wanted.get(f"{row['TableEnumOrId']}.{row['DeveloperName']}__c".lower())
        if name is not None:
            shown = admin.call("GET", f"tooling/sobjects/{_TABLE}/{row['Id']}")
            found[name] = _Standing(str(row["Id"]), dict(shown["Metadata"]))
    return found


def _check_clashes(fields: dict[str, Output], standing: dict[str, _Standing]) -> None:
    faults = []
    for name, there in standing.items():
        kind = fields[name].kind
        has, needs = str(there.metadata.get("type")), SHAPES[kind].type
        if has != needs and has not in _ALSO.get(kind, frozenset()):
            message = (
                f"exists as {has}; crmsync needs {needs}. Rename or delete that field in Salesforce, or choose another "
                "prefix in mappings/salesforce.yaml"
            )
            faults.append(Fault(f"Salesforce field {name}", None, message))
    if faults:
        raise ConfigError(faults, "nothing was created")


def _create(admin: Admin, name: str, output: Output) -> Step | None:
    body = {"FullName": name, "Metadata": field_metadata(output, named="valueName")}
    try:
        admin.call("POST", f"tooling/sobjects/{_TABLE}", body)
    except Rejected as error:
        # A lost reply, or another admin at the same moment: it is there, which is what was wanted.
        if error.category != _TAKEN:
            raise
    return Step("field", name, CREATED)


def _extend(admin: Admin, name: str, output: Output, there: _Standing) -> Step | None:
    """Add the values that its picklist lacks, behind those that it has."""
    wanted = options_of(output)
    value_set = there.metadata.get("valueSet") or {}
    if not wanted:
        return None
    if shared := value_set.get("valueSetName"):
        return Step("values", name, LEFT, f"they come from the global value set {shared}; see that it has ours")
    definition = value_set.get("valueSetDefinition") or {}
    values = list(definition.get("value") or [])
    key = "fullName" if values and "fullName" in values[0] else "valueName"
    known = {str(value.get(key)) for value in values}
    lacking = [option for option in wanted if option.value not in known]
    if not lacking:
        return None
    values += [picklist_value(option, "fullName" if key == "fullName" else "valueName") for option in lacking]
    metadata = {**there.metadata, "valueSet": {**value_set, "valueSetDefinition": {**definition, "value": values}}}
    admin.call("PATCH", f"tooling/sobjects/{_TABLE}/{there.id}", {"FullName": name, "Metadata": metadata})
    return Step("values", name, EXTENDED, ", ".join(option.value for option in lacking))


def _of_this_org(
    admin: Admin, sets: Sequence[PermissionSet], ours: dict[str, Output]
) -> tuple[list[PermissionSet], list[str]]:
    """The sets with those grants alone that this org can give, and mapped fields that it does not have."""
    tables = {grant.sobject for one in sets for grant in one.grants if grant.field not in ours}
    there = {name: guarded for table in sorted(tables) for name, guarded in _described(admin, table)}
    missing = [
        grant.field for one in sets if one.name == MAPPED for grant in one.grants if grant.field.lower() not in there
    ]
    kept = [
        replace(one, grants=tuple(g for g in one.grants if g.field in ours or there.get(g.field.lower())))
        for one in sets
    ]
    return [one for one in kept if one.grants or one.objects], missing


def _described(admin: Admin, table: str) -> Iterator[tuple[str, bool]]:
    """`account.industry` -> whether it has field-level security. An address has it as a whole."""
    for field in admin.call("GET", f"sobjects/{table}/describe")["fields"]:
        guarded = bool(field.get("permissionable")) or field.get("type") == "address"
        yield f"{table}.{field['name']}".lower(), guarded
