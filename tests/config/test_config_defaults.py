"""The files that a person starts from are valid, complete, and described by schemas that are fresh."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from json_schema_reader import objections
from schema_files import FOLDER, ROOT, schemas, text_of

from crmsync.assess.run import list_names, output_names, reads, sections
from crmsync.config import Mapping, load_config, load_mapping
from crmsync.model.fields import ACCOUNT, FIELDS, OBJECTS, ObjectName
from crmsync.program import load_program
from crmsync.program.loader import load_program_text
from crmsync.program.parse import OPERATORS
from crmsync.program.yaml import parse, plain
from crmsync.sandbox.hubspot.options import INDUSTRIES
from crmsync.sandbox.salesforce.standard import PICKLISTS


def test_the_shipped_connections_are_valid_and_state_the_defaults() -> None:
    config = load_config(ROOT / "config")
    assert config.portal().name == "main"
    assert config.guards == type(config.guards)()
    assert config.store_url() == f"sqlite:///{ROOT / 'state' / 'crmsync.db'}"


def test_the_shipped_program_is_valid() -> None:
    program = load_program(ROOT / "config" / "program.yaml", sections(), outputs=list_names())
    assert program.name == "example"
    assert program.exclude is not None


def test_every_system_is_offered_in_the_shipped_program_ready_to_take() -> None:
    text = (ROOT / "config" / "program.yaml").read_text(encoding="utf-8")
    keys = {section.key for section in sections()}
    before, rest = text.split("\n# More systems.")
    offered, after = rest.split("\n# Lists to keep")
    taken = [line.removeprefix("# ") if _offered(line, keys) else line for line in offered.splitlines()[1:]]
    whole = "\n".join([before, *taken, "# Lists to keep" + after])
    program = load_program_text(whole, "p", sections(), outputs=list_names())
    assert all(program.sections[key] is not None for key in keys)
    named = re.search(r"# of the other systems:((?:[ #]+[a-z_ ]+\n)+)", text)
    assert named
    assert set(re.findall(r"[a-z_]+", named[1])) | set(program.lists) == set(list_names())


def _offered(line: str, keys: set[str]) -> bool:
    """Whether a comment is a line of an offered section rather than words about it."""
    return line.startswith("#   ") or line.removeprefix("# ").split(":")[0] in keys


@pytest.mark.parametrize("crm", ["hubspot", "salesforce"])
def test_the_shipped_mapping_feeds_every_field_that_a_crm_can_feed_or_offers_it_ready_to_take(
    tmp_path: Path, crm: str
) -> None:
    mapping = load_mapping(ROOT / "mappings" / f"{crm}.yaml", outputs=output_names())
    assert mapping.objects == ("company", "contact", "deal")
    path = tmp_path / f"{crm}.yaml"
    path.write_text(_with_offers_taken((ROOT / "mappings" / f"{crm}.yaml").read_text(encoding="utf-8"), mapping))
    taken = load_mapping(path).read
    for name, fields in FIELDS.items():
        assert set(taken[name]) == {field for field, known in fields.items() if field != "id" and not known.derived}
    assert (taken["contact"]["reports_to"].label is not None) == (crm == "hubspot")
    assert not {"website_clean", "left_company", "product"} & {
        field for read in mapping.read.values() for field in read
    }


def test_both_mappings_speak_of_industries_in_hubspots_words() -> None:
    mapping = load_mapping(ROOT / "mappings" / "salesforce.yaml")
    values = mapping.read["company"]["industry"].values
    unsaid = [name for name in PICKLISTS["Industry"] if name.lower() not in values]
    assert unsaid == ["Other"], "the 32 of salesforce.md section 3"
    assert set(values.values()) == set(INDUSTRIES)
    assert {values[name.lower()] for name in INDUSTRIES} == set(INDUSTRIES), "HubSpot's words stand for themselves"
    assert (values["banking"], values["food & beverage"]) == ("BANKING", "FOOD_BEVERAGES")


def test_the_program_that_ships_goes_with_either_crm() -> None:
    program = load_program(ROOT / "config" / "program.yaml", sections(), outputs=list_names())
    worked_out = {name for name, known in ACCOUNT.items() if known.derived} | {"id"}
    for crm in ("hubspot", "salesforce"):
        fed = load_mapping(ROOT / "mappings" / f"{crm}.yaml").read
        for object_, fields in reads(program).items():
            assert fields - worked_out <= fed[object_].keys(), crm


def _with_offers_taken(text: str, mapping: Mapping) -> str:
    """The file with the # taken from every comment that offers a field which is not mapped."""
    section: ObjectName = "company"
    lines: list[str] = []
    for line in text.splitlines():
        section = next((name for name in OBJECTS if line == f"{name}:"), section)
        offer = re.fullmatch(r"    # (([a-z_]+): \S.*)", line)
        unmapped = offer is not None and offer[2] in set(FIELDS[section]) - set(mapping.read[section])
        lines.append(f"    {offer[1]}" if offer is not None and unmapped else line)
    return "\n".join(lines) + "\n"


