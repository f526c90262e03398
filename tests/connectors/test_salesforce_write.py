"""Writing to a Salesforce org over TLS: every update of a batch is settled by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from salesforce_org import ACME, ANA, BEN, BETA, GAMMA, LocalOrg, StartOrg, accounts

from crmsync.connectors.salesforce.answers import Answer
from crmsync.connectors.salesforce.fields import FieldInfo
from crmsync.connectors.salesforce.row_errors import RowError, from_cell, from_json
from crmsync.connectors.salesforce.update_rows import same
from crmsync.connectors.salesforce.write import Writer
from crmsync.errors import BudgetSpent, Throttled, Unauthorized, Unavailable
from crmsync.model.plan import OutcomeStatus, Update, WriteResult
from crmsync.sandbox.salesforce.bulk_jobs import Jobs
from crmsync.sandbox.salesforce.values import OrgError

APPLIED, REJECTED = OutcomeStatus.APPLIED, OutcomeStatus.REJECTED
UNANSWERED, DEFERRED = OutcomeStatus.UNANSWERED, OutcomeStatus.DEFERRED
PATCH = {"method": "PATCH", "path": "composite/sobjects"}
QUERY = {"method": "GET", "path": "/query"}
NOBODY = "0015g0000000999AAA"
FIELDS = "Please check the security settings of this field and verify that it is read/write for your profile"


def _ids(count: int) -> list[str]:
    return [one["Id"] for one in accounts(count)]


def _updates(count: int, value: str = "core", **fields: str) -> list[Update]:
    return [Update(id_, fields or {"Site": value}) for id_ in _ids(count)]


def _write(org: LocalOrg, updates: list[Update], object_: Any = "company", **more: Any) -> dict[str, WriteResult]:
    """Results by id, each update's own, in the order given."""
    results = org.connect(**more).write(object_, updates)
    assert [one.id for one in results] == [one.id for one in updates]
    return {one.id: one for one in results}


def _bad(results: dict[str, WriteResult]) -> dict[str, tuple[OutcomeStatus, str]]:
    return {id_: (one.status, one.category) for id_, one in results.items() if one.status is not APPLIED}


def _value(org: LocalOrg, name: str, id_: str = ACME, object_: str = "Account") -> Any:
    """Straight from the org, past its API."""
    return next(row.fields[name] for row in org.server.app.service.org.rows(object_) if row.id == id_)


def _sites(org: LocalOrg) -> dict[str, Any]:
    return {row.id: row.fields["Site"] for row in org.server.app.service.org.rows("Account")}


def _patches(org: LocalOrg) -> list[int]:
    """Records of each collection, in order."""
    return [one["inputs"] for one in org.requests("composite/sobjects")]


def once(work: Callable[[], Any]) -> Callable[[float], None]:
    """A wait in which, the first time, something happens elsewhere."""
    todo = [work]

    def sleep(_: float) -> None:
        while todo:
            todo.pop()()
        time.sleep(0.01)

    return sleep


class Spoilt:
    """The org's own answer to a collection, spoilt on the way: what the platform may do and the local org does not."""

    def __init__(self, transport: Any, spoil: Callable[[list[Any]], Any]) -> None:
        self._transport, self._spoil = transport, spoil
        self.times = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def send(self, family: str, *more: Any, **named: Any) -> Answer:
        answer: Answer = self._transport.send(family, *more, **named)
        if family != "collections" or not self.times:
            return answer
        self.times -= 1
        spoilt = self._spoil(answer.json())
        body = spoilt if isinstance(spoilt, bytes) else str(spoilt).encode()
        return Answer(answer.status, answer.headers, body)


def _spoilt(org: LocalOrg, spoil: Callable[[list[Any]], Any], updates: list[Update]) -> dict[str, WriteResult]:
    crm = org.connect()
    transport: Any = Spoilt(crm.transport, spoil)
    writer = Writer(transport, crm.fields, crm._reads)
    return {one.id: one for one in writer.write("company", updates)}


# -- collections


def test_two_hundred_updates_are_one_call_and_one_look_at_what_stands(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(200)})
    assert _bad(_write(org, _updates(200))) == {}
    assert _patches(org) == [200]
    assert len(org.requests("/query")) == 1
    assert set(_sites(org).values()) == {"core"}


