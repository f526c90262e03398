"""The command line with Salesforce as the only CRM: what each command prints, as text and as JSON, and how it ends.

A real server over TLS, and the real connector with its waits. What the org holds is read over plain HTTP.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from crmsync.connectors.salesforce.connector import SalesforceConnector
from crmsync.sandbox.salesforce import ids
from tests.cli.desk import ACCEPT, AS_OF, Command
from tests.salesforce_house import LOADED, OrgHouse, Row, account_id, contact_id

GOOD: Row = {
    "Industry": "Machinery", "NumberOfEmployees": "250", "AnnualRevenue": "20000000", "BillingCountry": "Germany",
    "Technologies__c": "salesforce",
}  # fmt: skip
"""A tier 1 by the house's program: every layer is true."""
CAMPAIGN = ids.make("701", 1)
Broken = Callable[..., Path]


def good(number: int, **changed: str) -> Row:
    row = {"Id": account_id(number), "Name": f"Good {number}", "Website": f"good-{number}.example", **GOOD}
    return row | {"OwnerId": ids.make("005", 1), "SystemModstamp": LOADED} | changed


def staff(number: int, at: int, title: str) -> Row:
    row = {"Id": contact_id(number), "AccountId": account_id(at), "FirstName": "Ann", "LastName": f"L{number}"}
    return {**row, "Title": title, "Email": f"secret{number}@good.example", "SystemModstamp": LOADED}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[OrgHouse]:
    """Four accounts, of which the last is a tier 4, two people, and a campaign with one of them."""
    more = {
        "Campaign": [{"Id": CAMPAIGN, "Name": "Spring", "SystemModstamp": LOADED}],
        "CampaignMember": [
            {"Id": ids.make("00v", 1), "CampaignId": CAMPAIGN, "ContactId": contact_id(1), "SystemModstamp": LOADED}
        ],
    }
    accounts = [good(0), good(1), good(2), good(3, NumberOfEmployees="40")]
    house = OrgHouse(tmp_path / "house", accounts, [staff(0, 0, "CFO"), staff(1, 1, "IT Manager")], more=more)
    yield house
    house.close()


@pytest.fixture
def config(org: OrgHouse) -> Path:
    return org.config()


def tiers(org: OrgHouse) -> list[Any]:
    return [row["ABM_Tier__c"] for row in org.org.rows("SELECT ABM_Tier__c FROM Account ORDER BY Id")]


LANDED = ["tier_1", "tier_1", "tier_1", "tier_4"]


def test_check_plan_apply_and_a_sync_with_nothing_to_do(org: OrgHouse, config: Path, run: Command) -> None:
    checked = run(config, "check")
    assert checked.code == 0
    assert "connected to" in checked.out
    planned = run(config, "plan", *AS_OF)
    assert planned.code == 2
    assert "Good 0" in planned.out
    assert tiers(org) == [None] * 4
    applied = run(config, "apply")
    assert (applied.code, tiers(org)) == (0, LANDED)
    again = run(config, "sync", *AS_OF)
    assert again.code == 0
    assert run(config, "plan", *AS_OF).code == 0
    for result in (checked, planned, applied, again):
        for secret in (org.org.consumer_key, "PRIVATE KEY", "@good.example", "secret"):
            assert secret not in result.out + result.err


def test_every_command_gives_one_json_document(org: OrgHouse, config: Path, run: Command) -> None:
    checked = run(config, "check", "--json")
    planned = run(config, "plan", "--json", *AS_OF)
    synced = run(config, "sync", "--json", *AS_OF)
    one = synced.document["applied"]["run"]
    found = {
        "check": checked,
        "plan": planned,
        "sync": synced,
        "explain": run(config, "explain", account_id(0), "--json", *AS_OF),
        "history": run(config, "history", account_id(0), "--json"),
        "runs": run(config, "runs", "--json"),
        "run": run(config, "run", one, "--json"),
        "dead-letters": run(config, "dead-letters", "--json"),
        "undo": run(config, "undo", one, "--json"),
    }
    codes = {name: result.code for name, result in found.items()}
    assert codes == dict.fromkeys(found, 0) | {"plan": 2, "undo": 2}
    for result in found.values():
        json.loads(result.out)
        assert "@good.example" not in result.out
    assert synced.document["applied"]["outcomes"]["applied"] > 0
    assert synced.document["exit_code"] == 0
    assert [one["id"] for one in found["runs"].document["runs"]].count(one) == 1
    history = found["history"].document["history"]
    assert ("abm_tier", None, "tier_1", "applied") in [
        (row["property"], row["before"] or None, row["after"], row["outcome"]) for row in history
    ]


