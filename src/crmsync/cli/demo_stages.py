"""Where `crmsync demo` plays: a local CRM with the bundled portal, and a folder with a config that points at it.

Each stage is a world of its own that ends with its block. What differs between CRMs is here; the story is `demo.py`'s.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmsync import demo
from crmsync.demo import Crm
from crmsync.demo.earlier import define_held_columns
from crmsync.engine.context import Context
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.hubspot.server import SandboxServer

if TYPE_CHECKING:
    from crmsync.sandbox.salesforce.server import SandboxOrg

PORTAL = "demo"
#: One account of each kind that a newcomer asks about (tests/portal/README.md has all of them), by HubSpot's ids.
ACCOUNTS = {
    "1002": "Promoted: a fact arrived",
    "1009": "Held: a value went missing, and that demotes nobody",
    "1041": "Pinned: a person decided",
}
TOGETHER = {
    "1027": "Promoted: Salesforce knows what HubSpot lacks",
    "1001": "Disagreed on: HubSpot's value counts, and the explanation says so",
    "1902": "In Salesforce alone: sales has it, marketing does not know it yet",
}
#: No integration of HubSpot's runs between the two, so there is no use in waiting to see what it carries over.
_TOGETHER = """\
    together: {primary: hubspot, carried: none}
"""
_HEAD = """\
# Written by crmsync demo: a sandbox on this machine, no real CRM.
store: sqlite:///state/crmsync.db
portals:
  {portal}:
{connections}    program: program.yaml
"""
_HUBSPOT = """\
    hubspot: {{base_url: "{base_url}", token: file:token}}
"""
_SALESFORCE = """\
    salesforce:
      base_url: "{base_url}"
      ca_file: "{ca_file}"
      consumer_key: file:consumer_key
      private_key: file:private_key
      username: {username}
"""


@dataclass(frozen=True)
class Stage:
    """`where`: the world in a sentence. `accounts`: those to explain, by the CRM's ids. `kept`: how to reach it later.

    `lists`: the sentence for a CRM that keeps lists by itself; None where crmsync makes them. `prepare` makes the CRM
    look as if crmsync had run there before, and says what that took.
    """

    crm: Crm
    config: Path
    where: str
    accounts: dict[str, str]
    kept: dict[str, Any]
    prepare: Callable[[Context], str | None]
    lists: str | None = None


def open_stage(crm: Crm, folder: Path) -> AbstractContextManager[Stage]:
    """The stage of `crm`, with everything it needs below `folder`."""
    return {Crm.HUBSPOT: _hubspot, Crm.SALESFORCE: _salesforce, Crm.BOTH: _both}[crm](folder)


@contextmanager
def _hubspot(folder: Path) -> Iterator[Stage]:
    with SandboxServer(demo.PORTAL) as server:
        config = prepare(folder, server.base_url, server.access_token)

        def ready(context: Context) -> None:
            define_held_columns(server.base_url, server.access_token, context.outputs)

        yield Stage(
            Crm.HUBSPOT,
            config,
            f"A HubSpot sandbox with an invented portal, at {server.base_url}. Nothing leaves this machine.",
            ACCOUNTS,
            {"base_url": server.base_url, "access_token": server.access_token, "config": str(config)},
            ready,
        )


@contextmanager
def _salesforce(folder: Path) -> Iterator[Stage]:
    # Imported here: who plays in HubSpot needs no client of Salesforce's.
    from crmsync.demo.as_salesforce import as_salesforce
    from crmsync.demo.earlier_org import prepare_org
    from crmsync.sandbox.salesforce.server import SandboxOrg

    org = as_salesforce(demo.PORTAL, folder / "org", owned=False)
    with SandboxOrg(org.folder) as server:
        config = _project(folder, salesforce_connection(folder / "config", server))

        def ready(context: Context) -> str:
            steps = prepare_org(server, context, org.held)
            made = sum(step.changed and step.what == "field" for step in steps)
            return f"An admin has run crmsync bootstrap salesforce: {made} fields, with the rights to them."

        yield Stage(
            Crm.SALESFORCE,
            config,
            "A Salesforce sandbox with an invented portal, in Salesforce's words (docs/crosswalk.md), at "
            f"{server.base_url}. Nothing leaves this machine.",
            {org.ids["companies"][id_]: why for id_, why in ACCOUNTS.items()},
            {
                "base_url": server.base_url,
                "access_token": server.access_token,
                "ca_file": server.ca_file,
                "config": str(config),
            },
            ready,
            "List views on the new fields come with the package that crmsync bootstrap salesforce writes.",
        )


@contextmanager
def _both(folder: Path) -> Iterator[Stage]:
    from crmsync.demo.earlier_org import prepare_org
    from crmsync.demo.two_worlds import ONLY_SALESFORCE, two_worlds
    from crmsync.sandbox.salesforce.server import SandboxOrg

    worlds = two_worlds(demo.PORTAL, folder / "data")
    with SandboxServer(worlds.hubspot) as server, SandboxOrg(worlds.salesforce.folder) as org:
        config = folder / "config"
        connections = hubspot_connection(config, server.base_url, server.access_token)
        _project(folder, connections + salesforce_connection(config, org) + _TOGETHER)

        def ready(context: Context) -> str:
            define_held_columns(server.base_url, server.access_token, context.outputs)
            prepare_org(org, context, worlds.salesforce.held)
            return "crmsync has run in HubSpot before; Salesforce is new to it, and its admin has made the fields."

        ids = worlds.salesforce.ids["companies"]
        yield Stage(
            Crm.BOTH,
            config,
            "An invented portal as a company has it that markets with HubSpot and sells with Salesforce: sandboxes of "
            f"both, at {server.base_url} and {org.base_url}. Nothing leaves this machine.",
            {ids[id_] if id_ in ONLY_SALESFORCE else id_: why for id_, why in TOGETHER.items()},
            {
                "base_url": server.base_url,
                "access_token": server.access_token,
                "salesforce": {"base_url": org.base_url, "access_token": org.access_token, "ca_file": org.ca_file},
                "config": str(config),
            },
            ready,
        )


def prepare(folder: Path, base_url: str, token: str) -> Path:
    """Config, program and mappings for a HubSpot sandbox in `folder`; returns the config folder."""
    return _project(folder, hubspot_connection(folder / "config", base_url, token))


def hubspot_connection(config: Path, base_url: str, token: str) -> str:
    """The lines of a config that connect it to a HubSpot sandbox; its token goes into a file."""
    _secret(config / "token", token)
    return _HUBSPOT.format(base_url=base_url)


def salesforce_connection(config: Path, org: SandboxOrg) -> str:
    """The lines of a config that connect it to a local org; its secrets go into files."""
    _secret(config / "consumer_key", org.consumer_key)
    _secret(config / "private_key", Path(org.private_key).read_text(encoding="utf-8"))
    return _SALESFORCE.format(base_url=org.base_url, ca_file=org.ca_file, username=org.username)


def _project(folder: Path, connections: str) -> Path:
    config = folder / "config"
    shutil.copytree(mappings_dir(), folder / "mappings")
    shutil.copyfile(demo.PROGRAM, config / "program.yaml")
    text = _HEAD.format(portal=PORTAL, connections=connections)
    (config / "crmsync.yaml").write_text(text, encoding="utf-8")
    return config


def _secret(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
