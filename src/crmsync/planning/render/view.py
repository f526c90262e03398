"""A plan and the names of its records, put into words once for every format.

The formats differ in layout alone: what is said, and in which order, is decided here, so that the terminal, the page
and the pull-request comment cannot tell different stories of one plan. Everything is tolerant of a missing figure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from crmsync.model.plan import Plan

#: Columns of `people`: who the ids of a plan are.
PEOPLE_SCHEMA: dict[str, pl.DataType] = {
    "object": pl.String(),
    "id": pl.String(),
    "name": pl.String(),
    "owner": pl.String(),
    "url": pl.String(),
}
_OBJECTS = {"company": ("company", "companies"), "contact": ("contact", "contacts"), "deal": ("deal", "deals")}
_GUARDS = {
    "max_tier_moves": "tier moves",
    "max_demotions": "demotions",
    "max_targets_removed": "targets removed",
    "max_list_exits": "list exits",
    "max_blanked": "values blanked",
    "min_snapshot": "snapshot",
}
NAMED = 8
_FIRST_MOVED = 3


@dataclass(frozen=True, slots=True)
class Named:
    """One record as people know it; empty text where nothing is known."""

    object: str
    id: str
    name: str = ""
    owner: str = ""
    url: str = ""

    @property
    def label(self) -> str:
        return self.name or f"{self.object} {self.id}"


class People:
    """Names, owners and links by object and id."""

    def __init__(self, frame: pl.DataFrame | None = None) -> None:
        self._known: dict[tuple[str, str], Named] = {}
        if frame is not None and not frame.is_empty():
            for object_, id_, *rest in frame.select(list(PEOPLE_SCHEMA)).iter_rows():
                name, owner, url = (str(value or "") for value in rest)
                self._known[object_, id_] = Named(object_, id_, name, owner, url)

    def get(self, object_: str, id_: str) -> Named:
        return self._known.get((object_, id_)) or Named(object_, id_)

    def labels(self, object_: str, ids: Iterable[str]) -> list[str]:
        return [self.get(object_, str(id_)).label for id_ in ids]


@dataclass(frozen=True, slots=True)
class Move:
    """One record whose tier that stood would change."""

    who: Named
    before: str
    after: str
    reason: str

    @property
    def arrow(self) -> str:
        return f"{short(self.before)} -> {short(self.after)}"


@dataclass(frozen=True, slots=True)
class RecordChanges:
    """Every change of one record, in the order of writing: property, before, after, reason."""

    who: Named
    rows: tuple[tuple[str, str | None, str | None, str], ...]


@dataclass(frozen=True, slots=True)
class GuardLine:
    """One guard for people. `remedy` is empty where it was not breached."""

    label: str
    figure: str
    breached: bool
    message: str


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def objects(count: int, object_: str) -> str:
    name, where, crm = object_.partition(" in ")
    one, many = _OBJECTS.get(name, (name, name + "s"))
    return plural(count, one, many) + where + crm


def short(tier: str | None) -> str:
    """`tier_2` -> `2`; other names stay; no value is `-`."""
    return "-" if not tier else tier.removeprefix("tier_")


def seconds(value: float) -> str:
    if value < 10:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def moment(text: str) -> str:
    """A moment as people write it: the day alone at midnight UTC, else to the minute."""
    day, _, rest = text.partition("T")
    clock = rest[:5]
    return day if clock in ("", "00:00") else f"{day} {clock}"


def title(plan: Plan) -> list[str]:
    """What plan this is, in parts: id, portal, program, as-of, and the run that it undoes."""
    name, digest = plan.summary.get("program"), str(plan.summary.get("program_digest") or plan.program)[:7]
    program = f"program {name} ({digest})" if name else f"program {digest}"
    parts = [f"Plan {plan.id}", f"portal {plan.portal}", program, f"as of {moment(plan.as_of)}"]
    if plan.undoes:
        parts.insert(1, f"undoes run {plan.undoes}")
    return parts


def reading(plan: Plan) -> list[str]:
    """What was read, whether that is all of it, and what it took."""
    read: Mapping[str, Any] = plan.summary.get("read") or {}
    if not read:
        return []
    parts = ["Read " + ", ".join(objects(int(seen.get("read") or 0), name) for name, seen in read.items())]
    partial = [name for name, seen in read.items() if not seen.get("complete", True)]
    parts.append(
        f"INCOMPLETE: {', '.join(_shortfall(name, read[name]) for name in partial)}" if partial else "complete"
    )
    calls = sum(int(count) for count in (plan.summary.get("calls") or {}).values())
    took = plan.summary.get("seconds")
    parts.append(plural(calls, "call") + (f", {seconds(float(took))}" if took is not None else ""))
    return parts


def _shortfall(name: str, seen: Mapping[str, Any]) -> str:
    return f"{int(seen.get('read') or 0):,} of {objects(int(seen.get('expected') or 0), name)}"


def is_complete(plan: Plan) -> bool:
    return all(seen.get("complete", True) for seen in (plan.summary.get("read") or {}).values())


def nothing_to_do(plan: Plan) -> str:
    """Why an empty plan is empty, in one sentence; "" for a plan with changes."""
    if not plan.is_empty:
        return ""
    read = plan.summary.get("read") or {}
    companies = [seen for name, seen in read.items() if name.partition(" in ")[0] == "company"]
    scope = plan.summary.get("scope") or {}
    if plan.undoes:
        return f"Nothing to undo: no value that run {plan.undoes} wrote still stands as it wrote it."
    if companies and not any(seen.get("read") for seen in companies):
        return "Nothing to do: the portal has no companies."
    if scope and not scope.get("in") and scope.get("out"):
        return f"Nothing to do: none of the {objects(int(scope['out']), 'company')} is in the portal's scope."
    if (plan.summary.get("withheld") or {}).get("count"):
        return "Nothing to do for now: every change is withheld, see below."
    return "Nothing to do: the CRM holds what the program says."


def scope_line(plan: Plan) -> str:
    scope = plan.summary.get("scope") or {}
    if not scope.get("out"):
        return ""
    return f"{objects(int(scope.get('in') or 0), 'company')} in scope, {int(scope['out']):,} outside it"


def tier_rows(plan: Plan) -> list[tuple[str, int, int]]:
    """(tier, accounts now, after), best first, the accounts without any value last."""
    table = plan.summary.get("tiers") or {}
    rows = [(str(row["tier"]), int(row["now"]), int(row["after"])) for row in table.get("rows", ())]
    if table.get("unset_now") or table.get("unset_after"):
        rows.append(("no value", int(table.get("unset_now") or 0), int(table.get("unset_after") or 0)))
    return rows


def moves(plan: Plan, people: People) -> list[Move]:
    found = (plan.summary.get("moves") or {}).get("worth_a_look") or ()
    return [
        Move(people.get("company", str(m["id"])), m.get("before") or "", m.get("after") or "", m.get("reason") or "")
        for m in found
    ]


def moves_line(plan: Plan) -> str:
    """The moves that are not listed by name, in figures."""
    table = plan.summary.get("moves") or {}
    parts = [f"{int(table.get('up') or 0):,} up", f"{int(table.get('down') or 0):,} down"] if table else []
    for key, text in (
        ("first", "tiered for the first time"),
        ("held_by_person", "set by a person"),
        ("could_rise", "could rise if a field were filled"),
    ):
        if table.get(key):
            parts.append(f"{int(table[key]):,} {text}")
    return ", ".join(parts)


def targets_line(plan: Plan) -> str:
    seats = plan.summary.get("targets") or {}
    if not seats:
        return ""
    total = (seats.get("capacity") or {}).get("total")
    limit = f" of {int(total):,}" if total is not None else ""
    moved = f"+{int(seats.get('gained_total') or 0):,} -{int(seats.get('lost_total') or 0):,}"
    return f"{moved}   seats {int(seats.get('after') or 0):,}{limit}, {int(seats.get('now') or 0):,} now"


def targets_gained(plan: Plan, people: People) -> tuple[list[Named], int]:
    """(named newcomers, how many more there are)."""
    seats = plan.summary.get("targets") or {}
    named = [people.get("company", str(id_)) for id_ in (seats.get("gained") or ())[:NAMED]]
    return named, int(seats.get("gained_total") or 0) - len(named)


def targets_lost(plan: Plan, people: People) -> tuple[list[tuple[Named, str]], int]:
    """(accounts that lose their seat, each with its reason; how many more there are)."""
    seats = plan.summary.get("targets") or {}
    lost = (seats.get("lost") or ())[:NAMED]
    named = [(people.get("company", str(entry["id"])), str(entry.get("reason") or "")) for entry in lost]
    return named, int(seats.get("lost_total") or 0) - len(named)


def object_lines(plan: Plan) -> list[tuple[str, str]]:
    """("Companies", "57 touched: 120 values new, 30 changed, 2 blanked") by object."""
    lines = []
    kept = int((plan.summary.get("kept_by_people") or {}).get("count") or 0)
    table: Mapping[str, Any] = plan.summary.get("objects") or {}
    for object_, row in table.items():
        parts = [plural(int(row.get("filled") or 0), "value") + " new", f"{int(row.get('changed') or 0):,} changed"]
        if row.get("blanked"):
            parts.append(f"{int(row['blanked']):,} blanked")
        if object_ == "contact":
            parts.append(f"{kept:,} kept as a person entered them" if kept else "0 over a person's entry")
        name = _OBJECTS.get(object_, (object_, object_ + "s"))[1].capitalize()
        lines.append((name, f"{int(row.get('records') or 0):,} touched: {', '.join(parts)}"))
    if kept and "contact" not in table:
        lines.append(("Contacts", f"{plural(kept, 'value')} kept as a person entered them"))
    return lines


def list_rows(plan: Plan) -> list[dict[str, Any]]:
    """Lists that would gain or lose someone."""
    return [row for row in plan.summary.get("lists") or () if row.get("plus") or row.get("minus")]


def findings(plan: Plan, people: People) -> list[str]:
    """What a person may want to mend in the CRM, and what was held back, one sentence each."""
    quality: Mapping[str, Any] = plan.summary.get("quality") or {}
    lines = []
    unreadable = quality.get("unreadable") or ()
    if unreadable:
        shown = [_unreadable(entry, people) for entry in unreadable[:NAMED]]
        total = int(quality.get("unreadable_total") or len(unreadable))
        lines.append(f"Unreadable, so unknown: {_and_more(shown, total)}")
    lines += _unseen(plan)
    duplicates = quality.get("duplicates") or ()
    if duplicates:
        shown = [
            f"{d.get('domain')} ({', '.join(people.labels('company', d.get('ids') or ()))})" for d in duplicates[:NAMED]
        ]
        total = int(quality.get("duplicates_total") or len(duplicates))
        lines.append(f"Probable duplicates: {_and_more(shown, total)}")
    lines += together_lines(plan)
    lines += [str(note) for note in quality.get("notes") or ()]
    lines += [note for note in plan.notes if note not in lines]
    refused = int((plan.summary.get("dead_letters") or {}).get("count") or 0)
    if refused:
        lines.append(f"{plural(refused, 'change')} left out: the CRM refused the same before; see crmsync dead-letters")
    return lines


def together_lines(plan: Plan) -> list[str]:
    """Of two CRMs: what was found to be the same by what, what a person has to look at, what they disagree about."""
    two: Mapping[str, Any] = plan.summary.get("together") or {}
    lines = []
    for object_, how in (two.get("matched") or {}).items():
        only = [
            objects(int(count), f"{object_} in {crm}")
            for crm, count in (two["only"].get(object_) or {}).items()
            if count
        ]
        by = ", ".join(f"{name.replace('_', ' ')} {int(count):,}" for name, count in sorted(how.items()))
        both = objects(sum(int(count) for count in how.values()), object_) + " in both"
        lines.append("Two CRMs: " + ", ".join([both + (f" ({by})" if by else ""), *(f"{one} alone" for one in only)]))
    if total := int(two.get("review_total") or 0):
        lines.append(f"{plural(total, 'pair')} may be the same and nobody guesses: crmsync matches")
    if total := int(two.get("disagreements_total") or 0):
        lines.append(f"{plural(total, 'value')} on which the CRMs disagree: crmsync matches --disagreements")
    return lines + [str(note) for note in two.get("notes") or ()]


def _unseen(plan: Plan) -> Iterator[str]:
    """Fields that a CRM does not have, or does not show to crmsync's user."""
    entries = plan.summary.get("unseen") or ()
    for crm in dict.fromkeys(str(entry.get("crm")) for entry in entries):
        shown = [f"{one['object']} {one['field']} ({one['property']})" for one in entries if one.get("crm") == crm]
        told = _and_more(shown[:NAMED], len(shown))
        yield f"Not there, or hidden from crmsync's user in {crm}, so unknown of every record: {told}"


