"""Commands that plan and write: plan, apply, sync, resync, undo."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import polars as pl
import typer

from crmsync.cli.commands import Accept, AsOf, Reason
from crmsync.cli.face import Face, ids_of, parse_moment, parse_names
from crmsync.cli.formats import chosen_format, write_document
from crmsync.cli.plan_file import load_plan
from crmsync.cli.words import applied_lines, plan_line
from crmsync.engine.apply import Applied, apply_plan, newest_plan
from crmsync.engine.context import Context
from crmsync.engine.people import people_of_plan
from crmsync.engine.plan import Planned, make_plan
from crmsync.engine.sync import Synced
from crmsync.engine.sync import resync as resync_portal
from crmsync.engine.sync import sync as sync_portal
from crmsync.engine.undo import plan_undo
from crmsync.errors import CrmsyncError, ExitCode, UnsafePlan
from crmsync.model.plan import Plan
from crmsync.planning.render import FORMATS, SUFFIXES, plan_document, render, render_text
from crmsync.planning.render.view import next_step

PlanArgument = Annotated[
    str | None, typer.Argument(metavar="[PLAN|FILE]", help="A plan's id or file. [default: the newest not applied]")
]


def plan(
    face: Face,
    company: Annotated[list[str] | None, typer.Option(metavar="ID", help="Only these, and their contacts.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most this many records.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plan here; the suffix says how.")] = None,
    format_: Annotated[str | None, typer.Option("--format", help="|".join(FORMATS))] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what changed.")] = False,
    as_of: AsOf = None,
) -> int:
    """Show what the program would change, and why. Writes nothing to the CRM.

    Ends with 0 when there is nothing to do, 2 when changes are pending, 3 when a guard was breached.
    """
    chosen = chosen_format(format_, out, SUFFIXES, "text")
    companies = ids_of(company, "company") or None
    moment = parse_moment(as_of)
    with face.open() as context, face.progress() as progress:
        planned = make_plan(context, as_of=moment, companies=companies, limit=limit, full=full, progress=progress)
        named = people_of_plan(context, planned.plan)
    if out is not None:
        write_document(out, render(chosen, planned.plan, named), " The plan itself is saved.")
        show(face, planned, named)
        face.tell(f"Written to {out}.")
    elif chosen == "text" or face.json:
        show(face, planned, named)
    else:
        face.write(render(chosen, planned.plan, named))
    face.document(plan_document(planned.plan, named) | {"exit_code": int(plan_code(planned.plan))})
    return plan_code(planned.plan)


def plan_code(of: Plan) -> ExitCode:
    """What a plan alone ends with."""
    if of.breaches:
        return ExitCode.BREACHED
    return ExitCode.DONE if of.is_empty else ExitCode.CHANGES


def show(face: Face, planned: Planned, named: pl.DataFrame, *, offer: bool = True) -> None:
    """The plan on the terminal, with names; `offer` ends it with the command that applies it."""
    face.write(render_text(planned.plan, named, width=face.width, color=face.color, offer=offer))


def apply(face: Face, plan_: PlanArgument = None, accept: Accept = None, reason: Reason = "") -> int:
    """Write exactly the plan that was shown; each value is checked against the one it was planned on."""
    with face.open() as context, face.progress() as progress:
        chosen = newest_plan(context) if plan_ is None else load_plan(context, plan_)
        face.tell(plan_line(chosen))
        try:
            applied = apply_plan(context, chosen, accept=_accepted(accept), reason=reason, progress=progress)
        except UnsafePlan as error:
            raise _with_remedy(error, chosen) from None
    return _applied(face, applied)


def sync(
    face: Face,
    accept: Accept = None,
    reason: Reason = "",
    full: Annotated[bool, typer.Option("--full", help="Read everything, not only what changed.")] = False,
    as_of: AsOf = None,
) -> int:
    """Plan, guard and apply in one go. A breached guard stops it before the first write."""
    moment = parse_moment(as_of)
    with face.open() as context:
        try:
            with face.progress() as progress:
                synced = sync_portal(
                    context, as_of=moment, accept=_accepted(accept), reason=reason, full=full, progress=progress
                )
        except UnsafePlan as error:
            raise _breached(face, context, error) from None
        named = people_of_plan(context, synced.planned.plan)
    return _synced(face, synced, named)


def resync(
    face: Face,
    company: Annotated[list[str] | None, typer.Option(metavar="ID", help="These companies.")] = None,
    contact: Annotated[list[str] | None, typer.Option(metavar="ID", help="These contacts.")] = None,
    list_: Annotated[str | None, typer.Option("--list", metavar="ID", help="The companies of a CRM list.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every record.")] = False,
    reason: Reason = "",
    accept: Accept = None,
    as_of: AsOf = None,
) -> int:
    """Read records anew whatever the watermark says, assess and write them. A one-off, with a reason."""
    companies, contacts = ids_of(company, "company"), ids_of(contact, "contact")
    ways = [bool(companies or contacts), list_ is not None, everything]
    if sum(ways) != 1:
        raise CrmsyncError("resync needs one of --company ID, --contact ID, --list ID or --all.")
    if not reason.strip():
        raise CrmsyncError("resync needs --reason TEXT, which the run keeps.")
    moment = parse_moment(as_of)
    with face.open() as context:
        try:
            with face.progress() as progress:
                synced = resync_portal(
                    context, companies=companies, contacts=contacts, list_id=list_, everything=everything,
                    reason=reason, as_of=moment, accept=_accepted(accept), progress=progress,
                )  # fmt: skip
        except UnsafePlan as error:
            raise _breached(face, context, error) from None
        named = people_of_plan(context, synced.planned.plan)
    return _synced(face, synced, named)


def undo(face: Face, run: Annotated[str, typer.Argument(metavar="RUN", help="The run to take back.")]) -> int:
    """Plan the reverse of a run; what anyone else changed since is left alone and listed."""
    with face.open() as context:
        planned = plan_undo(context, run)
        named = people_of_plan(context, planned.plan)
    show(face, planned, named)
    face.document(plan_document(planned.plan, named) | {"exit_code": int(plan_code(planned.plan))})
    return plan_code(planned.plan)


def _accepted(accept: list[str] | None) -> frozenset[str]:
    return frozenset(parse_names(accept))


def _breached(face: Face, context: Context, error: UnsafePlan) -> UnsafePlan:
    """Show the plan that was stopped, and name the command that would go on."""
    if not face.json:
        stopped = newest_plan(context)
        named = people_of_plan(context, stopped)
        face.write(render_text(stopped, named, width=face.width, color=face.color))
        return _with_remedy(error, stopped)
    return error


def _with_remedy(error: UnsafePlan, stopped: Plan) -> UnsafePlan:
    step = next_step(stopped)
    return UnsafePlan(f"{error.message}\nTo go on all the same: {step}" if step else error.message)


def _applied(face: Face, applied: Applied) -> int:
    for line in applied_lines(applied):
        face.say(line)
    face.document(applied_document(applied))
    return applied.exit_code


def _synced(face: Face, synced: Synced, named: pl.DataFrame) -> int:
    show(face, synced.planned, named, offer=synced.applied is None)
    if synced.applied is not None:
        for line in applied_lines(synced.applied):
            face.say(line)
    face.document(
        {
            "plan": plan_document(synced.planned.plan, named),
            "applied": applied_document(synced.applied) if synced.applied else None,
            "exit_code": int(synced.exit_code),
        }
    )
    return synced.exit_code


def applied_document(applied: Applied) -> dict[str, Any]:
    """Plain JSON types of an apply."""
    return {
        "run": applied.run_id,
        "plan": applied.plan_id,
        "outcomes": dict(applied.outcomes),
        "calls": dict(applied.calls),
        "created": list(applied.created),
        "seconds": round(applied.seconds, 3),
        "message": applied.message,
        "exit_code": int(applied.exit_code),
    }
