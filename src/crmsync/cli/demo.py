"""`crmsync demo`: the whole loop on a bundled portal in a minute, with the engine that a real portal gets.

Nothing is staged: a sandbox serves the CRM over HTTP on loopback, a folder of its own holds config, mappings and store,
and every figure shown was read back. What it must not do is touch a real CRM, so it takes neither config nor token.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

import polars as pl

from crmsync.cli.changing import applied_document, show
from crmsync.cli.demo_stages import Stage, open_stage
from crmsync.cli.face import Face
from crmsync.cli.matches import disagreement_table, matched_lines, review_table
from crmsync.cli.words import applied_lines, calls_text, explained_lines
from crmsync.demo import Crm
from crmsync.engine.apply import Applied, apply_plan
from crmsync.engine.context import Context, open_context
from crmsync.engine.explain import Explained, explain
from crmsync.engine.people import people_of_plan
from crmsync.engine.plan import Planned, make_plan
from crmsync.engine.sync import Synced, sync
from crmsync.errors import ExitCode
from crmsync.model.plan import Plan
from crmsync.planning.render import view

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
REASON = "the first run of the demo; its moves were looked at"


@dataclass(frozen=True)
class Shown:
    """What the demo did, before any of it is put into words."""

    first: Planned
    applied: Applied
    explained: list[tuple[str, Explained]]
    lists: list[dict[str, Any]]
    second: Synced

    @property
    def writes_again(self) -> int:
        """How many values the second run wrote; 0 is the promise."""
        return self.second.applied.outcomes.get("applied", 0) if self.second.applied else 0


def run_demo(face: Face, *, keep: bool, crm: Crm = Crm.HUBSPOT) -> ExitCode:
    """Show the loop; ends 0 when the second run changed nothing, as it must."""
    folder = Path(tempfile.mkdtemp(prefix="crmsync-demo-"))
    try:
        with open_stage(crm, folder) as stage:
            with open_context(stage.config) as context:
                shown = _loop(face, context, stage)
            code = ExitCode.DONE if shown.writes_again == 0 and shown.second.planned.plan.is_empty else ExitCode.ERROR
            # Whoever reads the document may end us at once, so the signals are ours before it is out.
            with _told_to_end() if keep else nullcontext(None) as told:
                face.document(_document(shown, stage, code, keep=keep))
                if told is not None:
                    _invite(face, stage)
                    told.wait()
                    face.tell("The sandbox is down and its folder is gone.")
            return code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _loop(face: Face, context: Context, stage: Stage) -> Shown:
    """Each step is told as it happens, so that a slow machine shows that it works."""
    say = _teller(face)
    say("A CRM to play with", stage.where)
    ready = stage.prepare(context)
    if ready:
        face.say(ready, style="dim")
    with face.progress() as progress:
        first = make_plan(context, as_of=AS_OF, full=True, progress=progress)
    say("1  What would change, and why", "$ crmsync plan")
    _tell_plan(face, first, people_of_plan(context, first.plan))
    step = 2
    if len(context.sides) > 1:
        say(f"{step}  What the two have in common", "$ crmsync matches")
        _tell_matches(face, context, first.plan)
        step += 1
    say(f"{step}  Three accounts, explained", "$ crmsync explain " + " | ".join(stage.accounts))
    explained = [(why, explain(context, "company", id_, as_of=AS_OF)) for id_, why in stage.accounts.items()]
    for why, found in explained:
        _tell_explained(face, why, found)
    accept = frozenset(breach.name for breach in first.plan.breaches)
    accepted = f' --accept {",".join(sorted(accept))} --reason "{REASON}"' if accept else ""
    say(f"{step + 1}  Write exactly that plan", f"$ crmsync apply {first.plan.id}{accepted}")
    with face.progress() as progress:
        applied = apply_plan(context, first.plan, accept=accept, reason=REASON, progress=progress)
    for line in applied_lines(applied)[:1]:
        face.say(line)
    lists = _lists(context)
    filled = [f"{row['name']} {row['size']}" for row in lists if row["size"]]
    face.prose(stage.lists or "Lists, as the CRM counts them now: " + ", ".join(filled))
    say(f"{step + 2}  Run it again", "$ crmsync sync")
    second = sync(context, as_of=AS_OF, trigger="demo")
    shown = Shown(first, applied, explained, lists, second)
    _tell_end(face, shown)
    return shown


def _teller(face: Face) -> Callable[[str, str], None]:
    def say(title: str, text: str) -> None:
        face.say()
        face.say(title, style="bold cyan")
        if text:
            face.say(text, style="dim")

    return say


def _tell_plan(face: Face, planned: Planned, named: pl.DataFrame) -> None:
    show(face, planned, named, offer=False)
    if planned.plan.breaches:
        face.say()
        face.prose(
            "Guards stopped this plan, as it should: many tiers move at once in so small a portal. A person looks at "
            "the moves above and decides. The demo accepts them and says why; the reason stays with the run.",
            style="yellow",
        )


def _tell_matches(face: Face, context: Context, plan: Plan) -> None:
    """What was found to be one, what a person has to decide, and what the CRMs disagree on."""
    two = plan.summary["together"]
    titles = (context.sides[0].title, context.sides[1].title)
    for line in matched_lines(two["matched"]):
        face.say(line)
    face.say(f"{two['review_total']} pairs may be the same, and nobody guesses:")
    if not face.json:
        face.out.print(review_table(two["review"], titles))
    face.say(f"{two['disagreements_total']} values on which the CRMs disagree; the bold one counts:")
    if not face.json:
        face.out.print(disagreement_table(two["disagreements"], titles))


def _tell_explained(face: Face, why: str, found: Explained) -> None:
    face.say()
    face.say(why, style="magenta")
    face.lines(explained_lines(found, width=face.width, brief=True))


def _tell_end(face: Face, shown: Shown) -> None:
    plan = shown.second.planned.plan
    face.say(f"{view.nothing_to_do(plan) or 'Changes were found.'} {shown.writes_again} writes.")
    face.say()
    face.say("Tiers", style="bold cyan")
    after = {tier: now for tier, now, _ in view.tier_rows(plan)}
    face.say(f"  {'':<10}{'before':>8}{'after':>8}")
    for tier, now, _planned in view.tier_rows(shown.first.plan):
        face.say(f"  {tier:<10}{now:>8,}{after.get(tier, 0):>8,}")
    face.say()
    face.say("API calls", style="bold cyan")
    face.say(f"  plan         {calls_text(_calls(shown.first.plan))}")
    face.say(f"  apply        {calls_text(shown.applied.calls)}")
    face.say(f"  second run   {calls_text(_calls(plan))}, 0 writes" if not shown.writes_again else "  second run wrote")
    face.say()
    face.say("Your own portal: crmsync init my-crm", style="bold")


def _calls(plan: Plan) -> dict[str, int]:
    return {family: int(count) for family, count in (plan.summary.get("calls") or {}).items()}


def _lists(context: Context) -> list[dict[str, Any]]:
    """The lists as the CRM has them now; asking creates none, since the apply made them."""
    return [{"name": state.name, "size": state.size or 0} for state in context.connector.ensure_lists(context.lists)]


def _document(shown: Shown, stage: Stage, code: ExitCode, *, keep: bool) -> dict[str, Any]:
    first, second = shown.first.plan, shown.second.planned.plan
    return {
        "crm": stage.crm,
        "as_of": AS_OF,
        "tiers": [{"tier": tier, "before": now, "after": after} for tier, now, after in view.tier_rows(first)],
        "plan": {"id": first.id, "changes": first.changes.height, "calls": _calls(first), "summary": first.summary},
        "accepted": [breach.name for breach in first.breaches],
        "applied": applied_document(shown.applied),
        "explained": [{"why": why, **vars(found)} for why, found in shown.explained],
        "lists": shown.lists,
        "together": first.summary.get("together"),
        "second_run": {"changes": second.changes.height, "writes": shown.writes_again, "calls": _calls(second)},
        "kept": stage.kept if keep else None,
        "exit_code": int(code),
    }


def _invite(face: Face, stage: Stage) -> None:
    """What to try while the sandbox stays up."""
    day, config, held = f"{AS_OF:%Y-%m-%d}", stage.config, list(stage.accounts)[1]
    face.say(f"""
The sandbox stays up at {stage.kept["base_url"]} until Ctrl-C. In another terminal:
  crmsync plan --config {config} --as-of {day}
  crmsync explain {held} --config {config} --as-of {day}
  crmsync runs --config {config}
Edit {config / "program.yaml"} and plan again to see who moves.""")


@contextmanager
def _told_to_end() -> Iterator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set while the block runs."""
    told = threading.Event()

    def end(_number: int, _frame: FrameType | None) -> None:
        told.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
