"""HubSpot's own Salesforce integration and crmsync in the same two CRMs: after a few rounds nothing changes any more,
and no field of a record is ever written by both.

The integration is `native_sync`, the world `worlds`, whose truth is known; what crmsync wrote is read off the CRMs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from crmsync.connectors.salesforce.settings import api_name
from crmsync.engine.explain import explain
from tests.together.conftest import running
from tests.together.native_sync import Crm, Kind, Mapped, NativeSync, Rule, Write, same
from tests.together.rounds import PREFIX, Round, Rounds, counterparts, declare, owned, project, state
from tests.together.worlds import INTEGRATION_USER, World, generate

OURS: tuple[Kind, ...] = ("company", "contact")
#: What such a company has mapped beside our values. Employees are not synced: their contradictions stay.
ORDINARY = (
    Mapped("company", "name", "Name", Rule.PREFER_SALESFORCE),
    Mapped("company", "city", "BillingCity", Rule.TWO_WAY),
    Mapped("company", "annualrevenue", "AnnualRevenue", Rule.ALWAYS_SALESFORCE),
    Mapped("company", "numberofemployees", "NumberOfEmployees", Rule.NEVER),
    Mapped("contact", "jobtitle", "Title", Rule.PREFER_SALESFORCE),
    Mapped("contact", "email", "Email", Rule.TWO_WAY),
    Mapped("deal", "amount", "Amount", Rule.TWO_WAY),
)
#: Values of ours that a company may have mapped by hand, some of all.
SOME = frozenset({"tier", "tier_reason", "tier_changed_at", "icp_fit", "stakeholder_role", "seniority"})
#: Enough for every kind of pair, few enough for many rounds; test_together_matching.py has more.
ACCOUNTS = 70
Start = Callable[..., tuple[World, Rounds]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A world in both CRMs, with crmsync configured and the integration on.

    `carried`: what crmsync is told, a word of the configuration or `all` that are copied; `copies`: which of our values
    the integration copies, by `rule`.
    """
    with ExitStack() as stack:

        def begin(
            seed: int, carried: str, copies: Callable[[str], bool], primary: Crm = "hubspot", rule: Rule = Rule.TWO_WAY
        ) -> tuple[World, Rounds]:
            world = generate(tmp_path / "world", seed, accounts=ACCOUNTS)
            crms = stack.enter_context(running(world.hubspot, world.salesforce))
            config = project(tmp_path / "project", crms, primary)
            names = {kind: [name for name in owned(config, kind) if copies(name)] for kind in OURS}
            declare(config, carried if carried != "all" else str(names).replace("'", ""))
            lines = [
                Mapped(kind, PREFIX + name, api_name(PREFIX, PREFIX + name), rule)
                for kind in OURS
                for name in names[kind]
            ]
            rounds = Rounds(crms, NativeSync(crms, [*ORDINARY, *lines], INTEGRATION_USER), config)
            rounds.begin()
            return world, rounds

        yield begin


def test_where_everything_is_carried_and_said_so_the_third_round_is_quiet(start: Start) -> None:
    world, rounds = start(1, "all", lambda name: True)
    first, second, third = (rounds.run() for _ in range(3))
    linked = {*world.linked["company"].values(), *world.linked["contact"].values()}
    alone = {write.id for write in first.ours if write.crm == "salesforce"}
    assert alone
    assert not alone & linked  # Linked records get our values by the integration alone, the others from us.
    assert {write.id for write in second.native if write.property.startswith("ABM_")} <= linked
    assert any(write.property == "ABM_Tier__c" for write in second.native)
    _quiet(third)
    _settled(rounds, world, third)


def test_where_nothing_is_carried_and_said_so_the_third_round_is_quiet(start: Start) -> None:
    world, rounds = start(2, "none", lambda name: False)
    first, _second, third = (rounds.run() for _ in range(3))
    assert {write.crm for write in first.ours} == {"hubspot", "salesforce"}
    _quiet(third)
    _settled(rounds, world, third)


