"""Values as an org stores them, from JSON and from CSV, and the refusals of a value that does not fit its field.

Prevents a value from being kept in a form that no org would give back: texts are trimmed, an empty text is null,
numbers are rounded to their field's scale, date-times are UTC. Words of the refusals: salesforce.md 2.6.
"""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.salesforce import ids
from crmsync.sandbox.salesforce.schema import NUMBERS, TEXTS, Field

Value = str | int | float | bool | None
Values = dict[str, Value]
"""A record: API field name to value. Date-times are `2026-01-01T00:00:00.000+0000`, dates `2026-01-01`, both texts that
sort as time does; money and other decimals are floats, as the wire has them."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


class OrgError(Exception):
    """A refusal by the org: its code, its words, the fields it names, and what else its body carries."""

    def __init__(self, code: str, message: str, fields: tuple[str, ...] | list[str] = (), **extra: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = list(fields)
        self.extra = extra


def lock_refusal(id_: str) -> OrgError:
    """What a record that somebody else holds answers, after ten seconds in a real org."""
    message = f"unable to obtain exclusive access to this record or 1 records: {id_}"
    return OrgError("UNABLE_TO_LOCK_ROW", message)


def stamp(ms: int) -> str:
    """Milliseconds since 1970 as Salesforce writes them: `2026-06-19T15:00:00.000+0000`."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}+0000"


def stamp_ms(text: str) -> int:
    """The milliseconds of a stored date-time."""
    moment = datetime(
        int(text[:4]), int(text[5:7]), int(text[8:10]), int(text[11:13]), int(text[14:16]), int(text[17:19]), tzinfo=UTC
    )
    return int(moment.timestamp()) * 1000 + int(text[20:23])


def _unfit(one: Field, value: object) -> OrgError:
    kind = "VALUE_STRING" if isinstance(value, str) else "VALUE_TRUE" if isinstance(value, bool) else "VALUE_NUMBER"
    if isinstance(value, list | dict):
        kind = "START_ARRAY" if isinstance(value, list) else "START_OBJECT"
    shown = value if isinstance(value, str | int | float) else ""
    return OrgError(
        "JSON_PARSER_ERROR",
        f"Cannot deserialize instance of {one.type} from {kind} value {shown} or request may be missing a required "
        "field at [line:1, column:1]",
    )


def from_json(one: Field, value: Any) -> Value:
    """What the org stores for a JSON value. Raises OrgError where the value does not fit the field."""
    if value is None or value == "":
        return None
    if one.type in TEXTS or one.type in {"id", "reference"}:
        if isinstance(value, list | dict):
            raise _unfit(one, value)
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _reference(one, text) if one.type in {"id", "reference"} else _text(one, text)
    if one.type == "boolean":
        if isinstance(value, str) and value.lower() in {"true", "false"}:
            return value.lower() == "true"
        if not isinstance(value, bool):
            raise _unfit(one, value)
        return value
    if isinstance(value, bool | list | dict):
        raise _unfit(one, value)
    made = _number(one, str(value)) if one.type in NUMBERS or one.type == "int" else _moment(one, str(value))
    if made is None:
        raise _unfit(one, value)
    return made


def from_csv(one: Field, text: str) -> Value:
    """What the org stores for a non-empty CSV value. Raises OrgError with INVALID_TYPE_ON_FIELD_IN_RECORD."""
    if one.type == "boolean" and text.strip().lower() in {"true", "1", "false", "0"}:
        return text.strip().lower() in {"true", "1"}
    try:
        return from_json(one, text.strip() if one.type not in TEXTS else text)
    except OrgError as refusal:
        if refusal.code != "JSON_PARSER_ERROR":
            raise
        message = f"{one.label}: value not of required type: {text}"
        raise OrgError("INVALID_TYPE_ON_FIELD_IN_RECORD", message, [one.name]) from refusal


def _text(one: Field, text: str) -> str | None:
    text = text.strip()
    if not text:
        return None
    if one.restricted:
        for part in text.split(";") if one.type == "multipicklist" else [text]:
            if part not in one.values:
                message = f"{one.label}: bad value for restricted picklist field: {part}"
                raise OrgError("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [one.name])
    if one.length and len(text) > one.length:
        message = f"{one.label}: data value too large: {text} (max length={one.length})"
        raise OrgError("STRING_TOO_LONG", message, [one.name])
    if one.type == "email" and not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", text):
        raise OrgError("INVALID_EMAIL_ADDRESS", f"{one.label}: invalid email address: {text}", [one.name])
    if one.type == "multipicklist":
        parts = dict.fromkeys(part.strip() for part in text.split(";") if part.strip())
        known = [value for value in one.values if value in parts]
        return ";".join([*known, *(part for part in parts if part not in known)])
    return text


def _reference(one: Field, text: str) -> str:
    found = ids.canonical(text.strip())
    if found is None:
        raise OrgError("MALFORMED_ID", f"{one.label}: id value of incorrect type: {text}", [one.name])
    return found


def _number(one: Field, text: str) -> int | float | None:
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    places = Decimal(1).scaleb(-one.scale) if one.type != "int" else Decimal(1)
    most = Decimal(10) ** (one.precision - one.scale) if one.precision else Decimal(2) ** 31
    if abs(number) >= most:
        message = f"{one.label}: value outside of valid range on numeric field: {text}"
        raise OrgError("NUMBER_OUTSIDE_VALID_RANGE", message, [one.name])
    if one.type == "int" and number != number.to_integral_value():
        return None
    rounded = number.quantize(places, ROUND_HALF_UP)
    return int(rounded) if one.type == "int" else float(rounded)


def _moment(one: Field, text: str) -> str | None:
    if one.type == "date":
        if not _DATE.fullmatch(text[:10]) or (len(text) > 10 and parse_ms(text) is None):
            return None
        try:
            return date.fromisoformat(text[:10]).isoformat()
        except ValueError:
            return None
    ms = parse_ms(text) if "T" in text else None
    return stamp(ms) if ms is not None else None
