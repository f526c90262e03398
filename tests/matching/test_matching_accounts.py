"""Companies of two CRMs, case by case: what is a pair, what is asked of a person, what is neither."""

from __future__ import annotations

import polars as pl
import pytest

from crmsync.matching.accounts import match_accounts
from crmsync.matching.score import IDS_DISAGREE, PAIR_SCHEMA, REVIEW_SCHEMA, SEVERAL
from crmsync.model.decided import Decided
from tests.matching.crms import accounts, asked, paired, why

BERLIN = {"city": "Berlin", "country": "DE"}
DETROIT = {"city": "Detroit", "region": "Michigan", "country": "US"}


def test_one_domain_and_one_name_are_one_company() -> None:
    left = accounts({"id": "1", "name": "Anvil Inc.", "domain": "anvil.example"})
    right = accounts({"id": "A", "name": "ANVIL", "domain": "https://www.anvil.example/"})
    assert paired(match_accounts(left, right)) == {("1", "A"): "domain"}


def test_name_and_city_do_where_a_domain_is_missing() -> None:
    left = accounts({"id": "1", "name": "Müller Söhne GmbH & Co. KG", "city": "München", "country": "DE"})
    right = accounts({"id": "A", "name": "Mueller Soehne", "city": "Munich", "country": "DE", "domain": "ms.example"})
    assert paired(match_accounts(left, right)) == {("1", "A"): "name_place"}


@pytest.mark.parametrize(
    ("mine", "theirs", "reason"),
    [
        ({"domain": "anvil.example"}, {"domain": "anvil.example", "name": "Zephyr Foods"}, "quite different names"),
        ({"domain": "anvil.example", "country": "DE"}, {"domain": "anvil.example", "country": "FR"}, "countries"),
        ({"domain": "anvil.example"}, {"domain": "anvil.example", "name": "Anvil Credit"}, "part of the other"),
        ({}, {}, "no place or domain"),
        (DETROIT, DETROIT | {"city": "Lansing", "region": "Ohio"}, "another place"),
        (BERLIN, {"city": "Paris", "country": "FR"}, "different countries"),
        (BERLIN, BERLIN | {"name": "Anvil Works"}, "like names in the same city"),
    ],
)
def test_evidence_that_disagrees_or_stands_alone_goes_to_a_person(
    mine: dict[str, str], theirs: dict[str, str], reason: str
) -> None:
    found = match_accounts(
        accounts({"id": "1", "name": "Anvil"} | mine), accounts({"id": "A", "name": "Anvil"} | theirs)
    )
    assert found.pairs.is_empty()
    assert reason in why(found)["1", "A"]


@pytest.mark.parametrize(
    "shared", [{"domain": "gmail.com"}, {"domain": "facebook.com"}, {"country": "DE"}, {"city": "Berlin"}]
)
def test_what_thousands_share_says_nothing(shared: dict[str, str]) -> None:
    found = match_accounts(
        accounts({"id": "1", "name": "Anvil"} | shared), accounts({"id": "A", "name": "Zephyr"} | shared)
    )
    assert found.pairs.is_empty()
    assert found.review.is_empty()


def test_two_of_one_crm_for_one_of_the_other_are_asked() -> None:
    twice = [{"id": id_, "name": "Anvil", "domain": "anvil.example"} for id_ in ("1", "2")]
    found = match_accounts(accounts(*twice), accounts(twice[0] | {"id": "A"}))
    assert found.pairs.is_empty()
    assert why(found) == {("1", "A"): SEVERAL, ("2", "A"): SEVERAL}


@pytest.mark.parametrize("side", ["left", "right", "both"])
def test_of_two_the_crms_own_id_decides(side: str) -> None:
    twice = [{"id": id_, "name": "Anvil", "domain": "anvil.example"} for id_ in ("1", "2")]
    left = accounts(twice[0], twice[1] | ({"counterpart": "A"} if side != "right" else {}))
    right = accounts(twice[0] | {"id": "A"} | ({"counterpart": "2"} if side != "left" else {}))
    found = match_accounts(left, right)
    assert paired(found) == {("2", "A"): "native"}
    assert found.review.is_empty()


def test_ids_that_contradict_each_other_are_asked() -> None:
    left = accounts({"id": "1", "counterpart": "A"}, {"id": "2", "counterpart": "A"})
    right = accounts({"id": "A"})
    found = match_accounts(left, right)
    assert found.pairs.is_empty()
    assert why(found) == {("1", "A"): IDS_DISAGREE, ("2", "A"): IDS_DISAGREE}


def test_an_id_against_the_domain_is_asked() -> None:
    left = accounts({"id": "1", "name": "Anvil", "domain": "anvil.example", "counterpart": "B"})
    right = accounts(
        {"id": "A", "name": "Anvil", "domain": "anvil.example"},
        {"id": "B", "name": "Zephyr", "domain": "zephyr.example"},
    )
    found = match_accounts(left, right)
    assert found.pairs.is_empty()
    assert asked(found) == {("1", "A"), ("1", "B")}


