"""A report as one self-contained HTML page, for light and dark, fit for printing."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby

from crmsync.planning.render.style import html_page
from crmsync.report.document import Bar, Bars, Block, Cell, Document, Facts, Link, Part, Picture, Prose, Sheet, is_web

_STYLE = """
.side{columns:2 420px;column-gap:18px;margin:18px 0 -18px}
.side .card{display:inline-block;width:100%;margin:0 0 18px;break-inside:avoid}
.card>*+*{margin-top:14px}p{margin:0;max-width:76ch}.n+:not(.n){padding-left:18px}
.bars{display:block;width:100%;max-width:600px;height:auto}.bars .v1{fill:var(--accent)}
.bars .v2{fill:var(--accent);fill-opacity:.25}.bars .w1{fill:var(--down)}
.bars .w2{fill:var(--down);fill-opacity:.2}
.picture{overflow-x:auto}.picture svg{max-width:100%;height:auto}
@media print{.card{break-inside:avoid}body{background:none}}
"""
_WIDTH, _LINE, _THICK = 520, 26, 14


def html(document: Document) -> str:
    """One page; everything in it that is text is escaped."""
    said = " · ".join(escape(part) for part in document.said if part)
    body = [f"<h1>{escape(document.title)}</h1>", f'<div class="dim">{said}</div>']
    for narrow, parts in groupby(document.parts, key=lambda part: part.narrow):
        cards = [_card(part) for part in parts]
        body += ['<div class="side">', *cards, "</div>"] if narrow else cards
    return html_page(document.title, "\n".join(body), style=_STYLE)


def _card(part: Part) -> str:
    blocks = "\n".join(text for block in part.blocks for text in _block(block))
    return f'<section class="card"><h2>{escape(part.title)}</h2>\n{blocks}</section>'


def _block(block: Block) -> Iterator[str]:
    match block:
        case Prose(text):
            yield f"<p>{escape(text)}</p>"
        case Facts(rows):
            yield "<dl>" + "".join(f"<dt>{escape(label)}</dt><dd>{escape(said)}</dd>" for label, said in rows) + "</dl>"
        case Sheet():
            yield _sheet(block)
        case Bars():
            yield bars_svg(block)
        case Picture(svg, _):
            yield f'<div class="picture">{svg}</div>'


def _sheet(sheet: Sheet) -> str:
    if not sheet.rows:
        return '<p class="dim">none</p>'
    right = [' class="n"' if sheet.numeric(position) else "" for position in range(len(sheet.columns))]
    head = "".join(f"<th{mark}>{escape(name)}</th>" for mark, name in zip(right, sheet.columns, strict=True))
    body = "\n".join(
        "<tr>" + "".join(f"<td{mark}>{_cell(cell)}</td>" for mark, cell in zip(right, row, strict=True)) + "</tr>"
        for row in sheet.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Link(text, url):
            if not is_web(url):
                return escape(text)
            return f'<a href="{escape(url)}" rel="noopener noreferrer" target="_blank">{escape(text)}</a>'
        case int():
            return f"{cell:,}"
    return escape(cell)


def bars_svg(bars: Bars) -> str:
    """Bars of one scale with label and figure, as wide as their card."""
    labels = min(200, 14 + round(7.2 * max((len(bar.label) for bar in bars.bars), default=0)))
    most = max((max(bar.value, bar.total) for bar in bars.bars), default=0) or 1
    notes = max((len(_said(bar)) for bar in bars.bars), default=0)
    room = max(80.0, _WIDTH - labels - 14 - 7.2 * notes)
    lines = [_bar(bar, place * _LINE, labels, room / most) for place, bar in enumerate(bars.bars)]
    high = _LINE * len(bars.bars)
    return (
        f'<svg class="bars" viewBox="0 0 {_WIDTH} {high}" role="img" aria-label="{escape(bars.what)}">'
        + "".join(lines)
        + "</svg>"
    )


def _said(bar: Bar) -> str:
    return f"{bar.value:,}" + (f" {bar.note}" if bar.note else "")


def _bar(bar: Bar, top: int, left: int, scale: float) -> str:
    y, middle = top + (_LINE - _THICK) / 2, top + _LINE / 2 + 4.5
    long, faint = bar.value * scale, max(bar.total, bar.value) * scale
    parts = [f'<text x="{left - 10}" y="{middle:g}" text-anchor="end">{escape(bar.label)}</text>']
    if faint > long:
        kind = "w2" if bar.warns else "v2"
        parts.append(f'<rect class="{kind}" x="{left}" y="{y:g}" width="{faint:.1f}" height="{_THICK}" rx="3"/>')
    if long:
        kind = "w1" if bar.warns else "v1"
        parts.append(f'<rect class="{kind}" x="{left}" y="{y:g}" width="{max(long, 2):.1f}" height="{_THICK}" rx="3"/>')
    figure = (
        f'<tspan>{bar.value:,}</tspan><tspan class="dim"> {escape(bar.note)}</tspan>' if bar.note else f"{bar.value:,}"
    )
    parts.append(f'<text x="{left + faint + 8:.1f}" y="{middle:g}">{figure}</text>')
    return f"<g><title>{escape(bar.label)}: {escape(_said(bar))}</title>{''.join(parts)}</g>"
