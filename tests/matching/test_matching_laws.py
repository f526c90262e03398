"""Laws of matching, over portals that are drawn from few words so that records collide in every way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from crmsync.matching.accounts import match_accounts
from crmsync.matching.contacts import match_contacts
from crmsync.matching.deals import match_deals
from crmsync.matching.score import Matched
from crmsync.model.decided import Decided
from tests.matching.crms import accounts, contacts, deals

Match = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame, Decided], Matched]
_NAMES = ["Anvil", "Anvil Inc", "Anvil Group", "Anvil Credit", "Zephyr", "First Bank", "ZEPHYR GmbH", None]
_LEFT, _RIGHT = [str(number) for number in range(6)], [f"R{number}" for number in range(6)]


def _row(other: list[str], **columns: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    drawn = {name: st.sampled_from(values) for name, values in columns.items()}
    return st.fixed_dictionaries(drawn | {"counterpart": st.sampled_from([None, None, None, *other])})


def _side(mine: list[str], other: list[str], **columns: list[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    rows = st.lists(_row(other, **columns), max_size=len(mine))
    return rows.map(lambda drawn: [row | {"id": id_} for id_, row in zip(mine, drawn, strict=False)])


_ACCOUNT = {
    "name": _NAMES,
    "domain": ["anvil.example", "zephyr.example", "gmail.com", None],
    "city": ["Berlin", "Bonn", None],
    "region": ["Hesse", None],
    "country": ["DE", "FR", None],
}
_CONTACT = {
    "first_name": ["Bob", "Robert", "Mary", None],
    "last_name": ["Smith", "Miller", None],
    "email": ["bob@anvil.example", "b@anvil.example", "info@anvil.example", None],
}
_DEAL = {"name": ["Renewal", "New", None], "amount": [1, 2, None], "closed": ["2025-01-01", "2026-01-01", None]}
_PAIRS = pl.DataFrame({"left": ["a1", "a2"], "right": ["A1", "A2"]})


def _companies(left: pl.DataFrame, right: pl.DataFrame, _pairs: pl.DataFrame, decided: Decided) -> Matched:
    return match_accounts(left, right, decided)


@st.composite
def _worlds(draw: st.DrawFn) -> tuple[Match, Callable[..., pl.DataFrame], list[dict[str, Any]], list[dict[str, Any]]]:
    """One of the three objects, with the rows of both sides."""
    kind = draw(st.sampled_from(["account", "contact", "deal"]))
    if kind == "account":
        return _companies, accounts, draw(_side(_LEFT, _RIGHT, **_ACCOUNT)), draw(_side(_RIGHT, _LEFT, **_ACCOUNT))
    if kind == "contact":
        left = draw(_side(_LEFT, _RIGHT, **_CONTACT, account=["a1", "a2", None]))
        return match_contacts, contacts, left, draw(_side(_RIGHT, _LEFT, **_CONTACT, account=["A1", "A2", None]))
    left = draw(_side(_LEFT, _RIGHT, **_DEAL, accounts=[["a1"], ["a2", "a1"], [], None]))
    return match_deals, deals, left, draw(_side(_RIGHT, _LEFT, **_DEAL, accounts=[["A1"], ["A2", "A1"], [], None]))


def _decisions(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> st.SearchStrategy[Decided]:
    """Decisions that do not contradict each other, as the loader lets through; ids may be gone."""
    pair = st.tuples(st.sampled_from([*_LEFT, "gone"]), st.sampled_from([*_RIGHT, "gone too"]))

    def sound(same: list[tuple[str, str]], different: list[tuple[str, str]]) -> Decided:
        kept: list[tuple[str, str]] = []
        for one in same:
            if not {one[0], one[1]} & {id_ for other in kept for id_ in other}:
                kept.append(one)
        return Decided(tuple(kept), tuple(one for one in different if one not in kept))

    return st.builds(sound, st.lists(pair, max_size=3), st.lists(pair, max_size=4))


@st.composite
def _cases(draw: st.DrawFn) -> tuple[Match, pl.DataFrame, pl.DataFrame, Decided]:
    match, frame, left, right = draw(_worlds())
    return match, frame(*left), frame(*right), draw(_decisions(left, right))


@given(_cases())
def test_pairs_are_one_to_one_and_no_review_touches_them(
    case: tuple[Match, pl.DataFrame, pl.DataFrame, Decided],
) -> None:
    match, left, right, decided = case
    found = match(left, right, _PAIRS, decided)
    for side, frame in (("left", left), ("right", right)):
        assert found.pairs[side].is_unique().all()
        assert found.pairs[side].is_in(frame["id"].to_list()).all()
        assert not set(found.pairs[side]) & set(found.review[side])
    assert found.review.select("left", "right").is_unique().all()
    assert found.pairs["score"].is_between(0, 1).all()
    assert found.pairs.null_count().sum_horizontal()[0] == 0
    assert found.review.drop("left_name", "right_name").null_count().sum_horizontal()[0] == 0
    assert (found.review["why"] != "").all()


@given(_cases())
def test_swapping_the_sides_swaps_the_answer(case: tuple[Match, pl.DataFrame, pl.DataFrame, Decided]) -> None:
    match, left, right, decided = case
    found = match(left, right, _PAIRS, decided)
    turned = match(right, left, _PAIRS.select(left="right", right="left"), decided)
    columns = ["left", "right", "how", "score"]
    assert turned.pairs.select("right", "left", "how", "score").sort("right").rows() == found.pairs[columns].rows()
    asked = turned.review.select("right", "left", "score", "why", "right_name", "left_name").rows()
    assert sorted(asked, key=str) == sorted(found.review.rows(), key=str)


@given(_cases(), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(case: tuple[Match, pl.DataFrame, pl.DataFrame, Decided], draw: Any) -> None:
    match, left, right, decided = case
    found = match(left, right, _PAIRS, decided)
    mixed = [frame[draw.sample(range(frame.height), frame.height)] for frame in (left, right)]
    again = match(*mixed, _PAIRS.reverse(), Decided(decided.same[::-1], decided.different[::-1]))
    assert again.pairs.equals(found.pairs)
    assert again.review.equals(found.review)


@given(_cases())
def test_a_persons_word_always_wins(case: tuple[Match, pl.DataFrame, pl.DataFrame, Decided]) -> None:
    match, left, right, decided = case
    found = match(left, right, _PAIRS, decided)
    made = {(one, other): how for one, other, how, _ in found.pairs.iter_rows()}
    there = set(left["id"]), set(right["id"])
    for one, other in decided.same:
        if one in there[0] and other in there[1]:
            assert made[one, other] == "decided"
    asked = set(found.review.select("left", "right").iter_rows())
    assert not {*made, *asked} & set(decided.different)


@given(_cases())
def test_a_record_unlike_all_others_changes_nothing(case: tuple[Match, pl.DataFrame, pl.DataFrame, Decided]) -> None:
    match, left, right, decided = case
    found = match(left, right, _PAIRS, decided)
    stranger = {"id": "stranger", "name": "Quokka Quarry", "domain": "quokka.example", "city": "Perth", "country": "AU",
                "first_name": "Quentin", "last_name": "Quill", "email": "q@quokka.example", "amount": 77}  # fmt: skip
    shown = {name: [value] for name, value in stranger.items() if name in left.columns}
    extra = pl.DataFrame(shown, schema_overrides={name: left.schema[name] for name in shown})
    more = match(pl.concat([extra, left], how="diagonal"), right, _PAIRS, decided)
    assert more.pairs.equals(found.pairs)
    assert more.review.equals(found.review)


@given(_cases())
def test_what_was_found_once_decided_is_found_again(case: tuple[Match, pl.DataFrame, pl.DataFrame, Decided]) -> None:
    """Writing every pair found into the file of decisions changes no pair."""
    match, left, right, decided = case
    found = match(left, right, _PAIRS, decided)
    pairs = tuple(found.pairs.select("left", "right").iter_rows())
    again = match(left, right, _PAIRS, Decided(pairs, decided.different))
    assert set(again.pairs.select("left", "right").iter_rows()) >= set(pairs)