def test_what_is_carried_is_found_out_and_the_rest_written_to_both(start: Start) -> None:
    world, rounds = start(3, "detect", lambda name: name in SOME)
    past = [rounds.run() for _ in range(5)]
    linked = {*world.linked["company"].values(), *world.linked["contact"].values()}
    ours = _fields(past[0].ours, linked)
    assert not ours["salesforce"]  # Until it shows, linked records are written in HubSpot alone.
    late = {name for round_ in past[1:] for name in _fields(round_.ours, linked)["salesforce"]}
    copied = _fields(rounds.native.log, linked)["salesforce"]
    assert {"ABM_Tier__c", "ABM_Seniority__c"} <= copied
    assert late
    assert not late & copied
    carried = past[-1].done.planned.plan.summary["together"]["carried"]
    assert carried["company.abm_tier"] == "carried"
    assert carried["company.abm_potential_tier"] == "own"
    _quiet(past[-1])
    _settled(rounds, world, past[-1])


def test_with_salesforce_as_the_primary_crm_the_third_round_is_quiet_too(start: Start) -> None:
    world, rounds = start(5, "all", lambda name: True, primary="salesforce")
    third = [rounds.run() for _ in range(3)][-1]
    _quiet(third)
    assert rounds.shared() == set()
    _matched_in_truth(rounds, world, third)
    _same_in_both(rounds)
    told = third.done.planned.plan.summary["together"]["disagreements"]
    contradicted = {row["id"]: row["kept"] for row in told if row["field"] == "employees"}
    pairs = counterparts(rounds, "company")
    expected = {pairs[ours] for ours in world.conflicts if ours in pairs}
    assert contradicted == {id_: rounds.value("company", id_, "NumberOfEmployees") for id_ in expected}


@pytest.mark.parametrize("carried", ["detect", "all"])
def test_where_salesforces_value_is_preferred_nothing_is_pushed_to_and_fro(start: Start, carried: str) -> None:
    """HubSpot's default rule: it copies our values into blank fields, and puts them back over what we decide later."""
    world, rounds = start(7, carried, lambda name: True, rule=Rule.PREFER_SALESFORCE)
    for _ in range(4):
        rounds.run()
    _quiet(rounds.past[-1])
    changed = _lower_employees(world, rounds, 5)
    _written_alone, put_back, quiet, after = (rounds.run() for _ in range(4))
    assert {write.id for write in put_back.native if write.property == "abm_tier"} == changed.keys()
    theirs = {(write.id, write.value) for write in put_back.ours if write.property == "ABM_Tier__c"}
    assert theirs == {(id_, "tier_3") for id_ in changed.values()}
    _quiet(quiet)
    _quiet(after)
    _same_in_both(rounds, all_of_it=True)
    summary = put_back.done.planned.plan.summary["together"]
    if carried == "detect":
        assert summary["carried"]["company.abm_tier"] == "own"
        assert any("abm_tier" in note and "put back" in note for note in summary["notes"])
        # What was put back once is written to both from then on.
        later = _lower_employees(world, rounds, 1)
        both, quiet = rounds.run(), rounds.run()
        assert {write.id for write in both.ours} == {*later.keys(), *later.values()}
        _quiet(quiet)
        _same_in_both(rounds, all_of_it=True)


def _lower_employees(world: World, rounds: Rounds, count: int) -> dict[str, str]:
    """Some linked companies of tier 1 come to be small: HubSpot's id to Salesforce's."""
    tiers = rounds.crms.hubspot_records("company", ["abm_tier"])
    found = {
        ours: theirs
        for ours, theirs in world.linked["company"].items()
        if tiers[ours].values["abm_tier"] == "tier_1" and ours not in world.conflicts
    }
    chosen = dict(sorted(found.items())[:count])
    assert len(chosen) == count
    for ours in chosen:
        body = {"properties": {"numberofemployees": "120"}}
        rounds.crms.hubspot_call("PATCH", f"/crm/v3/objects/companies/{ours}", body)
    return chosen


