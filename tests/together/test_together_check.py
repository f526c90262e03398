"""`crmsync check` of two CRMs: what a person wrote about both is looked at before anybody connects.

No CRM is needed for that, and none is asked.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crmsync.engine.doctor import Finding, check
from crmsync.normalize.defaults import mappings_dir

# Nobody listens there. The mapping that comes with crmsync reads no website_clean in Salesforce.
CONFIG = """\
store: sqlite:///state/crmsync.db
portals:
  main:
    hubspot: {token: file:token, base_url: "http://127.0.0.1:1"}
    salesforce: {base_url: "https://127.0.0.1:9", consumer_key: file:token, consumer_secret: file:token}
    together: {fields: {company: {industry: salesforce, website_clean: salesforce}}}
    program: program.yaml
"""
PROGRAM = "program: p\ncurrency: USD\nicp: {employees: {gte: 10}}\ntiers: {layers: {tier_1: icp}}\n"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # What is tested is told before the first call.
    monkeypatch.setattr("crmsync.engine.doctor._online", lambda ctx: [])
    folder = tmp_path / "config"
    folder.mkdir()
    shutil.copytree(mappings_dir(), tmp_path / "mappings")
    (folder / "crmsync.yaml").write_text(CONFIG, encoding="utf-8")
    (folder / "program.yaml").write_text(PROGRAM, encoding="utf-8")
    (folder / "token").write_text("t", encoding="utf-8")
    return folder


def _of(config: Path, severity: str) -> list[Finding]:
    return [one for one in check(config) if one.severity == severity]


def test_a_faulty_file_of_pairs_is_a_fault_with_its_line(config: Path) -> None:
    (config / "matches.yaml").write_text("same:\n  - [100045, 100046]\n", encoding="utf-8")
    (fault,) = _of(config, "fault")
    assert fault.where.endswith("matches.yaml:2")
    assert "100045 and 100046 are both ids of HubSpot" in fault.message


def test_a_right_file_of_pairs_and_none_are_no_fault(config: Path) -> None:
    assert _of(config, "fault") == []
    (config / "matches.yaml").write_text("same:\n  - [100045, 0015g000000000jAAA]\n", encoding="utf-8")
    assert _of(config, "fault") == []


def test_a_precedence_of_a_crm_that_does_not_read_the_field_is_told(config: Path) -> None:
    (warning,) = _of(config, "warning")
    assert warning.where == "portals.main.together.fields.company.website_clean"
    assert warning.message == "mappings/salesforce.yaml does not read this field, so the other CRM's value counts"


@pytest.mark.parametrize(
    ("name", "told"),
    [("teir", "no value named teir. Did you mean tier?"), ("abm_tier", "Write tier, without abm_.")],
)
def test_a_carried_value_that_crmsync_does_not_have_is_a_fault(config: Path, name: str, told: str) -> None:
    text = CONFIG.replace("{fields: {company: {industry: salesforce, website_clean: salesforce}}}", "CARRIED")
    text = text.replace("CARRIED", f"{{carried: {{company: [{name}]}}}}")
    (config / "crmsync.yaml").write_text(text, encoding="utf-8")
    assert told in _of(config, "fault")[0].message
