"""What commands say of an apply, a run, an explanation: text for the terminal, from values alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import wrap
from typing import Any

from rich.table import Table
from rich.text import Text

from crmsync.assess.base import Explanation
from crmsync.engine.apply import Applied
from crmsync.engine.explain import Explained
from crmsync.model.plan import Plan
from crmsync.planning.render.view import plural, seconds
from crmsync.store import DeadLetter, Run

_ANSWERS = {"yes": "green", "no": "red", "unknown": "yellow"}
#: Systems in the order in which a person asks: is it ours, how good, what is it to us, who works it, whom do we know.
_ORDER = (
    "exclusion", "icp", "tiers", "checklist", "category", "relationship", "coverage_model", "hierarchy", "targets",
    "names", "data_gaps", "roles", "contact_care",
)  # fmt: skip
#: How a system's headline is introduced where it does not say itself what it is about.
_TITLES = {"targets": "Target", "roles": "Role", "relationship": "Relationship", "names": "People"}
#: Up to so many systems are told with a line between them.
_SET_APART = 4
_WIDEST_LABEL, _WIDEST_SUBJECT, _WIDEST_LINE = 16, 22, 110
_VALUE = 40  # characters of a past value
_FEW = 3
_COMPANIONS = ("_reason", "_since", "_at", "_last_run")
_STATUS = {"done": "green", "refused": "yellow", "breached": "red", "failed": "red", "interrupted": "yellow"}
_OUTCOMES = {
    "applied": "written",
    "already_in_place": "already in place",
    "stale": "left alone (changed in the CRM since the plan)",
    "rejected": "refused by the CRM",
    "unanswered": "unanswered, to be read back",
    "deferred": "not sent",
    "pending": "not written yet",
}


def calls_text(calls: dict[str, int]) -> str:
    """`12 calls (list 8, write 4)`."""
    total = sum(calls.values())
    parts = ", ".join(f"{family.replace('_', ' ')} {count:,}" for family, count in sorted(calls.items()) if count)
    return plural(total, "call") + (f" ({parts})" if parts else "")


def outcomes_text(outcomes: dict[str, int]) -> str:
    """`241 written, 2 refused by the CRM`."""
    parts = [f"{outcomes[key]:,} {said}" for key, said in _OUTCOMES.items() if outcomes.get(key)]
    return ", ".join(parts) or "nothing was written"


def applied_lines(applied: Applied) -> list[str]:
    """What became of a plan, and what to do about the rest."""
    lines = [f"Run {applied.run_id}: {outcomes_text(applied.outcomes)}; "
             f"{calls_text(applied.calls)}, {seconds(applied.seconds)}"]  # fmt: skip
    if applied.created:
        lines.append(
            f"Created first: {plural(len(applied.created), 'property, group or list', 'properties and lists')}"
        )
    if applied.outcomes.get("rejected"):
        lines.append("The CRM's words: crmsync dead-letters")
    if applied.outcomes.get("pending"):
        lines.append(f"Not all was written: {applied.message}")
    if applied.outcomes.get("applied"):
        lines.append(f"Take it back with: crmsync undo {applied.run_id}")
    return lines


def plan_line(plan: Plan) -> str:
    """A plan in a line, for the commands that go on to apply it."""
    records = plan.changes.select("object", "id").n_unique() if not plan.is_empty else 0
    return f"Plan {plan.id}: {plural(plan.changes.height, 'change')} of {plural(records, 'record')}"


def explained_lines(found: Explained, *, width: int = 120, brief: bool = False) -> Iterator[Text]:
    """The explanation of one record; `brief` leaves out link, moments and past changes."""
    head = [f"{found.object} {found.id}", found.place, f"owner {found.owner}" if found.owner else "no owner"]
    yield Text.assemble((found.name or f"{found.object} {found.id}", "bold"), "   ", "   ".join(p for p in head if p))
    if found.url and not brief:
        yield Text(f"in the CRM: {found.url}", style="dim")
    read = f", read {stamp(found.read_at)}" if found.read_at else ""
    if not brief:
        yield Text(f"as of {stamp(found.as_of)}{read}", style="dim")
    yield from _explanations(found.explanations, min(width, _WIDEST_LINE))
    if found.last_changes and not brief:
        yield Text()
        yield Text("Last changes", style="bold")
        for change in found.last_changes:
            short = {key: _clipped(change.get(key)) for key in ("before", "after")}
            yield Text("  " + change_text(change | short))
    for note in found.notes:
        yield Text()
        yield Text(note, style="yellow")


def _clipped(value: object) -> object:
    """One line is enough of a value here; `crmsync history` tells it whole."""
    return f"{value[: _VALUE - 3]}..." if isinstance(value, str) and len(value) > _VALUE else value


def _explanations(explanations: Sequence[Explanation], width: int) -> Iterator[Text]:
    """Every system in the order in which a person asks, all of them in the same columns."""
    place = {key: position for position, key in enumerate(_ORDER)}
    lines = [line for explanation in explanations for line in explanation.lines]
    label = min(_WIDEST_LABEL, max((len(line.label) for line in lines), default=0))
    subject = min(_WIDEST_SUBJECT, max((len(line.subject) for line in lines), default=0))
    # A screen holds a few systems set apart, or all of them close together.
    close = len(explanations) > _SET_APART
    for position, explanation in enumerate(sorted(explanations, key=lambda one: place.get(one.system, len(place)))):
        if position == 0 or not close:
            yield Text()
        yield from _explanation_lines(explanation, label, subject, width, close=close)


def _explanation_lines(
    explanation: Explanation, label: int, subject: int, width: int, *, close: bool
) -> Iterator[Text]:
    """One system's headline, then each condition with its answer, the text wrapped under itself."""
    title = _TITLES.get(explanation.system, "")
    yield Text(f"{title}   {explanation.headline}" if title else explanation.headline, style="bold")
    has_subject = any(line.subject for line in explanation.lines)
    for line in explanation.lines:
        answer = f"  {line.answer:<9}"
        head = f"{line.label:<{label}}  " + (f"{line.subject:<{subject}}  " if has_subject else "")
        indent = len(answer) + label + 2 + (subject + 2 if has_subject else 0)
        yield from _wrapped(Text.assemble((answer, _ANSWERS.get(line.answer, "")), head), line.text, indent, width)
    for remark in [" ".join(explanation.remarks)] if close and explanation.remarks else explanation.remarks:
        yield from _wrapped(Text("  "), remark, 2, width)


