"""The demo's portal as a company has it that sells with Salesforce and markets with HubSpot: in both, not quite alike.

Most accounts stand in both CRMs; half of them are linked by HubSpot's own integration. Each difference below is one
that such companies know, and each is told once in EDITS, so that what the demo shows can be checked by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from crmsync.demo.as_salesforce import Converted, as_salesforce
from crmsync.demo.portal_files import Row, Tables, read_tables, write_tables

LINK = "salesforceaccountid"
"""HubSpot's property for the id of the same account in Salesforce (mappings/hubspot.yaml, `counterpart`)."""

EDITS: dict[str, Row] = {
    # Salesforce knows what HubSpot lacks.
    "1027": {"annualrevenue": "12000000"},
    # The CRMs disagree; HubSpot's value counts, as the config says.
    "1001": {"name": "Bergmoor Maschinenbau GmbH", "numberofemployees": "435"},
    # No website in Salesforce: found by name and place.
    "1010": {"name": "Lindgrund Werkzeuge GmbH", "domain": ""},
    # Somebody else's website: the same domain, another name in another country. A person decides.
    "1018": {"name": "Blauwe Kade Logistiek", "city": "Antwerpen", "country": "Belgium"},
}
"""What Salesforce says otherwise, by HubSpot's id."""

TWICE = {"1901": "1035"}
"""A duplicate in Salesforce: a second record with the values of another. Nobody guesses which is HubSpot's."""

ONLY_HUBSPOT = ("1036", "1037", "1038", "1045")
ONLY_SALESFORCE: dict[str, Row] = {
    "1902": {
        "name": "Halden Prüftechnik", "domain": "haldenprueftechnik.example", "industry": "MACHINERY",
        "numberofemployees": "240", "annualrevenue": "33000000", "city": "Ulm", "state": "Baden-Württemberg",
        "country": "Germany", "founded_year": "1984", "web_technologies": "salesforce", "type": "PROSPECT",
        "is_public": "false", "hubspot_owner_id": "304", "createdate": "2026-09-01T09:00:00.000Z",
        "hs_lastmodifieddate": "2026-09-01T09:00:00.000Z",
    },
}  # fmt: skip
"""An account that sales has, and marketing does not know yet."""

APART = frozenset({"1010", "1018", "1035"})
"""Accounts in both that HubSpot's integration has not linked; of the rest, those with even ids, and 1001, it has."""


@dataclass(frozen=True)
class TwoWorlds:
    """`hubspot`: the folder of the portal; `salesforce`: the org, with its ids by HubSpot's."""

    hubspot: Path
    salesforce: Converted


def two_worlds(portal: Path, folder: Path) -> TwoWorlds:
    """Write the portal of `portal` as two CRMs below `folder`. Nothing of crmsync's stands in Salesforce yet."""
    tables = read_tables(portal)
    org = as_salesforce(_salesforce(tables), folder / "salesforce", owned=False)
    linked = {
        id_: theirs
        for id_, theirs in org.ids["companies"].items()
        if (int(id_) % 2 == 0 or id_ == "1001") and id_ not in APART | TWICE.keys() | ONLY_SALESFORCE.keys()
    }
    hubspot = tables.each("companies", lambda row: {LINK: linked.get(row["hs_object_id"], "")})
    return TwoWorlds(write_tables(hubspot, folder / "hubspot"), replace(org, held={}))


def _salesforce(tables: Tables) -> Tables:
    """What stands in Salesforce, still in HubSpot's words; who works at an account that is not there is not either."""
    by_id = {row["hs_object_id"]: row for row in tables.companies}
    blank = dict.fromkeys(tables.companies[0], "")
    companies = [row for row in tables.companies if row["hs_object_id"] not in ONLY_HUBSPOT]
    companies += [by_id[id_] | {"hs_object_id": twin} for twin, id_ in TWICE.items()]
    companies += [blank | row | {"hs_object_id": id_} for id_, row in ONLY_SALESFORCE.items()]
    contacts = [row for row in tables.contacts if row["associatedcompanyid"] not in ONLY_HUBSPOT]
    deals = [row for row in tables.deals if row["associations.companies"] not in ONLY_HUBSPOT]
    there = replace(tables, companies=tuple(companies), contacts=tuple(contacts), deals=tuple(deals))
    return there.each("companies", lambda row: EDITS.get(row["hs_object_id"], {}))
