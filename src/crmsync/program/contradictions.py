"""Conditions that can never be true together, found before any account is read.

Conservative: says so only where it is certain, from intervals, sets and presence of single fields. A layer that climbs
on others is asked as `All((below, layer))`. True needs every value known: `not` of a comparison needs its value too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from crmsync.model.fields import Kind
from crmsync.program.conditions import All, Any_, Condition, Leaf, Named, Not, Operand
from crmsync.program.evaluate import day_bounds, fold
from crmsync.program.words import predicate

_MOST_CASES = 256
_INFINITE = 2**200
_MICRO_DAY = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Literal:
    """A leaf that must be true, or must be false."""

    leaf: Leaf
    truth: bool


_Case = tuple[_Literal, ...]


def never_true(condition: Condition, currency: str = "USD") -> str | None:
    """Why the condition is false or unknown for every possible account, or None where that is not certain."""
    cases = _cases(condition, truth=True)
    if cases is None:
        return None
    reason = "it asks for one of no conditions"
    for case in cases:
        conflict = _conflict(case)
        if conflict is None:
            return None
        reason = _words(conflict, currency)
    return reason


def _cases(condition: Condition, *, truth: bool) -> list[_Case] | None:
    """The ways in which the condition takes this truth, each a conjunction of literals; None if they are too many."""
    match condition:
        case Leaf():
            return [(_Literal(condition, truth),)]
        case Named(_, part):
            return _cases(part, truth=truth)
        case Not(part):
            return _cases(part, truth=not truth)
        case All(parts) | Any_(parts):
            options = [_cases(part, truth=truth) for part in parts]
            known = [option for option in options if option is not None]
            if isinstance(condition, All) == truth:
                # A part with too many ways is left out: dropping a demand never invents a contradiction.
                return _product(known)
            if len(known) < len(options):
                return None
            merged = [case for option in known for case in option]
            return merged if len(merged) <= _MOST_CASES else None


def _product(options: list[list[_Case]]) -> list[_Case] | None:
    """Conjunction of alternatives. Contradictory cases are dropped on the way, unless nothing would be left to tell."""
    cases: list[_Case] = [()]
    for option in options:
        joined = [(*left, *right) for left in cases for right in option]
        if len(joined) > _MOST_CASES:
            joined = [case for case in joined if _conflict(case) is None] or joined[:1]
        if len(joined) > _MOST_CASES:
            return None
        cases = joined
    return cases


def _conflict(case: _Case) -> tuple[_Literal, ...] | None:
    """The literals of one field that exclude each other, the fewest that do, or None."""
    by_field: dict[str, list[_Literal]] = {}
    for literal in case:
        by_field.setdefault(literal.leaf.field.name, []).append(literal)
    for literals in by_field.values():
        if _possible(literals):
            continue
        for literal in literals:
            if not _possible([literal]):
                return (literal,)
        for position, later in enumerate(literals):
            for earlier in literals[:position]:
                if not _possible([earlier, later]):
                    return (earlier, later)
        return tuple(literals)
    return None


def _words(literals: tuple[_Literal, ...], currency: str) -> str:
    parts = [
        f"{item.leaf.field.name} {predicate(item.leaf, currency, truth=item.truth)} (line {item.leaf.line})"
        for item in literals
    ]
    if len(parts) == 1:
        return f"no value satisfies that {parts[0]}"
    return f"{', '.join(parts[:-1])} and {parts[-1]} cannot {'both' if len(parts) == 2 else 'all'} be true"


@dataclass
class _Room:
    """What is left of one field's values."""

    known: bool = False
    unknown: bool = False
    low: int = -_INFINITE
    high: int = _INFINITE
    age_low: int = -_INFINITE
    age_high: int = _INFINITE
    holes: list[tuple[int, int]] = field(default_factory=list)
    allowed: set[str] | None = None
    barred: set[str] = field(default_factory=set)
    any_of: list[set[str]] = field(default_factory=list)

    def empty(self) -> bool:
        if self.known and self.unknown:
            return True
        if self.low > self.high or self.age_low > self.age_high:
            return True
        if any(low <= self.low and self.high <= high for low, high in self.holes):
            return True
        if self.allowed is not None and not self.allowed - self.barred:
            return True
        return any(not group - self.barred for group in self.any_of)


