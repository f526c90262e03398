"""Losing a target designation (domain.md C1): each criterion has a clock of its own, kept in the CRM alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Snapshot
from crmsync.program.loader import Program, load_program_text

START = datetime(2026, 11, 1, tzinfo=UTC)
TIERS = "tiers: {layers: {tier_3: {country: {eq: US}}, tier_2: {employees: {gte: 100}}}}\n"
SEATED = ("approved", "active", "at_risk")


def _program(leaves_when: str, more: str = "") -> Program:
    text = f"program: c1\nconditions: {{vendor: {{type: {{eq: VENDOR}}}}}}\n{TIERS}"
    text += f"targets: {{from: [tier_2], leaves_when: {leaves_when}{more}}}\n"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


def _decided(program: Program, row: dict[str, Any], as_of: datetime = START) -> dict[str, str | None]:
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items() if not field.derived}
    schema |= {name: pl.String() for name in row if name.startswith(HELD)}
    frame = pl.DataFrame([{"id": "1", "country": "US", "employees": 500} | row], schema=schema)
    world = assessment.assess(Snapshot({"company": frame}, as_of), program)
    told = world.accounts.select("^out\\..*$").row(0, named=True)
    return {name.removeprefix("out."): value for name, value in told.items()}


@pytest.mark.parametrize(
    ("leaves_when", "fault"),
    [
        ("[{for_days: 3}]", "leaves_when[1]: expected one of below_tier, no_engagement_days, disqualified, said_never"),
        ("[{below_tier: tier_2, said_never: true}]", "leaves_when[1]: expected one of below_tier"),
        ("[{said_never: false}]", "leaves_when[1].said_never: expected True"),
        ("[{said_never: true}, {said_never: true, for_days: 3}]", "said_never is given twice"),
        ("[{below_tier: tier_9}]", "tier_9 is not one of the tiers (tier_2, tier_3)"),
        ("[{below_tier: tier_2}, {below_tier: tier_2}]", "leaves_when[2]: given twice: below tier_2"),
        (
            "[{disqualified: {type: {eq: A}}}, {disqualified: {type: {eq: B}}}]",
            "leaves_when[2]: given twice: disqualified; name its condition under conditions: to tell the two apart",
        ),
        ("[{disqualified: vendor, for_days: -1}]", "leaves_when[1].for_days: expected 0 or more"),
    ],
)
def test_a_criterion_that_cannot_be_meant_is_refused(leaves_when: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _program(leaves_when)
    assert fault in str(raised.value)


def test_two_disqualifications_are_told_apart_by_the_names_of_their_conditions() -> None:
    program = _program("[{disqualified: vendor}, {disqualified: {is_public: {eq: true}}}]")
    held = {HELD + "target_status": "active", HELD + "target_since": "2026-01-01T00:00:00Z"}
    assert _decided(program, {"type": "VENDOR"} | held)["target_reason"] == "disqualified (vendor)"
    assert _decided(program, {"is_public": True} | held)["target_reason"] == "disqualified"


@pytest.mark.parametrize("criterion", ["below_tier: tier_2", "disqualified: vendor", "no_engagement_days: 10"])
def test_without_a_grace_the_seat_ends_on_the_day_itself(criterion: str) -> None:
    row = {"type": "VENDOR", "employees": 5, "last_engaged_at": datetime(2026, 10, 1, tzinfo=UTC)}
    held = {HELD + "target_status": "active", HELD + "target_since": "2026-01-01T00:00:00Z"}
    decided = _decided(_program(f"[{{{criterion}}}]"), row | held)
    assert (decided["target_status"], decided["target_removed_at"]) == ("removed", "2026-11-01T00:00:00Z")


@pytest.mark.parametrize("word", ["never", "Never "])
@pytest.mark.parametrize(
    ("leaves_when", "status", "reason"),
    [
        ("[]", "removed", "a person said never"),
        ("[{no_engagement_days: 10}]", "removed", "a person said never"),
        ("[{said_never: true}]", "removed", "a person said never"),
        ("[{said_never: true, for_days: 5}]", "at_risk", "a person said never for 5 days"),
    ],
)
def test_a_persons_never_ends_a_seat_at_once_unless_the_program_gives_it_a_grace(
    leaves_when: str, status: str, reason: str, word: str
) -> None:
    held = {HELD + "target_status": "active", HELD + "target_since": "2026-10-30T00:00:00Z"}
    decided = _decided(_program(leaves_when), held | {HELD + "target_override": word})
    assert (decided["target_status"], decided["target_reason"]) == (status, reason)


def test_an_account_that_the_program_excludes_has_no_grace() -> None:
    program = load_program_text(
        f"program: c1\nexclude: {{type: {{eq: VENDOR}}}}\n{TIERS}"
        "targets: {from: [tier_2], leaves_when: [{disqualified: {type: {eq: VENDOR}}, for_days: 30}]}\n",
        "program.yaml",
        assessment.sections(),
        outputs=assessment.list_names(),
    )
    held = {HELD + "target_status": "active", HELD + "target_since": "2026-01-01T00:00:00Z"}
    decided = _decided(program, {"type": "VENDOR"} | held)
    assert (decided["target_status"], decided["target_reason"]) == ("removed", "excluded by the program")


# (since, last engagement) as days before as-of, with 10 days allowed; None is unknown.
@pytest.mark.parametrize(
    ("since", "last", "status"),
    [
        (11, 11, "removed"),
        (11, 10, "active"),
        (10, 11, "active"),
        (10, None, "active"),
        (11, None, "active"),
        (None, 10, "active"),
        (None, 11, "active"),
        (None, None, "active"),
    ],
)
def test_silence_is_counted_from_the_later_date_and_is_unknown_where_that_could_be_later_still(
    since: int | None, last: int | None, status: str
) -> None:
    row: dict[str, Any] = {HELD + "target_status": "active", HELD + "target_since": None}
    if since is not None:
        row[HELD + "target_since"] = (START - timedelta(days=since)).strftime("%Y-%m-%dT%H:%M:%SZ")
    row["last_engaged_at"] = None if last is None else START - timedelta(days=last)
    assert _decided(_program("[{no_engagement_days: 10}]"), row)["target_status"] == status


DAYS = st.lists(st.tuples(st.sampled_from([True, False, None]), st.booleans(), st.booleans()), min_size=1, max_size=14)
GRACES = {"vendor": 3, "public": 5, "never": 4}


@settings(deadline=None, max_examples=30)
@given(days=DAYS)
def test_a_seat_ends_on_the_first_day_on_which_one_criterion_has_spoken_without_a_break_for_longer_than_its_grace(
    days: list[tuple[bool | None, bool, bool]],
) -> None:
    """Played day by day with nothing kept but what the CRM holds, against the runs of days counted by hand.

    Companions are written only beside a change of a decision, as the diff does it.
    """
    program = _program(
        "[{disqualified: vendor, for_days: 3}, {disqualified: {is_public: {eq: true}}, for_days: 5},"
        " {said_never: true, for_days: 4}]"
    )
    companions = {output.name for output in assessment.outputs(program) if output.follows}
    held: dict[str, str | None] = {"target_status": "active", "target_since": "2026-01-01T00:00:00Z", "tier": "tier_2"}
    began: dict[str, int] = {}
    for day, (vendor, public, never) in enumerate(days):
        speaking = {"vendor": vendor is True, "public": public, "never": never}
        began = {name: began.get(name, day) for name, speaks in speaking.items() if speaks}
        ended = any(day - began[name] > GRACES[name] for name in began)
        row: dict[str, Any] = {HELD + name: value for name, value in held.items()}
        row |= {"type": {True: "VENDOR", False: "PROSPECT", None: None}[vendor], "is_public": public}
        row[HELD + "target_override"] = "never" if never else None
        decided = _decided(program, row, START + timedelta(days=day))
        expected = "removed" if ended else "at_risk" if began else "active"
        assert decided["target_status"] == expected, f"day {day}"
        if ended:
            return
        if any(decided[name] != held.get(name) for name in decided if name not in companions):
            held = dict(decided)


def test_what_a_person_wrote_into_the_warnings_costs_nobody_the_seat() -> None:
    program = _program("[{disqualified: vendor, for_days: 3}]")
    held = {HELD + "target_status": "at_risk", HELD + "target_since": "2026-01-01T00:00:00Z"}
    held |= {HELD + "target_warnings": "disqualified (vendor) for 3 days, since ages", HELD + "target_reason": "so"}
    decided = _decided(program, {"type": "VENDOR"} | held)
    assert decided["target_status"] == "at_risk"
    assert decided["target_warnings"] == "disqualified (vendor) for 3 days, since 2026-11-01T00:00:00Z"
