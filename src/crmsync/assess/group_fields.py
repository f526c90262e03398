"""Names of what is known of a group of companies (domain.md A6), for those that decide on it and those that tell it."""

from __future__ import annotations

from crmsync.assess.base import WHY
from crmsync.model.snapshot import LEAST

FIGURES = {"group_revenue": "revenue", "group_employees": "employees", "group_spend": "spend"}
"""Field of the group -> the field of each company that it adds up. An unknown part is taken to be 0 or more."""

GROUP_FIELDS = ("subsidiaries", *FIGURES, "group_contacts", "group_territories")

_OWN = WHY + "hierarchy."

LOWER = {name: LEAST + name for name in GROUP_FIELDS}
"""Field of the group -> the column of what it is at least: the figure itself where that is known, null where no part
of it is."""

TERRITORIES_UNKNOWN = _OWN + "territories_unknown"
"""How many companies of the group have no known territory; null where not every company was read."""

ROOT = _OWN + "root"
"""The id at the top of the group; null at the top itself."""

PLACE = _OWN + "place"
"""Why the parent is not followed: `circle`, `below` one, or `orphan`; else null."""
