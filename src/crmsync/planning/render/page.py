"""A plan as one HTML page: self-contained, for light and dark, every change with names, links and reasons.

Whatever came from the CRM is escaped, and only web addresses become links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

import polars as pl

from crmsync.model.plan import Plan
from crmsync.planning.render import view
from crmsync.planning.render.flow import flow_svg
from crmsync.planning.render.style import html_page
from crmsync.planning.render.view import Named, People

# The filter hides rows; without JavaScript every row is simply there.
_SCRIPT = """
const box=document.getElementById("filter"),rows=[...document.querySelectorAll("#changes tbody tr")],
count=document.getElementById("count");
box.addEventListener("input",()=>{const words=box.value.toLowerCase().split(/\\s+/).filter(Boolean);let shown=0;
for(const row of rows){const text=row.textContent.toLowerCase();
row.hidden=!words.every(w=>text.includes(w));shown+=!row.hidden}
count.textContent=shown.toLocaleString("en")+" shown"});
"""


def render_html(plan: Plan, people: pl.DataFrame | None = None) -> str:
    """One self-contained page."""
    known = People(people)
    body = "\n".join(part for part in _parts(plan, known) if part)
    title = f"{view.title(plan)[0]}, {plan.portal}"
    return html_page(title, body, script="" if plan.is_empty else _SCRIPT)


def _parts(plan: Plan, people: People) -> Iterator[str]:
    name, *rest = view.title(plan)
    yield f"<h1>{escape(name)}</h1>"
    said = [*rest, *view.reading(plan), view.scope_line(plan)]
    yield f'<div class="dim">{" · ".join(escape(part) for part in said if part)}</div>'
    for guard in view.guard_lines(plan):
        if guard.breached:
            yield f'<div class="card bad"><strong>Guard breached.</strong> {escape(guard.message)}</div>'
    if nothing := view.nothing_to_do(plan):
        yield f'<div class="card">{escape(nothing)}</div>'
    yield _tiers(plan)
    yield _moves(plan, people)
    yield _figures(plan, people)
    yield _changes(plan, people)


def _tiers(plan: Plan) -> str:
    rows = view.tier_rows(plan)
    if not rows:
        return ""
    body = "".join(
        f'<tr><td>{escape(tier)}</td><td class="n dim">{now:,}</td><td class="n">{after:,}</td>'
        f"{_delta(now, after)}</tr>"
        for tier, now, after in rows
    )
    head = '<tr><th>Tier</th><th class="n">now</th><th class="n">after</th><th></th></tr>'
    table = f'<div class="card"><h2>Tiers</h2><table>{head}{body}</table></div>'
    svg = flow_svg(plan)
    picture = f'<div class="card"><h2>Who moves</h2>{svg}<div class="dim">{escape(view.moves_line(plan))}</div></div>'
    return f'<div class="grid">{table}{picture if svg else ""}</div>'


def _delta(now: int, after: int) -> str:
    if now == after:
        return "<td></td>"
    return f'<td class="n {"up" if after > now else "down"}">{after - now:+,}</td>'


def _link(who: Named) -> str:
    label = escape(who.label)
    if not who.url.startswith(("https://", "http://")):
        return label
    return f'<a href="{escape(who.url)}" rel="noopener noreferrer" target="_blank">{label}</a>'


def _moves(plan: Plan, people: People) -> str:
    moves = view.moves(plan, people)
    if not moves:
        return ""
    body = "".join(
        f"<tr><td>{_link(move.who)}</td><td>{escape(short_arrow(move))}</td><td>{escape(move.who.owner)}</td>"
        f"<td>{escape(move.reason)}</td></tr>"
        for move in moves
    )
    head = "<tr><th>Account</th><th>Tier</th><th>Owner</th><th>Why</th></tr>"
    return f'<div class="card"><h2>Moves worth a look</h2><table>{head}{body}</table></div>'


def short_arrow(move: view.Move) -> str:
    """`2 → 1`."""
    return move.arrow.replace("->", "→")


def _figures(plan: Plan, people: People) -> str:
    rows = view.figures(plan, people, escape=escape, link=_link, lists=_list_figures(plan, people))
    guards = "; ".join(f"{g.label} {g.figure}" + (" (breached)" if g.breached else "") for g in view.guard_lines(plan))
    if guards:
        rows.append(("Guards", escape(guards)))
    if line := view.apply_line(plan):
        rows.append(("Apply", escape(line)))
    if step := view.next_step(plan):
        rows.append(("Next", f"<code>{escape(step)}</code>"))
    body = "".join(f"<dt>{label}</dt><dd>{said}</dd>" for label, said in _merged(rows))
    return f'<div class="card"><dl>{body}</dl></div>' if rows else ""


def _list_figures(plan: Plan, people: People) -> Iterator[tuple[str, str]]:
    for row in view.list_rows(plan):
        object_ = str(row.get("object") or "company")
        said = [f"{escape(str(row.get('name')))} +{row.get('plus') or 0:,} -{row.get('minus') or 0:,}"]
        for sign, key, count in (("+", "gains", "plus"), ("-", "loses", "minus")):
            ids = [str(id_) for id_ in (row.get(key) or ())[: view.NAMED]]
            if ids:
                rest = int(row.get(count) or 0) - len(ids)
                said.append(f"{sign} {escape(view.and_more(people.labels(object_, ids), rest))}")
        yield "Lists", f"{said[0]}" + (f' <span class="dim">{"; ".join(said[1:])}</span>' if said[1:] else "")


def _merged(rows: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Labels said once: the second of two equal labels in a row is left out."""
    last = ""
    for label, said in rows:
        yield ("" if label == last else label), said
        last = label


def _changes(plan: Plan, people: People) -> str:
    if plan.is_empty:
        return ""
    body = "\n".join(row for record in view.records(plan, people) for row in _rows(record))
    head = "<tr><th>Record</th><th>Owner</th><th>Property</th><th>Before</th><th>After</th><th>Why</th></tr>"
    count = view.plural(plan.changes.height, "change")
    return (
        f'<div class="card"><h2>Every change <span class="dim" id="count">{count}</span></h2>'
        '<p><input id="filter" type="search" placeholder="Filter by name, owner, property, value or reason" '
        'aria-label="Filter the changes"></p>'
        f'<table id="changes"><thead>{head}</thead><tbody>\n{body}\n</tbody></table></div>'
    )


def _rows(record: view.RecordChanges) -> Iterator[str]:
    who = record.who
    for name, before, after, reason in record.rows:
        yield (
            f'<tr><td>{_link(who)} <span class="dim">{escape(who.object)} {escape(who.id)}</span></td>'
            f'<td>{escape(who.owner)}</td><td class="v">{escape(name)}</td>{_cell(before)}{_cell(after)}'
            f"<td>{escape(reason)}</td></tr>"
        )


def _cell(value: str | None) -> str:
    return f'<td class="v">{escape(value)}</td>' if value else '<td class="v dim">empty</td>'