def _unreadable(entry: Mapping[str, Any], people: People) -> str:
    who = people.get(str(entry.get("object") or "company"), str(entry.get("id")))
    value = entry.get("value")
    return f"{who.label} {entry.get('field')}" + (f' "{value}"' if value else "")


def withheld_line(plan: Plan) -> str:
    withheld = plan.summary.get("withheld") or {}
    if not withheld.get("count"):
        return ""
    why = f": {withheld['why']}" if withheld.get("why") else ""
    return f"{plural(int(withheld['count']), 'change')} withheld{why}"


def schema_line(plan: Plan) -> str:
    """What the CRM would be given before the first value."""
    return _counted(item for item in plan.summary.get("schema") or () if not item.get("by_admin"))


def admin_line(plan: Plan) -> str:
    """What the CRM lacks that only an admin may create; an apply would stop at it."""
    lacking = _counted(item for item in plan.summary.get("schema") or () if item.get("by_admin"))
    return f"{lacking}; an apply stops until an admin has seen to it: crmsync bootstrap salesforce" if lacking else ""


def _counted(schema: Iterable[Mapping[str, Any]]) -> str:
    counts: dict[str, int] = {}
    for item in schema:
        counts[str(item.get("what"))] = counts.get(str(item.get("what")), 0) + 1
    parts = [plural(count, what, what[:-1] + "ies" if what.endswith("y") else None) for what, count in counts.items()]
    return ", ".join(parts)


