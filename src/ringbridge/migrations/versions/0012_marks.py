"""Marks say when a call began, not only in which hour: what is seldom together is found soon as well.

The calls that are there are marked later, by and by: see `store.statistics.walks`.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("call_marks")
    op.create_table(
        "call_marks",
        sa.Column("mark", sa.Text, nullable=False),
        sa.Column("started", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("mark", "started", name="pk_call_marks"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO stats_state (id, started, key, counted, total) "
        "SELECT 2, CASE WHEN count(*) > 0 THEN 0 END, '', 0, count(*) FROM calls"
    )
