"""Ids of plans, runs and pulls: short, in order of time, and unlike each other."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime


def new_id(kind: str, now: datetime) -> str:
    """`r-20261101-031500-7c1e`: kind, moment in UTC, four random hex digits."""
    return f"{kind}-{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
