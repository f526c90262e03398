"""The org as a process and from files: start, end, bad input, ids of another shape, kept state."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests
from salesforce_client import ACME, ANA, BETA, FILES, GAMMA, Box, update_of, write_org

from crmsync.sandbox.common.tables import DataError
from crmsync.sandbox.salesforce.server import SandboxOrg


def run(*options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "crmsync.sandbox", "salesforce", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_prints_one_line_when_ready_and_ends_cleanly_on_sigterm(org_data: Path, tmp_path: Path) -> None:
    with run("--data", str(org_data), "--token", "00Dmine!x", "--keys", str(tmp_path / "keys")) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["access_token"] == "00Dmine!x"
        assert line.keys() >= {"ca_file", "consumer_key", "consumer_secret", "private_key", "username"}
        with requests.Session() as http:
            http.trust_env, http.verify = False, line["ca_file"]
            http.headers["Authorization"] = "Bearer 00Dmine!x"
            url = line["base_url"] + "/services/data/v66.0/limits/recordCount?sObjects=Account"
            assert http.get(url, timeout=10).json() == {"sObjects": [{"count": 3, "name": "Account"}]}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Account.csv", "Id,Name,Name\n", "Account.csv:1: Name stands twice"),
        ("Account.csv", "Id,Name,name\n", "Account.csv:1: Name stands twice"),
        ("Account.csv", "Id,Name\n1,A\n,B\n", "Account.csv:3: Id '' is empty"),
        ("Account.csv", "Id,Name\n1,A\n1,B\n", "Account.csv:3: Id 1 stands twice"),
        ("Account.csv", f"Id,Name\n{ACME},A\n{ACME[:15]},B\n", f"Account.csv:3: Id {ACME[:15]} stands twice"),
        ("Account.csv", "Id,Name,NumberOfEmployees\n1,A,3\n2,B,many\n",
         "Account.csv:3: Number Of Employees: value not of required type: many"),
        ("Contact.csv", "Id,LastName,Birthdate\n1,A,2026-02-30\n",
         "Contact.csv:2: Birthdate: value not of required type: 2026-02-30"),
        ("Opportunity.csv", "", "Opportunity.csv:1: the file is empty"),
    ],
)  # fmt: skip
def test_a_bad_file_starts_nothing_and_names_the_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    write_org(tmp_path / "bad", {name: text})
    with run("--data", str(tmp_path / "bad")) as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert message in err
    assert "Nothing was started" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "/no/such/folder"], "no such folder"),
        ([], "--data DIR is missing"),
        (["--data", "DATA", "--features", "magic"], "no feature magic"),
        (["--data", "DATA", "--time-scale", "0"], "--time-scale must be above 0"),
        (["--data", "DATA", "--rate", "fast"], "'fast' is not a rate"),
    ],
)
def test_a_bad_option_is_one_clear_message(org_data: Path, options: list[str], message: str) -> None:
    with run(*(str(org_data) if option == "DATA" else option for option in options)) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert message in err
    assert "Traceback" not in err


def test_an_org_that_cannot_start_leaves_no_keys_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(DataError, match="no such folder"):
        SandboxOrg(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == []


def test_files_may_be_missing(start_org: Any, tmp_path: Path) -> None:
    org: Box = start_org(write_org(tmp_path / "empty", {}))
    assert org.get("query?q=SELECT Id FROM Account") == {"totalSize": 0, "done": True, "records": []}
    assert org.client().query("SELECT Username FROM User")["totalSize"] == 1


def test_ids_of_another_shape_are_mapped_with_every_reference_and_reported(start_org: Any, tmp_path: Path) -> None:
    files = {
        "Account.csv": "Id,Name,ParentId,OwnerId\n101,Acme,,9001\n102,Beta,101,9002\n" + f"{ACME},Kept,102,\n",
        "Contact.csv": "Id,LastName,AccountId\n201,Adams,102\n202,Berg,999\n",
        "User.csv": "Id,Username,LastName,Email\n9001,olga@seller.example,Ode,olga@seller.example\n",
    }
    org: Box = start_org(write_org(tmp_path / "other", files))
    mapped = org.get("/_sandbox/ids")
    assert mapped == {
        "Account": {"101": BETA, "102": GAMMA},
        "Contact": {"201": ANA, "202": "0035g0000000002AAA"},
        "User": {"9001": "0055g0000000001AAA"},
    }
    assert org.record("Account", GAMMA, "Name", "ParentId") == {"Name": "Beta", "ParentId": BETA}
    assert org.record("Account", ACME, "Name", "ParentId") == {"Name": "Kept", "ParentId": GAMMA}
    assert org.record("Contact", ANA, "AccountId") == {"AccountId": GAMMA}
    assert org.record("Contact", "0035g0000000002AAA", "AccountId") == {"AccountId": None}
    stats = org.get("/_sandbox/stats")
    assert stats["references_dropped"] == {"Account.OwnerId": 1, "Contact.AccountId": 1}
    assert stats["ids_mapped"] == {"Account": 2, "Contact": 2, "User": 1}


def test_a_file_of_a_feature_turns_it_on(start_org: Any, tmp_path: Path) -> None:
    text = f"AccountId,ContactId,Roles,IsActive\n{ACME},{ANA},Evaluator;Decision Maker,true\n"
    folder = write_org(tmp_path / "more", FILES | {"AccountContactRelation.csv": text})
    org: Box = start_org(folder)
    found = org.client().query("SELECT Roles, IsActive FROM AccountContactRelation")["records"][0]
    # The order of the picklist, which has Decision Maker before Evaluator.
    assert (found["Roles"], found["IsActive"]) == ("Decision Maker;Evaluator", True)


def everything(org: Box) -> list[Any]:
    accounts = "SELECT Id, Name, Site, ParentId, MasterRecordId, SystemModstamp FROM Account ORDER BY Id"
    return [
        org.client().query_all(accounts, include_deleted=True)["records"],
        org.client().query_all("SELECT Id, IsPrimary FROM OpportunityContactRole ORDER BY Id")["records"],
        org.get("sobjects/Account/describe"),
        org.get("limits/recordCount?sObjects=Account,Contact,User,OpportunityStage"),
    ]


def test_state_is_kept_across_restarts(org_data: Path, tmp_path: Path) -> None:
    state = tmp_path / "org.state"
    with Box(org_data, state=state) as org:
        metadata = {"label": "Key", "type": "Text", "length": 20}
        org.post("tooling/sobjects/CustomField", {"FullName": "Account.Key__c", "Metadata": metadata}, 201)
        org.call("PATCH", "composite/sobjects", {"records": [update_of(ACME, Site="Bonn"), update_of(BETA, Name="B")]})
        org.edit("Account", ACME, merge=[GAMMA])
        org.post("sobjects/Account", {"Name": "New"}, 201)
        before = everything(org)
    with Box(org_data, state=state) as org:
        assert everything(org) == before
        assert org.post("sobjects/Account", {"Name": "Newer"}, 201)["id"] == "0015g0000000004AAA"
        org.post("/_sandbox/save")
    with Box(None, state=state) as org:
        assert org.record("Account", "0015g0000000004AAA", "Name") == {"Name": "Newer"}


def test_a_broken_state_file_starts_nothing(org_data: Path, tmp_path: Path) -> None:
    state = tmp_path / "org.state"
    state.write_bytes(b"PK but no archive")
    with run("--data", str(org_data), "--state", str(state)) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "not a saved sandbox" in err
