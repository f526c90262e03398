"""In which format a document is wanted, by name or by the suffix of the file it goes to; and the file itself."""

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


def write_document(out: Path, text: str, otherwise: str = "") -> None:
    """Write `text` to `out`, its folders made. Raises CrmsyncError that ends with `otherwise`."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CrmsyncError(f"--out {out}: cannot be written ({error.strerror}).{otherwise}") from None
