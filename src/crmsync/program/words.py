"""Conditions in words, for a person who reads why: what a leaf asks, and the value that was read.

One place, so that the plan, the explanation and the documents say the same thing of the same account.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from crmsync.model.fields import Field, Kind
from crmsync.program.conditions import Leaf, Operand
from crmsync.program.units import money_text

_FEW = 4
_PLAIN_NUMBERS = ("founded_year",)

_AFFIRMED = {
    "eq": "is {0}", "ne": "is not {0}", "in": "is {set}", "not_in": "is not {set}", "gt": "is above {0}",
    "gte": "is at least {0}", "lt": "is below {0}", "lte": "is at most {0}", "between": "is between {0} and {1}",
    "has_any": "has {any}", "has_all": "has {all}", "contains": "contains {0}", "matches": "matches {0}",
    "within_days": "is within the last {0} days", "older_than_days": "is more than {0} days ago",
}  # fmt: skip
_DENIED = {
    "eq": "is not {0}", "ne": "is {0}", "in": "is not {set}", "not_in": "is {set}", "gt": "is not above {0}",
    "gte": "is below {0}", "lt": "is not below {0}", "lte": "is above {0}", "between": "is not between {0} and {1}",
    "has_any": "has none of {list}", "has_all": "lacks some of {list}", "contains": "does not contain {0}",
    "matches": "does not match {0}", "within_days": "is more than {0} days ago",
    "older_than_days": "is within the last {0} days",
}  # fmt: skip


def describe(leaf: Leaf, currency: str) -> str:
    """What the leaf asks: `revenue is between $5 M and $20 M`."""
    return f"{leaf.field.name} {predicate(leaf, currency)}"


def predicate(leaf: Leaf, currency: str, *, truth: bool = True) -> str:
    """The leaf without its field, as it reads when it is true or false: `is in the set`, `is not in the set`."""
    if leaf.operator in ("known", "unknown"):
        asks_known = (leaf.operator == "known") == bool(leaf.value)
        return "is known" if asks_known == truth else "is not known"
    texts = [_operand(leaf, value, currency) for value in _values(leaf)]
    template = (_AFFIRMED if truth else _DENIED)[leaf.operator]
    if template == "contains {0}" and leaf.field.kind is Kind.SET:
        template = "has {0}"
    listed = ", ".join(texts) if len(texts) <= _FEW else f"the {len(texts)} that are asked for"
    return template.format(
        *texts,
        set=f"one of {listed}" if 1 < len(texts) <= _FEW else texts[0] if len(texts) == 1 else "in the set",
        any=f"at least one of {listed}" if len(texts) > 1 else texts[0],
        all=f"all of {listed}" if len(texts) > 1 else texts[0],
        list=listed,
    )


def explain(leaf: Leaf, value: Any, truth: bool | None, currency: str) -> str:
    """The leaf with the value that was read: `revenue $4.73 B is between $3 B and $40 B`, `country is not known`."""
    name = leaf.field.name
    if truth is None:
        return f"{name} is not known; asked is that it {predicate(leaf, currency)}"
    if leaf.operator in ("known", "unknown"):
        shown = f" {read_value(leaf, value, currency)}" if value is not None else ""
        return f"{name}{shown} {predicate(leaf, currency, truth=truth)}"
    words = _side(leaf, value, currency) if not truth and leaf.operator == "between" else ""
    text = read_value(leaf, value, currency)
    if leaf.field.kind is Kind.MONEY and text in [_operand(leaf, limit, currency) for limit in _values(leaf)]:
        text = money_text(int(value), currency, exact=True)
    said = words or predicate(leaf, currency, truth=truth)
    return f"{name} {said}" if said == f"is {text}" else f"{name} {text} {said}"


def read_value(leaf: Leaf, value: Any, currency: str) -> str:
    """A value of the leaf's field as it was read: `$4.73 B`, `12,900`, `salesforce, marketo`; `nothing` for null."""
    return field_text(leaf.field, value, currency)


def field_text(field: Field, value: Any, currency: str) -> str:
    """A value of `field`, in the unit of its column, for people."""
    if value is None:
        return "nothing"
    match field.kind:
        case Kind.MONEY:
            return money_text(int(value), currency)
        case Kind.INTEGER:
            return str(value) if field.name in _PLAIN_NUMBERS else f"{int(value):,}"
        case Kind.BOOLEAN:
            return "yes" if value else "no"
        case Kind.DATETIME:
            return _moment(value)
        case Kind.SET:
            return ", ".join(str(item) for item in value if item is not None) or "none"
    return str(value)


def _values(leaf: Leaf) -> Sequence[Operand]:
    return leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)


def _operand(leaf: Leaf, value: Operand, currency: str) -> str:
    match leaf.field.kind:
        case Kind.MONEY:
            return money_text(int(str(value)), currency, exact=True)
        case Kind.DATETIME if isinstance(value, int):
            return f"{value:,}"
        case Kind.SET:
            return str(value)
    return field_text(leaf.field, value, currency)


def _side(leaf: Leaf, value: Any, currency: str) -> str:
    """Which end a value outside `between` missed; nothing for dates, where both ends are said instead."""
    low, high = (*_values(leaf), None)[:2]
    if not isinstance(low, int) or not isinstance(high, int):
        return ""
    return f"is below {_operand(leaf, low, currency)}" if value < low else f"is above {_operand(leaf, high, currency)}"


def _moment(value: datetime | date) -> str:
    if isinstance(value, datetime) and (value.hour or value.minute or value.second):
        return value.strftime("%Y-%m-%d %H:%M")
    return value.strftime("%Y-%m-%d")
