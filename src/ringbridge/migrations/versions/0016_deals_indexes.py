"""Indexes with all that the page of deals reads: the rows are long, and far from one another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

BY_HOUR = ("hour", "source", "extension", "client", "call_key", "kind", "state", "currency", "amount")
BY_CLIENT = ("client", "source", "kind", "state")
BY_CALL = ("call_key", "extension", "source", "kind", "state")
MONEY = ("hour", "source", "extension", "currency", "amount", "state")


def upgrade() -> None:
    op.drop_index("ix_stats_deals_hour", "stats_deals")
    op.drop_index("ix_stats_deals_client", "stats_deals")
    op.drop_index("ix_stats_deals_call", "stats_deals")
    op.create_index("ix_stats_deals_hour", "stats_deals", BY_HOUR)
    op.create_index("ix_stats_deals_client", "stats_deals", BY_CLIENT)
    brought = sa.text("call_key IS NOT NULL")
    op.create_index("ix_stats_deals_call", "stats_deals", BY_CALL, sqlite_where=brought, postgresql_where=brought)
    won = sa.text("kind = 'deal' AND state = 'won'")
    op.create_index("ix_stats_deals_won", "stats_deals", MONEY, sqlite_where=won, postgresql_where=won)