def _possible(literals: list[_Literal]) -> bool:
    room = _Room()
    for literal in literals:
        _narrow(room, literal)
    return not room.empty()


def _narrow(room: _Room, literal: _Literal) -> None:
    leaf, truth = literal.leaf, literal.truth
    if leaf.operator in ("known", "unknown"):
        asks_known = ((leaf.operator == "known") == bool(leaf.value)) == truth
        room.known, room.unknown = room.known or asks_known, room.unknown or not asks_known
        return
    room.known = True
    match leaf.field.kind:
        case Kind.INTEGER | Kind.MONEY | Kind.DATETIME:
            _narrow_ordered(room, leaf, truth)
        case Kind.SET:
            _narrow_set(room, leaf, truth)
        case _ if leaf.operator not in ("contains", "matches"):
            words = set(_texts(leaf))
            if (leaf.operator in ("eq", "in")) == truth:
                room.allowed = words if room.allowed is None else room.allowed & words
            else:
                room.barred |= words
            if leaf.field.kind is Kind.BOOLEAN and room.allowed is None:
                room.allowed = {"true", "false"}


def _narrow_ordered(room: _Room, leaf: Leaf, truth: bool) -> None:
    if leaf.operator in ("within_days", "older_than_days"):
        # Age in microseconds: within is age <= days, older is age > days.
        edge = int(str(leaf.value)) * _MICRO_DAY
        if (leaf.operator == "within_days") == truth:
            room.age_high = min(room.age_high, edge)
        else:
            room.age_low = max(room.age_low, edge + 1)
        return
    spans = list(_spans(leaf))
    inside = (leaf.operator not in ("ne", "not_in")) == truth
    if not inside:
        for low, high in spans:
            if low == -_INFINITE:
                room.low = max(room.low, high + 1)
            elif high == _INFINITE:
                room.high = min(room.high, low - 1)
            else:
                room.holes.append((low, high))
        return
    room.low = max(room.low, min(low for low, _ in spans))
    room.high = min(room.high, max(high for _, high in spans))
    if leaf.operator == "in":
        points = {str(low) for low, _ in spans}
        room.allowed = points if room.allowed is None else room.allowed & points
    if room.allowed is not None:
        room.allowed = {point for point in room.allowed if room.low <= int(point) <= room.high}


def _spans(leaf: Leaf) -> Iterator[tuple[int, int]]:
    """Closed intervals of whole numbers (microseconds for moments) that the operator names."""
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    ends = [_ends(value) for value in values]
    match leaf.operator:
        case "gt":
            yield ends[0][1] + 1, _INFINITE
        case "gte":
            yield ends[0][0], _INFINITE
        case "lt":
            yield -_INFINITE, ends[0][0] - 1
        case "lte":
            yield -_INFINITE, ends[0][1]
        case "between":
            yield ends[0][0], ends[1][1]
        case _:
            yield from ends


def _ends(value: Operand) -> tuple[int, int]:
    if isinstance(value, datetime | date):
        start, after = ((moment - _EPOCH) // timedelta(microseconds=1) for moment in day_bounds(value))
        return start, after - 1
    return int(value), int(value)


def _narrow_set(room: _Room, leaf: Leaf, truth: bool) -> None:
    members = set(_texts(leaf))
    if leaf.operator == "has_any":
        if truth:
            room.any_of.append(members)
        else:
            room.barred |= members
    elif truth:
        room.any_of.extend({member} for member in members)
    elif len(members) == 1:
        room.barred |= members


def _texts(leaf: Leaf) -> list[str]:
    values = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
    folded = leaf.field.kind in (Kind.TEXT, Kind.DOMAIN, Kind.REGION, Kind.SET, Kind.BOOLEAN)
    return [fold(str(value)) if folded else str(value) for value in values]
