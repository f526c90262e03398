"""Countries as ISO 3166-1 alpha-2 and regions by their English name, from what people write.

The failure this prevents: `USA`, `U.S.` and `États-Unis` in three territories, or `CA` taken for Canada beside a Texan
city. A name that is not known is no country; an unknown region stays as written, for a region is free text in a CRM.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from functools import cache

import polars as pl

from crmsync.normalize.data import data_lines
from crmsync.normalize.title_words import fold

_HOME_OF_CODES = ("US", "CA")
"""Whose region codes are read where no country is given: the two that mail is addressed to by code; they share none."""


def _key(text: str) -> str:
    """Folded letters and digits alone, `&` as `and`: dots, dashes, articles and apostrophes make no difference."""
    folded = fold(text).replace("&", " and ")
    words = re.sub(r"[^\w]+", " ", re.sub(r"['’.]", "", folded)).split()
    return " ".join(words[1:] if len(words) > 1 and words[0] == "the" else words)


def _rows(name: str) -> Iterator[list[str]]:
    for row in csv.reader(data_lines(name)):
        yield [*row[:3], *(other for other in ",".join(row[3:]).split("|") if other)]


@cache
def _countries() -> dict[str, str]:
    codes: dict[str, str] = {}
    for alpha2, alpha3, *names in _rows("countries.csv"):
        for name in (alpha2, alpha3, *names):
            codes[_key(name)] = alpha2
    codes["uk"] = "GB"
    return codes


@cache
def _regions() -> tuple[dict[tuple[str, str], str], dict[str, str], dict[tuple[str, str], str]]:
    """English names by (country, key of a name), by key alone where only one country has it, and by (country, code)."""
    named: dict[tuple[str, str], str] = {}
    alone: dict[str, str] = {}
    coded: dict[tuple[str, str], str] = {}
    for country_code, code, english, *others in _rows("regions.csv"):
        coded[country_code, code] = english
        for name in (english, *others):
            named[country_code, _key(name)] = english
            alone.setdefault(_key(name), english)
    return named, alone, coded


def country(text: str | None) -> str | None:
    """ISO 3166-1 alpha-2 of a country's name (English, German, French, Spanish, native) or code, or None."""
    return _countries().get(_key(text)) if text else None


def region(text: str | None, country_code: str | None = None) -> str | None:
    """The English name of a region given by name or code; any other text stays as written, blanks trimmed.

    `country_code` (alpha-2) says whose code it is: `WA` is Washington, in Australia Western Australia. Without it a
    bare code is read as a US state or a Canadian province, and `DE-BY` as what it says. None where there is no text.
    """
    written = " ".join(text.split()) if text else ""
    if not written:
        return None
    named, alone, coded = _regions()
    prefix, dash, rest = written.upper().partition("-")
    if dash and (prefix, rest) in coded:
        return coded[prefix, rest]
    key = _key(written)
    homes = (country_code,) if country_code else _HOME_OF_CODES
    for home in homes:
        if found := coded.get((home, key.upper())) or named.get((home, key)):
            return found
    return (None if country_code else alone.get(key)) or written


def regions(texts: pl.Series, countries: pl.Series) -> pl.Series:
    """`region` over two columns, once for each distinct pair: English names, name of `texts`."""
    frame = pl.DataFrame({"text": texts.cast(pl.String), "country": countries.cast(pl.String)})
    distinct = frame.unique(maintain_order=True)
    names = [region(text, code) for text, code in distinct.iter_rows()]
    table = distinct.with_columns(pl.Series("name", names, dtype=pl.String))
    joined = frame.join(table, on=["text", "country"], how="left", nulls_equal=True, maintain_order="left")
    return joined["name"].rename(texts.name)
