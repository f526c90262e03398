"""What preparing an org did, thing by thing, for the admin who reads along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

CREATED, EXTENDED, GRANTED, ASSIGNED, LEFT = "created", "extended", "granted", "assigned", "left alone"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done or, where `done` is LEFT, could not or need not be: `note` says why."""

    what: str
    name: str
    done: str
    note: str = ""

    @property
    def changed(self) -> bool:
        return self.done != LEFT


Say = Callable[[Step], None]