def test_values_of_every_type_arrive_as_their_field_takes_them_and_an_empty_text_clears(org: LocalOrg) -> None:
    results = _write(
        org,
        [
            Update(ACME, {"AnnualRevenue": "7000000", "NumberOfEmployees": "12", "Industry": "", "Site": "a\nb"}),
            Update(BETA, {"AnnualRevenue": "", "site": "x"}),
        ],
    )
    assert _bad(results) == {}
    assert [_value(org, name) for name in ("AnnualRevenue", "NumberOfEmployees", "Industry", "Site")] == [
        7_000_000.0, 12, None, "a\nb",
    ]  # fmt: skip
    assert (_value(org, "AnnualRevenue", BETA), _value(org, "Site", BETA)) == (None, "x")
    people = [
        Update(ANA, {"HasOptedOutOfEmail": "true", "BuyerAttributes": "Champion;Buyer", "Birthdate": "1980-02-03"})
    ]
    assert _bad(_write(org, people, "contact")) == {}
    names = ("HasOptedOutOfEmail", "BuyerAttributes", "Birthdate")
    assert [_value(org, name, ANA, "Contact") for name in names] == [True, "Buyer;Champion", "1980-02-03"]


def test_an_owned_value_is_written_under_its_name_in_salesforce(start_org: StartOrg) -> None:
    org = start_org({"Account": [{"Id": ACME, "Name": "Acme", "ABM_Tier_Reason__c": "old"}]})
    assert _bad(_write(org, [Update(ACME, {"abm_tier_reason": "new"})])) == {}
    assert _value(org, "ABM_Tier_Reason__c") == "new"


def test_an_id_of_fifteen_characters_is_the_same_record(org: LocalOrg) -> None:
    assert _bad(_write(org, [Update(ACME[:15], {"Site": "x"})])) == {}
    assert _value(org, "Site") == "x"
    with pytest.raises(ValueError, match="only once"):
        _write(org, [Update(ACME[:15], {"Site": "x"}), Update(ACME, {"Site": "y"})])


def test_one_validation_error_among_two_hundred_costs_no_other_record(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(200)})
    ids = _ids(200)
    org.faults({"match": {"ids": [ids[70]]}, "fault": "validation_rule"})
    updates = _updates(200)
    updates[150] = Update(ids[150], {"YearStarted": "12345"})
    results = _write(org, updates)
    assert _bad(results) == {
        ids[70]: (REJECTED, "FIELD_CUSTOM_VALIDATION_EXCEPTION"), ids[150]: (REJECTED, "STRING_TOO_LONG"),
    }  # fmt: skip
    # Salesforce's words (salesforce.md 2.6), the fields behind them.
    assert results[ids[70]].message == ("FIELD_CUSTOM_VALIDATION_EXCEPTION: A validation rule of this org was not met")
    assert results[ids[150]].message == (
        "STRING_TOO_LONG: Year Started: data value too large: 12345 (max length=4) (YearStarted)"
    )
    assert _patches(org) == [200]
    assert sum(site == "core" for site in _sites(org).values()) == 198


def test_a_value_that_fits_no_number_is_found_by_halving(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(100)})
    ids = _ids(100)
    updates = _updates(100)
    updates[37] = Update(ids[37], {"NumberOfEmployees": "many"})
    results = _write(org, updates)
    assert _bad(results) == {ids[37]: (REJECTED, "JSON_PARSER_ERROR")}
    assert "many" in results[ids[37]].message
    assert sum(site == "core" for site in _sites(org).values()) == 99
    # 100, then two halves a level: 50, 25, 12 or 13, 6 or 7, 3 or 4, 1 or 2, 1.
    assert len(_patches(org)) <= 1 + 2 * 7


@pytest.mark.parametrize("count", [30, 230])
def test_a_field_that_may_not_be_edited_refuses_its_records_alone(start_org: StartOrg, count: int) -> None:
    org = start_org({"Account": [one | {"Note__c": "old"} for one in accounts(count)]})
    org.control("fls", {"object": "Account", "field": "Note__c", "read": True, "edit": False})
    ids = _ids(count)
    updates = _updates(count)
    updates[3] = Update(ids[3], {"Site": "core", "Note__c": "new"})
    updates[4] = Update(ids[4], {"abm_tier": "tier_1"})
    updates[5] = Update(ids[5], {"CreatedDate": "2020-01-01T00:00:00Z"})
    results = _write(org, updates)
    assert _bad(results) == {ids[n]: (REJECTED, "INVALID_FIELD_FOR_INSERT_UPDATE") for n in (3, 4, 5)}
    assert f"Unable to create/update fields: Note__c. {FIELDS}" in results[ids[3]].message
    assert "ABM_Tier__c" in results[ids[4]].message
    assert sum(site == "core" for site in _sites(org).values()) == count - 3


def test_a_right_given_since_the_fields_were_described_is_seen(org: LocalOrg) -> None:
    org.control("fls", {"object": "Account", "field": "Note__c", "read": True, "edit": False})
    crm = org.connect()
    assert crm.write("company", [Update(ACME, {"Note__c": "x"})])[0].status is REJECTED
    org.control("fls", {"object": "Account", "field": "Note__c", "read": True, "edit": True})
    assert crm.write("company", [Update(ACME, {"Note__c": "x"})])[0].status is APPLIED


