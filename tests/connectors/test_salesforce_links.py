"""Associations of a Salesforce org over TLS: rows of other objects, lookups, and what the log of deletions knows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from salesforce_org import ACME, ANA, BEN, BETA, DEAL, GAMMA, TABLES, LocalOrg, StartOrg, accounts

from crmsync.connectors.base import Link, LinkChanges
from crmsync.connectors.salesforce.answers import Answer
from crmsync.connectors.salesforce.links import Links
from crmsync.errors import Rejected, Unauthorized, Unavailable

# Ids by hand: digits alone behind the prefix, so the suffix has no capital but that of the prefix's own K.
ROLE, ROLE_2, ROLE_3 = "00K5g0000000001EAA", "00K5g0000000002EAA", "00K5g0000000003EAA"
RELATION, RELATION_2 = "07k5g0000000001AAA", "07k5g0000000002AAA"
DEAL_2 = "0065g0000000002AAA"
ROLES = [
    {"Id": ROLE, "OpportunityId": DEAL, "ContactId": ANA, "Role": "Evaluator", "IsPrimary": "true"},
    {"Id": ROLE_2, "OpportunityId": DEAL, "ContactId": ANA, "Role": "Decision Maker", "IsPrimary": "false"},
    {"Id": ROLE_3, "OpportunityId": DEAL, "ContactId": BEN, "Role": "", "IsPrimary": "false"},
]
RELATIONS = [
    {"Id": RELATION, "ContactId": ANA, "AccountId": BETA, "Roles": "Influencer;Business User", "IsActive": "true"},
    {"Id": RELATION_2, "ContactId": ANA, "AccountId": ACME, "Roles": "Evaluator", "IsActive": "false"},
]
BOTH: dict[str, Any] = {
    **TABLES,
    "Opportunity": [*TABLES["Opportunity"], {**TABLES["Opportunity"][0], "Id": DEAL_2, "AccountId": ""}],
    "OpportunityContactRole": ROLES,
    "AccountContactRelation": RELATIONS,
}


@pytest.fixture
def linked(start_org: StartOrg) -> LocalOrg:
    return start_org(BOTH)


def _since(**before: float) -> datetime:
    return datetime.now(UTC) - timedelta(**before)


def test_contact_roles_are_links_of_a_deal_each_contact_once(linked: LocalOrg) -> None:
    found = linked.connect().associations("deal", "contact", [DEAL, DEAL_2])
    assert found == {
        DEAL: [Link(ANA, ("Decision Maker", "Evaluator"), (ROLE, ROLE_2)), Link(BEN, (), (ROLE_3,))],
        DEAL_2: [],
    }


def test_relations_are_links_of_a_contact_while_they_are_active(linked: LocalOrg) -> None:
    crm = linked.connect()
    assert crm.associations("contact", "company", [ANA, BEN]) == {
        ANA: [Link(BETA, ("Business User", "Influencer"), (RELATION,))],
        BEN: [],
    }
    linked.edit("AccountContactRelation", RELATION_2, fields={"IsActive": True})
    found = crm.associations("contact", "company", [ANA])[ANA]
    # By the other record's id: BETA's begins 0015, ACME's 001D.
    assert found == [
        Link(BETA, ("Business User", "Influencer"), (RELATION,)),
        Link(ACME, ("Evaluator",), (RELATION_2,)),
    ]


def test_each_kind_is_there_from_its_other_end(linked: LocalOrg) -> None:
    crm = linked.connect()
    assert crm.associations("contact", "deal", [BEN]) == {BEN: [Link(DEAL, (), (ROLE_3,))]}
    assert crm.associations("company", "contact", [BETA, GAMMA]) == {
        BETA: [Link(ANA, ("Business User", "Influencer"), (RELATION,))], GAMMA: [],
    }  # fmt: skip


def test_lookups_are_links_without_a_record_of_their_own(start_org: StartOrg) -> None:
    org = start_org(
        BOTH | {"Account": [{**one, "ParentId": ACME if one["Id"] == BETA else ""} for one in TABLES["Account"]]}
    )
    crm = org.connect()
    assert crm.associations("deal", "company", [DEAL, DEAL_2]) == {DEAL: [Link(BETA)], DEAL_2: []}
    assert crm.associations("company", "company", [ACME, BETA]) == {ACME: [], BETA: [Link(ACME)]}
    org.edit("Contact", BEN, fields={"ReportsToId": ANA})
    assert crm.associations("contact", "contact", [BEN]) == {BEN: [Link(ANA)]}


def test_an_id_is_answered_as_it_was_asked_and_what_is_none_has_none(linked: LocalOrg) -> None:
    found = linked.connect().associations("deal", "company", [DEAL[:15], DEAL, "12345", "0065g0000000999AAA"])
    assert found == {DEAL[:15]: [Link(BETA)], DEAL: [Link(BETA)], "12345": [], "0065g0000000999AAA": []}


def test_what_the_org_does_not_have_is_no_error(start_org: StartOrg) -> None:
    org = start_org({name: rows for name, rows in BOTH.items() if name != "AccountContactRelation"})
    crm = org.connect()
    assert crm.associations("contact", "company", [ANA]) == {ANA: []}
    assert crm.link_changes("contact", "company", _since(hours=1)) == LinkChanges()
    assert crm.associations("deal", "deal", [DEAL]) == {DEAL: []}
    assert crm.associations("deal", "contact", []) == {}


def test_a_label_that_may_not_be_seen_is_none_and_an_end_that_may_not_be_seen_is_told(linked: LocalOrg) -> None:
    hide = {"object": "OpportunityContactRole", "read": False, "edit": False}
    linked.control("fls", {**hide, "field": "Role"})
    assert linked.connect().associations("deal", "contact", [DEAL])[DEAL][0] == Link(ANA, (), (ROLE, ROLE_2))
    linked.control("fls", {**hide, "field": "ContactId"})
    with pytest.raises(Unauthorized, match=r"OpportunityContactRole\.ContactId"):
        linked.connect().associations("deal", "contact", [DEAL])


def _many(count: int) -> dict[str, Any]:
    deals = [
        {"Id": f"0065g{n:010d}AAA", "Name": f"D{n}", "StageName": "Closed Won", "CloseDate": "2025-02-01",
         "AccountId": accounts(3)[n % 3]["Id"]}
        for n in range(1, count + 1)
    ]  # fmt: skip
    roles = [{"OpportunityId": one["Id"], "ContactId": ANA, "Role": "Other"} for one in deals]
    people = [{"Id": ANA, "LastName": "Adams", "AccountId": accounts(1)[0]["Id"]}]
    return {"Account": accounts(3), "Contact": people, "Opportunity": deals, "OpportunityContactRole": roles}


@pytest.mark.parametrize(("asked", "calls"), [(600, 2), (2_400, 3), (400, 1)])
def test_many_ids_are_asked_in_the_way_that_takes_fewer_calls(start_org: StartOrg, asked: int, calls: int) -> None:
    # 2,400 ids are five calls by id (salesforce.md: an address has 16,384 characters, a quoted id 27 of them), and of
    # 2,400 rows there are two pages, after one call that counts them.
    org = start_org(_many(2_400))
    ids = [one["Id"] for one in _many(2_400)["Opportunity"]][:asked]
    found = org.connect().associations("deal", "contact", ids)
    assert {id_: [one.to for one in found[id_]] for id_ in ids} == {id_: [ANA] for id_ in ids}
    assert len(found) == asked
    assert len(org.requests("/query")) == calls


def test_the_whole_object_is_read_whole_where_a_page_was_lost(start_org: StartOrg) -> None:
    org = start_org(_many(2_400))
    ids = [one["Id"] for one in _many(2_400)["Opportunity"]]
    org.faults({"match": {"method": "GET", "path": "/query/0r8"}, "fault": "lost_reply", "times": 1})
    found = org.connect().associations("deal", "contact", ids)
    assert all(len(one) == 1 for one in found.values())
    assert len(found) == 2_400


# -- changes


def test_a_role_that_is_made_or_changed_says_which_deal_to_read_again(linked: LocalOrg) -> None:
    crm = linked.connect()
    since = _since(minutes=5)
    # The roles of the file carry the moment of loading: they are new.
    assert crm.link_changes("deal", "contact", since) == LinkChanges((DEAL,))
    linked.edit("OpportunityContactRole", fields={"OpportunityId": DEAL_2, "ContactId": BEN})
    assert crm.link_changes("deal", "contact", since) == LinkChanges((DEAL, DEAL_2))
    assert crm.link_changes("deal", "contact", datetime.now(UTC) + timedelta(seconds=30)).of == ()


def _a_minute_later(org: LocalOrg) -> Links:
    """The log does not count seconds, so its last minute is not over: as the next look will see it."""
    crm = org.connect()
    return Links(crm.transport, crm.fields, crm._reads, now=lambda: datetime.now(UTC) + timedelta(minutes=1))


def test_a_role_that_is_deleted_is_found_in_the_log_alone(linked: LocalOrg) -> None:
    linked.edit("OpportunityContactRole", ROLE_3, delete=True)
    assert _a_minute_later(linked).link_changes("deal", "contact", _since(minutes=5)) == LinkChanges((DEAL,), (ROLE_3,))
    linked.edit("OpportunityContactRole", ROLE, delete=True)
    linked.edit("OpportunityContactRole", ROLE_2, delete=True)
    gone = (ROLE, ROLE_2, ROLE_3)
    assert _a_minute_later(linked).link_changes("deal", "contact", _since(minutes=5)) == LinkChanges((), gone)


def test_a_relation_that_is_deleted_or_ended_says_so(linked: LocalOrg) -> None:
    since = _since(minutes=5)
    made = linked.edit("AccountContactRelation", fields={"ContactId": BEN, "AccountId": ACME})
    linked.edit("AccountContactRelation", made, delete=True)
    # It is in the recycle bin, and says from there whose it was.
    assert _a_minute_later(linked).link_changes("contact", "company", since) == LinkChanges((ANA, BEN), (made,))


def test_a_role_that_moved_to_another_contact_is_gone_for_the_one_who_had_it(linked: LocalOrg) -> None:
    linked.edit("OpportunityContactRole", ROLE_3, fields={"ContactId": ANA})
    changes = linked.connect().link_changes("contact", "deal", _since(minutes=5))
    assert ROLE_3 in changes.gone
    assert ANA in changes.of


def test_a_lookup_changes_its_record_and_nothing_is_asked(linked: LocalOrg) -> None:
    crm = linked.connect()
    assert crm.link_changes("deal", "company", _since(minutes=5)) == LinkChanges()
    assert linked.requests("deleted") == []


def test_what_the_log_no_longer_knows_is_lost(linked: LocalOrg) -> None:
    # getDeleted goes back 15 days (salesforce.md 2.5).
    crm = linked.connect()
    assert crm.link_changes("deal", "contact", _since(days=16)) == LinkChanges(lost=True)
    assert not crm.link_changes("deal", "contact", _since(days=14)).lost


class Told:
    """Salesforce's answer about deletions with another date in it, or of another kind."""

    def __init__(self, transport: Any, body: bytes) -> None:
        self._transport, self._body = transport, body

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def get(self, family: str, *more: Any, **named: Any) -> Answer:
        answer: Answer = self._transport.get(family, *more, **named)
        return Answer(200, answer.headers, self._body) if family == "replication" else answer


