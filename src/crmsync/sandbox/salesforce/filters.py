"""One comparison of a query as a test of a column (salesforce.md sections 2.2 and 2.6).

Prevents a filter from meaning here what it does not mean there: text is compared without regard to case, != and NOT IN
keep what is empty, an empty string is null, an id may have 15 or 18 characters, and a literal of the wrong type is
refused in Salesforce's words.
"""

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from crmsync.sandbox.salesforce.dates import day_range
from crmsync.sandbox.salesforce.ids import canonical
from crmsync.sandbox.salesforce.schema import NUMBERS, TEXTS, Field
from crmsync.sandbox.salesforce.tree import Comparison, Literal, SoqlError, located
from crmsync.sandbox.salesforce.values import stamp

Test = Callable[[pl.Expr], pl.Expr]
"""Turns a column of stored values into whether each satisfies a comparison: true or false, never null."""

_ORDERING: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_IDS = frozenset({"id", "reference"})
LONG_TEXT: Final = 255
"""A text area longer than this can be neither filtered nor sorted."""


def comparable(field: Field, column: pl.Expr) -> pl.Expr:
    """Stored values as what two of them are compared and sorted by.

    Dates and date-times are stored as texts that sort as time does.
    """
    return column.str.to_lowercase() if field.type in TEXTS else column


def filterable(field: Field) -> bool:
    """Whether WHERE and ORDER BY may name the field."""
    return field.type != "textarea" or field.length <= LONG_TEXT


def matcher(one: Comparison, field: Field, text: str, now_ms: int) -> Test:
    """The comparison as a test of stored values. Raises SoqlError where the type takes no such operator or literal."""
    if not filterable(field):
        message = f"field '{field.name}' can not be filtered in a query call"
        raise SoqlError("INVALID_FIELD", located(text, one.path.at, message))
    if one.operator in {"INCLUDES", "EXCLUDES"}:
        return _sets(one, field, text)
    if one.operator == "LIKE":
        return _like(one, field, text)
    if one.operator in {"IN", "NOT IN"}:
        wanted = [_exact(literal, one, field, text) for literal in one.values]
        return _opposite(_among(field, wanted), one.operator == "NOT IN")
    literal = one.values[0]
    if literal.kind == "relative":
        return _ranged(one, field, text, now_ms)
    bound = _exact(literal, one, field, text)
    if one.operator in {"=", "!="}:
        return _opposite(_among(field, [bound]), one.operator == "!=")
    # A record's own id has an order: a client that lost its cursor goes on behind the last row it has (PK chunking,
    # developer.salesforce.com/blogs/developer-relations/2015/11/pk-chunking-techniques-massive-orgs.html).
    if field.type in {"boolean", "reference"}:
        raise _wrong_operator(one, field, text)
    return _ordered(field, one.operator, bound)


def _among(field: Field, wanted: list[Any]) -> Test:
    """Among these values, of which None stands for no value."""
    values = [value for value in wanted if value is not None]
    dtype = pl.Boolean if field.type == "boolean" else pl.Float64 if _kind(field) == "number" else pl.String
    known = pl.Series(values, dtype=dtype).implode()

    def tested(column: pl.Expr) -> pl.Expr:
        column = comparable(field, column)
        found = column.cast(dtype).is_in(known).fill_null(False) if values else pl.lit(False)
        return found | column.is_null() if None in wanted else found

    return tested


def _ordered(field: Field, sign: str, bound: Any) -> Test:
    """Before or after a value; no value is neither."""
    if bound is None:
        return lambda _: pl.lit(False)
    compare: Callable[[Any, Any], pl.Expr] = _ORDERING[sign]
    return lambda column: compare(comparable(field, column), pl.lit(bound)).fill_null(False)


def _opposite(test: Test, negated: bool) -> Test:
    return (lambda column: ~test(column)) if negated else test


def _exact(literal: Literal, one: Comparison, field: Field, text: str) -> Any:
    """A literal as what stored values are compared by."""
    if literal.kind == "null" or (literal.kind == "string" and not literal.string and field.type in TEXTS | _IDS):
        return None
    if field.type in _IDS:
        if literal.kind != "string":
            raise _wrong_type(one, field, text)
        id_ = canonical(literal.string)
        if id_ is None:
            message = f"invalid ID field: {literal.string}"
            raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", located(text, one.path.at, message))
        return id_
    if literal.kind != _kind(field):
        raise _wrong_type(one, field, text)
    try:
        return _value(literal)
    except ValueError:
        message = f"line {text.count(chr(10), 0, literal.at) + 1}: invalid date or date-time {literal.text}"
        raise SoqlError("MALFORMED_QUERY", located(text, literal.at, message)) from None


