"""An org's fields as describe gives them, their names at our border, and their values as text.

It prevents a query that names a field which this org, or this user, does not have: one such name makes Salesforce
refuse the whole query. Text is the one form in which values cross our border; `Fields` turns it into what a field takes
and back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Protocol

from crmsync.connectors.salesforce.answers import Answer
from crmsync.connectors.salesforce.ids import canonical_id
from crmsync.connectors.salesforce.settings import SOBJECTS, api_name
from crmsync.errors import Rejected

NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
#: Several fields in one; their parts are fields of their own.
COMPOUND = frozenset({"address", "location", "complexvalue", "base64"})
CLEARED = "#N/A"
"""What clears a value in a bulk file; an empty cell there leaves it as it is."""
_MOST_DIGITS = 40
_GONE = frozenset({"NOT_FOUND", "INVALID_TYPE"})


class Described(Protocol):
    """What `Fields` needs of the transport."""

    def get(self, family: str, path: str) -> Answer: ...


@dataclass(frozen=True, slots=True)
class FieldInfo:
    """One field: `name` is the API name in its own capitals, `type` describe's word, `length` in characters.

    `values`: the picklist's active values, `restricted` says that it takes no other.
    """

    name: str
    type: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    updateable: bool = False
    nillable: bool = True
    filterable: bool = True
    custom: bool = False
    label: str = ""
    values: tuple[str, ...] = ()
    restricted: bool = False

    @property
    def readable(self) -> bool:
        """Whether a query may name it and get a text."""
        return self.type not in COMPOUND


class Fields:
    """Thread-safe. An object is named in our word (`company`) or in Salesforce's (`AccountContactRelation`)."""

    def __init__(self, transport: Described, prefix: str) -> None:
        self._transport = transport
        self.prefix = prefix
        self._lock = threading.RLock()
        self._known: dict[str, dict[str, FieldInfo]] = {}

    def describe(self, object_: str) -> dict[str, FieldInfo]:
        """Every field that this user may see, by its API name in small letters; none where there is no such object."""
        sobject = SOBJECTS.get(object_, object_)  # type: ignore[call-overload]
        with self._lock:
            if sobject not in self._known:
                self._known[sobject] = self._ask(sobject)
            return self._known[sobject]

    def exists(self, object_: str) -> bool:
        """Whether the org has the object and this user may see it."""
        return bool(self.describe(object_))

    def forget(self, object_: str | None = None) -> None:
        """Ask again next time: an admin changed the fields, or who may see them."""
        with self._lock:
            if object_ is None:
                self._known.clear()
            else:
                self._known.pop(SOBJECTS.get(object_, object_), None)  # type: ignore[call-overload]

    def api(self, object_: str, name: str) -> str | None:
        """The API name of what we call `name`, None where this org or this user does not have it."""
        info = self.info(object_, name)
        return info.name if info is not None else None

    def info(self, object_: str, name: str) -> FieldInfo | None:
        """The field of what we call `name`: an owned one under its own spelling, any other whatever its capitals."""
        known = self.describe(object_)
        if name.startswith(self.prefix):
            owned = known.get(api_name(self.prefix, name).lower())
            if owned is not None:
                return owned
        found = known.get(name.lower())
        return found if found is not None and found.readable else None

    def names(self, object_: str) -> dict[str, str | None]:
        """Every field as we call it -> its API name."""
        return {self.ours(info.name): info.name for info in self.describe(object_).values() if info.readable}

    def ours(self, api: str) -> str:
        """`ABM_Tier_Changed_At__c` is `abm_tier_changed_at`; any other field keeps its API name."""
        low = api.lower()
        if low.startswith(self.prefix.lower()) and low.endswith("__c"):
            name = self.prefix + low.removesuffix("__c")[len(self.prefix) :]
            if api_name(self.prefix, name).lower() == low:
                return name
        return api

    def columns(self, object_: str, names: Sequence[str]) -> dict[str, FieldInfo | None]:
        """What we call each -> its field, None where there is none; in the order of `names`, none twice."""
        return {name: self.info(object_, name) for name in names}

    def to_text(self, info: FieldInfo, value: Any) -> str | None:
        """A value as JSON or a bulk file has it, as our text; None for no value."""
        return to_text(info, value)

    def to_json(self, info: FieldInfo, text: str) -> Any:
        """Our text as what a JSON body holds for that field; "" is null, which clears."""
        return to_json(info, text)

    def to_csv(self, info: FieldInfo, text: str) -> str:
        """Our text as a cell of a bulk file; "" is `#N/A`, which clears."""
        if not text.strip():
            return CLEARED
        value = to_json(info, text)
        return str(value).lower() if isinstance(value, bool) else _decimal(value) if _is_number(value) else str(value)

    def _ask(self, sobject: str) -> dict[str, FieldInfo]:
        try:
            body = self._transport.get("describe", f"sobjects/{sobject}/describe").json()
        except Rejected as error:
            if error.status == 404 or error.category in _GONE:
                return {}
            raise
        found = (_field(one) for one in body.get("fields", ()))
        return {info.name.lower(): info for info in found}


