"""What two CRMs decide as one, record by record: the values of a small world (`both_house`), worked by hand.

101/A1: Salesforce's industry makes it the ICP, HubSpot's 200 employees count, 20 M and Germany lift it to tier_1.
102/A2: HubSpot knows the employees, Salesforce the revenue; together tier_1. 103 stands in HubSpot alone: tier_1.
104/A4: HubSpot's 50 employees count before Salesforce's 500: none. A5 stands in Salesforce alone: 5 M, tier_3.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from crmsync.engine.explain import explain
from crmsync.engine.picture import picture, whole
from crmsync.engine.sync import Synced
from tests.together.both_house import AS_OF, SALESFORCE, A, Both, C, D, both

INDUSTRY = "carried: none, fields: {company: {industry: salesforce}}"
TIERS = {
    "101": "tier_1", A[1]: "tier_1", "102": "tier_1", A[2]: "tier_1", "103": "tier_1", "104": "none", A[4]: "none",
    A[5]: "tier_3",
}  # fmt: skip


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Both, Synced]]:
    with both(tmp_path_factory.mktemp("world"), together=INDUSTRY) as house:
        yield house, house.sync()


def test_each_crm_gets_the_decision_made_on_what_both_know(first: tuple[Both, Synced]) -> None:
    house, done = first
    assert house.values("company", "tier") == TIERS
    assert house.sync().applied is None
    written = done.planned.plan.changes.filter(pl.col("property") == "abm_tier")
    assert dict(written.select("id", "after").rows()) == TIERS


def test_the_tiers_table_counts_an_account_once(first: tuple[Both, Synced]) -> None:
    _, done = first
    rows = done.planned.plan.summary["tiers"]["rows"]
    assert {row["tier"]: row["after"] for row in rows} == {"tier_1": 3, "tier_2": 0, "tier_3": 1, "none": 1}


def test_disagreements_are_listed_with_the_value_that_counts(first: tuple[Both, Synced]) -> None:
    _, done = first
    told = done.planned.plan.summary["together"]
    listed = {(row["id"], row["field"]): (row["left"], row["right"], row["kept"]) for row in told["disagreements"]}
    assert listed == {
        ("101", "industry"): ("CHEMICALS", "MACHINERY", "MACHINERY"),
        ("101", "employees"): ("200", "210", "200"),
        ("101", "name"): ("Alpha Werke", "Alpha Werke GmbH", "Alpha Werke"),
        ("104", "employees"): ("50", "500", "50"),
    }
    assert told["matched"]["company"] == {"native": 2, "domain": 1}
    assert told["only"]["company"] == {"HubSpot": 1, "Salesforce": 1}


@pytest.mark.parametrize("asked", ["101", A[1], A[1][:15]])
def test_an_explanation_by_any_id_tells_both_and_what_they_dispute(first: tuple[Both, Synced], asked: str) -> None:
    house, _ = first
    with house.opened() as ctx:
        told = explain(ctx, None, asked, as_of=AS_OF)
    assert (told.id, told.name) == ("101" if asked == "101" else A[1], "Alpha Werke")
    assert (
        f"HubSpot 101 and Salesforce {A[1]} are one company, matched by the id that their integration keeps"
        in told.notes
    )
    assert "employees: HubSpot says 200, Salesforce says 210; 200 counts" in told.notes
    assert told.explanations[0]


def test_contacts_and_deals_of_either_crm_belong_to_the_matched_account(first: tuple[Both, Synced]) -> None:
    house, _ = first
    names = house.values("company", "names_known")
    # Ana (in both), Ben (HubSpot alone) and Dana (Salesforce alone) are three people of Alpha.
    assert (names["101"], names[A[1]], names["102"], names["103"], names[A[5]]) == ("3", "3", "1", "0", "1")
    with house.opened() as ctx:
        seen = whole(picture(ctx, AS_OF, {}))
    contacts = dict(seen.frames["contact"].select("id", "account").rows())
    assert contacts == {"501": "101", "502": "101", "503": "102", C[2]: "101", C[4]: A[5]}
    deals = dict(seen.frames["deal"].select("id", "accounts").rows())
    # 901 and D1 are linked; 902 and D3 wait for a person, and count as one until then.
    assert deals == {"901": ["101"], "902": ["102"], D[2]: ["101"]}


def test_a_deal_under_review_stays_with_an_account_that_has_no_other(tmp_path: Path) -> None:
    """Epsilon's purchase looks like Beta's: of two accounts each counts its own."""
    deals = SALESFORCE["Opportunity"].replace(
        f"{D[3]},Beta tool,{A[2]},7000,2025-06-01", f"{D[3]},Beta tool,{A[5]},5000,2026-01-10"
    )
    with both(tmp_path, salesforce={**SALESFORCE, "Opportunity": deals}) as house:
        done = house.sync()
        (asked,) = done.planned.plan.summary["together"]["review"]
        assert (asked["object"], asked["left"], asked["right"]) == ("deal", "902", D[3])
        relationship = house.values("company", "relationship")
        assert (relationship["102"], relationship[A[2]], relationship[A[5]]) == ("beachhead",) * 3


def test_the_primary_crm_gives_the_ids_and_the_same_decisions(tmp_path: Path) -> None:
    with both(
        tmp_path, together="carried: none, primary: salesforce, fields: {company: {employees: hubspot}}"
    ) as house:
        done = house.sync()
        assert house.values("company", "tier") == TIERS
        assert house.sync().applied is None
        listed = {row["id"] for row in done.planned.plan.summary["together"]["disagreements"]}
        assert listed == {A[1], A[4]}
        with house.opened() as ctx:
            ids = picture(ctx, AS_OF, {}).snapshot.accounts["id"].to_list()
        assert sorted(ids) == sorted([A[1], A[2], A[4], A[5], "103"])


def test_the_scope_is_asked_of_what_both_know(tmp_path: Path) -> None:
    """Only Salesforce knows Beta's revenue, and Epsilon's: 15 M is inside, 5 M is not."""
    with both(tmp_path, together=INDUSTRY, more="    scope: {revenue: {gte: 10_000_000}}\n") as house:
        house.sync()
        tiers = house.values("company", "tier")
        assert tiers == {**TIERS, A[5]: None}
        assert house.value("contact", C[4], "stakeholder_role") is None


def test_a_persons_word_counts_from_either_crm_and_a_conflict_is_listed(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        house.enter("company", "102", "abm_tier_override", "tier_3")
        house.enter("company", A[4], "ABM_Tier_Override__c", "tier_2")
        house.enter("company", "101", "abm_tier_override", "tier_2")
        house.enter("company", A[1], "ABM_Tier_Override__c", "tier_3")
        done = house.sync()
        pinned = {"102": "tier_3", A[2]: "tier_3", "104": "tier_2", A[4]: "tier_2", "101": "tier_2", A[1]: "tier_2"}
        assert house.values("company", "tier") == {**TIERS, **pinned}
        listed = done.planned.plan.summary["together"]["disagreements"]
        words = {(row["id"], row["left"], row["right"], row["kept"]) for row in listed if "override" in row["field"]}
        assert words == {("101", "tier_2", "tier_3", "tier_2")}
        assert house.value("company", A[2], "tier_override") is None
        assert house.sync().applied is None


@pytest.mark.parametrize(("edited", "other", "crm"), [("501", C[1], "HubSpot"), (C[1], "501", "Salesforce")])
def test_a_role_that_a_person_entered_stays_and_reaches_the_other_crm(
    tmp_path: Path, edited: str, other: str, crm: str
) -> None:
    field = "abm_stakeholder_role" if edited == "501" else "ABM_Stakeholder_Role__c"
    with both(tmp_path) as house:
        house.sync()
        assert house.value("contact", other, "stakeholder_role") == "influencer"
        house.enter("contact", edited, field, "end_user")
        done = house.sync()
        changes = done.planned.plan.changes.filter(pl.col("property") == "abm_stakeholder_role")
        assert changes.select("id", "before", "after", "reason").rows() == [
            (other, "influencer", "end_user", f"entered by a person in {crm}")
        ]
        for _ in range(3):
            assert house.value("contact", edited, "stakeholder_role") == "end_user"
            assert house.value("contact", other, "stakeholder_role") == "end_user"
            assert house.value("contact", other, "role_reason") == f"entered by a person in {crm}"
            assert house.sync().applied is None
        with house.opened() as ctx:
            for id_ in (edited, other):
                assert (
                    f"{crm} holds end_user, which a person entered, so it stays, and the other CRM gets it too"
                    in explain(ctx, "contact", id_, as_of=AS_OF).notes
                )


def test_an_entry_is_followed_when_it_changes_and_given_up_when_it_goes(tmp_path: Path) -> None:
    with both(tmp_path) as house:
        house.sync()
        for entry in ("end_user", "technical_qualifier"):
            house.enter("contact", "501", "abm_stakeholder_role", entry)
            house.sync()
            assert house.value("contact", C[1], "stakeholder_role") == entry
        house.enter("contact", "501", "abm_stakeholder_role", "")
        house.sync()
        assert house.value("contact", "501", "stakeholder_role") == "influencer"
        assert house.value("contact", C[1], "stakeholder_role") == "influencer"
        assert house.sync().applied is None


def test_where_people_entered_something_in_both_each_stays(tmp_path: Path) -> None:
    with both(tmp_path) as house:
        house.sync()
        house.enter("contact", "501", "abm_stakeholder_role", "end_user")
        house.enter("contact", C[1], "ABM_Stakeholder_Role__c", "technical_qualifier")
        for _ in range(2):
            assert house.sync().applied is None
        assert house.value("contact", "501", "stakeholder_role") == "end_user"
        assert house.value("contact", C[1], "stakeholder_role") == "technical_qualifier"


def test_a_decided_pair_that_is_none_is_told(tmp_path: Path) -> None:
    with both(tmp_path / "world", together=INDUSTRY) as house:
        (house.config / "matches.yaml").write_text(f"same:\n  - [103, {C[1]}]\n  - [102, {A[2]}]\n", encoding="utf-8")
        notes = house.sync().planned.plan.summary["together"]["notes"]
    assert [note for note in notes if "matches.yaml" in note] == [
        f"matches.yaml: 103 and {C[1]} are not two records of one kind that the two CRMs have; the line does nothing"
    ]
