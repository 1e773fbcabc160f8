"""Indexes in whose order deals are counted by source and by employee, so that none are sorted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

BROUGHT = sa.text("call_key IS NOT NULL")
WHAT = ("kind", "state", "currency", "amount")
INDEXES = {
    "ix_stats_deals_source": (("source", "client", *WHAT), None),
    "ix_stats_deals_extension": (("extension", "call_key", *WHAT), BROUGHT),
    "ix_stats_deals_closed": (("closed",), None),
    "ix_stats_deals_call": (("call_key",), BROUGHT),
}


def upgrade() -> None:
    op.drop_index("ix_stats_deals_won", "stats_deals")
    op.drop_index("ix_stats_deals_call", "stats_deals")
    for name, (columns, where) in INDEXES.items():
        op.create_index(name, "stats_deals", columns, sqlite_where=where, postgresql_where=where)
