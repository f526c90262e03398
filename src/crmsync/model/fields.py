"""Canonical objects and their fields: what a program may name, with type and unit.

A connector's mapping says which CRM property feeds which field; nothing past the snapshot knows a CRM's names.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import polars as pl

ObjectName = Literal["company", "contact", "deal"]
OBJECTS: tuple[ObjectName, ...] = ("company", "contact", "deal")


class Kind(StrEnum):
    """Type of a field. MONEY is in whole minor units (cents); SET is a list of strings."""

    ID = "id"
    TEXT = "text"
    ENUM = "enum"
    INTEGER = "integer"
    MONEY = "money"
    BOOLEAN = "boolean"
    DATETIME = "datetime"
    SET = "set"
    COUNTRY = "country"
    REGION = "region"
    DOMAIN = "domain"

    @property
    def dtype(self) -> pl.DataType:
        """The Polars type of a column of this kind."""
        match self:
            case Kind.INTEGER | Kind.MONEY:
                return pl.Int64()
            case Kind.BOOLEAN:
                return pl.Boolean()
            case Kind.DATETIME:
                return pl.Datetime("us", "UTC")
            case Kind.SET:
                return pl.List(pl.String())
            case _:
                return pl.String()

    @property
    def is_text(self) -> bool:
        return self.dtype == pl.String()


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical field. `unit` is for people ("minor units of the program's currency").

    `derived`: no CRM property feeds it; a system of `assess/` works it out from other fields before it is asked for.
    `at_least`: where a part of such a figure is missing it is null, and `least.<name>` holds what it is at least.
    """

    name: str
    kind: Kind
    label: str
    unit: str = ""
    derived: bool = False
    at_least: bool = False


def _fields(*fields: Field) -> dict[str, Field]:
    return {field.name: field for field in fields}


ACCOUNT = _fields(
    Field("id", Kind.ID, "Record id"),
    Field("name", Kind.TEXT, "Name"),
    Field("domain", Kind.DOMAIN, "Domain"),
    Field("industry", Kind.ENUM, "Industry"),
    Field("employees", Kind.INTEGER, "Employees", "people"),
    Field("revenue", Kind.MONEY, "Annual revenue", "minor units of the program's currency"),
    Field("city", Kind.TEXT, "City"),
    Field("region", Kind.REGION, "State or region"),
    Field("country", Kind.COUNTRY, "Country", "ISO 3166-1 alpha-2"),
    Field("founded_year", Kind.INTEGER, "Year founded", "year"),
    Field("technologies", Kind.SET, "Technologies"),
    Field("is_public", Kind.BOOLEAN, "Publicly listed"),
    Field("parent", Kind.ID, "Parent company"),
    Field("owner", Kind.ID, "Owner"),
    Field("type", Kind.ENUM, "Company type"),
    Field("lifecycle_stage", Kind.ENUM, "Lifecycle stage"),
    Field("created_at", Kind.DATETIME, "Created", "UTC"),
    Field("modified_at", Kind.DATETIME, "Last modified", "UTC"),
    Field("counterpart", Kind.ID, "Same record in the other CRM", "as the CRMs' own integration keeps it"),
    Field("last_engaged_at", Kind.DATETIME, "Last engagement", "UTC"),
    Field("website_clean", Kind.BOOLEAN, "Clean website"),
    Field("price", Kind.MONEY, "Their price", "minor units of the program's currency"),
    Field("customers", Kind.INTEGER, "Their customers"),
    Field("money_raised", Kind.MONEY, "Total money raised", "minor units of the program's currency"),
    Field("funding_rounds", Kind.INTEGER, "Funding rounds"),
    Field("annual_report_match", Kind.BOOLEAN, "Annual report matches ours"),
    Field("standardised", Kind.BOOLEAN, "Standardised on us"),
    Field("share_of_wallet", Kind.INTEGER, "Share of wallet", "per cent"),
    Field("referenceable", Kind.BOOLEAN, "Referenceable"),
    Field("executive_sponsor", Kind.TEXT, "Executive sponsor"),
    Field("managed", Kind.BOOLEAN, "Has an active owner", derived=True),
    Field("purchases", Kind.INTEGER, "Won deals", derived=True, at_least=True),
    Field("spend", Kind.MONEY, "Won amount", "minor units of the program's currency", derived=True, at_least=True),
    Field("last_purchase_at", Kind.DATETIME, "Last won deal", "UTC", derived=True),
    Field("open_deals", Kind.INTEGER, "Open deals", derived=True, at_least=True),
    Field("subsidiaries", Kind.INTEGER, "Subsidiaries, at any depth", derived=True, at_least=True),
    Field(
        "group_revenue",
        Kind.MONEY,
        "Revenue of the group",
        "minor units of the program's currency",
        derived=True,
        at_least=True,
    ),
    Field("group_employees", Kind.INTEGER, "Employees of the group", "people", derived=True, at_least=True),
    Field(
        "group_spend",
        Kind.MONEY,
        "Won amount of the group",
        "minor units of the program's currency",
        derived=True,
        at_least=True,
    ),
    Field("group_contacts", Kind.INTEGER, "Contacts of the group", derived=True, at_least=True),
    Field("group_territories", Kind.INTEGER, "Territories of the group", derived=True, at_least=True),
)