def test_a_change_after_the_quiet_reaches_each_crm_once(start: Start) -> None:
    world, rounds = start(4, "all", lambda name: True)
    for _ in range(3):
        rounds.run()
    ((ours, theirs),) = _lower_employees(world, rounds, 1).items()
    changed, copied, quiet = (rounds.run() for _ in range(3))
    assert {(write.crm, write.id) for write in changed.ours} == {("hubspot", ours)}
    assert rounds.value("company", ours, "abm_tier") == "tier_3"
    assert {(write.crm, write.id) for write in copied.native} == {("salesforce", theirs)}
    assert rounds.value("company", theirs, "ABM_Tier__c") == "tier_3"
    _quiet(quiet)
    assert rounds.shared() == set()


def test_merges_in_either_crm_are_followed_and_all_other_ids_stay(start: Start) -> None:
    world, rounds = start(2, "all", lambda name: True)
    for _ in range(3):
        rounds.run()
    before = {kind: counterparts(rounds, kind) for kind in OURS}
    account = _merge_accounts(world, rounds, linked=True)
    twins = _merge_accounts(world, rounds, linked=False)
    person = _merge_people(rounds, before["contact"])
    for _ in range(4):
        last = rounds.run()
    _quiet(last)
    after = {kind: counterparts(rounds, kind) for kind in OURS}
    assert before["company"][account.ours] == account.loser
    assert twins.ours not in before["company"]
    expected = before["company"] | {account.ours: account.theirs, twins.ours: twins.theirs}
    assert after["company"] == expected
    # People of the accounts that were told apart may be found now; nobody is lost but who went by another id.
    kept = {ours: theirs for ours, theirs in before["contact"].items() if ours != person.loser}
    assert kept.items() <= after["contact"].items()
    assert after["contact"][person.ours] == person.theirs
    _same_in_both(rounds)
    with rounds.opened() as ctx:
        for old in (account.loser, person.loser):
            assert explain(ctx, None, old)
    assert rounds.shared() == set()


@dataclass(frozen=True)
class Merged:
    """A merge that somebody made. `ours` and `theirs`: the record's ids in HubSpot and in Salesforce afterwards."""

    loser: str
    ours: str
    theirs: str


def _merge_accounts(world: World, rounds: Rounds, *, linked: bool) -> Merged:
    """In Salesforce: two accounts of one company. `linked`: HubSpot's record points at the one that goes, else at none
    of them, and nobody could tell which of the two it was."""
    for entity, how in world.how["company"].items():
        ours, theirs = world.ids("hubspot", "company", entity), world.ids("salesforce", "company", entity)
        if len(ours) == 1 and len(theirs) == 2 and how == ("native" if linked else "uncertain"):
            loser, winner = theirs
            assert not linked or world.linked["company"][ours[0]] == loser
            edit = {"object": "Account", "id": winner, "merge": [loser]}
            rounds.crms.salesforce_call("POST", "/_sandbox/edit", edit)
            return Merged(loser, ours[0], winner)
    raise AssertionError("this world has no such accounts")


def _merge_people(rounds: Rounds, pairs: dict[str, str]) -> Merged:
    """In HubSpot: a person that Salesforce has too, and one that is in HubSpot alone. A new id stands for both."""
    people = rounds.crms.hubspot_records("contact", ["associatedcompanyid", "salesforcecontactid"])
    for ours, side in people.items():
        for other, more in people.items():
            near = side.values["associatedcompanyid"] == more.values["associatedcompanyid"]
            if near and side.values["salesforcecontactid"] and other not in pairs:
                body = {"primaryObjectId": ours, "objectIdToMerge": other}
                made = rounds.crms.hubspot_call("POST", "/crm/v3/objects/contacts/merge", body)
                return Merged(ours, made["id"], pairs[ours])
    raise AssertionError("this world has no such people")


def test_a_merge_of_companies_in_hubspot_is_followed(start: Start) -> None:
    """HubSpot merges no companies while its integration is on; here it was never switched on."""
    world, rounds = start(4, "none", lambda name: False)
    for _ in range(2):
        rounds.alone()
    before = counterparts(rounds, "company")
    loser, ours, theirs = _merge_companies(world, rounds)
    for _ in range(2):
        last = rounds.alone()
    assert last == []
    after = counterparts(rounds, "company")
    assert loser not in after
    assert after == {id_: other for id_, other in before.items() if id_ != loser} | {ours: theirs}
    _same_in_both(rounds)
    with rounds.opened() as ctx:
        assert explain(ctx, None, loser)


