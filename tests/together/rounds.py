"""crmsync and HubSpot's own integration at work in the same two CRMs, a quarter of an hour at a time.

What crmsync wrote is not taken from its own ledger: it is the difference of everything that can be written in both CRMs
before and after a run.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from crmsync.connectors.salesforce.admin import Admin
from crmsync.connectors.salesforce.deploy import deploy
from crmsync.connectors.salesforce.rights import Natives
from crmsync.engine.context import Context, open_context
from crmsync.engine.picture import picture
from crmsync.engine.sync import Synced, sync
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.salesforce.server import SandboxOrg
from tests.together.native_sync import LINKS, PLURALS, Crm, Crms, Kind, NativeSync, Write, same

PROGRAM = Path(__file__).with_name("program.yaml")
PREFIX = "abm_"
State = dict[tuple[Crm, Kind, str, str], str | None]


def project(folder: Path, crms: Crms, primary: Crm = "hubspot") -> Path:
    """config/ and mappings/ below `folder` for a portal with both CRMs; the fields in Salesforce made by an admin.

    Returns the config folder."""
    server, org = crms.hubspot, crms.org
    config = folder / "config"
    config.mkdir(parents=True)
    shutil.copytree(mappings_dir(), folder / "mappings")
    shutil.copy(PROGRAM, config / "program.yaml")
    (config / "token").write_text(server.access_token)
    (config / "key").write_text(org.consumer_key)
    shutil.copy(org.private_key, config / "sf.pem")
    (config / "crmsync.yaml").write_text(
        "portals:\n  main:\n"
        f"    hubspot: {{base_url: '{server.base_url}', token: file:token}}\n"
        f"    salesforce: {{base_url: '{org.base_url}', ca_file: '{org.ca_file}', consumer_key: file:key, "
        f"private_key: file:sf.pem, username: '{org.username}'}}\n"
        f"    together: {{primary: {primary}, carried: detect}}\n"
        "guards: {max_tier_moves: off, max_demotions: off, max_targets_removed: off, max_list_exits: off, "
        "max_blanked: off}\n"
    )
    with open_context(config) as ctx:
        bootstrap(ctx, org)
    return config


def bootstrap(ctx: Context, org: SandboxOrg) -> None:
    """What an admin does once in Salesforce."""
    side = next(side for side in ctx.sides if side.crm == "salesforce")
    reads = {object_: frozenset(side.properties(object_)) for object_ in side.objects}
    admin = Admin(org.base_url, org.access_token, api_version="66.0", ca_file=org.ca_file)
    deploy(admin, ctx.owned, ctx.prefix, Natives(reads, {}), username=org.username, say=lambda _step: None)


@dataclass
class Round:
    """What the integration wrote, what crmsync wrote, and what crmsync says of it."""

    native: list[Write]
    ours: list[Write]
    done: Synced


@dataclass
class Rounds:
    """Both at work. `run` is a quarter of an hour: the integration first, then crmsync."""

    crms: Crms
    native: NativeSync
    config: Path
    past: list[Round] = field(default_factory=list)

    def begin(self) -> None:
        """The integration has been on all along."""
        self.native.note()
        self.crms.pass_time(15)

    def run(self) -> Round:
        copied = self.native.step()
        before = state(self.crms)
        with self.opened() as ctx:
            done = sync(ctx, accept=frozenset({"all"}), reason="a round")
        ours = written(before, state(self.crms), self.crms)
        self.native.note()
        self.crms.pass_time(15)
        self.past.append(Round(copied, ours, done))
        return self.past[-1]

    def alone(self) -> list[Write]:
        """A quarter of an hour of crmsync alone; what it wrote."""
        before = state(self.crms)
        with self.opened() as ctx:
            sync(ctx, accept=frozenset({"all"}), reason="a round")
        ours = written(before, state(self.crms), self.crms)
        self.crms.pass_time(15)
        return ours

    @contextmanager
    def opened(self) -> Iterator[Context]:
        """crmsync at the CRMs' own time."""
        with open_context(self.config, now=self.crms.now) as ctx:
            yield ctx

    def value(self, kind: Kind, id_: str, name: str) -> str | None:
        """What stands in one field of a record of either CRM."""
        if id_.isdigit():
            return self.crms.hubspot_records(kind, [name])[id_].values[name]
        return self.crms.salesforce_records(kind, [name])[id_].values[name]

    def shared(self) -> set[tuple[str, str, str, str]]:
        """Fields of records that both wrote to, in all rounds so far."""
        ours = {write.place for round_ in self.past for write in round_.ours}
        return ours & {write.place for write in self.native.log}


def state(crms: Crms) -> State:
    """Every value in both CRMs that somebody other than the CRM can write."""
    found: State = {}
    for kind in LINKS:
        properties = crms.hubspot_call("GET", f"/crm/v3/properties/{PLURALS[kind]}")["results"]
        names = [one["name"] for one in properties if not one["modificationMetadata"]["readOnlyValue"]]
        for id_, side in crms.hubspot_records(kind, names).items():
            found |= {("hubspot", kind, id_, name): value for name, value in side.values.items()}
        for id_, side in crms.salesforce_records(kind, crms.writable(kind)).items():
            found |= {("salesforce", kind, id_, name): value for name, value in side.values.items()}
    return found


def written(before: State, after: State, crms: Crms) -> list[Write]:
    """The values that came to differ."""
    now = crms.now()
    return [
        Write(crm, kind, id_, name, value, now)
        for (crm, kind, id_, name), value in after.items()
        if not same(before.get((crm, kind, id_, name)), value)
    ]


def owned(config: Path, kind: Kind, *, deciding: bool = False) -> Sequence[str]:
    """What crmsync keeps on records of a kind, without the prefix.

    `deciding`: without what only goes along with another value, such as a reason's text, and is as old as that."""
    with open_context(config) as ctx:
        ours = [output for output in ctx.owned if output.object == kind and not output.person]
    return [output.name for output in ours if not (deciding and output.follows)]


def declare(config: Path, carried: str) -> None:
    """Say in the configuration what is carried over."""
    file = config / "crmsync.yaml"
    file.write_text(file.read_text().replace("carried: detect", f"carried: {carried}"))


def counterparts(rounds: Rounds, kind: Kind) -> dict[str, str]:
    """HubSpot's id to Salesforce's, of every pair that crmsync goes by now."""
    with rounds.opened() as ctx:
        side = next(side for side in ctx.sides if side.crm == "hubspot")
        ids = side.store.mirror.ids(side.space, kind).to_list()
        return picture(ctx, ctx.now(), {}).counterpart(kind, ids)
