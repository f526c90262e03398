"""Secrets by reference: YAML names where one stands, and the value is read only when it is used.

Prevents a token in git, in a log or in a traceback: no object here holds the value, and no message repeats it.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from crmsync.errors import ConfigError, Fault

PATTERN = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"
LITERAL = "a secret never stands in YAML; write env:NAME (a variable of the environment) or file:PATH"


@dataclass(frozen=True, slots=True)
class Secret:
    """`env:NAME` or `file:PATH`, never the value. Relative files are looked for beside the configuration."""

    reference: str
    folder: Path = Path()

    def __repr__(self) -> str:
        return f"Secret({self.reference})"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(cls._read)

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": PATTERN, "description": "env:NAME or file:PATH"}

    @classmethod
    def _read(cls, value: object) -> Secret:
        if isinstance(value, cls):
            return value
        if not isinstance(value, str) or not re.fullmatch(PATTERN, value):
            raise ValueError(LITERAL)
        return cls(str(value))


def resolve_secret(secret: Secret, where: str, *, lines: bool = False) -> str:
    """The value, read now. Raises ConfigError that names the variable or file, never the value.

    `lines` allows several of them, as a key in PEM has.

    `where` is the setting that asks, such as `config/crmsync.yaml: portals.main.hubspot.token`.
    """
    kind, _, name = secret.reference.partition(":")
    value, reason = _from_environment(name) if kind == "env" else _from_file(secret.folder / name, name)
    if value is None:
        raise ConfigError([Fault(where, None, reason)])
    if not lines and any(character.isspace() or not character.isprintable() for character in value):
        # Such a header would fail deep inside the transport, with the token in the message.
        raise ConfigError([Fault(where, None, f"{_called(kind, name)} holds spaces or line breaks inside")])
    return value


def _called(kind: str, name: str) -> str:
    return f"the environment variable {name}" if kind == "env" else f"the file {name}"


def _from_environment(name: str) -> tuple[str | None, str]:
    value = os.environ.get(name, "").strip()
    return (value, "") if value else (None, f"{_called('env', name)} is not set; export {name}=... and run again")


def _from_file(path: Path, name: str) -> tuple[str | None, str]:
    try:
        value = path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None, f"{_called('file', name)} does not exist (looked for in {path.parent})"
    except UnicodeDecodeError:
        return None, f"{_called('file', name)} is not UTF-8 text"
    except OSError as error:
        return None, f"{_called('file', name)} cannot be read: {error.strerror}"
    return (value, "") if value else (None, f"{_called('file', name)} is empty")
