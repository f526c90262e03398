"""A plan as Markdown, sized for a pull-request comment: figures open, the changes folded away."""

from __future__ import annotations

import re
from collections.abc import Iterator

import polars as pl

from crmsync.model.plan import Plan
from crmsync.planning.render import view
from crmsync.planning.render.view import Named, People

_MOST_ROWS = 200
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~>-])")


def render_markdown(plan: Plan, people: pl.DataFrame | None = None) -> str:
    """GitHub-flavoured Markdown. At most 200 changes are listed; a comment has an end."""
    known = People(people)
    return "\n".join(_lines(plan, known)) + "\n"


def escape(text: str) -> str:
    """`text` so that neither Markdown nor HTML in it takes effect."""
    text = " ".join(text.split())
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    return _SPECIAL.sub(r"\\\1", text).replace("@", "@\u200b")


def _lines(plan: Plan, people: People) -> Iterator[str]:
    name, *rest = view.title(plan)
    yield f"## {escape(name)}"
    yield ""
    yield " · ".join(escape(part) for part in [*rest, *view.reading(plan), view.scope_line(plan)] if part)
    yield ""
    if nothing := view.nothing_to_do(plan):
        yield f"**{escape(nothing)}**"
        yield ""
    breached = [guard for guard in view.guard_lines(plan) if guard.breached]
    for guard in breached:
        yield f"> [!CAUTION]\n> **Guard breached.** {escape(guard.message)}\n"
    yield from _tiers(plan, people)
    yield from _figures(plan, people)
    yield from _changes(plan, people)
    yield from _closing(plan)


def _tiers(plan: Plan, people: People) -> Iterator[str]:
    rows = view.tier_rows(plan)
    if not rows:
        return
    yield "| tier | now | after | |"
    yield "|---|--:|--:|--:|"
    for tier, now, after in rows:
        delta = f"{after - now:+,}" if after != now else ""
        yield f"| {escape(tier)} | {now:,} | {after:,} | {delta} |"
    yield ""
    if line := view.moves_line(plan):
        yield line + "."
        yield ""
    moves = view.moves(plan, people)
    if moves:
        yield "| moves worth a look | | owner | why |"
        yield "|---|---|---|---|"
        for move in moves:
            yield f"| {_linked(move.who)} | {escape(move.arrow)} | {escape(move.who.owner)} | {escape(move.reason)} |"
        yield ""


def _linked(who: Named) -> str:
    label = escape(who.label)
    url = who.url if who.url.startswith(("https://", "http://")) else ""
    return f"[{label}]({url.replace(')', '%29').replace(' ', '%20')})" if url else label


def _figures(plan: Plan, people: People) -> Iterator[str]:
    moved = [f"{row.get('name')} +{row.get('plus') or 0} -{row.get('minus') or 0}" for row in view.list_rows(plan)]
    lists = [("Lists", escape(", ".join(moved)) + " (lists may start workflows)")] if moved else []
    lines = view.figures(plan, people, escape=escape, link=_linked, lists=lists)
    for label, said in lines:
        yield f"- **{label}**: {said}"
    if lines:
        yield ""


def _changes(plan: Plan, people: People) -> Iterator[str]:
    if plan.is_empty:
        return
    yield f"<details><summary>{view.plural(plan.changes.height, 'change')}</summary>"
    yield ""
    yield "| record | owner | property | before | after | why |"
    yield "|---|---|---|---|---|---|"
    shown = 0
    for record in view.records(plan, people):
        for name, before, after, reason in record.rows:
            if shown == _MOST_ROWS:
                break
            shown += 1
            cells = (record.who.owner, name, before or "", after or "", reason)
            yield f"| {_linked(record.who)} | " + " | ".join(escape(cell) for cell in cells) + " |"
    if shown < plan.changes.height:
        yield ""
        yield f"and {plan.changes.height - shown:,} more; `crmsync plan --out plan.html` lists them all."
    yield ""
    yield "</details>"
    yield ""


def _closing(plan: Plan) -> Iterator[str]:
    guards = view.guard_lines(plan)
    if guards:
        marks = [f"{'**breached** ' if guard.breached else ''}{guard.label} {guard.figure}" for guard in guards]
        yield "Guards: " + "; ".join(marks) + ("." if any(g.breached for g in guards) else "; all within.")
        yield ""
    if line := view.apply_line(plan):
        yield f"Apply: {line}."
        yield ""
    if step := view.next_step(plan):
        yield f"```\n{step}\n```"