@pytest.mark.parametrize("kind", ["", "company:"])
def test_a_record_is_named_by_15_characters_as_by_18(org: OrgHouse, config: Path, run: Command, kind: str) -> None:
    assert run(config, "sync", *AS_OF).code == 0
    short, long = kind + account_id(0)[:15], kind + account_id(0)
    for command in (("explain", *AS_OF), ("history",)):
        name, *more = command
        by_short, by_long = run(config, name, short, *more), run(config, name, long, *more)
        assert by_short.code == by_long.code == 0, by_short.err
        assert by_short.out == by_long.out
        assert "tier_1" in by_short.out
    assert account_id(0) in run(config, "history", short, "--json").out


def test_explain_shows_the_link_to_the_record_and_what_was_read(org: OrgHouse, config: Path, run: Command) -> None:
    assert run(config, "sync", *AS_OF).code == 0
    told = run(config, "explain", account_id(3), "--json", *AS_OF).document
    assert told["name"] == "Good 3"
    assert told["url"].endswith(f"/lightning/r/Account/{account_id(3)}/view")
    shown = run(config, "explain", account_id(3), *AS_OF)
    assert "40" in shown.out
    assert "Germany" in shown.out or "DE" in shown.out
    contact = run(config, "explain", f"contact:{contact_id(0)[:15]}", *AS_OF)
    assert contact.code == 0
    assert "commercial" in contact.out.lower()
    assert "@good.example" not in contact.out


def test_undo_puts_back_what_nobody_changed_since(org: OrgHouse, config: Path, run: Command) -> None:
    first = run(config, "sync", "--json", *AS_OF).document["applied"]["run"]
    org.org.edit("Account", account_id(2), fields={"ABM_Tier__c": "tier_2"})  # somebody else's hand
    undone = run(config, "undo", first)
    assert undone.code == 2
    # 38 values go blank, which is more than the guard for blanked values lets through.
    applied = run(config, "apply", *ACCEPT)
    assert applied.code == 0, applied.err
    assert tiers(org) == [None, None, "tier_2", None]
    held = org.held()
    assert {key for key, values in held.items() if values} == {("Account", account_id(2))}


# -- one-offs


def test_resync_of_one_account_and_of_a_campaign(org: OrgHouse, config: Path, run: Command) -> None:
    reason = ("--reason", "a test", *AS_OF)
    assert run(config, "resync", "--company", account_id(1)[:15], *reason).code == 0
    assert tiers(org) == [None, "tier_1", None, None]
    role = "SELECT Id FROM Contact WHERE ABM_Stakeholder_Role__c != null"
    assert [row["Id"] for row in org.org.rows(role)] == [contact_id(1)]
    assert run(config, "resync", "--list", CAMPAIGN[:15], *reason).code == 0
    missing = run(config, "resync", "--list", ids.make("701", 7), *reason)
    assert missing.code == 1
    assert "campaign" in missing.err
    unknown = run(config, "resync", "--company", account_id(99)[:15], *reason)
    assert unknown.code == 1
    assert account_id(99) in unknown.err
    assert tiers(org) == [None, "tier_1", None, None]


# -- what the org refuses


def respell(org: OrgHouse, object_: str, name: str, **changed: Any) -> None:
    """An admin changes a field."""
    assert org.org.box is not None
    spec = org.org.box.app.service.org.objects[object_]
    spec.fields[name] = dataclasses.replace(spec.fields[name], **changed)


