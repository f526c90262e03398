"""Section 8 through the connector: collections and Bulk 2.0 (items 8 to 21). The org is read back over plain HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from contract_connector import APPLIED, DEFERRED, REJECTED, UNSETTLED, Connected, held, statuses, tiers, write_all
from contract_org import Json, Org, local_only

from crmsync.model.plan import Update, WriteResult

pytestmark = [local_only("the org is steered through its control plane"), pytest.mark.usefixtures("owned")]
BULK: dict[str, Any] = {"bulk_from": 10}
WAYS = pytest.mark.parametrize("settings", [{}, BULK], ids=["collections", "bulk"])
UNKNOWN = "0015g0000000zzzAAA"
HARD = 'first line\nsecond, with a comma and "quotes" \u2028 Łódź 東京 \U0001f600 é'


def crowd(org: Org, many: int, settings: Json, **fields: Any) -> list[str]:
    """Accounts, as many as make the connector go that way: up to 200 at once are a collection."""
    return org.accounts(many + (200 if settings else 0), **fields)


def jobs(org: Org) -> list[Json]:
    """Every ingest job that was made, newest first."""
    made: list[Json] = org.get("jobs/ingest")["records"]
    return made


def assert_way(org: Org, settings: Json) -> None:
    """That the test took the way it is about."""
    assert bool(jobs(org)) == bool(settings)
    assert bool(org.requests("/composite/sobjects", "PATCH")) != bool(settings)


def by_status(results: Sequence[WriteResult]) -> Counter[str]:
    return Counter(str(one.status) for one in results)


@WAYS
def test_09_each_record_has_its_result_in_the_order_of_the_request(
    org: Org, connected: Connected, settings: Json
) -> None:
    ids = crowd(org, 30, settings)
    updates = [Update(id_, {"abm_tier": "tier_2", "Site": f"s{n}"}) for n, id_ in enumerate(ids)]
    updates[7] = Update(ids[7], {"abm_tier": "tier_2", "AccountNumber": "x" * 41})
    updates[19] = Update(UNKNOWN, {"abm_tier": "tier_2"})
    results = connected(**settings).write("company", updates)
    assert [one.id for one in results] == [one.id for one in updates]
    assert [n for n, one in enumerate(results) if one.status is not APPLIED] == [7, 19]
    assert (results[7].status, results[7].category) == (REJECTED, "STRING_TOO_LONG")
    assert "STRING_TOO_LONG" in results[7].message
    assert "AccountNumber" in results[7].message
    assert results[19].status is REJECTED
    assert held(org) == {id_: None if n in {7, 19} else "tier_2" for n, id_ in enumerate(ids)}
    assert org.value("Account", ids[29], "Site") == "s29"
    assert_way(org, settings)


@WAYS
def test_08_a_field_that_may_not_be_edited_costs_its_own_record_alone(
    org: Org, connected: Connected, settings: Json
) -> None:
    ids = crowd(org, 20, settings)
    org.control("fls", {"object": "Account", "field": "Sic", "read": True, "edit": False})
    org.control("fls", {"object": "Account", "field": "Site", "read": False, "edit": False})
    updates = [
        Update(ids[0], {"abm_tier": "tier_1", "Sic": "1"}),
        Update(ids[1], {"abm_tier": "tier_1", "Site": "x"}),
        *tiers(ids[2:]),
    ]
    results = connected(**settings).write("company", updates)
    assert statuses(results) == [REJECTED, REJECTED, *[APPLIED] * (len(ids) - 2)]
    assert {one.category for one in results[:2]} <= {"INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_FIELD"}
    assert "Sic" in results[0].message
    assert "Site" in results[1].message
    assert held(org) == dict.fromkeys(ids[:2]) | dict.fromkeys(ids[2:], "tier_1")


def test_10_one_refused_record_takes_none_with_it(org: Org, connected: Connected) -> None:
    ids = org.accounts(200)
    updates = tiers(ids)
    updates[100] = Update(ids[100], {"abm_tier": "tier_1", "AccountNumber": "x" * 41})
    results = connected().write("company", updates)
    assert by_status(results) == {"applied": 199, "rejected": 1}
    assert Counter(held(org).values()) == {"tier_1": 199, None: 1}
    assert len(org.requests("/composite/sobjects", "PATCH")) == 1, "in one call"


def test_11_nothing_is_ever_created(org: Org, connected: Connected) -> None:
    ids = org.accounts(3)
    results = connected().write("company", tiers([UNKNOWN, *ids]))
    assert statuses(results) == [REJECTED, *[APPLIED] * 3]
    assert set(held(org)) == set(ids)


@pytest.mark.parametrize("spelling", ["duplicateResut", "duplicateResult"])
@WAYS
def test_13_a_duplicate_rule_refuses_its_record_by_name_in_either_spelling(
    org: Org, connected: Connected, spelling: str, settings: Json
) -> None:
    ids = crowd(org, 20, settings)
    org.control("settings", {"duplicate_key": spelling})
    org.faults({"match": {"ids": [ids[3]]}, "fault": "duplicate_rule"})
    results = connected(**settings).write("company", tiers(ids))
    assert [n for n, one in enumerate(results) if one.status is not APPLIED] == [3]
    assert (results[3].status, results[3].category) == (REJECTED, "DUPLICATES_DETECTED")
    assert "Use one of these records?" in results[3].message
    if not settings:  # a bulk job's error is text, and says no more
        assert "Standard_Account_Duplicate_Rule" in results[3].message
    assert held(org) == {id_: None if n == 3 else "tier_1" for n, id_ in enumerate(ids)}


def test_14_many_updates_take_one_job_through_its_states(org: Org, connected: Connected) -> None:
    ids = org.accounts(450)
    results = write_all(connected(**BULK), tiers(ids))
    assert by_status(results) == {"applied": 450}
    assert held(org) == dict.fromkeys(ids, "tier_1")
    (job,) = jobs(org)
    assert (job["state"], job["operation"], job["object"]) == ("JobComplete", "update", "Account")
    steps = [one["method"] for one in org.requests(f"/jobs/ingest/{job['id']}")]
    assert steps[:2] == ["PUT", "PATCH"]
    assert set(steps[2:]) == {"GET"}, "and is never aborted"


@pytest.mark.parametrize("fault", ["lost_reply", "503", "reset", "truncated_body", "session_expired"])
@pytest.mark.parametrize("step", ["create", "upload", "close", "poll", "results"])
def test_15_and_20_a_fault_at_any_step_of_a_job_loses_nothing_and_writes_nothing_else(
    org: Org, connected: Connected, fault: str, step: str
) -> None:
    """Also where the reply to the data was lost: sent a second time it is refused, for it is there already."""
    ids = org.accounts(250)
    connector = connected(**BULK)
    match = {
        "create": {"method": "POST", "path": "/jobs/ingest"},
        "upload": {"method": "PUT", "path": "/jobs/ingest"},
        "close": {"method": "PATCH", "path": "/jobs/ingest"},
        "poll": {"method": "GET", "path": "/jobs/ingest"},
        "results": {"method": "GET", "path": "Results"},
    }[step]
    org.faults({"match": match, "fault": fault, "times": 1})
    results = connector.write("company", tiers(ids))
    found = held(org)
    for one in results:
        assert one.status is not REJECTED, one.message
        assert (one.status is APPLIED) == (found[one.id] == "tier_1") or one.status in UNSETTLED
    assert by_status(results)["applied"] == 250, "a passing fault defers nothing"
    assert [one["fault"] for one in org.requests() if one["fault"]] == [fault]
    # A job whose data may or may not have come is given up before it is begun, and another one made; none later.
    ended = Counter(one["state"] for one in jobs(org))
    assert ended["JobComplete"] == 1
    given_up = [org.get(f"jobs/ingest/{one['id']}") for one in jobs(org) if one["state"] == "Aborted"]
    assert sum(one["numberRecordsProcessed"] for one in given_up) == 0
    assert len(given_up) <= (step == "upload")


@pytest.mark.parametrize("fault", ["503", "reset", "502", "500"])
@pytest.mark.parametrize("times", [1, 30])
def test_20_a_fault_while_polling_does_not_abort_the_job(
    org: Org, connected: Connected, fault: str, times: int
) -> None:
    """Thirty in a row are more than any single call is tried again."""
    ids = org.accounts(250)
    org.control("settings", {"bulk_ms": 40})
    org.faults({"match": {"method": "GET", "path": "/jobs/ingest/750"}, "fault": fault, "times": times})
    results = connected(**BULK).write("company", tiers(ids))
    assert by_status(results) == {"applied": 250}
    (job,) = jobs(org)
    assert job["state"] == "JobComplete"
    assert [one["method"] for one in org.requests("/jobs/ingest", "PATCH")] == ["PATCH"], "it closed the job, no more"
    assert held(org) == dict.fromkeys(ids, "tier_1")


@WAYS
def test_16_a_clear_clears_and_what_is_not_named_stays(org: Org, connected: Connected, settings: Json) -> None:
    ids = crowd(org, 20, settings, ABM_Tier__c="tier_1", ABM_Names_Known__c=5, Site="theirs")
    updates = [Update(id_, {"abm_tier": ""} if n % 2 else {"abm_names_known": "7"}) for n, id_ in enumerate(ids)]
    results = connected(**settings).write("company", updates)
    assert set(statuses(results)) == {APPLIED}
    assert held(org) == {id_: None if n % 2 else "tier_1" for n, id_ in enumerate(ids)}
    assert held(org, "ABM_Names_Known__c") == {id_: 5 if n % 2 else 7 for n, id_ in enumerate(ids)}
    assert set(held(org, "Site").values()) == {"theirs"}
    assert_way(org, settings)


@WAYS
def test_17_values_with_line_ends_and_any_letters_arrive_as_they_are(
    org: Org, connected: Connected, settings: Json
) -> None:
    ids = crowd(org, 30, settings)
    updates = [Update(id_, {"abm_tier_reason": f"{n} {HARD}"}) for n, id_ in enumerate(ids)]
    updates[11] = Update(ids[11], {"abm_tier_reason": HARD, "AccountNumber": "ü\n" * 21})
    connector = connected(**settings)
    results = connector.write("company", updates)
    assert [n for n, one in enumerate(results) if one.status is not APPLIED] == [11]
    assert results[11].category == "STRING_TOO_LONG"
    found = held(org, "ABM_Tier_Reason__c")
    assert found == {id_: None if n == 11 else f"{n} {HARD}" for n, id_ in enumerate(ids)}
    back = connector.read("company", ids, ["abm_tier_reason"]).values
    assert {id_: values["abm_tier_reason"] for id_, values in back.items()} == found
    assert_way(org, settings)


def test_18_rows_of_a_job_that_failed_on_the_way_are_told_apart(org: Org, connected: Connected) -> None:
    """The job fails before its only batch: every row is in unprocessedrecords."""
    ids = org.accounts(250)
    connector = connected(**BULK)
    org.faults({"match": {"method": "PATCH", "path": "/jobs/ingest"}, "fault": "bulk_fail"})
    results = connector.write("company", tiers(ids))
    found = held(org)
    assert [one.id for one in results] == ids
    for one in results:
        assert one.status in {APPLIED, *UNSETTLED}, f"nobody refused it: {one.message}"
        assert (one.status is APPLIED) == (found[one.id] == "tier_1")
    org.faults()
    again = [one for one in tiers(ids) if found[one.id] is None]
    if again:
        assert set(statuses(connector.write("company", again))) == {APPLIED}
    assert held(org) == dict.fromkeys(ids, "tier_1")


def test_18_rows_in_none_of_the_three_lists_are_looked_up(org: Org, connected: Connected) -> None:
    """Rows of a batch beyond the day's batches are neither written nor recorded anywhere (salesforce.md 2.4)."""
    from crmsync.sandbox.salesforce.bulk_jobs import Jobs

    ids = org.accounts(250)
    assert org.box is not None
    org.box.app.service.part(Jobs).most_batches = 0
    results = connected(**BULK).write("company", tiers(ids))
    found = held(org)
    for one in results:
        assert (one.status is APPLIED) == (found[one.id] == "tier_1"), one
        assert one.status is not REJECTED