def _field(one: Mapping[str, Any]) -> FieldInfo:
    values = tuple(str(value["value"]) for value in one.get("picklistValues") or () if value.get("active", True))
    return FieldInfo(
        name=str(one["name"]),
        type=str(one.get("type", "string")),
        length=int(one.get("length") or 0),
        precision=int(one.get("precision") or 0),
        scale=int(one.get("scale") or 0),
        updateable=bool(one.get("updateable")),
        nillable=bool(one.get("nillable", True)),
        filterable=bool(one.get("filterable", True)),
        custom=bool(one.get("custom")),
        label=str(one.get("label") or ""),
        values=values,
        restricted=bool(one.get("restrictedPicklist")),
    )


def converter(info: FieldInfo) -> Callable[[Any], str | None]:
    """`to_text` for the many values of one field: the usual forms of its type first, all others by `to_text`."""
    if info.type in ("id", "reference"):
        return lambda value: value if value.__class__ is str and len(value) == 18 else to_text(info, value)
    if info.type == "datetime":
        return lambda value: value[:-5] + "Z" if value and value[-5:] == "+0000" else to_text(info, value)
    if info.type in NUMBERS or info.type == "boolean":
        return lambda value: None if value is None else to_text(info, value)
    return lambda value: (value or None) if value.__class__ is str else to_text(info, value)


def to_text(info: FieldInfo, value: Any) -> str | None:
    """See `Fields.to_text`."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if info.type in NUMBERS or _is_number(value):
        return _decimal(value)
    text = str(value)
    if info.type == "datetime":
        return _moment(text)
    if info.type in ("id", "reference"):
        return text if len(text) == 18 else canonical_id(text)
    return text.lower() if info.type == "boolean" else text


def to_json(info: FieldInfo, text: str) -> Any:
    """See `Fields.to_json`. What does not fit the field is sent as it is: Salesforce says in its words why not."""
    if not text.strip():
        return None
    if info.type == "boolean":
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    if info.type in NUMBERS:
        try:
            number = Decimal(text.strip())
        except InvalidOperation:
            return text
        if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
            return text
        return int(number) if number == number.to_integral_value() else number
    if info.type == "date" and len(text) > 10:
        return text[:10]
    return text


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _decimal(value: Any) -> str:
    """Plain decimal text: no exponent, no zeros behind the point."""
    if isinstance(value, int):
        return str(value)
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return str(value)
    if not number.is_finite():
        return str(value)
    text = format(number, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def _moment(text: str) -> str:
    """`2026-06-19T15:00:00.000+0000` as `2026-06-19T15:00:00.000Z`, any other offset in UTC."""
    if text.endswith("Z"):
        return text
    if text.endswith(("+0000", "+00:00")):
        return text[: text.rindex("+")] + "Z"
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
