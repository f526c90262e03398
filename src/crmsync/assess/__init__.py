"""The systems of domain.md, one file each, and the order in which they are evaluated.

A system is a file with the same four things: its section of the program, the columns it reads, the outputs it owns, and
one function from frames to frames. Adding one is one file and one line in `SYSTEMS`.
"""

from __future__ import annotations

from crmsync.assess.base import System
from crmsync.assess.category import CATEGORY
from crmsync.assess.checklist import CHECKLIST
from crmsync.assess.contact_care import CONTACT_CARE
from crmsync.assess.coverage_model import COVERAGE_MODEL
from crmsync.assess.data_gaps import DATA_GAPS
from crmsync.assess.exclusion import EXCLUSION
from crmsync.assess.hierarchy import HIERARCHY
from crmsync.assess.icp import ICP
from crmsync.assess.names import NAMES
from crmsync.assess.ownership import OWNERSHIP
from crmsync.assess.purchases import PURCHASES
from crmsync.assess.relationship import RELATIONSHIP
from crmsync.assess.roles import ROLES
from crmsync.assess.targets import TARGETS
from crmsync.assess.tiers import TIERS

SYSTEMS: tuple[System, ...] = (
    EXCLUSION,
    OWNERSHIP,
    PURCHASES,
    ICP,
    TIERS,
    CHECKLIST,
    TARGETS,
    ROLES,
    CONTACT_CARE,
    NAMES,
    RELATIONSHIP,
    DATA_GAPS,
    CATEGORY,
    HIERARCHY,
    COVERAGE_MODEL,
)
