"""What a CRM can do to a sync: passing faults, refusals for good, an expired token, a page lost in silence."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from fault_house import AS_OF, TOKEN, Build, Held, House, company_rows, contact_rows, moves, quick_context

from crmsync.engine.apply import ensure
from crmsync.engine.sync import Synced, sync
from crmsync.errors import ExitCode, Unauthorized, UnsafePlan
from crmsync.store import RunStatus

#: Each hits 5 % of all calls. An expired token and a lost page do not pass by themselves: they have their own tests.
PASSING = ("429", "500", "502", "503", "504", "423", "reset", "lost_reply", "slow", "truncated_body")
RANK = {name: rank for rank, name in enumerate(("none", "tier_5", "tier_4", "tier_3", "tier_2", "tier_1"))}
SEATS = 15
SEATED = {"approved", "active", "at_risk"}
READ_ONLY = {"property: hs_is_target_account": "property: num_associated_deals"}


@pytest.mark.parametrize("seed", [1])
def test_a_sync_converges_under_all_passing_faults_at_once(seed: int, build: Build) -> None:
    companies = company_rows(300)
    contacts = contact_rows(900, companies)
    # A short window, since what waits for it waits a part of its length.
    calm, rough = build(companies, contacts), build(companies, contacts, rate="10000/s")
    synced(calm, calm.config())
    rough.faults(*({"fault": name, "rate": 0.05, "seed": seed * 100 + n, "ms": 20} for n, name in enumerate(PASSING)))
    config = rough.config()
    with quick_context(config) as ctx:
        for _ in range(5):
            if sync(ctx, as_of=AS_OF).applied is None:
                break
        else:
            pytest.fail("five syncs did not come to rest")
        assert ctx.connector.usage().retried > 10, "the faults are to be felt"
        assert ctx.store.ledger.verify().faults == []
        assert ctx.store.checkpoint.unsettled(portal="main") == []
        assert ctx.store.letters.list("main") == [], "a passing fault is no refusal"
    rough.faults()
    hit = {one["fault"] for one in rough.control("GET", "requests")} - {None}
    assert len(hit) >= 7, "most of the ten are to strike within these hundred calls"
    assert rough.held() == calm.held()


def test_records_refused_for_good_are_dead_letters_and_the_other_99_of_their_batch_land(build: Build) -> None:
    """One batch of 100 companies, one of them with an option that the CRM does not have."""
    companies = company_rows(100)
    calm, house = build(companies), build(companies)
    synced(calm, calm.config())
    wanted = calm.held()
    config = house.config()
    by_tier: dict[str, list[str]] = {}
    for (_object, id_), values in wanted.items():
        by_tier.setdefault(values["abm_tier"], []).append(id_)
    tier, refused = min(by_tier.items(), key=lambda item: len(item[1]))
    with quick_context(config) as ctx:
        ensure(ctx)
        without_option(house, "companies", "abm_tier", tier)
        done = sync(ctx, as_of=AS_OF)
    assert_only_these_are_refused(
        config, done, house, wanted, dict.fromkeys(refused, f"{tier} was not one of the allowed options")
    )


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("validation_rule", "A validation rule of this account was not met"),
        ("vanished_id", ""),
    ],
)
def test_a_record_that_the_crm_refuses_is_a_dead_letter_and_the_other_99_land(
    fault: str, words: str, build: Build
) -> None:
    companies = company_rows(100)
    calm, house = build(companies), build(companies)
    synced(calm, calm.config())
    victim = companies[37]["hs_object_id"]
    house.faults({"fault": fault, "match": {"ids": [victim]}})
    config = house.config()
    with quick_context(config) as ctx:
        done = sync(ctx, as_of=AS_OF)
    assert_only_these_are_refused(config, done, house, calm.held(), {victim: words})


def test_a_read_only_property_is_a_dead_letter_and_the_records_without_it_land(build: Build) -> None:
    companies = company_rows(100)
    calm, house = build(companies), build(companies)
    synced(calm, calm.config())
    wanted = calm.held()
    targets = [id_ for (_object, id_), values in wanted.items() if values.get("abm_target_status") == "active"]
    assert 0 < len(targets) < 50
    config = house.config(mapping=READ_ONLY)
    with quick_context(config) as ctx:
        done = sync(ctx, as_of=AS_OF)
    assert_only_these_are_refused(config, done, house, wanted, dict.fromkeys(targets, "is a read only property"))


def assert_only_these_are_refused(
    config: Path, done: Synced, house: House, wanted: Held, refused: Mapping[str, str]
) -> None:
    """Exit code 4, a dead letter with the CRM's words for each, and every other record as it should be."""
    assert done.exit_code is ExitCode.REFUSED
    held = house.held()
    for record, values in wanted.items():
        if record[1] not in refused:
            assert held[record] == values
        else:
            assert held[record] == {}
    with quick_context(config) as ctx:
        letters = ctx.store.letters.list("main")
        assert {letter.record_id for letter in letters} == set(refused)
        assert all(refused[letter.record_id] in letter.message and letter.message for letter in letters)
        assert ctx.store.ledger.verify().faults == []
        assert ctx.store.runs.list("main")[0].status is RunStatus.REFUSED
        again = sync(ctx, as_of=AS_OF)
        assert again.applied is None, "what was refused is not sent again until a person retries it"
        assert again.exit_code is ExitCode.DONE


def without_option(house: House, object_: str, name: str, value: str) -> None:
    """A person deletes an option of a property."""
    path = f"/crm/properties/2026-09/{object_}/{name}"
    options = [one for one in house.call("GET", path)["options"] if one["value"] != value]
    house.call("PATCH", path, {"options": options})


