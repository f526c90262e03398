"""A HubSpot portal as a Salesforce org: the same bytes every time, loaded whole, every line as it is written down."""

from __future__ import annotations

import csv
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from crmsync.config import load_mapping
from crmsync.demo import PORTAL
from crmsync.demo.as_salesforce import as_salesforce
from crmsync.demo.crosswalk import LINES, ORDER, losses, sayable
from crmsync.demo.crosswalk_words import BUYING_ROLES, EMAIL_LENGTH, INDUSTRIES, LENGTHS, TYPES
from crmsync.demo.portal_files import FILES, Row, Tables, read_tables
from crmsync.normalize.defaults import mappings_dir
from crmsync.sandbox.salesforce import ids, standard
from crmsync.sandbox.salesforce.load import load

ROOT = Path(__file__).resolve().parents[2]
OBJECTS = ("Account", "Contact", "Opportunity", "OpportunityContactRole", "User")

#: A portal with a case of every line; figures and words by hand.
ODD = Tables(
    companies=(
        {
            "hs_object_id": "20", "name": "", "domain": "acme.example", "industry": "banking", "type": "VENDOR",
            "annualrevenue": "1200000.5", "numberofemployees": "60.0", "founded_year": "1999", "is_public": "FALSE",
            "city": "x" * 50, "hs_parent_company_id": "77", "hubspot_owner_id": "", "web_technologies": "sap;hubspot",
            "hs_last_sales_activity_timestamp": "2026-10-03T23:30:00.000-02:00", "abm_tier_changed_at": "2026-01-01",
        },
        {
            "hs_object_id": "3", "name": "Bolt", "domain": "", "industry": "AUTOMOTIVE", "type": "FRIEND",
            "annualrevenue": "12,5 M€", "numberofemployees": "many", "founded_year": "99", "is_public": "perhaps",
            "city": "Bonn", "hs_parent_company_id": "20", "hubspot_owner_id": "301", "web_technologies": "",
            "hs_last_sales_activity_timestamp": "lately", "abm_tier_changed_at": "",
        },
    ),
    contacts=(
        {
            "hs_object_id": "5", "lastname": "", "email": "nobody", "associatedcompanyid": "20",
            "hs_buying_role": "DECISION_MAKER;LEGAL_AND_COMPLIANCE", "notes_last_contacted": "2026-09-01T00:00:00.000Z",
            "hs_last_sales_activity_timestamp": "2026-09-02T12:00:00.000Z", "associations.contacts": "",
        },
        {
            "hs_object_id": "6", "lastname": "Roe", "email": "roe@acme.example", "associatedcompanyid": "78",
            "hs_buying_role": "DECISION_MAKER;CHIEF", "notes_last_contacted": "2026-09-04T00:00:00.000Z",
            "hs_last_sales_activity_timestamp": "", "associations.contacts": "5:Manager",
        },
    ),
    deals=(
        {
            "hs_object_id": "9", "dealname": "Big", "amount": "10.005", "dealstage": "closedwon", "closedate": "",
            "createdate": "2025-05-05T10:00:00.000Z", "associations.companies": "3;20",
            "associations.contacts": "6:Economic Buyer;5;6:Champion;99", "pipeline": "default",
        },
        {
            "hs_object_id": "10", "dealname": "Small", "amount": "", "dealstage": "", "closedate": "2026-12-01",
            "createdate": "", "associations.companies": "", "associations.contacts": "", "pipeline": "default",
            "hubspot_owner_id": "299",
        },
    ),
    owners=({"id": "301", "email": "", "firstName": "Ann", "lastName": "Lee", "teams": ""},),
)  # fmt: skip


def rows_of(folder: Path, name: str) -> list[Row]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


@pytest.fixture
def odd(tmp_path: Path) -> dict[str, list[Row]]:
    folder = as_salesforce(ODD, tmp_path / "org").folder
    return {name: rows_of(folder, name) for name in OBJECTS}


def test_the_page_names_every_line_and_the_code_has_every_loss() -> None:
    page = (ROOT / "docs" / "crosswalk.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| (C[0-9]+) \| ([^|]+?) \|.*\| ([^|]+?) \|$", page, flags=re.MULTILINE)
    assert [(name, title) for name, title, _ in named] == [(line.name, line.title) for line in LINES]
    losing = {line.name for line in LINES if line.loses is not None}
    assert {name for name, _, lost in named if not lost.startswith("nothing")} | {"C4"} == losing == set(ORDER)


def test_accounts_are_spelt_as_the_page_says(odd: dict[str, list[Row]]) -> None:
    bolt, acme = odd["Account"]
    assert (bolt["Id"], acme["Id"]) == (ids.make("001", 1), ids.make("001", 2)), "in the order of HubSpot's ids"
    assert (acme["Name"], acme["Website"]) == ("acme.example", "https://www.acme.example")
    assert (acme["Industry"], bolt["Industry"]) == ("Banking", "AUTOMOTIVE")
    assert (acme["Type"], bolt["Type"]) == ("VENDOR", "")
    assert (acme["AnnualRevenue"], bolt["AnnualRevenue"]) == ("1200001", "")
    assert (acme["NumberOfEmployees"], bolt["NumberOfEmployees"]) == ("60", "")
    assert (acme["YearStarted"], bolt["YearStarted"]) == ("1999", "")
    assert (acme["Ownership"], bolt["Ownership"]) == ("Private", "")
    assert (acme["BillingCity"], acme["ParentId"], bolt["ParentId"]) == ("x" * 40, "", acme["Id"])
    assert (acme["LastActivityDate"], bolt["LastActivityDate"]) == ("2026-10-04", "")
    assert (acme["Technologies__c"], acme["ABM_Tier_Changed_At__c"]) == ("sap;hubspot", "2026-01-01")


