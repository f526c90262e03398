"""What a person has decided about pairs of records in two CRMs: the same, or not. It wins over all other evidence."""

from __future__ import annotations

from dataclasses import dataclass

IdPair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Decided:
    """Pairs of record ids, one of each CRM, in either order; companies, contacts and deals together."""

    same: tuple[IdPair, ...] = ()
    different: tuple[IdPair, ...] = ()
