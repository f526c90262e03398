"""A SOQL statement as a tree, and how a refusal points at a place in its text (salesforce.md section 2.6)."""

import re
from dataclasses import dataclass

from crmsync.sandbox.salesforce.values import OrgError

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


def _unescaped(found: re.Match[str]) -> str:
    mark = found[1]
    return chr(int(mark[1:], 16)) if len(mark) == 5 else _ESCAPES.get(mark.lower(), mark)


class SoqlError(OrgError):
    """A refused query: Salesforce's code and message; its body names no fields."""


@dataclass(frozen=True)
class Path:
    """A field, or a field of a parent: `Account.Owner.Name`. `at` is its first character in the text."""

    parts: tuple[str, ...]
    at: int

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Literal:
    """A value as written: `kind` is null, boolean, string, number, date, dateTime or relative."""

    kind: str
    text: str
    at: int

    @property
    def string(self) -> str:
        """A string without its quotes and escapes."""
        return _ESCAPE.sub(_unescaped, self.text[1:-1])


@dataclass(frozen=True)
class Comparison:
    """A field against one value, or against several for IN, NOT IN, INCLUDES and EXCLUDES. Operators in upper case."""

    path: Path
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class Membership:
    """A field among, or with `negated` not among, what another query finds."""

    path: Path
    negated: bool
    query: "Query"


@dataclass(frozen=True)
class Not:
    """The opposite."""

    condition: "Condition"


@dataclass(frozen=True)
class Both:
    """All of them."""

    conditions: "tuple[Condition, ...]"


@dataclass(frozen=True)
class Either:
    """Any of them."""

    conditions: "tuple[Condition, ...]"


Condition = Comparison | Membership | Not | Both | Either


@dataclass(frozen=True)
class Key:
    """One field to sort by. Nulls come first unless the query says last, in either direction."""

    path: Path
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class Child:
    """A query of child records within SELECT."""

    query: "Query"


@dataclass(frozen=True)
class Function:
    """A function in SELECT, such as FIELDS(ALL) or COUNT(Id)."""

    name: str
    argument: str
    at: int


@dataclass(frozen=True)
class Query:
    """One statement. `items` is empty for COUNT()."""

    items: tuple[Path | Child | Function, ...]
    counts: bool
    object: str
    object_at: int
    where: Condition | None
    order: tuple[Key, ...]
    limit: int | None
    offset: int
    text: str


def located(text: str, at: int, message: str) -> str:
    """A message with the line it is about, a caret below the place, row and column, as Salesforce writes it."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start:] if end < 0 else text[start:end]
    row, column = text.count("\n", 0, at) + 1, at - start + 1
    return f"\n{line}\n{' ' * (column - 1)}^\nERROR at Row:{row}:Column:{column}\n{message}"