def test_dead_letters_are_in_salesforces_words_and_can_be_retried(org: OrgHouse, config: Path, run: Command) -> None:
    assert run(config, "plan", *AS_OF).code == 2
    org.org.faults({"match": {"ids": [account_id(1)]}, "fault": "validation_rule"})
    assert run(config, "apply").code == 4
    assert tiers(org) == ["tier_1", None, "tier_1", "tier_4"]
    listed = run(config, "dead-letters", "--json").document["dead_letters"]
    assert {letter["record_id"] for letter in listed} == {account_id(1)}
    assert {letter["category"] for letter in listed} == {"FIELD_CUSTOM_VALIDATION_EXCEPTION"}
    assert all("A validation rule of this org was not met" in letter["message"] for letter in listed)
    shown = run(config, "dead-letters")
    assert shown.code == 0
    assert "Good 1" in shown.out
    # Not sent again by itself; with the cause mended and a retry, it lands.
    org.org.faults()
    assert run(config, "sync", *AS_OF).code == 0
    assert tiers(org)[1] is None
    assert run(config, "dead-letters", "retry").code == 0
    assert run(config, "sync", *AS_OF).code == 0
    assert tiers(org) == LANDED


def test_a_picklist_that_was_restricted_is_said_before_the_first_write(
    org: OrgHouse, config: Path, run: Command
) -> None:
    respell(org, "Account", "ABM_Tier__c", restricted=True, values=("tier_1", "none"))
    stopped = run(config, "sync", *AS_OF)
    assert stopped.code == 1
    assert "Account.ABM_Tier__c=tier_4" in stopped.err
    assert tiers(org) == [None] * 4
    assert run(config, "check").code == 1


@pytest.mark.parametrize(
    ("name", "changed", "code", "words"),
    [
        (
            "ABM_Tier__c",
            {"restricted": True, "values": ("tier_1",)},
            "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
            "bad value for restricted picklist field: tier_4",
        ),
        ("ABM_Tier_Reason__c", {"length": 40}, "STRING_TOO_LONG", "data value too large"),
    ],
)
def test_a_field_that_changes_while_a_run_writes_is_a_dead_letter(
    org: OrgHouse,
    config: Path,
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    changed: dict[str, Any],
    code: str,
    words: str,
) -> None:
    """An admin's change between the look at the fields and the write."""
    written = SalesforceConnector.write

    def write(self: SalesforceConnector, *arguments: Any) -> Any:
        respell(org, "Account", name, **changed)
        return written(self, *arguments)

    monkeypatch.setattr(SalesforceConnector, "write", write)
    done = run(config, "sync", *AS_OF)
    assert done.code == 4, done.err
    letters = run(config, "dead-letters", "--json").document["dead_letters"]
    assert code in {letter["category"] for letter in letters}
    assert any(words in letter["message"] and name in letter["message"] for letter in letters)
    assert all("@" not in letter["message"] for letter in letters)
    roles = org.org.rows("SELECT Id FROM Contact WHERE ABM_Stakeholder_Role__c = null")
    assert roles == [], "contacts are no part of it"


# -- bad input


@pytest.fixture
def broken(org: OrgHouse) -> Broken:
    """A config folder with one line of the connection changed: `broken("username", "nobody@x")`."""

    def make(name: str, value: str) -> Path:
        config = org.config(f"broken-{name}")
        file = config / "crmsync.yaml"
        lines = [line for line in file.read_text().splitlines() if not line.strip().startswith(f"{name}:")]
        lines.append(f"      {name}: {value}")
        file.write_text("\n".join(lines) + "\n")
        return config

    return make


def one_message(result: Any, org: OrgHouse) -> str:
    """What stderr says: it has no traceback and no secret, and says it once."""
    said: str = result.err
    assert result.code == 1
    for never in ("Traceback", "a fault of its own", org.org.consumer_key, "PRIVATE KEY", "assertion="):
        assert never not in said
    return said


COMMANDS = pytest.mark.parametrize("command", [("plan", *AS_OF), ("check",)], ids=["plan", "check"])


