"""The stand-in for HubSpot's own Salesforce integration does what HubSpot's mapping rules say, and the worlds are what
they claim to be.

Expected values by hand from the four rules: prefer Salesforce unless blank, always use Salesforce, two-way, don't sync.
"""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from crmsync.sandbox.common.clock import Clock
from tests.together.conftest import running
from tests.together.native_sync import Crms, Mapped, NativeSync, Rule, same
from tests.together.worlds import INTEGRATION_USER, generate

ACME = "0015g0000000001AAA"
CITY = ("company", "city", "BillingCity")
HUBSPOT = f"""\
hs_object_id,name,city,phone,salesforceaccountid,hs_lastmodifieddate
1,Acme,Bonn,,{ACME},2026-05-01T00:00:00.000Z
2,Alone,Kiel,,,2026-05-01T00:00:00.000Z
"""
SALESFORCE = f"""\
Id,Name,BillingCity,Phone,SystemModstamp
{ACME},ACME Inc.,,+49 1,2026-04-01T00:00:00.000Z
"""
USER = f"""\
Id,Username,LastName,Email,IsActive
{INTEGRATION_USER},hubspot@seller.example,Integration,hubspot@seller.example,true
"""


@pytest.fixture
def crms(tmp_path: Path) -> Iterator[Crms]:
    files = {"companies.csv": HUBSPOT, "Account.csv": SALESFORCE, "User.csv": USER}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with running(tmp_path, tmp_path) as both:
        yield both


def _sync(crms: Crms, rule: Rule) -> NativeSync:
    sync = NativeSync(crms, [Mapped(*CITY, rule)], INTEGRATION_USER)
    _cycle(sync)
    return sync


def _cycle(sync: NativeSync) -> list[tuple[str, str | None]]:
    """What one cycle after another quarter of an hour writes."""
    sync.note()
    sync.crms.pass_time(15)
    return [(write.crm, write.value) for write in sync.step()]


def _set(crms: Crms, *, hubspot: str | None = None, salesforce: str | None = None) -> None:
    if hubspot is not None:
        crms.hubspot_call("PATCH", "/crm/v3/objects/companies/1", {"properties": {"city": hubspot}})
    if salesforce is not None:
        crms.salesforce_call("PATCH", f"sobjects/Account/{ACME}", {"BillingCity": salesforce or None})


def _cities(crms: Crms) -> tuple[str | None, str | None]:
    ours = crms.hubspot_records("company", ["city"])["1"].values["city"]
    return ours, crms.salesforce_records("company", ["BillingCity"])[ACME].values["BillingCity"]


def test_nothing_is_copied_that_did_not_stand_a_quarter_of_an_hour_ago(crms: Crms) -> None:
    sync = NativeSync(crms, [Mapped(*CITY, Rule.TWO_WAY)], INTEGRATION_USER)
    sync.note()
    crms.pass_time(14)
    assert sync.step() == []
    crms.pass_time(1)
    _set(crms, hubspot="Köln")
    assert [write.value for write in sync.step()] == ["Bonn"]  # What stood a quarter of an hour ago.
    assert _cycle(sync) == [("salesforce", "Köln")]


def test_a_value_that_was_changed_meanwhile_waits_for_the_next_cycle(crms: Crms) -> None:
    sync = NativeSync(crms, [Mapped(*CITY, Rule.TWO_WAY)], INTEGRATION_USER)
    sync.note()
    crms.pass_time(15)
    _set(crms, salesforce="Ulm")
    assert sync.step() == []
    assert _cycle(sync) == [("hubspot", "Ulm")]


def test_prefer_salesforce_fills_a_blank_there_and_otherwise_overwrites_hubspot(crms: Crms) -> None:
    sync = _sync(crms, Rule.PREFER_SALESFORCE)
    assert _cities(crms) == ("Bonn", "Bonn")
    _set(crms, hubspot="Köln")
    assert _cycle(sync) == [("hubspot", "Bonn")]
    _set(crms, salesforce="Ulm")
    assert _cycle(sync) == [("hubspot", "Ulm")]
    _set(crms, salesforce="")
    _cycle(sync)
    assert _cities(crms) == (None, None)


def test_always_salesforce_never_writes_there(crms: Crms) -> None:
    sync = _sync(crms, Rule.ALWAYS_SALESFORCE)
    assert _cities(crms) == (None, None)
    _set(crms, hubspot="Köln")
    assert _cycle(sync) == [("hubspot", None)]
    assert {write.crm for write in sync.log} == {"hubspot"}


def test_two_way_copies_each_change_and_the_later_one_wins(crms: Crms) -> None:
    sync = _sync(crms, Rule.TWO_WAY)
    assert _cities(crms) == ("Bonn", "Bonn")
    _set(crms, hubspot="Köln")
    assert _cycle(sync) == [("salesforce", "Köln")]
    _set(crms, salesforce="Ulm")
    assert _cycle(sync) == [("hubspot", "Ulm")]
    _set(crms, hubspot="Trier")
    crms.pass_time(1)
    _set(crms, salesforce="Worms")
    assert _cycle(sync) == [("hubspot", "Worms")]
    _set(crms, hubspot="")
    assert _cycle(sync) == [("salesforce", None)]
    assert _cycle(sync) == []


