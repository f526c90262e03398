"""Countries and regions from what people write."""

import polars as pl
import pytest

from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.data import data_lines
from crmsync.normalize.places import country, region, regions


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("United States", "US"),
        ("united states of america", "US"),
        ("U.S.A.", "US"),
        ("u.s.", "US"),
        ("USA", "US"),
        ("États-Unis", "US"),
        ("EE. UU.", "US"),
        ("Vereinigte Staaten", "US"),
        ("Deutschland", "DE"),
        ("ALLEMAGNE", "DE"),
        ("Alemania", "DE"),
        ("DEU", "DE"),
        (" de ", "DE"),
        ("Österreich", "AT"),
        ("Oesterreich", "AT"),
        ("España", "ES"),
        ("UK", "GB"),
        ("Great Britain", "GB"),
        ("The Netherlands", "NL"),
        ("NO", "NO"),
        ("Norway", "NO"),
        ("Côte d’Ivoire", "CI"),
        ("Korea, Republic of", "KR"),
        ("Taiwan, Province of China", "TW"),
        ("Bosnia & Herzegovina", "BA"),
        ("Türkiye", "TR"),
        ("日本", "JP"),
        ("Česko", "CZ"),
        ("Congo", "CG"),
        ("DRC", "CD"),
        ("Atlantis", None),
        ("XX", None),
        ("", None),
        (None, None),
    ],
)
def test_countries_are_iso_codes(text: str | None, code: str | None) -> None:
    assert country(text) == code


@pytest.mark.parametrize(
    ("text", "country_code", "name"),
    [
        ("California", None, "California"),
        ("CA", None, "California"),
        ("ca", "US", "California"),
        ("Calif.", None, "California"),
        ("US-CA", None, "California"),
        ("ON", None, "Ontario"),
        ("Québec", None, "Quebec"),
        ("NL", "CA", "Newfoundland and Labrador"),
        ("Washington", None, "Washington"),
        ("Washington, DC", None, "District of Columbia"),
        ("WA", None, "Washington"),
        ("WA", "AU", "Western Australia"),
        ("BY", "DE", "Bavaria"),
        ("DE-BY", None, "Bavaria"),
        ("Bayern", None, "Bavaria"),
        ("DE", None, "Delaware"),
        ("Nordrhein-Westfalen", "DE", "North Rhine-Westphalia"),
        ("CA", "DE", "CA"),
        ("Georgia", "GE", "Georgia"),
        ("  New   York ", None, "New York"),
        ("Kent", "GB", "Kent"),
        ("", None, None),
        (None, None, None),
    ],
)
def test_regions_are_english_names_and_codes_mean_the_same(
    text: str | None, country_code: str | None, name: str | None
) -> None:
    assert region(text, country_code) == name


def test_a_column_of_countries_is_read_at_once() -> None:
    out = normalize_unique(pl.Series(["USA", None, "Allemagne", "nowhere", "USA"]), country)
    assert out.to_list() == ["US", None, "DE", None, "US"]


def test_regions_beside_their_countries_keep_row_order() -> None:
    texts = pl.Series("state", ["WA", "WA", None, "CA", "WA"])
    codes = pl.Series("country", ["US", "AU", "US", None, "US"])
    out = regions(texts, codes)
    assert out.to_list() == ["Washington", "Western Australia", None, "California", "Washington"]
    assert out.name == "state"


def test_every_country_stands_once_under_both_codes() -> None:
    rows = [line.split(",")[:2] for line in data_lines("countries.csv")]
    assert len(rows) == len({alpha2 for alpha2, _ in rows}) == len({alpha3 for _, alpha3 in rows}) == 249
    assert all(country(alpha2) == alpha2 == country(alpha3) for alpha2, alpha3 in rows)
