"""An address, a token or a scope that is wrong: told in one message, before anything moves."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import requests

from crmsync.connectors.hubspot.retry import Failure, decide
from crmsync.connectors.retrying import FIRST_ATTEMPTS, Cause
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.cli.desk import ACCEPT, Command, Desk, copy_config, make_desk


def moved(desk: Desk, to: Path, address: str) -> Path:
    """A copy of the desk's config that points somewhere else."""
    config = copy_config(desk, to)
    file = config / "crmsync.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(desk.server.base_url, address), encoding="utf-8")
    return config


def test_a_refused_connection_names_the_address_and_the_setting(bare: Desk, run: Command, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        # Bound and not listening: the kernel refuses whoever calls, and nobody else can take the port.
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        result = run(moved(bare, tmp_path / "moved", address), "plan", "--json")
    assert result.code == 1
    assert f"{address} cannot be reached" in result.document["error"]
    assert "hubspot.base_url" in result.document["error"]
    assert "Traceback" not in result.err


def test_an_address_that_never_answered_is_given_up_within_fifteen_seconds() -> None:
    failure = Failure(Cause.NOT_SENT, reached=False)
    steps = [
        decide(failure, attempt=number, repeatable=True, interval=10.0, search_interval=1.0)
        for number in range(1, FIRST_ATTEMPTS + 1)
    ]
    assert [step.repeat for step in steps] == [True, True, True, True, False]
    # 0.5 + 1 + 2 + 4 seconds, and the jitter adds 30 % at most.
    assert sum(step.wait for step in steps if step.repeat) * 1.3 < 15


def test_an_outage_after_an_answer_is_waited_for_longer() -> None:
    failure = Failure(Cause.NOT_SENT, reached=True)
    assert decide(failure, attempt=FIRST_ATTEMPTS, repeatable=True, interval=10.0, search_interval=1.0).repeat


def test_an_address_without_http_is_a_fault_of_the_config(bare: Desk, run: Command, tmp_path: Path) -> None:
    result = run(moved(bare, tmp_path / "moved", "htp://api.example"), "plan")
    assert (result.code, "base_url" in result.err) == (1, True)


def test_a_token_file_may_end_with_a_line_break(bare: Desk, run: Command, tmp_path: Path) -> None:
    config = copy_config(bare, tmp_path / "copy")
    (config / "token").write_text(bare.server.access_token + "\n")
    assert run(config, "plan").code == 2


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("pat-eu1 with-spaces", "holds spaces or line breaks inside")]
)
def test_a_token_file_that_holds_no_token_is_named_but_not_repeated(
    text: str, said: str, bare: Desk, run: Command, tmp_path: Path
) -> None:
    config = copy_config(bare, tmp_path / "copy")
    (config / "token").write_text(text)
    result = run(config, "plan")
    assert result.code == 1
    assert f"the file token {said}" in result.err
    assert "with-spaces" not in result.err


def test_a_property_of_another_type_stops_before_the_first_write(bare: Desk, run: Command) -> None:
    url = f"{bare.server.base_url}/crm/v3/properties/companies"
    body = {
        "name": "abm_tier", "label": "Tier", "type": "number", "fieldType": "number",
        "groupName": "companyinformation",
    }  # fmt: skip
    headers = {"Authorization": f"Bearer {bare.server.access_token}"}
    requests.post(url, json=body, headers=headers, timeout=10).raise_for_status()
    result = run(bare, "sync", *ACCEPT)
    assert result.code == 1
    assert "abm_tier" in result.err
    assert "number" in result.err
    assert bare.writes() == 0
    checked = run(bare, "check", "--json")
    assert checked.code == 1
    assert "abm_tier" in json.dumps(checked.document)


def test_a_token_without_a_scope_names_the_scope_to_grant(tmp_path: Path, run: Command) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "companies.csv").write_text("hs_object_id,name\n1,Anvil\n", encoding="utf-8")
    with SandboxServer(data, scopes=["crm.objects.contacts.read"]) as server:
        desk = make_desk(server, tmp_path / "here")
        result = run(desk, "plan")
        assert result.code == 1
        assert "crm.objects.companies.read" in result.err
        assert "Grant the scope" in result.err
        assert server.access_token not in result.err
        assert desk.writes() == 0
