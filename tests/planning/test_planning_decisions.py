"""What a plan tells of decisions other than tiers and targets: counts as they will be, and who moves."""

from __future__ import annotations

import polars as pl

from crmsync.model.outputs import Option, Output, OutputKind
from crmsync.planning.diff import diff
from crmsync.planning.standing import Standing
from crmsync.planning.summary import decision_table

RELATIONSHIP = Output(
    "relationship",
    object="company",
    kind=OutputKind.ENUM,
    label="ABM relationship",
    options=(Option("core", "Core"), Option("beachhead", "Beachhead"), Option("greenfield", "Greenfield")),
    system="relationship",
    reason="relationship_reason",
    ranked=("greenfield", "beachhead", "core"),
)


def test_counts_after_are_those_now_less_who_leaves_and_more_who_comes() -> None:
    frame = pl.DataFrame(
        {
            "id": ["1", "2", "3", "4", "5"],
            "held.relationship": ["core", "core", "beachhead", "greenfield", None],
            "out.relationship": ["core", "beachhead", "core", "beachhead", "greenfield"],
            "out.relationship_reason": ["", "bought less", "bought more", "bought", "never bought"],
        }
    )
    changes = diff({"company": frame}, [RELATIONSHIP], [], prefix="abm_", run_id="r-1")
    standing = Standing.of({"company": frame}, [RELATIONSHIP])
    [table] = decision_table(standing, [RELATIONSHIP], changes, prefix="abm_")
    assert [(row["value"], row["now"], row["after"]) for row in table["rows"]] == [
        ("core", 2, 2),
        ("beachhead", 1, 2),
        ("greenfield", 1, 1),
    ]
    # 2 goes down; 3 and 4 go up; 5 had no value, so filling it is no move.
    assert (table["up"], table["down"], table["moves"]) == (2, 1, 3)
    assert [(move["id"], move["before"], move["after"]) for move in table["moved"]] == [
        ("2", "core", "beachhead"),
        ("3", "beachhead", "core"),
        ("4", "greenfield", "beachhead"),
    ]


def test_what_is_told_in_a_place_of_its_own_or_has_no_reason_is_left_out() -> None:
    tier = Output("tier", object="company", kind=OutputKind.ENUM, label="ABM tier", reason="tier_reason")
    plain = Output("icp_fit", object="company", kind=OutputKind.ENUM, label="ABM ICP fit")
    frame = pl.DataFrame({"id": ["1"], "out.tier": ["tier_1"], "out.icp_fit": ["yes"]})
    changes = diff({"company": frame}, [tier, plain], [], prefix="abm_", run_id="r-1")
    assert decision_table(Standing(), [tier, plain], changes, prefix="abm_") == []