def test_an_id_outdoes_other_names_where_no_domain_speaks_against_it() -> None:
    left = accounts({"id": "1", "name": "Anvil", "counterpart": "A"} | BERLIN)
    right = accounts({"id": "A", "name": "Zephyr"}, {"id": "B", "name": "Anvil"} | BERLIN)
    assert paired(match_accounts(left, right)) == {("1", "A"): "native"}


def test_an_id_that_nothing_carries_is_no_evidence() -> None:
    left = accounts({"id": "1", "name": "Anvil", "domain": "anvil.example", "counterpart": "GONE"})
    right = accounts({"id": "A", "name": "Anvil", "domain": "anvil.example"})
    assert paired(match_accounts(left, right)) == {("1", "A"): "domain"}


def test_a_decision_wins_over_ids_and_domains() -> None:
    left = accounts({"id": "1", "name": "Anvil", "domain": "anvil.example", "counterpart": "A"}, {"id": "2"})
    right = accounts({"id": "A", "name": "Anvil", "domain": "anvil.example"}, {"id": "B", "name": "Zephyr"})
    found = match_accounts(left, right, Decided(same=(("1", "B"),)))
    assert paired(found) == {("1", "B"): "decided"}
    assert found.review.is_empty()


def test_what_was_said_to_differ_is_neither_matched_nor_asked_again() -> None:
    left = accounts({"id": "1", "name": "Anvil", "domain": "anvil.example", "counterpart": "A"})
    right = accounts({"id": "A", "name": "Anvil", "domain": "anvil.example", "counterpart": "1"})
    found = match_accounts(left, right, Decided(different=(("A", "1"),)))
    assert found.pairs.is_empty()
    assert found.review.is_empty()


def test_a_subsidiary_under_the_groups_domain_is_not_the_group() -> None:
    left = accounts({"id": "1", "name": "Toyota Motor Corporation", "domain": "toyota.com", "country": "JP"})
    right = accounts({"id": "A", "name": "Toyota Motor Credit Corporation", "domain": "toyota.com", "country": "US"})
    found = match_accounts(left, right)
    assert found.pairs.is_empty()
    assert asked(found) == {("1", "A")}


def test_initials_are_a_name_under_one_domain_only() -> None:
    full = {"id": "1", "name": "International Business Machines", "city": "Armonk", "region": "New York"}
    short = {"id": "A", "name": "IBM", "city": "Armonk", "region": "New York"}
    assert asked(match_accounts(accounts(full), accounts(short))) == {("1", "A")}
    web = {"domain": "ibm.com"}
    assert paired(match_accounts(accounts(full | web), accounts(short | web))) == {("1", "A"): "domain"}


def test_a_generic_name_needs_its_city() -> None:
    bank = {"name": "First State Bank", "region": "Texas", "country": "US"}
    found = match_accounts(
        accounts(bank | {"id": "1", "city": "Dallas"}), accounts(bank | {"id": "A", "city": "Austin"})
    )
    assert found.pairs.is_empty()
    same_city = match_accounts(
        accounts(bank | {"id": "1", "city": "Dallas"}), accounts(bank | {"id": "A", "city": "Dallas"})
    )
    assert paired(same_city) == {("1", "A"): "name_place"}


def test_nothing_against_nothing_has_the_columns_all_the_same() -> None:
    empty = accounts()
    found = match_accounts(empty, empty)
    assert dict(found.pairs.schema) == PAIR_SCHEMA
    assert dict(found.review.schema) == REVIEW_SCHEMA


def test_columns_may_be_absent_or_categorical() -> None:
    left = pl.DataFrame({"id": ["1"], "name": ["Anvil"], "domain": ["anvil.example"]})
    right = pl.DataFrame({"id": ["A"], "domain": pl.Series(["anvil.example"], dtype=pl.Categorical)})
    assert paired(match_accounts(left, right)) == {("1", "A"): "domain"}
    assert match_accounts(left.select("id"), right.select("id")).pairs.is_empty()


def test_a_review_names_both_and_is_sorted_by_likelihood() -> None:
    left = accounts({"id": "1", "name": "Anvil"}, {"id": "2", "name": "Bellows", "domain": "b.example"})
    right = accounts({"id": "A", "name": "anvil, inc."}, {"id": "B", "name": "Zephyr", "domain": "b.example"})
    review = match_accounts(left, right).review
    assert review.select("left_name", "right_name").rows() == [("Anvil", "anvil, inc."), ("Bellows", "Zephyr")]
    assert review["score"].to_list() == sorted(review["score"], reverse=True)
