"""The schema's history: one file a version in `versions/`, applied in order when a store is opened.

`REVISIONS` lists them oldest first, so that a store that is up to date opens without loading Alembic, and one of a
later version is told from a damaged one. A test holds it against the files.
"""

from __future__ import annotations

REVISIONS: tuple[str, ...] = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]
