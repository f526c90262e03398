"""The held rule (domain.md A2) and a person's word, for whatever system asks."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.assess.pins import bad_pins, pin, pin_output, pin_remark
from crmsync.assess.ranks import name_of, rank_of, settle
from crmsync.model.outputs import Option
from crmsync.model.snapshot import HELD

NAMES = ("none", "c", "b", "a")
RANKS = st.integers(0, 3)


def _settled(reached: int | None, potential: int | None, held: int | None) -> int | None:
    frame = pl.DataFrame({"r": [reached], "p": [potential], "h": [held]}, schema=dict.fromkeys("rph", pl.Int32))
    return frame.select(settle(pl.col("r"), pl.col("p"), pl.col("h")).alias("x"))["x"][0]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("reached", "potential", "held", "final"),
    [(1, 3, None, 1), (1, 3, 2, 2), (1, 2, 3, 2), (2, 3, 1, 2), (0, 0, 3, 0), (None, 3, 2, 2), (None, 3, None, None)],
)
def test_a_decision_is_the_better_of_reached_and_the_worse_of_held_and_potential(
    reached: int | None, potential: int, held: int | None, final: int | None
) -> None:
    assert _settled(reached, potential, held) == final


@given(low=RANKS, high=RANKS, held=RANKS)
def test_what_is_settled_lies_between_reached_and_potential_and_leaves_what_is_held_between_them(
    low: int, high: int, held: int
) -> None:
    reached, potential = sorted((low, high))
    final = _settled(reached, potential, held)
    assert final is not None
    assert reached <= final <= potential
    if reached <= held <= potential:
        assert final == held


def test_names_and_ranks_are_each_other_s_inverse_and_a_stranger_has_no_rank() -> None:
    frame = pl.DataFrame({"x": ["a", "none", None, "z"]}, schema={"x": pl.Categorical})
    ranks = frame.select(rank_of(pl.col("x"), NAMES))["x"]
    assert ranks.to_list() == [3, 0, None, None]
    assert ranks.to_frame().select(name_of(pl.col("x"), NAMES))["x"].to_list() == ["a", "none", None, None]


def test_a_pin_is_read_as_people_type_it_and_only_where_the_program_asks() -> None:
    frame = pl.DataFrame({HELD + "category_override": [" A ", "", None, "z"]})
    said = frame.select(
        pin("category", True).alias("on"), pin("category", False).alias("off"), pin("category", True, NAMES).alias("ok")
    )
    assert said.to_dict(as_series=False) == {
        "on": ["a", None, None, "z"],
        "off": [None] * 4,
        "ok": ["a", None, None, None],
    }


def test_a_pin_that_names_no_value_is_reported_with_its_record_and_what_to_do() -> None:
    frame = pl.DataFrame({"id": ["2", "1", "3"], HELD + "category_override": ["A", "ann@acme.example", None]})
    (note,) = bad_pins(frame, "category", NAMES)
    assert note.startswith("company 1: the category override ")
    assert note.endswith("decides nothing; choose one of none, c, b, a, or clear it")
    assert "ann@" not in note
    assert bad_pins(frame.select("id"), "category", NAMES) == ()


def test_twenty_bad_pins_are_named_and_the_others_counted() -> None:
    frame = pl.DataFrame({"id": [str(n) for n in range(23)], HELD + "category_override": ["z"] * 23})
    notes = bad_pins(frame, "category", NAMES)
    assert len(notes) == 21
    assert notes[-1] == "3 more records have a category override that decides nothing"


def test_an_override_is_a_property_that_only_people_write() -> None:
    output = pin_output("coverage_model", "ABM coverage model", [Option("global", "Global")], system="coverage_model")
    assert output.name == "coverage_model_override"
    assert output.label == "ABM coverage model override"
    assert output.person
    assert pin_remark("coverage_model", "Global") == (
        "Set by a person in the coverage model override; the rules alone say Global."
    )
