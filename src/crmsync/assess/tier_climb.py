"""The climb of whichever system writes the tier, to be made as if fields were filled (domain.md C2)."""

from __future__ import annotations

from crmsync.assess import checklist, tiers
from crmsync.assess.base import World
from crmsync.assess.gaps import Climb
from crmsync.assess.tier_property import tier_writer


def climb(world: World) -> Climb | None:
    """None where the program decides no tier."""
    match tier_writer(world.program):
        case "checklist":
            return checklist.climb(world)
        case "tiers":
            return tiers.climb(world)
    return None
