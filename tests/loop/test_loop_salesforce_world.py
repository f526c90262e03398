"""Salesforce as a user's only CRM: what lands in an org for facts whose results are worked by hand from domain.md.

Every expected value comes from the tables of domain.md (B1, B3, A4, A5, A6, A2, and its worked cases), none from
crmsync. The org is a real server over TLS; what it holds afterwards is read over plain HTTP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from crmsync.engine.explain import explain
from crmsync.engine.report import coverage
from crmsync.engine.sync import sync
from crmsync.report.coverage import coverage_document
from crmsync.report.markdown import markdown
from crmsync.sandbox.salesforce import ids
from tests.salesforce_house import AS_OF, LOADED, OrgHouse, Row, account_id, contact_id, synced

ALL = frozenset({"all"})
PROGRAM = """\
program: world
currency: USD
icp: {industry: {in: [MACHINERY, FOOD_BEVERAGES]}}
tiers:
  layers:
    tier_3: icp
    tier_2: {group_employees: {gte: 300}}
    tier_1: {group_revenue: {gte: 14_000_000}}
roles: {vocabulary: titles, influence: {high: [], medium: [], direct_reports: [3, 1]}}
relationship:
  strategic: {purchases: 4, amount: 400_000}
  core: {years: 2}
category: {by: spend, thresholds: {a: 300_000, b: 60_000}}
strategic_accounts:
  strategic: {subsidiaries: {gte: 2}}
  customers: {purchases: {gte: 1}}
  territory_by: country
  consolidation: sum
