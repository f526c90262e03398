"""Portals full of what people type: Salesforce says the same of them as HubSpot says of what Salesforce can hold.

A law of the crosswalk, tried on portals drawn from a seed: a value is replaced, one in four, by one that is blank, out
of range, misspelt, in another form, or leads nowhere.
"""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from parity_house import Project, compare

from crmsync.demo import PORTAL, PROGRAM
from crmsync.demo.portal_files import Tables, read_tables

TYPED: dict[str, dict[str, tuple[str, ...]]] = {
    "companies": {
        "industry": ("", "machinery", " MACHINERY ", "Robots", "BANKING", "OIL_ENERGY", "AUTOMOTIVE", "Other"),
        "numberofemployees": ("", "60", "60.0", "6e1", "+60", "1,000", "-5", "99999999999", "60.5", " 70 ", "2500"),
        "annualrevenue": (
            "", "5000000", "4999999.5", "5e6", "1e30", "-3", "12,5", "499999999.999", "500000000.4", "500000000.5",
        ),
        "country": ("", "DE", "GERMANY", "Deutschland", "Nowhere", "USA", "ÖSTERREICH", "United " + "x" * 80),
        "state": ("", "CA", "California", "BY", "x" * 90),
        "city": ("", "Zürich", "y" * 60, 'A "quoted", city', "two\nlines"),
        "domain": ("", "https://WWW.acme.example/x", "mail@acme.example", "münchen.example", "-", "localhost"),
        "founded_year": ("", "1999", "99", "1999.0", "year"),
        "is_public": ("", "true", "FALSE", "yes", "maybe"),
        "type": ("", "PARTNER", "partner", "Reseller", "VENDOR", "FRIEND"),
        "lifecyclestage": ("", "customer", "Customer", "lead"),
        "web_technologies": ("", "SALESFORCE", "sap; hubspot;", "hubspot;hubspot", ";;"),
        "hubspot_owner_id": ("", "301", "302", "999"),
        "hs_parent_company_id": ("", "1001", "1002", "88888"),
        "hs_last_sales_activity_timestamp": ("", "2026-10-03T23:59:59.999Z", "1767225600000", "2026-05-04", "lately"),
    },
    "contacts": {
        "lastname": ("", "Lee", "w" * 100),
        "email": ("", "A@B.example", "a@b.example", "no", "a b@c.example", "x" * 100 + "@long.example"),
        "jobtitle": ("", "CFO", "IT Manager", "Chief" + " of" * 60 + " Finance Officer", "VP Procurement", " CEO "),
        "associatedcompanyid": ("", "1001", "1003", "99999"),
        "hs_buying_role": ("", "DECISION_MAKER", "decision_maker;champion", "CHIEF", "OTHER;BLOCKER"),
        "notes_last_contacted": ("", "2025-11-01T00:00:00.000Z", "2025-10-31T23:59:59.000Z", "never", "1767225600000"),
        "hs_last_sales_activity_timestamp": ("", "2026-09-01T12:00:00Z", "2024-01-01", "2025-11-01T10:00:00Z"),
        "hubspot_owner_id": ("", "301", "999"),
    },
    "deals": {
        "dealname": ("", "Deal", "d" * 200),
        "amount": ("", "100", "100.005", "0.004", "-5", "-0.005", "1e5", "many", "1e20", " 300000 "),
        "dealstage": ("", "closedwon", "closedlost", "appointmentscheduled", "custom_stage", "CLOSEDWON"),
        "closedate": (
            "", "2026-11-01T00:00:00.000Z", "2026-11-01T08:00:00Z", "2023-11-01T00:00:00Z", "2023-11-01T01:00:00+02:00",
            "2026-12-31", "soon", "1767225600000",
        ),
        "createdate": ("", "2024-05-05T10:00:00Z"),
        "associations.companies": ("", "1001", "1002;1003", "77777;1004", "1003", "77777"),
        "associations.contacts": (
            "", "5001", "5001:Decision Maker;5002", "5003:Economic Buyer;5003:Champion", "44444:Champion;5004:end user",
        ),
        "hubspot_owner_id": ("", "303"),
    },
}  # fmt: skip


def drawn(seed: int) -> Tables:
    """The demo's portal with a quarter of its values typed anew."""
    chance, tables = random.Random(seed), read_tables(PORTAL)
    for file, columns in TYPED.items():
        rows = [
            row | {name: chance.choice(typed) for name, typed in columns.items() if chance.random() < 0.25}
            for row in tables.of(file)
        ]
        named = dict.fromkeys(columns, "")
        tables = replace(tables, **{file: tuple(named | row for row in rows)})
    return tables


@pytest.mark.parametrize("seed", [11])
def test_salesforce_says_what_hubspot_says_of_what_salesforce_can_hold(seed: int, tmp_path: Path) -> None:
    parity = compare(Project(tmp_path, PROGRAM), drawn(seed))
    assert parity.unexplained == {}
    assert len(parity.differing) > 20, "otherwise there is little to explain"
    assert parity.by_line.keys() == parity.differing.keys(), "every difference has its line"
    assert len({line.split(",")[0] for line in parity.by_line.values()}) >= 5, "of several lines"
