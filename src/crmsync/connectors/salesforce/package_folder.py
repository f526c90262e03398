"""The package in a folder: written whole or not at all, and never over what somebody else put there.

A record of what was written (`.crmsync-package.json`) tells our files from others, and ours from ours after an edit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from crmsync.errors import CrmsyncError

RECORD = ".crmsync-package.json"


def write(folder: Path, files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Bring `folder` to hold `files`; returns the paths that changed, files of an earlier package that are no longer in
    it among them. What else stands in a folder of ours is left alone.

    Raises CrmsyncError, with nothing written, where the folder is not ours or a file of ours was edited since.
    """
    before = _record(folder)
    edited = [path for path, known in before.items() if _digest_of(folder / path) not in (None, *known.split())]
    strange = [path for path in files if path not in before and (folder / path).exists()]
    if edited or strange:
        names = ", ".join(sorted([*edited, *strange])[:5])
        raise CrmsyncError(
            f"{folder}: {names} changed since crmsync wrote the package; nothing was written. Move the folder away, "
            "or write to another one with --out DIR."
        )
    record = {path: _digest(content) for path, content in sorted(files.items())}
    stale = [path for path in before if path not in files]
    changed = [path for path in files if _digest_of(folder / path) != record[path]]
    try:
        # While files change, the record allows for the old and the new of each: a run that breaks off can be run again.
        both = {path: f"{before.get(path, '')} {record.get(path, '')}".strip() for path in {*before, *record}}
        _put(folder / RECORD, _text(both))
        for path in changed:
            _put(folder / path, files[path])
        for path in stale:
            (folder / path).unlink(missing_ok=True)
        _put(folder / RECORD, _text(record))
    except OSError as error:
        raise CrmsyncError(
            f"{folder}: cannot be written ({error.strerror}). Choose another folder with --out."
        ) from None
    return tuple(sorted([*changed, *stale]))


def _record(folder: Path) -> dict[str, str]:
    """Path -> digest of what was written, or two of them; empty for a folder that is new or empty."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return {}
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if isinstance(record, dict) and all(_plain(path) for path in record):
            return {str(path): str(digest) for path, digest in record.items()}
    except (OSError, ValueError):
        pass
    what = "a folder of somebody else's" if folder.is_dir() else "a file"
    raise CrmsyncError(f"{folder} is {what}; nothing was written. Choose another folder with --out DIR.")


def _plain(path: str) -> bool:
    """Below the folder, whatever an edited record says."""
    return bool(path) and not Path(path).is_absolute() and ".." not in Path(path).parts


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _text(record: Mapping[str, str]) -> bytes:
    return (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    try:
        return _digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""