@pytest.mark.parametrize("count", [40, 240])
def test_a_field_hidden_since_the_fields_were_described_costs_the_others_nothing(
    start_org: StartOrg, count: int
) -> None:
    org = start_org({"Account": [one | {"Note__c": "old"} for one in accounts(count)]})
    crm = org.connect()
    ids = _ids(count)
    assert crm.write("company", [Update(ids[0], {"Note__c": "x"})])[0].status is APPLIED
    org.control("fls", {"object": "Account", "field": "Note__c", "read": False, "edit": False})
    updates = [Update(id_, {"Note__c": "y"} if n % 20 == 0 else {"Site": "y"}) for n, id_ in enumerate(ids)]
    results = {one.id: one for one in crm.write("company", updates)}
    assert _bad(results) == dict.fromkeys(ids[::20], (REJECTED, "INVALID_FIELD"))
    assert sum(site == "y" for site in _sites(org).values()) == count - count // 20


def test_records_that_are_gone_or_merged_are_told_apart(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(6)})
    ids = _ids(6)
    org.edit("Account", ids[0], merge=[ids[1]])
    org.edit("Account", ids[2], merge=[ids[0]])
    org.edit("Account", ids[3], delete=True)
    updates = [*_updates(5), Update(NOBODY, {"Site": "x"})]
    results = _write(org, updates)
    assert _bad(results) == {
        ids[0]: (REJECTED, "MERGED"), ids[1]: (REJECTED, "MERGED"), ids[3]: (REJECTED, "ENTITY_IS_DELETED"),
        NOBODY: (REJECTED, "INVALID_CROSS_REFERENCE_KEY"),
    }  # fmt: skip
    # Through both merges: the first survivor was itself merged away.
    assert results[ids[1]].message == f"Record {ids[1]} was merged into {ids[2]}. The next run writes to {ids[2]}."
    assert results[ids[3]].message == "ENTITY_IS_DELETED: entity is deleted"


@pytest.mark.parametrize("key", ["duplicateResut", "duplicateResult"])
def test_a_duplicate_rule_is_named_in_either_spelling_and_without_an_address(org: LocalOrg, key: str) -> None:
    org.control("settings", {"duplicate_key": key})
    org.faults({"match": {"ids": [ANA]}, "fault": "duplicate_rule"})
    results = _write(org, [Update(ANA, {"Title": "CTO"}), Update(BEN, {"Title": "CFO"})], "contact")
    assert _bad(results) == {ANA: (REJECTED, "DUPLICATES_DETECTED")}
    assert "Duplicate rule Standard_Contact_Duplicate_Rule." in results[ANA].message
    assert BEN in results[ANA].message


def test_no_address_gets_into_an_outcome(org: LocalOrg) -> None:
    wrong = "ana@beta@example.com"
    (result,) = _write(org, [Update(ANA, {"Email": wrong})], "contact").values()
    assert result.category == "INVALID_EMAIL_ADDRESS"
    assert "beta" not in result.message


# -- replies that are lost, answers that are not whole


@pytest.mark.parametrize("fault", ["lost_reply", "truncated_body"])
def test_a_lost_reply_is_settled_by_reading_back_not_by_writing_again(start_org: StartOrg, fault: str) -> None:
    org = start_org({"Account": accounts(150)})
    org.faults({"match": PATCH, "fault": fault, "times": 1})
    assert _bad(_write(org, _updates(150))) == {}
    assert _patches(org) == [150]


@pytest.mark.parametrize("fault", ["reset", "500", "502", "504"])
def test_a_write_that_did_not_happen_is_sent_again(org: LocalOrg, fault: str) -> None:
    org.faults({"match": PATCH, "fault": fault, "times": 1})
    assert _bad(_write(org, [Update(ACME, {"Site": "x"}), Update(BETA, {"Site": "y"})])) == {}
    assert _patches(org) == [2, 2]
    assert (_value(org, "Site"), _value(org, "Site", BETA)) == ("x", "y")


def test_of_a_half_written_batch_the_other_half_is_sent_again(org: LocalOrg) -> None:
    # The reply is lost, and by the time of reading somebody has changed one of the values back.
    org.faults({"match": PATCH, "fault": "lost_reply", "times": 1})
    crm = org.connect()
    read = crm._reads.read

    def meddle(*asked: Any) -> Any:
        crm._reads.read = read  # type: ignore[method-assign]
        org.edit("Account", BETA, fields={"Site": "theirs"})
        return read(*asked)

    crm._reads.read = meddle  # type: ignore[assignment,method-assign]
    results = crm.write("company", [Update(ACME, {"Site": "x"}), Update(BETA, {"Site": "x"})])
    assert [one.status for one in results] == [APPLIED, APPLIED]
    assert _patches(org) == [2, 1]


