"""Alembic's entry: runs the migrations on the connection that the store hands over, inside its transaction."""

from __future__ import annotations

from alembic import context

from crmsync.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite can roll DDL back; Alembic does not assume it, and a killed upgrade must leave the old schema whole.
    transactional_ddl=True,
)
context.run_migrations()
