"""How every command speaks: one document or one screen on stdout, messages and progress on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import UTC, date, datetime
from enum import Enum
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from crmsync.engine.context import Context, open_context
from crmsync.errors import CrmsyncError
from crmsync.model.fields import ObjectName

ProgressCall = Callable[[Any, int, int | None], None]
_PIPE_WIDTH = 120
_NAMED_KINDS: tuple[ObjectName, ...] = ("company", "contact")


@dataclass
class Face:
    """What was asked of a command on the whole: where the config is, which portal, and how to answer."""

    config: Path = Path("config")
    portal: str | None = None
    json: bool = False
    verbose: int = 0
    quiet: bool = False
    debug: bool = False
    answered: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.out = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else _PIPE_WIDTH)
        self.err = Console(file=sys.stderr, highlight=False, width=None if sys.stderr.isatty() else _PIPE_WIDTH)

    @property
    def width(self) -> int:
        return self.out.width

    @property
    def color(self) -> bool:
        return self.out.is_terminal and not self.out.no_color

    def open(self) -> Context:
        """The portal that was named, with config, program and mapping read."""
        return open_context(self.config, self.portal)

    def say(self, text: str = "", *, style: str = "") -> None:
        """A line of the answer; silent where JSON was asked for."""
        if not self.json:
            self.out.print(text, style=style or None, markup=False, soft_wrap=True)

    def prose(self, text: str, *, style: str = "") -> None:
        """A sentence or more of the answer, wrapped at words."""
        if not self.json:
            self.out.print(text, style=style or None, markup=False)

    def lines(self, lines: Iterable[Text]) -> None:
        """Lines of the answer, ready as they stand."""
        for line in lines:
            if not self.json:
                line.rstrip()
                self.out.print(line, soft_wrap=True)

    def write(self, text: str) -> None:
        """Text that is ready as it stands, colours and all."""
        if not self.json:
            sys.stdout.write(text if text.endswith("\n") else text + "\n")
            sys.stdout.flush()

    def tell(self, text: str, *, style: str = "") -> None:
        """A message beside the answer, on stderr."""
        if not self.quiet:
            self.err.print(text, style=style or None, markup=False, soft_wrap=True)

    def document(self, value: Any) -> None:
        """The one JSON document of the answer."""
        if self.json and not self.answered:
            self.answered = True
            sys.stdout.write(to_json(value) + "\n")
            sys.stdout.flush()

    @contextmanager
    def progress(self) -> Iterator[ProgressCall]:
        """Bars on stderr for long work, on a terminal alone."""
        if self.quiet or self.json or not self.err.is_terminal:
            yield lambda _what, _done, _total: None
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, TimeElapsedColumn(), console=self.err, transient=True) as bars:
            tasks: dict[str, Any] = {}

            def advance(what: Any, done: int, total: int | None) -> None:
                name = str(what)
                if name not in tasks:
                    tasks[name] = bars.add_task(name, total=total)
                bars.update(tasks[name], completed=done, total=total)

            yield advance


def to_json(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False, indent=2)


def _plain(value: Any) -> Any:
    if isinstance(value, pl.DataFrame):
        return value.to_dicts()
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)


def parse_moment(text: str | None) -> datetime | None:
    """`--as-of`: a date (its first moment in UTC) or a date-time; None where it was not given."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise CrmsyncError(f"--as-of {text}: expected a date such as 2026-11-01.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def parse_names(given: list[str] | None) -> list[str]:
    """A repeatable option that takes commas as well: `--company 1,2 --company 3`."""
    return [part.strip() for text in given or [] for part in text.split(",") if part.strip()]


def parse_id(text: str) -> tuple[ObjectName | None, str]:
    """`company:123` -> ("company", "123"); `123` -> (None, "123"). Raises CrmsyncError for another kind."""
    kind, colon, rest = text.strip().partition(":")
    if not colon:
        return None, kind
    for known in _NAMED_KINDS:
        if kind == known and rest:
            return known, rest
    raise CrmsyncError(f"{text}: an id looks like 123, company:123 or contact:9.")


def ids_of(given: list[str] | None, kind: str) -> list[str]:
    """Ids of one kind. Raises CrmsyncError where one says that it is of another."""
    ids = []
    for text in parse_names(given):
        said, id_ = parse_id(text)
        if said not in (None, kind):
            raise CrmsyncError(f"{text} is not a {kind}; give --{said} {text} instead.")
        ids.append(id_)
    return ids
