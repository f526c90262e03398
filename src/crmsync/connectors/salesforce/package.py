"""The package that an admin deploys: fields, list views and permission sets of the program, in Salesforce's own format.

The runtime user may not create fields, so that a stolen key cannot change the org (salesforce.md 1.8): an admin deploys
this once, and again when the program brings new values. Pure: same program, same bytes.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crmsync.connectors.salesforce import xml_text
from crmsync.connectors.salesforce.definitions import check_names, field_metadata, full_name
from crmsync.connectors.salesforce.rights import MAPPED, Natives, PermissionSet, permission_sets
from crmsync.connectors.salesforce.views import View, views
from crmsync.model.outputs import ListDefinition, Output

MANIFEST, MAPPED_MANIFEST = "manifest/package.xml", "manifest/mapped-fields.xml"
DEPLOY = "sf project deploy start --target-org ADMIN --manifest"
"""The command that an admin types in the package's folder, with the manifest after it."""
_HOME = "force-app/main/default"


@dataclass(frozen=True, slots=True)
class Package:
    """`files`: path below the folder -> bytes, sorted by path. `mapped`: fields that the org has to have for
    `mapped-fields.xml` to be deployed."""

    files: dict[str, bytes]
    fields: tuple[str, ...]
    views: tuple[str, ...]
    sets: tuple[str, ...]
    mapped: tuple[str, ...]


def build(
    outputs: Sequence[Output], lists: Sequence[ListDefinition], prefix: str, natives: Natives, *, api_version: str
) -> Package:
    """The package of all `outputs` and `lists`. Raises ConfigError with every name that Salesforce would refuse."""
    check_names(outputs, prefix)
    fields = {full_name(output, prefix): output for output in outputs}
    shown = views(lists, prefix)
    sets = permission_sets(outputs, prefix, natives)
    mapped = tuple(grant.field for one in sets if one.name == MAPPED for grant in one.grants)
    files = {_field_path(name): _field(name, output) for name, output in fields.items()}
    files |= {_view_path(view): xml_text.document("ListView", view.metadata) for view in shown}
    files |= {f"{_HOME}/permissionsets/{one.name}.permissionset-meta.xml": _permission_set(one) for one in sets}
    names = tuple(sorted(fields))
    view_names = tuple(f"{view.sobject}.{view.name}" for view in shown)
    set_names = tuple(sorted(one.name for one in sets))
    files[MANIFEST] = _manifest(names, view_names, [one for one in set_names if one != MAPPED], api_version)
    if mapped:
        files[MAPPED_MANIFEST] = _manifest((), (), (MAPPED,), api_version)
    files["sfdx-project.json"] = _project(api_version)
    files["README.md"] = _readme(names, view_names, sets, mapped)
    return Package({path: files[path] for path in sorted(files)}, names, view_names, set_names, mapped)


def _field_path(name: str) -> str:
    sobject, _, field = name.partition(".")
    return f"{_HOME}/objects/{sobject}/fields/{field}.field-meta.xml"


def _view_path(view: View) -> str:
    return f"{_HOME}/objects/{view.sobject}/listViews/{view.name}.listView-meta.xml"


def _field(name: str, output: Output) -> bytes:
    return xml_text.document("CustomField", {"fullName": name.partition(".")[2], **field_metadata(output)})


def _permission_set(one: PermissionSet) -> bytes:
    content: dict[str, Any] = {
        "description": one.description,
        "fieldPermissions": [{"editable": grant.edit, "field": grant.field, "readable": True} for grant in one.grants],
        "hasActivationRequired": False,
        "label": one.label,
        "objectPermissions": [
            {
                "allowCreate": False,
                "allowDelete": False,
                "allowEdit": edit,
                "allowRead": True,
                "modifyAllRecords": False,
                "object": sobject,
                # A record that sharing hides looks like a deleted one.
                "viewAllRecords": True,
            }
            for sobject, edit in one.objects.items()
        ],
    }
    return xml_text.document("PermissionSet", content)


def _manifest(fields: Sequence[str], view_names: Sequence[str], sets: Sequence[str], api_version: str) -> bytes:
    named = (("CustomField", fields), ("ListView", view_names), ("PermissionSet", sets))
    types = [{"members": list(members), "name": name} for name, members in named if members]
    return xml_text.document("Package", {"types": types, "version": api_version})


def _project(api_version: str) -> bytes:
    project = {
        "name": "crmsync",
        "namespace": "",
        "packageDirectories": [{"default": True, "path": "force-app"}],
        "sfdcLoginUrl": "https://login.salesforce.com",
        "sourceApiVersion": api_version,
    }
    return (json.dumps(project, indent=2) + "\n").encode()


def _readme(
    fields: Sequence[str], view_names: Sequence[str], sets: Sequence[PermissionSet], mapped: Sequence[str]
) -> bytes:
    counts = Counter(name.partition(".")[0] for name in fields)
    many = ", ".join(f"{count} on {sobject}" for sobject, count in sorted(counts.items()))
    lines = [
        "# What crmsync keeps in Salesforce",
        "",
        f"{len(fields)} fields ({many}), {len(view_names)} list views, {len(sets)} permission sets.",
        "Written by `crmsync bootstrap salesforce`. Run that again after a change of program or mapping.",
        "",
        "An admin deploys it with the Salesforce CLI, in this folder. First to see what it would do:",
        "",
        f"    {DEPLOY} {MANIFEST} --dry-run",
        f"    {DEPLOY} {MANIFEST}",
        "",
    ]
    if mapped:
        lines += [
            "The mapping also names fields that not every org has. Take out of `mappings/salesforce.yaml` what yours",
            "does not have, run `crmsync bootstrap salesforce` again, and deploy the right to read the others:",
            "",
            *(f"- `{name}`" for name in mapped),
            "",
            f"    {DEPLOY} {MAPPED_MANIFEST}",
            "",
        ]
    assign = "sf org assign permset --target-org ADMIN --on-behalf-of USERNAME --name"
    return "\n".join([
        *lines,
        "Then assign the permission sets:",
        "",
        *(f"    {assign} {one.name}" for one in sets),
        "",
        *(f"- `{one.name}`: {one.description}" for one in sets),
        "",
        "A deployment deletes nothing: a field that the program no longer needs stays until somebody deletes it.",
        "",
    ]).encode()  # fmt: skip
