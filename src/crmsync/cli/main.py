"""The entry point: puts the commands together, and makes every way of ending a clear message and an exit code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence
from typing import Annotated, Any, cast

import typer

from crmsync import __version__
from crmsync.cli import bootstrap, changing, looking, matches, reporting, starting
from crmsync.cli.commands import INTERRUPTED, command, common_parameters, remember
from crmsync.cli.face import to_json
from crmsync.errors import ExitCode

#: The command-line library's own base class of "this was typed wrongly"; it moved between modules over versions.
UsageError = cast(type[Exception], typer.BadParameter.__mro__[2])

_HELP = """Plan and apply account programmes (tiers, buyer roles, target accounts) in your CRM, from rules kept in git.

First time here: crmsync demo. Then: crmsync init my-crm

The exit code is 0 done or nothing to do, 1 error, 2 changes pending, 3 guard breached, 4 some changes refused.
"""
app = typer.Typer(
    help=_HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode="rich", add_completion=True,
    context_settings={"help_option_names": ["--help", "-h"]},
)  # fmt: skip


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"crmsync {__version__}")
        raise typer.Exit


def _root(**given: Any) -> None:
    given.pop("version")
    remember(given)


def _register() -> None:
    version = inspect.Parameter(
        "version",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[
            bool, typer.Option("--version", help="Show the version and end.", is_eager=True, callback=_show_version)
        ],
    )
    parameters = [version, *common_parameters()]
    _root.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
    _root.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    app.callback(invoke_without_command=False)(_root)
    start, change, look = "Start", "Plan and apply", "Look"
    command(app, "demo", rich_help_panel=start)(starting.demo)
    command(app, "init", rich_help_panel=start)(starting.init)
    command(app, "check", rich_help_panel=start)(starting.check)
    bootstraps = typer.Typer(help="Prepare a CRM, with an admin's help.", no_args_is_help=True)
    app.add_typer(bootstraps, name="bootstrap", rich_help_panel=start)
    command(bootstraps, "salesforce")(bootstrap.salesforce)
    anything = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("sandbox", rich_help_panel=start, context_settings=anything)(_sandbox)
    command(app, "plan", rich_help_panel=change)(changing.plan)
    command(app, "apply", rich_help_panel=change)(changing.apply)
    command(app, "sync", rich_help_panel=change)(changing.sync)
    command(app, "resync", rich_help_panel=change)(changing.resync)
    command(app, "undo", rich_help_panel=change)(changing.undo)
    command(app, "worker", rich_help_panel=change)(starting.worker)
    command(app, "explain", rich_help_panel=look)(looking.explain)
    command(app, "runs", rich_help_panel=look)(looking.runs)
    command(app, "run", rich_help_panel=look)(looking.run)
    command(app, "history", rich_help_panel=look)(looking.history)
    command(app, "dead-letters", rich_help_panel=look)(looking.dead_letters)
    command(app, "matches", rich_help_panel=look)(matches.matches)
    reports = typer.Typer(help="Documents about the portal as it stands.", no_args_is_help=True)
    app.add_typer(reports, name="report", rich_help_panel=look)
    command(reports, "coverage")(reporting.coverage)
    command(reports, "gaps")(reporting.gaps)


def _sandbox(context: typer.Context) -> None:
    """A local CRM: sandbox hubspot|salesforce --data DIR --port N [--latency-ms N] [--faults FILE] [--state F] ..."""
    raise typer.Exit(starting.sandbox(context.args))


_register()


def main(arguments: Sequence[str]) -> int:
    """Run one command; returns its exit code and never raises for what a person typed or a portal answered."""
    remember({})
    try:
        code = typer.main.get_command(app).main(list(arguments), prog_name="crmsync", standalone_mode=False)
    except typer.Abort:
        return INTERRUPTED
    except UsageError as error:
        return _misused(error, arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ExitCode.ERROR)
    return int(code or 0)


def _misused(error: Any, arguments: Sequence[str]) -> int:
    """What was typed wrongly, and where help is. Not 2, which says that changes are pending."""
    said = error.format_message()
    path = getattr(getattr(error, "ctx", None), "command_path", "crmsync")
    if not said:  # the library prints the help itself where a command was given nothing at all
        return int(ExitCode.DONE)
    print(f"{said} Try: {path} --help", file=sys.stderr)  # noqa: T201 a command's own message
    if "--json" in arguments:
        document = {"error": said, "kind": "UsageError", "exit_code": int(ExitCode.ERROR)}
        print(to_json(document))  # noqa: T201 the one document of the answer
    return int(ExitCode.ERROR)


def run() -> None:
    """The console script."""
    sys.exit(main(sys.argv[1:]))