names: {minimum: 5, departments: 3}
lists: [tier, stakeholder_role, category, management_mismatch, relationship, coverage_model]
"""
ACTIVE, LEFT = ids.make("005", 1), ids.make("005", 2)

# Accounts by what they stand for.
(PARENT, SUB_FR, GRANDCHILD, SUB_US, RING_X, RING_Y, STRATEGIC, COOL, CORE, EDGE_IN, EDGE_OUT, LOST, OPEN, ORPHAN,
 OTHER, UNNAMED) = range(16)  # fmt: skip


def account(number: int, name: str, **fields: str) -> Row:
    given = {
        "Industry": "", "NumberOfEmployees": "", "AnnualRevenue": "", "BillingCountry": "Germany", "ParentId": "",
        "OwnerId": ACTIVE, "LastActivityDate": "", "SystemModstamp": LOADED,
    }  # fmt: skip
    return {"Id": account_id(number), "Name": name, **(given | fields)}


ACCOUNTS = [
    account(PARENT, "Parent", Industry="Machinery", NumberOfEmployees="200", AnnualRevenue="10000000"),
    account(
        SUB_FR, "Sub FR", Industry="Machinery", NumberOfEmployees="50", AnnualRevenue="3000000",
        BillingCountry="France", ParentId=account_id(PARENT),
    ),
    account(
        GRANDCHILD, "Grandchild", Industry="Food & Beverage", NumberOfEmployees="20", AnnualRevenue="1000000",
        BillingCountry="France", ParentId=account_id(SUB_FR),
    ),
    account(
        SUB_US, "Sub US", Industry="Banking", NumberOfEmployees="30", BillingCountry="United States",
        ParentId=account_id(PARENT), OwnerId=LEFT,
    ),
    account(RING_X, "Ring X", NumberOfEmployees="400", ParentId=account_id(RING_Y)),
    account(RING_Y, "Ring Y", NumberOfEmployees="400", ParentId=account_id(RING_X)),
    account(STRATEGIC, "Strategic", OwnerId=LEFT),
    account(COOL, "Cool"),
    account(CORE, "Core", OwnerId=LEFT),
    account(EDGE_IN, "Edge in"),
    account(EDGE_OUT, "Edge out"),
    account(LOST, "Lost"),
    account(OPEN, "Open"),
    account(ORPHAN, "Orphan"),
    account(OTHER, "Other", Industry="Other"),
    account(UNNAMED, "Unnamed", Industry="Spaceports"),
]  # fmt: skip

# People by number; those of the open opportunity first.
(CFO, PROCUREMENT, IT, MARKETING, CTO, NINJA, ECONOMIC, TECHNICAL, SUPPLIER, ROLELESS, ATTRIBUTED, EXPERT, BOSS,
 REPORT_1, REPORT_2, REPORT_3, SPONSOR, COOL_SPONSOR, DIRECTOR) = range(19)  # fmt: skip


def person(number: int, at: int, title: str = "", **fields: str) -> Row:
    given = {"BuyerAttributes": "", "ReportsToId": "", "LastActivityDate": "", "SystemModstamp": LOADED}
    row = {"Id": contact_id(number), "AccountId": account_id(at), "FirstName": "P", "LastName": f"Person {number}"}
    return {**row, "Title": title, "Email": f"p{number}@world.example", **(given | fields)}


CONTACTS = [
    person(CFO, OPEN, "CFO"),
    person(PROCUREMENT, OPEN, "VP Procurement"),
    person(IT, OPEN, "IT Manager"),
    person(MARKETING, OPEN, "Marketing Director"),
    person(CTO, OPEN, "CTO"),
    person(NINJA, OPEN, "Growth Ninja"),
    person(ECONOMIC, OPEN, "Marketing Director"),
    person(TECHNICAL, OPEN, "CFO"),
    person(SUPPLIER, OPEN, "Marketing Director"),
    person(ROLELESS, OPEN, "IT Manager"),
    person(ATTRIBUTED, OPEN, "Growth Ninja", BuyerAttributes="DecisionMaker"),
    person(EXPERT, OPEN, "Growth Ninja", BuyerAttributes="TechnicalExpert;BusinessUser"),
    person(BOSS, LOST, "Assistant"),
    person(REPORT_1, LOST, "Assistant", ReportsToId=contact_id(BOSS)),
    person(REPORT_2, LOST, "Assistant", ReportsToId=contact_id(BOSS)),
    person(REPORT_3, LOST, "Assistant", ReportsToId=contact_id(REPORT_1)),
    person(SPONSOR, STRATEGIC, "CFO", LastActivityDate="2026-08-01"),
    person(COOL_SPONSOR, COOL, "CFO", LastActivityDate="2025-10-31"),
    person(DIRECTOR, CORE, "Finance Director", LastActivityDate="2026-09-15"),
]


def deal(number: int, at: int, closed: str, amount: str, stage: str = "Closed Won") -> Row:
    row = {"Id": ids.make("006", number), "Name": f"Deal {number}", "AccountId": account_id(at), "StageName": stage}
    won = str(stage == "Closed Won").lower()
    ended = str(stage.startswith("Closed")).lower()
    return {**row, "CloseDate": closed, "Amount": amount, "IsWon": won, "IsClosed": ended, "SystemModstamp": LOADED}


FOUR = ("2024-02-01", "2025-06-01", "2026-03-01", "2026-06-01")
OPEN_DEAL, WON_DEAL = 20, 21
DEALS = [
    *(deal(1 + n, STRATEGIC, day, "150000") for n, day in enumerate(FOUR)),
    *(deal(5 + n, COOL, day, "150000") for n, day in enumerate(FOUR)),
    deal(9, CORE, "2025-06-01", "150000"),
    deal(10, CORE, "2026-06-01", "149999.99"),
    deal(11, EDGE_IN, "2023-11-01", "60000"),
    deal(12, EDGE_OUT, "2023-10-31", "5000"),
    deal(13, LOST, "2026-01-15", "900000", "Closed Lost"),
    deal(OPEN_DEAL, OPEN, "2027-01-31", "400000", "Prospecting"),
    deal(WON_DEAL, OPEN, "2026-12-01", "1", "Closed Won"),  # won after as-of: no purchase yet
]


def role(number: int, of_deal: int, who: int, text: str) -> Row:
    row = {"Id": ids.make("00K", number), "OpportunityId": ids.make("006", of_deal), "ContactId": contact_id(who)}
    return {**row, "Role": text, "SystemModstamp": LOADED}


ROLES = [
    role(1, OPEN_DEAL, ECONOMIC, "Economic Buyer"),
    role(2, OPEN_DEAL, TECHNICAL, "Technical Buyer"),
    role(3, OPEN_DEAL, ROLELESS, ""),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OrgHouse]:
    """The org after a first sync; the tests of this module only look at it, or leave it as it was."""
    more = {"Opportunity": DEALS, "OpportunityContactRole": ROLES}
    house = OrgHouse(tmp_path_factory.mktemp("org") / "house", ACCOUNTS, CONTACTS, more=more, program=PROGRAM)
    house.org.edit("User", LEFT, fields={"IsActive": False})
    synced(house, house.config())
    yield house
    house.close()


Value = Callable[[int, str], Any]


@pytest.fixture
def of_account(world: OrgHouse) -> Value:
    held = world.held()
    return lambda number, name: held["Account", account_id(number)].get(f"ABM_{name}__c")


@pytest.fixture
def of_person(world: OrgHouse) -> Value:
    held = world.held()
    return lambda number, name: held["Contact", contact_id(number)].get(f"ABM_{name}__c")


# -- B1, B3


@pytest.mark.parametrize(
    ("who", "wanted"),
    [
        (CFO, "commercial_decision_maker"),
        (PROCUREMENT, "commercial_decision_maker"),
        (IT, "technical_qualifier"),
        (MARKETING, "influencer"),
        (CTO, "technical_qualifier"),
        (NINJA, "unclassified"),
        # A contact role of an opportunity outranks the title, whichever way.
        (ECONOMIC, "commercial_decision_maker"),
        (TECHNICAL, "technical_qualifier"),
        # One without a role says nothing, and the title decides.
        (ROLELESS, "technical_qualifier"),
        # What a person entered in Buyer Attributes.
        (ATTRIBUTED, "commercial_decision_maker"),
    ],
)
def test_b1_roles_come_from_contact_roles_buyer_attributes_and_titles(of_person: Value, who: int, wanted: str) -> None:
    assert of_person(who, "Stakeholder_Role") == wanted


def test_b1_several_buyer_attributes_are_several_roles(of_person: Value) -> None:
    assert sorted(of_person(EXPERT, "Stakeholder_Role").split(";")) == ["end_user", "technical_qualifier"]


def test_b1_the_reason_says_that_it_was_a_contact_role(of_person: Value) -> None:
    said = of_person(ECONOMIC, "Role_Reason")
    assert "contact role" in said
    assert "economic_buyer" in said
    assert "contact role" not in of_person(MARKETING, "Role_Reason")


def test_b1_influence_follows_who_reports_to_whom(of_person: Value) -> None:
    """direct_reports: [3, 1], and nothing else gives influence here: Boss has two reports, one of them one."""
    assert [of_person(who, "Influence") for who in (BOSS, REPORT_1, REPORT_2)] == ["medium", "medium", "low"]


def test_b3_the_chart_of_an_account_follows_reports_to(world: OrgHouse) -> None:
    with world.context(world.folder / "home" / "config") as ctx:
        text = markdown(coverage_document(coverage(ctx, as_of=AS_OF, company=account_id(LOST))))
    assert all(f"Person {number}" in text for number in (BOSS, REPORT_1, REPORT_2, REPORT_3))
    assert "world.example" not in text


# -- A6


def test_a6_the_groups_figures_decide_the_parents_tier_as_in_the_worked_case(of_account: Value) -> None:
    """300 employees, at least $14 M: both layers are true of the parent, neither of the company below it."""
    assert of_account(PARENT, "Tier") == "tier_1"
    assert of_account(SUB_FR, "Tier") == "tier_3"
    assert of_account(GRANDCHILD, "Tier") == "tier_3"
    # Banking is known and not in the set: certainly outside.
    assert of_account(SUB_US, "Tier") == "none"


def test_a6_a_ring_of_parents_is_reported_and_not_rolled_up(world: OrgHouse) -> None:
    """Both have 400 employees themselves; rolled into each other they would pass for 800."""
    with world.context(world.folder / "home" / "config") as ctx:
        planned = sync(ctx, as_of=AS_OF).planned
    told = [note for note in planned.plan.notes if "Ring X" in note or account_id(RING_X) in note]
    assert len(told) == 1
    assert "Ring Y" in told[0] or account_id(RING_Y) in told[0]


def test_a6_coverage_models_by_group_purchases_and_active_owner(of_account: Value) -> None:
    """Parent: two subsidiaries or more, in Germany, France and the United States. Users who are not active own
    nothing: Sub US is nobody's."""
    assert of_account(PARENT, "Coverage_Model") == "global"
    assert of_account(SUB_FR, "Coverage_Model") == "account_manager"
    assert of_account(SUB_US, "Coverage_Model") == "self_service"
    assert of_account(EDGE_IN, "Coverage_Model") == "customer_success"
    assert of_account(OPEN, "Coverage_Model") == "account_manager"


