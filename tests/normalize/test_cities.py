"""Two spellings of one city meet; two cities do not."""

from __future__ import annotations

import polars as pl
import pytest

from crmsync.normalize.cities import city_key, city_keys


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("München", "Munich"),
        ("MUENCHEN", "münchen"),
        ("New York City", "New York"),
        ("St. Louis", "Saint Louis"),
        ("Sankt Gallen", "sankt  gallen"),
        ("Suwon-si", "Suwon"),
        ("København", "Copenhagen"),
        ("Ciudad de México", "Mexico City"),
        ("Fort Worth", "Ft. Worth"),
        ("Coeur d'Alene", "Coeur d’Alene"),
        ("Bengaluru (Bangalore)", "Bangalore"),
    ],
)
def test_two_spellings_meet(one: str, other: str) -> None:
    assert city_key(one) == city_key(other)


@pytest.mark.parametrize(("one", "other"), [("Paris", "Parma"), ("Frankfurt", "Frankfort"), ("St. Paul", "St. Louis")])
def test_two_cities_do_not(one: str, other: str) -> None:
    assert city_key(one) != city_key(other)


def test_no_text_is_no_city() -> None:
    assert city_keys(pl.Series("city", [None, "", "  ", "...", "City"])).to_list() == [None, None, None, None, "city"]
