"""In which format a document is wanted: by name, else by the suffix of the file it goes to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from crmsync.errors import CrmsyncError

_Name = TypeVar("_Name", bound=str)


def chosen_format(given: str | None, out: Path | None, suffixes: Mapping[str, _Name], usual: _Name) -> _Name:
    """The format that was named, else the file's, else the `usual` one; `suffixes` has every format but that.

    Raises CrmsyncError where the name or the suffix is none of them.
    """
    names = list(dict.fromkeys((usual, *suffixes.values())))
    if given is not None:
        for name in names:
            if name == given.lower():
                return name
        raise CrmsyncError(f"--format {given}: expected one of {', '.join(names)}.")
    if out is None:
        return usual
    guessed = suffixes.get(out.suffix.lower())
    if guessed is None:
        raise CrmsyncError(f"--out {out}: say --format, or use one of the suffixes {', '.join(suffixes)}.")
    return guessed
