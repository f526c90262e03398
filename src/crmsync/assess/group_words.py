"""What is told of a group of companies (domain.md A6): circles, orphans, and one company's group in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import polars as pl

from crmsync.assess.base import ExplainLine, Explanation, World, text
from crmsync.assess.coverage_section import PLURALS, coverage_program
from crmsync.assess.forest import Forest
from crmsync.assess.group_fields import FIGURES, LOWER, PLACE, ROOT
from crmsync.model.fields import ACCOUNT
from crmsync.model.text import id_order
from crmsync.program.words import field_text

_NOTED, _NAMED = 20, 3
_Row = dict[str, Any]


def notes(forest: Forest, nodes: pl.DataFrame) -> list[str]:
    """Circles and orphans, 20 at most of a kind; `nodes` has `node`, `id` and `parent`."""
    circle = _in_order(nodes.join(forest.circle, left_on="node", right_on="child", how="semi"))
    parents = dict(circle.rows())
    found: list[str] = []
    told: set[str] = set()
    for id_ in parents:
        if id_ in told:
            continue
        if len(found) == _NOTED:
            break
        path = _circle(id_, parents)
        told.update(path)
        shown = path if len(path) <= _NAMED + 1 else [*path[:_NAMED], f"{len(path) - _NAMED:,} more"]
        found.append(
            f"company {' -> '.join([*shown, id_])}: the parent companies go round in a circle, and are not rolled up; "
            "correct one of them"
        )
    if len(told) < circle.height:
        found.append(f"{circle.height - len(told):,} more companies stand in circles of parent companies")
    orphans = _in_order(nodes.filter(pl.col("node").is_in(forest.orphans.implode())))
    found += [
        f"company {id_}: its parent company {parent} is not among the companies read, so it is the top of its group"
        for id_, parent in orphans.head(_NOTED).rows()
    ]
    if orphans.height > _NOTED:
        found.append(
            f"{orphans.height - _NOTED:,} more companies have a parent company that is not among the companies read"
        )
    return found


def _in_order(nodes: pl.DataFrame) -> pl.DataFrame:
    return nodes.sort(id_order()).select("id", "parent")


def _circle(first: str, parents: dict[str, str]) -> list[str]:
    path = [first]
    while parents[path[-1]] != first:
        path.append(parents[path[-1]])
    return path


def explain(world: World, record: pl.DataFrame) -> Explanation | None:
    """The group of one company: what it adds up to, what is missing for that, and where its own place is."""
    row = record.row(0, named=True)
    below = int(row[LOWER["subsidiaries"]])
    if not below and row["parent"] is None:
        return None
    lines = _lines(world, row) if below else []
    headline = f"Group of {below + 1:,} companies" if below else "A group of its own"
    remarks = []
    if row[PLACE] is None and row["parent"] is not None:
        place = f"below {_named(world, [row['parent']])}"
        headline = f"{headline}, {place}" if below else place.capitalize()
        if row[ROOT] != row["parent"]:
            remarks.append(f"The top of its group is {_named(world, [row[ROOT]])}.")
    elif row["parent"] is not None:
        remarks.append(_unfollowed(row))
    if below:
        remarks.append(_members(world, row))
    if lines and coverage_program(world.program).consolidation == "larger":
        remarks.append("At each company the larger counts: its own figure, or its subsidiaries' together.")
    if not world.whole:
        remarks.append("Not every company was read, so there may be more.")
    return Explanation("hierarchy", headline, tuple(lines), tuple(remarks))


def _members(world: World, row: _Row) -> str:
    """Who is below it, so that the figures can be added up again."""
    ids = [one["id"] for one in _group(world, row, ()) if one["id"] != row["id"]]
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return f"Counted: this company and {_named(world, ids[:_NAMED])}{more}."


def _named(world: World, ids: list[str]) -> str:
    """`Nucor (company 100124)`, in the order of `ids`."""
    names = {}
    if "name" in world.accounts.columns:
        names = dict(world.accounts.filter(pl.col("id").is_in(ids)).select("id", text("name")).rows())
    return ", ".join(f"{names[id_]} (company {id_})" if names.get(id_) else f"company {id_}" for id_ in ids)


def _unfollowed(row: _Row) -> str:
    match row[PLACE]:
        case "circle":
            return (
                f"Its parent company {row['parent']} leads back to itself: nothing is rolled up through it. "
                "Correct the parent company."
            )
        case "below":
            return f"Its parent company {row['parent']} stands in a circle of parents: nothing is rolled up to it."
    return f"Its parent company {row['parent']} is not among the companies read."


def _lines(world: World, row: _Row) -> list[ExplainLine]:
    territory = coverage_program(world.program).territory_by
    group = _group(world, row, [*FIGURES.values(), territory])
    lines = []
    for name, part in FIGURES.items():
        if row[LOWER[name]] is None and not world.has("company", part):
            continue
        said = field_text(ACCOUNT[name], row[LOWER[name]], world.program.currency)
        lines.append(_line(name, part, part, row, said, group))
    if row[LOWER["group_contacts"]] is not None:
        lines.append(_line("group_contacts", "contacts", None, row, f"{row[LOWER['group_contacts']]:,}", group))
    places = sorted({str(one[territory]) for one in group if one[territory] is not None})
    count = f"{len(places):,} {territory if len(places) == 1 else PLURALS[territory]}"
    listed = f" ({', '.join(places)})" if 0 < len(places) <= 2 * _NAMED else ""
    lines.append(_line("group_territories", PLURALS[territory], territory, row, count + listed, group))
    return lines


def _line(name: str, subject: str, part: str | None, row: _Row, said: str, group: list[_Row]) -> ExplainLine:
    """One figure of the group, and whose part of it nobody knows."""
    if row[name] is not None:
        return ExplainLine("", "group", subject, said)
    missing = [one["id"] for one in group if part is not None and one[part] is None]
    whose = f"; nobody knows it of {_listed(missing)}" if missing else ""
    if row[LOWER[name]] is None:
        return ExplainLine("unknown", "group", subject, "nobody knows it of any of its companies")
    return ExplainLine("unknown", "group", subject, f"at least {said}{whose}")


def _listed(ids: list[str]) -> str:
    named = ", ".join(f"company {id_}" for id_ in ids[:_NAMED])
    return named if len(ids) <= _NAMED else f"{named} and {len(ids) - _NAMED:,} more"


def _group(world: World, row: _Row, columns: Iterable[str]) -> list[_Row]:
    """The company and all below it, by id: from the rows of its one group."""
    top = row["id"] if row[ROOT] is None else row[ROOT]
    inside = (pl.col("id") == top) | (text(ROOT) == top)
    rows = world.accounts.filter(inside).sort(id_order()).select("id", "parent", ROOT, *columns).rows(named=True)
    return _descendants(row["id"], rows, lambda one: one["parent"] if one[ROOT] is not None else None)


def _descendants(id_: str, rows: list[_Row], parent: Callable[[_Row], str | None]) -> list[_Row]:
    children: dict[str | None, list[str]] = {}
    for one in rows:
        children.setdefault(parent(one), []).append(one["id"])
    inside, waiting = {id_}, [id_]
    while waiting:
        found = children.get(waiting.pop(), [])
        inside.update(found)
        waiting += found
    return [one for one in rows if one["id"] in inside]
