"""Reads seniority and department from a job title (domain.md B1), in any language that has a vocabulary.

A pure function of the title and the vocabulary. What cannot be read is `unknown`, never a guess: a wrong decision maker
costs a salesperson more than a missing one. The words that decided are kept as evidence, so that a person can check.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, get_args

import polars as pl

from crmsync.normalize.title_vocabulary import Department, VocabularyFile, load_files
from crmsync.normalize.title_words import AND, BREAK, Speller, cut, cut_phrase, fold, masculine, variants

SENIORITIES = ("c_suite", "vp", "director", "manager", "senior", "professional", "entry", "unknown")
"""Values of `abm_seniority` (contract.md), highest first."""

DEPARTMENTS: tuple[str, ...] = (*get_args(Department), "unknown")
"""Values of `abm_department` (contract.md)."""

_LEARNER = "learner"
_LEVEL_RANK = {
    level: rank
    for rank, level in enumerate(("c_suite", "vp", "director", "manager", "senior", "entry", "professional"))
}
_FREE_WORDS = 4
_OWN = 4
"""From here on `resolve` is sure that a word belongs to the language."""
_BASE = "en"

READING_SCHEMA = pl.Schema(
    {"title": pl.String(), "seniority": pl.String(), "department": pl.String(), "evidence": pl.List(pl.String())}
)


@dataclass(frozen=True, slots=True)
class TitleReading:
    """Values of `abm_seniority` and `abm_department`; `evidence` holds the phrases that decided."""

    seniority: str
    department: str
    evidence: tuple[str, ...]
    language: str | None


#: Readings that are kept: some tens of megabytes.
_MOST_REMEMBERED = 100_000
_UNREADABLE = TitleReading("unknown", "unknown", (), None)
_Meaning = TypeVar("_Meaning")
_Phrase = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Match(Generic[_Meaning]):
    start: int
    end: int
    phrase: _Phrase
    meaning: _Meaning


class _Phrases(Generic[_Meaning]):
    """Finds phrases in a row of words: from the left, the longest first, none overlapping."""

    def __init__(self, meanings: Mapping[_Phrase, _Meaning]) -> None:
        self._by_first: dict[str, list[tuple[_Phrase, _Meaning]]] = {}
        for phrase, meaning in meanings.items():
            self._by_first.setdefault(phrase[0], []).append((phrase, meaning))
        for candidates in self._by_first.values():
            candidates.sort(key=lambda candidate: (-len(candidate[0]), candidate[0]))

    def find(self, words: Sequence[str]) -> Iterator[_Match[_Meaning]]:
        at = 0
        while at < len(words):
            step = at + 1
            for phrase, meaning in self._by_first.get(words[at], ()):
                end = _matches(phrase, words, at)
                if end:
                    yield _Match(at, end, phrase, meaning)
                    step = end
                    break
            at = step


def _matches(phrase: _Phrase, words: Sequence[str], at: int) -> int:
    """Where `phrase` ends when it starts at `at`, or 0. `*` stands for one to four words of one part of the title."""
    if len(phrase) == 1:
        return at + 1
    for index, word in enumerate(phrase):
        if word == "*":
            rest = phrase[index + 1 :]
            for free in range(1, _FREE_WORDS + 1):
                start = at + index + free
                if start >= len(words) or words[start - 1] == BREAK:
                    return 0
                if words[start] == rest[0] and (end := _matches(rest, words, start)):
                    return end
            return 0
        if at + index >= len(words) or words[at + index] != word:
            return 0
    return at + len(phrase)


@dataclass(frozen=True, slots=True)
class _Read:
    """What one title says in one language, before the defaults."""

    level: str | None
    department: str | None
    evidence: tuple[_Phrase, ...]


class _Language:
    """One language's phrases over those of English, whose words turn up in titles everywhere."""

    def __init__(self, file: VocabularyFile, base: _Language | None) -> None:
        self.name = file.language
        self._head_last = file.head == "last"
        self._compounds = file.compounds == "true"
        self._base = base
        own_levels, own_departments = _level_meanings(file), _department_meanings(file)
        abbreviations = {cut_phrase(short)[0]: cut_phrase(full) for short, full in file.abbreviations.items()}
        someone_elses = [cut_phrase(phrase) for phrase in file.someone_elses]
        written = {
            word
            for phrase in (*own_levels, *own_departments, *someone_elses, *abbreviations.values())
            for word in phrase
            if word != "*"
        }
        # A feminine with a meaning of its own (`cartera`, a portfolio; `cartero`, a postman) stays what it is.
        self.masculines = {
            word: form
            for word in written
            if (form := masculine(word, self.name, written)) != word
            and own_departments.get((word,)) in (None, own_departments.get((form,)))
            and own_levels.get((word,)) in (None, own_levels.get((form,)))
        }
        self.words = written - self.masculines.keys()
        levels: dict[_Phrase, str] = dict(base.levels) if base else {}
        levels.update((self._plain(phrase), level) for phrase, level in own_levels.items())
        departments: dict[_Phrase, tuple[str | None, int]] = dict(base.departments) if base else {}
        departments.update((self._plain(phrase), meaning) for phrase, meaning in own_departments.items())
        if self._compounds:
            levels.update(_levels_of_compounds({word for phrase in own_departments for word in phrase}, levels))
            departments.update(_departments_of_compounds({phrase[0] for phrase in own_levels}, departments))
        self.levels: dict[_Phrase, str] = levels
        self.departments: dict[_Phrase, tuple[str | None, int]] = departments
        self._find_level, self._find_department = _Phrases(levels), _Phrases(departments)
        self.abbreviations = {short: self._plain(full) for short, full in abbreviations.items()}
        self.little = {fold(word) for word in (*file.little_words, *file.breaks)}
        self.breaks: set[str] = {fold(word) for word in file.breaks} | (base.breaks if base else set()) | {BREAK}
        self.former: set[str] = {fold(word) for word in file.former} | (base.former if base else set())
        self.someone_elses: dict[_Phrase, None] = dict.fromkeys(map(self._plain, someone_elses))
        if base:
            self.someone_elses.update(base.someone_elses)
        self._find_someone_elses = _Phrases(self.someone_elses)
        self.spelled_right = {fold(word) for word in file.spelled_right}
        self._speller = Speller(self.words)
        self._known: dict[str, tuple[_Phrase, int]] = {}

    def _plain(self, phrase: _Phrase) -> _Phrase:
        return tuple(self.masculines.get(word, word) for word in phrase)

    def resolve(self, word: str, taken: frozenset[str]) -> tuple[_Phrase, int]:
        """`word` as vocabulary words of this language, and how surely it belongs to the language (0 to 6).

        A word of its own counts twice what a word borrowed from English does.

        `taken` holds every word that some language knows; none of them is a misspelling.
        """
        known = self._known.get(word)
        if known is None:
            known = self._known[word] = self._resolve(word, taken)
        return known

    def _resolve(self, word: str, taken: frozenset[str]) -> tuple[_Phrase, int]:
        if word == AND:
            return ("and",), 0
        if word in self.abbreviations:
            return self.abbreviations[word], 2
        if word in self.little:
            return (word,), 2
        if word in self.words or word in self.masculines:
            return (self.masculines.get(word, word),), 6
        if word in self.spelled_right:
            return (word,), 2
        if base := next((form for form in variants(word, self.name) if form in self.words), None):
            return (base,), 4
        if self._base:
            found, sure = self._base.resolve(word, taken)
            if sure:
                return found, sure // 2
        if word in taken:
            return (word,), 0
        if self._compounds and (parts := self._split(word, taken, exact=True)):
            return parts, 4
        if meant := self._speller.correct(word):
            return (meant,), 2
        if self._compounds and (parts := self._split(word, taken, exact=False)):
            return parts, 4
        return (word,), 0

    def _split(self, word: str, taken: frozenset[str], *, exact: bool) -> _Phrase | None:
        """A compound as determinant and head; unless `exact`, with a misspelled determinant or the head alone."""
        if len(word) < 8:
            return None
        for form in (word, *variants(word, self.name)):
            for at in range(2, len(form) - 3):
                head = form[at:]
                if not self._is_word(head):
                    continue
                determinant = self._determinant(form[:at], taken, exact=exact)
                # English words that happen to end in one another (abstr-actor) are no compounds of this language.
                own = head in self.words or (determinant is not None and determinant[0] in self.words)
                if own and (determinant or (at >= 4 and not exact)):
                    return (*(determinant or ()), head)
        return None

    def _is_word(self, word: str) -> bool:
        return word in self.words or (self._base is not None and len(word) > 4 and word in self._base.words)

    def _determinant(self, word: str, taken: frozenset[str], *, exact: bool) -> _Phrase | None:
        forms = [word] + [word[: -len(link)] for link in ("s", "es", "n", "en", "er", "e") if word.endswith(link)]
        for form in forms:
            if form in self.words or (self._base is not None and form in self._base.words):
                return (form,)
        if parts := self._split(word, taken, exact=exact):
            return parts
        if exact:
            return None
        return next(((meant,) for form in forms if (meant := self._speller.correct(form))), None)

    def read(self, words: Sequence[str]) -> _Read:
        """Level and department of one part of a title, words already resolved."""
        own = words
        for match in self._find_someone_elses.find(words):
            own = words[: match.end]
            break
        level = self._level(own)
        department = self._department(words)
        found = {match.phrase: None for match in (level, department) if match}
        return _Read(level.meaning if level else None, department.meaning[0] if department else None, tuple(found))

    def _level(self, words: Sequence[str]) -> _Match[str] | None:
        best: _Match[str] | None = None
        for match in self._find_level.find(words):
            if match.meaning == _LEARNER:
                return match
            if best is None or _LEVEL_RANK[match.meaning] < _LEVEL_RANK[best.meaning]:
                best = match
        return best

    def _department(self, words: Sequence[str]) -> _Match[tuple[str | None, int]] | None:
        part, counted = 0, 0
        best: _Match[tuple[str | None, int]] | None = None
        best_key: tuple[int, int, int] | None = None
        for match in self._find_department.find(words):
            while counted < match.start:
                part += words[counted] in self.breaks
                counted += 1
            name, strength = match.meaning
            if name is None:
                continue
            key = (strength, part, -match.start if self._head_last else match.start)
            if best_key is None or key < best_key:
                best, best_key = match, key
        return best


