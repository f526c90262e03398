"""A key under which two spellings of one company's name meet, for probable duplicates.

Folds case, accents and punctuation and takes legal forms off the end (`Müller GmbH & Co. KG` -> `mueller`). A key is a
hint that a person looks at; nothing is ever merged by it.
"""

from __future__ import annotations

import re
import unicodedata

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
    (re.compile(r"\ba/s(?=\s|$)"), " as "),
    (re.compile(r"\b((?:[a-z]\.){2,4}[a-z]?)(?=\s|,|$)"), ""),
)
_ARTICLES = frozenset({"the"})
_JOINERS = frozenset({"and", "und", "et", "y", "e"})


def _undotted(found: re.Match[str]) -> str:
    return f" {found[1].replace('.', '')} "


def company_key(name: str | None) -> str | None:
    """The key of a company name, or None where there is no name. Legal forms alone are kept (`The Limited`)."""
    if not name or not name.strip():
        return None
    text = fold(unicodedata.normalize("NFKC", name))
    text = re.sub(r"['’`´]", "", text).replace("&", " and ").replace("+", " and ")
    for pattern, form in _SPELLED:
        text = pattern.sub(form or _undotted, text)
    words = re.sub(r"[^\w]+|_", " ", text).split()
    kept = words
    while len(kept) > 1 and (kept[-1] in _LEGAL_FORMS or kept[-1] in _JOINERS):
        kept = kept[:-1]
    if len(kept) > 1 and kept[0] in _ARTICLES:
        kept = kept[1:]
    return " ".join(kept) or None
