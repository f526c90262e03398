"""Word lists that the normalisers read: one file each, `#` starts a comment."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files


def data_lines(name: str) -> Iterator[str]:
    """The lines of a list, without comments and empty ones."""
    for line in files(__name__).joinpath(name).read_text(encoding="utf-8").splitlines():
        if text := line.partition("#")[0].strip():
            yield text


def word_list(name: str) -> frozenset[str]:
    """The words of a list, divided by white space."""
    return frozenset(word for line in data_lines(name) for word in line.split())
