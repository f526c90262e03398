"""Checklist tiering (domain.md A3): its faults, its laws, and that exactly one system writes the tier."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmsync.assess import run as assessment
from crmsync.assess.base import World
from crmsync.assess.checklist_section import focus_shares
from crmsync.assess.tier_property import tier_names, tier_writer
from crmsync.engine.context import open_context
from crmsync.errors import ConfigError
from crmsync.model.fields import FIELDS
from crmsync.model.snapshot import HELD, Coverage, Snapshot
from crmsync.program.loader import Program, load_program_text

ROOT = Path(__file__).resolve().parents[2]
AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
RANKS = ("none", "tier_4", "tier_3", "tier_2", "tier_1", "global")
OFF = "website: off, employee_size: off, tenure: off, pricing: off, prior_spend: off, annual_report: off"
LAYERS = "tiers: {layers: {tier_2: {country: {eq: US}}, tier_1: {is_public: {eq: true}}}}\n"


def _program(text: str) -> Program:
    text = f"program: checklist\n{text}"
    return load_program_text(text, "program.yaml", assessment.sections(), outputs=assessment.list_names())


def _world(program: Program, rows: Sequence[dict[str, Any]], *, expected: int | None = None) -> World:
    """The world of accounts 1, 2, ... with these facts and `held.` values, of `expected` that the CRM counts."""
    held = {name for row in rows for name in row if name.startswith(HELD)}
    schema = {name: field.kind.dtype for name, field in FIELDS["company"].items() if not field.derived}
    schema |= dict.fromkeys(sorted(held), pl.String())
    frame = pl.DataFrame([{"id": str(n + 1)} | row for n, row in enumerate(rows)], schema=schema)
    coverage = {} if expected is None else {"company": Coverage(frame.height, expected)}
    return assessment.assess(Snapshot({"company": frame}, AS_OF, coverage), program)  # type: ignore[arg-type]


def test_an_excluded_account_is_explained_without_a_place_among_the_largest() -> None:
    # Three accounts for one place, the largest of them excluded: it is in no ranking, whatever its revenue.
    program = _program(
        "exclude: {name: {eq: Rival}}\nchecklist: {alignment: {is_public: {eq: true}}, global: {largest: 1}, "
        f"boxes: {{{OFF}, size: {{employees: {{gte: 5}}}}}}}}"
    )
    rows = [{"name": name, "revenue": n, "employees": 9} for name, n in (("Rival", 900), ("Anvil", 500), ("Bolt", 100))]
    world = _world(program, rows)
    (system,) = [one for one in assessment.active(program) if one.key == "checklist"]
    told = [system.explain(world, world.accounts[n]) for n in range(3)]
    assert [one.headline for one in told if one] == [
        "Checklist: No tier, 1 of 1 boxes",
        "Checklist: Global, 1 of 1 boxes",
        "Checklist: Tier 2, 1 of 1 boxes, could be 1",
    ]
    assert [[line.label for line in one.lines][:1] for one in told if one] == [["size"], ["global"], ["size"]]


def test_a_mistake_inside_a_value_of_several_forms_is_told_once() -> None:
    with pytest.raises(ConfigError) as raised:
        _program("icp: {is_public: {eq: true}}\nchecklist: {boxes: {pricing: off}, global: {largst: 5}}\n")
    assert [str(fault) for fault in raised.value.faults] == [
        "program.yaml:3: checklist.global.largst: no such key. Did you mean largest?"
    ]


@pytest.mark.parametrize(
    ("checklist", "fault"),
    [
        ("{}", "checklist.boxes.pricing: missing; say what you charge, as {our_price: 100_000}, or drop the box"),
        ("{boxes: {pricing: {per: month}}}", "checklist.boxes.pricing.our_price: missing"),
        ("{boxes: {pricing: {our_price: 0}}}", "checklist.boxes.pricing.our_price: expected more than 0"),
        ("{boxes: {pricing: {our_price: 9.999}}}", "9.999 is finer than USD has: 2 decimals"),
        ("{boxes: {pricing: {our_price: 1, per: week}}}", "checklist.boxes.pricing.per: expected month, year or sale"),
        ("{boxes: {pricing: {our_price: 1, share: 1.5}}}", "checklist.boxes.pricing.share: expected 1 or less"),
        ("{boxes: {pricing: {our_price: 1, price: 2}}}", "checklist.boxes.pricing.price: no such key."),
        ("{boxes: {tenure: {min_years: -1}, pricing: off}}", "checklist.boxes.tenure.min_years: expected 0 or more"),
        ("{boxes: {tenure: {min_years: 3, unles: icp}, pricing: off}}", "unles: no such key. Did you mean unless?"),
        ("{boxes: {pricing: off, fame: {when: {is_public: {eq: true}}, weight: -1}}}", "weight: expected 0 or more"),
        ("{boxes: {pricing: off, fame: {weight: 2}}}", "checklist.boxes.fame.when: missing"),
        ("{boxes: {pricing: off, fame: {employes: {gte: 1}}}}", "employes: no such field. Did you mean employees?"),
        (f"{{boxes: {{{OFF}}}}}", "checklist.boxes: every box is off; keep at least one"),
        (
            f"{{boxes: {{{OFF}, fame: {{when: {{is_public: {{eq: true}}}}, weight: 0}}}}}}",
            "checklist.boxes: all weights are 0, so that no box counts",
        ),
        ("{boxes: {pricing: off}, global: {largst: 5}}", "checklist.global.largst: no such key. Did you mean largest?"),
        ("{boxes: {pricing: off}, global: {}}", "checklist.global: expected largest:, when: or both"),
        ("{boxes: {pricing: off}, global: {largest: 0}}", "checklist.global.largest: expected more than 0"),
        ("{boxes: {pricing: off}, focus: {tier_9: [1, 2]}}", "tier_9 is not one of the tiers (global, tier_1, tier_2"),
        ("{boxes: {pricing: off}, focus: {tier_1: [70, 60]}}", "the low end 70 is above the high end 60; swap them"),
        ("{boxes: {pricing: off}, focus: {tier_1: [60, 101]}}", "expected 100 or less"),
        ("{boxes: {pricing: off}, focus: {tier_2: [50, 60]}}", "the low ends add up to 135 %"),
        ("{boxes: {pricing: off}, alignment: ideal}", "checklist.alignment: no condition is named ideal"),
    ],
)
def test_a_checklist_that_cannot_be_meant_is_refused(checklist: str, fault: str) -> None:
    with pytest.raises(ConfigError) as raised:
        _program(f"checklist: {checklist}\n")
    assert fault in str(raised.value)


def test_every_fault_comes_at_once_and_a_box_that_is_off_is_none_of_them() -> None:
    with pytest.raises(ConfigError) as raised:
        _program("checklist: {boxes: {pricing: off, tenure: {min_years: -1}}, writes_tier: perhaps}\n")
    assert len(raised.value.faults) == 2


# Counts of domain.md A3, by the words of the table: every box; more than half; more than two; one or two; no box.
def _by_count(ticked: int, boxes: int, *, aligned: bool) -> str:
    if ticked == boxes and aligned:
        return "tier_1"
    if 2 * ticked > boxes:
        return "tier_2"
    if ticked > 2:
        return "tier_3"
    return "tier_4" if ticked else "none"


TRUTHS = st.sampled_from([True, False, None])
# Boolean and whole-number fields of an account that stand for a box each.
BOXES = {
    "a": "website_clean",
    "b": "annual_report_match",
    "c": "standardised",
    "d": "referenceable",
    "e": "is_public",
}
NUMBERS = {"f": "founded_year", "g": "funding_rounds", "h": "share_of_wallet"}


def _boxes(count: int, weight: int) -> str:
    asked = [f"{{{field}: {{eq: true}}}}" for field in BOXES.values()]
    asked += [f"{{{field}: {{gte: 1}}}}" for field in NUMBERS.values()]
    names = [*BOXES, *NUMBERS][:count]
    parts = [f"{name}: {{when: {when}, weight: {weight}}}" for name, when in zip(names, asked, strict=False)]
    return ", ".join(parts)


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(1, 8),
    weight=st.sampled_from([1, 3, 1_000]),
    data=st.data(),
    aligned=TRUTHS,
    held=st.sampled_from([None, *RANKS, "tier_9"]),
)
def test_equal_weights_are_the_counts_of_the_table_and_what_is_held_stands_between(
    count: int, weight: int, data: st.DataObject, aligned: bool | None, held: str | None
) -> None:
    program = _program(
        f"checklist: {{global: none, alignment: {{employees: {{gte: 1}}}}, boxes: {{{OFF}, {_boxes(count, weight)}}}}}"
    )
    truths = data.draw(st.lists(TRUTHS, min_size=count, max_size=count))
    fields = [*BOXES.values(), *NUMBERS.values()][:count]
    numbers: dict[bool | None, int | None] = {True: 1, False: 0, None: None}
    facts: dict[str, Any] = {
        field: truth if field in BOXES.values() else numbers[truth] for field, truth in zip(fields, truths, strict=True)
    }
    row = facts | {"employees": numbers[aligned], HELD + "checklist_tier": held}
    decided = _world(program, [row]).accounts.row(0, named=True)
    reached = RANKS.index(_by_count(truths.count(True), count, aligned=aligned is True))
    possible = count - truths.count(False)
    potential = RANKS.index(_by_count(possible, count, aligned=aligned is not False))
    stands = RANKS.index(held) if held in RANKS else 0
    assert decided["out.checklist_tier"] == RANKS[max(reached, min(stands, potential))]
    assert decided["out.checklist_score"] == str(truths.count(True))


REVENUES = st.lists(st.sampled_from([None, 1, 2, 2, 3, 9]), min_size=1, max_size=7)


@settings(deadline=None, max_examples=50)
@given(revenues=REVENUES, most=st.integers(1, 4))
def test_the_largest_are_certain_where_no_filling_of_the_unknown_could_say_otherwise(
    revenues: list[int | None], most: int
) -> None:
    """Worked out anew: an account with a revenue is in or out for sure where both extremes of the others agree."""
    program = _program(f"checklist: {{global: {{largest: {most}}}, boxes: {{pricing: off, prior_spend: off}}}}")
    rows = [{"revenue": revenue} for revenue in revenues]
    found = _world(program, rows).accounts["why.checklist.largest"].to_list()
    if len(revenues) <= most:
        assert found == [False] * len(revenues)
        return
    for place, revenue in enumerate(revenues):
        verdicts = set()
        for extreme in (-1, 10**12):
            filled = [extreme if other is None else other for other in revenues]
            for own in (-1, 10**12) if revenue is None else (revenue,):
                larger = sum(other > own for at, other in enumerate(filled) if at != place)
                verdicts.add(larger < most)
        assert found[place] == (verdicts.pop() if len(verdicts) == 1 else None)


def test_on_a_partial_read_nobody_is_certainly_among_the_largest() -> None:
    program = _program("checklist: {global: {largest: 1}, boxes: {pricing: off, prior_spend: off}}")
    rows = [{"revenue": 9}, {"revenue": 1}]
    assert _world(program, rows).accounts["why.checklist.largest"].to_list() == [True, False]
    assert _world(program, rows, expected=3).accounts["why.checklist.largest"].to_list() == [None, False]


@settings(deadline=None, max_examples=60)
@given(
    price=st.none() | st.integers(0, 2**62) | st.integers(0, 2_000),
    customers=st.none() | st.integers(0, 2**62) | st.integers(0, 2_000),
    raised=st.none() | st.integers(0, 2**62),
    share=st.sampled_from(["1", "0.5", "0.333", "0.001"]),
    per=st.sampled_from(["month", "year", "sale"]),
    our_price=st.integers(1, 10_000_000),
)
def test_pricing_is_exact_whatever_stands_in_the_crm(
    price: int | None, customers: int | None, raised: int | None, share: str, per: str, our_price: int
) -> None:
    """Against fractions of whole numbers of any size; unknown where neither filling decides it."""
    pricing = f"pricing: {{our_price: {our_price}, per: {per}, share: {share}, huge_funding: 50_000_000}}"
    others = OFF.replace("pricing: off", pricing)
    program = _program(f"checklist: {{global: none, boxes: {{{others}}}}}")
    row = {"price": price, "customers": customers, "money_raised": raised}
    periods = {"month": 12, "year": 1, "sale": 1}[per]
    ours = our_price * 100

    def ticks(price: int, customers: int, raised: int) -> bool:
        volume = Fraction(price) * customers * periods * Fraction(share) >= ours
        return volume or (per == "sale" and price * 2 >= ours) or raised >= 50_000_000 * 100

    low, high = 0, 10**30
    verdicts = {
        ticks(
            fill if price is None else price,
            fill if customers is None else customers,
            fill if raised is None else raised,
        )
        for fill in (low, high)
    }
    expected = verdicts.pop() if len(verdicts) == 1 else None
    assert _world(program, [row]).accounts["why.checklist.box.0"].to_list() == [expected]


def test_amounts_are_in_the_currency_of_the_program() -> None:
    others = OFF.replace("pricing: off", "pricing: {our_price: 100_000, per: year}")
    program = _program(f"currency: JPY\nchecklist: {{global: none, boxes: {{{others}}}}}")
    rows = [{"price": 1_000, "customers": 99}, {"price": 1_000, "customers": 100}]
    assert _world(program, rows).accounts["out.checklist_score"].to_list() == ["0", "1"]


@settings(deadline=None, max_examples=30)
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                "revenue": st.sampled_from([None, 1, 5, 9]),
                "employees": st.sampled_from([None, 50, 500, 60_000]),
                "website_clean": TRUTHS,
                "founded_year": st.sampled_from([None, 1990, 2024]),
                HELD + "tier": st.sampled_from([None, *RANKS]),
                HELD + "tier_override": st.sampled_from([None, None, "Tier_1", "tier_7"]),
            }
        ),
        min_size=1,
        max_size=8,
    ),
    data=st.data(),
)
def test_the_order_of_the_records_changes_nothing(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    program = _program(
        "checklist: {writes_tier: true, global: {largest: 2, when: {employees: {gte: 50_000}}}, "
        "boxes: {pricing: off, prior_spend: off, annual_report: off}}"
    )
    world = _world(program, rows)
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = assessment.assess(
        Snapshot({"company": world.accounts.select("^[^.]*$", "^held\\..*$")[list(order)]}, AS_OF), program
    )
    decided = [
        frame.select("id", "^out\\..*$", "^why\\..*$").sort("id") for frame in (world.accounts, shuffled.accounts)
    ]
    assert decided[0].equals(decided[1])
    assert world.notes == shuffled.notes


def test_exactly_one_system_writes_the_tier() -> None:
    boxes = "boxes: {pricing: off}"
    cases = {
        LAYERS: ("tiers", ("tier_2", "tier_1"), {"tier"}),
        f"{LAYERS}checklist: {{{boxes}}}\n": ("tiers", ("tier_2", "tier_1"), {"tier", "checklist_tier"}),
        f"checklist: {{{boxes}}}\n": (None, (), {"checklist_tier"}),
        f"checklist: {{writes_tier: true, {boxes}}}\n": ("checklist", RANKS[1:], {"tier", "checklist_tier"}),
        f"{LAYERS}checklist: {{writes_tier: true, {boxes}}}\n": (
            "checklist",
            RANKS[1:],
            {"tier", "checklist_tier", "layer_tier"},
        ),
    }
    for text, (writer, names, ranked) in cases.items():
        program = _program(text)
        owned = assessment.outputs(program)
        assert (tier_writer(program), tier_names(program)) == (writer, names)
        assert {output.name for output in owned if output.ranked and output.name.endswith("tier")} == ranked
        assert len({output.name for output in owned}) == len(owned)
        assert [output.system for output in owned if output.name == "tier_override"] == ([writer] if writer else [])


def test_targets_are_chosen_from_the_tiers_of_whichever_writes_them() -> None:
    targets = "targets: {from: [global, tier_1], leaves_when: [{below_tier: tier_1}]}\n"
    _program(f"checklist: {{writes_tier: true, boxes: {{pricing: off}}}}\n{targets}")
    with pytest.raises(ConfigError, match=r"global is not one of the tiers \(tier_1, tier_2\)"):
        _program(f"{LAYERS}checklist: {{boxes: {{pricing: off}}}}\n{targets}")
    with pytest.raises(ConfigError, match=r"no tiers: section \(a checklist decides it with `writes_tier: true`\)"):
        _program(f"checklist: {{boxes: {{pricing: off}}}}\n{targets}")


def test_lists_are_kept_of_checklist_tiers() -> None:
    program = _program("checklist: {boxes: {pricing: off}}\nlists: [checklist_tier]\n")
    names = [definition.name for output in assessment.outputs(program) for definition in output.lists()]
    assert names == ["ABM: Checklist Global", *(f"ABM: Checklist Tier {n}" for n in (1, 2, 3, 4))]


def test_shares_of_focus_are_those_of_the_article_unless_the_program_says_otherwise() -> None:
    # account-tiering: 20 - 25 %, 60 - 70 %, 10 - 20 %, 5 - 10 % and 0 % of all activity.
    given = focus_shares(_program("checklist: {boxes: {pricing: off}}"))
    assert given == {"global": (20, 25), "tier_1": (60, 70), "tier_2": (10, 20), "tier_3": (5, 10), "tier_4": (0, 0)}
    stated = focus_shares(_program("checklist: {boxes: {pricing: off}, focus: {tier_1: [50, 60]}}"))
    assert stated == given | {"tier_1": (50, 60)}
    assert focus_shares(_program(LAYERS)) == {}


def test_a_pin_that_is_no_tier_of_the_checklist_is_noted_and_decides_nothing() -> None:
    program = _program("checklist: {writes_tier: true, global: none, boxes: {pricing: off}}")
    world = _world(program, [{HELD + "tier_override": "tier_5"}, {HELD + "tier_override": "tier_4"}])
    assert world.accounts["out.tier"].to_list() == ["none", "tier_4"]
    assert [note.split(":")[0] for note in world.notes] == ["company 1"]


def test_the_order_of_the_boxes_in_the_file_changes_nothing() -> None:
    first = "checklist: {global: none, boxes: {pricing: off, b: {is_public: {eq: true}}, a: {country: {eq: US}}}}"
    second = "checklist: {global: none, boxes: {a: {country: {eq: US}}, b: {is_public: {eq: true}}, pricing: off}}"
    programs = [_program(first), _program(second)]
    assert programs[0].digest == programs[1].digest
    decided = [_world(program, [{"country": "US"}, {}]).accounts for program in programs]
    assert decided[0].equals(decided[1])


def test_a_box_over_a_field_that_nothing_feeds_is_named_with_its_field(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    shutil.copytree(ROOT / "mappings", tmp_path / "mappings")
    text = "program: unmapped\nchecklist: {boxes: {tenure: off, pricing: {our_price: 1_000, per: sale}}}\n"
    (tmp_path / "config/program.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        open_context(tmp_path / "config")
    faults = [str(fault) for fault in raised.value.faults]
    for field, box in [
        ("website_clean", "website"),
        ("price", "pricing"),
        ("customers", "pricing"),
        ("annual_report_match", "annual_report"),
    ]:
        said = f"{field} is missing; checklist.boxes.{box} in program.yaml asks for it, and no CRM property feeds it"
        assert [fault for fault in faults if said in fault], (field, faults)
    assert len(faults) == 4
