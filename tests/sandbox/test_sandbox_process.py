"""The sandbox as a process: start, end, bad input, kept state, generated portals."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests
from sandbox_client import Sandbox, write_portal

from crmsync.sandbox.__main__ import main as sandbox_main
from crmsync.sandbox.hubspot import synthetic

REAL = Path(__file__).parents[2] / "../shared/data/portal"
COMPANIES = "/crm/objects/2026-09/companies"


def run(*options: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "crmsync.sandbox", "hubspot", *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_it_prints_one_line_when_ready_and_ends_cleanly_on_sigterm(data: Path) -> None:
    with run("--data", str(data), "--port", "0", "--token", "pat-mine") as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert line["access_token"] == "pat-mine"
        headers = {"Authorization": "Bearer pat-mine"}
        with requests.get(line["base_url"] + COMPANIES, headers=headers, timeout=10) as answer:
            assert len(answer.json()["results"]) == 4
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,name\n1,A\n", "companies.csv:1: the header has no hs_object_id"),
        ("hs_object_id,name,name\n", "companies.csv:1: name stands twice"),
        ("hs_object_id,\n1,A\n", "companies.csv:1: the header has an empty"),
        ("hs_object_id,name\n1,A\n2\n", "companies.csv:3: 1 values for 2 columns"),
        ("hs_object_id,name\n1,A\nx,B\n", "companies.csv:3: hs_object_id 'x' is not a record id"),
        ("hs_object_id,name\n1,A\n1,B\n", "companies.csv:3: hs_object_id 1 stands twice"),
        ('hs_object_id,name\n1,"A\n', "companies.csv:2: unexpected end of data"),
        ("", "companies.csv:1: the file is empty"),
    ],
)
def test_a_bad_file_starts_nothing_and_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    write_portal(tmp_path / "bad", {"companies.csv": text})
    with run("--data", str(tmp_path / "bad")) as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (1, "")
    assert message in err
    assert "Nothing was started" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--data", "/no/such/folder"], "no such folder"),
        ([], "--data DIR is missing"),
        (["--synthetic", "many"], "expected companies and contacts"),
        (["--synthetic", "1,1", "--rate", "fast"], "is not a rate"),
    ],
)
def test_a_bad_option_is_one_clear_message(options: list[str], message: str) -> None:
    with run(*options) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert message in err


def test_files_may_be_missing(tmp_path: Path) -> None:
    folder = write_portal(tmp_path / "empty", {})
    with Sandbox(folder) as box:
        assert box.get(COMPANIES) == {"results": []}
        assert box.found("contacts") == []


def change_everything(box: Sandbox) -> None:
    box.post("/crm/properties/2026-09/companies/groups", {"name": "crmsync", "label": "Programme"}, 201)
    definition = {"name": "abm_note", "label": "Note", "type": "string", "fieldType": "text", "groupName": "crmsync"}
    box.post("/crm/properties/2026-09/companies", definition, 201)
    box.call("PATCH", f"{COMPANIES}/102", {"properties": {"abm_note": "x", "city": "Bonn"}})
    box.post(COMPANIES, {"properties": {"name": "Echo"}}, 201)
    box.post(f"{COMPANIES}/merge", {"primaryObjectId": "101", "objectIdToMerge": "103"})
    box.call("DELETE", f"{COMPANIES}/104", status=204)
    body = {"name": "L", "objectTypeId": "0-2", "processingType": "MANUAL"}
    list_id = box.post("/crm/lists/2026-09", body)["list"]["listId"]
    box.call("PUT", f"/crm/lists/2026-09/{list_id}/memberships/add", ["102"])


def everything(box: Sandbox) -> list[Any]:
    query = "properties=name,city,abm_note&propertiesWithHistory=city&limit=50&associations=contacts,companies"
    return [
        box.get(f"{COMPANIES}?{query}"),
        box.get(f"{COMPANIES}?archived=true"),
        box.get(f"{COMPANIES}/103"),
        box.get("/crm/objects/2026-09/contacts?associations=companies&properties=associatedcompanyid"),
        box.get("/crm/properties/2026-09/companies"),
        box.get("/crm/lists/2026-09/1/memberships"),
        box.get("/crm/owners/2026-09"),
        box.search("companies", properties=["city"]),
    ]


def test_state_is_kept_across_restarts(data: Path, tmp_path: Path) -> None:
    state = tmp_path / "portal.state"
    with Sandbox(data, state=state) as box:
        change_everything(box)
        before = everything(box)
    with Sandbox(data, state=state) as box:
        assert everything(box) == before
        assert int(box.post(COMPANIES, {"properties": {"name": "F"}}, 201)["id"]) == 107
        box.post("/_sandbox/save")
    with Sandbox(None, state=state) as box:
        assert box.properties("companies", 107, "name")["name"] == "F"


def test_a_broken_state_file_starts_nothing(data: Path, tmp_path: Path) -> None:
    state = tmp_path / "portal.state"
    state.write_bytes(os.urandom(100))
    with run("--data", str(data), "--state", str(state)) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "not a saved sandbox" in err


def test_a_generated_portal_is_the_same_for_the_same_seed_and_answers() -> None:
    first, second, other = (synthetic.generate(300, 900, seed) for seed in (1, 1, 2))
    assert first.frames["contacts"].equals(second.frames["contacts"])
    assert not first.frames["contacts"].equals(other.frames["contacts"])
    assert first.frames["companies"]["_id"].is_sorted()
    assert first.frames["companies"]["_modified"].ge(first.frames["companies"]["_created"]).all()
    with Sandbox(None, synthetic=(300, 900)) as box:
        seen: list[str] = []
        after = "0"
        while after:
            page = box.get(f"/crm/objects/2026-09/contacts?limit=100&after={after}&properties=associatedcompanyid")
            seen += [r["id"] for r in page["results"]]
            after = page.get("paging", {}).get("next", {}).get("after", "")
        assert seen == [str(synthetic.FIRST_CONTACT + i) for i in range(900)]
        contact = page["results"][0]["properties"]
        linked = box.get(f"/crm/objects/2026-09/contacts/{contact['hs_object_id']}/associations/companies")["results"]
        assert [link["toObjectId"] for link in linked] == [contact["associatedcompanyid"]]


@pytest.mark.skipif(not REAL.exists(), reason="the real portal (../shared/data) is not beside this checkout")
def test_the_real_portal_is_served_whole() -> None:
    with Sandbox(REAL) as box:
        assert box.get("/_sandbox/stats")["records"] == {"companies": 1_000, "contacts": 7_125, "deals": 8_800}
        frame = pl.read_csv(REAL / "companies.csv", infer_schema=False)
        columns = [c for c in frame.columns if c not in {"createdate", "hs_lastmodifieddate"}]
        served: list[dict[str, str | None]] = []
        after: str | None = "0"
        while after:
            page = box.get(f"{COMPANIES}?limit=100&after={after}&properties={','.join(columns)}")
            served += [{c: r["properties"][c] for c in columns} for r in page["results"]]
            after = page.get("paging", {}).get("next", {}).get("after")
        assert served == frame.select(columns).to_dicts()


def test_a_crm_that_has_no_sandbox_is_refused_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ([], ["dynamics", "--port", "0"]):
        assert sandbox_main(words) == 1
        assert capsys.readouterr().err == "usage: crmsync sandbox hubspot|salesforce --data DIR [--port N] ...\n"