# -- A4, A5


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (STRATEGIC, "strategic"),  # four purchases over three years, $600 k, a chief officer seen in August
        (CORE, "core"),  # two of the last three years, a director seen in September
        (EDGE_IN, "beachhead"),  # 2023-11-01 counts
        (EDGE_OUT, "greenfield"),  # 2023-10-31 does not
        (LOST, "greenfield"),
        (OPEN, "greenfield"),  # won, and closed only after as-of
        (ORPHAN, "greenfield"),
    ],
)
def test_a5_relationships_from_won_opportunities(of_account: Value, number: int, wanted: str) -> None:
    assert of_account(number, "Relationship") == wanted


def test_a5_a_sponsor_who_was_last_seen_more_than_a_year_ago_is_not_engaged(of_account: Value) -> None:
    """The same purchases as Strategic; the chief officer was seen 366 days before: neither strategic nor core."""
    assert of_account(COOL, "Relationship") == "beachhead"


def test_a4_categories_by_what_was_spent(of_account: Value) -> None:
    """A from 300,000, B from 60,000: a cent below is the other side."""
    found = {number: of_account(number, "Category") for number in (STRATEGIC, COOL, CORE, EDGE_IN, EDGE_OUT, LOST)}
    assert found == {STRATEGIC: "a", COOL: "a", CORE: "b", EDGE_IN: "b", EDGE_OUT: "c", LOST: "c"}


