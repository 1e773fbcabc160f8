"""The mirror: clients, their numbers and open deals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mirror_things",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("responsible", sa.Text),
        sa.Column("company", sa.Text),
        sa.Column("company_name", sa.Text, nullable=False),
        sa.Column("found_by", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("portal", "kind", "id", name="pk_mirror_things"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mirror_keys",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("portal", "key", "kind", "id", name="pk_mirror_keys"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "mirror_readings",
        sa.Column("portal", sa.Text, nullable=False),
        sa.Column("region", sa.Text, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("begun", sa.BigInteger),
        sa.Column("cursor", sa.Text),
        sa.Column("read", sa.Integer, nullable=False),
        sa.Column("total", sa.Integer),
        sa.Column("differing", sa.Integer, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("drift", sa.Integer),
        sa.PrimaryKeyConstraint("portal", name="pk_mirror_readings"),
    )
