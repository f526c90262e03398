"""Commands that only look: explain, runs, run, history; and dead-letters, which a person settles."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from crmsync.cli.commands import AsOf
from crmsync.cli.face import Face, parse_id, parse_moment, parse_names
from crmsync.cli.words import (
    calls_text,
    change_text,
    explained_lines,
    history_lines,
    letters_table,
    outcomes_text,
    runs_table,
)
from crmsync.engine.context import Context
from crmsync.engine.explain import explain as explain_record
from crmsync.engine.people import labels
from crmsync.errors import CrmsyncError, ExitCode, RecordNotFound
from crmsync.planning.render.view import plural
from crmsync.store import LedgerEntry, LetterStatus

_SHOWN = 40


def explain(
    face: Face,
    id_: Annotated[str, typer.Argument(metavar="ID", help="A company or contact: 123, company:123, contact:9.")],
    as_of: AsOf = None,
) -> int:
    """Every assessment of a record: each condition with the value read, and what would change the answer."""
    object_, id_ = parse_id(id_)
    with face.open() as context:
        found = explain_record(context, object_, id_, as_of=parse_moment(as_of))
    face.lines(explained_lines(found, width=face.width))
    face.document(found)
    return ExitCode.DONE


def runs(
    face: Face,
    verify: Annotated[bool, typer.Option("--verify", help="Check the ledger's chain; ends with 1 if broken.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="How many, newest first.")] = 20,
) -> int:
    """What happened, newest first."""
    with face.open() as context:
        if verify:
            return _verify(face, context)
        found = context.store.runs.list(context.portal.name, limit=limit)
    if not found:
        face.say("No run yet. Start with: crmsync plan")
    elif not face.json:
        face.out.print(runs_table(found))
    face.document({"runs": [asdict(one) for one in found]})
    return ExitCode.DONE


def _verify(face: Face, context: Context) -> int:
    report = context.store.ledger.verify()
    count, digest = context.store.ledger.head()
    erased = f", {report.erased:,} of them erased" if report.erased else ""
    if report.ok:
        face.say(f"The ledger is whole: {plural(report.entries, 'entry', 'entries')}{erased}.")
        face.say(f"Head {count}: {digest}", style="dim")
    else:
        face.err.print(
            "\n".join(["The ledger is broken:", *(f"  {fault}" for fault in report.faults)]), style="red", markup=False
        )
    document = {"ok": report.ok, "entries": report.entries, "erased": report.erased, "faults": report.faults}
    face.document(document | {"head": {"entries": count, "digest": digest}})
    return ExitCode.DONE if report.ok else ExitCode.ERROR


def run(face: Face, id_: Annotated[str, typer.Argument(metavar="RUN", help="A run's id.")]) -> int:
    """One run: who, why, what it changed, what was refused."""
    with face.open() as context:
        found = context.store.runs.get(id_)
        if found is None:
            raise RecordNotFound(f"there is no run {id_}; crmsync runs lists them.")
        entries = context.store.ledger.entries(id_)
        letters = context.store.letters.list(found.portal, run_id=id_)
        shown = entries.head(_SHOWN).to_dicts()
        pairs = [(row["object"], row["record_id"]) for row in shown if row["object"]]
        names = labels(context, [*pairs, *((one.object, one.record_id) for one in letters)])
    if not face.json:
        face.out.print(runs_table([found]))
        for key in ("plan", "outcomes", "calls"):
            if found.counts.get(key):
                face.say(f"{key.capitalize():<10}{_count_text(key, found.counts[key])}")
        for row in shown:
            who = names.get((row["object"], row["record_id"]), "")
            face.say(
                f"  {who} {row['object']} {row['record_id']}  {change_text(row | {'run_id': None})}".replace(
                    "   ", "  "
                )
            )
        if entries.height > _SHOWN:
            face.say(f"  and {entries.height - _SHOWN:,} more; --json lists them all.")
        if letters:
            face.out.print(letters_table(letters, names))
    face.document({"run": asdict(found), "entries": entries, "dead_letters": [asdict(one) for one in letters]})
    return ExitCode.DONE


def _count_text(key: str, value: Any) -> str:
    if key == "outcomes":
        return outcomes_text(value)
    return calls_text(value) if key == "calls" else str(value)


def history(
    face: Face,
    id_: Annotated[str, typer.Argument(metavar="ID", help="A company or contact: 123, company:123, contact:9.")],
) -> int:
    """Every change of one record: when, before, after, by which rule and run."""
    object_, id_ = parse_id(id_)
    with face.open() as context:
        portal, ledger = context.portal.name, context.store.ledger
        for side in context.sides:
            id_ = side.canonical_id(id_)
        kinds = (object_,) if object_ else ("company", "contact")
        found = [(kind, entry) for kind in kinds for entry in ledger.history(portal, kind, id_)]
        if not found:
            _must_exist(context, kinds, id_)
    rows = [_entry(kind, entry) for kind, entry in found]
    if not rows:
        face.say(f"crmsync has written nothing to {id_}.")
    for kind in dict.fromkeys(row["object"] for row in rows):
        if len({row["object"] for row in rows}) > 1:
            face.say(f"{kind} {id_}", style="bold")
        face.lines(history_lines([row for row in rows if row["object"] == kind]))
    face.document({"id": id_, "history": rows})
    return ExitCode.DONE


def _must_exist(context: Context, kinds: tuple[str, ...], id_: str) -> None:
    """Raise RecordNotFound for an id that no pull has seen, so that a typing error is not taken for "no changes"."""
    mirror = context.store.mirror
    if any(mirror.get(side.space, kind, id_) is not None for side in context.sides for kind in kinds):
        return
    what = " or ".join(kinds)
    raise RecordNotFound(f"there is no {what} {id_} among the records read, and none was ever written.")


def _entry(kind: str, entry: LedgerEntry) -> dict[str, Any]:
    row: dict[str, Any] = {"at": entry.at, "object": kind, "run_id": entry.run_id, "outcome": str(entry.outcome)}
    names = ("property", "before", "after", "rule", "reason", "message")
    return row | {name: getattr(entry.payload, name) if entry.payload else None for name in names}


def dead_letters(
    face: Face,
    action: Annotated[str | None, typer.Argument(metavar="[retry|dismiss]", help="What to do with them.")] = None,
    ids: Annotated[list[str] | None, typer.Argument(metavar="[NO.]...", help="Which. [default: all open]")] = None,
) -> int:
    """What the CRM refused, in the CRM's words. `retry` lets the next plan try again, `dismiss` ends them."""
    with face.open() as context:
        letters = context.store.letters
        if action is None:
            found = letters.list(context.portal.name)
        elif action in ("retry", "dismiss"):
            chosen = _numbers(ids) or [letter.id for letter in letters.list(context.portal.name)]
            status = LetterStatus.RETRIED if action == "retry" else LetterStatus.DISMISSED
            letters.mark(chosen, status, context.now())
            found = [letter for letter in map(letters.get, chosen) if letter is not None]
        else:
            raise CrmsyncError(f"dead-letters {action}: expected retry or dismiss.")
        names = labels(context, [(letter.object, letter.record_id) for letter in found])
    if action is not None:
        said = "will be tried again by the next plan or sync" if action == "retry" else "dismissed"
        face.say(f"{plural(len(found), 'dead letter')} {said}.")
    elif not found:
        face.say("No dead letters: the CRM took everything.")
    elif not face.json:
        face.out.print(letters_table(found, names))
        face.say("Mend the cause, then: crmsync dead-letters retry [NO.]   or let it be: crmsync dead-letters dismiss")
    face.document({"dead_letters": [asdict(letter) for letter in found]})
    return ExitCode.DONE


def _numbers(ids: list[str] | None) -> list[int]:
    """Numbers of letters: `3`, `3,5` or `3-7`."""
    numbers: list[int] = []
    for text in parse_names(ids):
        first, dash, last = text.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise CrmsyncError(f"dead-letters: {text} is not a number of a dead letter; the first column has them.")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