def test_a4_an_owner_who_left_leaves_the_account_unmanaged(of_account: Value) -> None:
    assert of_account(STRATEGIC, "Management_Mismatch") == "needs_owner"  # A, nobody there
    assert of_account(CORE, "Management_Mismatch") == "needs_owner"
    assert of_account(COOL, "Management_Mismatch") is None  # A with an owner
    assert of_account(LOST, "Management_Mismatch") == "owned_c"
    assert of_account(SUB_US, "Management_Mismatch") is None  # C with nobody


# -- industries


def test_an_industry_outside_the_crosswalk_is_unknown_and_listed(world: OrgHouse, of_account: Value) -> None:
    """Unknown is not no: ICP fit unknown, the field a gap, and the word in the list of what could not be read."""
    assert of_account(OTHER, "Icp_Fit") == "unknown"
    assert of_account(UNNAMED, "Icp_Fit") == "unknown"
    assert of_account(SUB_US, "Icp_Fit") == "no"
    assert of_account(GRANDCHILD, "Icp_Fit") == "yes"  # Food & Beverage is FOOD_BEVERAGES
    assert "industry" in of_account(UNNAMED, "Data_Gaps").split(";")
    with world.context(world.folder / "home" / "config") as ctx:
        planned = sync(ctx, as_of=AS_OF).planned
        told = explain(ctx, None, account_id(UNNAMED)[:15], as_of=AS_OF)
    assert any("Spaceports" in note for note in told.notes)
    assert "Spaceports" in str(planned.plan.summary["quality"])


# -- a second run


def test_a_further_sync_writes_nothing_within_eight_calls(world: OrgHouse) -> None:
    """Two a kind of record, and two for contact roles; a new process also logs in and has each object described."""
    with world.context(world.folder / "home" / "config") as ctx:
        for most in (13, 8):
            before = len(world.org.requests())
            done = sync(ctx, as_of=AS_OF)
            log = world.org.requests()[before:]
            assert done.applied is None
            assert done.planned.plan.changes.is_empty()
            assert {one["method"] for one in log if "oauth2" not in one["path"]} == {"GET"}
            assert len(log) <= most, [one["path"] for one in log]