def skipped(plan: Plan, people: People) -> list[str]:
    """Undo only: what somebody else changed since and so is left alone."""
    return [
        f"{people.get(str(s.get('object')), str(s.get('id'))).label} {s.get('property')}: {s.get('reason')}"
        for s in plan.summary.get("skipped") or ()
    ]


def guard_lines(plan: Plan) -> list[GuardLine]:
    return [_guard(g.name, g.value, g.base, g.limit, g.breached, g.message) for g in plan.guards]


def _guard(name: str, value: int, base: int, limit: str, breached: bool, message: str) -> GuardLine:
    said = re.match(r"[^0-9]+", message)
    if name in ("max_tier_moves", "max_demotions") and said:
        # One guard watches several decisions; its message says which.
        label = said.group().strip()
    else:
        label = _GUARDS.get(name, name.removeprefix("max_").replace("_", " "))
    if name == "min_snapshot":
        figure = f"{value * 100 / base:.4g} %" if base else "100 %"
    elif limit.endswith("%"):
        figure = f"{value:,} of {base:,} ({value * 100 / base:.1f} % of {limit[:-1]} %)" if base else f"{value:,}"
    else:
        figure = f"{value:,} of {limit}"
    return GuardLine(label, figure, breached, f"{name}: {message}")


def apply_line(plan: Plan) -> str:
    """What an apply would cost in API calls, against what is left today."""
    cost = plan.summary.get("apply") or {}
    if not cost or plan.is_empty:
        return ""
    records, batches = int(cost.get("records") or 0), int(cost.get("batches") or 0)
    text = f"{plural(int(cost.get('changes') or 0), 'change')} of {plural(records, 'record')} in "
    text += f"{plural(batches, 'batch', 'batches')}, {plural(int(cost.get('calls') or 0), 'call')}"
    if cost.get("daily_left") is not None:
        limit = f" of {int(cost['daily_limit']):,}" if cost.get("daily_limit") is not None else ""
        text += f"; {int(cost['daily_left']):,}{limit} left today"
    others = [one for one in cost.get("others") or () if one.get("left") is not None]
    return text + "".join(f"; in {one['crm']} {int(one['left']):,} of {int(one['limit']):,}" for one in others)


