"""The condition language as values (contract.md, "The program's language"): what a condition is, and walks over it.

The tree is frozen and checked: every leaf names a canonical field and an operator that fits its kind, with a value
already in the unit of the column (money in minor units, countries as alpha-2). Parsing is `parse`, evaluation is
`evaluate`, words are `words`; nothing here touches data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import TypeAlias

from crmsync.model.fields import Field

Operand: TypeAlias = str | int | bool | datetime | date
Value: TypeAlias = Operand | tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """`{field: {operator: value}}`. `value` is a tuple for `in`, `not_in`, `between`, `has_any`, `has_all`.

    A `date` (without a time) stands for the whole day in UTC: `lte: 2026-01-31` includes the 31st.
    """

    field: Field
    operator: str
    value: Value
    line: int


@dataclass(frozen=True, slots=True)
class All:
    """True where every child is; without children, true."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801 - `Any` is taken by typing
    """True where at least one child is; without children, false."""

    children: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    child: Condition


@dataclass(frozen=True, slots=True)
class Named:
    """A condition used by its name; the name is kept for the explanation."""

    name: str
    condition: Condition


Condition: TypeAlias = Leaf | All | Any_ | Not | Named


def children(condition: Condition) -> tuple[Condition, ...]:
    """The conditions directly below."""
    match condition:
        case Leaf():
            return ()
        case All() | Any_():
            return condition.children
        case Not():
            return (condition.child,)
        case Named():
            return (condition.condition,)


def nodes(condition: Condition) -> list[Condition]:
    """Every node, itself first, then each child with all below it: the order of `evaluate.leaf_columns`."""
    return list(_walk(condition))


def leaves(condition: Condition) -> list[Leaf]:
    """Every leaf, in the order of the text; a condition used twice by name gives its leaves twice."""
    return [node for node in _walk(condition) if isinstance(node, Leaf)]


def fields_of(condition: Condition) -> frozenset[str]:
    """Names of the canonical fields that the condition reads."""
    return frozenset(leaf.field.name for leaf in leaves(condition))


def _walk(condition: Condition) -> Iterator[Condition]:
    yield condition
    for child in children(condition):
        yield from _walk(child)