def _level_meanings(file: VocabularyFile) -> dict[_Phrase, str]:
    meanings = {cut_phrase(phrase): _LEARNER for phrase in file.learner}
    for level, phrases in file.seniority.items():
        meanings.update((cut_phrase(phrase), str(level)) for phrase in phrases)
    return meanings


def _levels_of_compounds(words: Iterable[str], levels: Mapping[_Phrase, str]) -> dict[_Phrase, str]:
    """The level that a known compound ends with (`vertriebsleiter` as `leiter`), where it has none of its own."""
    found: dict[_Phrase, str] = {}
    for word in words:
        heads = (word[at:] for at in range(2, len(word) - 3))
        level = next((levels[(head,)] for head in heads if (head,) in levels), None)
        if level and (word,) not in levels:
            found[(word,)] = level
    return found


def _departments_of_compounds(
    words: Iterable[str], departments: Mapping[_Phrase, tuple[str | None, int]]
) -> dict[_Phrase, tuple[str | None, int]]:
    """The department that a known compound begins with (`fuhrparkleiter` as `fuhrpark`), unless it has its own."""
    found: dict[_Phrase, tuple[str | None, int]] = {}
    for word in words:
        starts = (word[:end].removesuffix("s") for end in range(len(word) - 4, 2, -1))
        meaning = next((departments[(start,)] for start in starts if (start,) in departments), None)
        if meaning and meaning[0] and (word,) not in departments:
            found[(word,)] = meaning
    return found


