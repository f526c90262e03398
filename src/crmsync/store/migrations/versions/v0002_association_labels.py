"""Associations keep their labels. Those mirrored before have none until the next full pull brings them.

Revision ID: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("associations", sa.Column("labels", sa.Text, nullable=True))