def next_step(plan: Plan) -> str:
    """The command that follows; "" where there is nothing to apply."""
    if plan.is_empty:
        return ""
    names = list(dict.fromkeys(breach.name for breach in plan.breaches))
    accept = f" --accept {','.join(names)} --reason TEXT" if names else ""
    return f"crmsync apply {plan.id}{accept}"


def records(plan: Plan, people: People) -> Iterator[RecordChanges]:
    """Every change, grouped by record in the order of writing."""
    columns = ("property", "before", "after", "reason")
    for (object_, id_), group in plan.changes.group_by("object", "id", maintain_order=True):
        rows = tuple((p, b, a, r or "") for p, b, a, r in group.select(columns).iter_rows())
        yield RecordChanges(people.get(str(object_), str(id_)), rows)


def _and_more(shown: Sequence[str], total: int) -> str:
    rest = total - len(shown)
    return ", ".join(shown) + (f" and {rest:,} more" if rest > 0 else "")


def and_more(shown: Sequence[str], rest: int) -> str:
    """`a, b and 3 more`."""
    return _and_more(shown, len(shown) + rest)


def decision_lines(plan: Plan, people: People) -> list[tuple[str, str]]:
    """The other decisions on accounts: counts as the plan leaves them, what each gains or loses, who moves first."""
    lines = []
    for table in plan.summary.get("decisions") or ():
        counts = []
        for row in table["rows"]:
            step = row["after"] - row["now"]
            counts.append(f"{row['label']} {row['after']:,}" + (f" ({step:+,})" if step and row["now"] else ""))
        said = ", ".join(counts)
        if table["moves"]:
            ways = [f"{table[way]:,} {way}" for way in ("up", "down") if table[way]] or [f"{table['moves']:,} moved"]
            named = [
                f"{people.get('company', row['id']).label} {row['before']} -> {row['after']}"
                for row in table["moved"][:_FIRST_MOVED]
            ]
            said += "   " + ", ".join(ways) + ": " + and_more(named, table["moves"] - len(named))
        lines.append((str(table["label"]).capitalize(), said))
    return lines


