"""Summaries of ended calls, and what the journal's search walks by.

The calls that are there are counted later, by and by: see `store.statistics.stats`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_sums()
    create_clients()
    create_missed()
    create_marks()
    create_state()


def create_sums() -> None:
    op.create_table(
        "stats_sources",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("trunk", sa.Text, nullable=False),
        sa.Column("did", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stats_sources"),
        sa.UniqueConstraint("trunk", "did", name="uq_stats_sources_trunk_did"),
    )
    op.create_table(
        "stats_calls",
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        *amounts("calls", "answered", "missed", "busy", "noanswer", "cancelled", "failed"),
        *amounts("quick", "wait", "answered_wait", "talk"),
        sa.PrimaryKeyConstraint("hour", "source", "queue", "direction", name="pk_stats_calls"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "stats_people",
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("extension", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
        *amounts("calls", "answered", "missed", "wait", "talk"),
        sa.PrimaryKeyConstraint("hour", "extension", "direction", name="pk_stats_people"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stats_people_extension", "stats_people", ["extension", "hour"])


def create_clients() -> None:
    op.create_table(
        "stats_clients",
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        *amounts("calls"),
        sa.Column("last", sa.Integer),
        sa.Column("last_any", sa.Integer),
        sa.PrimaryKeyConstraint("hour", "source", "client", name="pk_stats_clients"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stats_clients_client", "stats_clients", ["client", "hour"])
    op.create_table(
        "stats_known",
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        *amounts("calls"),
        sa.PrimaryKeyConstraint("client", "source", name="pk_stats_known"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stats_known_source", "stats_known", ["source"])


def create_missed() -> None:
    op.create_table(
        "stats_missed",
        sa.Column("call_key", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("wait", sa.Integer, nullable=False),
        sa.Column("back", sa.BigInteger),
        sa.Column("back_key", sa.Text),
        sa.Column("back_direction", sa.Text),
        sa.Column("back_by", sa.Text),
        sa.PrimaryKeyConstraint("call_key", name="pk_stats_missed"),
    )
    op.create_index("ix_stats_missed_at", "stats_missed", ["at"])
    op.create_index("ix_stats_missed_client", "stats_missed", ["client", "at"])
    answered = sa.text("back_key IS NOT NULL")
    op.create_index(
        "ix_stats_missed_back", "stats_missed", ["back_key"], sqlite_where=answered, postgresql_where=answered
    )


def create_marks() -> None:
    op.create_table(
        "call_marks",
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("mark", "hour", name="pk_call_marks"),
        sqlite_with_rowid=False,
    )
    refused = sa.text("state = 'given_up'")
    op.create_index(
        "ix_deliveries_refused", "deliveries", ["portal", "id"], sqlite_where=refused, postgresql_where=refused
    )


def create_state() -> None:
    """An empty journal is counted to its end; one with calls not at all yet."""
    op.create_table(
        "stats_state",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("started", sa.BigInteger),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("counted", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stats_state"),
    )
    op.execute(
        "INSERT INTO stats_state (id, started, key, counted, total) "
        "SELECT 1, CASE WHEN count(*) > 0 THEN 0 END, '', 0, count(*) FROM calls"
    )


def amounts(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]