def _department_meanings(file: VocabularyFile) -> dict[_Phrase, tuple[str | None, int]]:
    meanings: dict[_Phrase, tuple[str | None, int]] = {cut_phrase(phrase): (None, 0) for phrase in file.no_department}
    for department, words in file.department.items():
        for strength, phrases in enumerate((words.decides, words.usual, words.weak)):
            meanings.update((cut_phrase(phrase), (str(department), strength)) for phrase in phrases)
    return meanings


class TitleVocabulary:
    """The words of all languages; `classify` reads one title, `classify_unique` a column's distinct titles."""

    def __init__(self, files: Iterable[VocabularyFile], digest: str) -> None:
        self.digest = digest
        self._readings: dict[str | None, TitleReading] = {}
        ordered = sorted(files, key=lambda file: (file.language != _BASE, file.language))
        self._languages: list[_Language] = []
        for file in ordered:
            english = self._languages[0] if self._languages and self._languages[0].name == _BASE else None
            self._languages.append(_Language(file, english))
        self._taken = frozenset(
            word
            for language in self._languages
            for word in (*language.words, *language.masculines, *language.little, *language.spelled_right)
        )

    @classmethod
    def load(cls, paths: Path | str | Iterable[Path | str]) -> TitleVocabulary:
        """Reads one folder of `*.yaml`, or the files given. Raises ConfigError with every fault, file and line."""
        loaded = load_files(paths)
        together = "\n".join(sorted(file.digest for file in loaded))
        return cls((file.content for file in loaded), hashlib.sha256(together.encode()).hexdigest())

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1 codes, English first."""
        return tuple(language.name for language in self._languages)

    def classify(self, title: str | None) -> TitleReading:
        """Reads one title. `unknown` where nothing can be read; `professional` where no word names a level."""
        parts = cut(title) if title else None
        if parts is None:
            return _UNREADABLE
        language, main = self._in_its_language(parts.main)
        if main[0] in language.former:
            return TitleReading("unknown", "unknown", (main[0],), language.name)
        said = language.read(main)
        level, department, evidence = said.level, said.department, said.evidence
        if parts.aside:
            beside = language.read(self._words(language, parts.aside))
            if beside.level and level != _LEARNER and (level is None or _rank(beside.level) < _rank(level)):
                level = beside.level
            department = department or beside.department
            evidence = tuple(dict.fromkeys((*evidence, *beside.evidence)))
        seniority = "entry" if level == _LEARNER else level or "professional"
        return TitleReading(
            seniority, department or "unknown", tuple(" ".join(phrase) for phrase in evidence), language.name
        )

    def classify_unique(self, titles: pl.Series) -> pl.DataFrame:
        """Reads each distinct title once: columns `title seniority department evidence` (list), one row a title.

        A null among the titles has a row of its own (`unknown`): join back with `nulls_equal=True`.
        """
        distinct = titles.cast(pl.String).unique(maintain_order=True).to_list()
        readings = [self._remembered(title) for title in distinct]
        return pl.DataFrame(
            {
                "title": distinct,
                "seniority": [reading.seniority for reading in readings],
                "department": [reading.department for reading in readings],
                "evidence": [list(reading.evidence) for reading in readings],
            },
            schema=READING_SCHEMA,
        )

    def _remembered(self, title: str | None) -> TitleReading:
        """`classify`, once for a title that comes up again in another part of a portal."""
        reading = self._readings.get(title)
        if reading is None:
            reading = self.classify(title)
            if len(self._readings) < _MOST_REMEMBERED:
                self._readings[title] = reading
        return reading

    def _in_its_language(self, words: Sequence[str]) -> tuple[_Language, list[str]]:
        """The language that knows the title's words best, and its words for them.

        English where none does better; a language that ties and knows a word that English does not goes before.
        """
        best, best_score, best_words = self._languages[0], -1, list(words)
        in_english: list[int] = []
        for language in self._languages:
            found = [language.resolve(word, self._taken) if word != BREAK else ((BREAK,), 0) for word in words]
            sure = [how_sure for _, how_sure in found]
            score = sum(sure)
            more = any(mine >= _OWN and not english for mine, english in zip(sure, in_english, strict=False))
            if score > best_score or (score == best_score and best is self._languages[0] and more):
                best, best_score = language, score
                best_words = [form for forms, _ in found for form in forms]
            if not in_english:
                in_english = sure
        return best, best_words

    def _words(self, language: _Language, words: Sequence[str]) -> list[str]:
        return [
            form for word in words for form in ((word,) if word == BREAK else language.resolve(word, self._taken)[0])
        ]


def _rank(level: str) -> int:
    return -1 if level == _LEARNER else _LEVEL_RANK[level]