def _wrapped(head: Text, text: str, indent: int, width: int) -> Iterator[Text]:
    """`text` after `head`, its further lines under its first; after a head that is too long, on lines of its own."""
    parts = wrap(text, max(30, width - indent), break_on_hyphens=False) or [""]
    if len(head) > indent:
        yield head
    else:
        yield Text.assemble(head, parts.pop(0))
    for part in parts:
        yield Text(" " * indent + part)


def history_lines(rows: Sequence[dict[str, Any]]) -> Iterator[Text]:
    """A record's changes, run by run: what was written, and once for each decision why."""
    last = None
    for row in rows:
        if row.get("run_id") != last:
            last = row.get("run_id")
            yield Text.assemble((stamp(row["at"]), "bold"), f"  run {last}")
        if row.get("property") is None:
            yield Text("  (erased)")
            continue
        values = f"{row.get('before') or '(empty)'} -> {row.get('after') or '(empty)'}"
        said = [str(row["outcome"]).replace("_", " ")] if row.get("outcome") not in (None, "applied") else []
        # A companion (reason, date, run) has its decision's reason; said once is enough.
        if str(row["property"]).removesuffix("_override").endswith(_COMPANIONS):
            reason = ""
        else:
            reason = str(row.get("reason") or "")
        said += [part for part in (reason, str(row.get("message") or "")) if part]
        yield Text.assemble(f"  {row['property']:<28} {values}", ("   " + ", ".join(said) if said else "", "dim"))


def change_text(change: dict[str, Any]) -> str:
    """`2026-08-14 09:10  abm_tier  tier_3 -> tier_2  applied  region is known now  (run r-31b)`."""
    at = change.get("at")
    when = stamp(at) if isinstance(at, datetime) else str(at or "")[:16].replace("T", " ")
    if change.get("property") is None:
        return f"{when}  (erased)  run {change.get('run_id')}"
    values = f"{change.get('before') or '(empty)'} -> {change.get('after') or '(empty)'}"
    parts = [when, str(change["property"]), values]
    if change.get("outcome") not in (None, "applied"):
        parts.append(str(change["outcome"]).replace("_", " "))
    parts += [str(change[key]) for key in ("reason", "message") if change.get(key)]
    run = change.get("run_id") or change.get("run")
    return "  ".join(parts) + (f"  (run {run})" if run else "")


def stamp(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else "-"


def runs_table(runs: Sequence[Run]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("run", "kind", "started", "took", "status", "by", "what"):
        table.add_column(column, overflow="fold" if column == "what" else "ellipsis", no_wrap=column != "what")
    for run in runs:
        took = seconds((run.finished_at - run.started_at).total_seconds()) if run.finished_at else "-"
        status = Text(run.status, style=_STATUS.get(run.status, ""))
        what = run.message.splitlines()[0] if run.message else ""
        if run.reason:
            what += f" ({run.reason})"
        table.add_row(run.id, run.kind, stamp(run.started_at), took, status, run.trigger, Text(what))
    return table


def letters_table(letters: Sequence[DeadLetter], names: Mapping[tuple[str, str], str]) -> Table:
    """One line for each record and refusal, since a refused record brings a letter for each of its values."""
    groups: dict[tuple[str, str, str, str], list[DeadLetter]] = {}
    for letter in sorted(letters, key=lambda one: one.id):
        groups.setdefault((letter.object, letter.record_id, letter.message, letter.status), []).append(letter)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for column in ("no.", "record", "values", "times", "status", "the CRM says"):
        table.add_column(column, overflow="fold", no_wrap=column not in ("values", "the CRM says"))
    for (object_, record_id, message, status), group in groups.items():
        values = [f"{one.property} = {one.after or '(empty)'}" for one in group[:_FEW]]
        rest = f" and {len(group) - _FEW} more" if len(group) > _FEW else ""
        who = " ".join(part for part in (names.get((object_, record_id)), object_, record_id) if part)
        times = str(max(one.count for one in group))
        numbers = number_ranges([one.id for one in group])
        table.add_row(numbers, Text(who), Text(", ".join(values) + rest), times, status, Text(message))
    return table


def number_ranges(numbers: Sequence[int]) -> str:
    """`[1, 2, 3, 7]` -> `1-3,7`, as `dead-letters retry` takes it."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][-1] + 1:
            parts[-1].append(number)
        else:
            parts.append([number])
    return ",".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else str(part[0]) for part in parts)