def test_an_expired_token_stops_the_run_says_so_and_a_new_one_goes_on(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    companies = company_rows(300)
    contacts = contact_rows(900, companies)
    calm, house = build(companies, contacts), build(companies, contacts)
    synced(calm, calm.config())
    config = house.config()
    house.faults({"fault": "401", "match": {"path": "/batch/update"}, "after": 4})
    with quick_context(config) as ctx:
        with pytest.raises(Unauthorized, match=r"expired.*Check the token") as stopped:
            sync(ctx, as_of=AS_OF)
        assert house.server.access_token not in stopped.value.message
        assert ctx.store.runs.list("main")[0].status is RunStatus.FAILED
        assert ctx.store.checkpoint.unsettled(portal="main") == [], "a refused token wrote nothing: nothing is in doubt"
    landed = sum(one["inputs"] for one in house.writes() if one["status"] == 200)
    assert landed == 400
    house.faults()
    house.control("POST", "token", {"expire": True, "access_token": "pat-eu1-anew"})
    with quick_context(config) as ctx, pytest.raises(Unauthorized):
        sync(ctx, as_of=AS_OF)
    monkeypatch.setenv(TOKEN, "pat-eu1-anew")
    with quick_context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
        assert ctx.store.ledger.verify().faults == []
    assert house.held() == calm.held()
    sent = sum(one["inputs"] for one in house.writes() if one["status"] == 200)
    assert sent == sum(one["inputs"] for one in calm.writes()), "nothing was written twice"


@pytest.mark.parametrize("path", ["/objects/2026-09/companies", "/objects/2026-09/contacts"])
@pytest.mark.parametrize("mirrored", [True, False], ids=["with a mirror", "with an empty store"])
def test_a_lost_page_breaches_the_guard_and_writes_nothing(path: str, mirrored: bool, build: Build) -> None:
    """The portal holds values; in between, people entered what would demote, clear and remove."""
    house, config = held_portal(build, mirrored)
    before = house.held(stamp=True)
    house.faults({"fault": "lost_page", "match": {"method": "GET", "path": path}, "times": 1})
    with quick_context(config) as ctx:
        with pytest.raises(UnsafePlan, match=r"snapshot incomplete: read [\d,]+ of [\d,]+") as breached:
            sync(ctx, as_of=AS_OF, full=True)
        assert breached.value.exit_code is ExitCode.BREACHED == 3
        assert "Nothing was written" in breached.value.message
        assert ctx.store.runs.list("main")[0].status is RunStatus.BREACHED
    assert house.held(stamp=True) == before


@pytest.mark.parametrize("path", ["/objects/2026-09/companies", "/objects/2026-09/contacts"])
@pytest.mark.parametrize("mirrored", [True, False], ids=["with a mirror", "with an empty store"])
def test_a_lost_page_that_a_person_accepts_still_takes_nothing_away(path: str, mirrored: bool, build: Build) -> None:
    house, config = held_portal(build, mirrored)
    before = house.held()
    house.faults({"fault": "lost_page", "match": {"method": "GET", "path": path}, "times": 1})
    with quick_context(config) as ctx:
        done = sync(ctx, as_of=AS_OF, full=True, accept=frozenset({"min_snapshot"}), reason="known outage")
        assert done.planned.plan.summary["withheld"]["count"] > 0, "there is to be something to take away"
    moved = moves(before, house.held())
    assert_nothing_taken_away(moved)
    seats = [one for one in house.held().values() if one.get("abm_target_status") in SEATED]
    assert len(seats) <= SEATS, "a seat that looks free may be held by a record that was not read"
    with quick_context(config) as ctx:
        whole = sync(ctx, as_of=AS_OF, full=True, accept=frozenset({"all"}), reason="checked")
        assert whole.exit_code is ExitCode.DONE
        assert sync(ctx, as_of=AS_OF).applied is None


def assert_nothing_taken_away(moved: dict[tuple[str, str, str], tuple[str | None, str | None]]) -> None:
    companions = ("_reason", "_changed_at", "_since", "_at")
    for (_object, id_, name), (old, new) in moved.items():
        if old is None or name.endswith(companions):
            continue
        assert name == "abm_tier", f"{name} of {id_} stood at {old} and was replaced by {new}"
        assert RANK[str(new)] > RANK[old], f"{id_} was demoted from {old} to {new}"


def held_portal(build: Build, mirrored: bool) -> tuple[House, Path]:
    """A portal after a whole sync, in which people then entered values that cost tiers, seats and gaps."""
    companies = company_rows(300)
    house = build(companies, contact_rows(900, companies))
    config = house.config()
    synced(house, config)
    with_tier = [id_ for (_object, id_), values in house.held().items() if values.get("abm_tier") not in (None, "none")]
    for id_ in with_tier[::2]:
        house.edit("company", id_, numberofemployees="3")
    without = [id_ for (_object, id_), values in house.held().items() if values.get("abm_tier") == "none"]
    for id_ in without[:5]:
        house.edit(
            "company", id_, industry="MACHINERY", numberofemployees="200", annualrevenue="20000000", country="Germany"
        )
    for n in range(0, 900, 10):
        house.edit("contact", str(50_000 + 5 * n), jobtitle="Intern")
    return house, config if mirrored else house.config("elsewhere")


def synced(house: House, config: Path) -> None:
    with quick_context(config) as ctx:
        assert sync(ctx, as_of=AS_OF).exit_code is ExitCode.DONE
