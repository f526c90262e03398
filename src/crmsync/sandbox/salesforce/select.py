"""Queries over the records of an org (salesforce.md section 2.2).

Prevents a client from being built on a friendlier query language: every path is resolved against the schema first, a
field that is missing and one that is hidden are refused with the same words, and nothing is read before all is known.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from crmsync.sandbox.salesforce import filters
from crmsync.sandbox.salesforce.org import Row
from crmsync.sandbox.salesforce.schema import Field, ObjectSpec
from crmsync.sandbox.salesforce.tree import (
    Both,
    Child,
    Comparison,
    Condition,
    Either,
    Function,
    Key,
    Membership,
    Not,
    Path,
    Query,
    SoqlError,
    located,
)

DEEPEST: Final = 5
"""Relationships from child to parent in one path."""
_FIELD_HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_OBJECT_HINT = (
    "If you are attempting to use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_RELATION_HINT = (
    "If you are attempting to use a custom relationship, be sure to append the '__r' after the custom relationship "
    "name. Please reference your WSDL or the describe call for the appropriate names."
)


class Source(Protocol):
    """What a query reads: the objects of an org, their visible rows, and one row by its id."""

    @property
    def objects(self) -> Mapping[str, ObjectSpec]: ...
    def rows(self, object: str, *, deleted: bool = False, now: int | None = None) -> Iterable[Row]: ...
    def get(self, object: str, id_: str, now: int | None = None) -> Row | None: ...


Reader = Callable[[Row], Any]


@dataclass(frozen=True)
class Column:
    """One selected field: its names from the record down in the schema's spelling, and how to read it."""

    names: tuple[str, ...]
    field: Field
    read: Reader
    _follow: Callable[[Row, int], tuple[str, str] | None]

    @property
    def header(self) -> str:
        """The column of a CSV file: `Account.Name`."""
        return ".".join(self.names)

    def parent(self, row: Row, depth: int) -> tuple[str, str] | None:
        """Object and id of the record that the name at `depth` leads to; None where there is none."""
        return self._follow(row, depth + 1)


@dataclass(frozen=True)
class Found:
    """What a query found: rows in order, and the columns to show. `counts`: the number of rows is all that is asked."""

    object: str
    columns: tuple[Column, ...]
    rows: list[Row]
    counts: bool


def run(query: Query, source: Source, *, deleted: bool, now_ms: int) -> Found:
    """Rows that a query selects; with `deleted` those in the recycle bin too. Raises SoqlError."""
    scope = Scope(query, source, deleted, now_ms)
    columns = scope.columns()
    condition = scope.condition(query.where) if query.where is not None else None
    order = [scope.key(key) for key in query.order]
    rows = source.rows(scope.spec.name, deleted=deleted, now=now_ms)
    found = [row for row in rows if condition is None or condition(row)]
    for reader, key in reversed(order):
        found = _sorted(found, reader, key)
    end = None if query.limit is None else query.offset + query.limit
    return Found(scope.spec.name, columns, found[query.offset : end], query.counts)


def _sorted(rows: list[Row], read: Reader, key: Key) -> list[Row]:
    values = [(read(row), row) for row in rows]
    empty = [row for value, row in values if value is None]
    full = [pair for pair in values if pair[0] is not None]
    full.sort(key=lambda pair: pair[0], reverse=key.descending)
    ordered = [row for _, row in full]
    return ordered + empty if key.nulls_last else empty + ordered


def value_of(row: Row, field: Field) -> Any:
    """The stored value of a field; a checkbox is never empty."""
    value = row.fields.get(field.name)
    return False if value is None and field.type == "boolean" else value


def find_object(objects: Mapping[str, ObjectSpec], name: str) -> ObjectSpec | None:
    """An object by its name in any case."""
    if name in objects:
        return objects[name]
    low = name.lower()
    return next((spec for known, spec in objects.items() if known.lower() == low), None)


