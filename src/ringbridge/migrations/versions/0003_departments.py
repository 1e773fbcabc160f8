"""Of each employee: the departments, and where the working day stands."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_users", sa.Column("departments", sa.Text, nullable=False, server_default="[]"))
    op.add_column("crm_users", sa.Column("working_day", sa.Text))