def _merge_companies(world: World, rounds: Rounds) -> tuple[str, str, str]:
    """Two records of one company, the first of which Salesforce has too by its own link: its id, the new record's, and
    Salesforce's."""
    for entity, how in world.how["company"].items():
        ours, theirs = world.ids("hubspot", "company", entity), world.ids("salesforce", "company", entity)
        if len(ours) == 2 and len(theirs) == 1 and how == "native":
            body = {"primaryObjectId": ours[0], "objectIdToMerge": ours[1]}
            made = rounds.crms.hubspot_call("POST", "/crm/v3/objects/companies/merge", body)
            return ours[0], made["id"], theirs[0]
    raise AssertionError("this world has no such companies")


def _fields(writes: list[Write], ids: set[str]) -> dict[str, set[str]]:
    """Fields of ours that were written on these records, by CRM."""
    found: dict[str, set[str]] = {"hubspot": set(), "salesforce": set()}
    for write in writes:
        if write.id in ids and write.property.lower().startswith(PREFIX):
            found[write.crm].add(write.property)
    return found


def _quiet(round_: Round) -> None:
    """Nobody wrote anything, and nothing is planned."""
    assert [write.place for write in round_.native] == []
    assert [write.place for write in round_.ours] == []
    assert round_.done.planned.plan.is_empty


def _settled(rounds: Rounds, world: World, last: Round) -> None:
    """What holds once it is quiet: nobody wrote to a field of another's, and both CRMs have the same of our values."""
    assert rounds.native.log
    assert rounds.native.errors == []
    assert rounds.shared() == set()
    _matched_in_truth(rounds, world, last)
    _told(rounds, world, last)
    _same_in_both(rounds)


def _matched_in_truth(rounds: Rounds, world: World, last: Round) -> None:
    review = last.done.planned.plan.summary["together"]["review"]
    asked = {row[side] for row in review for side in ("left", "right")}
    for kind in ("company", "contact", "deal"):
        pairs = counterparts(rounds, kind)
        assert all(world.same(kind, ours, theirs) for ours, theirs in pairs.items())
        assert {ours: pairs.get(ours) for ours in world.linked[kind]} == world.linked[kind]
        found = {world.entity["hubspot", kind, ours] for ours in pairs}
        for entity, how in world.how[kind].items():
            records = {*world.ids("hubspot", kind, entity), *world.ids("salesforce", kind, entity)}
            if how == "uncertain":
                assert entity not in found
                assert records & asked
        shown = [entity for entity, how in world.how[kind].items() if how == "evident"]
        assert sum(entity in found for entity in shown) >= 0.75 * len(shown)


def _told(rounds: Rounds, world: World, last: Round) -> None:
    """Every contradiction about employees that is there is listed, with both values and which one counts."""
    pairs = counterparts(rounds, "company")
    listed = {
        row["id"]: (row["left"], row["right"], row["kept"])
        for row in last.done.planned.plan.summary["together"]["disagreements"]
        if row["field"] == "employees"
    }
    expected = {
        ours: (
            rounds.value("company", ours, "numberofemployees"),
            rounds.value("company", pairs[ours], "NumberOfEmployees"),
        )
        for ours in world.conflicts
        if ours in pairs
    }
    assert len(expected) >= 2
    assert {id_: (left, right) for id_, (left, right, _) in listed.items()} == expected
    assert all(kept == left for left, _, kept in listed.values())  # HubSpot is the primary one.


def _same_in_both(rounds: Rounds, *, all_of_it: bool = False) -> None:
    """What decides is the same in both CRMs, whoever wrote it; with `all_of_it` what goes along with it too, which is
    as old as the value is there."""
    stands = state(rounds.crms)
    compared = 0
    for kind in OURS:
        names = owned(rounds.config, kind, deciding=not all_of_it)
        for ours, theirs in counterparts(rounds, kind).items():
            for name in names:
                mine = stands.get(("hubspot", kind, ours, PREFIX + name))
                other = stands.get(("salesforce", kind, theirs, api_name(PREFIX, PREFIX + name)))
                assert same(mine, other), (kind, ours, name, mine, other)
                compared += mine is not None
    assert compared > 500