class Scope:
    """One query against one org: turns its paths into readers and its conditions into tests."""

    def __init__(self, query: Query, source: Source, deleted: bool, now_ms: int) -> None:
        self._query = query
        self._source = source
        self._deleted = deleted
        self._now_ms = now_ms
        spec = find_object(source.objects, query.object)
        if spec is None:
            message = f"sObject type '{query.object}' is not supported. {_OBJECT_HINT}"
            raise self._refusal("INVALID_TYPE", query.object_at, message)
        self.spec = spec

    def _refusal(self, code: str, at: int, message: str) -> SoqlError:
        return SoqlError(code, located(self._query.text, at, message))

    def columns(self) -> tuple[Column, ...]:
        """The selected fields. Raises SoqlError for whatever is no field."""
        found: dict[str, Column] = {}
        for item in self._query.items:
            if isinstance(item, Child):
                raise self._child(item)
            if isinstance(item, Function):
                raise self._function(item)
            column = self.resolve(item)
            if column.header in found:
                raise self._refusal("INVALID_FIELD", item.at, f"duplicate field selected: {item}")
            found[column.header] = column
        return tuple(found.values())

    def _child(self, item: Child) -> SoqlError:
        message = f"Didn't understand relationship '{item.query.object}' in FROM part of query call. {_RELATION_HINT}"
        return self._refusal("INVALID_TYPE", item.query.object_at, message)

    def _function(self, item: Function) -> SoqlError:
        if item.name.upper() == "FIELDS":
            return self._refusal(
                "MALFORMED_QUERY", item.at, "The SOQL FIELDS function must have a LIMIT of at most 200"
            ) if (self._query.limit or 201) > 200 else self._refusal(
                "SANDBOX_UNSUPPORTED", item.at, "this sandbox does not speak FIELDS; name the fields."
            )  # fmt: skip
        return self._refusal(
            "SANDBOX_UNSUPPORTED", item.at, f"this sandbox does not know the function {item.name}; ask for the field."
        )

    def resolve(self, path: Path) -> Column:
        """A path as a column. Raises SoqlError INVALID_FIELD in Salesforce's words."""
        parts, spec = path.parts, self.spec
        if len(parts) > 1 and parts[0].lower() == spec.name.lower() and spec.relationship(parts[0]) is None:
            parts = parts[1:]
        if len(parts) - 1 > DEEPEST:
            message = f"Relationship path '{path}' has more than {DEEPEST} levels from child to parent."
            raise self._refusal("INVALID_FIELD", path.at, message)
        steps: list[Field] = []
        objects: list[str] = []
        names: list[str] = []
        for name in parts[:-1]:
            step = spec.relationship(name)
            parent = self._source.objects.get(step.refers_to[0]) if step is not None and step.refers_to else None
            if step is None or parent is None:
                message = f"Didn't understand relationship '{name}' in field path. {_RELATION_HINT}"
                raise self._refusal("INVALID_FIELD", path.at, message)
            steps.append(step)
            objects.append(parent.name)
            names.append(step.relationship or name)
            spec = parent
        field = spec.readable(parts[-1])
        if field is None:
            message = f"No such column '{parts[-1]}' on entity '{spec.name}'. {_FIELD_HINT}"
            raise self._refusal("INVALID_FIELD", path.at, message)
        chain = tuple(zip(steps, objects, strict=True))
        return Column((*names, field.name), field, partial(self._read, chain, field), partial(self._lead, chain))

    def _read(self, steps: tuple[tuple[Field, str], ...], field: Field, row: Row) -> Any:
        parent = self._follow(row, steps)
        return None if parent is None else value_of(parent, field)

    def _lead(self, steps: tuple[tuple[Field, str], ...], row: Row, depth: int) -> tuple[str, str] | None:
        parent = self._follow(row, steps[:depth])
        return None if parent is None else (steps[depth - 1][1], parent.id)

    def _follow(self, row: Row, steps: Iterable[tuple[Field, str]]) -> Row | None:
        """The record that references lead to; None where one is empty or leads nowhere."""
        at: Row | None = row
        for step, parent in steps:
            id_ = value_of(at, step) if at is not None else None
            at = self._source.get(parent, id_, self._now_ms) if id_ else None
        return at

    def key(self, key: Key) -> tuple[Reader, Key]:
        """What to sort by."""
        column = self.resolve(key.path)
        if not filters.filterable(column.field) or column.field.type == "multipicklist":
            message = f"field '{column.field.name}' can not be sorted in a query call"
            raise self._refusal("MALFORMED_QUERY", key.path.at, message)
        read, order = column.read, filters.comparable(column.field)
        return (lambda row: order(read(row))), key

    def condition(self, one: Condition) -> Callable[[Row], bool]:
        """A condition as a test of a row. What a missing parent holds is null."""
        match one:
            case Both(parts):
                tests = [self.condition(part) for part in parts]
                return lambda row: all(test(row) for test in tests)
            case Either(parts):
                tests = [self.condition(part) for part in parts]
                return lambda row: any(test(row) for test in tests)
            case Not(inner):
                negated = self.condition(inner)
                return lambda row: not negated(row)
            case Membership():
                return self._membership(one)
            case Comparison():
                column = self.resolve(one.path)
                check, read = filters.matcher(one, column.field, self._query.text, self._now_ms), column.read
                return lambda row: check(read(row))

    def _membership(self, one: Membership) -> Callable[[Row], bool]:
        column = self.resolve(one.path)
        inner = run(one.query, self._source, deleted=self._deleted, now_ms=self._now_ms)
        if len(inner.columns) != 1 or {column.field.type, inner.columns[0].field.type} - {"id", "reference"}:
            message = f"The inner select field of the semi join on '{one.path}' must be one ID or reference field"
            raise self._refusal("MALFORMED_QUERY", one.path.at, message)
        chosen = {value for row in inner.rows if (value := inner.columns[0].read(row)) is not None}
        read = column.read
        if one.negated:
            return lambda row: read(row) not in chosen
        return lambda row: read(row) in chosen
