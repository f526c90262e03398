"""Writing to a HubSpot portal over HTTP: every update of a batch is settled by itself."""

from __future__ import annotations

import pytest
from hubspot_portal import Open, Portal, companies

from crmsync.errors import Unauthorized, Unavailable
from crmsync.model.plan import OutcomeStatus, Update

LIST = "/crm/objects/2026-09/companies"
UPDATE = "/batch/update"
APPLIED, REJECTED, UNANSWERED = OutcomeStatus.APPLIED, OutcomeStatus.REJECTED, OutcomeStatus.UNANSWERED


def _updates(count: int, value: str = "core", **other: dict[str, str]) -> list[Update]:
    return [
        Update(id_, other.get(f"x{id_}", {"abm_note": value})) for id_ in (str(1_000 + 7 * n) for n in range(count))
    ]


def _bad(portal: Portal, updates: list[Update]) -> dict[str, tuple[str, str]]:
    """Writes; all but the returned (category, message) must be applied and stand in the portal."""
    with portal.connect() as crm:
        results = crm.write("company", updates)
    assert [result.id for result in results] == [update.id for update in updates]
    bad = {one.id: (one.category, one.message) for one in results if one.status is not APPLIED}
    for update in updates:
        stands = portal.value("companies", update.id, "abm_note") if update.id not in bad else None
        assert update.id in bad or stands == update.properties.get("abm_note")
    return bad


def test_a_hundred_updates_are_one_call(portal: Open) -> None:
    one = portal(companies=companies(100))
    assert _bad(one, _updates(100)) == {}
    assert one.calls("POST", UPDATE) == 1


def test_an_empty_text_clears(portal: Open) -> None:
    one = portal(companies=companies(1))
    assert _bad(one, _updates(1)) == {}
    with one.connect() as crm:
        (result,) = crm.write("company", [Update("1000", {"abm_note": "", "hs_is_target_account": "true"})])
    assert result.status is APPLIED
    assert one.value("companies", "1000", "abm_note") is None
    assert one.value("companies", "1000", "hs_is_target_account") == "true"


def test_one_bad_option_is_found_and_the_other_99_land(portal: Open) -> None:
    one = portal(companies=companies(100))
    bad = _bad(one, _updates(100, x1070={"hs_ideal_customer_profile": "tier_9"}))
    assert list(bad) == ["1070"]
    assert "tier_9" in bad["1070"][1]
    # The batch, then two halves a level: 100, 50, 25, 12 or 13, 6 or 7, 3 or 4, 2 or 1, 1.
    assert one.calls("POST", UPDATE) <= 1 + 2 * 7


def test_a_read_only_value_and_a_bad_number_are_refused_beside_good_ones(portal: Open) -> None:
    one = portal(companies=companies(20))
    bad = _bad(one, _updates(20, x1007={"createdate": "2020-01-01"}, x1014={"numberofemployees": "many"}))
    assert list(bad) == ["1007", "1014"]


def test_a_property_that_does_not_exist_costs_no_bisection(portal: Open) -> None:
    one = portal(companies=companies(50))
    updates = [Update(str(1_000 + 7 * n), {"no_such_property": "x"} if n % 2 else {"abm_note": "y"}) for n in range(50)]
    bad = _bad(one, updates)
    assert len(bad) == 25
    assert "no_such_property" in next(iter(bad.values()))[1]
    assert one.calls("POST", UPDATE) == 2


def test_a_validation_rule_refuses_one_record_in_its_own_words(portal: Open) -> None:
    one = portal(companies=companies(30))
    one.faults({"match": {"method": "POST", "path": UPDATE, "ids": ["1035"]}, "fault": "validation_rule"})
    bad = _bad(one, _updates(30))
    assert list(bad) == ["1035"]
    assert bad["1035"][0] == "VALIDATION_ERROR"


def test_an_id_that_the_answer_leaves_out_is_no_success(portal: Open) -> None:
    one = portal(companies=companies(100))
    one.faults({"match": {"method": "POST", "path": UPDATE, "ids": ["1014"]}, "fault": "vanished_id"})
    bad = _bad(one, _updates(100))
    assert list(bad) == ["1014"]
    assert bad["1014"][0] == "VANISHED"
    assert "left this record out" in bad["1014"][1]


def test_a_merged_id_is_refused_and_the_survivor_named(portal: Open) -> None:
    one = portal(companies=companies(10))
    survivor = one.call("POST", f"{LIST}/merge", {"primaryObjectId": "1000", "objectIdToMerge": "1007"})["id"]
    with one.connect() as crm:
        results = {result.id: result for result in crm.write("company", _updates(10))}
    gone = {"1000", "1007"} - {survivor}
    assert {id_ for id_, result in results.items() if result.status is REJECTED} == gone
    for id_ in gone:
        assert results[id_].category == "MERGED"
        assert survivor in results[id_].message


