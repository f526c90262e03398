"""The portal and the program of `crmsync demo`: everything in them is invented, every domain ends in `.example`.

They are worked by hand in `tests/portal/`, so that what the demo shows can be checked. Nothing here decides anything.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

PORTAL = Path(__file__).parent / "portal"
"""Folder with companies.csv, contacts.csv, deals.csv and owners.csv, as the sandbox loads them."""

PROGRAM = Path(__file__).parent / "program.yaml"
"""The program that goes with it; what it decides is right as of 2026-11-01."""


class Crm(StrEnum):
    """Which CRM the demo plays in."""

    HUBSPOT = "hubspot"
    SALESFORCE = "salesforce"
    BOTH = "both"
