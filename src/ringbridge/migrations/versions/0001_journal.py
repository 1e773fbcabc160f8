"""The journal, deliveries, portals, settings and the portal's users."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    create_journal()
    create_deliveries()
    create_settings()


def create_journal() -> None:
    op.create_table(
        "calls",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("external", sa.Text),
        sa.Column("number_reversed", sa.Text, nullable=False),
        sa.Column("did", sa.Text),
        sa.Column("trunk", sa.Text),
        sa.Column("disposition", sa.Text),
        sa.Column("employees", sa.Text, nullable=False),
        sa.Column("talk", sa.Integer, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_calls"),
    )
    op.create_index("ix_calls_started", "calls", ["started", "key"])
    op.create_index("ix_calls_number", "calls", ["number_reversed"])
    create_partial_index("ix_calls_open", "calls", ["pbx"], "ended IS NULL")
    op.create_table(
        "story",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("call_key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_story"),
        sa.ForeignKeyConstraint(["call_key"], ["calls.key"], name="fk_story_call_key", ondelete="CASCADE"),
    )
    op.create_index("ix_story_call", "story", ["call_key", "id"])


def create_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("call_key", sa.Text, nullable=False),
        sa.Column("record", sa.Text, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("intent", sa.Text, nullable=False),
        sa.Column("rank", sa.SmallInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("head", sa.Boolean, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("uncertain", sa.Boolean, nullable=False),
        sa.Column("facts", sa.Text),
        sa.Column("sent", sa.Text),
        sa.Column("answered", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger),
        sa.Column("answered_at", sa.BigInteger),
        sa.Column("settled", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
        sa.ForeignKeyConstraint(["call_key"], ["calls.key"], name="fk_deliveries_call_key", ondelete="CASCADE"),
        sa.UniqueConstraint("key", "portal", name="uq_deliveries_key_portal"),
    )
    op.create_index("ix_deliveries_call", "deliveries", ["call_key", "id"])
    create_partial_index("ix_deliveries_heads", "deliveries", ["portal", "rank", "due"], "state = 'waiting' AND head")
    create_partial_index("ix_deliveries_open", "deliveries", ["portal", "created"], "state IN ('waiting', 'sending')")


def create_settings() -> None:
    op.create_table(
        "portals",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("parked_since", sa.BigInteger),
        sa.Column("parked_until", sa.BigInteger),
        sa.Column("parked_reason", sa.Text),
        sa.Column("tokens", sa.Text),
        sa.Column("facts", sa.Text),
        sa.PrimaryKeyConstraint("portal", name="pk_portals"),
    )
    op.create_table(
        "settings",
        sa.Column("section", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("section", name="pk_settings"),
    )
    op.create_table(
        "settings_audit",
        sa.Column("id", BigId, autoincrement=True, nullable=False),
        sa.Column("section", sa.Text, nullable=False),
        sa.Column("before", sa.Text),
        sa.Column("after", sa.Text),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_settings_audit"),
    )
    op.create_index("ix_settings_audit_section", "settings_audit", ["section", "id"])
    op.create_table(
        "crm_users",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("extensions", sa.Text, nullable=False),
        sa.Column("phones", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("portal", "user", name="pk_crm_users"),
    )


def create_partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
