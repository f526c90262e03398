"""A HubSpot portal's files as a Salesforce org's, for the local org: what docs/crosswalk.md says, and nothing else.

What Salesforce cannot say is taken out first (`crosswalk.sayable`); what is left is spelt in Salesforce's words here,
and nothing is lost by that. The same files give the same bytes, whatever the order of their rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from crmsync.connectors.salesforce.settings import api_name
from crmsync.demo.crosswalk import CONTACTED, ENGAGED, day, rounded, sayable
from crmsync.demo.crosswalk_words import BUYING_ROLES, INDUSTRIES, STAGES, TYPES
from crmsync.demo.portal_files import Row, Tables, read_tables, write_rows
from crmsync.sandbox.common.clock import parse_ms
from crmsync.sandbox.salesforce import ids

_OBJECTS = {"companies": "Account", "contacts": "Contact", "deals": "Opportunity", "owners": "User"}
_PLAIN_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_MANAGER = "manager"
_CUSTOM = {
    "web_technologies": "Technologies__c",
    "lifecyclestage": "Lifecycle_Stage__c",
    "hs_linkedin_url": "LinkedIn_URL__c",
    "twitterhandle": "X_Handle__c",
    "total_money_raised": "Total_Money_Raised__c",
}
"""C6: HubSpot's property -> the field of one's own that mappings/salesforce.yaml names for it."""
_SPELT: dict[str, tuple[str, ...]] = {
    "companies": (
        "name", "domain", "industry", "numberofemployees", "annualrevenue", "city", "state", "country", "founded_year",
        "is_public", "type", "hs_parent_company_id", ENGAGED,
    ),
    "contacts": (
        "firstname", "lastname", "email", "jobtitle", "associatedcompanyid", "hs_buying_role", "email_bounced",
        CONTACTED, ENGAGED,
    ),
    "deals": ("dealname", "amount", "dealstage", "closedate"),
}  # fmt: skip
_ALL = (
    "hs_object_id", "createdate", "hs_lastmodifieddate", "lastmodifieddate", "hubspot_owner_id",
    "associations.companies", "associations.contacts",
)  # fmt: skip
_Speller = Callable[[Row], Row]


@dataclass(frozen=True)
class Converted:
    """What was written: the folder for the local org, and by HubSpot file its ids to Salesforce's.

    `held`: by object the records with what crmsync wrote to them earlier, `Id` and the fields that have a value.
    """

    folder: Path
    ids: dict[str, dict[str, str]]
    held: dict[str, list[Row]]


def as_salesforce(
    portal: Path | Tables, folder: Path, *, prefix: str = "abm_", standard_industries: bool = False, owned: bool = True
) -> Converted:
    """Write Account.csv, Contact.csv, Opportunity.csv, OpportunityContactRole.csv and User.csv into `folder`.

    `portal`: a folder of HubSpot's files, or their rows. `standard_industries`: the org has the 32 industries that it
    came with, and no more (C1). `owned`: the columns that start with `prefix` stand in the files, as ABM_*__c (C18);
    without it they are in `held` alone, for an org in which those fields are made first.
    """
    tables = portal if isinstance(portal, Tables) else read_tables(portal)
    tables = sayable(tables, standard_industries=standard_industries)
    spelling = _Spelling(tables, prefix, owned)
    folder.mkdir(parents=True)
    for name, rows in spelling.files().items():
        write_rows(folder / f"{name}.csv", rows)
    return Converted(folder, spelling.ids, spelling.held())


class _Spelling:
    def __init__(self, tables: Tables, prefix: str, owned: bool) -> None:
        self.tables = tables
        self.prefix = prefix
        self.owned = owned
        self.ids = {file: self._ids(file, object_) for file, object_ in _OBJECTS.items()}

    def _ids(self, file: str, object_: str) -> dict[str, str]:
        """Ids in the order of HubSpot's, so that whatever is settled by id is settled alike."""
        given = sorted((row["id" if file == "owners" else "hs_object_id"] for row in self.tables.of(file)), key=_order)
        return {id_: ids.make(ids.PREFIXES[object_], number) for number, id_ in enumerate(given, start=1)}

    def files(self) -> dict[str, list[Row]]:
        return {
            "Account": self._spell("companies", self._account),
            "Contact": self._spell("contacts", self._contact),
            "Opportunity": self._spell("deals", self._opportunity),
            "OpportunityContactRole": self._roles(),
            "User": [self._user(row) for row in self._in_order("owners", "id")],
        }

    def _in_order(self, file: str, key: str = "hs_object_id") -> list[Row]:
        return sorted(self.tables.of(file), key=lambda row: _order(row[key]))

    def _spell(self, file: str, spell: _Speller) -> list[Row]:
        return [self._common(file, row) | spell(row) | self._further(file, row) for row in self._in_order(file)]

    def _common(self, file: str, row: Row) -> Row:
        modified = row.get("lastmodifieddate" if file == "contacts" else "hs_lastmodifieddate", "")
        created, changed = _moment(row.get("createdate", "")), _moment(modified)
        return {
            "Id": self.ids[file][row["hs_object_id"]],
            "OwnerId": self.ids["owners"][row["hubspot_owner_id"]],
            "CreatedDate": created or changed,
            "LastModifiedDate": changed or created,
            "SystemModstamp": changed or created,
        }

    def _account(self, row: Row) -> Row:
        domain, industry = row.get("domain", ""), row.get("industry", "")
        return {
            "Name": row["name"],
            "Website": f"https://www.{domain}" if _PLAIN_DOMAIN.fullmatch(domain) else domain,
            "Industry": INDUSTRIES.get(industry, industry),
            "NumberOfEmployees": rounded(row.get("numberofemployees", ""), 0),
            "AnnualRevenue": row.get("annualrevenue", ""),
            "BillingCity": row.get("city", ""),
            "BillingState": row.get("state", ""),
            "BillingCountry": row.get("country", ""),
            "YearStarted": row.get("founded_year", ""),
            "Ownership": {"true": "Public", "false": "Private"}.get(row.get("is_public", "").strip().lower(), ""),
            "Type": TYPES.get(row.get("type", ""), ""),
            "ParentId": self.ids["companies"].get(row.get("hs_parent_company_id", ""), ""),
            "LastActivityDate": day(row.get(ENGAGED, "")),
        }

    def _contact(self, row: Row) -> Row:
        roles = [part for part in row.get("hs_buying_role", "").split(";") if part]
        colleagues = (part.partition(":") for part in row.get("associations.contacts", "").split(";"))
        manager = next((id_ for id_, _, label in colleagues if label.strip().lower() == _MANAGER), "")
        return {
            "FirstName": row.get("firstname", ""),
            "LastName": row["lastname"],
            "Title": row.get("jobtitle", ""),
            "Email": row.get("email", ""),
            "AccountId": self.ids["companies"].get(row.get("associatedcompanyid", ""), ""),
            "ReportsToId": self.ids["contacts"].get(manager.strip(), ""),
            "BuyerAttributes": ";".join(BUYING_ROLES[role] for role in roles),
            "IsEmailBounced": row.get("email_bounced", ""),
            "LastActivityDate": day(row.get(CONTACTED, "")),
        }

    def _opportunity(self, row: Row) -> Row:
        stage = row["dealstage"]
        return {
            "Name": row["dealname"],
            "AccountId": self.ids["companies"].get(row.get("associations.companies", ""), ""),
            "Amount": row.get("amount", ""),
            "StageName": STAGES.get(stage, stage),
            "IsClosed": str(stage in {"closedwon", "closedlost"}).lower(),
            "IsWon": str(stage == "closedwon").lower(),
            "CloseDate": day(row["closedate"]),
        }

    def _roles(self) -> list[Row]:
        """One row for each contact of a deal and each label of it; the first is the primary one."""
        found: list[Row] = []
        for deal in self._in_order("deals"):
            parts = list(dict.fromkeys(deal.get("associations.contacts", "").split(";")))
            linked = [(id_.strip(), label.strip()) for id_, _, label in (part.partition(":") for part in parts)]
            linked = [(id_, label) for id_, label in linked if id_ in self.ids["contacts"]]
            for at, (id_, label) in enumerate(linked):
                number = len(found) + 1
                found.append({
                    "Id": ids.make(ids.PREFIXES["OpportunityContactRole"], number),
                    "OpportunityId": self.ids["deals"][deal["hs_object_id"]],
                    "ContactId": self.ids["contacts"][id_],
                    "Role": label,
                    "IsPrimary": str(at == 0).lower(),
                })  # fmt: skip
        return found

    def _user(self, row: Row) -> Row:
        """C5: a user needs a user name and an address; one without has an address that reaches nobody."""
        address = row.get("email") or f"owner-{row['id']}@users.invalid"
        return {
            "Id": self.ids["owners"][row["id"]],
            "Username": f"{row['id']}.{address}",
            "Email": address,
            "FirstName": row.get("firstName", ""),
            "LastName": row.get("lastName") or row["id"],
            "Division": row.get("teams", ""),
            "IsActive": str(row.get("archived", "") != "true").lower(),
        }

    def held(self) -> dict[str, list[Row]]:
        """C18: what stands in the properties that start with the prefix."""
        found: dict[str, list[Row]] = {}
        for file in ("companies", "contacts"):
            rows = [(self.ids[file][row["hs_object_id"]], self._ours(row)) for row in self._in_order(file)]
            found[_OBJECTS[file]] = [{"Id": id_} | ours for id_, ours in rows if ours]
        return found

    def _ours(self, row: Row) -> Row:
        held = ((name, value) for name, value in row.items() if name.startswith(self.prefix) and value)
        return {api_name(self.prefix, name): value for name, value in held}

    def _further(self, file: str, row: Row) -> Row:
        """C6 and C18: every other property as a field of one's own."""
        found: Row = {}
        for name, value in row.items():
            if name in _ALL or name in _SPELT[file]:
                continue
            if name.startswith(self.prefix):
                if self.owned:
                    found[api_name(self.prefix, name)] = value
            else:
                found[_CUSTOM.get(name) or custom_name(name)] = value
        return found


def _order(id_: str) -> tuple[int, str]:
    """HubSpot's ids are numbers: the shorter one is the smaller."""
    return len(id_), id_


def custom_name(name: str) -> str:
    """`product_line` -> `Product_Line__c`: the API name of a field of one's own for a HubSpot property."""
    words = re.sub(r"[^A-Za-z0-9]+", "_", name).strip("_").split("_")
    return "_".join(word[:1].upper() + word[1:] for word in words) + "__c"


def _moment(text: str) -> str:
    ms = parse_ms(text) if text else None
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{ms % 1000:03d}Z"