def test_a_refusal_after_a_lost_reply_is_about_those_that_are_still_open(org: LocalOrg) -> None:
    """The first reply is lost; while the batch is read back, a field of one record is hidden from the user."""
    org.faults({"match": PATCH, "fault": "lost_reply", "times": 1})
    crm = org.connect()
    read = crm._reads.read

    def meddle(*asked: Any) -> Any:
        crm._reads.read = read  # type: ignore[method-assign]
        org.edit("Account", BETA, fields={"Note__c": "theirs"})
        found = read(*asked)
        org.control("fls", {"object": "Account", "field": "Note__c", "read": False, "edit": False})
        return found

    crm._reads.read = meddle  # type: ignore[assignment,method-assign]
    results = crm.write("company", [Update(ACME, {"Note__c": "x"}), Update(BETA, {"Note__c": "x"})])
    assert [(one.status, one.category) for one in results] == [(APPLIED, ""), (REJECTED, "INVALID_FIELD")]


def test_a_reply_that_never_comes_is_unanswered(org: LocalOrg) -> None:
    org.faults({"match": PATCH, "fault": "reset"})
    (result,) = _write(org, [Update(ACME, {"Site": "x"})]).values()
    assert (result.status, "the old value stands" in result.message) == (UNANSWERED, True)


def test_a_lost_reply_that_cannot_be_read_back_is_unanswered(org: LocalOrg) -> None:
    org.faults({"match": PATCH, "fault": "lost_reply", "times": 1}, {"match": QUERY, "fault": "daily_limit"})
    (result,) = _write(org, [Update(ACME, {"Site": "x"})]).values()
    assert result.status is UNANSWERED
    assert _value(org, "Site") == "x"


def test_a_lost_reply_over_merged_and_deleted_records(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(4)})
    ids = _ids(4)
    org.edit("Account", ids[0], merge=[ids[1]])
    org.edit("Account", ids[2], delete=True)
    org.faults({"match": PATCH, "fault": "lost_reply", "times": 1})
    assert _bad(_write(org, _updates(4))) == {ids[1]: (REJECTED, "MERGED"), ids[2]: (REJECTED, "NOT_FOUND")}


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda results: b"<html>", APPLIED),
        (lambda results: b"[", APPLIED),
        (lambda results: b"{}", APPLIED),
        (lambda results: b"[]", APPLIED),
        (lambda results: b"[null, null, null]", APPLIED),
    ],
)
def test_an_answer_that_is_none_is_settled_by_reading_back(
    org: LocalOrg, spoil: Callable[[list[Any]], Any], status: OutcomeStatus
) -> None:
    results = _spoilt(org, spoil, [Update(id_, {"Site": "x"}) for id_ in (ACME, BETA, GAMMA)])
    assert {one.status for one in results.values()} == {status}
    assert _patches(org) == [3]


def test_an_answer_shorter_than_asked_is_matched_by_id(org: LocalOrg) -> None:
    def spoil(results: list[Any]) -> bytes:
        first = results[2]["id"]
        return f'[{{"id": "{first}", "success": true, "errors": []}}]'.encode()

    results = _spoilt(org, spoil, [Update(id_, {"Site": "x"}) for id_ in (ACME, NOBODY, GAMMA)])
    # The answer names GAMMA; ACME is found written by reading back; nobody is nobody.
    assert _bad(results) == {NOBODY: (REJECTED, "NOT_FOUND")}


def test_a_record_that_the_answer_leaves_out_and_that_was_not_written_may_be_sent_again(org: LocalOrg) -> None:
    org.faults({"match": {"ids": [BETA]}, "fault": "validation_rule"})
    results = _spoilt(
        org,
        lambda found: f'[{{"id": "{found[0]["id"]}", "success": true, "errors": []}}]'.encode(),
        [Update(ACME, {"Site": "x"}), Update(BETA, {"Site": "x"})],
    )
    assert _bad(results) == {BETA: (DEFERRED, "")}
    assert "left this record out" in results[BETA].message


def test_a_value_that_salesforce_changed_is_told(org: LocalOrg) -> None:
    # As a flow of the org's own does: it writes another value in the same transaction.
    at_home = org.server.app.service.org
    store = at_home._store

    def flow(spec: Any, id_: str, before: Any, after: Any, *more: Any, **named: Any) -> str:
        after = after | {"Site": "changed by a flow"} if id_ == BETA else after
        return store(spec, id_, before, after, *more, **named)

    at_home._store = flow  # type: ignore[method-assign]
    results = _write(org, [Update(ACME, {"Site": "x"}), Update(BETA, {"Site": "x"})])
    assert _bad(results) == {BETA: (REJECTED, "NOT_KEPT")}
    assert results[BETA].message == "Salesforce did not keep the value: Site is 'changed by a flow' instead of 'x'"