def test_19_a_failed_job_rejects_no_record_that_nobody_looked_at(org: Org, connected: Connected) -> None:
    """A column that was deleted since describe was asked fails the whole file."""
    ids = org.accounts(250)
    connector = connected(**BULK)
    assert by_status(connector.write("company", tiers(ids))) == {"applied": 250}
    org.control("fls", {"object": "Account", "field": "ABM_Names_Known__c", "read": False, "edit": False})
    updates = [Update(id_, {"abm_tier": "tier_2", "abm_names_known": "3"}) for id_ in ids[:25]]
    results = connector.write("company", updates + tiers(ids[25:], "tier_2"))
    assert set(statuses(results[25:])) == {APPLIED}, "those without the field land"
    assert set(statuses(results[:25])) == {REJECTED}
    assert all("abm_names_known" in one.message.lower() for one in results[:25])
    assert Counter(held(org).values()) == {"tier_1": 25, "tier_2": 225}


@WAYS
def test_21_a_row_that_is_locked_for_a_while_is_written(org: Org, connected: Connected, settings: Json) -> None:
    ids = crowd(org, 60, settings)
    org.faults(*({"match": {"ids": [id_]}, "fault": "lock_row", "times": 2} for id_ in (ids[5], ids[41])))
    results = connected(**settings).write("company", tiers(ids))
    assert by_status(results) == {"applied": len(ids)}
    assert held(org) == dict.fromkeys(ids, "tier_1")


