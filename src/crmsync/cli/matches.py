"""`crmsync matches`: what two CRMs have in common, what a person has to decide, and on what they disagree.

It looks at the newest plan, which is what would be written; deciding adds to `matches.yaml` and changes no CRM.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from crmsync.cli.face import Face
from crmsync.config.matches import append_decided, load_decided
from crmsync.engine.context import Context
from crmsync.errors import CrmsyncError, ExitCode
from crmsync.model.decided import Decided, IdPair
from crmsync.planning.render.view import plural

_ONE_OF_EACH = "HUBSPOT_ID SALESFORCE_ID"


def matches(
    face: Face,
    review: Annotated[bool, typer.Option("--review", help="Only the pairs that a person has to decide.")] = False,
    disagreements: Annotated[bool, typer.Option("--disagreements", help="Only where the CRMs disagree.")] = False,
    same: Annotated[
        tuple[str, str] | None, typer.Option("--same", metavar=_ONE_OF_EACH, help="These two are one record.")
    ] = None,
    different: Annotated[
        tuple[str, str] | None, typer.Option("--different", metavar=_ONE_OF_EACH, help="These two are not.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many lines of each list.")] = 40,
) -> int:
    """What two CRMs have in common; what a person has to decide; on what they disagree."""
    with face.open() as context:
        if len(context.sides) < 2:
            raise CrmsyncError(f"portal {context.portal.name} has one CRM; there is nothing to match.")
        if same or different:
            return _decide(face, context, same, different)
        plans = context.store.plans.list(context.portal.name, limit=1)
        if not plans:
            raise CrmsyncError("no plan yet, so nothing was matched. Start with: crmsync plan")
        plan = context.store.plans.load(plans[0].id)
        decided = load_decided(_file(context))
        titles = (context.sides[0].title, context.sides[1].title)
    two: Mapping[str, Any] = plan.summary.get("together") or {}
    waiting, done = undecided(two.get("review") or (), decided)
    disputed = list(two.get("disagreements") or ())
    everything = not (review or disagreements)
    if everything:
        face.say(f"As of plan {plan.id}, {plan.created_at[:16].replace('T', ' ')}", style="dim")
        face.lines(Text(line) for line in matched_lines(two.get("matched") or {}))
    if everything or review:
        more = int(two.get("review_total") or 0) - len(waiting) - done
        _show(face, review_table(waiting[:limit], titles), len(waiting) + max(more, 0), limit, _REVIEW)
        if done:
            face.say(f"{plural(done, 'pair')} decided since; the next plan takes that up.")
    if everything or disagreements:
        total = max(int(two.get("disagreements_total") or 0), len(disputed))
        _show(face, disagreement_table(disputed[:limit], titles), total, limit, _DISAGREEMENTS)
    document: dict[str, Any] = {"plan": plan.id, "matched": two.get("matched") or {}}
    if everything or review:
        document["review"] = waiting
    if everything or disagreements:
        document["disagreements"] = disputed
    face.document(document)
    return ExitCode.DONE


#: What is said above a list, below it, and instead of it.
_REVIEW = (
    "may be the same, and nobody guesses",
    "Decide with: crmsync matches --same ID ID   or: crmsync matches --different ID ID",
    "Nothing to decide.",
)
_DISAGREEMENTS = (
    "on which the CRMs disagree",
    "Whose value counts is under together in crmsync.yaml.",
    "The CRMs agree on every value that both have.",
)


def _show(face: Face, table: Table, total: int, limit: int, words: tuple[str, str, str]) -> None:
    above, below, nothing = words
    face.say()
    if not total:
        face.say(nothing)
        return
    face.say(f"{plural(total, 'pair' if words is _REVIEW else 'value')} {above}", style="bold")
    if not face.json:
        face.out.print(table)
    if total > limit:
        face.say(f"  and {total - limit:,} more; --limit and --json show them.")
    face.say(below, style="dim")


def _decide(face: Face, context: Context, same: IdPair | None, different: IdPair | None) -> int:
    """Add to the file of decisions. Raises CrmsyncError unless the ids are one of each CRM."""
    given = {
        "same": [_pair(context, same)] if same else [],
        "different": [_pair(context, different)] if different else [],
    }
    path = _file(context)
    added = append_decided(path, **given)
    for kind, pairs in given.items():
        for one, other in pairs:
            said = "one record" if kind == "same" else "not the same"
            face.say(
                f"{one} and {other} are {said}; " + ("the next plan takes that up." if added else "known already.")
            )
    face.document({"file": path.name, "added": added} | given)
    return ExitCode.DONE


def _pair(context: Context, given: IdPair) -> IdPair:
    """One id of each CRM as the CRMs spell them, HubSpot's first; an id may carry its kind (`company:123`)."""
    ids = [text.strip().rpartition(":")[2] for text in given]
    found = {side.crm: (side, id_) for id_ in ids for side in context.sides if side.connector.owns(id_)}
    if len(found) < len(context.sides):
        names = " and one of ".join(side.title for side in context.sides)
        raise CrmsyncError(f"{ids[0]} {ids[1]}: expected one id of {names}.")
    first, second = (found[crm] for crm in sorted(found))
    return first[0].connector.canonical_id(first[1]), second[0].connector.canonical_id(second[1])