CONTACT = _fields(
    Field("id", Kind.ID, "Record id"),
    Field("first_name", Kind.TEXT, "First name"),
    Field("last_name", Kind.TEXT, "Last name"),
    Field("title", Kind.TEXT, "Job title"),
    Field("email", Kind.TEXT, "E-mail"),
    Field("account", Kind.ID, "Primary company"),
    Field("linkedin_url", Kind.TEXT, "LinkedIn profile"),
    Field("twitter", Kind.TEXT, "X handle"),
    Field("last_contacted_at", Kind.DATETIME, "Last contacted", "UTC"),
    Field("last_engaged_at", Kind.DATETIME, "Last engagement", "UTC"),
    Field("bounced", Kind.BOOLEAN, "E-mail bounced"),
    Field("left_company", Kind.BOOLEAN, "Has left the company"),
    Field("buying_role", Kind.SET, "Buying roles in the CRM"),
    Field("reports_to", Kind.ID, "Reports to"),
    Field("direct_reports", Kind.INTEGER, "Direct reports", derived=True),
    Field("owner", Kind.ID, "Owner"),
    Field("created_at", Kind.DATETIME, "Created", "UTC"),
    Field("modified_at", Kind.DATETIME, "Last modified", "UTC"),
    Field("counterpart", Kind.ID, "Same record in the other CRM", "as the CRMs' own integration keeps it"),
)

DEAL = _fields(
    Field("id", Kind.ID, "Record id"),
    Field("name", Kind.TEXT, "Name"),
    Field("amount", Kind.MONEY, "Amount", "minor units of the program's currency"),
    Field("stage", Kind.ENUM, "Stage"),
    Field("pipeline", Kind.ENUM, "Pipeline"),
    Field("is_won", Kind.BOOLEAN, "Won"),
    Field("is_closed", Kind.BOOLEAN, "Closed"),
    Field("created_at", Kind.DATETIME, "Created", "UTC"),
    Field("closed_at", Kind.DATETIME, "Close date", "UTC"),
    Field("owner", Kind.ID, "Owner"),
    Field("accounts", Kind.SET, "Companies"),
    Field("contacts", Kind.SET, "Contacts"),
    Field("contact_roles", Kind.SET, "Contact roles", "<contact id>:<role in snake case>, one an entry"),
    Field("product", Kind.TEXT, "Product"),
    Field("unit", Kind.TEXT, "Unit of the customer"),
    Field("country", Kind.COUNTRY, "Country of use", "ISO 3166-1 alpha-2"),
    Field("modified_at", Kind.DATETIME, "Last modified", "UTC"),
    Field("counterpart", Kind.ID, "Same record in the other CRM", "as the CRMs' own integration keeps it"),
)

FIELDS: dict[ObjectName, dict[str, Field]] = {"company": ACCOUNT, "contact": CONTACT, "deal": DEAL}
