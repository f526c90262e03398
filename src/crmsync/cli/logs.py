"""Logging for people and machines: colour on a terminal, one JSON object a line in a pipe, always on stderr.

Every event passes through `errors.mask`, so that no e-mail address or token reaches a log, whoever wrote it.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, MutableMapping
from io import TextIOBase
from typing import Any, TextIO

import structlog

from crmsync.errors import mask

Event = MutableMapping[str, Any]
_OWN = "crmsync"


class _Stderr(TextIOBase):
    """Whatever stderr is at the moment of writing, so that a logger never outlives a stream that was replaced."""

    def write(self, text: str, /) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()

    def isatty(self) -> bool:
        return sys.stderr.isatty()


def masked(_logger: Any, _method: str, event: Event) -> Event:
    """A structlog processor: e-mail addresses and tokens masked in every value, however deep."""
    return {key: _masked(value) for key, value in event.items()}


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {_masked(key): _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return mask(str(value))


def configure(*, verbose: int = 0, quiet: bool = False, stream: TextIO | None = None) -> None:
    """Send structlog and the standard library's logging to `stream` (stderr).

    Warnings and worse by default; `verbose` 1 adds information, 2 our debug lines, `quiet` leaves errors alone.
    """
    out: Any = stream or _Stderr()
    level = _level(verbose, quiet)
    shared: list[Callable[..., Any]] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        masked,
    ]
    renderer = structlog.dev.ConsoleRenderer(colors=True) if out.isatty() else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_without_meta, renderer])
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    # Libraries stay at warnings: what urllib3 says at debug holds whole requests.
    root.setLevel(max(level, logging.WARNING))
    logging.getLogger(_OWN).setLevel(level)


def _level(verbose: int, quiet: bool) -> int:
    if quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)


def _without_meta(logger: Any, method: str, event: Event) -> Event:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(logger, method, event)
