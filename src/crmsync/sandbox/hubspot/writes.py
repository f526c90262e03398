"""Writing records: values checked as HubSpot checks them, then stored, with everything that follows from them.

Prevents the sandbox from taking what the real API refuses: read-only properties, options that do not exist,
a lifecycle stage that moves back.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.hubspot.catalog import Property
from crmsync.sandbox.hubspot.kinds import COMPANIES, CONTACTS, Kind
from crmsync.sandbox.hubspot.options import LIFECYCLE
from crmsync.sandbox.hubspot.portal import Portal
from crmsync.sandbox.hubspot.table import API, Row, Source, Values
from crmsync.sandbox.hubspot.wire import PORTAL_ID, ApiError, Json, invalid, iso, object_id

MAX_TEXT = 65_536
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Fault:
    """One value that cannot be written."""

    name: str
    code: str
    message: str


def property_error(faults: Iterable[Fault]) -> ApiError:
    """HubSpot's classic 400: every bad value of the record in one message (hubspot.md section 4)."""
    faults = list(faults)
    listed = [
        {
            "isValid": False, "message": f.message, "error": f.code, "name": f.name,
            "localizedErrorMessage": f.message, "portalId": PORTAL_ID,
        }
        for f in faults
    ]  # fmt: skip
    errors = [{"message": f.message, "code": f.code, "context": {"propertyName": [f.name]}} for f in faults]
    return invalid(f"Property values were not valid: {json.dumps(listed, separators=(',', ':'))}", errors=errors)


