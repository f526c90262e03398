"""Associations that are records of their own keep their ids, so that a deleted one can be told by its id alone.

Revision ID: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_RECORD_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "link_records",
        sa.Column("space", sa.BigInteger, sa.ForeignKey("spaces.space"), primary_key=True),
        sa.Column("id", _RECORD_ID, primary_key=True),
        sa.Column("from_id", _RECORD_ID, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_link_records_from", "link_records", ["space", "from_id"])