def test_the_first_collection_of_ten_is_looked_at(org: LocalOrg) -> None:
    crm = org.connect()
    for n in range(21):
        crm.write("company", [Update(ACME, {"Site": str(n)})])
    crm.write("contact", [Update(ANA, {"Title": "CTO"})])
    # Of the 21 the first, the eleventh and the last; contacts are counted apart.
    assert len(org.requests("/query")) == 4


def test_not_being_able_to_look_at_what_stands_takes_nothing_back(org: LocalOrg) -> None:
    org.faults({"match": QUERY, "fault": "daily_limit"})
    assert _bad(_write(org, [Update(ACME, {"Site": "x"})])) == {}


# -- locks


def test_a_lock_that_passes_is_waited_for(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(200)})
    ids = _ids(200)
    org.faults({"match": {"ids": ids[10:130]}, "fault": "lock_row", "times": 120})
    assert _bad(_write(org, _updates(200))) == {}
    # 120 records in collections of 50, one after the other.
    assert _patches(org) == [200, 50, 50, 20]


def test_a_lock_that_stays_is_deferred_and_the_others_land(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(60)})
    ids = _ids(60)
    org.control("lock", {"ids": ids[:12], "ms": 60_000})
    results = _write(org, _updates(60))
    assert _bad(results) == dict.fromkeys(ids[:12], (DEFERRED, "UNABLE_TO_LOCK_ROW"))
    assert "unable to obtain exclusive access" in results[ids[0]].message
    assert _patches(org) == [60, 12, 10, 2, *[1] * 12]


def test_locked_contacts_of_one_account_stand_together(start_org: StartOrg) -> None:
    people = [{"Id": f"0035g{n:010d}AAA", "LastName": f"P{n}", "AccountId": _ids(2)[n % 2]} for n in range(1, 101)]
    org = start_org({"Account": accounts(2), "Contact": people})
    ids = [one["Id"] for one in people]
    org.faults({"match": {"ids": ids}, "fault": "lock_row", "times": 100})
    crm = org.connect()
    sent: list[list[str]] = []
    send = crm.transport.send

    def watch(family: str, *more: Any, **named: Any) -> Answer:
        if family == "collections":
            sent.append([one["id"] for one in named["json"]["records"]])
        return send(family, *more, **named)

    crm.transport.send = watch  # type: ignore[method-assign]
    results = crm.write("contact", [Update(id_, {"Title": "x"}) for id_ in ids])
    assert {one.status for one in results} == {APPLIED}
    # Those with an even number belong to the first account, whose id is the lower one.
    assert [len(one) for one in sent] == [100, 50, 50]
    assert sent[1:] == [ids[1::2], ids[0::2]]


def test_locked_rows_of_a_bulk_job_go_on_in_collections(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(260)})
    ids = _ids(260)
    org.faults({"match": {"ids": ids[100:160]}, "fault": "lock_row", "times": 60})
    assert _bad(_write(org, _updates(260))) == {}
    assert _patches(org) == [50, 10]


def _trigger(org: LocalOrg, most: int, code: str, message: str) -> None:
    """An org's own code, which refuses every record of a transaction of more than `most` records."""
    app = org.server.app

    def gate(_object: str, _id: str | None) -> None:
        if app.gate.call is not None and len(app.gate.call.record()["records"]) > most:
            raise OrgError(code, message)

    app.service.org.gate = gate