@pytest.mark.parametrize(
    ("body", "lost"),
    [
        (b'{"deletedRecords": [], "earliestDateAvailable": "FIRST", "latestDateCovered": "LAST"}', False),
        (b'{"deletedRecords": [], "earliestDateAvailable": "LAST", "latestDateCovered": "LAST"}', True),
        (b'{"deletedRecords": [], "earliestDateAvailable": "FIRST", "latestDateCovered": "FIRST"}', True),
        (b'{"deletedRecords": []}', False),
    ],
)
def test_a_log_that_covers_less_than_was_asked_is_lost(linked: LocalOrg, body: bytes, lost: bool) -> None:
    first, last = _since(days=10), _since(minutes=1)
    body = body.replace(b"FIRST", first.isoformat().encode()).replace(b"LAST", last.isoformat().encode())
    crm = linked.connect()
    told: Any = Told(crm.transport, body)
    assert Links(told, crm.fields, crm._reads).link_changes("deal", "contact", _since(hours=1)).lost is lost


def test_an_answer_about_deletions_that_is_none_is_no_answer(linked: LocalOrg) -> None:
    crm = linked.connect()
    told: Any = Told(crm.transport, b"[]")
    with pytest.raises(Unavailable, match="deleted rows"):
        Links(told, crm.fields, crm._reads).link_changes("deal", "contact", _since(hours=1))


