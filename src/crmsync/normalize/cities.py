"""A key under which two spellings of a city's name meet: `New York City`, `München`, `St. Paul`.

A hint beside other evidence; where a city is not known by both names, two keys simply differ.
"""

from __future__ import annotations

import re

import polars as pl

from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.title_words import fold

#: Cities that a CRM knows by two names: key -> the English one's key.
_NAMES = {
    "muenchen": "munich", "munchen": "munich", "koeln": "cologne", "koln": "cologne", "nuernberg": "nuremberg",
    "hannover": "hanover", "wien": "vienna", "zuerich": "zurich", "genf": "geneva", "geneve": "geneva",
    "basle": "basel", "bale": "basel", "bern": "berne", "milano": "milan", "roma": "rome", "torino": "turin",
    "firenze": "florence", "napoli": "naples", "genova": "genoa", "venezia": "venice", "kobenhavn": "copenhagen",
    "goeteborg": "gothenburg", "goteborg": "gothenburg", "praha": "prague", "warszawa": "warsaw", "krakow": "cracow",
    "lisboa": "lisbon", "porto": "oporto", "sevilla": "seville", "bruxelles": "brussels", "brussel": "brussels",
    "antwerpen": "antwerp", "gent": "ghent", "den haag": "the hague", "s gravenhage": "the hague", "moskva": "moscow",
    "bucuresti": "bucharest", "athina": "athens", "bengaluru": "bangalore", "bombay": "mumbai", "madras": "chennai",
    "calcutta": "kolkata", "gurugram": "gurgaon", "peking": "beijing", "ciudad de mexico": "mexico", "cdmx": "mexico",
    "nyc": "new york", "washington dc": "washington", "lyons": "lyon",
    "frankfurt am main": "frankfurt", "frankfurt main": "frankfurt",
}  # fmt: skip
_SHORT = {"saint": "st", "sainte": "st", "ste": "st", "mount": "mt", "fort": "ft"}


def city_key(text: str | None) -> str | None:
    """Folded words without `City` and what stands in brackets, or None where there is no name."""
    if not text:
        return None
    folded = re.sub(r"['’.]", "", fold(re.sub(r"\(.*?\)", "", text)))
    words = [_SHORT.get(word, word) for word in re.sub(r"[^\w]+", " ", folded).split()]
    if len(words) > 1 and words[-1] in ("city", "si"):
        words = words[:-1]
    key = " ".join(words)
    return _NAMES.get(key, key) or None


def city_keys(texts: pl.Series) -> pl.Series:
    """`city_key` over a column, once for each distinct name."""
    return normalize_unique(texts, city_key)