def test_what_an_orgs_own_code_does_not_take_at_once_it_gets_in_smaller_parts(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(120)})
    message = "AccountTrigger: execution of BeforeUpdate caused by: System.LimitException: Too many SOQL queries: 101"
    _trigger(org, 40, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", message)
    assert _bad(_write(org, _updates(120))) == {}
    # 120, then 50 + 50 + 20 of which the last goes through, then tens.
    assert _patches(org) == [120, 50, 50, 20, *[10] * 10]


def test_a_crash_that_does_not_pass_is_refused_in_its_words(org: LocalOrg) -> None:
    _trigger(org, 0, "UNKNOWN_EXCEPTION", "An unexpected error occurred. ErrorId: 1933027655-144670 (-464075996)")
    results = _write(org, [Update(ACME, {"Site": "x"})])
    assert _bad(results) == {ACME: (REJECTED, "UNKNOWN_EXCEPTION")}
    assert "1933027655-144670" in results[ACME].message
    assert _patches(org) == [1, 1, 1, 1]


# -- bulk


def test_more_than_a_collection_goes_in_one_job(start_org: StartOrg) -> None:
    org = start_org({"Account": [one | {"Note__c": "old"} for one in accounts(450)]})
    ids = _ids(450)
    sets: list[dict[str, str]] = [{"Site": "x"}, {"Note__c": ""}, {"Site": "y", "Note__c": "a\nb"}]
    results = _write(org, [Update(id_, sets[n % 3]) for n, id_ in enumerate(ids)])
    assert _bad(results) == {}
    # A value that a record does not set is as it was; an empty text clears.
    stands = [(_sites(org)[id_], _value(org, "Note__c", id_)) for id_ in ids[:3]]
    assert stands == [("x", "old"), (None, None), ("y", "a\nb")]
    assert len(org.server.app.service.part(Jobs).jobs) == 1
    assert _patches(org) == []


def test_what_a_file_cannot_say_goes_beside_it(start_org: StartOrg) -> None:
    org = start_org({"Account": [one | {"Note__c": "old"} for one in accounts(230)]})
    ids = _ids(230)
    updates = [Update(id_, {"Note__c": "n"}) for id_ in ids]
    updates[7] = Update(ids[7], {"Note__c": "#N/A"})
    updates[8] = Update(ids[8], {"Note__c": "a\r\nb"})
    assert _bad(_write(org, updates)) == {}
    assert (_value(org, "Note__c", ids[7]), _value(org, "Note__c", ids[8])) == ("#N/A", "a\r\nb")
    assert _patches(org) == [2]


def test_rows_of_a_job_are_refused_in_salesforces_words(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(240)})
    ids = _ids(240)
    org.edit("Account", ids[0], merge=[ids[1]])
    org.edit("Account", ids[2], delete=True)
    org.faults({"match": {"ids": [ids[9]]}, "fault": "validation_rule"})
    updates = _updates(240)
    updates[5] = Update(ids[5], {"NumberOfEmployees": "many"})
    updates[6] = Update(ids[6][:15], {"Site": "core"})
    results = _write(org, updates)
    assert _bad(results) == {
        ids[1]: (REJECTED, "MERGED"),
        ids[2]: (REJECTED, "ENTITY_IS_DELETED"),
        ids[5]: (REJECTED, "INVALID_TYPE_ON_FIELD_IN_RECORD"),
        ids[9]: (REJECTED, "FIELD_CUSTOM_VALIDATION_EXCEPTION"),
    }
    assert results[ids[5]].message == (
        "INVALID_TYPE_ON_FIELD_IN_RECORD: Number Of Employees: value not of required type: many (NumberOfEmployees)"
    )
    assert results[ids[6][:15]].status is APPLIED


@pytest.mark.parametrize("fault", ["503", "reset", "500", "truncated_body"])
def test_blips_while_a_job_works_decide_nothing(start_org: StartOrg, fault: str) -> None:
    org = start_org({"Account": accounts(250)})
    org.faults({"match": {"method": "GET", "path": "jobs/ingest"}, "fault": fault, "rate": 0.5, "seed": 4})
    assert _bad(_write(org, _updates(250))) == {}
    assert len(org.server.app.service.part(Jobs).jobs) == 1


def test_a_job_that_fails_on_the_way_defers_what_it_did_not_do(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(450)})
    ids = _ids(450)
    org.server.app.service.part(Jobs).batch_rows = 100
    org.faults({"match": {"method": "PATCH", "path": "jobs/ingest"}, "fault": "bulk_fail"})
    results = _write(org, _updates(450))
    # Of five batches the sandbox does two.
    assert _bad(results) == dict.fromkeys(ids[200:], (DEFERRED, ""))
    assert "InternalServerError" in results[ids[449]].message
    assert {id_ for id_, site in _sites(org).items() if site} == set(ids[:200])


def test_rows_in_none_of_a_jobs_results_are_read_back(start_org: StartOrg) -> None:
    org = start_org({"Account": [one | {"Site": "core" if n == 3 else ""} for n, one in enumerate(accounts(250))]})
    ids = _ids(250)
    org.server.app.service.part(Jobs).most_batches = 0
    results = _write(org, _updates(250))
    assert {id_ for id_, one in results.items() if one.status is APPLIED} == {ids[3]}
    assert {one.status for id_, one in results.items() if id_ != ids[3]} == {DEFERRED}


def test_a_job_that_cannot_be_followed_is_read_back(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(250)})
    ids = _ids(250)
    org.faults(
        {"match": {"method": "GET", "path": "Results"}, "fault": "api_disabled"},
        {"match": {"ids": [ids[5]]}, "fault": "validation_rule"},
    )
    results = _write(org, _updates(250))
    # What the job refused shows its old value, and nobody knows whether it is still to come.
    assert _bad(results) == {ids[5]: (UNANSWERED, "")}


def test_a_job_after_which_nothing_can_be_read_is_unanswered(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(250)})
    spent = once(lambda: org.control("settings", {"api_used": 100_000}))
    crm = org.connect()
    crm.count("company")
    crm.transport._sleep = spent
    results = crm.write("company", _updates(250))
    assert {one.status for one in results} == {UNANSWERED}


