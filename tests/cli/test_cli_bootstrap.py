"""`crmsync bootstrap salesforce`: the package without a connection, and --deploy against a local org."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import requests

from crmsync.normalize.defaults import config_dir, mappings_dir
from crmsync.sandbox.salesforce.server import SandboxOrg
from tests.cli.desk import Command

USER = "crm@acme.example"
CONNECTION = "{domain: acme.my, consumer_key: env:SF_KEY, private_key: file:sf.pem, username: crm@acme.example}"


def project(folder: Path, salesforce: str = CONNECTION, more: str = "") -> Path:
    """The packaged program over Salesforce. No secret is set, and no file of one is there."""
    shutil.copytree(config_dir(), folder / "config", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(mappings_dir(), folder / "mappings", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "config/crmsync.yaml").write_text(f"portals:\n  main:\n    salesforce: {salesforce}\n{more}")
    return folder / "config"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("SF_KEY", "SF_ADMIN"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def org() -> Iterator[SandboxOrg]:
    one = SandboxOrg(username=USER)
    yield one
    one.stop()


def test_a_package_is_written_without_a_connection_and_a_second_time_nothing_changes(here: Path, run: Command) -> None:
    config = project(here / "my")
    first = run(config, "bootstrap", "salesforce")
    assert (first.code, first.err) == (0, "")
    assert first.out.startswith("Written: salesforce-package (")
    assert "sf project deploy start --target-org ADMIN --manifest manifest/package.xml" in first.out
    assert "Account.Technologies__c" in first.out
    path = here / "salesforce-package/force-app/main/default/objects/Account/fields/ABM_Tier__c.field-meta.xml"
    assert ElementTree.fromstring(path.read_bytes()).findtext("{*}fullName") == "ABM_Tier__c"
    assert USER not in first.out
    again = run(config, "bootstrap", "salesforce")
    assert again.out.startswith("salesforce-package is up to date: ")


def test_the_document_names_everything(here: Path, run: Command) -> None:
    config = project(here / "my")
    document = run(config, "bootstrap", "salesforce", "--out", "elsewhere", "--json").document
    assert document["folder"] == "elsewhere"
    assert "Account.ABM_Tier_Changed_At__c" in document["fields"]
    assert "Contact.ABM_Stakeholder_Role__c" in document["fields"]
    assert "Account.ABM_Tier_1" in document["list_views"]
    assert document["permission_sets"] == ["crmsync", "crmsync_mapped", "crmsync_overrides", "crmsync_viewer"]
    assert "README.md" in document["written"]
    assert not (here / "salesforce-package").exists()


def test_a_folder_of_somebody_elses_is_not_written_to(here: Path, run: Command) -> None:
    config = project(here / "my")
    (here / "salesforce-package").mkdir()
    (here / "salesforce-package/notes.txt").write_text("mine")
    result = run(config, "bootstrap", "salesforce", "--json")
    assert result.code == 1
    assert "nothing was written" in result.document["error"]
    assert [one.name for one in (here / "salesforce-package").iterdir()] == ["notes.txt"]


def test_a_portal_without_salesforce_says_what_to_write(here: Path, run: Command) -> None:
    config = project(here / "my")
    (config / "crmsync.yaml").write_text("portals:\n  main:\n    hubspot: {token: env:TOKEN}\n")
    result = run(config, "bootstrap", "salesforce")
    assert result.code == 1
    assert "portals.main.salesforce: missing; say which org it is for" in result.err


def test_a_counterpart_in_hubspot_is_asked_for_only_where_hubspot_is_connected(here: Path, run: Command) -> None:
    config = project(here / "one")
    for folder in ("one", "two"):
        if folder == "two":
            config = project(here / folder, more="    hubspot: {token: env:TOKEN}\n")
        mapping = here / folder / "mappings/salesforce.yaml"
        text = mapping.read_text(encoding="utf-8")
        assert "    # counterpart: HubSpot_Company_ID__c" in text
        mapping.write_text(text.replace("    # counterpart: HubSpot_Company", "    counterpart: HubSpot_Company"))
        mapped = run(config, "bootstrap", "salesforce", "--out", folder + "-out", "--json").document["mapped_fields"]
        assert ("Account.HubSpot_Company_ID__c" in mapped) is (folder == "two")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--user", "x"], "--user goes with --deploy"),
        (["--instance", "https://a.example"], "--instance goes with --deploy"),
        (["--admin-token", "env:X"], "--admin-token goes with --deploy"),
        (["--deploy"], "--deploy needs --admin-token env:NAME"),
        (["--deploy", "--admin-token", "env:SF_ADMIN"], "the environment variable SF_ADMIN is not set"),
        (["--deploy", "--admin-token", "00Dsecret!x"], "a secret never stands on a command line"),
    ],
)
def test_what_is_asked_for_wrongly_is_said_and_nothing_is_written(
    here: Path, run: Command, arguments: list[str], said: str
) -> None:
    result = run(project(here / "my"), "bootstrap", "salesforce", *arguments)
    assert result.code == 1
    assert said in result.err
    assert "secret!x" not in result.err
    assert not (here / "salesforce-package").exists()


def described(org: SandboxOrg) -> dict[str, bool]:
    """Fields of ours that the runtime user sees on accounts -> whether it may write them."""
    with requests.Session() as http:
        http.trust_env = False
        http.verify = org.ca_file
        url = f"{org.base_url}/services/data/v66.0/sobjects/Account/describe"
        reply = http.get(url, headers={"Authorization": f"Bearer {org.access_token}"}, timeout=20)
    return {one["name"]: one["updateable"] for one in reply.json()["fields"] if one["name"].startswith("ABM_")}


def test_an_org_is_prepared_with_an_admins_session_and_a_second_time_nothing_is_done(
    here: Path, run: Command, org: SandboxOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = project(here / "my")
    monkeypatch.setenv("SF_ADMIN", org.access_token)
    asked = ["--deploy", "--admin-token", "env:SF_ADMIN", "--instance", org.base_url, "--ca-file", org.ca_file]
    first = run(config, "bootstrap", "salesforce", *asked)
    assert first.code == 0, first.err
    assert "created     field           Account.ABM_Tier__c" in first.out
    assert "assigned    assignment      crmsync   to crmsync's user" in first.out
    assert "left alone  field           Account.Technologies__c   this org has no such field" in first.out
    assert "things made or changed." in first.out
    assert USER not in first.out
    assert org.access_token not in first.out + first.err
    fields = described(org)
    assert (fields["ABM_Tier__c"], fields["ABM_Tier_Override__c"]) == (True, False)
    again = run(config, "bootstrap", "salesforce", *asked, "--json").document
    assert again["changed"] == 0
    assert {step["done"] for step in again["steps"]} == {"left alone"}
    assert not (here / "salesforce-package").exists()


def test_the_org_is_the_configured_one_unless_another_is_named_and_a_token_file_serves(
    here: Path, run: Command, org: SandboxOrg
) -> None:
    connection = json.dumps({
        "base_url": org.base_url, "ca_file": org.ca_file, "consumer_key": "env:SF_KEY", "consumer_secret": "env:SF_S",
    })  # fmt: skip
    (here / "token").write_text(org.access_token + "\n")
    asked = ["--deploy", "--admin-token", "file:token"]
    result = run(project(here / "my", connection), "bootstrap", "salesforce", *asked)
    assert result.code == 0, result.err
    assert "Nobody was given crmsync: say whom with --user USERNAME" in result.out
    assert described(org) == {}
    assert run(here / "my/config", "bootstrap", "salesforce", *asked, "--user", USER).code == 0
    assert described(org)["ABM_Tier__c"] is True


def test_a_token_of_nobodys_is_refused(
    here: Path, run: Command, org: SandboxOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_ADMIN", "00Dxx!moonbeam")
    asked = ["--deploy", "--admin-token", "env:SF_ADMIN", "--instance", org.base_url, "--ca-file", org.ca_file]
    result = run(project(here / "my"), "bootstrap", "salesforce", *asked)
    assert result.code == 1
    assert "does not take the admin's token" in result.err
    assert "moonbeam" not in result.err


def test_a_run_before_and_after_an_admin_prepared_the_org(
    here: Path, run: Command, org: SandboxOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SF_KEY", org.consumer_key)
    monkeypatch.setenv("SF_ADMIN", org.access_token)
    config = project(here / "my", json.dumps({
        "base_url": org.base_url, "ca_file": org.ca_file, "consumer_key": "env:SF_KEY", "username": USER,
        "private_key": f"file:{org.private_key}",
    }))  # fmt: skip
    mapping = here / "my/mappings/salesforce.yaml"
    mapping.write_text(mapping.read_text(encoding="utf-8").replace("city: BillingCity", "city: billingCITY"))
    before = run(config, "check")
    assert before.code == 1
    assert "billingCITY" not in before.out  # capitals make no difference in Salesforce
    assert "Salesforce Account: these are missing, or hidden from crmsync's user: Account.ABM_" in before.out
    assert "An admin runs `crmsync bootstrap salesforce`" in before.out
    assert "an apply stops until an admin has seen to it: crmsync bootstrap salesforce" in " ".join(
        run(config, "plan").out.split()
    )
    assert run(config, "bootstrap", "salesforce", "--deploy", "--admin-token", "env:SF_ADMIN").code == 0
    after = run(config, "check")
    assert after.code == 0, after.out
    assert "owned properties and lists: all there" in after.out
    assert "bootstrap" not in run(config, "plan").out
