"""Section 8, items 9 to 13 and 21, as Salesforce does them: collections, upserts, duplicates, locks."""

from __future__ import annotations

import pytest
from contract_org import Json, Org, local_only, update_of

UNKNOWN = "0015g0000000zzzAAA"


def errors_of(result: Json) -> list[str]:
    return [one["statusCode"] for one in result["errors"]]


def test_09_collections_answer_200_with_a_result_for_each_record_in_the_order_of_the_request(org: Org) -> None:
    first, second, third = org.accounts(3)
    body = {
        "allOrNone": False,
        "records": [
            update_of(third, Site="c"),
            update_of(first, AccountNumber="x" * 41),
            update_of(second, Site="b"),
            update_of(first, Site="a"),
        ],
    }
    results = org.call("PATCH", "composite/sobjects", body)
    assert [one["success"] for one in results] == [True, False, True, True]
    assert [one.get("id") for one in results if one["success"]] == [third, second, first]
    assert [one["errors"] for one in results if one["success"]] == [[], [], []]
    assert [org.value("Account", id_, "Site") for id_ in (first, second, third)] == ["a", "b", "c"]
    assert org.value("Account", first, "AccountNumber") is None


def test_09_collections_say_status_code_where_a_single_record_says_error_code(org: Org) -> None:
    (account,) = org.accounts(1)
    long = {"AccountNumber": "x" * 41}
    (result,) = org.call("PATCH", "composite/sobjects", {"records": [update_of(account, **long)]})
    (error,) = result["errors"]
    assert error.keys() == {"statusCode", "message", "fields"}
    assert (error["statusCode"], error["fields"]) == ("STRING_TOO_LONG", ["AccountNumber"])
    (single,) = org.call("PATCH", f"sobjects/Account/{account}", long, 400)
    assert single.keys() == {"errorCode", "message", "fields"}
    assert (single["errorCode"], single["message"]) == ("STRING_TOO_LONG", error["message"])


def test_09_a_collection_of_more_than_200_is_refused_whole(org: Org) -> None:
    (account,) = org.accounts(1)
    body = {"records": [update_of(account, Site="x")] * 201}
    assert isinstance(org.call("PATCH", "composite/sobjects", body, 400), list)
    assert org.value("Account", account, "Site") is None


def test_10_all_or_none_rolls_the_good_ones_back(org: Org) -> None:
    first, second = org.accounts(2)
    records = [update_of(first, Site="a"), update_of(second, AccountNumber="x" * 41)]
    rolled, refused = org.call("PATCH", "composite/sobjects", {"allOrNone": True, "records": records})
    assert (rolled["success"], refused["success"]) == (False, False)
    assert errors_of(rolled) == ["ALL_OR_NONE_OPERATION_ROLLED_BACK"]
    assert errors_of(refused) == ["STRING_TOO_LONG"]
    assert org.value("Account", first, "Site") is None


def test_10_all_or_none_is_off_unless_it_is_asked_for(org: Org) -> None:
    first, second = org.accounts(2)
    records = [update_of(first, Site="a"), update_of(second, AccountNumber="x" * 41)]
    results = org.call("PATCH", "composite/sobjects", {"records": records})
    assert [one["success"] for one in results] == [True, False]
    assert org.value("Account", first, "Site") == "a"


def test_11_an_upsert_says_whether_it_created(org: Org, key_field: str) -> None:
    key, name = org.mark(), org.mark()
    made = org.call("PATCH", f"sobjects/Account/{key_field}/{key}", {"Name": name}, 201)
    org.made.append(made["id"])
    assert (made["success"], made["created"], made["errors"]) == (True, True, [])
    again = org.call("PATCH", f"sobjects/Account/{key_field}/{key}", {"Site": "x"})
    assert (again["id"], again["created"]) == (made["id"], False)
    other = org.mark()
    records = [
        {"attributes": {"type": "Account"}, key_field: key, "Site": "y"},
        {"attributes": {"type": "Account"}, key_field: other, "Name": name},
    ]
    results = org.call("PATCH", f"composite/sobjects/Account/{key_field}", {"records": records})
    org.made.append(results[1]["id"])
    assert [(one["success"], one["created"]) for one in results] == [(True, False), (True, True)]
    assert org.value("Account", made["id"], "Site") == "y"


