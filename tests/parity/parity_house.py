"""One portal assessed through each CRM, and differences put down to the crosswalk's lines by trying them.

Nothing here knows a rule: results are what a plan would leave in the CRM, values that stand included.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from crmsync.demo.as_salesforce import as_salesforce
from crmsync.demo.crosswalk import losses, sayable
from crmsync.demo.earlier import define_held_columns
from crmsync.demo.earlier_org import prepare_org
from crmsync.demo.portal_files import Row, Tables, write_tables
from crmsync.engine.context import Context, open_context
from crmsync.engine.plan import make_plan
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.hubspot.server import SandboxServer
from crmsync.sandbox.salesforce.server import SandboxOrg

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
PREFIX = "abm_"
FILES = {"company": "companies", "contact": "contacts"}
#: Results in words, which quote what was read, and stamps of the run; everything else is compared.
WORDS = ("_reason", "_objectives", "_warnings", "_last_run")

Key = tuple[str, str, str]
"""Object, HubSpot's id, result without the prefix."""
Results = dict[Key, str]


@dataclass(frozen=True)
class Project:
    """A folder to work in, and the program. `deal_fields`: further fields of deals, by CRM what feeds each."""

    folder: Path
    program: Path
    deal_fields: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def config(self, name: str, connection: str) -> Path:
        config = self.folder / name / "config"
        config.mkdir(parents=True)
        shutil.copytree(mappings_dir(), self.folder / name / "mappings")
        for crm, fields in self.deal_fields.items():
            path = self.folder / name / "mappings" / f"{crm}.yaml"
            text, head = path.read_text(encoding="utf-8"), "deal:\n  read:\n"
            assert text.count(head) == 1
            more = "".join(f"    {field_}: {property_}\n" for field_, property_ in fields.items())
            path.write_text(text.replace(head, head + more), encoding="utf-8")
        shutil.copy(self.program, config / "program.yaml")
        (config / "crmsync.yaml").write_text(f"portals:\n  main:\n{connection}", encoding="utf-8")
        return config

    def through_hubspot(self, tables: Tables, name: str) -> Results:
        """What the program decides of a portal that HubSpot holds."""
        data = write_tables(tables, self.folder / name / "data")
        with SandboxServer(data, rate="100000/10s") as server:
            config = self.config(f"{name}/project", f"    hubspot: {{base_url: '{server.base_url}', token: file:t}}\n")
            (config / "t").write_text(server.access_token, encoding="utf-8")
            with open_context(config) as ctx:
                if _held(tables):
                    define_held_columns(server.base_url, server.access_token, ctx.outputs)
                return _results(ctx, tables, {})

    def through_salesforce(self, tables: Tables, name: str, *, standard_industries: bool = False) -> Results:
        """What the program decides of the same portal as a Salesforce org; by HubSpot's ids."""
        org = as_salesforce(tables, self.folder / name / "org", standard_industries=standard_industries, owned=False)
        with SandboxOrg(org.folder) as server:
            connection = (
                f"    salesforce:\n      base_url: {server.base_url}\n      ca_file: {server.ca_file}\n"
                f"      consumer_key: file:key\n      private_key: file:{server.private_key}\n"
                f"      username: {server.username}\n"
            )
            config = self.config(f"{name}/project", connection)
            (config / "key").write_text(server.consumer_key, encoding="utf-8")
            back = {object_: {id_: ours for ours, id_ in org.ids[file].items()} for object_, file in FILES.items()}
            with open_context(config) as ctx:
                prepare_org(server, ctx, org.held)
                return _results(ctx, tables, back)


def _held(tables: Tables) -> Results:
    """What crmsync wrote into the portal earlier."""
    return {
        (object_, row["hs_object_id"], name.removeprefix(PREFIX)): value
        for object_, file in FILES.items()
        for row in tables.of(file)
        for name, value in row.items()
        if name.startswith(PREFIX) and value
    }


def _results(ctx: Context, tables: Tables, back: Mapping[str, Mapping[str, str]]) -> Results:
    owned = {PREFIX + output.name for output in ctx.owned}
    plan = make_plan(ctx, as_of=AS_OF, full=True).plan
    changes = plan.changes.select("object", "id", "property", "after").rows()
    found = {key: value for key, value in _held(tables).items() if PREFIX + key[2] in owned}
    for object_, id_, property_, after in changes:
        if property_ in owned and not property_.endswith(WORDS):
            key = (object_, back[object_][id_] if back else id_, property_.removeprefix(PREFIX))
            if after:
                found[key] = after
            else:
                found.pop(key, None)
    return found


def differences(one: Results, other: Results) -> dict[Key, tuple[str | None, str | None]]:
    """What the two say, where they do not say the same."""
    keys = one.keys() | other.keys()
    return {key: (one.get(key), other.get(key)) for key in sorted(keys) if one.get(key) != other.get(key)}


@dataclass(frozen=True)
class Parity:
    """`differing`: result by result, what HubSpot's side says and Salesforce's. `by_line`: the line that makes each,
    tried by taking it alone, or, where several are needed, the last of those taken together. `unexplained`: what
    Salesforce says of the portal otherwise than HubSpot says of what Salesforce can say."""

    hubspot: Results
    salesforce: Results
    differing: dict[Key, tuple[str | None, str | None]]
    by_line: dict[Key, str]
    unexplained: dict[Key, tuple[str | None, str | None]]

    def counts(self) -> Counter[tuple[str, str]]:
        """How many differences by line and result."""
        return Counter((line, key[2]) for key, line in self.by_line.items())


def compare(project: Project, tables: Tables, *, standard_industries: bool = False) -> Parity:
    """The portal through both CRMs, every difference tried."""
    hubspot = project.through_hubspot(tables, "as-it-is")
    salesforce = project.through_salesforce(tables, "org", standard_industries=standard_industries)
    differing = differences(hubspot, salesforce)
    taken = losses(standard_industries=standard_industries)
    said = project.through_hubspot(sayable(tables, standard_industries=standard_industries), "all-taken")
    by_line: dict[Key, str] = {}
    for name, lose in taken.items():
        if differing.keys() - by_line.keys() and lose(tables) != tables:
            alone = project.through_hubspot(lose(tables), f"only-{name}")
            for key in differing.keys() - by_line.keys():
                if alone.get(key) == salesforce.get(key):
                    by_line[key] = name
    rest, now = tables, hubspot
    for name, lose in taken.items():
        before, rest = rest, lose(rest)
        if differing.keys() - by_line.keys() and rest != before:
            now, was = project.through_hubspot(rest, f"up-to-{name}"), now
            for key in differing.keys() - by_line.keys():
                if now.get(key) == salesforce.get(key) != was.get(key):
                    by_line[key] = f"{name}, with lines before it"
    return Parity(hubspot, salesforce, differing, by_line, differences(said, salesforce))


def edited(tables: Tables, **edits: Mapping[str, Mapping[str, str]]) -> Tables:
    """The portal with values put into records: `edited(t, companies={"1002": {"industry": "X"}})`."""
    for file, records in edits.items():
        tables = tables.each(file, partial(_edit, records))
    return tables


def _edit(records: Mapping[str, Mapping[str, str]], row: Row) -> Row:
    return dict(records.get(row["hs_object_id"], {}))
