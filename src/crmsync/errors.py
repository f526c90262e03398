"""The error tree, named by what the caller does next.

An SDK's exception never leaves its connector: it is turned into one of these. Every message says what happened, where,
and what to do; none carries a secret or an e-mail address (`mask`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

_EMAIL = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
_TOKEN = re.compile(r"(?i)\b(pat-[a-z0-9-]{4})[a-z0-9-]+|(bearer )\S+")


class ExitCode(IntEnum):
    """What the shell is told (contract.md, Commands)."""

    DONE = 0
    ERROR = 1
    CHANGES = 2
    BREACHED = 3
    REFUSED = 4


def mask(text: str) -> str:
    """`text` with e-mail addresses and bearer tokens masked, for whatever is logged or kept."""
    text = _EMAIL.sub("<e-mail>", text)
    return _TOKEN.sub(lambda m: f"{m.group(1) or m.group(2)}***", text)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in what a person wrote: where (`file`, `file:key`), on which line, and what was expected."""

    where: str
    line: int | None
    message: str

    def __str__(self) -> str:
        return f"{self.where}:{self.line}: {self.message}" if self.line else f"{self.where}: {self.message}"


class CrmsyncError(Exception):
    """Base of all of them. `exit_code` is what the command line ends with."""

    exit_code = ExitCode.ERROR

    def __init__(self, message: str) -> None:
        super().__init__(mask(message))

    @property
    def message(self) -> str:
        return str(self.args[0])


class ConfigError(CrmsyncError):
    """Stop before anything moves: what a person wrote is wrong. Carries every fault at once."""

    def __init__(self, faults: Sequence[Fault], done: str = "nothing was read or written") -> None:
        self.faults = tuple(faults)
        count = f"{len(self.faults)} fault{'s' if len(self.faults) != 1 else ''}; {done}."
        super().__init__("\n".join([*(str(fault) for fault in self.faults), count]))


class Throttled(CrmsyncError):
    """Wait, then the same batch again. `wait` is in seconds; `policy` is the CRM's name for the limit."""

    def __init__(self, message: str, *, policy: str, wait: float) -> None:
        super().__init__(message)
        self.policy = policy
        self.wait = wait


class BudgetSpent(CrmsyncError):
    """Stop the run and go on tomorrow: the day's API calls, less the share left to other apps, are used up."""


class Unavailable(CrmsyncError):
    """Back off, then the same batch again: the CRM answered 5xx or 423, or could not be reached before sending."""

    def __init__(self, message: str, *, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Rejected(CrmsyncError):
    """The CRM refuses this request for good, in its own words: to the dead letters, go on with the rest."""

    def __init__(self, message: str, *, category: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.category = category
        self.status = status


class Unauthorized(CrmsyncError):
    """Stop the run and tell a person: the token is missing, expired, revoked, or lacks a scope."""


class Unanswered(CrmsyncError):
    """Sent, but no reply came: the write may have happened. Read before any repeat."""


class RecordNotFound(CrmsyncError):
    """The record that was named does not exist, or is archived."""


class UnsafePlan(CrmsyncError):
    """A guard was breached: nothing was written, a person decides."""

    exit_code = ExitCode.BREACHED


class StalePlan(CrmsyncError):
    """The basis of the plan has moved (another program, another plan applied since): plan again."""


class StoreError(CrmsyncError):
    """The local store cannot be used: locked by another process, disk full, damaged, or of a later version."""
