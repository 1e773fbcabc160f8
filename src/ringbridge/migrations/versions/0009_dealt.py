"""How many new clients each phone got today."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "dealt",
        sa.Column("day", sa.Text, nullable=False),
        sa.Column("phone", sa.Text, nullable=False),
        sa.Column("clients", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("day", "phone", name="pk_dealt"),
    )
