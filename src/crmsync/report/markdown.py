"""A report as Markdown that reads well as plain text too: tables are aligned, addresses stand at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import wrap

from crmsync.report.document import Bars, Block, Cell, Document, Facts, Link, Part, Picture, Prose, Sheet, is_web

_SPECIAL = re.compile(r"([\\`*\[\]|~])")
#: An underscore inside a word (`tier_1`) is only an underscore.
_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")
_ENTITY = re.compile(r"&(?=#?\w+;)")
#: What would begin a list, a heading or a quotation where it begins a line.
_START = re.compile(r"^(?:(\d+)([.)])|([-+#>=]))")
_BAR = 32
_WIDEST = 50
_LINE = 110


def markdown(document: Document) -> str:
    """GitHub-flavoured Markdown, ends in a newline."""
    links: dict[str, int] = {}
    lines = [f"# {inline(document.title)}", "", " · ".join(inline(part) for part in document.said if part), ""]
    for part in document.parts:
        lines += _part(part, links)
    lines += [f"[{number}]: {_address(url)}" for url, number in links.items()]
    return "\n".join(lines).rstrip("\n") + "\n"


def inline(text: str) -> str:
    """`text` inside a line so that neither Markdown nor HTML in it takes effect, and nobody is mentioned."""
    text = _ENTITY.sub("&amp;", " ".join(text.split())).replace("<", "&lt;")
    text = _UNDERSCORE.sub(r"\\_", _SPECIAL.sub(r"\\\1", text))
    return text.replace("@", "@\u200b")


def _address(url: str) -> str:
    return url.replace(" ", "%20").replace("<", "%3C").replace(">", "%3E").replace("\n", "")


def _part(part: Part, links: dict[str, int]) -> Iterator[str]:
    yield f"## {inline(part.title)}"
    yield ""
    for block in part.blocks:
        yield from _block(block, links)
        yield ""


def _block(block: Block, links: dict[str, int]) -> Iterator[str]:
    match block:
        case Prose(text):
            lines = wrap(inline(text), _LINE, break_long_words=False, break_on_hyphens=False)
            yield from (_START.sub(r"\1\\\2\3", line) for line in lines)
        case Facts(rows):
            yield from (f"- **{inline(label)}**: {inline(said)}" for label, said in rows)
        case Sheet():
            yield from _sheet(block, links)
        case Bars():
            yield from _bars(block)
        case Picture(_, mermaid):
            yield from ("```mermaid", mermaid.rstrip("\n"), "```")


def _sheet(sheet: Sheet, links: dict[str, int]) -> Iterator[str]:
    if not sheet.rows:
        yield "none"
        return
    right = [sheet.numeric(position) for position in range(len(sheet.columns))]
    head = [inline(name) for name in sheet.columns]
    body = [[_cell(cell, links) for cell in row] for row in sheet.rows]
    # One very long cell does not push all the others apart.
    widths = [
        max(3, *(min(len(row[position]), _WIDEST) for row in [head, *body])) for position in range(len(sheet.columns))
    ]
    yield _row(head, widths, right)
    yield "|" + "|".join("-" * (width + 1) + (":" if r else "-") for width, r in zip(widths, right, strict=True)) + "|"
    yield from (_row(row, widths, right) for row in body)


def _row(cells: list[str], widths: list[int], right: list[bool]) -> str:
    padded = [
        f"{cell:>{width}}" if r else f"{cell:<{width}}" for cell, width, r in zip(cells, widths, right, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def _cell(cell: Cell, links: dict[str, int]) -> str:
    match cell:
        case None:
            return ""
        case Link(text, url):
            if not is_web(url):
                return inline(text)
            return f"[{inline(text)}][{links.setdefault(url, len(links) + 1)}]"
        case int():
            return f"{cell:,}"
    return inline(cell)


def _bars(bars: Bars) -> Iterator[str]:
    most = max((max(bar.value, bar.total) for bar in bars.bars), default=0)
    labels = max((len(bar.label) for bar in bars.bars), default=0)
    figures = max((len(f"{bar.value:,}") for bar in bars.bars), default=0)
    yield "```text"
    for bar in bars.bars:
        full = _length(bar.value, most)
        faint = max(0, _length(bar.total, most) - full)
        drawn = "█" * full + "░" * faint
        note = f"  {_plain(bar.note)}" if bar.note else ""
        yield f"{_plain(bar.label):<{labels}}  {bar.value:>{figures},}  {drawn:<{_BAR if note else 0}}{note}".rstrip()
    yield "```"


def _length(value: int, most: int) -> int:
    """At least one mark for what is there at all."""
    return max(1, round(_BAR * value / most)) if value > 0 else 0


def _plain(text: str) -> str:
    return " ".join(text.split()).replace("`", "'")
