"""Section 8, items 4 to 8, as Salesforce does them: pages, locators, the recycle bin, fields that nobody may see."""

from __future__ import annotations

import re

import pytest
from contract_org import REMOTE, VERSION, Org, local_only, setting

SMALL_PAGES = {"Sforce-Query-Options": "batchSize=200"}
INVALID_LOCATOR = [{"message": "invalid query locator", "errorCode": "INVALID_QUERY_LOCATOR"}]
HINT = (
    "If you are attempting to use a custom field, be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


def several(org: Org, many: int) -> tuple[list[str], str]:
    """That many accounts, and a query for them alone in the order of their ids."""
    ids = org.accounts(many)
    name = org.value("Account", ids[0], "Name")
    return ids, f"SELECT Id FROM Account WHERE Name = '{name}' ORDER BY Id"


def test_04_query_paging_brings_every_row_once(org: Org) -> None:
    ids, soql = several(org, 450)
    pages = [org.page(soql, headers=SMALL_PAGES)]
    while not pages[-1]["done"]:
        path = pages[-1]["nextRecordsUrl"]
        assert re.fullmatch(rf"/services/data/v{VERSION}/query/[0-9A-Za-z]{{15,18}}-\d+", path)
        pages.append(org.get(path, headers=SMALL_PAGES))
    assert {page["totalSize"] for page in pages} == {450}
    assert "nextRecordsUrl" not in pages[-1]
    assert len(pages) > 1, "the hint of 200 rows was taken"
    assert [row["Id"] for page in pages for row in page["records"]] == sorted(ids)


@local_only("it takes 2,001 records")
def test_04_a_page_holds_2000_rows_unless_a_client_asks_for_fewer(org: Org) -> None:
    _, soql = several(org, 2_001)
    page = org.page(soql)
    assert (len(page["records"]), page["done"], page["totalSize"]) == (2_000, False, 2_001)


@local_only("clients are told to use a locator once; what an org answers to a second time is not documented")
def test_05_a_locator_is_good_for_one_use(org: Org) -> None:
    _, soql = several(org, 450)
    path = org.page(soql, headers=SMALL_PAGES)["nextRecordsUrl"]
    assert len(org.get(path)["records"]) == 200
    assert org.get(path, 400) == INVALID_LOCATOR


def test_06_a_locator_that_nobody_knows_is_invalid(org: Org) -> None:
    (refused,) = org.get("query/0r8000000000000AAA-2000", 400)
    assert refused["errorCode"] == "INVALID_QUERY_LOCATOR"


@local_only("it takes two days")
def test_06_a_locator_expires_after_two_days(org: Org) -> None:
    _, soql = several(org, 450)
    good, late = (org.page(soql, headers=SMALL_PAGES)["nextRecordsUrl"] for _ in range(2))
    org.control("settings", {"advance_ms": 2 * 86_400_000 - 3_600_000})
    assert org.get(good)["totalSize"] == 450
    org.control("settings", {"advance_ms": 3_600_000})
    assert org.get(late, 400) == INVALID_LOCATOR


def test_07_query_all_sees_the_recycle_bin_and_query_does_not(org: Org) -> None:
    kept, gone = org.accounts(2)
    org.call("DELETE", f"sobjects/Account/{gone}", status=204)
    soql = f"SELECT Id, IsDeleted, MasterRecordId FROM Account WHERE Id IN ('{kept}', '{gone}')"
    assert [row["Id"] for row in org.rows(soql)] == [kept]
    found = {row["Id"]: (row["IsDeleted"], row["MasterRecordId"]) for row in org.rows(soql, deleted=True)}
    assert found == {kept: (False, None), gone: (True, None)}, "deleted is not merged"


@local_only("merge exists in SOAP and Apex alone")
def test_07_query_all_names_the_master_record_of_a_merge_and_chains_do_not_fold(org: Org) -> None:
    first, second, third = org.accounts(3)
    (contact,) = org.create("Contact", {"LastName": org.mark(), "AccountId": third})
    org.edit("Account", second, merge=[third])
    org.edit("Account", first, merge=[second])
    soql = "SELECT Id, MasterRecordId FROM Account WHERE IsDeleted = true AND MasterRecordId != null"
    assert {row["Id"]: row["MasterRecordId"] for row in org.rows(soql, deleted=True)} == {second: first, third: second}
    assert org.value("Contact", contact, "AccountId") == first, "children go with every step"
    (refused,) = org.call("PATCH", f"sobjects/Account/{third}", {"Site": "x"}, 404)
    assert refused["errorCode"] == "ENTITY_IS_DELETED"


def test_08_a_field_that_is_not_there_is_invalid_field(org: Org) -> None:
    (refused,) = org.page("SELECT Nothing__c FROM Account", status=400)
    assert refused == {
        "errorCode": "INVALID_FIELD",
        "message": "\nSELECT Nothing__c FROM Account\n       ^\nERROR at Row:1:Column:8\n"
        f"No such column 'Nothing__c' on entity 'Account'. {HINT}",
    }


def test_08_a_field_without_field_level_security_is_refused_in_the_same_words(org: Org) -> None:
    """For the caller it is as if it were not there: not in describe, not to be read, not to be written."""
    hidden = setting("HIDDEN_FIELD") if REMOTE else "Site"
    if not hidden:
        pytest.skip("CRMSYNC_SALESFORCE_HIDDEN_FIELD names no field of Account that this user may not see")
    (account,) = org.accounts(1)
    if not REMOTE:
        assert org.page("SELECT Site FROM Account LIMIT 1")["done"] is True
        org.control("fls", {"object": "Account", "field": hidden, "read": False, "edit": False})
    (refused,) = org.page(f"SELECT {hidden} FROM Account LIMIT 1", status=400)
    assert refused["errorCode"] == "INVALID_FIELD"
    assert f"No such column '{hidden}' on entity 'Account'. {HINT}" in refused["message"]
    described = {one["name"] for one in org.get("sobjects/Account/describe")["fields"]}
    assert hidden not in described
    (refused,) = org.call("PATCH", f"sobjects/Account/{account}", {hidden: "x"}, 400)
    assert refused["errorCode"] in {"INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_FIELD"}


def test_08_a_field_that_may_be_read_and_not_written_is_refused_by_name(org: Org) -> None:
    (account,) = org.accounts(1)
    (refused,) = org.call("PATCH", f"sobjects/Account/{account}", {"CreatedDate": "2026-01-01T00:00:00Z"}, 400)
    assert (refused["errorCode"], refused["fields"]) == ("INVALID_FIELD_FOR_INSERT_UPDATE", ["CreatedDate"])
    assert refused["message"] == (
        "Unable to create/update fields: CreatedDate. Please check the security settings of this field and verify "
        "that it is read/write for your profile or permission set."
    )
