"""Client's orders that are dialled again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

OPEN = sa.text("state IN ('waiting', 'dialling')")
WAITING = sa.text("state = 'waiting'")


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("dial", sa.Text),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("ended", sa.BigInteger),
        sa.Column("reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        sa.UniqueConstraint("portal", "source", name="uq_orders_portal_source"),
    )
    op.create_index("uq_orders_open", "orders", ["number"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN)
    op.create_index("ix_orders_number", "orders", ["number", "created"])
    op.create_index("ix_orders_dial", "orders", ["dial"])
    op.create_index("ix_orders_due", "orders", ["due"], sqlite_where=WAITING, postgresql_where=WAITING)
