"""Calls that were asked for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dials",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("crm_call_id", sa.Text),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("pbx", sa.Text, nullable=False),
        sa.Column("extension", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("asked", sa.BigInteger, nullable=False),
        sa.Column("decided", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_dials"),
        sa.UniqueConstraint("portal", "source", name="uq_dials_portal_source"),
    )
    op.create_index("ix_dials_caller", "dials", ["portal", "caller", "asked"])
    op.create_index("ix_dials_decided", "dials", ["decided"])
