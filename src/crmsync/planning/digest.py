"""A plan's digest: what was shown is what is applied."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec
import polars as pl

from crmsync.model.plan import GuardReading


def plan_digest(changes: pl.DataFrame, basis: dict[str, Any], guards: Sequence[GuardReading]) -> str:
    """sha256 over the basis, the guards' readings and every change, independent of column storage."""
    digest = hashlib.sha256(msgspec.json.encode([basis, list(guards)], order="deterministic"))
    for frame in changes.iter_slices(50_000):
        digest.update(frame.write_ndjson().encode())
    return digest.hexdigest()
