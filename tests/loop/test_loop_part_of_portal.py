"""A plan and an explanation say the same of a portal of which little is seen: no contacts, or a part in scope."""

from __future__ import annotations

from pathlib import Path

import pytest

from crmsync.engine.context import open_context
from crmsync.engine.explain import explain
from crmsync.engine.plan import make_plan
from crmsync.sandbox.hubspot.server import SandboxServer
from tests.loop.conftest import AS_OF
from tests.portals import project

COMPANIES = "hs_object_id,name,country\n11,Acme,Germany\n12,Bolt,France\n"
#: Three people of a company outside the scope report to Ann, whose title says no level.
CONTACTS = """\
hs_object_id,firstname,jobtitle,associatedcompanyid,associations.contacts
21,Ann,Ninja,11,
22,Bob,Ninja,12,21:Manager
23,Cyd,Ninja,12,21:Manager
24,Dan,Ninja,12,21:Manager
"""


def _served(folder: Path, **files: str) -> SandboxServer:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return SandboxServer(folder)


def _program(folder: Path, text: str) -> Path:
    path = folder / "program.yaml"
    path.write_text(f"program: part\n{text}\n", encoding="utf-8")
    return path


def test_of_a_portal_without_a_contact_nobody_is_known_and_that_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(tmp_path, "names: {minimum: 3}")
    with _served(tmp_path / "data", companies=COMPANIES) as server:
        config = project(tmp_path / "project", server, program, monkeypatch)
        with open_context(config) as ctx:
            changes = make_plan(ctx, as_of=AS_OF).plan.changes.select("id", "property", "after").rows()
            (names,) = explain(ctx, "company", "11", as_of=AS_OF).explanations
    assert sorted(row for row in changes if "names" in row[1]) == [
        ("11", "abm_names_known", "0"), ("11", "abm_names_needed", "3"),
        ("12", "abm_names_known", "0"), ("12", "abm_names_needed", "3"),
    ]  # fmt: skip
    assert names.headline == "0 of 3 to 10 names"


def test_who_reports_from_outside_the_scope_counts_in_an_explanation_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(tmp_path, "roles: {vocabulary: titles}")
    with _served(tmp_path / "data", companies=COMPANIES, contacts=CONTACTS) as server:
        scope = "    scope: {country: {eq: DE}}\n"
        config = project(tmp_path / "project", server, program, monkeypatch, extra=scope)
        mapping = config.parent / "mappings" / "hubspot.yaml"
        text = mapping.read_text(encoding="utf-8")
        mapping.write_text(text.replace("    # reports_to:", "    reports_to:"), encoding="utf-8")
        with open_context(config) as ctx:
            changes = make_plan(ctx, as_of=AS_OF).plan.changes.select("id", "property", "after").rows()
            (role,) = explain(ctx, "contact", "21", as_of=AS_OF).explanations
    assert ("21", "abm_influence", "high") in changes
    assert [(line.subject, line.text) for line in role.lines if line.label == "influence"] == [
        ("high", "3 contacts report to them")
    ]