@COMMANDS
def test_an_address_that_nobody_answers_is_named(
    org: OrgHouse, broken: Broken, run: Command, command: tuple[str, ...]
) -> None:
    result = run(broken("base_url", "https://127.0.0.1:9"), *command)
    said = one_message(result, org) + result.out
    assert "Salesforce" in said
    assert "127.0.0.1" in said or "salesforce.base_url" in said or "salesforce.domain" in said


@COMMANDS
def test_a_certificate_that_is_not_trusted_names_ca_file(
    org: OrgHouse, broken: Broken, run: Command, command: tuple[str, ...]
) -> None:
    config = broken("base_url", org.org.base_url)
    file = config / "crmsync.yaml"
    kept = [line for line in file.read_text().splitlines() if "ca_file" not in line]
    file.write_text("\n".join(kept) + "\n")
    result = run(config, *command)
    said = one_message(result, org) + result.out
    assert "certificate" in said
    assert "ca_file" in said


@COMMANDS
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("consumer_key", "env:CRMSYNC_TEST_WRONG_KEY", ("consumer key", "salesforce.consumer_key")),
        ("username", "nobody@else.example", ("salesforce.username",)),
        ("api_version", '"99.0"', ("salesforce.api_version: this org does not have version 99.0",)),
        ("api_version", '"20.0"', ("Set a newer one as salesforce.api_version",)),
        ("api_version", '"66"', ("api_version",)),
        ("private_key", "file:/nowhere/key.pem", ("private_key",)),
        ("ca_file", "/nowhere/ca.pem", ("salesforce.ca_file: /nowhere/ca.pem: there is no such file",)),
        ("ca_file", "crmsync.yaml", ("salesforce.ca_file: crmsync.yaml: it holds no certificate in PEM",)),
    ],
)
def test_a_wrong_setting_is_named(
    org: OrgHouse,
    broken: Broken,
    run: Command,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
    name: str,
    value: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("CRMSYNC_TEST_WRONG_KEY", "3MVG9wrong")
    result = run(broken(name, value), *command)
    said = one_message(result, org) + result.out
    assert any(word in said for word in words), said
    assert "3MVG9wrong" not in said


@COMMANDS
@pytest.mark.parametrize("content", ["not a key\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_file_that_holds_no_key_is_named_and_not_shown(
    org: OrgHouse, broken: Broken, run: Command, tmp_path: Path, command: tuple[str, ...], content: str
) -> None:
    key = tmp_path / "other.pem"
    key.write_text(content)
    result = run(broken("private_key", f"file:{key}"), *command)
    said = one_message(result, org) + result.out
    assert "private key" in said.lower() or "private_key" in said
    assert "AAAA" not in said


def test_another_key_than_the_apps_is_refused_in_salesforces_words(
    org: OrgHouse, broken: Broken, run: Command, tmp_path: Path
) -> None:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (tmp_path / "other.pem").write_bytes(pem)
    result = run(broken("private_key", f"file:{tmp_path / 'other.pem'}"), "plan", *AS_OF)
    said = one_message(result, org)
    assert "invalid_grant" in said
    assert "certificate" in said or "private_key" in said


def test_a_mapping_to_a_field_that_is_not_there_is_a_warning_with_its_name(
    org: OrgHouse, config: Path, run: Command
) -> None:
    file = config.parent / "mappings" / "salesforce.yaml"
    file.write_text(file.read_text().replace("    employees: NumberOfEmployees\n", "    employees: Headcount__c\n"))
    checked = run(config, "check")
    assert checked.code == 0
    assert "Headcount__c" in checked.out
    assert "mappings/salesforce.yaml" in checked.out
    planned = run(config, "plan", *AS_OF)
    assert "Headcount__c" in planned.out
    assert planned.code == 2


def test_the_days_share_ends_a_run_with_1_and_the_next_goes_on(org: OrgHouse, config: Path, run: Command) -> None:
    org.org.control("settings", {"api_limit": 1_000, "api_used": 799})
    stopped = run(config, "sync", *AS_OF)
    assert stopped.code == 1
    assert "daily_share" in stopped.err
    assert "80%" in stopped.err or "80 %" in stopped.err
    org.org.control("settings", {"api_used": 0})
    assert run(config, "sync", *AS_OF).code == 0
    assert tiers(org) == LANDED
