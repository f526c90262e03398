"""What Salesforce cannot hold of a HubSpot portal, line by line (docs/crosswalk.md), as changes of the HubSpot files.

Each line takes from a portal just what would be lost on the way, still in HubSpot's words. A portal with all of it
taken is what Salesforce can say without loss, so a difference in results has a cause that can be tried: take one line
alone, assess again, and see whether the result moves. Prevents a difference from being explained by a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import partial

from crmsync.demo.crosswalk_words import BUYING_ROLES, EMAIL_LENGTH, INDUSTRIES, LENGTHS, TYPES
from crmsync.demo.portal_files import Row, Tables
from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.hubspot import options

NOBODY = "999999999999999"
"""The owner id of records that have none; no portal gives one so long."""
CONTACTED, ENGAGED = "notes_last_contacted", "hs_last_sales_activity_timestamp"


@dataclass(frozen=True)
class Line:
    """One line of the crosswalk. `loses` makes a portal what it is after the way; None where nothing is lost."""

    name: str
    title: str
    loses: Callable[[Tables], Tables] | None = None


FIRST_STAGE = "appointmentscheduled"

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_YEAR = re.compile(r"[0-9]{4}")
_DATES = {
    "companies": (ENGAGED,),
    "contacts": (CONTACTED, ENGAGED),
    "deals": ("closedate",),
}


def other_industries_are_none(tables: Tables) -> Tables:
    """C1 where the org's list of industries is the one it came with: any other is no industry."""
    return _of_column(tables, "companies", "industry", partial(_among, INDUSTRIES))


def _industries(tables: Tables) -> Tables:
    return _of_column(tables, "companies", "industry", partial(_among, options.INDUSTRIES))


def _types(tables: Tables) -> Tables:
    return _of_column(tables, "companies", "type", partial(_among, TYPES))


def _buying_roles(tables: Tables) -> Tables:
    """One word that nobody knows makes all of a person's words unknown (mappings: values)."""

    def change(text: str) -> str:
        words = [part.strip() for part in text.split(";") if part.strip()]
        return ";".join(word.upper() for word in words) if all(_among(BUYING_ROLES, word) for word in words) else ""

    return _of_column(tables, "contacts", "hs_buying_role", change)


def _among(known: Collection[str], text: str) -> str:
    word = text.strip().upper()
    return word if word in known else ""


def _stages(tables: Tables) -> Tables:
    return tables.each("deals", lambda row: {"dealstage": row.get("dealstage", "").strip() or FIRST_STAGE})


def _close_dates(tables: Tables) -> Tables:
    def change(row: Row) -> Row:
        given = [day(row.get(name, "")) for name in ("closedate", "createdate", "hs_lastmodifieddate")]
        return {"closedate": row.get("closedate", "") if given[0] else next(filter(None, given), LAST_RESORT)}

    return tables.each("deals", change)


LAST_RESORT = "2026-12-31"
"""The close date of a deal without any date."""


def _names(tables: Tables) -> Tables:
    tables = tables.each("companies", lambda row: {"name": row.get("name") or row.get("domain") or "[not provided]"})
    tables = tables.each("contacts", lambda row: {"lastname": row.get("lastname") or "[not provided]"})
    return tables.each("deals", lambda row: {"dealname": row.get("dealname") or "[not provided]"})


def _one_company(tables: Tables) -> Tables:
    known = {row["hs_object_id"] for row in tables.companies}

    def change(row: Row) -> Row:
        linked = [part for part in row.get("associations.companies", "").split(";") if part.split(":")[0] in known]
        return {"associations.companies": linked[0].split(":")[0] if linked else ""}

    return tables.each("deals", change)


def _lengths(tables: Tables) -> Tables:
    for file, lengths in LENGTHS.items():
        for name, most in lengths.items():
            tables = _of_column(tables, file, name, partial(_cut, most))
    return tables


def _cut(most: int, text: str) -> str:
    return text.strip()[:most].strip()


def _owners(tables: Tables) -> Tables:
    """Every record has an owner: who is not in the portal any more, and nobody, are users who are not active."""
    owning = ("companies", "contacts", "deals")
    for file in owning:
        tables = tables.each(file, lambda row: {"hubspot_owner_id": row.get("hubspot_owner_id", "").strip() or NOBODY})
    named = {row["hubspot_owner_id"] for file in owning for row in tables.of(file)}
    gone = sorted((named | {NOBODY}) - {row["id"] for row in tables.owners})
    added = ({"id": id_, "firstName": "No" if id_ == NOBODY else "Former", "lastName": "Owner"} for id_ in gone)
    return replace(tables, owners=(*tables.owners, *(row | {"archived": "true"} for row in added)))