def test_an_archived_record_is_refused_beside_good_ones(portal: Open) -> None:
    one = portal(companies=companies(10))
    one.call("DELETE", f"{LIST}/1007")
    bad = _bad(one, _updates(10))
    assert list(bad) == ["1007"]
    assert bad["1007"][0] == "OBJECT_NOT_FOUND"


def test_a_lost_reply_is_settled_by_reading_back_not_by_writing_again(portal: Open) -> None:
    one = portal(companies=companies(100))
    one.faults({"match": {"method": "POST", "path": UPDATE}, "fault": "lost_reply", "times": 1})
    assert _bad(one, _updates(100)) == {}
    assert one.calls("POST", UPDATE) == 1
    assert one.calls("POST", "/batch/read") == 1


def test_a_write_that_a_reset_kept_from_happening_is_sent_again(portal: Open) -> None:
    one = portal(companies=companies(100))
    one.faults({"match": {"method": "POST", "path": UPDATE}, "fault": "reset", "times": 2})
    assert _bad(one, _updates(100)) == {}


def test_a_batch_that_is_never_answered_stays_unanswered(portal: Open) -> None:
    one = portal(companies=companies(5))
    one.faults({"match": {"method": "POST", "path": UPDATE}, "fault": "reset"})
    with one.connect() as crm:
        assert {result.status for result in crm.write("company", _updates(5))} == {UNANSWERED}


@pytest.mark.parametrize("fault", ["429", "500", "502", "503", "504", "423", "reset", "lost_reply", "truncated_body"])
def test_writes_and_reads_get_through(portal: Open, fault: str) -> None:
    one = portal(companies=companies(230), rate="100000/1s")
    one.faults({"match": {}, "fault": fault, "rate": 0.3, "seed": 4})
    with one.connect() as crm:
        assert sum(len(page.records) for page in crm.pull("company", ["name"], expected=230)) == 230
        assert {result.status for result in crm.write("company", _updates(100))} == {APPLIED}
        usage = crm.usage()
    assert usage.total >= 4


def test_all_transient_faults_at_once_still_converge(portal: Open) -> None:
    names = ["429", "500", "502", "503", "504", "423", "reset", "lost_reply", "truncated_body", "slow"]
    one = portal(companies=companies(300), rate="100000/1s")
    one.faults(*({"match": {}, "fault": name, "rate": 0.05, "seed": seed, "ms": 1} for seed, name in enumerate(names)))
    updates = _updates(300)
    with one.connect() as crm:
        results = [result for at in (0, 100, 200) for result in crm.write("company", updates[at : at + 100])]
        assert {result.status for result in results} == {APPLIED}
        back = crm.read("company", [update.id for update in updates], ["abm_note"])
    assert {values["abm_note"] for values in back.values.values()} == {"core"}


def test_an_outage_in_the_middle_defers_what_is_left(portal: Open) -> None:
    one = portal(companies=companies(4))
    one.faults(
        {"match": {"method": "POST", "path": UPDATE}, "fault": "503", "after": 2},
    )
    with one.connect(patience=0.0001) as crm:
        results = crm.write("company", _updates(4, x1021={"hs_ideal_customer_profile": "tier_9"}))
    assert [result.status for result in results] == [APPLIED, APPLIED, OutcomeStatus.DEFERRED, OutcomeStatus.DEFERRED]


def test_an_outage_from_the_start_is_unavailable(portal: Open) -> None:
    one = portal(companies=companies(4))
    one.faults({"match": {"method": "POST", "path": UPDATE}, "fault": "503"})
    with one.connect(patience=0.0001) as crm, pytest.raises(Unavailable):
        crm.write("company", _updates(4))


def test_an_expired_token_stops_the_write(portal: Open) -> None:
    one = portal(companies=companies(4))
    one.faults({"match": {"method": "POST", "path": UPDATE}, "fault": "401", "times": 1})
    with one.connect() as crm:
        with pytest.raises(Unauthorized):
            crm.write("company", _updates(4))
        assert {result.status for result in crm.write("company", _updates(4))} == {APPLIED}


def test_a_batch_holds_each_record_once_and_at_most_a_hundred(portal: Open) -> None:
    with portal(companies=companies(1)).connect() as crm:
        with pytest.raises(ValueError, match="at most 100"):
            crm.write("company", _updates(101))
        with pytest.raises(ValueError, match="only once"):
            crm.write("company", [*_updates(1), *_updates(1)])


def test_an_e_mail_address_in_hubspots_words_is_masked(portal: Open) -> None:
    one = portal(companies=companies(1))
    with one.connect() as crm:
        (result,) = crm.write("company", [Update("1000", {"hs_ideal_customer_profile": "ada@x.example"})])
    assert result.status is REJECTED
    assert "ada@x.example" not in result.message
