"""Of each employee: the e-mail address, by which a person of the office is recognised."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("crm_users", sa.Column("email", sa.Text, nullable=False, server_default=""))
