"""The first schema: mirror, runs, plans, checkpoint, ledger, dead letters.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_RECORD_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_GENESIS = "0" * 64

# The ledger's payload may be blanked, all of it at once, and nothing else may ever change.
_FIXED = ("seq", "portal", "run_id", "plan_id", "change_seq", "at", "outcome", "payload_digest", "digest")
_PAYLOAD = ("object", "record_id", "property", "before", "after", "rule", "reason", "message", "salt")
_SAME = " AND ".join(f'NEW."{c}" = OLD."{c}"' for c in _FIXED)
_BLANKED = " AND ".join(f'NEW."{c}" IS NULL' for c in _PAYLOAD)
_REFUSAL = "the ledger is append-only"


def upgrade() -> None:
    _mirror()
    _runs_and_plans()
    _ledger()
    _dead_letters()
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
    else:
        _postgresql_triggers()


def _text(name: str, *, null: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=null)


def _number(name: str, *, null: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=null)


def _mirror() -> None:
    op.create_table(
        "spaces",
        sa.Column("space", _COUNTER, primary_key=True),
        _text("portal"),
        _text("object"),
        _text("layout", null=True),
        _text("watermark", null=True),
        _number("full_count", null=True),
        _text("full_at", null=True),
        sa.UniqueConstraint("portal", "object", name="uq_spaces_portal_object"),
    )
    op.create_table(
        "records",
        sa.Column("space", sa.BigInteger, sa.ForeignKey("spaces.space"), primary_key=True),
        sa.Column("id", _RECORD_ID, primary_key=True),
        _text("modified_at"),
        _text("pull_id"),
        sa.Column("properties", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "associations",
        sa.Column("space", sa.BigInteger, sa.ForeignKey("spaces.space"), primary_key=True),
        sa.Column("from_id", _RECORD_ID, primary_key=True),
        sa.Column("to_id", _RECORD_ID, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "owners",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        _text("name"),
        sa.Column("active", sa.Boolean, nullable=False),
    )
    op.create_table(
        "state",
        sa.Column("portal", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        _text("value"),
    )
    op.create_table(
        "portal_locks",
        sa.Column("portal", sa.Text, primary_key=True),
        _text("holder"),
        _text("since"),
    )


def _runs_and_plans() -> None:
    op.create_table(
        "runs",
        sa.Column("number", _COUNTER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        *(_text(c) for c in ("portal", "kind", "status", "started_at")),
        _text("finished_at", null=True),
        *(_text(c) for c in ("reason", "trigger", "program", "counts", "message")),
    )
    op.create_index("ix_runs_portal", "runs", ["portal", "number"])
    op.create_table(
        "plans",
        sa.Column("number", _COUNTER, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        *(_text(c) for c in ("portal", "kind", "status", "status_at", "created_at", "digest")),
        _number("changes"),
        _text("header"),
    )
    op.create_index("ix_plans_portal", "plans", ["portal", "status", "number"])
    op.create_table(
        "plan_changes",
        sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id"), primary_key=True),
        sa.Column("seq", sa.BigInteger, primary_key=True),
        *(_text(c) for c in ("object", "id", "property")),
        *(_text(c, null=True) for c in ("before", "after", "rule", "reason")),
        sa.Column("shared", sa.Boolean),
        _number("batch_no", null=True),
        *(_text(c, null=True) for c in ("outcome", "message")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_plan_changes_batch", "plan_changes", ["plan_id", "batch_no", "outcome"])
    op.create_table(
        "batches",
        sa.Column("plan_id", sa.Text, sa.ForeignKey("plans.id"), primary_key=True),
        sa.Column("batch_no", sa.BigInteger, primary_key=True),
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.id"), nullable=False),
        _text("sent_at"),
        _text("settled_at", null=True),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        *(_text(c) for c in ("portal", "run_id", "plan_id")),
        _number("change_seq"),
        *(_text(c) for c in ("at", "outcome")),
        *(_text(c, null=True) for c in _PAYLOAD),
        *(_text(c) for c in ("payload_digest", "digest")),
        sa.UniqueConstraint("plan_id", "change_seq", name="uq_ledger_change"),
    )
    op.create_index("ix_ledger_record", "ledger", ["portal", "object", "record_id", "property", "seq"])
    op.create_index("ix_ledger_run", "ledger", ["run_id", "seq"])
    head = op.create_table(
        "ledger_head",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        _number("entries"),
        _text("digest"),
    )
    op.bulk_insert(head, [{"id": 1, "entries": 0, "digest": _GENESIS}])


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", _COUNTER, primary_key=True),
        *(_text(c) for c in ("portal", "object", "record_id", "property")),
        *(_text(c, null=True) for c in ("before", "after")),
        *(_text(c) for c in ("category", "message", "run_id", "plan_id")),
        _number("change_seq"),
        _number("count"),
        *(_text(c) for c in ("first_at", "last_at", "status", "status_at")),
    )
    still_open = sa.text("status IN ('open', 'retried')")
    op.create_index(
        "uq_dead_letters_open",
        "dead_letters",
        ["portal", "object", "record_id", "property"],
        unique=True,
        sqlite_where=still_open,
        postgresql_where=still_open,
    )


def _sqlite_triggers() -> None:
    op.execute(
        f"CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger WHEN NOT ({_SAME} AND {_BLANKED}) "
        f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )
    op.execute(f"CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END")
    # INSERT OR REPLACE deletes without a delete trigger.
    op.execute(
        "CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger "  # noqa: S608 - constants only
        "WHEN EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq OR (plan_id = NEW.plan_id "
        f"AND change_seq = NEW.change_seq)) BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION ledger_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        f"IF TG_OP = 'UPDATE' AND {_SAME} AND {_BLANKED} THEN RETURN NEW; END IF; "
        f"RAISE EXCEPTION '{_REFUSAL}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW "
        "EXECUTE FUNCTION ledger_guard()"
    )
    op.execute(
        "CREATE TRIGGER ledger_no_truncate BEFORE TRUNCATE ON ledger FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard()"
    )
