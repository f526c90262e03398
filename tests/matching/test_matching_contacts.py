"""Contacts of two CRMs, case by case."""

from __future__ import annotations

import pytest

from crmsync.matching.contacts import match_contacts
from crmsync.matching.people import nicknames
from crmsync.matching.score import SEVERAL
from crmsync.model.decided import Decided
from tests.matching.crms import asked, both, contacts, paired, why

ANVIL = both(("1", "A"), ("2", "B"))
BOB = {"first_name": "Bob", "last_name": "Smith"}
ROBERT = {"first_name": "Robert", "last_name": "Smith"}


def test_an_address_is_one_persons_wherever_they_work() -> None:
    left = contacts({"id": "10", "email": "Bob@Anvil.example", "account": "1"} | BOB)
    right = contacts({"id": "20", "email": "bob@anvil.example", "account": "B"} | ROBERT)
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "email"}


def test_an_address_with_another_name_is_asked() -> None:
    left = contacts({"id": "10", "email": "bob@anvil.example", "account": "1"} | BOB)
    right = contacts(
        {"id": "20", "email": "bob@anvil.example", "account": "A", "first_name": "Mary", "last_name": "Miller"}
    )
    found = match_contacts(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert why(found) == {("10", "20"): "same e-mail address, but different names"}


def test_a_family_shares_an_address_and_is_two_people() -> None:
    left = contacts({"id": "10", "email": "smiths@web.de"} | BOB)
    right = contacts({"id": "20", "email": "smiths@web.de", "first_name": "Mary", "last_name": "Smith"})
    found = match_contacts(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert asked(found) == {("10", "20")}


def test_a_new_last_name_under_one_address_is_one_person() -> None:
    left = contacts({"id": "10", "email": "mary@anvil.example", "first_name": "Mary", "last_name": "Miller"})
    right = contacts({"id": "20", "email": "mary@anvil.example", "first_name": "Mary", "last_name": "Smith"})
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "email"}


def test_an_offices_address_is_nobodys() -> None:
    office = {"email": "info@anvil.example", "account": "1"}
    left = contacts({"id": "10"} | office | BOB)
    right = contacts({"id": "20", "first_name": "Mary", "last_name": "Miller"} | office | {"account": "A"})
    found = match_contacts(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert found.review.is_empty()


def test_an_address_twice_is_told_apart_by_the_account() -> None:
    left = contacts({"id": "10", "email": "bob@anvil.example", "account": "1"} | BOB)
    right = contacts(
        *(
            {"id": id_, "email": "bob@anvil.example", "account": account} | BOB
            for id_, account in (("20", "A"), ("21", "B"))
        )
    )
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "email"}


def test_an_address_twice_in_one_account_is_asked() -> None:
    left = contacts({"id": "10", "email": "bob@anvil.example", "account": "1"} | BOB)
    right = contacts(*({"id": id_, "email": "bob@anvil.example", "account": "A"} | BOB for id_ in ("20", "21")))
    found = match_contacts(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert why(found) == {("10", "20"): SEVERAL, ("10", "21"): SEVERAL}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (BOB, ROBERT),
        ({"first_name": "José", "last_name": "Núñez"}, {"first_name": "JOSE", "last_name": "Nunez"}),
        ({"first_name": "Dr. Jürgen", "last_name": "Müller"}, {"first_name": "Juergen", "last_name": "Mueller"}),
        ({"first_name": "Mary Ann", "last_name": "O'Neill"}, {"first_name": "Mary", "last_name": "ONeill"}),
        ({"first_name": "Bill", "last_name": "Lee"}, {"first_name": "Will", "last_name": "Lee"}),
    ],
)
def test_a_full_name_within_an_account_is_one_person(mine: dict[str, str], theirs: dict[str, str]) -> None:
    left, right = contacts({"id": "10", "account": "1"} | mine), contacts({"id": "20", "account": "A"} | theirs)
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "name_account"}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"account": "1"}, {"account": "B"}),
        ({"account": "1"}, {}),
        ({"account": "9"}, {"account": "9"}),
        ({}, {}),
    ],
)
def test_a_full_name_elsewhere_says_nothing(mine: dict[str, str], theirs: dict[str, str]) -> None:
    found = match_contacts(contacts({"id": "10"} | mine | BOB), contacts({"id": "20"} | theirs | BOB), ANVIL)
    assert found.pairs.is_empty()
    assert found.review.is_empty()


@pytest.mark.parametrize(
    ("mine", "theirs", "reason"),
    [
        ({"first_name": "R."}, {}, "same company and last name, and an initial"),
        ({"email": "bob@anvil.example"}, {"email": "bob.smith2@anvil.example"}, "two addresses of that company"),
    ],
)
def test_a_name_within_an_account_may_be_two_people(mine: dict[str, str], theirs: dict[str, str], reason: str) -> None:
    left = contacts({"id": "10", "account": "1"} | ROBERT | mine)
    right = contacts({"id": "20", "account": "A"} | ROBERT | theirs)
    found = match_contacts(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert reason in why(found)["10", "20"]


def test_a_private_address_beside_one_at_work_is_one_person() -> None:
    left = contacts({"id": "10", "account": "1", "email": "bob@anvil.example"} | BOB)
    right = contacts({"id": "20", "account": "A", "email": "bob.smith@gmail.com"} | BOB)
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "name_account"}


def test_two_private_addresses_of_one_provider_say_nothing() -> None:
    left = contacts({"id": "10", "account": "1", "email": "bob@gmail.com"} | BOB)
    right = contacts({"id": "20", "account": "A", "email": "smith@gmail.com"} | BOB)
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "name_account"}


def test_two_of_one_name_in_an_account_are_told_by_the_address_or_asked() -> None:
    left = contacts({"id": "10", "account": "1", "email": "bob@anvil.example"} | BOB)
    twice = [{"id": "20", "account": "A"} | BOB, {"id": "21", "account": "A"} | ROBERT]
    assert asked(match_contacts(left, contacts(*twice), ANVIL)) == {("10", "20"), ("10", "21")}
    told = [twice[0] | {"email": "bob@anvil.example"}, twice[1]]
    assert paired(match_contacts(left, contacts(*told), ANVIL)) == {("10", "20"): "email"}


def test_decision_then_id_then_address() -> None:
    left = contacts({"id": "10", "email": "bob@anvil.example", "counterpart": "20"} | BOB)
    right = contacts({"id": "20"} | BOB, {"id": "21"} | BOB)
    assert paired(match_contacts(left, right, ANVIL)) == {("10", "20"): "native"}
    said = Decided(same=(("10", "21"),))
    assert paired(match_contacts(left, right, ANVIL, said)) == {("10", "21"): "decided"}


def test_an_id_against_the_address_is_asked() -> None:
    left = contacts({"id": "10", "email": "bob@anvil.example", "counterpart": "21"} | BOB)
    right = contacts({"id": "20", "email": "bob@anvil.example"} | BOB, {"id": "21", "email": "zoe@zephyr.example"})
    found = match_contacts(left, right, ANVIL)
    assert found.pairs.is_empty()
    assert asked(found) == {("10", "20"), ("10", "21")}


def test_a_short_name_stands_for_each_of_its_full_ones() -> None:
    known = nicknames()
    assert known["bob"] == {"robert"}
    assert {"katherine", "catherine"} <= known["kate"]
    assert known["robert"] == {"robert"}
    assert "zephyr" not in known
