"""Lists of what a program does not decide: named with the section that would, so that no list stays empty for ever."""

from __future__ import annotations

import pytest

from crmsync.assess import run as assessment
from crmsync.program.loader import load_program_text

BASE = "program: lists\nicp: {is_public: {eq: true}}\n"
TIERS = "tiers: {layers: {tier_1: icp}}\n"


def _unmade(text: str) -> dict[str, tuple[str, ...]]:
    program = load_program_text(BASE + text, "program.yaml", assessment.sections(), outputs=assessment.list_names())
    return assessment.unmade_lists(program)


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        ("tier", ("tiers", "checklist")),
        ("data_gaps", ("tiers", "checklist")),
        ("checklist_tier", ("checklist",)),
        ("category", ("category",)),
        ("management_mismatch", ("category",)),
        ("relationship", ("relationship",)),
        ("coverage_model", ("strategic_accounts",)),
        ("missing_roles", ("names",)),
        ("name_gaps", ("names",)),
        ("gap_route", ("gaps",)),
        ("target_status", ("targets",)),
        ("stakeholder_role", ("roles",)),
    ],
)
def test_a_list_of_a_system_that_is_off_is_named_with_the_section_that_switches_it_on(
    name: str, sections: tuple[str, ...]
) -> None:
    assert _unmade(f"lists: [{name}]\n") == {name: sections}


def test_every_list_that_a_program_may_name_has_a_section_that_makes_it() -> None:
    unmade = _unmade(f"lists: [{', '.join(assessment.list_names())}]\n")
    # The profile's own outputs are made: the section stands in the program.
    assert set(unmade) | {"icp_fit"} >= set(assessment.list_names())
    assert all(unmade.values())


def test_what_the_program_decides_is_no_fault() -> None:
    assert _unmade(TIERS + "targets: {from: [tier_1]}\nnames: {}\nlists: [tier, target_status, name_gaps]\n") == {}


def test_a_checklist_that_does_not_write_the_tier_makes_no_tier_list() -> None:
    boxes = "boxes: {pricing: off}, global: none"
    assert _unmade(f"checklist: {{{boxes}}}\nlists: [tier]\n") == {"tier": ("tiers", "checklist")}
    assert _unmade(f"checklist: {{writes_tier: true, {boxes}}}\nlists: [tier]\n") == {}
