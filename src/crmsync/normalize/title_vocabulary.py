"""Reads and checks the title vocabularies (`mappings/titles/*.yaml`), one file a language, edited by users.

Owns the file format; every fault is reported at once with its file and line. The failure this prevents: a slip in a
vocabulary that silently changes thousands of contacts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from crmsync.errors import ConfigError, Fault
from crmsync.normalize.title_words import cut_phrase, fold

Level = Literal["c_suite", "vp", "director", "manager", "senior", "entry", "professional"]
Department = Literal[
    "general_management", "finance", "sales", "marketing", "customer_success", "product", "engineering", "it", "data",
    "operations", "supply_chain", "procurement", "hr", "legal", "administration", "research", "medical",
    "education", "other",
]  # fmt: skip
Where = tuple[str | int, ...]


class DepartmentWords(BaseModel):
    """Phrases that point to one department, by how much they decide against a phrase of another department."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    decides: list[str] = []
    usual: list[str] = []
    weak: list[str] = []


class VocabularyFile(BaseModel):
    """One language, as written by a person."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    language: str = Field(pattern=r"^[a-z]{2}$")
    head: Literal["first", "last"] = "last"
    compounds: Literal["true", "false"] = "false"
    little_words: list[str] = []
    breaks: list[str] = []
    abbreviations: dict[str, str] = {}
    spelled_right: list[str] = []
    former: list[str] = []
    someone_elses: list[str] = []
    learner: list[str] = []
    seniority: dict[Level, list[str]] = {}
    no_department: list[str] = []
    department: dict[Department, DepartmentWords] = {}


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """A valid vocabulary file with its digest."""

    path: Path
    content: VocabularyFile
    digest: str


def load_files(paths: Path | str | Iterable[Path | str]) -> list[LoadedFile]:
    """The vocabularies in `paths` (files, or one folder), by file name.

    Raises ConfigError with every fault of every file.
    """
    files = _files(paths)
    faults: list[Fault] = []
    loaded = [file for path in files if (file := _load(path, faults)) is not None]
    seen: dict[str, Path] = {}
    for file in loaded:
        other = seen.setdefault(file.content.language, file.path)
        if other != file.path:
            faults.append(
                Fault(str(file.path), None, f"language {file.content.language} is already given by {other.name}")
            )
    if faults:
        raise ConfigError(faults)
    return loaded


def _files(paths: Path | str | Iterable[Path | str]) -> list[Path]:
    if not isinstance(paths, str | Path):
        return [Path(path) for path in paths]
    folder = Path(paths)
    if not folder.is_dir():
        if folder.is_file():
            return [folder]
        raise ConfigError([Fault(str(folder), None, "no such folder of title vocabularies")])
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ConfigError([Fault(str(folder), None, "holds no title vocabulary (*.yaml)")])
    return files


def _load(path: Path, faults: list[Fault]) -> LoadedFile | None:
    try:
        raw = path.read_bytes()
        node = YAML(pure=True).compose(raw.decode("utf-8"))
    except OSError as error:
        faults.append(Fault(str(path), None, f"cannot be read: {error.strerror}"))
        return None
    except UnicodeDecodeError:
        faults.append(Fault(str(path), None, "is not UTF-8 text"))
        return None
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        problem = error.problem if isinstance(error, MarkedYAMLError) else None
        faults.append(Fault(str(path), mark.line + 1 if mark else None, f"not valid YAML: {problem or 'unreadable'}"))
        return None
    before = len(faults)
    lines: dict[Where, int] = {}
    plain = _plain(node, (), lines, faults, str(path))
    if not isinstance(plain, dict):
        faults.append(Fault(str(path), 1, "expected a mapping that starts with `language:`"))
        return None
    try:
        content = VocabularyFile.model_validate(plain)
    except ValidationError as error:
        faults.extend(_fault(path, lines, detail["loc"], detail["type"], detail["msg"]) for detail in error.errors())
        return None
    faults.extend(_double_meanings(path, content, lines))
    return LoadedFile(path, content, hashlib.sha256(raw).hexdigest()) if len(faults) == before else None


def _plain(node: Node | None, at: Where, lines: dict[Where, int], faults: list[Fault], where: str) -> Any:
    """The node as dicts, lists and strings: every scalar is text, so that no word turns into a boolean or a number."""
    if node is None:
        return None
    lines[at] = node.start_mark.line + 1
    if isinstance(node, ScalarNode):
        return str(node.value)
    if isinstance(node, SequenceNode):
        return [_plain(item, (*at, index), lines, faults, where) for index, item in enumerate(node.value)]
    result: dict[str, Any] = {}
    assert isinstance(node, MappingNode)
    for key_node, value in node.value:
        key = str(key_node.value)
        if key in result:
            name = ".".join(map(str, (*at, key)))
            faults.append(Fault(where, key_node.start_mark.line + 1, f"{name}: given twice"))
        result[key] = _plain(value, (*at, key), lines, faults, where)
        lines[(*at, key)] = key_node.start_mark.line + 1
    return result


_KNOWN: dict[str, Sequence[str]] = {
    "seniority": get_args(Level),
    "department": get_args(Department),
    "": tuple(VocabularyFile.model_fields),
}


def _fault(path: Path, lines: dict[Where, int], loc: Where, kind: str, message: str) -> Fault:
    at = tuple(part for part in loc if part != "[key]")
    line = next((lines[at[:size]] for size in range(len(at), -1, -1) if at[:size] in lines), None)
    name = ".".join(map(str, at))
    if kind in {"extra_forbidden", "literal_error"}:
        known = _KNOWN.get(str(at[0]) if len(at) == 2 else "", _KNOWN[""])
        if len(at) == 3:
            known = tuple(DepartmentWords.model_fields)
        near = get_close_matches(str(at[-1]), known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Expected one of {', '.join(known)}."
        return Fault(str(path), line, f"{name}: no such key. {hint}")
    return Fault(str(path), line, f"{name}: {message}")


def _double_meanings(path: Path, content: VocabularyFile, lines: dict[Where, int]) -> Iterator[Fault]:
    """A phrase with no readable word, one that stands in two places of one kind, an abbreviation of several words."""
    for short, full in content.abbreviations.items():
        at: Where = ("abbreviations", short)
        if len(cut_phrase(short)) != 1 or not cut_phrase(full):
            yield Fault(
                str(path), lines.get(at), f"abbreviations: {short!r} must be one word without dots, for some words"
            )
    for phrases in (_level_phrases(content), _department_phrases(content)):
        first: dict[tuple[str, ...], Where] = {}
        for at, phrase in phrases:
            words = cut_phrase(phrase)
            if not any(word != "*" for word in words) or words[0] == "*" or words[-1] == "*":
                yield Fault(str(path), lines.get(at), f"{'.'.join(map(str, at[:-1]))}: {phrase!r} is no phrase")
            elif words in first:
                other = ".".join(map(str, first[words][:-1]))
                where = ".".join(map(str, at[:-1]))
                yield Fault(
                    str(path),
                    lines.get(at),
                    f"{where}: {phrase!r} stands in {other} already (line {lines.get(first[words])})",
                )
            else:
                first[words] = at


def _level_phrases(content: VocabularyFile) -> Iterator[tuple[Where, str]]:
    for index, phrase in enumerate(content.learner):
        yield ("learner", index), phrase
    for level, phrases in content.seniority.items():
        for index, phrase in enumerate(phrases):
            yield ("seniority", level, index), phrase


def _department_phrases(content: VocabularyFile) -> Iterator[tuple[Where, str]]:
    for index, phrase in enumerate(content.no_department):
        yield ("no_department", index), phrase
    for department, words in content.department.items():
        for strength, phrases in (("decides", words.decides), ("usual", words.usual), ("weak", words.weak)):
            for index, phrase in enumerate(phrases):
                yield ("department", department, strength, index), phrase


def folded(words: Iterable[str]) -> frozenset[str]:
    """Single words, folded as titles are."""
    return frozenset(fold(word) for word in words)