def figures(
    plan: Plan,
    people: People,
    *,
    escape: Callable[[str], str],
    link: Callable[[Named], str],
    lists: Iterable[tuple[str, str]],
) -> list[tuple[str, str]]:
    """Labels and sentences of a document, in order; `escape` and `link` are its markup, `lists` its lines for lists."""
    rows: list[tuple[str, str]] = []
    if line := targets_line(plan):
        rows.append(("Targets", escape(line)))
    gained, more = targets_gained(plan, people)
    if gained:
        rows.append(("Targets won", and_more([link(who) for who in gained], more)))
    lost, more = targets_lost(plan, people)
    if lost:
        rows.append(("Targets lost", and_more([f"{link(who)}: {escape(why)}" for who, why in lost], more)))
    rows += [(label, escape(said)) for label, said in decision_lines(plan, people)]
    rows += [(label, escape(said)) for label, said in object_lines(plan)]
    rows += lists
    rows += [("Worth mending", escape(line)) for line in findings(plan, people)]
    rows += [("Left alone", escape(line)) for line in skipped(plan, people)]
    last = (
        ("Withheld", withheld_line(plan)),
        ("Creates first", schema_line(plan)),
        ("Missing", admin_line(plan)),
    )
    return rows + [(label, escape(said)) for label, said in last if said]
