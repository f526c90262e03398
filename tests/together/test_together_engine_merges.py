"""A person's decided pairs, and merges in either CRM: the next sync follows, nobody is demoted, nobody is lost.

The world is `both_house`'s, with a twin of Alpha in Salesforce (A6) where a merge needs one.
"""

from __future__ import annotations

from pathlib import Path

from crmsync.engine.explain import explain
from crmsync.engine.picture import picture
from tests.together.both_house import AS_OF, HUBSPOT, SALESFORCE, A, Both, C, both

INDUSTRY = "carried: none, fields: {company: {industry: salesforce}}"
TWIN = f"{A[6]},Alfa Werke (old),https://alfa-old.example,Machinery,,,Germany\n"
WITH_TWIN = {**SALESFORCE, "Account": SALESFORCE["Account"] + TWIN}


def pairs(house: Both) -> dict[str, str]:
    """HubSpot's id to Salesforce's of every account in both."""
    with house.opened() as ctx:
        seen = picture(ctx, AS_OF, {})
        found = seen.counterpart("company", ["101", "102", "103", "104"])
    return dict(sorted(found.items()))


def decide(house: Both, text: str) -> None:
    (house.config / "matches.yaml").write_text(text)


def test_decided_pairs_win_over_every_other_evidence(tmp_path: Path) -> None:
    with both(tmp_path, together=INDUSTRY) as house:
        # The short form of an id, and the order, make no difference.
        decide(house, f"same:\n  - [{A[5][:15]}, 103]\ndifferent:\n  - [102, {A[2]}]\n")
        done = house.sync()
        assert pairs(house) == {"101": A[1], "103": A[5], "104": A[4]}
        assert done.planned.plan.summary["together"]["matched"]["company"] == {"decided": 1, "native": 2}
        tiers = house.values("company", "tier")
        # Gamma and Epsilon as one: HubSpot's 12 M count. Beta alone lacks revenue or staff.
        assert (tiers["103"], tiers[A[5]]) == ("tier_1", "tier_1")
        assert (tiers["102"], tiers[A[2]]) == ("tier_3", "none")


def test_a_decided_id_that_was_merged_away_means_the_survivor(tmp_path: Path) -> None:
    with both(tmp_path, salesforce=WITH_TWIN, together=INDUSTRY) as house:
        decide(house, f"same:\n  - [103, {A[6]}]\n")
        house.sync()
        assert pairs(house)["103"] == A[6]
        house.merge_accounts(A[5], A[6])
        house.sync()
        assert pairs(house)["103"] == A[5]


def test_a_decided_contact_that_was_merged_away_means_the_survivor(tmp_path: Path) -> None:
    # Emil works for Epsilon; a person said that HubSpot's Ben is the same.
    with both(tmp_path) as house:
        decide(house, f"same:\n  - [502, {C[4]}]\n")
        house.sync()
        house.crms.salesforce_call("POST", "/_sandbox/edit", {"object": "Contact", "id": C[2], "merge": [C[4]]})
        house.crms.pass_time(1)
        house.sync()
        with house.opened() as ctx:
            assert picture(ctx, AS_OF, {}).counterpart("contact", ["502"]) == {"502": C[2]}


def test_a_merge_in_salesforce_is_followed_even_after_the_bin_is_emptied(tmp_path: Path) -> None:
    """HubSpot keeps pointing at A1, which goes into its twin, then into a third: nothing else tells."""
    third = f"{A[7]},A. W. Holding,https://aw-holding.example,Machinery,,,Germany\n"
    salesforce = {**SALESFORCE, "Account": WITH_TWIN["Account"] + third}
    with both(tmp_path, salesforce=salesforce, together=INDUSTRY) as house:
        house.sync()
        before = house.value("company", "101", "tier_changed_at")
        for winner, loser in ((A[6], A[1]), (A[7], A[6])):
            house.merge_accounts(winner, loser)
            for _ in range(2):
                done = house.sync()
            assert done.applied is None
            house.crms.salesforce_call("POST", "/_sandbox/edit", {"object": "Account", "id": loser, "purge": True})
            assert pairs(house)["101"] == winner
            tiers = house.values("company", "tier")
            assert (tiers["101"], tiers[winner]) == ("tier_1", "tier_1")
            assert loser not in tiers
            assert house.value("company", "101", "tier_changed_at") == before
        assert house.sync().applied is None
        assert house.sync(full=True).applied is None
        assert pairs(house)["101"] == A[7]
        assert done.planned.plan.summary["together"]["matched"]["company"] == {"domain": 1, "native": 2}


def test_an_id_that_was_only_not_read_yet_is_followed_once_it_is_merged(tmp_path: Path) -> None:
    """A linked account that came after the pull is alive, not gone: a later merge of it is looked for."""
    with both(tmp_path, together=INDUSTRY) as house:
        house.sync()
        made = house.crms.salesforce_call(
            "POST", "/_sandbox/edit", {"object": "Account", "fields": {"Name": "Gamma (new)", "Industry": "Machinery"}}
        )["id"]
        house.enter("company", "103", "salesforceaccountid", made)
        # HubSpot's record names it, and the mirror of Salesforce does not have it: a plan from HubSpot's pull alone.
        with house.opened() as ctx:
            from crmsync.engine.pull import Pulled, _pull_side

            _pull_side(ctx.main, Pulled(), False, None)
            picture(ctx, AS_OF, {}, asks=True)
        house.sync()
        assert pairs(house)["103"] == made
        house.merge_accounts(A[5], made)
        house.sync()
        assert pairs(house)["103"] == A[5]


def test_a_merge_in_hubspot_makes_a_new_id_that_keeps_its_tier(tmp_path: Path) -> None:
    twin = "105,Alpha Werke,alpha-old.example,MACHINERY,,,Germany,\n"
    hubspot = {**HUBSPOT, "companies": HUBSPOT["companies"] + twin}
    with both(tmp_path, hubspot=hubspot, together=INDUSTRY) as house:
        house.sync()
        body = {"primaryObjectId": "101", "objectIdToMerge": "105"}
        made = house.crms.hubspot_call("POST", "/crm/v3/objects/companies/merge", body)["id"]
        house.crms.pass_time(1)
        house.sync()
        tiers = house.values("company", "tier")
        assert (tiers[made], tiers[A[1]]) == ("tier_1", "tier_1")
        assert not {"101", "105"} & tiers.keys()
        assert house.sync().applied is None
        with house.opened() as ctx:
            assert picture(ctx, AS_OF, {}).counterpart("company", [A[1]]) == {A[1]: made}
            told = explain(ctx, None, "105", as_of=AS_OF)
        assert told.id == made
        assert (
            f"HubSpot {made} and Salesforce {A[1]} are one company, matched by the id that their integration keeps"
            in told.notes
        )
