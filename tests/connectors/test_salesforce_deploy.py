"""An admin's connection against a local org: fields, values and rights, made once (salesforce.md 1.8)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce_owned import KINDS, NATIVES, ROLE, TIER, every_output

from crmsync.connectors.salesforce.admin import Admin
from crmsync.connectors.salesforce.deploy import deploy
from crmsync.connectors.salesforce.rights import Natives
from crmsync.connectors.salesforce.steps import Step
from crmsync.errors import ConfigError, Rejected, Unauthorized, Unavailable
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.sandbox.salesforce.server import SandboxOrg

RUNTIME = "crm@acme.example"


class House:
    """A local org in which `crm@acme.example` is the API's user, and an admin's connection to it.

    The org has one user of the API; what the admin makes is seen through that user's own rights.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "Account.csv").write_text("Id,Name,Technologies__c\n0015g0000000001AAA,Acme,hubspot\n")
        self.org = SandboxOrg(folder, username=RUNTIME)
        self.waits: list[float] = []
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = self.org.ca_file
        self.admin = Admin(
            self.org.base_url, self.org.access_token, api_version="66.0", ca_file=self.org.ca_file,
            sleep=self.waits.append,
        )  # fmt: skip

    def run(self, outputs: Any = KINDS, natives: Natives = NATIVES, username: str | None = RUNTIME) -> list[Step]:
        said: list[Step] = []
        steps = deploy(self.admin, outputs, "abm_", natives, username=username, say=said.append)
        assert said == steps
        return steps

    def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.org.access_token}"}
        url = self.org.base_url + (path if path.startswith("/") else f"/services/data/v66.0/{path}")
        answer = self.http.request(method, url, json=body, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def described(self, name: str = "Account") -> dict[str, dict[str, Any]]:
        """What the API's user is told of its fields."""
        return {one["name"]: one for one in self.call("GET", f"sobjects/{name}/describe")["fields"]}

    def rows(self, soql: str) -> list[dict[str, Any]]:
        return list(self.call("GET", f"query?q={soql}")["records"])

    def writes(self) -> list[str]:
        """Calls that changed something, since the org began."""
        log = self.call("GET", "/_sandbox/requests")
        return [one["path"] for one in log if one["method"] != "GET" and "_sandbox" not in one["path"]]

    def close(self) -> None:
        self.admin.close()
        self.http.close()
        self.org.stop()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    one = House(tmp_path / "org")
    yield one
    one.close()


def test_fields_of_every_kind_are_made_and_the_runtime_user_may_use_them(house: House) -> None:
    steps = house.run()
    known = house.described()
    assert {name: known[name]["type"] for name in known if name.startswith("ABM_")} == {
        "ABM_Tier__c": "picklist",
        "ABM_Tier_Reason__c": "textarea",
        "ABM_Tier_Changed_At__c": "datetime",
        "ABM_Next_Review__c": "date",
        "ABM_Names_Known__c": "double",
        "ABM_Cold__c": "picklist",
        "ABM_Tier_Override__c": "picklist",
    }
    assert [one["value"] for one in known["ABM_Tier__c"]["picklistValues"]] == ["tier_1", "none"]
    assert known["ABM_Tier__c"]["restrictedPicklist"] is False
    assert known["ABM_Tier_Reason__c"]["length"] == 32_768
    assert known["ABM_Tier__c"]["updateable"] is True
    # A person's word: read, never written.
    assert known["ABM_Tier_Override__c"]["updateable"] is False
    assert house.described("Contact")["ABM_Stakeholder_Role__c"]["type"] == "multipicklist"
    house.call("PATCH", "sobjects/Account/0015g0000000001AAA", {"ABM_Tier__c": "tier_1", "ABM_Names_Known__c": 5})
    done = {(step.what, step.done) for step in steps}
    assert done >= {("field", "created"), ("permission set", "created"), ("right", "granted"), ("object", "granted")}
    assert Step("assignment", "crmsync", "assigned", "to crmsync's user") in steps
    # No list view: the package alone has them.
    assert not [step for step in steps if "view" in step.what]


def test_objects_are_read_whole_and_edited_only_where_a_value_stands(house: House) -> None:
    house.run()
    soql = (
        "SELECT SobjectType, PermissionsCreate, PermissionsRead, PermissionsEdit, PermissionsDelete, "
        "PermissionsViewAllRecords, PermissionsModifyAllRecords FROM ObjectPermissions ORDER BY SobjectType"
    )
    rights = [[value for key, value in row.items() if key != "attributes"] for row in house.rows(soql)]
    assert rights == [
        ["Account", False, True, True, False, True, False],
        ["Contact", False, True, True, False, True, False],
        ["Opportunity", False, True, False, False, True, False],
    ]


def test_a_second_time_nothing_is_written(house: House) -> None:
    house.run()
    before = house.writes()
    assert [step for step in house.run() if step.changed] == []
    assert house.writes() == before


def test_the_full_program_lands_and_stays(house: House) -> None:
    outputs = every_output()
    house.run(outputs)
    there = house.described().keys() | house.described("Contact").keys()
    assert len([name for name in there if name.startswith("ABM_")]) == len(outputs)
    assert [step for step in house.run(outputs) if step.changed] == []


def test_a_picklist_gets_the_values_that_it_lacks_behind_its_own(house: House) -> None:
    house.run([TIER])
    more = Output("tier", "company", OutputKind.ENUM, "Other label", options=(
        Option("global", "Global"), Option("tier_1", "First"), Option("none", "None"),
    ))  # fmt: skip
    steps = [step for step in house.run([more]) if step.changed]
    assert steps == [Step("values", "Account.ABM_Tier__c", "extended", "global")]
    field = house.described()["ABM_Tier__c"]
    assert [one["value"] for one in field["picklistValues"]] == ["tier_1", "none", "global"]
    assert field["label"] == "ABM tier"  # what stands there is not changed


def test_a_field_of_another_type_stops_everything_before_anything_is_made(house: House) -> None:
    body = {"FullName": "Account.abm_tier__c", "Metadata": {"label": "Mine", "type": "Text", "length": 40}}
    house.call("POST", "tooling/sobjects/CustomField", body)
    before = house.writes()
    with pytest.raises(ConfigError, match=r"Account\.ABM_Tier__c: exists as Text; crmsync needs Picklist") as caught:
        house.run()
    assert "nothing was created" in caught.value.message
    assert house.writes() == before


def test_a_user_that_is_not_there_stops_everything_before_anything_is_made(house: House) -> None:
    with pytest.raises(ConfigError, match="that user is not in this org") as caught:
        house.run(username="it's@acme.example")
    # An address is no part of a message.
    assert "acme" not in caught.value.message
    assert house.writes() == []


def test_without_a_user_nobody_is_assigned(house: House) -> None:
    assert not [step for step in house.run([TIER], username=None) if step.what == "assignment"]
    assert "ABM_Tier__c" not in house.described()
    assert [step.name for step in house.run([TIER]) if step.changed] == ["crmsync", "crmsync_mapped"]
    assert "ABM_Tier__c" in house.described()


def test_mapped_fields_are_granted_where_the_org_has_them_and_told_where_it_does_not(house: House) -> None:
    own = {"label": "Fit", "type": "Number", "precision": 3, "scale": 0}
    house.call("POST", "tooling/sobjects/CustomField", {"FullName": "Account.Fit__c", "Metadata": own})
    natives = Natives({"company": frozenset({"Name", "Technologies__c", "Nothing__c", "YearStarted", "Moon__c"})}, {})
    steps = house.run([TIER], natives)
    unknown = "this org has no such field, so it stays unknown"
    assert [step for step in steps if not step.changed] == [
        Step("field", "Account.Moon__c", "left alone", unknown),
        Step("field", "Account.Nothing__c", "left alone", unknown),
    ]
    assert Step("right", "crmsync_mapped: Account.Technologies__c", "granted", "read") in steps
    assert Step("assignment", "crmsync_mapped", "assigned", "to crmsync's user") in steps


def test_a_right_that_an_admin_widened_stays_and_one_that_was_taken_comes_back(house: House) -> None:
    house.run()
    soql = "SELECT Id, PermissionsEdit FROM FieldPermissions WHERE Parent.Name = 'crmsync' AND Field = 'Account.{}'"
    (pin,) = house.rows(soql.format("ABM_Tier_Override__c"))
    (tier,) = house.rows(soql.format("ABM_Tier__c"))
    house.call("PATCH", f"sobjects/FieldPermissions/{pin['Id']}", {"PermissionsEdit": True})
    house.call("PATCH", f"sobjects/FieldPermissions/{tier['Id']}", {"PermissionsEdit": False})
    assert [step for step in house.run() if step.changed] == [
        Step("right", "crmsync: Account.ABM_Tier__c", "granted", "edit")
    ]
    assert house.rows(soql.format("ABM_Tier_Override__c"))[0]["PermissionsEdit"] is True


@pytest.mark.parametrize("fault", ["503", "reset", "lost_reply"])
def test_a_fault_of_the_line_is_waited_out_and_nothing_is_made_twice(house: House, fault: str) -> None:
    """`lost_reply`: the org did it, and the answer never came; the repeat is refused as a duplicate."""
    rules = [
        {"match": {"method": "POST", "path": path}, "fault": fault, "times": 1}
        for path in ("CustomField", "PermissionSet", "ObjectPermissions", "composite/sobjects", "SetAssignment")
    ]
    house.call("POST", "/_sandbox/faults", rules)
    house.run()
    assert house.waits
    house.call("POST", "/_sandbox/faults", [])
    assert [step for step in house.run() if step.changed] == []
    sets = house.rows("SELECT Name FROM PermissionSet WHERE Name LIKE 'crmsync%25' ORDER BY Name")
    assert [one["Name"] for one in sets] == ["crmsync", "crmsync_mapped", "crmsync_overrides", "crmsync_viewer"]
    assert len(house.rows("SELECT Id FROM PermissionSetAssignment WHERE PermissionSet.Name LIKE 'crmsync%25'")) == 2
    assert house.described()["ABM_Tier__c"]["updateable"] is True


def test_a_fault_that_stays_is_told(house: House) -> None:
    house.call("POST", "/_sandbox/faults", [{"match": {"path": "tooling/query"}, "fault": "503", "rate": 1.0}])
    with pytest.raises(Unavailable, match="SERVER_UNAVAILABLE"):
        house.run()
    assert house.writes() == []


def refused_admin(house: House, **changed: Any) -> Callable[[], Any]:
    given: dict[str, Any] = {"instance": house.org.base_url, "token": house.org.access_token, "api_version": "66.0"}
    given |= {"ca_file": house.org.ca_file, "sleep": lambda _: None, **changed}
    return lambda: deploy(Admin(**given), KINDS, "abm_", NATIVES, username=None, say=lambda _: None)


def test_a_token_that_ended_is_told_without_it(house: House) -> None:
    with pytest.raises(Unauthorized, match="Get a new one") as caught:
        refused_admin(house, token="00D!secret-of-mine")()
    assert "secret-of-mine" not in caught.value.message


def test_an_admin_without_the_right_is_told_which_one(house: House) -> None:
    house.call("POST", "/_sandbox/faults", [{"match": {"path": "tooling"}, "fault": "api_disabled", "rate": 1.0}])
    with pytest.raises(Rejected, match="The admin needs Customize Application") as caught:
        house.run()
    assert "API_DISABLED_FOR_ORG" in caught.value.message


def test_a_certificate_that_is_not_trusted_is_told(house: House) -> None:
    with pytest.raises(Rejected, match="its certificate is not trusted"):
        refused_admin(house, ca_file=None)()


@pytest.mark.parametrize(
    "address", ["http://acme.my.salesforce.com", "acme.my.salesforce.com", "https://a:b@acme.example"]
)
def test_a_token_goes_nowhere_but_over_tls(house: House, address: str) -> None:
    with pytest.raises(Rejected, match="expected the org's address"):
        refused_admin(house, instance=address)()


def test_a_role_that_people_edit_is_theirs_to_edit(house: House) -> None:
    house.run([ROLE])
    soql = "SELECT Field, PermissionsEdit FROM FieldPermissions WHERE Parent.Name = 'crmsync_overrides'"
    assert [(row["Field"], row["PermissionsEdit"]) for row in house.rows(soql)] == [
        ("Contact.ABM_Stakeholder_Role__c", True)
    ]


def test_a_right_that_the_org_is_not_ready_to_give_is_asked_for_again(house: House) -> None:
    """As right after a field was made: for some moments the org refuses rights to it."""
    rule = {"match": {"method": "POST", "path": "composite/sobjects"}, "fault": "validation_rule", "times": 3}
    house.call("POST", "/_sandbox/faults", [rule])
    steps = house.run([TIER, ROLE])
    # Refused are both rights, then one of them, then none: two waits, the second twice as long.
    assert house.waits == [2.0, 4.0]
    rights = [step.name for step in steps if step.what == "right" and step.name.startswith("crmsync: ")]
    assert sorted(rights) == ["crmsync: Account.ABM_Tier__c", "crmsync: Contact.ABM_Stakeholder_Role__c"]
    assert house.described()["ABM_Tier__c"]["updateable"] is True


def test_a_right_that_is_refused_to_the_end_is_told_and_the_next_run_goes_on_from_there(house: House) -> None:
    rule = {"match": {"method": "POST", "path": "composite/sobjects"}, "fault": "validation_rule", "rate": 1.0}
    house.call("POST", "/_sandbox/faults", [rule])
    with pytest.raises(ConfigError, match="FIELD_CUSTOM_VALIDATION_EXCEPTION") as caught:
        house.run([TIER])
    assert "the fields are there; run the command again" in caught.value.message
    house.call("POST", "/_sandbox/faults", [])
    steps = house.run([TIER])
    assert not [step for step in steps if step.what == "field" and step.changed]
    assert house.described()["ABM_Tier__c"]["updateable"] is True
