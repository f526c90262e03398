"""Queries over the records of an org (salesforce.md section 2.2).

Prevents a client from being built on a friendlier query language: every path is resolved against the schema first, a
field that is missing and one that is hidden are refused with the same words, and nothing is read before all is known.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from crmsync.sandbox.salesforce import filters
from crmsync.sandbox.salesforce.frames import visible
from crmsync.sandbox.salesforce.org import Org
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


@dataclass(frozen=True)
class Column:
    """One selected field: its names from the record down in the schema's spelling, and the objects they lead to."""

    names: tuple[str, ...]
    objects: tuple[str, ...]
    """One for each name but the last."""
    field: Field

    @property
    def header(self) -> str:
        """The column of a CSV file: `Account.Name`."""
        return ".".join(self.names)


@dataclass(frozen=True)
class Found:
    """What a query found: a row for each record in order, with `Id`, every column by its header, and the `Id` of every
    parent on the way (`Account.Id`, null where there is none). `counts`: the number of rows is all that is asked.
    """

    object: str
    columns: tuple[Column, ...]
    frame: pl.DataFrame
    counts: bool

    @property
    def total(self) -> int:
        """How many records."""
        return self.frame.height


def run(query: Query, org: Org, *, deleted: bool, now_ms: int) -> Found:
    """Rows that a query selects; with `deleted` those in the recycle bin too. Raises SoqlError."""

    def inner(one: Query) -> pl.Series:
        found = run(one, org, deleted=deleted, now_ms=now_ms)
        return found.frame[found.columns[0].header].drop_nulls()

    scope = Scope(query, org.objects, now_ms, inner)
    columns = scope.columns()
    condition = scope.condition(query.where) if query.where is not None else None
    order = [scope.key(key) for key in query.order]
    frame = scope.frame(org, deleted)
    if condition is not None:
        frame = frame.filter(condition)
    if order:
        frame = frame.sort(
            order,
            descending=[key.descending for key in query.order],
            nulls_last=[key.nulls_last for key in query.order],
            maintain_order=True,
        )
    frame = frame.slice(query.offset, query.limit)
    kept = dict.fromkeys(["Id", *scope.parent_ids(), *(column.header for column in columns)])
    return Found(scope.spec.name, columns, frame.select(list(kept)), query.counts)


def check(query: Query, objects: Mapping[str, ObjectSpec]) -> str:
    """The object that a query is about, once all of it is known to be good. Raises SoqlError."""
    scope = Scope(query, objects, 0, None)
    scope.columns()
    if query.where is not None:
        scope.condition(query.where)
    for key in query.order:
        scope.key(key)
    return scope.spec.name


def find_object(objects: Mapping[str, ObjectSpec], name: str) -> ObjectSpec | None:
    """An object by its name in any case."""
    if name in objects:
        return objects[name]
    low = name.lower()
    return next((spec for known, spec in objects.items() if known.lower() == low), None)


class Scope:
    """One query against one schema: turns its paths into columns and its conditions into expressions.

    `inner` runs a query within the query; without it such queries are checked and taken for true.
    """

    def __init__(
        self, query: Query, objects: Mapping[str, ObjectSpec], now_ms: int, inner: Callable[[Query], pl.Series] | None
    ) -> None:
        self._query = query
        self._objects = objects
        self._now_ms = now_ms
        self._inner = inner
        self._needs: dict[tuple[str, ...], set[str]] = {(): set()}
        """Fields to read, by the relationships that lead to their record."""
        self._steps: dict[tuple[str, ...], tuple[Field, str]] = {}
        """For each such path its last reference field, and the object it leads to."""
        spec = find_object(objects, query.object)
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
        names: tuple[str, ...] = ()
        objects: list[str] = []
        for name in parts[:-1]:
            step = spec.relationship(name)
            parent = self._objects.get(step.refers_to[0]) if step is not None and step.refers_to else None
            if step is None or parent is None:
                message = f"Didn't understand relationship '{name}' in field path. {_RELATION_HINT}"
                raise self._refusal("INVALID_FIELD", path.at, message)
            self._needs[names].add(step.name)
            names = (*names, step.relationship or name)
            objects.append(parent.name)
            self._needs.setdefault(names, set())
            self._steps[names] = step, parent.name
            spec = parent
        field = spec.readable(parts[-1])
        if field is None:
            message = f"No such column '{parts[-1]}' on entity '{spec.name}'. {_FIELD_HINT}"
            raise self._refusal("INVALID_FIELD", path.at, message)
        self._needs[names].add(field.name)
        return Column((*names, field.name), tuple(objects), field)

    def parent_ids(self) -> list[str]:
        """The columns that hold the ids of parents."""
        return [f"{'.'.join(names)}.Id" for names in self._steps]

    def frame(self, org: Org, deleted: bool) -> pl.DataFrame:
        """Every record with all that the query asks of it and of its parents, which are found in the bin too."""
        frame = visible(org, self.spec.name, sorted(self._needs[()]), deleted=deleted, now_ms=self._now_ms)
        for names in sorted(self._steps, key=len):
            step, parent = self._steps[names]
            above = visible(org, parent, sorted(self._needs[names]), deleted=True, now_ms=self._now_ms)
            prefix = ".".join(names)
            frame = frame.join(
                above.rename({one: f"{prefix}.{one}" for one in above.columns}),
                left_on=".".join((*names[:-1], step.name)),
                right_on=f"{prefix}.Id",
                how="left",
                coalesce=False,
                maintain_order="left",
            )
        return frame

    def key(self, key: Key) -> pl.Expr:
        """What to sort by."""
        column = self.resolve(key.path)
        if not filters.filterable(column.field) or column.field.type == "multipicklist":
            message = f"field '{column.field.name}' can not be sorted in a query call"
            raise self._refusal("MALFORMED_QUERY", key.path.at, message)
        return filters.comparable(column.field, pl.col(column.header))

    def condition(self, one: Condition) -> pl.Expr:
        """A condition as true or false of each record. What a missing parent holds is null."""
        match one:
            case Both(parts):
                return pl.all_horizontal([self.condition(part) for part in parts])
            case Either(parts):
                return pl.any_horizontal([self.condition(part) for part in parts])
            case Not(inner):
                return ~self.condition(inner)
            case Membership():
                return self._membership(one)
            case Comparison():
                column = self.resolve(one.path)
                test = filters.matcher(one, column.field, self._query.text, self._now_ms)
                return test(pl.col(column.header))

    def _membership(self, one: Membership) -> pl.Expr:
        column = self.resolve(one.path)
        inner = Scope(one.query, self._objects, self._now_ms, self._inner).columns()
        if len(inner) != 1 or {column.field.type, inner[0].field.type} - {"id", "reference"}:
            message = f"The inner select field of the semi join on '{one.path}' must be one ID or reference field"
            raise self._refusal("MALFORMED_QUERY", one.path.at, message)
        if self._inner is None:
            check(one.query, self._objects)
            return pl.lit(True)
        found = pl.col(column.header).is_in(self._inner(one.query).implode()).fill_null(False)
        return ~found if one.negated else found
