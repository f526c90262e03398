"""Where the packaged defaults stand: beside `src/` in a checkout, inside the package in an installed wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def _folder(name: str) -> Path:
    installed = _PACKAGE / "_defaults" / name
    return installed if installed.is_dir() else _PACKAGE.parent.parent / name


def mappings_dir() -> Path:
    """The folder with the default field mappings and title vocabularies (`titles/`)."""
    return _folder("mappings")


def config_dir() -> Path:
    """The folder with the default connections and the example program."""
    return _folder("config")
