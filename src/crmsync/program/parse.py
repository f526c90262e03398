"""From the tree of a file to a checked condition; every fault found, none thrown.

Prevents a rule that reads well and means nothing: unknown fields and operators, values of the wrong type, ranges upside
down, names that go in circles. Values leave here in the unit of their column, so that nothing later converts again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl

from crmsync.errors import Fault
from crmsync.model.fields import ACCOUNT, Field, Kind
from crmsync.program.conditions import All, Any_, Condition, Leaf, Named, Not, Operand, Value
from crmsync.program.units import MOST_DAYS, country_code, currency_digits, domain_name, region_name
from crmsync.program.yaml import Entry, Items, Path_, Scalar, Table, Tree, did_you_mean, fault_at

_ORDERED = ("gt", "gte", "lt", "lte", "between")
_EQUAL = ("eq", "ne")
_AMONG = ("in", "not_in")
_PRESENCE = ("known", "unknown")
_PATTERN = ("contains", "matches")
_SET = ("has_any", "has_all", "contains")
_AGE = ("within_days", "older_than_days")
OPERATORS = (*_EQUAL, *_AMONG, *_ORDERED, "has_any", "has_all", *_PATTERN, *_PRESENCE, *_AGE)
LIST_OPERATORS = ("in", "not_in", "has_any", "has_all")
COMBINERS = ("all", "any", "not")

EMPTY: Condition = All(())
"""Stands in for a condition that has a fault; a program with faults is never handed out."""


def operators_of(kind: Kind) -> tuple[str, ...]:
    """The operators that make sense for a field of this kind, in the order they are shown to a person."""
    match kind:
        case Kind.INTEGER | Kind.MONEY:
            return (*_EQUAL, *_AMONG, *_ORDERED, *_PRESENCE)
        case Kind.DATETIME:
            return (*_EQUAL, *_ORDERED, *_AGE, *_PRESENCE)
        case Kind.BOOLEAN:
            return (*_EQUAL, *_PRESENCE)
        case Kind.SET:
            return (*_SET, *_PRESENCE)
        case Kind.COUNTRY | Kind.ID:
            return (*_EQUAL, *_AMONG, *_PRESENCE)
        case Kind.TEXT | Kind.ENUM | Kind.REGION | Kind.DOMAIN:
            return (*_EQUAL, *_AMONG, *_PATTERN, *_PRESENCE)


def _no_names(name: str, scalar: Scalar) -> tuple[Condition | None, str]:
    return None, "no condition can be named here; write it out as {field: {operator: value}}"


Lookup = Callable[[str, Scalar], tuple[Condition | None, str]]
"""Name and place to (condition, reason why not); an empty reason means its faults have been reported elsewhere."""


@dataclass
class Parser:
    """Parses conditions of one file. `faults` grows; `currency` gives the unit of money values."""

    where: str
    currency: str = "USD"
    fields: Mapping[str, Field] = field(default_factory=lambda: ACCOUNT)
    lookup: Lookup = _no_names
    faults: list[Fault] = field(default_factory=list)

    def parse(self, tree: Tree) -> Condition:
        """The condition that `tree` states, or EMPTY where it has a fault."""
        if isinstance(tree, Scalar):
            return self._name(tree)
        if isinstance(tree, Items):
            return All(self._several(tree))
        if not tree.entries:
            self.fault(tree.line, tree.path, "an empty condition; write {field: {operator: value}}")
            return EMPTY
        return _one_or_all([self._entry(entry, (*tree.path, entry.key)) for entry in tree.entries])

    def fault(self, line: int, path: Path_, message: str) -> None:
        self.faults.append(fault_at(self.where, line, path, message))

    def _name(self, scalar: Scalar) -> Condition:
        if not isinstance(scalar.value, str):
            self.fault(
                scalar.line, scalar.path, "expected a condition {field: {operator: value}} or a condition's name"
            )
            return EMPTY
        condition, reason = self.lookup(scalar.value, scalar)
        if condition is None:
            if reason:
                self.fault(scalar.line, scalar.path, reason)
            return EMPTY
        return Named(scalar.value, condition)

    def _several(self, items: Items) -> tuple[Condition, ...]:
        if not items.items:
            self.fault(items.line, items.path, "an empty list of conditions")
        return tuple(self.parse(item) for item in items.items)

    def _entry(self, entry: Entry, path: Path_) -> Condition:
        match entry.key:
            case "all" | "any":
                if not isinstance(entry.value, Items):
                    self.fault(entry.line, path, "expected a list of conditions")
                    return EMPTY
                parts = self._several(entry.value)
                return All(parts) if entry.key == "all" else Any_(parts)
            case "not":
                return Not(self.parse(entry.value))
        known = self.fields.get(entry.key)
        if known is None:
            near = did_you_mean(entry.key, (*self.fields, *COMBINERS))
            self.fault(entry.line, path, f"no such field.{near or ' Fields: ' + ', '.join(self.fields) + '.'}")
            return EMPTY
        return self._field(known, entry, path)

    def _field(self, known: Field, entry: Entry, path: Path_) -> Condition:
        allowed = operators_of(known.kind)
        if not isinstance(entry.value, Table) or not entry.value.entries:
            example = f"{{{known.name}: {{{allowed[0]}: ...}}}}"
            self.fault(entry.value.line, path, f"expected an operator and a value, such as {example}")
            return EMPTY
        return _one_or_all([self._leaf(known, operator, (*path, operator.key)) for operator in entry.value.entries])

    def _leaf(self, known: Field, operator: Entry, path: Path_) -> Condition:
        allowed = operators_of(known.kind)
        if operator.key not in allowed:
            fits = f"{known.name} takes {', '.join(allowed)}"
            what = (
                f"the operator {operator.key} does not fit {known.name} ({known.kind.value})"
                if operator.key in OPERATORS
                else f"no such operator.{did_you_mean(operator.key, allowed)}"
            )
            self.fault(operator.line, path, f"{what.rstrip('.')}{'' if what.endswith('?') else '.'} {fits}.")
            return EMPTY
        before = len(self.faults)
        value = self._value(known, operator.key, operator.value, path)
        if value is None or len(self.faults) > before:
            return EMPTY
        return Leaf(known, operator.key, value, operator.line)

    def _value(self, known: Field, operator: str, tree: Tree, path: Path_) -> Value | None:
        if operator in _PRESENCE:
            return self._one(tree, path, "true or false", lambda s: s.value if isinstance(s.value, bool) else None)
        if operator in _AGE:
            return self._one(tree, path, "a whole number of days, 0 or more", _days)
        if operator in LIST_OPERATORS:
            return self._list(known, tree, path)
        if operator == "between":
            return self._range(known, tree, path)
        if operator == "matches":
            return self._pattern(tree, path)
        if operator == "contains" and known.kind is not Kind.SET:
            return self._one(tree, path, "some text", _some_text)
        return self._operand(known, tree, path)

    def _one(self, tree: Tree, path: Path_, expected: str, read: Callable[[Scalar], Operand | None]) -> Operand | None:
        value = read(tree) if isinstance(tree, Scalar) else None
        if value is None:
            self.fault(tree.line, path, f"expected {expected}{_got(tree)}")
        return value

    def _list(self, known: Field, tree: Tree, path: Path_) -> Value | None:
        if not isinstance(tree, Items):
            self.fault(tree.line, path, f"expected a list, such as [{_EXAMPLES[known.kind]}]")
            return None
        if not tree.items:
            self.fault(tree.line, path, "an empty list decides nothing; name at least one value")
            return None
        values = [self._operand(known, item, item.path) for item in tree.items]
        return tuple(dict.fromkeys(value for value in values if value is not None))

    def _range(self, known: Field, tree: Tree, path: Path_) -> Value | None:
        if not isinstance(tree, Items) or len(tree.items) != 2:
            self.fault(tree.line, path, f"expected two values [low, high], such as [{_EXAMPLES[known.kind]}]")
            return None
        low, high = (self._operand(known, item, item.path) for item in tree.items)
        if low is None or high is None:
            return None
        if _order(low) > _order(high):
            texts = [item.text for item in tree.items if isinstance(item, Scalar)]
            self.fault(tree.line, path, f"the low end {texts[0]} is above the high end {texts[1]}; swap them")
            return None
        return (low, high)

    def _pattern(self, tree: Tree, path: Path_) -> str | None:
        text = self._one(tree, path, "a regular expression", _some_text)
        if not isinstance(text, str):
            return None
        try:
            pl.Series([""]).str.contains(text)
        except pl.exceptions.ComputeError as error:
            reason = next((ln[7:] for ln in str(error).splitlines() if ln.startswith("error: ")), "it cannot be read")
            self.fault(tree.line, path, f"not a regular expression that can be used: {reason}")
            return None
        return text

    def _operand(self, known: Field, tree: Tree, path: Path_) -> Operand | None:
        match known.kind:
            case Kind.INTEGER:
                return self._one(tree, path, "a whole number", _whole)
            case Kind.MONEY:
                return self._money(tree, path)
            case Kind.BOOLEAN:
                return self._one(tree, path, "true or false", lambda s: s.value if isinstance(s.value, bool) else None)
            case Kind.DATETIME:
                return self._one(tree, path, "a date such as 2026-01-31", _moment)
            case Kind.ID:
                return self._one(tree, path, "a record id", _identity)
        text = self._one(tree, path, "some text", _some_text)
        return self._text(known, text, tree, path) if isinstance(text, str) else None

    def _text(self, known: Field, text: str, tree: Tree, path: Path_) -> str | None:
        match known.kind:
            case Kind.COUNTRY:
                code = country_code(text)
                if code is None:
                    self.fault(tree.line, path, f"{text} is no country that is known; write its code, such as US or DE")
                return code
            case Kind.REGION:
                return region_name(text)
            case Kind.DOMAIN:
                return domain_name(text)
            case Kind.ENUM if known.name == "industry":
                return re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_")
        return text

    def _money(self, tree: Tree, path: Path_) -> int | None:
        digits = currency_digits(self.currency)
        value = self._one(tree, path, f"an amount in {self.currency}, such as 5_000_000", _amount)
        if value is None or not isinstance(tree, Scalar):
            return None
        minor = Decimal(tree.value if isinstance(tree.value, int | Decimal) else 0).scaleb(digits)
        if minor != minor.to_integral_value():
            self.fault(tree.line, path, f"{tree.text} is finer than {self.currency} has: {digits} decimals")
            return None
        if abs(minor) > 2**62:
            self.fault(tree.line, path, f"{tree.text} is too large for an amount")
            return None
        return int(minor)


_EXAMPLES = {
    Kind.INTEGER: "25, 100",
    Kind.MONEY: "5_000_000, 20_000_000",
    Kind.DATETIME: "2026-01-01, 2026-12-31",
    Kind.COUNTRY: "US, CA",
    Kind.REGION: "Wisconsin, Ohio",
    Kind.DOMAIN: "acme.example, rival.example",
    Kind.ENUM: "COMPUTER_SOFTWARE, RETAIL",
    Kind.SET: "hubspot, salesforce",
    Kind.TEXT: "one, another",
    Kind.ID: "123, 456",
    Kind.BOOLEAN: "true, false",
}


def _one_or_all(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else All(tuple(parts))


def _got(tree: Tree) -> str:
    match tree:
        case Items():
            return ", not a list"
        case Table():
            return ", not a mapping"
        case Scalar(value=None):
            return "; there is none"
        case Scalar():
            return f", not {tree.text}"


def _whole(scalar: Scalar) -> int | None:
    value = scalar.value
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else None


def _days(scalar: Scalar) -> int | None:
    value = _whole(scalar)
    return value if value is not None and 0 <= value <= MOST_DAYS else None


def _amount(scalar: Scalar) -> int | None:
    """Only whether it is an amount: the exact value stays with the scalar."""
    return 1 if isinstance(scalar.value, int | Decimal) and not isinstance(scalar.value, bool) else None


def _identity(scalar: Scalar) -> str | None:
    return scalar.text if isinstance(scalar.value, int | str) and scalar.text.strip() else None


def _some_text(scalar: Scalar) -> str | None:
    # A number or a truth value where text is meant (a city named 100) is taken as it is written.
    return scalar.text.strip() or None if scalar.value is not None else None


def _moment(scalar: Scalar) -> datetime | date | None:
    if not isinstance(scalar.value, str):
        return None
    text = scalar.value.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _order(value: Operand) -> float:
    """A number to compare two ends of a range by. Dates count as their first moment."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    return value if isinstance(value, int) else 0
