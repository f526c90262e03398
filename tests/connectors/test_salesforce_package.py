"""The package for an admin: what is in it, its bytes, and the folder it is written to (salesforce.md 1.8 and 7)."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pytest
from salesforce_owned import KINDS, NATIVES, ROLE, TIER, every_output

from crmsync.connectors.salesforce import package_folder
from crmsync.connectors.salesforce.package import Package, build
from crmsync.connectors.salesforce.rights import Natives
from crmsync.connectors.salesforce.views import view_name
from crmsync.connectors.salesforce.xml_text import document
from crmsync.errors import ConfigError, CrmsyncError
from crmsync.model.outputs import Option, Output, OutputKind

NS = {"m": "http://soap.sforce.com/2006/04/metadata"}
HOME = "force-app/main/default"


def made(outputs: Sequence[Output] = KINDS, prefix: str = "abm_", natives: Natives = NATIVES) -> Package:
    lists = [one for output in outputs for one in output.lists()]
    return build(outputs, lists, prefix, natives, api_version="66.0")


def root(package: Package, path: str) -> ElementTree.Element:
    return ElementTree.fromstring(package.files[f"{HOME}/{path}"])


def texts(element: ElementTree.Element, path: str) -> list[str | None]:
    return [one.text for one in element.findall("/".join(f"m:{name}" for name in path.split("/")), NS)]


def field(name: str, package: Package | None = None) -> ElementTree.Element:
    return root(package or made(), f"objects/Account/fields/{name}.field-meta.xml")


def granted(package: Package, name: str) -> dict[str | None, bool]:
    """Field -> whether it may be edited; every one of them may be read."""
    element = root(package, f"permissionsets/{name}.permissionset-meta.xml")
    rows = [
        {child.tag.partition("}")[2]: child.text for child in one} for one in element.findall("m:fieldPermissions", NS)
    ]
    assert all(row["readable"] == "true" for row in rows)
    return {row["field"]: row["editable"] == "true" for row in rows}


def test_a_picklist_keeps_the_programs_values_in_order_and_takes_others() -> None:
    tier = field("ABM_Tier__c")
    assert tier.tag == "{http://soap.sforce.com/2006/04/metadata}CustomField"
    assert texts(tier, "fullName") == ["ABM_Tier__c"]
    assert texts(tier, "label") == ["ABM tier"]
    assert texts(tier, "type") == ["Picklist"]
    # The text of the description survives the markup in it.
    assert texts(tier, "description") == texts(tier, "inlineHelpText") == ["Which tier, & why not <higher>."]
    assert texts(tier, "valueSet/restricted") == ["false"]
    assert texts(tier, "valueSet/valueSetDefinition/value/fullName") == ["tier_1", "none"]
    assert texts(tier, "valueSet/valueSetDefinition/value/label") == ["Tier 1", "None"]
    assert texts(tier, "valueSet/valueSetDefinition/sorted") == ["false"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ABM_Tier_Reason__c", {"type": "LongTextArea", "length": "32768", "visibleLines": "3"}),
        ("ABM_Tier_Changed_At__c", {"type": "DateTime"}),
        ("ABM_Next_Review__c", {"type": "Date"}),
        ("ABM_Names_Known__c", {"type": "Number", "precision": "18", "scale": "0"}),
        ("ABM_Cold__c", {"type": "Picklist"}),
    ],
)
def test_each_kind_has_its_type(name: str, shown: dict[str, str]) -> None:
    assert {key: texts(field(name), key)[0] for key in shown} == shown


def test_a_boolean_is_a_picklist_so_that_it_may_be_empty_and_several_values_are_a_multi_select() -> None:
    assert texts(field("ABM_Cold__c"), "valueSet/valueSetDefinition/value/fullName") == ["true", "false"]
    role = root(made(), "objects/Contact/fields/ABM_Stakeholder_Role__c.field-meta.xml")
    assert (texts(role, "type"), texts(role, "visibleLines")) == (["MultiselectPicklist"], ["6"])


def test_the_runtime_user_edits_what_crmsync_keeps_and_nothing_else() -> None:
    rights = granted(made(), "crmsync")
    assert rights == {
        "Account.ABM_Tier__c": True,
        "Account.ABM_Tier_Reason__c": True,
        "Account.ABM_Tier_Changed_At__c": True,
        "Account.ABM_Next_Review__c": True,
        "Account.ABM_Names_Known__c": True,
        "Account.ABM_Cold__c": True,
        "Account.ABM_Tier_Override__c": False,  # a person's word
        "Contact.ABM_Stakeholder_Role__c": True,
        "Account.Rating": True,  # the mapping says that it follows
        "Account.Website": False,
        "Account.BillingAddress": False,  # a city and a country are secured as one address
        "Contact.Email": False,
        "Contact.AccountId": False,
        "Opportunity.Amount": False,
        # Name, FirstName, StageName and SystemModstamp have no field-level security: naming them fails a deployment.
    }
    element = root(made(), "permissionsets/crmsync.permissionset-meta.xml")
    assert texts(element, "license") == []
    assert texts(element, "objectPermissions/object") == ["Account", "Contact", "Opportunity"]
    assert texts(element, "objectPermissions/allowRead") == texts(element, "objectPermissions/viewAllRecords")
    assert texts(element, "objectPermissions/allowRead") == ["true"] * 3
    assert texts(element, "objectPermissions/allowEdit") == ["true", "true", "false"]
    for never in ("allowCreate", "allowDelete", "modifyAllRecords"):
        assert texts(element, f"objectPermissions/{never}") == ["false"] * 3
    assert texts(element, "userPermissions") == []


def test_people_have_sets_of_their_own() -> None:
    package = made()
    ours = set(package.fields)
    assert granted(package, "crmsync_viewer") == dict.fromkeys(ours, False)
    # A role that somebody edits by hand is kept, so it may be edited too.
    assert granted(package, "crmsync_overrides") == {
        "Account.ABM_Tier_Override__c": True,
        "Contact.ABM_Stakeholder_Role__c": True,
    }


def test_a_mapped_field_that_an_org_may_lack_is_deployed_apart_so_that_it_cannot_stop_the_rest() -> None:
    package = made()
    assert granted(package, "crmsync_mapped") == {"Account.Technologies__c": False}
    assert package.mapped == ("Account.Technologies__c",)
    whole = ElementTree.fromstring(package.files["manifest/package.xml"])
    assert "crmsync_mapped" not in texts(whole, "types/members")
    apart = ElementTree.fromstring(package.files["manifest/mapped-fields.xml"])
    assert texts(apart, "types/members") == ["crmsync_mapped"]
    standard = made(natives=Natives({"company": frozenset({"Name", "Industry"})}, {}))
    assert standard.mapped == ()
    assert not [path for path in standard.files if "mapped" in path]


def test_a_list_is_a_view_filtered_on_its_field() -> None:
    package = made()
    tier = root(package, "objects/Account/listViews/ABM_Tier_1.listView-meta.xml")
    assert texts(tier, "label") == ["ABM: Tier 1"]
    assert texts(tier, "filterScope") == ["Everything"]
    assert [texts(tier, f"filters/{key}") for key in ("field", "operation", "value")] == [
        ["ABM_Tier__c"], ["equals"], ["tier_1"],
    ]  # fmt: skip
    assert "ABM_Tier__c" in texts(tier, "columns")
    role = root(package, "objects/Contact/listViews/ABM_Role_End_User.listView-meta.xml")
    assert [texts(role, f"filters/{key}")[0] for key in ("operation", "value")] == ["includes", "end_user"]
    assert package.views == ("Account.ABM_Tier_1", "Contact.ABM_Role_End_User", "Contact.ABM_Role_Influencer")


def test_names_of_views_fit_and_stay_apart() -> None:
    assert view_name("ABM: Tier 1") == "ABM_Tier_1"
    assert view_name("1st: wave") == "L_1st_wave"
    long = [view_name(f"ABM: Gap {'x' * 60} {number}") for number in (1, 2)]
    assert len(set(long)) == 2
    assert all(len(one) <= 40 for one in long)
    twins = Output(
        "wave", "company", OutputKind.ENUM, "ABM wave",
        options=(Option("a", "A+B"), Option("b", "A-B")), list_name="ABM: {label}",
    )  # fmt: skip
    names = made([twins]).views
    assert names[0] == "Account.ABM_A_B"
    assert names[1].startswith("Account.ABM_A_B_")


def test_the_manifest_names_every_file_and_the_files_are_where_salesforce_looks() -> None:
    package = made(every_output())
    manifest = ElementTree.fromstring(package.files["manifest/package.xml"])
    types = {one.findtext("m:name", "", NS): texts(one, "members") for one in manifest.findall("m:types", NS)}
    assert types.keys() == {"CustomField", "ListView", "PermissionSet"}
    paths = {
        f"{HOME}/permissionsets/{one}.permissionset-meta.xml" for one in [*types["PermissionSet"], "crmsync_mapped"]
    }
    for kind, folder, ending in (("CustomField", "fields", "field"), ("ListView", "listViews", "listView")):
        for member in types[kind]:
            sobject, _, name = str(member).partition(".")
            paths.add(f"{HOME}/objects/{sobject}/{folder}/{name}.{ending}-meta.xml")
    assert paths == {path for path in package.files if path.startswith("force-app")}
    assert texts(manifest, "version") == ["66.0"]
    project = json.loads(package.files["sfdx-project.json"])
    assert project["sourceApiVersion"] == "66.0"
    assert project["packageDirectories"] == [{"default": True, "path": "force-app"}]


def test_every_value_of_the_full_program_fits_salesforces_names() -> None:
    package = made(every_output())
    assert "Account.ABM_Tier_Changed_At__c" in package.fields  # what flows are triggered by
    assert "Account.ABM_Last_Run__c" in package.fields
    for name in package.fields:
        assert len(name.partition(".")[2]) <= 43
    for path, content in package.files.items():
        if not path.endswith(".xml"):
            continue
        element = ElementTree.fromstring(content)
        assert element.tag.startswith("{http://soap.sforce.com/2006/04/metadata}")
        assert len(element.findtext("m:label", "", NS)) <= 40
    assert len(package.fields) == len(every_output())


def test_the_same_program_gives_the_same_bytes_in_whatever_order_it_is_told() -> None:
    outputs = list(every_output())
    before = made(outputs)
    random.Random(7).shuffle(outputs)
    assert made(outputs) == before
    assert list(before.files) == sorted(before.files)


@pytest.mark.parametrize(
    ("output", "prefix", "said"),
    [
        (Output("x" * 41, "company", OutputKind.TEXT, "X"), "abm_", "longer than 40 characters"),
        (TIER, "a__", "two underscores"),
        (Output("x", "company", OutputKind.TEXT, "X" * 41), "abm_", "label has more than 40"),
        (Output("x", "company", OutputKind.ENUM, "X"), "abm_", "a picklist without values"),
    ],
)
def test_what_salesforce_would_refuse_is_a_fault_before_anything_is_written(
    output: Output, prefix: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        made([output], prefix)


def test_every_fault_is_told_at_once_and_two_values_of_one_field_are_one() -> None:
    twice = [Output("a_b", "company", OutputKind.TEXT, "X"), Output("a_B", "company", OutputKind.TEXT, "Y" * 41)]
    with pytest.raises(ConfigError) as caught:
        made(twice)
    assert len(caught.value.faults) == 2


def test_characters_that_xml_cannot_hold_become_blanks() -> None:
    element = ElementTree.fromstring(document("X", {"label": "a\x07b\ud800c & <d>", "on": True}))
    assert texts(element, "label") == ["a b c & <d>"]
    assert texts(element, "on") == ["true"]


def folder_of(path: Path) -> dict[str, bytes]:
    return {str(one.relative_to(path)): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def test_a_folder_is_written_again_only_where_something_changed_and_what_went_is_removed(tmp_path: Path) -> None:
    home = tmp_path / "package"
    first, second = made([TIER, ROLE]), made([TIER])
    assert set(package_folder.write(home, first.files)) == set(first.files)
    assert folder_of(home).keys() == first.files.keys() | {".crmsync-package.json"}
    assert package_folder.write(home, first.files) == ()
    (home / "notes.txt").write_text("a person's")
    changed = package_folder.write(home, second.files)
    gone = f"{HOME}/objects/Contact/fields/ABM_Stakeholder_Role__c.field-meta.xml"
    assert gone in changed
    assert folder_of(home).keys() == second.files.keys() | {".crmsync-package.json", "notes.txt"}


def test_a_folder_of_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "sfdx-project.json").write_text("{}")
    with pytest.raises(CrmsyncError, match="somebody else's"):
        package_folder.write(tmp_path, made().files)
    assert folder_of(tmp_path) == {"sfdx-project.json": b"{}"}
    with pytest.raises(CrmsyncError, match="is a file"):
        package_folder.write(tmp_path / "sfdx-project.json", made().files)


def test_a_file_that_somebody_edited_is_not_written_over(tmp_path: Path) -> None:
    home = tmp_path / "package"
    package_folder.write(home, made().files)
    path = home / HOME / "permissionsets/crmsync.permissionset-meta.xml"
    path.write_text("<mine/>")
    before = folder_of(home)
    with pytest.raises(CrmsyncError, match=r"crmsync\.permissionset-meta\.xml changed"):
        package_folder.write(home, made([TIER]).files)
    assert folder_of(home) == before


def test_a_write_that_broke_off_is_finished_by_the_next(tmp_path: Path) -> None:
    home, other = tmp_path / "package", tmp_path / "other"
    old, new = made([TIER]), made([Output("tier", "company", OutputKind.TEXT, "ABM tier"), ROLE])
    package_folder.write(home, old.files)
    # Nothing can be written below a file; the account's field, which comes before, is written.
    (home / HOME / "objects/Contact").write_text("in the way")
    with pytest.raises(CrmsyncError, match="cannot be written"):
        package_folder.write(home, new.files)
    tier = f"{HOME}/objects/Account/fields/ABM_Tier__c.field-meta.xml"
    assert (home / tier).read_bytes() == new.files[tier]
    (home / HOME / "objects/Contact").unlink()
    package_folder.write(home, new.files)
    package_folder.write(other, new.files)
    assert folder_of(home) == folder_of(other)


def test_a_record_that_points_outside_is_not_believed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("kept")
    home = tmp_path / "package"
    home.mkdir()
    (home / package_folder.RECORD).write_text(json.dumps({"../victim": "x"}))
    with pytest.raises(CrmsyncError, match="somebody else's"):
        package_folder.write(home, made().files)
    assert victim.read_text() == "kept"
