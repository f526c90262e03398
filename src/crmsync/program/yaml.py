"""YAML 1.2 text to a tree in which every node knows its line and its path.

Exists so that each later fault can say where it stands. It reads values the way YAML 1.2 does (`NO` is Norway), keeps
decimals exact (money), and refuses what makes a file ambiguous: a key given twice, merge keys, tags, several documents.
"""

from __future__ import annotations

import difflib
import io
import re
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from crmsync.errors import ConfigError, Fault

ScalarValue: TypeAlias = str | int | Decimal | bool | None
Path_: TypeAlias = tuple[str | int, ...]

_MAX_NODES = 200_000
_TAG = "tag:yaml.org,2002:"
_KINDS = ("str", "timestamp", "null", "bool", "int", "float")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is what stands in the file."""

    line: int
    path: Path_
    value: ScalarValue
    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    line: int
    path: Path_
    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    line: int
    value: Tree


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping, in the order of the file; no key occurs twice."""

    line: int
    path: Path_
    entries: tuple[Entry, ...]

    def get(self, key: str) -> Tree | None:
        return next((entry.value for entry in self.entries if entry.key == key), None)

    def entry(self, key: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.key == key), None)

    def keys(self) -> tuple[str, ...]:
        return tuple(entry.key for entry in self.entries)


Tree: TypeAlias = Scalar | Items | Table


class LineStr(str):
    """A string that remembers its node, so that a reader behind pydantic still knows the line."""

    __slots__ = ("node",)
    node: Tree


class LineList(list[Any]):
    """A list that remembers its node."""

    node: Tree


class LineDict(dict[str, Any]):
    """A dict that remembers its node."""

    node: Tree


