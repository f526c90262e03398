"""A plan for the terminal: one screen, the figures first, then what a person would want to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import StringIO

import polars as pl
from rich.console import Console
from rich.text import Text

from crmsync.model.plan import Plan
from crmsync.planning.render import view
from crmsync.planning.render.view import People

_LABEL = 17
_SIDE_BY_SIDE = 110
_DETAIL = 40
_MOVES = 10
_LEFT_ALONE = 20
#: A name from the CRM must not steer the terminal: control characters are shown, not sent.
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "·") | {ord("\n"): " ", ord("\t"): " "}


def render_text(
    plan: Plan, people: pl.DataFrame | None = None, *, width: int = 110, color: bool = False, offer: bool = True
) -> str:
    """The plan in at most `width` columns, ending with a newline; `offer` adds the command that applies it."""
    out = StringIO()
    console = Console(
        file=out, width=width, force_terminal=color, no_color=not color, highlight=False,
        color_system="standard" if color else None, legacy_windows=False, _environ={},
    )  # fmt: skip
    for line in _lines(plan, People(people), width, offer):
        line.rstrip()
        line.plain = line.plain.translate(_CONTROL)
        console.print(line, soft_wrap=True)
    return out.getvalue()


def _lines(plan: Plan, people: People, width: int, offer: bool) -> Iterator[Text]:
    name, *rest = view.title(plan)
    yield Text.assemble((name, "bold"), "   ", ("   ".join(rest), "dim"))
    reading = view.reading(plan)
    if reading:
        yield Text("   ".join(reading), style="" if view.is_complete(plan) else "bold red")
    if scope := view.scope_line(plan):
        yield Text(scope)
    yield Text()
    if nothing := view.nothing_to_do(plan):
        yield Text(nothing, style="green")
        yield Text()
    yield from _tiers(plan, people, width)
    yield from _targets(plan, people, width)
    for label, said in [*view.decision_lines(plan, people), *view.object_lines(plan)]:
        yield from _row(label, said, width)
    yield from _lists(plan, width)
    yield from _findings(plan, people, width)
    yield from _details(plan, people, width)
    yield from _closing(plan, width, offer)


def _row(label: str, said: str, width: int, style: str = "") -> Iterator[Text]:
    """`label` in the first column, the rest wrapped under itself."""
    for position, line in enumerate(_wrap(said, width - _LABEL)):
        head = label if position == 0 else ""
        yield Text.assemble((head.ljust(_LABEL), "bold"), (line, style))


def _wrap(said: str, width: int) -> list[str]:
    """Like textwrap, but the figures' triple spaces stay."""
    lines: list[str] = [""]
    for word in said.split(" "):
        if lines[-1] and len(lines[-1]) + 1 + len(word) > max(width, 20):
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] or not word else word
    return [line.rstrip() for line in lines]


def _tiers(plan: Plan, people: People, width: int) -> Iterator[Text]:
    rows = view.tier_rows(plan)
    if not rows:
        return
    left = [Text.assemble(("Tiers".ljust(_LABEL - 3), "bold"), f"{'now':>7}{'after':>8}")]
    left += [_tier(*row) for row in rows]
    moves = view.moves(plan, people)
    if width >= _SIDE_BY_SIDE:
        room = width - _LABEL - 18
        right = _moves(plan, moves, room, len(rows))
        for position in range(max(len(left), len(right))):
            line = left[position] if position < len(left) else Text()
            line.pad_right(max(0, _LABEL + 18 - len(line)))
            yield line + right[position] if position < len(right) else line
    else:
        yield from left
        yield from _moves(plan, moves, width, _MOVES)
    yield Text()


def _tier(tier: str, now: int, after: int) -> Text:
    changed = "" if now == after else "green" if after > now else "yellow"
    line = Text(f"  {tier}".ljust(_LABEL - 3))
    return line.append(f"{now:>7,}", "dim").append(f"{after:>8,}", changed)