def test_without_bulk_jobs_the_slower_way_is_open(start_org: StartOrg) -> None:
    org = start_org({"Account": accounts(450)})
    org.server.app.service.org.objects["Account"].setup = True
    crm = org.connect()
    assert {one.status for one in crm.write("company", _updates(450))} == {APPLIED}
    assert _patches(org) == [200, 200, 50]


def test_a_file_that_salesforce_does_not_take_goes_the_slower_way(
    start_org: StartOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = start_org({"Account": [one | {"Note__c": "old"} for one in accounts(250)]})
    # As if we did not know that a carriage return in a value fails the whole job.
    monkeypatch.setattr("crmsync.connectors.salesforce.write.fits_csv", lambda *_: True)
    updates = [Update(id_, {"Note__c": "a\r\nb"}) for id_ in _ids(250)]
    assert _bad(_write(org, updates)) == {}
    assert _patches(org) == [200, 50]
    (job,) = org.server.app.service.part(Jobs).jobs.values()
    assert str(job.error).startswith("ClientInputError")


def test_a_batch_has_its_limit(org: LocalOrg) -> None:
    with pytest.raises(ValueError, match="at most 10000"):
        org.connect().write("company", _updates(10_001))


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalOrg]:
    """Six accounts: three for collections, and three for jobs."""
    rows = [one | {"Note__c": "old", "Site": "old", "AnnualRevenue": "5"} for one in accounts(6)]
    org = LocalOrg(tmp_path_factory.mktemp("twins") / "org", {"Account": rows})
    org.control("settings", {"bulk_ms": 0})
    yield org
    org.close()


_TEXTS = st.one_of(
    st.sampled_from(["", "#N/A", " ", "a\nb", "a\r\nb", '"', ",", "a\u2028b", "true", "00012", "=1"]),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=20),
)
_VALUES = st.fixed_dictionaries(
    {},
    optional={
        "Note__c": _TEXTS,
        "Site": _TEXTS,
        "AnnualRevenue": st.sampled_from(["", "0", "12", "350000000", "many"]),
    },
).filter(bool)


@settings(max_examples=40, deadline=None)
@given(st.lists(_VALUES, min_size=3, max_size=3))
def test_a_job_leaves_what_collections_leave(twins: LocalOrg, values: list[dict[str, str]]) -> None:
    """Which of the two ways a record goes is a matter of how many there are, and must not show."""
    twins.control("reset", {"faults": False})
    twins.control("settings", {"bulk_ms": 0})
    ids = _ids(6)
    single = _write(twins, [Update(id_, one) for id_, one in zip(ids[:3], values, strict=True)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("crmsync.connectors.salesforce.write.COLLECTION", 1)
        bulk = _write(twins, [Update(id_, one) for id_, one in zip(ids[3:], values, strict=True)])
    assert [one.status for one in bulk.values()] == [one.status for one in single.values()]
    names = ("Note__c", "Site", "AnnualRevenue")
    left, right = ([[_value(twins, name, id_) for name in names] for id_ in some] for some in (ids[:3], ids[3:]))
    assert left == right


# -- when to stop


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("503", Unavailable),
        ("concurrent_limit", Throttled),
        ("daily_limit", BudgetSpent),
        ("api_disabled", Unauthorized),
    ],
)
@pytest.mark.parametrize("count", [3, 250])
def test_where_nothing_was_settled_the_caller_hears_why(
    start_org: StartOrg, fault: str, error: type[Exception], count: int
) -> None:
    org = start_org({"Account": accounts(250)})
    # One record is refused before anything is sent: that is no reason to keep the outage for ourselves.
    updates = [Update(_ids(1)[0], {"CreatedDate": "2020-01-01T00:00:00Z"}), *_updates(count)[1:]]
    org.faults({"match": {"path": "composite"}, "fault": fault}, {"match": {"path": "jobs"}, "fault": fault})
    with pytest.raises(error):
        _write(org, updates)
    assert set(_sites(org).values()) == {None}


@pytest.mark.parametrize("fault", ["503", "concurrent_limit", "daily_limit", "api_disabled"])
def test_where_something_was_settled_the_rest_is_deferred(start_org: StartOrg, fault: str) -> None:
    org = start_org({"Account": accounts(80)})
    ids = _ids(80)
    org.control("lock", {"ids": ids[:60], "ms": 60_000})
    # The first collection of all, the first of 50 locked ones; then the outage.
    org.faults({"match": PATCH, "fault": fault, "after": 2})
    results = _write(org, _updates(80))
    assert _bad(results) == dict.fromkeys(ids[:60], (DEFERRED, ""))
    assert {_sites(org)[id_] for id_ in ids[60:]} == {"core"}


def test_an_expired_session_is_renewed_within_a_write(org: LocalOrg) -> None:
    org.faults({"match": PATCH, "fault": "session_expired", "times": 1})
    assert _bad(_write(org, [Update(ACME, {"Site": "x"})])) == {}


