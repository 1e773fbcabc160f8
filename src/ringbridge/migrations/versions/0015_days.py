"""Sums by day beside those by hour, for long periods; they are made of those by hour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OF_CALLS = (
    "calls",
    "answered",
    "missed",
    "busy",
    "noanswer",
    "cancelled",
    "failed",
    "quick",
    "wait",
    "answered_wait",
    "talk",
)
OF_PEOPLE = ("calls", "answered", "missed", "wait", "talk")


def upgrade() -> None:
    way = (
        sa.Column("source", sa.Integer, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("direction", sa.Text, nullable=False),
    )
    add_days("stats_calls", way, OF_CALLS)
    phone = (sa.Column("extension", sa.Text, nullable=False), sa.Column("direction", sa.Text, nullable=False))
    add_days("stats_people", phone, OF_PEOPLE)


def add_days(hours: str, by: Sequence[sa.Column[Any]], amounts: Sequence[str]) -> None:
    names = [column.name for column in by]
    days = op.create_table(
        f"{hours}_days",
        sa.Column("day", sa.Integer, nullable=False),
        *by,
        *(sa.Column(name, sa.Integer, nullable=False) for name in amounts),
        sa.PrimaryKeyConstraint("day", *names, name=f"pk_{hours}_days"),
        sqlite_with_rowid=False,
    )
    kept = sa.table(hours, *(sa.column(name) for name in ("hour", *names, *amounts)))
    keys = (kept.c.hour // 24, *(kept.c[name] for name in names))
    sums = sa.select(*keys, *(sa.func.sum(kept.c[name]) for name in amounts)).group_by(*keys)
    op.execute(sa.insert(days).from_select(["day", *names, *amounts], sums))
