"""A person's word on a role (domain.md, People win): read as tiers are, and never written where it is no role."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from crmsync.assess import run as assessment
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import load_program_text

PROGRAM = load_program_text(
    "program: roles\ncurrency: USD\nroles: {overrides: [stakeholder_role]}\n",
    "roles",
    assessment.sections(),
    outputs=assessment.list_names(),
)


@pytest.mark.parametrize(
    ("override", "role", "noted"),
    [
        ("end_user", "end_user", False),
        (" End_User ", "end_user", False),
        ("influencer; END_USER", "influencer;end_user", False),
        ("", "unclassified", False),
        (";", "unclassified", False),
        ("boss", "unclassified", True),
        ("end_user;boss", "unclassified", True),
    ],
)
def test_an_override_is_a_role_in_any_case_or_it_is_noted(override: str, role: str, noted: bool) -> None:
    schema = {name: field.kind.dtype for name, field in FIELDS["contact"].items()}
    schema[HELD + "stakeholder_role_override"] = pl.String()
    frame = pl.DataFrame([{"id": "7", HELD + "stakeholder_role_override": override}], schema=schema)
    world = assessment.assess(Snapshot({"contact": frame}, datetime(2026, 11, 1, tzinfo=UTC)), PROGRAM)
    assert world.contacts["out.stakeholder_role"].to_list() == [role]
    assert [note.split(":")[0] for note in world.notes] == (["contact 7"] if noted else [])


def test_bad_overrides_are_noted_by_id_twenty_at_most_however_the_contacts_come() -> None:
    schema = {name: field.kind.dtype for name, field in FIELDS["contact"].items()}
    schema[HELD + "stakeholder_role_override"] = pl.String()
    rows = [{"id": str(n), HELD + "stakeholder_role_override": "boss"} for n in range(101, 151)]
    frame, as_of = pl.DataFrame(rows, schema=schema), datetime(2026, 11, 1, tzinfo=UTC)
    expected = [f"contact {n}: the role override names what is not a role" for n in range(101, 121)]
    for contacts in (frame, frame.reverse()):
        assert list(assessment.assess(Snapshot({"contact": contacts}, as_of), PROGRAM).notes) == expected
    run = assessment.Assessment(Snapshot({}, as_of), PROGRAM, slim=True)
    for start in range(0, 50, 10):
        run.part(frame[start : start + 10])
    assert list(run.finish().notes) == expected
