"""A limit of a guard: a share of a base in per cent, or an absolute number."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """`share` of a base in per cent (10.0 is 10 %), or an absolute `count`; one of the two."""

    share: float | None = None
    count: int | None = None

    def __str__(self) -> str:
        return f"{self.share:g}%" if self.share is not None else str(self.count)

    def allows(self, value: int, base: int, floor: int) -> bool:
        """Whether `value` of `base` is within the limit; a share never objects to `floor` records or fewer."""
        if self.count is not None:
            return value <= self.count
        assert self.share is not None
        return value <= floor or value * 100 <= self.share * base