def test_12_a_300_is_a_list_of_addresses(org: Org, key_field: str) -> None:
    key = org.mark()
    twins = org.accounts(2, **{key_field: key})
    found = org.call("PATCH", f"sobjects/Account/{key_field}/{key}", {"Site": "x"}, 300)
    assert [path.rpartition("/")[2] for path in sorted(found)] == sorted(twins)
    assert all("/sobjects/Account/" in path for path in found)
    assert org.get(f"sobjects/Account/{key_field}/{key}", 300) == found
    assert [org.value("Account", id_, "Site") for id_ in twins] == [None, None]


@local_only("which duplicate rules are active, and how a body is spelt, is not a caller's to choose")
@pytest.mark.parametrize("spelling", ["duplicateResut", "duplicateResult"])
def test_13_duplicates_detected_in_both_spellings(org: Org, spelling: str) -> None:
    roles = org.contact_role()
    org.control("settings", {"duplicate_key": spelling})
    org.faults({"match": {"method": "PATCH"}, "fault": "duplicate_rule"})
    path = f"sobjects/Contact/{roles['Contact']}"
    (refused,) = org.call("PATCH", path, {"Title": "CFO"}, 400)
    assert refused.keys() == {spelling, "errorCode", "message"}
    assert (refused["errorCode"], refused["message"]) == ("DUPLICATES_DETECTED", "Use one of these records?")
    assert refused[spelling]["duplicateRule"] == "Standard_Contact_Duplicate_Rule"
    assert refused[spelling]["allowSave"] is True
    update = update_of(roles["Contact"], "Contact", Title="CFO")
    (collected,) = org.call("PATCH", "composite/sobjects", {"records": [update]})
    assert errors_of(collected) == ["DUPLICATES_DETECTED"]
    assert org.value("Contact", roles["Contact"], "Title") is None
    org.call("PATCH", path, {"Title": "CFO"}, 204, headers={"Sforce-Duplicate-Rule-Header": "allowSave=true"})


@local_only("somebody else has to hold the row")
def test_21_unable_to_lock_row_and_then_success(org: Org) -> None:
    held, free = org.accounts(2)
    body = {"records": [update_of(held, Site="x"), update_of(free, Site="x")]}
    org.control("lock", {"ids": [held], "ms": 600_000})
    first, second = org.call("PATCH", "composite/sobjects", body)
    assert (first["success"], second["success"]) == (False, True)
    (error,) = first["errors"]
    assert error["statusCode"] == "UNABLE_TO_LOCK_ROW"
    assert error["message"].startswith("unable to obtain exclusive access to this record or 1 records: 001")
    (single,) = org.call("PATCH", f"sobjects/Account/{held}", {"Site": "y"}, 400)
    assert (single["errorCode"], single["fields"]) == ("UNABLE_TO_LOCK_ROW", [])
    org.control("lock", {"ids": [held], "ms": 0})
    assert [one["success"] for one in org.call("PATCH", "composite/sobjects", body)] == [True, True]


@local_only("somebody else has to hold the row")
def test_21_unable_to_lock_row_in_a_bulk_job_is_one_rows_failure(org: Org) -> None:
    held, free = org.accounts(2)
    org.control("lock", {"ids": [held], "ms": 600_000})
    data = f"Id,Site\n{held},x\n{free},x\n"
    info = org.run_job(data)
    assert (info["state"], info["numberRecordsFailed"]) == ("JobComplete", 1)
    (failed,) = org.results(info["id"], "failedResults")
    assert failed["sf__Id"] == held
    assert failed["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")
    org.control("lock", {"ids": [held], "ms": 0})
    assert org.run_job(data)["numberRecordsFailed"] == 0
    assert org.value("Account", held, "Site") == "x"


def test_09_a_failing_row_may_come_without_an_id(org: Org) -> None:
    (result,) = org.call("PATCH", "composite/sobjects", {"records": [update_of(UNKNOWN, Site="x")]})
    assert result["success"] is False
    assert result.get("id", UNKNOWN) == UNKNOWN, "so results are told apart by their place alone"
