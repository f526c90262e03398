"""Company names as columns that can be compared: what is left of a name, and how two of them stand to each other.

Eight relations: `exact` (the same but for case, accents, spacing, legal form), `core` (but for group and holding),
`contained` (one is the other with something added, or its initials), `unit` (what is added names a part of the company,
such as partners or bank), `similar`, `begins` (one is how the other begins), `partial` (they share a telling word),
`other`; null where a side has no name.
The failure this prevents: Ford Motor taken for Ford Motor Credit, Siemens for Siemens Energy.
"""

from __future__ import annotations

import polars as pl
from rapidfuzz import fuzz

from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.company_name import company_keys
from crmsync.normalize.data import word_list

_GENERIC = pl.Series(sorted(word_list("generic_company_words.txt")), dtype=pl.String)
#: One word for one word.
_SPELLED = {
    "intl": "international", "internat": "international", "natl": "national", "mfg": "manufacturing",
    "svcs": "services", "svc": "service", "hldgs": "holdings", "hldg": "holdings", "holding": "holdings",
    "grp": "group", "gruppe": "group", "groep": "group", "groupe": "group", "grupo": "group", "ins": "insurance",
    "univ": "university", "assn": "association", "assoc": "associates", "corporation": "corp", "saint": "st",
    "ctr": "center", "centre": "center", "dept": "department", "bros": "brothers", "labs": "laboratories",
    "pharma": "pharmaceuticals", "amer": "america", "technology": "technologies", "system": "systems",
}  # fmt: skip
_DROPPED = ["and", "the"]
#: At the end of a name these say how a company is built, not which it is.
_CORE_ENDING = r"(?: (?:group|holdings|cos|com|groups))+$"
_LOOSE = pl.Series(["group", "holdings", "cos", "com", "of", "international", "worldwide", "corp"])
#: Added to a name, these make it a part, a branch or a fund of the company.
_UNITS = pl.Series(sorted(word_list("company_units.txt")), dtype=pl.String)
_SIMILAR = 90
_BEGINNING = 5
_PART = 50_000
#: Before a name: a legal form, or royal by appointment.
_OPENING = r"^(?:ab|pt|ooo|oao|pao|zao|koninklijke|compagnie de|compagnie des) (.)"
_SINGLES = r"\b([a-z]) ([a-z])\b"
_MOJIBAKE = r"[ÃÂ][\x80-\xbf]"


def name_columns(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` (with `name`) and `compact`, `core` (text), `words` (all but joiners), `strong` (telling words)."""
    # Lists of words cost memory while they are made: a part at a time.
    return (
        pl.concat([_name_columns(part) for part in frame.iter_slices(_PART)]) if frame.height else _name_columns(frame)
    )


def _name_columns(frame: pl.DataFrame) -> pl.DataFrame:
    keys = _joined(company_keys(_repaired(frame["name"])))
    words = (
        keys.to_frame("key")
        .with_columns(pl.col("key").str.split(" "))
        .select(
            pl.col("key").list.eval(
                pl.element().replace(_SPELLED).filter(~pl.element().replace(_SPELLED).is_in(_DROPPED))
            )
        )
        .to_series()
    )
    words = pl.select(pl.when(words.list.len() > 0).then(words).otherwise(keys.str.split(" "))).to_series()
    core = words.list.join(" ").str.replace(_CORE_ENDING, "").str.replace(_OPENING, "${1}")
    telling = pl.element().filter(~pl.element().is_in(_GENERIC.implode()) & (pl.element().str.len_chars() > 1))
    return frame.with_columns(
        compact=words.list.join(""),
        core=core.str.replace_all(" ", ""),
        words=words,
        strong=words.list.eval(telling),
    )


def relation(pairs: pl.DataFrame) -> pl.Series:
    """The relation of each row: `pairs` has the columns of `name_columns`, the other side's with `_r` appended."""
    left, right = _without("words", _LOOSE), _without("words_r", _LOOSE)
    added = left.list.set_symmetric_difference(right)
    shared = pl.col("strong").list.set_intersection(pl.col("strong_r")).list.len() > 0
    several = pl.col("words").list.set_intersection(pl.col("words_r")).list.len() > 1
    begins = _begins("compact", "compact_r") | _begins("compact_r", "compact")
    contained = (left.list.set_difference(right).list.len() == 0) | (right.list.set_difference(left).list.len() == 0)
    unit = added.list.set_intersection(pl.lit(_UNITS).implode()).list.len() > 0
    initials = _initials("words", "core_r") | _initials("words_r", "core")
    judged = pairs.with_columns(
        relation=pl.when(pl.col("compact").is_null() | pl.col("compact_r").is_null())
        .then(None)
        .when(pl.col("compact") == pl.col("compact_r"))
        .then(pl.lit("exact"))
        .when(pl.col("core") == pl.col("core_r"))
        .then(pl.lit("core"))
        .when(initials)
        .then(pl.lit("contained"))
        .when((shared | several) & contained)
        .then(pl.when(unit).then(pl.lit("unit")).otherwise(pl.lit("contained")))
        .when(begins)
        .then(pl.lit("begins"))
        .when(shared)
        .then(pl.lit("partial"))
        .otherwise(pl.lit("other")),
    )
    return _with_similar(judged)


def _with_similar(judged: pl.DataFrame) -> pl.Series:
    """Spellings that differ by a few letters; asked once for each distinct pair that nothing else relates."""
    unlike = pl.col("relation").is_in(["begins", "partial", "other"])
    distinct = judged.filter(unlike).select("compact", "compact_r").unique()
    scores = [fuzz.ratio(one, other) >= _SIMILAR for one, other in distinct.iter_rows()]
    table = distinct.with_columns(alike=pl.Series(scores, dtype=pl.Boolean))
    joined = judged.join(table, on=["compact", "compact_r"], how="left", maintain_order="left")
    alike = unlike & pl.col("alike").fill_null(False)
    return joined.select(pl.when(alike).then(pl.lit("similar")).otherwise("relation").alias("relation")).to_series()


def initials_of(words: pl.Expr) -> pl.Expr:
    """`international business machines` -> `ibm`; null for fewer than three words."""
    letters = words.list.eval(pl.element().filter(pl.element() != "of").str.slice(0, 1)).list.join("")
    return pl.when(letters.str.len_chars() >= 3).then(letters)


def _initials(words: str, other: str) -> pl.Expr:
    return (initials_of(pl.col(words)) == pl.col(other)).fill_null(False)


def _begins(one: str, other: str) -> pl.Expr:
    return pl.col(one).str.starts_with(pl.col(other)) & (pl.col(other).str.len_chars() >= _BEGINNING)


def _joined(keys: pl.Series) -> pl.Series:
    """`s c johnson` as `sc johnson`: how initials are spaced is chance."""
    return keys.str.replace_all(_SINGLES, "${1}${2}").str.replace_all(r"\b([a-z]{2}) ([a-z])\b", "${1}${2}")


def _without(name: str, words: pl.Series) -> pl.Expr:
    return pl.col(name).list.set_difference(pl.lit(words).implode())


def _repaired(names: pl.Series) -> pl.Series:
    """UTF-8 that was read as Latin-1 on its way (`EstÃ©e`), read again; everything else as it is."""
    text = names.cast(pl.String)
    broken = text.str.contains(_MOJIBAKE).fill_null(False)
    if not broken.any():
        return text
    mended = normalize_unique(text.filter(broken), _mended)
    return text.scatter(broken.arg_true(), mended)


def _mended(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
