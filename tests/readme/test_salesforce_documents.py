"""What the pages on Salesforce and on two CRMs show is run, loaded, or named with the reason why not."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from test_documents import blocks, commands, matches

from crmsync.assess import run as assessment
from crmsync.cli.main import main
from crmsync.config.connections import Portal, Salesforce, Together, load_config
from crmsync.config.matches import load_decided
from crmsync.connectors.salesforce.package import DEPLOY, MANIFEST
from crmsync.connectors.salesforce.settings import api_name
from crmsync.program.loader import load_program_text
from crmsync.sandbox.salesforce.server import SandboxOrg

ROOT = Path(__file__).resolve().parents[2]
SALESFORCE, BOTH = "docs/connecting-salesforce.md", "docs/two-crms.md"
OPENSSL = shutil.which("openssl")
DATA = {
    "Account.csv": "Id,Name,Website,Industry,NumberOfEmployees,AnnualRevenue,BillingCountry\n"
    "0015g0000000001AAA,Acme,acme.example,Technology,250,9000000,United States\n"
    "0015g0000000002AAA,Beta,beta.example,Banking,40,,Germany\n",
    "Contact.csv": "Id,AccountId,LastName,Title\n0035g0000000001AAA,0015g0000000001AAA,Adams,CFO\n",
}


def of(document: str, info: str) -> list[str]:
    return [body for found, body in blocks(document) if found == info]


def page(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def rows(document: str) -> list[list[str]]:
    """Cells of every table row."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page(document).splitlines()
        if line.startswith("|")
    ]


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    kinds = {info for document in (SALESFORCE, BOTH) for info, _ in blocks(document)}
    assert kinds == {"console", "sh", "yaml config", "yaml matches"}