def _days(tables: Tables) -> Tables:
    for file, names in _DATES.items():
        for name in names:
            tables = _of_column(tables, file, name, lambda text: day(text) or text)
    return tables


def _one_activity_date(tables: Tables) -> Tables:
    """Both of a contact's dates are the later one."""

    def change(row: Row) -> Row:
        latest = max(row.get(CONTACTED, ""), row.get(ENGAGED, ""), key=lambda text: parse_ms(text or "0") or 0)
        return {CONTACTED: latest, ENGAGED: latest}

    return tables.each("contacts", change)


def _typed(tables: Tables) -> Tables:
    """A number, a date or an address that is none has no place in a field of that type."""
    checks: list[tuple[str, str, Callable[[str], bool]]] = [
        ("companies", "annualrevenue", lambda text: _number(text, Decimal(10) ** 18) is not None),
        ("companies", "numberofemployees", _is_whole),
        ("companies", "founded_year", lambda text: bool(_YEAR.fullmatch(text))),
        ("companies", "is_public", lambda text: text.lower() in {"true", "false"}),
        ("contacts", "email", lambda text: bool(_EMAIL.fullmatch(text)) and len(text) <= EMAIL_LENGTH),
        ("deals", "amount", lambda text: _number(text, Decimal(10) ** 14) is not None),
        *((file, name, lambda text: bool(day(text))) for file, names in _DATES.items() for name in names),
    ]
    for file, name, fits in checks:
        tables = _of_column(tables, file, name, partial(_fitting, fits))
    return tables


def _is_whole(text: str) -> bool:
    number = _number(text, Decimal(2**31))
    return number is not None and number == number.to_integral_value()


def _fitting(fits: Callable[[str], bool], text: str) -> str:
    return text if fits(text.strip()) else ""


def _rounding(tables: Tables) -> Tables:
    tables = _of_column(tables, "companies", "annualrevenue", lambda text: rounded(text, 0))
    return _of_column(tables, "deals", "amount", lambda text: rounded(text, 2))


def _references(tables: Tables) -> Tables:
    companies = {row["hs_object_id"] for row in tables.companies}

    def kept(text: str) -> str:
        return text if text.strip() in companies else ""

    tables = _of_column(tables, "companies", "hs_parent_company_id", kept)
    return _of_column(tables, "contacts", "associatedcompanyid", kept)


def _of_column(tables: Tables, file: str, name: str, change: Callable[[str], str]) -> Tables:
    """`change` over the values of one column; a file without it stays as it is."""
    return tables.each(file, lambda row: {name: change(row[name])} if row.get(name) else {})


def day(text: str) -> str:
    """The day in UTC of a date-time as HubSpot's exports write it; empty where it is none."""
    ms = parse_ms(text) if text else None
    if ms is None:
        return ""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return ""


def _number(text: str, limit: Decimal) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < limit else None


def rounded(text: str, digits: int) -> str:
    """A number with at most so many decimals, half a unit away from zero; other text as it is."""
    number = _number(text, Decimal(10) ** 24)
    return text if number is None else f"{number.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP):f}"


LINES: tuple[Line, ...] = (
    Line("C1", "Industries", _industries),
    Line("C2", "Stages", _stages),
    Line("C3", "Close dates", _close_dates),
    Line("C4", "Names that are missing", _names),
    Line("C5", "Owners and their e-mail"),
    Line("C6", "Properties without a field"),
    Line("C7", "Deals of several companies, or of none", _one_company),
    Line("C8", "Long texts", _lengths),
    Line("C9", "Records without an owner", _owners),
    Line("C10", "Days instead of moments", _days),
    Line("C11", "One date of activity", _one_activity_date),
    Line("C12", "Buying roles", _buying_roles),
    Line("C13", "Company types", _types),
    Line("C14", "Values that a typed field refuses", _typed),
    Line("C15", "Rounding", _rounding),
    Line("C16", "References to nothing", _references),
    Line("C17", "Listed or not"),
    Line("C18", "What crmsync wrote"),
)
"""The lines of docs/crosswalk.md. Losses are taken in the order of ORDER, of which each stands on the ones before."""

ORDER = ("C1", "C12", "C13", "C14", "C15", "C16", "C2", "C3", "C4", "C7", "C8", "C9", "C10", "C11")


def losses(*, standard_industries: bool = False) -> dict[str, Callable[[Tables], Tables]]:
    """What each line takes, in the order in which they are taken."""
    taken = {line.name: line.loses for line in LINES if line.loses is not None}
    taken |= {"C1": other_industries_are_none} if standard_industries else {}
    return {name: taken[name] for name in ORDER}


def sayable(tables: Tables, *, standard_industries: bool = False) -> Tables:
    """The portal with everything taken that Salesforce cannot say."""
    for lose in losses(standard_industries=standard_industries).values():
        tables = lose(tables)
    return tables