def test_a_look_right_after_the_last_one_asks_for_a_whole_minute(linked: LocalOrg) -> None:
    crm = linked.connect(lookback=timedelta(0))
    assert not crm.link_changes("deal", "contact", datetime.now(UTC)).lost
    (call,) = linked.requests("deleted")
    assert call["status"] == 200


@pytest.mark.parametrize("code", ["EXCEEDED_ID_LIMIT", "INVALID_REPLICATION_DATE"])
def test_a_log_that_refuses_is_lost_and_any_other_refusal_is_told(linked: LocalOrg, code: str) -> None:
    crm = linked.connect()
    for category, lost in ((code, True), ("SOMETHING_ELSE", False)):
        refusing: Any = Refusing(crm.transport, category)
        asking = Links(refusing, crm.fields, crm._reads)
        if lost:
            assert asking.link_changes("deal", "contact", _since(hours=1)) == LinkChanges(lost=True)
        else:
            with pytest.raises(Rejected):
                asking.link_changes("deal", "contact", _since(hours=1))


class Refusing(Told):
    """Salesforce's refusal of the log, which the local org gives for a date alone."""

    def __init__(self, transport: Any, category: str) -> None:
        super().__init__(transport, b"")
        self._category = category

    def get(self, family: str, *more: Any, **named: Any) -> Answer:
        if family == "replication":
            raise Rejected("refused", category=self._category)
        return super().get(family, *more, **named)