@pytest.mark.parametrize("text", [*of(SALESFORCE, "yaml config"), *of(BOTH, "yaml config")])
def test_a_configuration_shown_loads(text: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config/crmsync.yaml").write_text(text, encoding="utf-8")
    portal = load_config(tmp_path / "config").portal()
    assert portal.salesforce is not None
    assert portal.scope is not None


def test_the_decisions_shown_load(tmp_path: Path) -> None:
    (text,) = of(BOTH, "yaml matches")
    path = tmp_path / "matches.yaml"
    path.write_text(text, encoding="utf-8")
    assert load_decided(path).same == (("100812", "001D000000IRFmaIAH"),)


def uncommented(key: str) -> str:
    """The section of the packaged connections that is offered behind `#`."""
    text = page("config/crmsync.yaml")
    found = re.search(rf"^    # ({key}:\n(?:    #   .*\n)+)", text, re.M)
    assert found is not None
    return "    " + re.sub(r"^    # ", "    ", found[1], flags=re.M)


def offered(tmp_path: Path) -> Portal:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    path = tmp_path / "config/crmsync.yaml"
    sections = uncommented("salesforce") + uncommented("together")
    text = page("config/crmsync.yaml").replace("    program: program.yaml\n", f"{sections}    program: program.yaml\n")
    path.write_text(text, encoding="utf-8")
    return load_config(tmp_path / "config").portal()


def test_the_sections_offered_in_the_packaged_connections_load_and_state_the_defaults(tmp_path: Path) -> None:
    portal = offered(tmp_path)
    assert portal.salesforce is not None
    given = portal.salesforce.model_fields_set - {"domain", "consumer_key", "private_key", "username"}
    assert {name: getattr(portal.salesforce, name) for name in given} == {
        name: Salesforce.model_fields[name].default for name in given
    }
    # What is not offered: a local org's address and certificate, and the other way to log in, which a comment names.
    assert Salesforce.model_fields.keys() - portal.salesforce.model_fields_set == {
        "base_url", "ca_file", "consumer_secret",
    }  # fmt: skip
    assert portal.together.fields == {"company": {"industry": "salesforce"}}
    assert portal.together.model_copy(update={"fields": {}}) == Together()


def test_every_setting_of_two_crms_is_explained_with_its_default() -> None:
    told = {row[0].strip("`"): row[1].strip("`") for row in rows(BOTH) if row[0].strip("`") in Together.model_fields}
    assert told.keys() == Together.model_fields.keys()
    defaults = {name: getattr(Together(), name) or "none" for name in told}
    assert told == {name: str(value) for name, value in defaults.items()}


def test_the_stamps_that_flows_are_told_to_trigger_on_are_fields_of_ours() -> None:
    program = load_program_text(
        page("config/program.yaml"), "program.yaml", assessment.sections(), outputs=assessment.list_names()
    )
    ours = {api_name("abm_", "abm_" + output.name) for output in assessment.outputs(program)} | {"ABM_Last_Run__c"}
    named = set(re.findall(r"ABM_\w+__c", page(SALESFORCE)))
    assert named <= ours
    assert "ABM_Tier_Changed_At__c" in named


def test_what_an_admin_types_is_what_the_package_says(tmp_path: Path) -> None:
    lines = [line for body in of(SALESFORCE, "sh") for line in body.splitlines()]
    assert [line for line in lines if line.startswith("sf ")] == [
        f"{DEPLOY} {MANIFEST} --dry-run",
        f"{DEPLOY} {MANIFEST}",
        # As in the package's README, with the user's name in it.
        "sf org assign permset --target-org ADMIN --on-behalf-of crm@acme.example --name crmsync",
    ]
    # No Salesforce CLI here; everything else that is typed runs in the next test.
    assert {line.split()[0] for line in lines} == {"sf", "umask", "openssl"}


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not installed")
def test_the_key_that_is_made_signs_what_its_certificate_proves(tmp_path: Path) -> None:
    (script,) = [body for body in of(SALESFORCE, "sh") if "openssl" in body]
    subprocess.run(["sh", "-ec", script], cwd=tmp_path, check=True, capture_output=True, timeout=100)
    key = tmp_path / "sf.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    shown = subprocess.run(
        [str(OPENSSL), "x509", "-in", "crmsync.crt", "-pubkey", "-noout"],
        cwd=tmp_path, check=True, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assertion = jwt.encode({"sub": "crm"}, key.read_text(), algorithm="RS256")
    assert jwt.decode(assertion, shown.stdout, algorithms=["RS256"]) == {"sub": "crm"}


@pytest.fixture
def org(tmp_path: Path) -> Iterator[SandboxOrg]:
    data = tmp_path / "data"
    data.mkdir()
    for name, text in DATA.items():
        (data / name).write_text(text, encoding="utf-8")
    one = SandboxOrg(data, username="crm@acme.example")
    yield one
    one.stop()


def local(text: str, org: SandboxOrg) -> str:
    """The page's connections, over the local org with its key."""
    known: dict[str, Any] = {"base_url": org.base_url, "ca_file": org.ca_file, "private_key": f"file:{org.private_key}"}
    entries = "".join(f"      {name}: {json.dumps(value)}\n" for name, value in known.items())
    text = re.sub(r"^      private_key: .*\n", entries, text, flags=re.M)
    return re.sub(r"^      login: .*\n", "", text, flags=re.M)


def test_what_is_typed_shows_what_is_printed(
    tmp_path: Path, org: SandboxOrg, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SF_KEY", org.consumer_key)
    monkeypatch.setenv("SF_ADMIN", org.access_token)
    assert main(["init", "my-crm", "--quiet"]) == 0
    path = tmp_path / "my-crm/config/crmsync.yaml"
    path.write_text(local(of(SALESFORCE, "yaml config")[0], org), encoding="utf-8")
    typed = commands(SALESFORCE)
    assert typed
    for command, expected in typed:
        capsys.readouterr()
        code = main(shlex.split(command)[1:])
        said = capsys.readouterr()
        shown = said.out + said.err
        assert code in (0, 2), f"{command}: {code}\n{shown}"
        assert matches(expected.splitlines(), shown.splitlines()), f"{command}\n{shown}"