def _value(literal: Literal) -> Any:
    if literal.kind == "string":
        return literal.string.lower()
    if literal.kind == "boolean":
        return literal.text == "true"
    if literal.kind == "number":
        return float(literal.text)
    if literal.kind == "date":
        return date.fromisoformat(literal.text).isoformat()
    return stamp(round(datetime.fromisoformat(literal.text.upper()).timestamp() * 1000))


def _kind(field: Field) -> str:
    if field.type in TEXTS:
        return "string"
    if field.type in NUMBERS or field.type == "int":
        return "number"
    return "dateTime" if field.type == "datetime" else field.type


def _wrong_type(one: Comparison, field: Field, text: str) -> SoqlError:
    wanted = _kind(field)
    shown = {"number": "int" if field.type == "int" else "double"}.get(wanted, wanted)
    if field.type in _IDS:
        wanted, shown = "string", "string"
    quotes = "should be enclosed in quotes" if wanted == "string" else "should not be enclosed in quotes"
    message = f"value of filter criterion for field '{field.name}' must be of type {shown} and {quotes}"
    return SoqlError("INVALID_FIELD", located(text, one.path.at, message))


def _wrong_operator(one: Comparison, field: Field, text: str) -> SoqlError:
    return SoqlError(
        "INVALID_QUERY_FILTER_OPERATOR", located(text, one.path.at, f"invalid operator on {field.type} field")
    )


def _like(one: Comparison, field: Field, text: str) -> Test:
    if field.type not in TEXTS or field.type == "multipicklist":
        raise _wrong_operator(one, field, text)
    literal = one.values[0]
    if literal.kind == "null":
        return lambda column: column.is_null()
    if literal.kind != "string":
        raise _wrong_type(one, field, text)
    pattern = like_pattern(literal)
    return lambda column: column.str.contains(pattern).fill_null(False)


def like_pattern(literal: Literal) -> str:
    """A LIKE pattern: % is any text, _ one character, a backslash before either makes it plain; case does not count."""
    parts = []
    for mark in re.finditer(r"\\u[0-9A-Fa-f]{4}|\\.|.", literal.text[1:-1], re.DOTALL):
        word = mark.group()
        if word in {"%", "_"}:
            parts.append(".*" if word == "%" else ".")
        else:
            plain = Literal("string", f"'{word}'", 0).string
            parts.append(f"\\x{{{ord(plain):x}}}")
    return f"(?is)^(?:{''.join(parts)})$"


def _sets(one: Comparison, field: Field, text: str) -> Test:
    """INCLUDES: any of the given groups, all of whose values, joined by semicolons, are selected."""
    if field.type != "multipicklist":
        raise _wrong_operator(one, field, text)
    if any(literal.kind not in {"string", "null"} for literal in one.values):
        raise _wrong_type(one, field, text)
    groups = [
        None if literal.kind == "null" else frozenset(literal.string.lower().split(";")) for literal in one.values
    ]

    def includes(column: pl.Expr) -> pl.Expr:
        chosen = column.str.to_lowercase().str.split(";")
        found = pl.lit(False)
        for group in groups:
            every = [chosen.list.contains(value).fill_null(False) for value in sorted(group or ())]
            found = found | (pl.all_horizontal(every) if every else column.is_null())
        return found

    return _opposite(includes, one.operator == "EXCLUDES")


def _ranged(one: Comparison, field: Field, text: str, now_ms: int) -> Test:
    """A word such as TODAY stands for a range: = lies in it, < lies before it, > after it."""
    if field.type not in {"date", "datetime"}:
        raise _wrong_type(one, field, text)
    literal = one.values[0]
    found = day_range(literal.text, datetime.fromtimestamp(now_ms / 1000, UTC).date())
    if found is None:
        if re.fullmatch(r"(LAST|THIS|NEXT|N)_\w+(:\d+)?", literal.text, re.IGNORECASE):
            said = f"this sandbox does not know the date {literal.text}. Write a date or a date-time."
            raise SoqlError("SANDBOX_UNSUPPORTED", located(text, literal.at, said))
        raise SoqlError("MALFORMED_QUERY", located(text, literal.at, f"unexpected token: '{literal.text}'"))
    first, after = (_stored(day, field) for day in found)
    at_least, before = _ordered(field, ">=", first), _ordered(field, "<", after)

    def inside(column: pl.Expr) -> pl.Expr:
        return at_least(column) & before(column)

    checks: dict[str, Test] = {
        "=": inside,
        "!=": _opposite(inside, True),
        "<": _ordered(field, "<", first),
        "<=": before,
        ">": _ordered(field, ">=", after),
        ">=": at_least,
    }
    return checks[one.operator]


def _stored(day: date, field: Field) -> str:
    return day.isoformat() if field.type == "date" else f"{day.isoformat()}T00:00:00.000+0000"
