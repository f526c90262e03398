"""Properties that are not ours (contract.md, native): never false over a blank, never over a person's value."""

from __future__ import annotations

import polars as pl
import pytest

from crmsync.model.outputs import NativePolicy, OutputKind
from crmsync.planning.diff import NativeRule, canonical, native_changes

TARGET = NativeRule(
    "target_account",
    "company",
    "hs_is_target_account",
    "target_status",
    NativePolicy.OWN,
    {"approved": "true", "active": "true", "at_risk": "true", "removed": "false"},
)
PROFILE = NativeRule(
    "icp_tier",
    "company",
    "hs_ideal_customer_profile",
    "tier",
    NativePolicy.OWN,
    {"tier_1": "tier_1", "tier_2": "tier_2"},
)
BUYING = NativeRule(
    "buying_role",
    "contact",
    "hs_buying_role",
    "stakeholder_role",
    NativePolicy.FILL_BLANK,
    {"commercial_decision_maker": "DECISION_MAKER", "end_user": "END_USER"},
)


def _written(rule: NativeRule, held: str | None, out: str | None, native: str | None) -> tuple[str | None, ...]:
    row = {"id": "1", f"held.{rule.source}": held, f"out.{rule.source}": out, f"native.{rule.name}": native}
    frame = pl.DataFrame([row], schema=dict.fromkeys(row, pl.String))
    return tuple(native_changes(frame, rule)["after"])


@pytest.mark.parametrize(
    ("held", "out", "native", "written"),
    [
        (None, "active", None, ("true",)),  # a new seat fills the blank
        (None, "removed", None, ()),  # never false over a blank
        ("active", "removed", "true", ("false",)),  # what we wrote, we take back
        (None, "active", "false", ()),  # a person said no before we came
        ("active", "active", "false", ()),  # a person said no since
        (None, "candidate", "true", ()),  # a person's yes stays
        ("active", "active", "true", ()),  # nothing to do
    ],
)
def test_the_target_flag_follows_only_what_is_ours(
    held: str | None, out: str | None, native: str | None, written: tuple[str, ...]
) -> None:
    assert _written(TARGET, held, out, native) == written


@pytest.mark.parametrize(
    ("held", "out", "native", "written"),
    [
        (None, "tier_2", None, ("tier_2",)),
        ("tier_2", "tier_4", "tier_2", (None,)),  # beyond the profile's tiers: blank, where it was ours
        ("tier_2", "tier_1", "tier_3", ()),  # a person's profile
        (None, "tier_4", None, ()),
    ],
)
def test_the_profile_is_blank_beyond_its_tiers_and_never_over_a_persons(
    held: str | None, out: str | None, native: str | None, written: tuple[str | None, ...]
) -> None:
    assert _written(PROFILE, held, out, native) == written


def test_a_buying_role_is_written_only_where_it_is_empty() -> None:
    both = "commercial_decision_maker;end_user"
    assert _written(BUYING, None, both, None) == ("DECISION_MAKER;END_USER",)
    assert _written(BUYING, None, both, "CHAMPION") == ()
    assert _written(BUYING, both, "end_user", "DECISION_MAKER;END_USER") == ()
    assert _written(BUYING, None, "unclassified", None) == ()


def test_a_rule_that_may_never_write_never_does() -> None:
    never = NativeRule(TARGET.name, "company", TARGET.property, TARGET.source, NativePolicy.NEVER, TARGET.values)
    assert _written(never, None, "active", None) == ()


def test_a_mapping_without_values_passes_the_output_on_as_it_is() -> None:
    plain = NativeRule("tier_text", "company", "tier_text", "tier", NativePolicy.OWN, {})
    assert _written(plain, None, "tier_3", None) == ("tier_3",)
    assert _written(plain, "tier_3", "tier_2", "tier_3") == ("tier_2",)
    assert _written(plain, "tier_3", "tier_2", "something else") == ()


@pytest.mark.parametrize(("left", "right"), [("b;a;", "a;b"), ("a;;b", "b; a"), (";", None), ("", None)])
def test_empty_parts_of_a_multi_select_are_no_values(left: str, right: str | None) -> None:
    frame = pl.DataFrame({"left": [left], "right": [right]}, schema=dict.fromkeys(("left", "right"), pl.String))
    same = canonical(pl.col("left"), OutputKind.MULTI).eq_missing(canonical(pl.col("right"), OutputKind.MULTI))
    assert frame.select(same.alias("same"))["same"].to_list() == [True]
