"""What crmsync's own user says of the owned fields of a local org; it makes none (salesforce.md 1.8, 2.6 and 7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from salesforce_owned import KINDS, NATIVES, ROLE, TIER, every_output

from crmsync.connectors.base import SchemaChange
from crmsync.connectors.salesforce.admin import Admin
from crmsync.connectors.salesforce.deploy import deploy
from crmsync.connectors.salesforce.fields import Fields
from crmsync.connectors.salesforce.schema import Schema
from crmsync.connectors.salesforce.settings import SalesforceSettings
from crmsync.connectors.salesforce.transport import Transport
from crmsync.errors import ConfigError
from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.sandbox.salesforce.server import SandboxOrg

PIN = Output("tier_override", "company", OutputKind.ENUM, "Pin", options=(Option("tier_1", "T"),), person=True)


class Seat:
    """A local org, crmsync's own user in it, and an admin beside."""

    def __init__(self) -> None:
        self.org = SandboxOrg(username="crm@acme.example")
        self.transport = Transport(
            SalesforceSettings(
                consumer_key=lambda: self.org.consumer_key, consumer_secret=lambda: self.org.consumer_secret,
                base_url=self.org.base_url, ca_file=self.org.ca_file, domain="acme.my", patience=0.01,
            )
        )  # fmt: skip
        self.schema = Schema(self.transport, Fields(self.transport, "abm_"), "abm_")
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.verify = self.org.ca_file

    def bootstrap(self, outputs: Any) -> None:
        admin = Admin(self.org.base_url, self.org.access_token, api_version="66.0", ca_file=self.org.ca_file)
        deploy(admin, outputs, "abm_", NATIVES, username=self.org.username, say=lambda _: None)
        admin.close()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        url = self.org.base_url + (path if path.startswith("/") else f"/services/data/v66.0/{path}")
        headers = {"Authorization": f"Bearer {self.org.access_token}"}
        answer = self.http.request(method, url, json=body, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return answer.json() if answer.content else None

    def field(self, name: str = "ABM_Tier__c", *, edit: bool = True, **metadata: Any) -> None:
        """A field of somebody's, which the user may see."""
        self.call("POST", "tooling/sobjects/CustomField", {
            "FullName": f"Account.{name}", "Metadata": {"label": "Mine", **metadata},
        })  # fmt: skip
        self.call("POST", "/_sandbox/fls", {"object": "Account", "field": name, "read": True, "edit": edit})

    def writes(self) -> list[str]:
        log = self.call("GET", "/_sandbox/requests")
        return [one["path"] for one in log if one["method"] != "GET" and "/data/" in one["path"]]

    def close(self) -> None:
        self.transport.close()
        self.http.close()
        self.org.stop()


@pytest.fixture
def seat() -> Iterator[Seat]:
    one = Seat()
    yield one
    one.close()


def picklist(*values: str, restricted: bool) -> dict[str, Any]:
    named = [{"valueName": value, "label": value, "default": False} for value in values]
    return {"type": "Picklist", "valueSet": {"restricted": restricted, "valueSetDefinition": {"value": named}}}


def test_an_empty_org_lacks_every_field_and_nothing_is_made(seat: Seat) -> None:
    assert seat.schema.missing([TIER, PIN, ROLE]) == [
        SchemaChange("field", "Account.ABM_Tier__c", by_admin=True),
        SchemaChange("field", "Account.ABM_Tier_Override__c", by_admin=True),
        SchemaChange("field", "Contact.ABM_Stakeholder_Role__c", by_admin=True),
    ]
    with pytest.raises(ConfigError) as caught:
        seat.schema.ensure([TIER, PIN, ROLE])
    # One fault an object.
    assert [fault.where for fault in caught.value.faults] == ["Salesforce Account", "Salesforce Contact"]
    first = caught.value.faults[0].message
    assert "Account.ABM_Tier__c, Account.ABM_Tier_Override__c" in first
    assert "An admin runs `crmsync bootstrap salesforce`" in first
    assert "nothing was written" in caught.value.message
    assert seat.writes() == []


@pytest.mark.parametrize("outputs", [KINDS, every_output()], ids=["kinds", "full program"])
def test_what_an_admin_prepared_is_all_there_at_once(seat: Seat, outputs: tuple[Output, ...]) -> None:
    """Without a new connection: what was described before the admin came does not count."""
    assert seat.schema.missing(outputs)
    seat.bootstrap(outputs)
    assert seat.schema.missing(outputs) == []
    assert seat.schema.ensure(outputs) == []


def test_a_field_that_the_user_may_not_see_is_as_good_as_missing(seat: Seat) -> None:
    seat.call("POST", "tooling/sobjects/CustomField", {
        "FullName": "Account.ABM_Tier__c", "Metadata": {"label": "T", **picklist("tier_1", restricted=False)},
    })  # fmt: skip
    assert seat.schema.missing([TIER]) == [SchemaChange("field", "Account.ABM_Tier__c", by_admin=True)]
    with pytest.raises(ConfigError, match="missing, or hidden from crmsync's user"):
        seat.schema.ensure([TIER])


def test_a_field_without_the_right_to_edit_is_named_unless_only_people_write_it(seat: Seat) -> None:
    seat.field("ABM_Tier__c", edit=False, **picklist("tier_1", "none", restricted=False))
    seat.field("ABM_Tier_Override__c", edit=False, **picklist("tier_1", restricted=False))
    assert seat.schema.missing([TIER, PIN]) == [SchemaChange("edit right", "Account.ABM_Tier__c", by_admin=True)]
    with pytest.raises(ConfigError, match=r"may not edit: Account\.ABM_Tier__c\. An admin"):
        seat.schema.ensure([TIER, PIN])


def test_a_restricted_picklist_lacks_what_it_would_refuse_and_another_lacks_nothing(seat: Seat) -> None:
    seat.field("ABM_Tier__c", **picklist("tier_1", restricted=True))
    seat.field("ABM_Tier_Override__c", **picklist("other", restricted=False))
    assert seat.schema.missing([TIER, PIN]) == [SchemaChange("option", "Account.ABM_Tier__c=none", by_admin=True)]
    with pytest.raises(ConfigError, match="restricted picklists lack values"):
        seat.schema.ensure([TIER, PIN])


@pytest.mark.parametrize(
    ("output", "metadata", "said"),
    [
        (TIER, {"type": "Text", "length": 40}, r"exists as string; crmsync needs picklist \(Picklist\)"),
        (TIER, {"type": "Checkbox"}, "exists as boolean"),
        (Output("tier", "company", OutputKind.TEXT, "T"), {"type": "TextArea"}, "holds 255 characters"),
        (Output("tier", "company", OutputKind.DATE, "T"), {"type": "DateTime"}, "exists as datetime"),
    ],
)
def test_a_field_of_another_type_is_a_clash_for_both(
    seat: Seat, output: Output, metadata: dict[str, Any], said: str
) -> None:
    seat.field(**metadata)
    for ask in (seat.schema.missing, seat.schema.ensure):
        with pytest.raises(ConfigError, match=said) as caught:
            ask([output, ROLE])
        assert [fault.where for fault in caught.value.faults] == ["Salesforce field Account.ABM_Tier__c"]


def test_capitals_of_a_field_make_no_difference(seat: Seat) -> None:
    seat.field("abm_TIER__c", **picklist("tier_1", "none", restricted=True))
    assert seat.schema.missing([TIER]) == []


def test_names_are_ours_for_our_fields_and_salesforces_for_the_rest(seat: Seat) -> None:
    seat.bootstrap(KINDS)
    names = seat.schema.names("company")
    assert (names["abm_tier"], names["abm_tier_override"]) == (False, True)
    assert (names["Industry"], names["SystemModstamp"]) == (False, True)
    assert "ABM_Tier__c" not in names
    # A mapping may spell a field with other capitals.
    assert "billingcountry" in names
    assert names.get("systemmodstamp") is True
    assert names.get("nothing") is None
    assert "BillingAddress" not in names


def test_a_look_costs_one_call_an_object(seat: Seat) -> None:
    seat.bootstrap(KINDS)
    seat.schema.missing(KINDS)
    seat.schema.ensure(KINDS)
    assert seat.transport.usage().calls["describe"] == 2
