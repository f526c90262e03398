"""The tables, once for SQLite and PostgreSQL.

The statements of this package are built on them; the tables themselves are made by `migrations/`, and a test compares
the two. Instants are text in UTC (`timestamps.py`), because neither database keeps what the other one writes.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

#: A counter that SQLite fills by itself only where the type is exactly INTEGER.
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

#: A record's id, ordered by its bytes: a locale's order would tell the databases apart.
RECORD_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

spaces = sa.Table(
    "spaces",
    metadata,
    sa.Column("space", COUNTER, primary_key=True),
    sa.Column("portal", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("layout", sa.Text),
    sa.Column("watermark", sa.Text),
    sa.Column("full_count", sa.BigInteger),
    sa.Column("full_at", sa.Text),
    sa.UniqueConstraint("portal", "object", name="uq_spaces_portal_object"),
)

# Clustered by id: the mirror is read in id order, and a small integer stands for portal and object in every row.
records = sa.Table(
    "records",
    metadata,
    sa.Column("space", sa.BigInteger, sa.ForeignKey("spaces.space"), primary_key=True),
    sa.Column("id", RECORD_ID, primary_key=True),
    sa.Column("modified_at", sa.Text, nullable=False),
    sa.Column("pull_id", sa.Text, nullable=False),
    sa.Column("properties", sa.LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

associations = sa.Table(
    "associations",
    metadata,
    sa.Column("space", sa.BigInteger, sa.ForeignKey("spaces.space"), primary_key=True),
    sa.Column("from_id", RECORD_ID, primary_key=True),
    sa.Column("to_id", RECORD_ID, primary_key=True),
    sa.Column("labels", sa.Text),
    sqlite_with_rowid=False,
)

# Where an association is a record of its own (OpportunityContactRole): its id, and the record that it leads from.
link_records = sa.Table(
    "link_records",
    metadata,
    sa.Column("space", sa.BigInteger, sa.ForeignKey("spaces.space"), primary_key=True),
    sa.Column("id", RECORD_ID, primary_key=True),
    sa.Column("from_id", RECORD_ID, nullable=False),
    sa.Index("ix_link_records_from", "space", "from_id"),
    sqlite_with_rowid=False,
)

owners = sa.Table(
    "owners",
    metadata,
    sa.Column("portal", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
)

state = sa.Table(
    "state",
    metadata,
    sa.Column("portal", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", COUNTER, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("portal", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("started_at", sa.Text, nullable=False),
    sa.Column("finished_at", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("trigger", sa.Text, nullable=False),
    sa.Column("program", sa.Text, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Index("ix_runs_portal", "portal", "number"),
)

plans = sa.Table(
    "plans",
    metadata,
    sa.Column("number", COUNTER, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("portal", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_at", sa.Text, nullable=False),
    sa.Column("created_at", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("changes", sa.BigInteger, nullable=False),
    sa.Column("header", sa.Text, nullable=False),
    sa.Index("ix_plans_portal", "portal", "status", "number"),
)

# `batch_no` is set while a change is with the CRM; `outcome` once it is known what became of it.
plan_changes = sa.Table(
    "plan_changes",
    metadata,
    sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id"), primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("property", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("rule", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("shared", sa.Boolean),
    sa.Column("batch_no", sa.BigInteger),
    sa.Column("outcome", sa.Text),
    sa.Column("message", sa.Text),
    sa.Index("ix_plan_changes_batch", "plan_id", "batch_no", "outcome"),
    sqlite_with_rowid=False,
)

batches = sa.Table(
    "batches",
    metadata,
    sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id"), primary_key=True),
    sa.Column("batch_no", sa.BigInteger, primary_key=True),
    sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
    sa.Column("sent_at", sa.Text, nullable=False),
    sa.Column("settled_at", sa.Text),
)

# Columns from `object` to `message` and the salt are the payload, which an erasure blanks; the others never change.
ledger = sa.Table(
    "ledger",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("portal", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("change_seq", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("object", sa.Text),
    sa.Column("record_id", sa.Text),
    sa.Column("property", sa.Text),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("rule", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("message", sa.Text),
    sa.Column("salt", sa.Text),
    sa.Column("payload_digest", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.UniqueConstraint("plan_id", "change_seq", name="uq_ledger_change"),
    sa.Index("ix_ledger_record", "portal", "object", "record_id", "property", "seq"),
    sa.Index("ix_ledger_run", "run_id", "seq"),
)

ledger_head = sa.Table(
    "ledger_head",
    metadata,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("entries", sa.BigInteger, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
)

OPEN_LETTER = "status IN ('open', 'retried')"

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("id", COUNTER, primary_key=True),
    sa.Column("portal", sa.Text, nullable=False),
    sa.Column("object", sa.Text, nullable=False),
    sa.Column("record_id", sa.Text, nullable=False),
    sa.Column("property", sa.Text, nullable=False),
    sa.Column("before", sa.Text),
    sa.Column("after", sa.Text),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("plan_id", sa.Text, nullable=False),
    sa.Column("change_seq", sa.BigInteger, nullable=False),
    sa.Column("count", sa.BigInteger, nullable=False),
    sa.Column("first_at", sa.Text, nullable=False),
    sa.Column("last_at", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("status_at", sa.Text, nullable=False),
    sa.Index(
        "uq_dead_letters_open",
        "portal",
        "object",
        "record_id",
        "property",
        unique=True,
        sqlite_where=sa.text(OPEN_LETTER),
        postgresql_where=sa.text(OPEN_LETTER),
    ),
)

portal_locks = sa.Table(
    "portal_locks",
    metadata,
    sa.Column("portal", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("since", sa.Text, nullable=False),
)
