"""What all commands share: the common options, one way to fail, and the exit codes.

`command` gives a function that takes a `Face` and returns an exit code its place in the application. An error of ours
is one message without a traceback; what is no error of ours is one line that says how to see more.
"""

from __future__ import annotations

import functools
import inspect
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from crmsync.cli import logs
from crmsync.cli.face import Face
from crmsync.errors import ConfigError, CrmsyncError, ExitCode, UnsafePlan, mask

INTERRUPTED = 130
_STOPPED = (
    "Stopped. What the CRM has confirmed is in the ledger, and a batch in flight is read back by the next run, "
    "so running the same command again is safe."
)
_PANEL = "Common options"

_COMMON: dict[str, tuple[Any, Any, Any]] = {
    "config": (Path | None, None, typer.Option(
        "--config", metavar="DIR", help="Folder with crmsync.yaml.  [default: ./config]", rich_help_panel=_PANEL,
        show_default=False)),
    "portal": (str | None, None, typer.Option(
        "--portal", metavar="NAME", help="Which portal, where there are several.", rich_help_panel=_PANEL)),
    "json": (bool, False, typer.Option("--json", help="One JSON document on stdout.", rich_help_panel=_PANEL)),
    "verbose": (int, 0, typer.Option(
        "--verbose", "-v", count=True, help="Say more; twice for still more.", rich_help_panel=_PANEL,
        show_default=False)),
    "quiet": (bool, False, typer.Option("--quiet", "-q", help="Errors only.", rich_help_panel=_PANEL)),
    "debug": (bool, False, typer.Option(
        "--debug", help="Show the whole story of a fault of crmsync's own.", rich_help_panel=_PANEL)),
}  # fmt: skip

AsOf = Annotated[
    str | None, typer.Option("--as-of", metavar="DATE", help="Judge by this day instead of now, such as 2026-11-01.")
]
Accept = Annotated[
    list[str] | None,
    typer.Option("--accept", metavar="GUARD,...", help="Go on in spite of these guards, or `all`; needs --reason."),
]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; the run keeps it.", show_default=False)]


def common_parameters() -> list[inspect.Parameter]:
    """The common options, as the parameters of a command."""
    return [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option])
        for name, (kind, default, option) in _COMMON.items()
    ]


def command(app: typer.Typer, name: str, **settings: Any) -> Callable[[Callable[..., int]], Callable[..., None]]:
    """Register `function(face, ...) -> exit code` as a command with the common options beside its own."""

    def register(function: Callable[..., int]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        own = list(inspect.signature(function).parameters.values())[1:]
        own = [
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in own
        ]

        @functools.wraps(function)
        def wrapper(**given: Any) -> None:
            asked = {key: given.pop(key) for key in _COMMON}
            raise typer.Exit(_answer(function, _face(asked), given))

        parameters = [*own, *common_parameters()]
        wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # read by typer
        wrapper.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        del wrapper.__wrapped__  # typer would read the inner signature through it
        app.command(name, **settings)(wrapper)
        return wrapper

    return register


#: Common options given before the command; those after it win.
_before: dict[str, Any] = {}


def remember(given: dict[str, Any]) -> None:
    """Keep the common options that stood before the command."""
    _before.clear()
    _before.update(given)


def _face(asked: dict[str, Any]) -> Face:
    merged = {key: asked[key] or _before.get(key) or default for key, (_, default, _option) in _COMMON.items()}
    merged["config"] = merged["config"] or Path(os.environ.get("CRMSYNC_CONFIG", "config"))
    return Face(**merged)


def _answer(function: Callable[..., int], face: Face, given: dict[str, Any]) -> int:
    logs.configure(verbose=face.verbose, quiet=face.quiet)
    try:
        return int(function(face, **given))
    except CrmsyncError as error:
        return fail(face, error)
    except KeyboardInterrupt:
        face.err.print("\n" + _STOPPED, style="yellow" if face.err.is_terminal else None, markup=False, soft_wrap=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away, as `| head` does; nothing is wrong.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 the interpreter flushes it at the end
        return int(ExitCode.DONE)
    except Exception as error:  # noqa: BLE001 the last line of defence: a person must not meet a traceback
        return _own_fault(face, error)


def fail(face: Face, error: CrmsyncError) -> int:
    """One clear message on stderr, the same as a document where JSON was asked for."""
    face.err.print(error.message, style="red" if face.err.is_terminal else None, markup=False, soft_wrap=True)
    document: dict[str, Any] = {"error": error.message, "kind": type(error).__name__, "exit_code": int(error.exit_code)}
    if isinstance(error, ConfigError):
        document["faults"] = [{"where": f.where, "line": f.line, "message": f.message} for f in error.faults]
    if isinstance(error, UnsafePlan):
        document["breached"] = True
    face.document(document)
    return int(error.exit_code)


def _own_fault(face: Face, error: Exception) -> int:
    if face.debug:
        face.err.print(mask("".join(traceback.format_exception(error))), markup=False, soft_wrap=True)
    where = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(where.filename).name}:{where.lineno}"
    said = mask(" ".join(str(error).split()))[:200]
    message = f"crmsync has a fault of its own: {type(error).__name__} at {place}: {said}"
    advice = "" if face.debug else " Run the command again with --debug for the whole story."
    face.err.print(message + "." + advice, style="red" if face.err.is_terminal else None, markup=False, soft_wrap=True)
    face.document({"error": message, "kind": "Fault", "exit_code": int(ExitCode.ERROR)})
    return int(ExitCode.ERROR)
