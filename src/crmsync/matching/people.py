"""People's names as columns that can be compared: Bob Smith and Robert Smith are one, J. Smith may be."""

from __future__ import annotations

from functools import cache

import polars as pl

from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.data import data_lines
from crmsync.normalize.title_words import fold

_TITLES = frozenset(
    ("dr", "prof", "mr", "mrs", "ms", "sir", "herr", "frau", "ing", "dipl", "jr", "sr", "ii", "iii", "phd")
)
#: Mailboxes that an office has, not a person.
_OFFICES = (
    r"^(?:info|office|contact|kontakt|hello|hallo|mail|post|sales|vertrieb|support|service|help|admin|billing|accounts?|"
    r"accounting|invoices?|rechnung|finance|hr|jobs|careers|team|marketing|press|presse|no-?reply|webmaster|enquiries|"
    r"inquiries|reception|purchasing|einkauf|orders?|it)@"
)


@cache
def nicknames() -> dict[str, frozenset[str]]:
    """A folded first name -> the full names that it may stand for, itself among them."""
    stands_for: dict[str, set[str]] = {}
    for line in data_lines("nicknames.txt"):
        full, *short = line.split()
        for name in (full, *short):
            stands_for.setdefault(name, set()).add(full)
    return {name: frozenset(full) for name, full in stands_for.items()}


def _folded(text: str) -> str | None:
    words = "".join(c if c.isalnum() else " " for c in fold(text).replace("'", "").replace("’", "")).split()
    return " ".join(word for word in words if word not in _TITLES) or None


def people_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `first`, `last` (folded), `mail` (lower case), `office` (the address is no person's)."""
    mail = pl.col("email").str.to_lowercase()
    return frame.with_columns(
        first=normalize_unique(frame["first_name"], _folded),
        last=normalize_unique(frame["last_name"], _folded),
        mail=pl.when(mail.str.contains("@", literal=True)).then(mail),
    ).with_columns(office=pl.col("mail").str.contains(_OFFICES).fill_null(False))


def person_relation(pairs: pl.DataFrame) -> pl.Series:
    """How two people's names stand to each other; `pairs` has `first`, `last` and, with `_r` appended, the other's.

    `same` (one person's name, nicknames included), `initial`, `first` (only the first names agree, as after a
    marriage), `other`; null where a side has no name at all or nothing can be compared.
    """
    distinct = pairs.select("first", "first_r").unique().drop_nulls()
    firsts = pl.Series([_first_relation(*row) for row in distinct.iter_rows()], dtype=pl.String)
    table = distinct.with_columns(firsts.alias("called"))
    joined = pairs.join(table, on=["first", "first_r"], how="left", maintain_order="left")
    last, called = pl.col("last") == pl.col("last_r"), pl.col("called")
    return joined.select(
        pl.when((last & (called == "same")).fill_null(False))
        .then(pl.lit("same"))
        .when((last & (called == "initial")).fill_null(False))
        .then(pl.lit("initial"))
        .when((called == "same").fill_null(False))
        .then(pl.lit("first"))
        .when(called.is_null() & (last.is_null() | last))
        .then(None)
        .otherwise(pl.lit("other"))
        .alias("relation")
    ).to_series()


def _first_relation(one: str, other: str) -> str:
    """`same`, `initial` or `other` of two folded first names; a middle name or initial counts only on both sides."""
    mine, theirs = one.split(), other.split()
    first, second = mine[0], theirs[0]
    if first == second or _full_names(first) & _full_names(second):
        return "other" if min(len(mine), len(theirs)) > 1 and mine[1][0] != theirs[1][0] else "same"
    return "initial" if 1 in (len(first), len(second)) and first[0] == second[0] else "other"


def _full_names(first: str) -> frozenset[str]:
    return nicknames().get(first, frozenset({first}))
