"""One way to read a file of settings: YAML, then a pydantic model, every fault with line and path at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from crmsync.errors import ConfigError, Fault
from crmsync.program.loader import shown_path
from crmsync.program.messages import faults_of
from crmsync.program.yaml import Table, parse, plain, read_text

_Model = TypeVar("_Model", bound=BaseModel)
_First = TypeVar("_First")
_Second = TypeVar("_Second")


class Strict(BaseModel):
    """Settings: an unknown key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


def read_settings(path: Path, model: type[_Model], hint: str) -> tuple[_Model | None, Table, list[Fault], str]:
    """(model or None, tree, faults, name of the file in messages). Raises ConfigError where there is no tree at all."""
    where = shown_path(path)
    tree, faults = parse(read_text(path, where, hint), where)
    if not isinstance(tree, Table):
        empty = Fault(where, None, f"the file is empty. {hint}") if tree is None else None
        raise ConfigError(faults or [empty or Fault(where, 1, "expected a mapping of keys to values")])
    try:
        return model.model_validate(plain(tree)), tree, faults, where
    except ValidationError as error:
        return None, tree, [*faults, *faults_of(error, model, tree, where)], where


def raise_faults(faults: list[Fault]) -> None:
    """ConfigError in the order of the file, if there is anything to tell."""
    if faults:
        raise ConfigError(sorted(dict.fromkeys(faults), key=lambda fault: fault.line or 0))


def together(first: Callable[[], _First], second: Callable[[], _Second]) -> tuple[_First, _Second]:
    """Both values, or one ConfigError with the faults of both: a bad mapping must not hide a bad program."""
    return cast("tuple[_First, _Second]", all_of(cast("tuple[Callable[[], object], ...]", (first, second))))


def all_of(loads: Iterable[Callable[[], _First]]) -> tuple[_First, ...]:
    """Every value, or one ConfigError with the faults of all."""
    faults: list[Fault] = []
    results: list[_First] = []
    for load in loads:
        try:
            results.append(load())
        except ConfigError as error:
            faults.extend(error.faults)
    if faults:
        raise ConfigError(faults)
    return tuple(results)
