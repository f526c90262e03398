"""Commands that prepare a CRM with an admin's help: what crmsync's own user may not do, and should not be able to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from crmsync.cli.face import Face
from crmsync.config.connections import Portal, Salesforce
from crmsync.config.secrets import LITERAL, PATTERN, Secret, resolve_secret
from crmsync.engine.context import Context
from crmsync.errors import ConfigError, CrmsyncError, ExitCode, Fault
from crmsync.planning.render.view import plural

if TYPE_CHECKING:
    from crmsync.connectors.salesforce.package import Package
    from crmsync.connectors.salesforce.rights import Natives
    from crmsync.connectors.salesforce.steps import Step

# The connector is imported where it is used: a CRM's client costs a fifth of a second, and most commands never call it.
FOLDER = Path("salesforce-package")
_ADMIN = "With an admin's session"


def salesforce(
    face: Face,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help=f"Where the package goes.  [default: ./{FOLDER}]", show_default=False
        ),
    ] = None,
    deploy: Annotated[
        bool,
        typer.Option("--deploy", help="Make fields and rights in the org now.", rich_help_panel=_ADMIN),
    ] = False,
    admin_token: Annotated[
        str | None,
        typer.Option("--admin-token", metavar="env:NAME", help="The session's token.", rich_help_panel=_ADMIN),
    ] = None,
    instance: Annotated[
        str | None,
        typer.Option(
            "--instance", metavar="URL", help="The org's address; else as configured.", rich_help_panel=_ADMIN
        ),
    ] = None,
    ca_file: Annotated[
        Path | None,
        typer.Option("--ca-file", metavar="FILE", help="Certificate of a local org.", rich_help_panel=_ADMIN),
    ] = None,
    user: Annotated[
        str | None,
        typer.Option("--user", metavar="USERNAME", help="crmsync's user; else as configured.", rich_help_panel=_ADMIN),
    ] = None,
) -> int:
    """Fields, list views and permission sets for Salesforce: a package that an admin deploys, or --deploy.

    Needs no connection. Write it again after a change of the program or the mapping.
    """
    from crmsync.connectors.salesforce.package import build
    from crmsync.engine.bootstrap import natives_of

    if not deploy:
        for name, given in (("--admin-token", admin_token), ("--instance", instance), ("--user", user)):
            if given is not None:
                raise CrmsyncError(f"{name} goes with --deploy; nothing was written.")
    with face.open() as context:
        org = _connection(context)
        natives = natives_of(next(side for side in context.sides if side.crm == "salesforce"))
        package = build(context.owned, context.lists, context.prefix, natives, api_version=org.api_version)
        document: dict[str, Any] = {
            "fields": package.fields,
            "list_views": package.views,
            "permission_sets": package.sets,
            "mapped_fields": package.mapped,
        }
        if out is not None or not deploy:
            folder = out or FOLDER
            document |= {"folder": str(folder), "written": _written(face, folder, package)}
        if deploy:
            token = _token(admin_token)
            steps = _deployed(
                face, context, natives, token, _address(org, instance), _certificate(context, ca_file), user
            )
            document |= {"steps": steps, "changed": sum(step.changed for step in steps)}
    face.document(document)
    return ExitCode.DONE


def _connection(context: Context) -> Salesforce:
    portal = context.portal
    if portal.salesforce is None:
        message = "missing; say which org it is for: salesforce: {domain: acme.my, consumer_key: env:SF_KEY, ...}"
        raise ConfigError([Fault(f"{portal.where}: portals.{portal.name}.salesforce", None, message)])
    return portal.salesforce


def _written(face: Face, folder: Path, package: Package) -> tuple[str, ...]:
    from crmsync.connectors.salesforce.package import DEPLOY, MANIFEST, MAPPED_MANIFEST
    from crmsync.connectors.salesforce.package_folder import write
    from crmsync.connectors.salesforce.rights import MAPPED, RUNTIME

    changed = write(folder, package.files)
    holds = (
        f"{plural(len(package.fields), 'field')}, {plural(len(package.views), 'list view')}, "
        f"{plural(len(package.sets), 'permission set')}"
    )
    said = (
        f"Written: {folder} ({plural(len(changed), 'file')} new or changed)" if changed else f"{folder} is up to date"
    )
    face.say(f"{said}: {holds}.", style="bold")
    face.say(f"""
Next, in {folder}, with an admin's rights:
  1. See what it would do:       {DEPLOY} {MANIFEST} --dry-run
  2. Do it:                      {DEPLOY} {MANIFEST}
  3. Give crmsync's user them:   sf org assign permset --target-org ADMIN --on-behalf-of USERNAME --name {RUNTIME}
Then: crmsync check""")
    if package.mapped:
        face.say(f"""
The mapping names fields that not every org has: {", ".join(package.mapped)}.
Take out of mappings/salesforce.yaml what yours does not have and run this again; then deploy {MAPPED_MANIFEST}
and assign {MAPPED} too. {folder}/README.md says it all.""")
    return changed


def _token(given: str | None) -> str:
    if given is None:
        raise CrmsyncError("--deploy needs --admin-token env:NAME, an admin's session; nothing was created.")
    if not re.fullmatch(PATTERN, given):
        # Not repeated: what stands there may be the token itself.
        raise CrmsyncError(f"--admin-token: {LITERAL.replace('in YAML', 'on a command line')}.")
    return resolve_secret(Secret(given), "--admin-token")


def _address(org: Salesforce, given: str | None) -> str:
    return given or org.base_url or f"https://{org.domain}.salesforce.com"


def _certificate(context: Context, given: Path | None) -> str | None:
    if given is not None:
        if not given.is_file():
            raise CrmsyncError(f"--ca-file {given}: there is no such file.")
        return str(given)
    portal: Portal = context.portal
    assert portal.salesforce is not None
    stated = portal.salesforce.ca_file
    return str(portal.folder / stated) if stated else None


def _deployed(
    face: Face, context: Context, natives: Natives, token: str, address: str, ca_file: str | None, user: str | None
) -> list[Step]:
    from crmsync.connectors.salesforce.admin import Admin
    from crmsync.connectors.salesforce.deploy import deploy
    from crmsync.connectors.salesforce.rights import RUNTIME

    org = _connection(context)
    username = user or org.username
    admin = Admin(address, token, api_version=org.api_version, ca_file=ca_file)
    try:
        steps = deploy(
            admin, context.owned, context.prefix, natives, username=username, say=lambda step: _say(face, step)
        )
    finally:
        admin.close()
    made = sum(step.changed for step in steps)
    face.say(f"{plural(made, 'thing')} made or changed." if made else "Nothing to do: all is there.", style="bold")
    if username is None:
        face.say(f"Nobody was given {RUNTIME}: say whom with --user USERNAME, or assign it in Setup.", style="yellow")
    if context.lists:
        face.say("List views come with the package alone (crmsync bootstrap salesforce).")
    return steps


def _say(face: Face, step: Step) -> None:
    note = f"   {step.note}" if step.note else ""
    face.say(f"{step.done:<10}  {step.what:<14}  {step.name}{note}", style="" if step.changed else "yellow")