def dotted(path: Iterable[str | int]) -> str:
    """`("icp", "all", 1, "employes")` as `icp.all[2].employes`: items are counted from 1, as people do."""
    text = ""
    for part in path:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean employees?`, or nothing where no known word is near."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), list(names), n=1, cutoff=0.6)
    return f" Did you mean {names[near[0]]}?" if near else ""


def fault_at(where: str, line: int | None, path: Iterable[str | int], message: str) -> Fault:
    """A fault that names file, line and dotted path (feel.md)."""
    name = dotted(path)
    return Fault(where, line, f"{name}: {message}" if name else message)


def parse(text: str, where: str) -> tuple[Tree | None, list[Fault]]:
    """`text` as a tree, and every fault of its form. Broken YAML: no tree and one fault; empty text: neither."""
    directive = re.search(r"^%YAML\s+(\S+)", text, re.MULTILINE)
    if directive and directive[1] != "1.2":
        line = text.count("\n", 0, directive.start()) + 1
        return None, [Fault(where, line, f"this says YAML {directive[1]}; only 1.2 is read here, remove the line")]
    reader = YAML(typ="rt")
    reader.version = (1, 2)
    try:
        with warnings.catch_warnings():
            # An anchor's name used again is legal: an alias means the latest one before it.
            warnings.simplefilter("ignore", ReusedAnchorWarning)
            root = reader.compose(io.StringIO(text))
    except MarkedYAMLError as error:
        return None, [_broken(error, where)]
    except (YAMLError, RecursionError, ValueError, OverflowError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        return None, [Fault(where, None, f"this is not YAML: {reason}")]
    if root is None:
        return None, []
    builder = _Builder(where)
    tree = builder.build(root, ())
    return tree, builder.faults


def read_text(path: Path, where: str, hint: str = "") -> str:
    """The text of `path`. Raises ConfigError where it cannot be read as UTF-8; `hint` says what to do then."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([Fault(where, None, f"there is no such file.{' ' + hint if hint else ''}")]) from None
    except UnicodeDecodeError:
        raise ConfigError([Fault(where, None, "this is not UTF-8 text; save it as UTF-8")]) from None
    except OSError as error:
        raise ConfigError([Fault(where, None, f"cannot be read: {error.strerror}")]) from None


def plain(tree: Tree) -> Any:
    """The tree as dicts, lists and scalars for pydantic; strings, lists and dicts remember their node."""
    if isinstance(tree, Table):
        table = LineDict((entry.key, plain(entry.value)) for entry in tree.entries)
        table.node = tree
        return table
    if isinstance(tree, Items):
        items = LineList(plain(item) for item in tree.items)
        items.node = tree
        return items
    if isinstance(tree.value, str):
        text = LineStr(tree.value)
        text.node = tree
        return text
    return tree.value


def locate(tree: Tree, location: Iterable[str | int]) -> tuple[int, Path_]:
    """Line and true path of a pydantic location below `tree`; parts that pydantic added (union members) are dropped."""
    line, path, here = tree.line, list(tree.path), tree
    for part in location:
        if isinstance(here, Table) and (entry := here.entry(str(part))) is not None:
            line, here = entry.line, entry.value
            path.append(entry.key)
        elif isinstance(here, Items) and isinstance(part, int) and part < len(here.items):
            here = here.items[part]
            line = here.line
            path.append(part)
    return line, tuple(path)


def canonical(tree: Tree | None) -> Any:
    """The tree for a digest: comments and spelling gone, mappings sorted by key except below a key named `layers`."""
    if tree is None:
        return None
    if isinstance(tree, Table):
        pairs = [[entry.key, canonical(entry.value)] for entry in tree.entries]
        ordered = bool(tree.path) and tree.path[-1] == "layers"
        return {"mapping": pairs if ordered else sorted(pairs, key=lambda pair: str(pair[0]))}
    if isinstance(tree, Items):
        return [canonical(item) for item in tree.items]
    return {"number": str(tree.value.normalize())} if isinstance(tree.value, Decimal) else tree.value


def _broken(error: MarkedYAMLError, where: str) -> Fault:
    mark = error.problem_mark or error.context_mark
    reason = " ".join(part for part in (error.context, error.problem) if part)
    return Fault(where, mark.line + 1 if mark is not None else None, f"this is not YAML: {reason}")


class _Builder:
    """Turns ruamel's nodes into ours and collects the faults."""

    def __init__(self, where: str) -> None:
        self.where = where
        self.faults: list[Fault] = []
        self._open: set[int] = set()
        self._count = 0

    def build(self, node: Any, path: Path_) -> Tree:
        line = int(node.start_mark.line) + 1
        self._count += 1
        if self._count > _MAX_NODES:
            raise ConfigError([Fault(self.where, line, f"more than {_MAX_NODES:,} values; anchors that multiply?")])
        if id(node) in self._open:
            self._fault(line, path, "this anchor contains itself")
            return Scalar(line, path, None, "")
        self._open.add(id(node))
        try:
            if isinstance(node, MappingNode):
                return Table(line, path, tuple(self._entries(node, path)))
            if isinstance(node, SequenceNode):
                return Items(line, path, tuple(self.build(item, (*path, i)) for i, item in enumerate(node.value)))
            return self._scalar(node, line, path)
        finally:
            self._open.discard(id(node))

    def _entries(self, node: MappingNode, path: Path_) -> Iterator[Entry]:
        seen: dict[str, int] = {}
        for key_node, value_node in node.value:
            line = int(key_node.start_mark.line) + 1
            if not isinstance(key_node, ScalarNode):
                self._fault(line, path, "a key must be a word, not a list or a mapping")
                continue
            key = str(key_node.value)
            if str(key_node.tag) == f"{_TAG}merge":
                self._fault(line, path, "merge keys (<<) are not part of YAML 1.2; write the keys out")
            elif key in seen:
                self._fault(line, (*path, key), f"given twice (first on line {seen[key]})")
            else:
                seen[key] = line
                yield Entry(key, line, self.build(value_node, (*path, key)))

    def _scalar(self, node: Any, line: int, path: Path_) -> Scalar:
        text = str(node.value)
        tag = str(node.tag)
        kind = tag.removeprefix(_TAG)
        if kind not in _KINDS:
            self._fault(line, path, f"the tag {tag} is not understood here")
            return Scalar(line, path, None, text)
        if kind == "null":
            return Scalar(line, path, None, text)
        if kind == "bool":
            return Scalar(line, path, text.lower() == "true", text)
        if kind in ("int", "float"):
            return self._number(kind, text, line, path)
        return Scalar(line, path, text, text)

    def _number(self, kind: str, text: str, line: int, path: Path_) -> Scalar:
        digits = text.replace("_", "")
        try:
            if kind == "int":
                base = {"0o": 8, "0x": 16, "0b": 2}.get(digits.lstrip("+-")[:2].lower(), 10)
                return Scalar(line, path, int(digits, base), text)
            number = Decimal(digits)
        except (ValueError, InvalidOperation):
            self._fault(line, path, f"{text} cannot be used as a number")
            return Scalar(line, path, None, text)
        if not number.is_finite() or abs(number.adjusted()) > 30:
            self._fault(line, path, f"{text} cannot be used as a number")
            return Scalar(line, path, None, text)
        return Scalar(line, path, number, text)

    def _fault(self, line: int, path: Path_, message: str) -> None:
        self.faults.append(fault_at(self.where, line, path, message))