def test_the_shipped_program_names_every_account_field_and_operator_in_its_head() -> None:
    head = (ROOT / "config" / "program.yaml").read_text(encoding="utf-8").split("\nprogram:")[0]
    words = set(re.findall(r"[a-z_]+", head))
    assert set(ACCOUNT) - {"id"} <= words
    worked_out = re.search(r"^#   worked out (.*\n(?:#  {4,}.*\n)*)", head + "\n", flags=re.MULTILINE)
    assert worked_out
    assert {name for name, field in ACCOUNT.items() if field.derived} == set(re.findall(r"[a-z_]+", worked_out[1]))
    assert set(OPERATORS) <= words


@pytest.mark.parametrize("name", ["program.schema.json", "config.schema.json", "mapping.schema.json"])
def test_the_committed_schema_is_what_the_code_reads(name: str) -> None:
    committed = (FOLDER / name).read_text(encoding="utf-8")
    assert committed == text_of(schemas()[name]), "run: python tests/config/schema_files.py"


@pytest.mark.parametrize("name", ["program.schema.json", "config.schema.json", "mapping.schema.json"])
def test_every_reference_of_a_schema_leads_somewhere(name: str) -> None:
    schema = json.loads((FOLDER / name).read_text(encoding="utf-8"))

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            for key, value in part.items():
                if key == "$ref":
                    yield value
                else:
                    yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    found = set(references(schema))
    assert found
    for reference in found:
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


@pytest.mark.parametrize(
    "path", ["config/crmsync.yaml", "config/program.yaml", "mappings/hubspot.yaml", "mappings/salesforce.yaml"]
)
def test_the_first_line_tells_editors_where_the_schema_stands(path: str) -> None:
    file = ROOT / path
    found = re.match(r"# yaml-language-server: \$schema=(\S+)\n", file.read_text(encoding="utf-8"))
    assert found
    assert (file.parent / found[1]).resolve().parent == FOLDER
    assert (file.parent / found[1]).is_file()


FILES = [
    ("config/crmsync.yaml", "config.schema.json"),
    ("config/program.yaml", "program.schema.json"),
    ("mappings/hubspot.yaml", "mapping.schema.json"),
    ("mappings/salesforce.yaml", "mapping.schema.json"),
    ("src/crmsync/demo/program.yaml", "program.schema.json"),
]


def objected(text: str, schema: str) -> list[str]:
    tree, faults = parse(text, "f.yaml")
    assert tree is not None
    assert not faults
    root = schemas()[schema]
    return objections(plain(tree), root, root)


@pytest.mark.parametrize(("path", "schema"), FILES)
def test_the_schema_accepts_the_shipped_file(path: str, schema: str) -> None:
    assert objected((ROOT / path).read_text(encoding="utf-8"), schema) == []


@pytest.mark.parametrize(
    ("text", "schema"),
    [
        ("program: x\nicp: {employes: {gte: 1}}", "program.schema.json"),
        ("program: x\nicp: {employees: {has_any: [1]}}", "program.schema.json"),
        ("program: x\nicpp: {employees: {gte: 1}}", "program.schema.json"),
        ("program: x\ntargets: {frm: [tier_1]}", "program.schema.json"),
        ("portals: {main: {hubspot: {token: pat-na1-x}}}", "config.schema.json"),
        ("portals: {main: {hubspot: {token: env:X}}}\nguards: {max_demotions: a lot}", "config.schema.json"),
        ("portals: {main: {hubspot: {token: env:X}, scope: {employes: {gte: 1}}}}", "config.schema.json"),
        ("crm: hubspot\ncompany: {read: {employes: x}}", "mapping.schema.json"),
        ("crm: hubspot\ncompany: {read: {type: {property: x, values: {a: ''}}}}", "mapping.schema.json"),
        ("crm: hubspot\ncompany: {write: {a: {property: x, from: tier, policy: mine}}}", "mapping.schema.json"),
    ],
)
def test_the_schema_objects_where_the_loader_does(text: str, schema: str) -> None:
    assert objected(text, schema)