def test_what_is_not_synced_and_who_is_not_linked_stays_as_it_is(crms: Crms) -> None:
    sync = _sync(crms, Rule.NEVER)
    assert sync.log == []
    assert _cities(crms) == ("Bonn", None)


def test_each_write_is_listed_with_its_place_and_time_and_made_by_its_own_user(crms: Crms) -> None:
    sync = _sync(crms, Rule.TWO_WAY)
    (write,) = sync.log
    assert write.place == ("salesforce", "company", ACME, "billingcity")
    assert abs((crms.now() - write.at).total_seconds()) < 60
    record = crms.salesforce_call("GET", f"sobjects/Account/{ACME}?fields=LastModifiedById")
    assert record["LastModifiedById"] == INTEGRATION_USER


def test_a_refused_value_is_a_sync_error_and_changes_nothing_in_the_other_crm(crms: Crms) -> None:
    sync = _sync(crms, Rule.TWO_WAY)
    _set(crms, hubspot="x" * 41)  # BillingCity takes 40 characters.
    assert _cycle(sync) == []
    assert len(sync.errors) == 1
    assert "STRING_TOO_LONG" in sync.errors[0]
    assert _cycle(sync) == []
    assert _cities(crms) == ("x" * 41, "Bonn")


def test_two_texts_of_one_value_are_the_same() -> None:
    assert same("2026-11-01T10:00:00.000+0000", "2026-11-01T10:00:00Z")
    assert same("5000000", "5000000.0")
    assert same("a;b", "b;a")
    assert not same("a", None)
    assert not same("a;b", "a")
    assert not same("2026-11-01T10:00:00Z", "2026-11-01T10:00:01Z")


def test_advanced_time_moves_stamps_and_limits_and_never_back() -> None:
    clock = Clock()
    before, began = clock.now_ms(), clock.elapsed()
    clock.advance(900)
    assert 900_000 <= clock.now_ms() - before < 960_000
    assert 900 <= clock.elapsed() - began < 960
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


def test_time_is_advanced_over_the_control_plane(crms: Crms) -> None:
    for send, now in (
        (crms.hubspot_call, crms.hubspot.app.clock.now_ms),
        (crms.salesforce_call, crms.org.app.clock.now_ms),
    ):
        before = now()
        send("POST", "/_sandbox/settings", {"advance_ms": 600_000})
        assert 600_000 <= now() - before < 660_000


def test_a_world_is_the_same_for_its_seed_and_another_for_another(tmp_path: Path) -> None:
    one, again, other = (generate(tmp_path / name, seed) for name, seed in (("a", 1), ("b", 1), ("c", 2)))
    names = [path.name for path in sorted(one.hubspot.iterdir())] + [path.name for path in one.salesforce.iterdir()]
    assert len(names) == len(set(names)) == 9
    assert filecmp.cmpfiles(one.hubspot, again.hubspot, names, shallow=False)[1] == []
    assert filecmp.cmpfiles(one.salesforce, again.salesforce, names, shallow=False)[1] == []
    assert one.entity == again.entity
    assert one.entity != other.entity


def test_a_world_holds_all_that_it_promises(tmp_path: Path) -> None:
    world = generate(tmp_path, 3)
    how = Counter(world.how["company"].values())
    assert how["native"] > 35
    assert how["evident"] > 15
    assert how["uncertain"] >= 3
    everywhere = {e for (_, kind, _), e in world.entity.items() if kind == "company"}
    assert 0.6 < len(world.how["company"]) / len(everywhere) < 0.8
    doubles = [e for e in everywhere if max(len(world.ids(crm, "company", e)) for crm in ("hubspot", "salesforce")) > 1]
    assert 0.05 < len(doubles) / len(everywhere) < 0.16
    assert 3 <= len(world.conflicts) <= 10
    for kind in ("contact", "deal"):
        assert Counter(world.how[kind].values())["native"] > 10
    for kind, pairs in world.linked.items():
        assert all(world.same(kind, ours, theirs) for ours, theirs in pairs.items())


def test_both_crms_take_a_world_whole(tmp_path: Path) -> None:
    world = generate(tmp_path, 1)
    with running(world.hubspot, world.salesforce) as crms:
        for kind in ("company", "contact", "deal"):
            ours = {i for crm, k, i in world.entity if (crm, k) == ("hubspot", kind)}
            theirs = {i for crm, k, i in world.entity if (crm, k) == ("salesforce", kind)}
            assert set(crms.hubspot_records(kind, [])) == ours
            assert set(crms.salesforce_records(kind, [])) == theirs
        assert crms.salesforce_call("GET", "/_sandbox/stats")["references_dropped"] == {}