@WAYS
def test_21_a_row_that_stays_locked_waits_for_the_next_run(org: Org, connected: Connected, settings: Json) -> None:
    ids = crowd(org, 60, settings)
    org.control("lock", {"ids": [ids[5]], "ms": 3_600_000})
    connector = connected(**settings)
    results = connector.write("company", tiers(ids))
    assert statuses(results) == [APPLIED] * 5 + [DEFERRED] + [APPLIED] * (len(ids) - 6)
    assert len(org.requests("/composite/sobjects", "PATCH")) < 30, "a bounded number of tries"
    assert held(org)[ids[5]] is None
    org.control("lock", {"ids": [ids[5]], "ms": 0})
    assert statuses(connector.write("company", tiers([ids[5]]))) == [APPLIED]


@WAYS
@pytest.mark.parametrize("kind", ["merged", "deleted"])
def test_07_a_write_to_a_merged_or_deleted_record_says_which(
    org: Org, connected: Connected, settings: Json, kind: str
) -> None:
    ids = crowd(org, 20, settings)
    connector = connected(**settings)
    connector.count("company")
    org.edit("Account", ids[1], **({"delete": True} if kind == "deleted" else {}))
    if kind == "merged":
        org.edit("Account", ids[0], merge=[ids[1]])
    results = connector.write("company", tiers(ids))
    assert [n for n, one in enumerate(results) if one.status is not APPLIED] == [1]
    assert results[1].status is REJECTED
    assert (results[1].category == "MERGED") == (kind == "merged")
    assert (ids[0] in results[1].message) == (kind == "merged")


@pytest.mark.parametrize("fault", ["lost_reply", "truncated_body"])
def test_09_a_collection_whose_answer_is_lost_is_read_back(org: Org, connected: Connected, fault: str) -> None:
    ids = org.accounts(60)
    connector = connected()
    connector.count("company")
    org.faults({"match": {"method": "PATCH", "path": "/composite/sobjects"}, "fault": fault, "times": 1})
    results = connector.write("company", tiers(ids))
    assert by_status(results) == {"applied": 60}
    assert held(org) == dict.fromkeys(ids, "tier_1")


def test_09_an_e_mail_address_in_salesforces_words_is_masked(org: Org, connected: Connected) -> None:
    (account,) = org.accounts(1)
    long = "someone@buyer.example" + "x" * 41
    (result,) = connected().write("company", [Update(account, {"AccountNumber": long})])
    assert result.status is REJECTED
    assert "someone@buyer" not in result.message