def checked(portal: Portal, kind: Kind, values: Json, before: Values) -> Values:
    """The values as they will stand: cleared ones as None, numbers and stamps in HubSpot's form.

    Raises ApiError(400) naming every bad value.
    """
    faults: list[Fault] = []
    result: Values = {}
    for name, raw in values.items():
        definition = portal.definition(kind, name)
        if definition is None:
            faults.append(Fault(name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'))
        elif definition.read_only:
            message = f'"{name}" is a read only property; its value cannot be set.'
            faults.append(Fault(name, "READ_ONLY_VALUE", message))
        else:
            text = _text(raw)
            outcome = None if text is None else _value(portal, definition, text, before.get(name))
            if isinstance(outcome, Fault):
                faults.append(outcome)
            else:
                result[name] = outcome
    if faults:
        raise property_error(faults)
    stage = result.get("lifecyclestage")
    if stage is not None and _backward(before.get("lifecyclestage"), stage):
        del result["lifecyclestage"]  # HubSpot answers 200 and keeps the later stage
    return result


def _text(raw: object) -> str | None:
    if raw is None or raw == "":
        return None
    if isinstance(raw, bool):
        return "true" if raw else "false"
    return str(raw)


def _backward(standing: str | None, wanted: str) -> bool:
    if standing not in LIFECYCLE or wanted not in LIFECYCLE:
        return False
    return LIFECYCLE.index(wanted) < LIFECYCLE.index(standing)


def _value(portal: Portal, prop: Property, text: str, before: str | None) -> str | Fault | None:
    if prop.name == "hubspot_owner_id" and portal.owners:
        known = any(owner.id == text for owner in portal.owners)
        return text if known else Fault(prop.name, "INVALID_OWNER_ID", f"Owner {text} does not exist")
    if prop.name == "email":
        good = _EMAIL.fullmatch(text)
        return text.lower() if good else Fault(prop.name, "INVALID_EMAIL", "Email address is invalid")
    if prop.name == "associatedcompanyid":
        id_ = object_id(text)
        good_id = id_ is not None and portal.table(COMPANIES).live(portal.table(COMPANIES).survivor(id_))
        return text if good_id else Fault(prop.name, "INVALID_LONG", f"{text} was not a valid company id.")
    if prop.type == "number":
        return _number(prop, text)
    if prop.type in {"date", "datetime"}:
        return _moment(prop, text)
    if prop.type in {"enumeration", "bool"} and not prop.external_options:
        return _choice(prop, text, before)
    if len(text) > MAX_TEXT:
        return Fault(prop.name, "PROPERTY_VALUE_TOO_LONG", f"{prop.name} is longer than {MAX_TEXT} characters.")
    return text


def _number(prop: Property, text: str) -> str | Fault:
    try:
        number = float(text) if re.fullmatch(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", text) else None
    except OverflowError:
        number = None
    if number is None:
        return Fault(prop.name, "INVALID_INTEGER", f"{text} was not a valid number.")
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else text.strip()


def _moment(prop: Property, text: str) -> str | Fault:
    ms = parse_ms(text)
    if ms is None:
        kind = "INVALID_DATE" if prop.type == "date" else "INVALID_LONG"
        return Fault(prop.name, kind, f"{text} was not a valid {'date' if prop.type == 'date' else 'long'}.")
    if prop.type == "datetime":
        return iso(ms)
    if ms % _DAY_MS:
        return Fault(prop.name, "INVALID_DATE", f"{text} is at {iso(ms)[11:]} and is not midnight UTC.")
    return iso(ms)[:10]


def _choice(prop: Property, text: str, before: str | None) -> str | Fault | None:
    allowed = prop.allowed()
    if not prop.multiple:
        if prop.type == "bool":
            text = text.lower()
        return text if text in allowed else _bad_option(prop, text)
    wanted = [part for part in text.split(";") if part]
    for part in wanted:
        if part not in allowed:
            return _bad_option(prop, part)
    standing = [part for part in (before or "").split(";") if part] if text.startswith(";") else []
    return ";".join(dict.fromkeys([*standing, *wanted])) or None


def _bad_option(prop: Property, text: str) -> Fault:
    labels = ", ".join(f'label: "{option.label}", value: "{option.value}"' for option in prop.options)
    return Fault(prop.name, "INVALID_OPTION", f"{text} was not one of the allowed options: [{labels}]")


def contact_conflict(id_: int) -> ApiError:
    """A second contact with an address that another one has."""
    return ApiError(409, "CONFLICT", f"Contact already exists. Existing ID: {id_}")


def _unique(portal: Portal, kind: Kind, values: Values, own: int | None) -> None:
    """Refuses a value of a unique property that another record holds."""
    for name, value in values.items():
        definition = portal.definition(kind, name)
        if value is None or definition is None or not definition.unique:
            continue
        holder = portal.table(kind).lookup(name, [value]).get(value.lower())
        if holder is not None and holder != own:
            if (kind.name, name) == ("contacts", "email"):
                raise contact_conflict(holder)
            message = f"Cannot set PropertyValueCoordinates: {name} value {value} is already held by {holder}"
            raise property_error([Fault(name, "CONFLICTING_UNIQUE_VALUE", message)])


@dataclass(frozen=True)
class Prepared:
    """A write that was checked and can no longer be refused."""

    kind: Kind
    id: int | None
    values: Values
    before: Row | None = None


def prepare(portal: Portal, kind: Kind, values: object, id_: int | None, before: Row | None = None) -> Prepared:
    """Checks a write without doing it; `id_` None is a new record. `before` saves a look-up of the record."""
    if not isinstance(values, dict):
        raise invalid("Invalid input JSON: properties must be an object")
    if before is None and id_ is not None:
        before = portal.table(kind).fetch([id_], values)[0]
    result = checked(portal, kind, values, before.values if before else {})
    _unique(portal, kind, result, id_)
    return Prepared(kind, id_, result, before)


def commit(portal: Portal, write: Prepared, source: Source = API) -> int:
    """Does a checked write; returns the record's id."""
    table, now = portal.table(write.kind), portal.clock.now_ms()
    values = dict(write.values)
    follows = write.kind is CONTACTS and "associatedcompanyid" in values
    company = values.pop("associatedcompanyid", None)
    if write.id is None:
        id_ = table.create({name: value for name, value in values.items() if value is not None}, now, source)
    else:
        id_ = write.id
        table.update(id_, values, now, source, write.before)
    if follows and (company is not None or write.id is not None):
        target = portal.table(COMPANIES).survivor(int(company)) if company is not None else None
        portal.set_primary_company(id_, target, source)
    return id_


def by_id_property(portal: Portal, kind: Kind, name: str | None, values: list[str], verb: str) -> dict[str, int]:
    """Live records by record id (`name` None) or by a unique property; what is not found is left out."""
    table = portal.table(kind)
    if name is None or (name == "hs_object_id" and verb == "read"):
        found = {}
        for value in values:
            id_ = object_id(value)
            if id_ is not None and table.live(id_):
                found[value] = id_
        return found
    definition = portal.definition(kind, name)
    if definition is None or not definition.unique:
        raise invalid(f"Unable to perform {verb} by non-unique {kind.type_id} property {name}")
    by_value = table.lookup(name, values)
    return {value: by_value[value.lower()] for value in values if value.lower() in by_value}
