"""One comparison of a query as a function over a value (salesforce.md sections 2.2 and 2.6).

Prevents a filter from meaning here what it does not mean there: text is compared without regard to case, != and NOT IN
keep what is empty, an empty string is null, an id may have 15 or 18 characters, and a literal of the wrong type is
refused in Salesforce's words.
"""

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final

from crmsync.sandbox.salesforce.dates import day_range
from crmsync.sandbox.salesforce.ids import canonical
from crmsync.sandbox.salesforce.schema import NUMBERS, TEXTS, Field
from crmsync.sandbox.salesforce.tree import Comparison, Literal, SoqlError, located
from crmsync.sandbox.salesforce.values import stamp

Test = Callable[[Any], bool]
"""Whether a stored value, None where there is none, satisfies a comparison."""

_ORDERING: Final = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_IDS = frozenset({"id", "reference"})
LONG_TEXT: Final = 255
"""A text area longer than this can be neither filtered nor sorted."""


def comparable(field: Field) -> Callable[[Any], Any]:
    """Turns a stored value of a field into what two values are compared and sorted by; None stays None.

    Dates and date-times are stored as texts that sort as time does.
    """
    if field.type in TEXTS:
        return lambda value: value.lower() if value else None
    return lambda value: value


def filterable(field: Field) -> bool:
    """Whether WHERE and ORDER BY may name the field."""
    return field.type != "textarea" or field.length <= LONG_TEXT


def matcher(one: Comparison, field: Field, text: str, now_ms: int) -> Test:
    """The comparison as a test of a stored value. Raises SoqlError where the type takes no such operator or literal."""
    if not filterable(field):
        message = f"field '{field.name}' can not be filtered in a query call"
        raise SoqlError("INVALID_FIELD", located(text, one.path.at, message))
    if one.operator in {"INCLUDES", "EXCLUDES"}:
        return _sets(one, field, text)
    if one.operator == "LIKE":
        return _like(one, field, text)
    read = comparable(field)
    if one.operator in {"IN", "NOT IN"}:
        wanted = {_exact(literal, one, field, text) for literal in one.values}
        if one.operator == "IN":
            return lambda value: read(value) in wanted
        return lambda value: read(value) not in wanted
    literal = one.values[0]
    if literal.kind == "relative":
        return _ranged(one, field, text, now_ms)
    bound = _exact(literal, one, field, text)
    if one.operator == "=":
        return lambda value: bool(read(value) == bound)
    if one.operator == "!=":
        return lambda value: bool(read(value) != bound)
    if field.type == "boolean" or field.type in _IDS:
        raise _wrong_operator(one, field, text)
    if bound is None:
        return lambda _: False
    compare = _ORDERING[one.operator]
    return _present(read, lambda value: bool(compare(value, bound)))


def _present(read: Callable[[Any], Any], check: Test) -> Test:
    def tested(value: Any) -> bool:
        value = read(value)
        return value is not None and check(value)

    return tested


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
        return lambda value: not value
    if literal.kind != "string":
        raise _wrong_type(one, field, text)
    pattern = like_pattern(literal)
    return _present(lambda value: value or None, lambda value: pattern.fullmatch(value) is not None)


def like_pattern(literal: Literal) -> re.Pattern[str]:
    """A LIKE pattern: % is any text, _ one character, a backslash before either makes it plain; case does not count."""
    parts = []
    for mark in re.finditer(r"\\u[0-9A-Fa-f]{4}|\\.|.", literal.text[1:-1], re.DOTALL):
        word = mark.group()
        if word in {"%", "_"}:
            parts.append(".*" if word == "%" else ".")
        else:
            parts.append(re.escape(Literal("string", f"'{word}'", 0).string))
    return re.compile("".join(parts), re.IGNORECASE | re.DOTALL)


def _sets(one: Comparison, field: Field, text: str) -> Test:
    """INCLUDES: any of the given groups, all of whose values, joined by semicolons, are selected."""
    if field.type != "multipicklist":
        raise _wrong_operator(one, field, text)
    if any(literal.kind not in {"string", "null"} for literal in one.values):
        raise _wrong_type(one, field, text)
    groups = [
        frozenset() if literal.kind == "null" else frozenset(literal.string.lower().split(";"))
        for literal in one.values
    ]

    def includes(value: Any) -> bool:
        chosen = frozenset(value.lower().split(";")) if value else frozenset()
        return any(group <= chosen if group else not chosen for group in groups)

    if one.operator == "INCLUDES":
        return includes
    return lambda value: not includes(value)


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
    read = comparable(field)
    first, after = (_stored(day, field) for day in found)
    inside = _present(read, lambda value: bool(first <= value < after))
    checks: dict[str, Test] = {
        "=": inside,
        "!=": lambda value: not inside(value),
        "<": _present(read, lambda value: bool(value < first)),
        "<=": _present(read, lambda value: bool(value < after)),
        ">": _present(read, lambda value: bool(value >= after)),
        ">=": _present(read, lambda value: bool(value >= first)),
    }
    return checks[one.operator]


def _stored(day: date, field: Field) -> str:
    return day.isoformat() if field.type == "date" else f"{day.isoformat()}T00:00:00.000+0000"
