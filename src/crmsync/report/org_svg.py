"""An organisation chart as a self-contained SVG, for light and dark.

Each person is a box with a stripe in the colour of the role. A head of a line stands above those who report to it: side
by side while there is room, one below another where there is none, so that the picture keeps the width of a page.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from unicodedata import east_asian_width

import polars as pl

from crmsync.assess.role_section import DEPARTMENTS, ROLE_VALUES, role_label
from crmsync.report.org_lines import Lines, Row, lines_of, roles_of
from crmsync.report.org_mermaid import COLOURS

_BOX, _GAP, _STEP, _INDENT = 204.0, 16.0, 10.0, 22.0
_PAGE = 5 * _BOX + 4 * _GAP
_LINE, _PAD, _DROP = 16.0, 9.0, 30.0
_COLUMN = 12
_NAME, _TEXT = 24, 28
"""Letters that fit into a box, of the name and of the smaller text."""

_STYLE = """
.org{--ink:#1b1f24;--dim:#65707c;--line:#b6bec8;--card:#fff;--edge:#d5dae0;
font:13px system-ui,-apple-system,"Segoe UI",sans-serif}
@media(prefers-color-scheme:dark){.org{--ink:#e6e9ec;--dim:#98a2ad;--line:#566270;--card:#1c2026;--edge:#39414b}}
.org text{fill:var(--ink);font-size:13px}.org .s{fill:var(--dim);font-size:12px}.org .n{font-weight:600}
.org .h{font-weight:600;font-size:14px}.org path{fill:none;stroke:var(--line)}
.org .b{fill:var(--card);stroke:var(--edge)}.org .old{stroke:var(--line);stroke-dasharray:4 3}
.org .old+g{opacity:.35}.org .f{opacity:.62}
"""


@dataclass
class _Block:
    """Something drawn from (0, 0); `top` is where a line from above meets it."""

    width: float
    height: float
    parts: list[tuple[float, float, str]] = field(default_factory=list)
    top: float = _BOX / 2

    def put(self, other: _Block, x: float, y: float) -> None:
        self.parts += [(x + dx, y + dy, drawn) for dx, dy, drawn in other.parts]


def svg(people: pl.DataFrame, title: str) -> str:
    """One SVG element of `people` (org_lines.SCHEMA), with a legend; `title` is the account's name."""
    lines = lines_of(people, column=_COLUMN)
    trees = [_tree(id_, lines, _PAGE) for id_ in lines.heads]
    if lines.heads_more:
        trees.append(_note(lines.heads_more))
    known = [name for name in DEPARTMENTS if name in lines.alone]
    columns = [_column(name, lines) for name in [*known, *sorted(set(lines.alone) - set(known))]]
    page = _Block(0, 0)
    _below(page, _header(people, title), 0)
    headed = bool(trees and columns)
    for heading, blocks in (("Reporting lines", trees), ("Without a reporting line", columns)):
        if blocks and headed:
            _below(page, _heading(heading), 26)
        if blocks:
            _below(page, _flow(blocks), 12 if headed else 22)
    drawn = "\n".join(f'<g transform="translate({x:g} {y:g})">{part}</g>' for x, y, part in page.parts)
    wide, high = max(page.width, 420) + 2, page.height + 2
    label = escape(_clean(f"Organisation chart of {title}: {_counted(people)}"))
    return (
        f'<svg class="org" xmlns="http://www.w3.org/2000/svg" viewBox="-1 -1 {wide:g} {high:g}" width="{wide:g}" '
        f'height="{high:g}" role="img" aria-label="{label}">\n<style>{_STYLE}</style>\n{drawn}\n</svg>\n'
    )


def _below(page: _Block, block: _Block, gap: float) -> None:
    page.put(block, 0, page.height + gap)
    page.height += gap + block.height
    page.width = max(page.width, block.width)


def _header(people: pl.DataFrame, title: str) -> _Block:
    """The account, how many people, and the legend with a count each."""
    block = _Block(_PAGE if people.height > 4 else 3 * _BOX + 2 * _GAP, 48)
    name = f'<text class="h" y="15">{escape(_cut(title, 60))}</text>'
    block.parts.append(
        (0, 0, f'{name}<text class="s" y="15" x="{_wide(_cut(title, 60)) * 8.4 + 14:g}">{_counted(people)}</text>')
    )
    counts = dict.fromkeys(ROLE_VALUES, 0)
    for row in people.iter_rows(named=True):
        for role in roles_of(row):
            counts[role] += 1
    x, y = 0.0, 30.0
    entries = [
        (f'<rect width="11" height="11" rx="3" y="1" fill="{COLOURS[role]}"/>', f"{role_label(role)} {count:,}")
        for role, count in counts.items()
        if count
    ]
    if stale := int(people["stale"].sum()):
        dashed = '<rect class="b old" width="11" height="11" rx="3" y="1"/><g/>'
        entries.append((dashed, f"Stale {stale:,}"))
    for mark, said in entries:
        long = 26 + len(said) * 6.6
        if x and x + long > block.width:
            x, y = 0.0, y + 20
        block.parts.append((x, y, f'{mark}<text class="s" x="17" y="11">{said}</text>'))
        x += long
    block.height = y + 16
    return block


def _counted(people: pl.DataFrame) -> str:
    count, departments = people.height, people.filter(~pl.col("department").is_in(["unknown", "other"]))["department"]
    where = departments.n_unique()
    some = "person" if count == 1 else "people"
    return f"{count:,} {some}, {where} {'department' if where == 1 else 'departments'} known"


def _heading(text: str) -> _Block:
    return _Block(200, 16, [(0, 0, f'<text class="h" y="12">{escape(text)}</text>')])


def _flow(blocks: Sequence[_Block]) -> _Block:
    """Side by side, in rows of a page's width."""
    page, x, y, high = _Block(0, 0), 0.0, 0.0, 0.0
    for block in blocks:
        if x and x + block.width > _PAGE + 1:
            x, y, high = 0.0, y + high + 24, 0.0
        page.put(block, x, y)
        page.width = max(page.width, x + block.width)
        x, high = x + block.width + _GAP, max(high, block.height)
    page.height = y + high
    return page


def _tree(id_: str, lines: Lines, room: float) -> _Block:
    """A person above those who report to them. Never wider than `room`, but for the width of one box."""
    head = _person(lines.rows[id_], lines.notes.get(id_), department=True)
    under = [_tree(other, lines, max(room - _INDENT, _BOX)) for other in lines.reports.get(id_, [])]
    if lines.more.get(id_):
        under.append(_note(lines.more[id_]))
    if not under:
        return head
    across = sum(block.width for block in under) + _GAP * (len(under) - 1)
    leaves = not any(lines.reports.get(other) or lines.more.get(other) for other in lines.reports.get(id_, []))
    if leaves:
        return _stacked(head, under)
    return _abreast(head, under, across) if across <= room else _in_rows(head, under, room)


def _stacked(head: _Block, under: Iterable[_Block]) -> _Block:
    whole = _Block(head.width, head.height)
    whole.put(head, 0, 0)
    spine = _INDENT / 2
    for block in under:
        y = whole.height + _STEP
        middle = y + (_PAD * 2 + _LINE * 2) / 2
        whole.parts.insert(
            0, (0, 0, f'<path d="M{spine:g} {head.height:g}V{middle:g}H{_INDENT + block.top - _BOX / 2:g}"/>')
        )
        whole.put(block, _INDENT, y)
        whole.width = max(whole.width, _INDENT + block.width)
        whole.height = y + block.height
    return whole


def _abreast(head: _Block, under: Sequence[_Block], across: float) -> _Block:
    whole = _Block(max(across, head.width), head.height)
    x = 0.0
    middles = []
    for block in under:
        whole.put(block, x, head.height + _DROP)
        whole.height = max(whole.height, head.height + _DROP + block.height)
        middles.append(x + block.top)
        x += block.width + _GAP
    whole.top = (middles[0] + middles[-1]) / 2
    whole.put(head, whole.top - _BOX / 2, 0)
    bus = head.height + _DROP / 2
    down = "".join(f"M{at:g} {bus:g}V{head.height + _DROP:g}" for at in middles)
    line = f'<path d="M{whole.top:g} {head.height:g}V{bus:g}M{middles[0]:g} {bus:g}H{middles[-1]:g}{down}"/>'
    whole.parts.insert(0, (0, 0, line))
    return whole


def _in_rows(head: _Block, under: Sequence[_Block], room: float) -> _Block:
    """Those below in as many rows as they need, each row hanging on a line that runs down at the left."""
    whole = _Block(head.width, head.height)
    whole.put(head, 0, 0)
    spine, start = _INDENT / 2, head.height
    rows: list[list[_Block]] = []
    x = 0.0
    for block in under:
        if not rows or x + block.width > room - _INDENT + 1:
            rows.append([])
            x = 0.0
        rows[-1].append(block)
        x += block.width + _GAP
    for row in rows:
        top = whole.height + _DROP
        bus, x, down = top - _DROP / 2, _INDENT, ""
        for block in row:
            whole.put(block, x, top)
            end = x + block.top
            down += f"M{end:g} {bus:g}V{top:g}"
            x += block.width + _GAP
        whole.parts.insert(0, (0, 0, f'<path d="M{spine:g} {start:g}V{bus:g}H{end:g}{down}"/>'))
        whole.width = max(whole.width, x - _GAP)
        whole.height = top + max(block.height for block in row)
        start = bus
    return whole


def _column(department: str, lines: Lines) -> _Block:
    said = "Department unknown" if department == "unknown" else role_label(department)
    count = len(lines.alone[department]) + lines.alone_more.get(department, 0)
    head = f'<text class="n" y="12">{escape(said)} <tspan class="s">{count:,}</tspan></text>'
    whole = _Block(_BOX, 12, [(0, 0, head)])
    for id_ in lines.alone[department]:
        block = _person(lines.rows[id_], lines.notes.get(id_), department=False)
        whole.put(block, 0, whole.height + _STEP)
        whole.height += _STEP + block.height
    if more := lines.alone_more.get(department):
        block = _note(more)
        whole.put(block, 0, whole.height + _STEP)
        whole.height += _STEP + block.height
    return whole


def _person(row: Row, note: str | None, *, department: bool) -> _Block:
    """One box; everything that does not fit is in its tooltip."""
    below = [row["title"] or "title unknown"]
    if department:
        level = "" if row["seniority"] in ("unknown", "professional") else role_label(row["seniority"])
        where = "" if row["department"] == "unknown" else role_label(row["department"])
        below += [", ".join(part for part in (where, level) if part)]
    below = [text for text in [*below, note or ""] if text]
    roles = roles_of(row)
    high = _PAD * 2 + _LINE * (1 + max(len(below), 1)) - 2
    facts = [row["name"], *below, " and ".join(role_label(role) for role in roles), "stale" if row["stale"] else ""]
    each = high / len(roles)
    stripes = "".join(
        f'<rect width="5" y="{each * place:.1f}" height="{each:.1f}" fill="{COLOURS[role]}"/>'
        for place, role in enumerate(roles)
    )
    stripe = f'<g clip-path="inset(0 round 6px 0 0 6px)">{stripes}</g>'
    faded = ' class="f"' if row["stale"] else ""
    said = f'<text class="n" x="15" y="{_PAD + 11:g}">{escape(_cut(row["name"], _NAME))}</text>' + "".join(
        f'<text class="s" x="15" y="{_PAD + 11 + _LINE * place:g}">{escape(_cut(text, _TEXT))}</text>'
        for place, text in enumerate(below, 1)
    )
    box = f'<rect class="b{" old" if row["stale"] else ""}" width="{_BOX:g}" height="{high:g}" rx="6"/>'
    tip = f"<title>{escape(_clean('; '.join(fact for fact in facts if fact)))}</title>"
    return _Block(_BOX, high, [(0, 0, f"{tip}{box}{stripe}<g{faded}>{said}</g>")])


def _note(count: int) -> _Block:
    return _Block(_BOX, 34, [(0, 0, f'<text class="s" x="15" y="21">and {count:,} more</text>')])


def _clean(text: str) -> str:
    """One line, without what XML cannot hold."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _wide(text: str) -> int:
    """How many letters of the usual width a text is wide."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def _cut(text: str, room: int) -> str:
    text = _clean(text)
    if _wide(text) <= room:
        return text
    return "".join(_letters(text, room - 1)).rstrip() + "…"


def _letters(text: str, room: int) -> Iterator[str]:
    for letter in text:
        room -= _wide(letter)
        if room < 0:
            return
        yield letter