@pytest.mark.parametrize("count", [120, 320])
@pytest.mark.parametrize("seed", range(6))
def test_in_any_weather_an_outcome_says_what_is_so(start_org: StartOrg, seed: int, count: int) -> None:
    """Applied means that it stands, rejected that it does not; an outage may leave others open, never wrong."""
    org = start_org({"Account": accounts(count)})
    ids = _ids(count)
    weather = ("503", "reset", "lost_reply", "500", "truncated_body", "502", "session_expired", "concurrent_limit")
    org.faults(
        {"match": {"ids": [ids[11]]}, "fault": "validation_rule"},
        {"match": {"path": "/services/data"}, "fault": "lock_row", "rate": 0.1, "seed": seed},
        *({"match": {"path": "/services/data"}, "fault": one, "rate": 0.06, "seed": seed + n * 31}
          for n, one in enumerate(weather)),
    )  # fmt: skip
    results = _write(org, _updates(count))
    sites = _sites(org)
    assert {id_ for id_, one in results.items() if one.status is APPLIED and sites[id_] != "core"} == set()
    assert {id_ for id_, one in results.items() if one.status is REJECTED} <= {ids[11]}
    assert sites[ids[11]] is None
    assert sum(one.status is APPLIED for one in results.values()) >= count // 2


# -- words and values


@pytest.mark.parametrize(
    ("cell", "error"),
    [
        ("ENTITY_IS_DELETED:entity is deleted:--", RowError("ENTITY_IS_DELETED", "entity is deleted")),
        # jsforce #616, by salesforce.md 2.4.
        (
            "STRING_TOO_LONG:ShortTextField: data value too large: x: (max length=10):ShortTextField__c --",
            RowError(
                "STRING_TOO_LONG", "ShortTextField: data value too large: x: (max length=10)", ("ShortTextField__c",)
            ),
        ),
        ("A_B:one\ntwo:F1,F2 --", RowError("A_B", "one\ntwo", ("F1", "F2"))),
        ("A_B:one -- two: three:F1 --C_D:four:--", RowError("A_B", "one -- two: three C_D: four", ("F1",))),
        ("something else", RowError("", "something else")),
        ("CODE:without an end", RowError("CODE", "without an end")),
        ("", RowError("", "")),
    ],
)
def test_a_cell_says_code_words_and_fields(cell: str, error: RowError) -> None:
    assert from_cell(cell) == error


@given(
    st.from_regex(r"[A-Z][A-Z_]{2,30}[A-Z]", fullmatch=True),
    st.text(st.characters(exclude_characters=":-", exclude_categories=["Cs"]), min_size=1).map(str.strip),
    st.lists(st.from_regex(r"[A-Za-z]\w{0,20}", fullmatch=True).filter(str.isascii), max_size=3, unique=True),
)
def test_what_a_cell_is_made_of_comes_out_of_it(code: str, message: str, fields: list[str]) -> None:
    cell = f"{code}:{message}:{','.join(fields)}{' ' if fields else ''}--"
    assert from_cell(cell) == RowError(code, message, tuple(fields))


@pytest.mark.parametrize("errors", [None, [], "no list", [1], [{}]])
def test_a_refusal_without_a_reason_is_one_all_the_same(errors: Any) -> None:
    assert from_json(errors).code == ""
    assert from_json([{"errorCode": "A", "message": "b"}, {"statusCode": "C", "message": "d"}]).text == "A: b C: d"


@pytest.mark.parametrize(
    ("kind", "sent", "stands", "equal"),
    [
        ("string", " a\r\nb ", "a\nb", True), ("string", "a", "A", False), ("string", "", None, True),
        ("string", "5", "5.0", False), ("currency", "5000000", "5000000.00", True), ("int", "5", "6", False),
        ("double", "many", "1", False), ("multipicklist", "b;a", "a;b", True), ("multipicklist", "a", "a;b", False),
        ("boolean", "True", "true", True), ("boolean", "false", "true", False),
        ("date", "2026-11-01", "2026-11-01T00:00:00Z", True), ("date", "2026-11-01", "2026-11-02", False),
        ("datetime", "2026-11-01T10:00:00.900000+00:00", "2026-11-01T10:00:00.000Z", True),
        ("datetime", "2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z", True),
        ("datetime", "2026-11-01T10:00:00", "2026-11-01T10:00:01Z", False), ("datetime", "soon", "later", False),
        ("reference", ACME[:15], ACME, True), ("string", "x", None, False), ("string", "", "x", False),
    ],
)  # fmt: skip
def test_what_stands_is_compared_as_the_field_keeps_it(kind: str, sent: str, stands: str | None, equal: bool) -> None:
    assert same(FieldInfo("X", kind), sent, stands) is equal
