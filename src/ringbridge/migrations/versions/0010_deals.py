"""Leads and deals of the CRMs, and which calls brought them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_deals()
    create_keys()
    create_readings()


def create_deals() -> None:
    op.create_table(
        "stats_deals",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("responsible", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("hour", sa.Integer, nullable=False),
        sa.Column("source", sa.Integer),
        sa.Column("call_key", sa.Text),
        sa.Column("called", sa.BigInteger),
        sa.Column("extension", sa.Text),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("closed", sa.BigInteger),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False),
        sa.Column("earliest", sa.BigInteger, nullable=False),
        sa.Column("found_by", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("portal", "kind", "id", name="pk_stats_deals"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_stats_deals_hour", "stats_deals", ["hour"])
    op.create_index("ix_stats_deals_client", "stats_deals", ["client"])
    brought = sa.text("call_key IS NOT NULL")
    op.create_index("ix_stats_deals_call", "stats_deals", ["call_key"], sqlite_where=brought, postgresql_where=brought)


def create_keys() -> None:
    op.create_table(
        "stats_deal_keys",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", "portal", "kind", "id", name="pk_stats_deal_keys"),
        sqlite_with_rowid=False,
    )


def create_readings() -> None:
    op.create_table(
        "stats_deal_readings",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("terms", sa.Text, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("begun", sa.BigInteger),
        sa.Column("cursor", sa.Text),
        sa.Column("read", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer),
        sa.Column("finished", sa.BigInteger),
        sa.Column("seen", sa.BigInteger),
        sa.Column("newest", sa.BigInteger),
        sa.PrimaryKeyConstraint("portal", name="pk_stats_deal_readings"),
    )