def _moves(plan: Plan, moves: Sequence[view.Move], room: int, most: int) -> list[Text]:
    lines = [Text("moves worth a look", style="dim")] if moves else []
    shown = moves[: max(1, most - 1)]
    wide = min(28, max((len(move.who.label) for move in shown), default=0))
    for move in shown:
        name = _cut(move.who.label, wide).ljust(wide)
        reason = _cut(move.reason, max(10, room - wide - 16))
        lines.append(Text.assemble(name, f"  {move.arrow:<12}", (reason, "dim")))
    line = view.moves_line(plan)
    return [*lines, *(Text(part) for part in _wrap(line, room))] if line else lines


def _cut(said: str, width: int) -> str:
    return said if len(said) <= width else said[: width - 1] + "…"


def _targets(plan: Plan, people: People, width: int) -> Iterator[Text]:
    line = view.targets_line(plan)
    if not line:
        return
    yield from _row("Targets", line, width)
    gained, more = view.targets_gained(plan, people)
    if gained:
        names = [f"{who.label} ({who.owner})" if who.owner else who.label for who in gained]
        yield from _row("", "+ " + view.and_more(names, more), width, "green")
    lost, more = view.targets_lost(plan, people)
    if lost:
        names = [f"{who.label}: {reason}" if reason else who.label for who, reason in lost]
        yield from _row("", "- " + view.and_more(names, more), width, "yellow")


def _lists(plan: Plan, width: int) -> Iterator[Text]:
    rows = view.list_rows(plan)
    if rows:
        parts = [f"{row.get('name')} +{row.get('plus') or 0:,} -{row.get('minus') or 0:,}" for row in rows]
        yield from _row("Lists", ", ".join(parts) + "   (lists may start workflows)", width)


def _findings(plan: Plan, people: People, width: int) -> Iterator[Text]:
    found = view.findings(plan, people)
    for position, line in enumerate(found):
        yield from _row("Worth mending" if position == 0 else "", line, width)
    if line := view.withheld_line(plan):
        yield from _row("Withheld", line, width, "yellow")
    left = view.skipped(plan, people)
    shown = left[:_LEFT_ALONE]
    if more := len(left) - len(shown):
        shown = [*shown, f"and {more:,} more values; --json lists them all"]
    for position, line in enumerate(shown):
        yield from _row("Left alone" if position == 0 else "", line, width, "yellow")
    if line := view.schema_line(plan):
        yield from _row("Creates first", line, width)
    if line := view.admin_line(plan):
        yield from _row("Missing", line, width, "yellow")


def _details(plan: Plan, people: People, width: int) -> Iterator[Text]:
    """Every change of a plan that is small enough to be read."""
    if plan.is_empty or plan.changes.height > _DETAIL:
        return
    yield Text()
    for record in view.records(plan, people):
        tail = f"  {record.who.object} {record.who.id}" + (f", {record.who.owner}" if record.who.owner else "")
        yield Text.assemble((record.who.label, "bold"), (tail, "dim"))
        for name, before, after, reason in record.rows:
            values = f"{_value(before)} -> {_value(after)}"
            said = _cut(reason, max(20, width - 34 - len(values)))
            yield Text.assemble(f"  {name:<26}  ", values, (f"   {said}" if said else "", "dim"))


def _value(value: str | None) -> str:
    return "(empty)" if value is None or value == "" else value


def _closing(plan: Plan, width: int, offer: bool) -> Iterator[Text]:
    yield Text()
    guards = view.guard_lines(plan)
    breached = [guard for guard in guards if guard.breached]
    if guards:
        said = [f"{guard.label} {guard.figure}" for guard in guards if not guard.breached]
        for position, line in enumerate(_packed(said if breached else [*said, "all within"], width - _LABEL)):
            yield Text.assemble((("Guards" if position == 0 else "").ljust(_LABEL), "bold"), line)
    for guard in breached:
        yield from _row("  BREACHED", guard.message, width, "bold red")
    if line := view.apply_line(plan):
        yield from _row("Apply", line, width)
    if offer and (step := view.next_step(plan)):
        verb = "Saved as" if not breached else "Stopped; saved as"
        yield Text.assemble(f"{verb} {plan.id}. Apply with: ", (step, "bold"))


def _packed(parts: Sequence[str], width: int) -> list[str]:
    """`parts` set three spaces apart, as many on a line as fit; none is broken."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + 3 + len(part) <= width:
            lines[-1] += "   " + part
        else:
            lines.append(part)
    return lines