def test_users_are_spelt_as_the_page_says(odd: dict[str, list[Row]]) -> None:
    gone, ann, nobody = odd["User"]
    assert (ann["Email"], ann["IsActive"]) == ("owner-301@users.invalid", "true")
    assert (nobody["FirstName"], nobody["LastName"], nobody["IsActive"]) == ("No", "Owner", "false")
    assert (gone["FirstName"], gone["LastName"], gone["IsActive"]) == ("Former", "Owner", "false")
    bolt, acme = odd["Account"]
    assert (bolt["OwnerId"], acme["OwnerId"]) == (ann["Id"], nobody["Id"])
    assert odd["Opportunity"][1]["OwnerId"] == gone["Id"]
    assert len({row["Username"] for row in odd["User"]}) == 3


def test_contacts_are_spelt_as_the_page_says(odd: dict[str, list[Row]]) -> None:
    nameless, roe = odd["Contact"]
    assert (nameless["LastName"], nameless["Email"], nameless["LastActivityDate"]) == (
        "[not provided]", "", "2026-09-02",
    )  # fmt: skip
    assert nameless["BuyerAttributes"] == "DecisionMaker;LEGAL_AND_COMPLIANCE"
    assert (roe["BuyerAttributes"], roe["AccountId"], roe["ReportsToId"]) == ("", "", nameless["Id"])
    assert roe["LastActivityDate"] == "2026-09-04"


def test_deals_are_spelt_as_the_page_says(odd: dict[str, list[Row]]) -> None:
    big, small = odd["Opportunity"]
    bolt, _acme = odd["Account"]
    assert (big["AccountId"], big["Amount"], big["CloseDate"]) == (bolt["Id"], "10.01", "2025-05-05")
    assert (big["StageName"], big["IsClosed"], big["IsWon"]) == ("Closed Won", "true", "true")
    assert (small["StageName"], small["IsClosed"], small["CloseDate"]) == ("Qualification", "false", "2026-12-01")
    assert (small["AccountId"], small["Pipeline__c"]) == ("", "default")
    roles = [(row["ContactId"], row["Role"], row["IsPrimary"]) for row in odd["OpportunityContactRole"]]
    nameless, roe = odd["Contact"]
    assert roles == [
        (roe["Id"], "Economic Buyer", "true"), (nameless["Id"], "", "false"), (roe["Id"], "Champion", "false"),
    ]  # fmt: skip


@pytest.mark.parametrize("portal", [read_tables(PORTAL), ODD], ids=["the demo's", "odd"])
def test_the_local_org_loads_every_record_and_drops_no_reference(portal: Tables, tmp_path: Path) -> None:
    converted = as_salesforce(portal, tmp_path / "org")
    loaded = load(converted.folder, (), 0)
    assert loaded.dropped == {}
    assert not any(loaded.mapped.values()), "every id is Salesforce's already"
    for file, object_ in (("companies", "Account"), ("contacts", "Contact"), ("deals", "Opportunity")):
        assert len(rows_of(converted.folder, object_)) == len(portal.of(file)) == len(converted.ids[file])


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    portal = read_tables(PORTAL)
    shuffled = portal
    for file in FILES:
        rows = list(portal.of(file))
        random.Random(7).shuffle(rows)
        shuffled = replace(shuffled, **{file: tuple(rows)})
    there, again = as_salesforce(portal, tmp_path / "a").folder, as_salesforce(shuffled, tmp_path / "b").folder
    for name in OBJECTS:
        assert (there / f"{name}.csv").read_bytes() == (again / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("standard", [False, True])
def test_what_is_taken_once_is_not_taken_again(standard: bool) -> None:
    for portal in (read_tables(PORTAL), ODD):
        once = sayable(portal, standard_industries=standard)
        assert sayable(once, standard_industries=standard) == once
        assert once != portal


def test_a_line_takes_nothing_from_a_portal_that_has_nothing_of_its_kind() -> None:
    """Each loss alone leaves a portal alone in which that loss was taken before."""
    for name, lose in losses().items():
        once = lose(ODD)
        assert lose(once) == once, name


def test_the_words_are_read_back_as_what_they_were() -> None:
    read = load_mapping(mappings_dir() / "salesforce.yaml").read
    industry, type_ = read["company"]["industry"].values, read["company"]["type"].values
    assert all(industry[theirs.lower()] == ours for ours, theirs in INDUSTRIES.items())
    assert set(INDUSTRIES.values()) <= set(standard.PICKLISTS["Industry"])
    assert {theirs.lower(): ours for ours, theirs in TYPES.items()}.items() <= type_.items()
    assert set(type_.values()) == set(TYPES)
    roles = read["contact"]["buying_role"].values
    assert all(roles[theirs.lower()] == ours for ours, theirs in BUYING_ROLES.items())


def test_the_lengths_are_those_of_the_org() -> None:
    spec = standard.objects()
    fields = {
        "companies": {"name": "Name", "domain": "Website", "city": "BillingCity", "state": "BillingState",
                      "country": "BillingCountry"},
        "contacts": {"firstname": "FirstName", "lastname": "LastName", "jobtitle": "Title"},
        "deals": {"dealname": "Name"},
    }  # fmt: skip
    objects = {"companies": "Account", "contacts": "Contact", "deals": "Opportunity"}
    for file, lengths in LENGTHS.items():
        for name, most in lengths.items():
            assert spec[objects[file]].fields[fields[file][name]].length == most, name
    assert spec["Contact"].fields["Email"].length == EMAIL_LENGTH
