"""Ids: two lengths of one id."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmsync.sandbox.salesforce import ids

ID15 = st.text(alphabet=ids.DIGITS, min_size=15, max_size=15)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        # Salesforce's own example of the two lengths.
        ("001D000000IRFma", "001D000000IRFmaIAH"),
        # By hand: no capitals, so A for each five.
        ("0015g0000000001", "0015g0000000001AAA"),
        # By hand: ABCDE are all five capitals, 31, the last of the thirty-two.
        ("00100ABCDE00000", "00100ABCDE00000A5A"),
    ],
)
def test_the_suffix_says_which_letters_are_capitals(short: str, long: str) -> None:
    assert ids.canonical(short) == ids.canonical(long) == long


@given(ID15)
def test_an_18_character_id_survives_a_change_of_case(short: str) -> None:
    long = short + ids.suffix(short)
    assert ids.canonical(long.lower()) == ids.canonical(long.upper()) == long


@pytest.mark.parametrize(
    "text", ["", "1", "001D000000IRFm", "001D000000IRFmaI", "001D000000IRFm-", "001D000000IRFmaIA!"]
)
def test_what_is_no_id_is_none(text: str) -> None:
    assert ids.canonical(text) is None


def test_a_suffix_that_does_not_fit_is_none() -> None:
    # A digit cannot be a capital: the last suffix letter claims that one of `00000` is.
    assert ids.canonical("0015g0000000001AAB") is None


@given(st.integers(min_value=1, max_value=10**12))
def test_made_ids_ascend_with_their_numbers(number: int) -> None:
    assert ids.number_of(ids.make("001", number)) == number
    assert ids.make("001", number) < ids.make("001", number + 1)