def _file(context: Context) -> Path:
    return context.portal.folder / context.portal.together.matches


def undecided(rows: Iterable[Mapping[str, Any]], decided: Decided) -> tuple[list[dict[str, Any]], int]:
    """The rows of a review list that nobody has decided since, and how many somebody has.

    Deciding that two are the same settles every other row of the same object in which one of them stands.
    """
    apart = {frozenset(pair) for pair in (*decided.same, *decided.different)}
    rows = list(rows)
    joined = {
        (row.get("object"), row[side])
        for row in rows
        if frozenset((row["left"], row["right"])) in {frozenset(pair) for pair in decided.same}
        for side in ("left", "right")
    }
    waiting = [
        dict(row)
        for row in rows
        if frozenset((row["left"], row["right"])) not in apart
        and not {(row.get("object"), row[side]) for side in ("left", "right")} & joined
    ]
    return waiting, len(rows) - len(waiting)


def matched_lines(matched: Mapping[str, Mapping[str, int]]) -> list[str]:
    """`company   812 in both CRMs   (native 700, domain 100, name place 12)`, a line an object."""
    lines = []
    for object_, how in matched.items():
        parts = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in sorted(how.items()))
        lines.append(f"{object_:<9} {sum(how.values()):>9,} in both CRMs" + (f"   ({parts})" if parts else ""))
    return lines


def review_table(rows: Sequence[Mapping[str, Any]], titles: tuple[str, str]) -> Table:
    """A line a pair: what each CRM calls the record, how likely they are one, and why nobody is sure."""
    table = _table("", "score", *titles, "why")
    for row in rows:
        names = [_record(row.get(f"{side}_name"), row[side]) for side in ("left", "right")]
        table.add_row(Text(str(row.get("object") or "")), f"{float(row['score']):.2f}", *names, Text(str(row["why"])))
    return table


def disagreement_table(rows: Sequence[Mapping[str, Any]], titles: tuple[str, str]) -> Table:
    """A line a value: what each CRM has, the one that counts in bold."""
    table = _table("", "id", "field", *titles)
    for row in rows:
        values = [
            Text("" if row[side] is None else str(row[side]), style="bold" if row[side] == row["kept"] else "")
            for side in ("left", "right")
        ]
        table.add_row(Text(str(row["object"])), Text(str(row["id"])), Text(str(row["field"])), *values)
    return table


def _record(name: object, id_: object) -> Text:
    return Text.assemble(f"{name} " if name else "", (str(id_), "dim"))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
