"""An organisation chart as Mermaid text, which GitHub, GitLab and many wikis draw."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from crmsync.assess.role_section import DEPARTMENTS, ROLE_VALUES, role_label
from crmsync.report.org_lines import Lines, Row, lines_of, roles_of

COLOURS = {
    "commercial_decision_maker": "#d97706",
    "technical_qualifier": "#2563eb",
    "influencer": "#0f9d8a",
    "end_user": "#8b5cf6",
    "unclassified": "#94a3b8",
}
"""One colour a role, legible on light and dark."""

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,-_/()'")
_COLUMN = 12


def mermaid(people: pl.DataFrame, title: str) -> str:
    """A flowchart of `people` (org_lines.SCHEMA): a subgraph a department, a class a role, a line to each report."""
    lines = lines_of(people, column=_COLUMN)
    shown = [*(id_ for ids in lines.alone.values() for id_ in ids), *lines.heads, *_below(lines)]
    nodes = {id_: f"p{number}" for number, id_ in enumerate((id_ for id_ in lines.rows if id_ in set(shown)), 1)}
    text = ["---", f"title: {_front(title)}", "---", "flowchart TD"]
    text += [
        f"  classDef {role} fill:#ffffff,stroke:{COLOURS[role]},stroke-width:3px,color:#1b1f24" for role in ROLE_VALUES
    ]
    text += ["  classDef stale stroke-dasharray:5 4", "  classDef more fill:none,stroke:none"]
    used = {lines.rows[id_]["department"] for id_ in nodes}
    for department in [*DEPARTMENTS, *sorted(used - set(DEPARTMENTS))]:
        if department in used:
            text += _department(department, nodes, lines)
    text += [f"  {nodes[id_]} --> {nodes[other]}" for id_, others in lines.reports.items() for other in others]
    for id_, count in lines.more.items():
        if count:
            text += [f"  {nodes[id_]} --> {nodes[id_]}more[{_more(count)}]:::more"]
    if lines.heads_more:
        text.append(f"  more[{_more(lines.heads_more)}]:::more")
    return "\n".join(text) + "\n"


def _below(lines: Lines) -> Iterator[str]:
    for ids in lines.reports.values():
        yield from ids


def _department(department: str, nodes: dict[str, str], lines: Lines) -> Iterator[str]:
    yield f'  subgraph {_name(department)}["{_text(_label(department))}"]'
    for id_, node in nodes.items():
        row = lines.rows[id_]
        if row["department"] == department:
            classes = [roles_of(row)[0], *(["stale"] if row["stale"] else [])]
            yield f'    {node}["{_box(row, lines.notes.get(id_))}"]'
            yield from (f"    class {node} {one}" for one in classes)
    if count := lines.alone_more.get(department):
        yield f"    {_name(department)}more[{_more(count)}]:::more"
    yield "  end"


def _name(department: str) -> str:
    return "d_" + "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in department)


def _label(department: str) -> str:
    return "Department unknown" if department == "unknown" else role_label(department)


def _box(row: Row, note: str | None) -> str:
    parts = [row["name"], row["title"], " + ".join(role_label(role) for role in roles_of(row)), note]
    return "<br/>".join(_text(part) for part in parts if part)


def _more(count: int) -> str:
    return f'"and {count:,} more"'


def _text(text: str) -> str:
    """Text that no Mermaid or HTML takes for its own: every other letter as its number."""
    return "".join(letter if letter in _PLAIN else f"#{ord(letter)};" for letter in " ".join(text.split()))


def _front(text: str) -> str:
    """A one-line YAML text in quotes."""
    return "'" + " ".join("".join(c for c in text if c.isprintable()).split()).replace("'", "''") + "'"
