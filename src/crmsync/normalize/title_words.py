"""Cuts a job title into folded words: accents, case, gender marks, dotted letters and misspellings out of the way.

Nothing here knows what a word means; `title_vocabulary` says that, `titles` decides. The failure this prevents is a
title that is read differently because of how it was typed (`Leiter:in`, `V.P.`, `Directeur·rice`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from rapidfuzz.distance import OSA

BREAK = "|"
"""A token of its own where the writer separated two parts (comma, dash between blanks, slash, bar)."""
AND = "&"
"""The sign; each language reads it as English `and`, which every language keeps among its breaks."""

_UMLAUTS = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ñ": "n", "ø": "o"}
)
_GENDER_NOTE = re.compile(
    r"[(\[]\s*(?:all genders?|gn|[mwfdxhiav]\s*[/|,*.\-]\s*[mwfdxhiav](?:\s*[/|,*.\-]\s*[mwfdxhiav*])*)\s*[)\]]"
    r"|(?<![\w/])[mwfh]/[mwfdh](?:/[dxia])?(?![\w/])",
    re.IGNORECASE,
)
_GENDER_ENDINGS = (
    (
        re.compile(r"(?<=\w\w\w)\s?(?:[:*_·•/]-?|\(-?)in(?:nen)?\b\)?"),
        "",
    ),  # Leiter:in, Leiter*in, Leiter/-in, Leiter(in)
    (re.compile(r"(?<=[a-zß]{3})In(?:nen)?\b(?<!LinkedIn)"), ""),  # LeiterIn
    (
        re.compile(r"(?<=\w\w\w)(?:[·•.⋅/]-?|\(-?)(?:ne|trice|rice|ice|euse|ère|ere|le|se|e)s?\b\)?(?:[·•.]s\b)?"),
        "",
    ),  # Directeur·rice
    (re.compile(r"(?<=\w\w\w)(?:/-?|\(-?)(?:ora|ra|a|o|as|os)\b\)?"), ""),  # Ingeniero/a, Director(a)
    (re.compile(r"(?<=\w\w\w)@(?=\s|$|,)"), "o"),  # Ingenier@
)
_DOTTED = re.compile(r"\b(?:[A-Za-z]\.){1,4}[A-Za-z]?\b\.?|\b[A-Za-z]\.(?=\s|$)")
_AND_INSIDE = re.compile(r"\b(\w{1,2})\s?&\s?(\w{1,2})\b")
_POSSESSIVE = re.compile(r"['’`´]s\b")
_TOKEN = re.compile(r"[a-z0-9][a-z0-9+#]*|[|,;/]|&|\s[-–—]+\s|[–—:]")
_PARENTHESES = re.compile(r"[(\[]([^()\[\]]*)[)\]]?")
_LETTERS = re.compile(r"[a-z]{2}")
_UNREADABLE = frozenset(
    {"na", "none", "null", "nil", "unknown", "test", "tbd", "xx", "xxx", "asdf", "title", "jobtitle"}
)


@dataclass(frozen=True, slots=True)
class CutTitle:
    """A title as folded words: `main` and, lower in rank, what stood in brackets. `BREAK` marks separators."""

    main: tuple[str, ...]
    aside: tuple[str, ...]


def fold(text: str) -> str:
    """Lower case without accents; German umlauts as two letters, as on a keyboard that has none."""
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFC", text).translate(_UMLAUTS)
    return "".join(c for c in unicodedata.normalize("NFKD", composed) if not unicodedata.combining(c)).lower()


def _tokens(text: str) -> tuple[str, ...]:
    words: list[str] = []
    for token in _TOKEN.findall(fold(_POSSESSIVE.sub("", text))):
        if token[0].isalnum() or token == AND:
            words.append(token)
        elif words and words[-1] != BREAK:
            words.append(BREAK)
    while words and words[-1] == BREAK:
        words.pop()
    return tuple(words)


def cut_phrase(text: str) -> tuple[str, ...]:
    """The words of a vocabulary phrase; `*` stays, as the place of one to four free words."""
    text = _AND_INSIDE.sub(r"\1and\2", text)
    return tuple(word for part in text.split() for word in (("*",) if part == "*" else _tokens(part)) if word != BREAK)


def cut(title: str) -> CutTitle | None:
    """The words of a title, or None where there is nothing to read (empty, no Latin letters, `n/a`)."""
    text = title
    if not text.isascii() or not text.replace(" ", "").isalpha():
        text = _GENDER_NOTE.sub(" ", text)
        for pattern, ending in _GENDER_ENDINGS:
            text = pattern.sub(ending, text)
        text = _DOTTED.sub(lambda found: found.group().replace(".", "") + " ", text)
        text = _AND_INSIDE.sub(r"\1and\2", text)
    else:
        text = _GENDER_ENDINGS[1][0].sub("", text)
    aside = ""
    if "(" in text or "[" in text:
        aside = " , ".join(_PARENTHESES.findall(text))
        text = _PARENTHESES.sub(" ", text)
    main, beside = _tokens(text), _tokens(aside)
    words = [word for word in main + beside if word != BREAK]
    letters = "".join(words)
    if not _LETTERS.search(letters) or letters in _UNREADABLE:
        return None
    return CutTitle(main, beside) if main else CutTitle(beside, ())


# Endings that one vocabulary word may take; (ending, replacement), tried in order, by language.
_ENDINGS: dict[str, tuple[tuple[str, str], ...]] = {
    "en": (("ies", "y"), ("es", ""), ("s", ""), ("woman", "man"), ("women", "man"), ("person", "man"), ("men", "man")),
    "de": (
        ("innen", ""), ("in", ""), ("en", ""), ("er", ""), ("es", ""), ("em", ""), ("n", ""), ("s", ""), ("e", ""),
        ("in", "e"), ("er", "e"), ("e", "er"), ("es", "er"), ("en", "er"), ("em", "er"),
    ),
    "fr": (
        ("trices", "teur"), ("trice", "teur"), ("euses", "eur"), ("euse", "eur"), ("eres", "er"), ("ere", "er"),
        ("ienne", "ien"), ("iennes", "ien"), ("onne", "on"), ("elle", "el"), ("aux", "al"), ("ale", "al"), ("es", ""),
        ("e", ""), ("s", ""), ("x", ""), ("ives", "if"), ("ive", "if"),
    ),
    "es": (
        ("a", "e"), ("as", "o"), ("oras", "or"), ("ora", "or"), ("a", "o"), ("os", "o"), ("es", ""), ("s", ""),
        ("a", ""),
    ),
}  # fmt: skip


_GENDER_FORMS: dict[str, tuple[tuple[str, str], ...]] = {
    "fr": (("trice", "teur"), ("euse", "eur"), ("ere", "er"), ("ienne", "ien"), ("ive", "if"), ("e", "")),
    "es": (("ora", "or"), ("a", "o")),
}


def masculine(word: str, language: str, known: Set[str]) -> str:
    """The masculine of a feminine `word` where `known` holds both (`técnica`, `técnico`): phrases then match either."""
    for ending, replacement in _GENDER_FORMS.get(language, ()):
        base = word[: len(word) - len(ending)] + replacement
        if word.endswith(ending) and len(base) > 3 and base in known:
            return base
    return word


def variants(word: str, language: str) -> Iterator[str]:
    """Base forms that `word` may be a feminine, plural or inflected form of, likeliest first."""
    for ending, replacement in _ENDINGS.get(language, _ENDINGS["en"]):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            yield word[: len(word) - len(ending)] + replacement


class Speller:
    """Finds the one vocabulary word that a long unknown word misspells.

    One edit from 7 letters, two from 11 (a swap of neighbours is one edit). The first letter must be right, which keeps
    `resident` from being `president`, and below 10 letters no letter may stand for another, which keeps `managed` from
    being `manager`: most real words that lie one edit apart differ that way. Two candidates at one distance: no answer.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._by_shape: dict[tuple[str, int], list[str]] = {}
        for word in sorted(set(words)):
            if len(word) >= 7:
                self._by_shape.setdefault((word[0], len(word)), []).append(word)

    def correct(self, word: str) -> str | None:
        """The intended word, or None."""
        size = len(word)
        if size < 7 or not word.isalpha():
            return None
        allowed = 2 if size >= 11 else 1
        best: str | None = None
        tied = False
        for length in range(size - allowed, size + allowed + 1):
            for candidate in self._by_shape.get((word[0], length), ()):
                distance = OSA.distance(word, candidate, score_cutoff=allowed)
                if distance > allowed or (size < 10 and length == size and sorted(word) != sorted(candidate)):
                    continue
                if distance < allowed or best is None:
                    tied = distance == allowed and best is not None
                    best, allowed = candidate, distance
                else:
                    tied = True
        return None if tied else best
