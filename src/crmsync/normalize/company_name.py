"""A key under which two spellings of one company's name meet, for probable duplicates.

Folds case, accents and punctuation and takes legal forms off the end (`Müller GmbH & Co. KG` -> `mueller`), the
article of an index with them (`Hershey Company (The)` -> `hershey`). A key alone is a hint: `matching` asks for a
place or a domain beside it.
"""

from __future__ import annotations

import re
import unicodedata

import polars as pl

from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.data import word_list
from crmsync.normalize.title_words import fold

_LEGAL_FORMS = word_list("legal_forms.txt")
# Written apart or with dots, these are one form.
_SPELLED = (
    (re.compile(r"\bs\.?\s?p\.?\s?(?:a\.?)(?=\s|$)"), " spa "),
    (re.compile(r"\bs\.?\s?a\.?\s?r\.?\s?l\.?(?=\s|$)"), " sarl "),
    (re.compile(r"\bs\.\s?r\.\s?l\.?(?=\s|$)"), " srl "),
    (re.compile(r"\bs\.\s?r\.\s?o\.?(?=\s|$)"), " sro "),
    (re.compile(r"\bsp\.?\s?z\s?\.?o\.?\s?o\.?(?=\s|$)"), " spzoo "),
    (re.compile(r"\bd\.\s?o\.\s?o\.?(?=\s|$)"), " doo "),
    (re.compile(r"\bs\.\s?a\.\s?s\.?(?=\s|$)"), " sas "),
    (re.compile(r"\bs\.\s?a\.\s?de\s+c\.\s?v\.?(?=\s|$)"), " sa cv "),
    (re.compile(r"\bsa\s+de\s+cv(?=\s|$)"), " sa cv "),
    (re.compile(r"\bgesellschaft mit beschraenkter haftung\b"), " gmbh "),
    (re.compile(r"\bsociete anonyme\b"), " sa "),
    (re.compile(r"\bsociedad anonima\b"), " sa "),
    (re.compile(r"\bnaamloze vennootschap\b"), " nv "),
    (re.compile(r"\ba/s(?=\s|$)"), " as "),
    (re.compile(r"\b((?:[a-z]\.){2,4}[a-z]?)(?=\s|,|$)"), ""),
)
_ARTICLES = frozenset({"the"})
_JOINERS = frozenset({"and", "und", "et", "y", "e"})
_ENDINGS = _LEGAL_FORMS | _JOINERS | _ARTICLES
_LETTERS = str.maketrans({"æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"})
_SHARE_CLASS = re.compile(r"\(?\bclass [a-c]\b\)?\s*$")
# What needs none of `_SPELLED`: words of two letters and more, without dots between letters.
_PLAIN = r"^[a-z0-9 ,.&'\-]+$"
_NOT_PLAIN = (
    r"(?:^|[^a-z0-9'])'*[a-z]'*(?:[^a-z0-9']|$)"
    r"|\b(?:s'*a'*|s'*p'*|s'*a'*r'*|class|gesellschaft|societe|sociedad|naamloze)\b"
)
_PLAIN_ENDING = r"(?: (?:" + "|".join(sorted(map(re.escape, _ENDINGS))) + "))+$"


def _undotted(found: re.Match[str]) -> str:
    return f" {found[1].replace('.', '')} "


def company_key(name: str | None) -> str | None:
    """The key of a company name, or None where there is no name. Legal forms alone are kept (`The Limited`)."""
    if not name or not name.strip():
        return None
    text = fold(unicodedata.normalize("NFKC", name).translate(_LETTERS))
    text = _SHARE_CLASS.sub("", text)
    text = re.sub(r"['’`´]", "", text).replace("&", " and ").replace("+", " and ")
    for pattern, form in _SPELLED:
        text = pattern.sub(form or _undotted, text)
    words = re.sub(r"[^\w]+|_", " ", text).split()
    kept = words
    while len(kept) > 1 and kept[-1] in _ENDINGS:
        kept = kept[:-1]
    if len(kept) > 1 and kept[0] in _ARTICLES:
        kept = kept[1:]
    return " ".join(kept) or None


def company_keys(names: pl.Series) -> pl.Series:
    """`company_key` over a column. A plain name, as most are, is read by columns; the others once for each distinct."""
    text = pl.col("name").str.to_lowercase()
    plain = text.str.contains(_PLAIN) & ~text.str.contains(_NOT_PLAIN)
    words = (
        text.str.replace_all("'", "")
        .str.replace_all("&", " and ", literal=True)
        .str.replace_all("[^a-z0-9]+", " ")
        .str.strip_chars(" ")
    )
    # An ending is never the whole name, and an article goes only where a word is left.
    key = words.str.replace(_PLAIN_ENDING, "").str.replace("^the (.)", "${1}")
    frame = names.cast(pl.String).to_frame("name").with_row_index("row")
    read = frame.select(pl.when(plain & (key != "")).then(key)).to_series()
    rest = frame.filter(read.is_null() & pl.col("name").is_not_null())
    if not rest.is_empty():
        read = read.scatter(rest["row"], normalize_unique(rest["name"], company_key))
    return read.rename(names.name)
