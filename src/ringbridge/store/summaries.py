"""The tables of summaries: what the pages of analytics read.

An hour is a count of hours since 1970, UTC, an amount a sum over the calls that began in the hour. Kept in the order of
their keys (WITHOUT ROWID), as the mirror is.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table, Text, UniqueConstraint, text

from ringbridge.store.schema import Moment, metadata

stats_sources = Table(
    "stats_sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trunk", Text, nullable=False),
    Column("did", Text, nullable=False),
    UniqueConstraint("trunk", "did"),
)

stats_calls = Table(
    "stats_calls",
    metadata,
    Column("hour", Integer, primary_key=True),
    Column("source", Integer, primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("calls", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    Column("missed", Integer, nullable=False),
    Column("busy", Integer, nullable=False),
    Column("noanswer", Integer, nullable=False),
    Column("cancelled", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("quick", Integer, nullable=False),  # answered within the service level
    Column("wait", Integer, nullable=False),  # seconds, all calls
    Column("answered_wait", Integer, nullable=False),  # seconds, the answered ones
    Column("talk", Integer, nullable=False),  # seconds
    sqlite_with_rowid=False,
)

stats_people = Table(
    "stats_people",
    metadata,
    Column("hour", Integer, primary_key=True),
    Column("extension", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("calls", Integer, nullable=False),  # in which they called, or their phone rang
    Column("answered", Integer, nullable=False),
    Column("missed", Integer, nullable=False),  # that rang with them and that nobody took
    Column("wait", Integer, nullable=False),  # seconds until they took it
    Column("talk", Integer, nullable=False),
    Index("ix_stats_people_extension", "extension", "hour"),
    sqlite_with_rowid=False,
)

stats_clients = Table(
    "stats_clients",
    metadata,
    Column("hour", Integer, primary_key=True),
    Column("source", Integer, primary_key=True),
    Column("client", Text, primary_key=True),  # the last digits, backwards
    Column("calls", Integer, nullable=False),
    # Hours of the client's row before this one, of the same source and of any: who had none in a period is new in it.
    # So different clients are counted without being told apart.
    Column("last", Integer),
    Column("last_any", Integer),
    Index("ix_stats_clients_client", "client", "hour"),
    sqlite_with_rowid=False,
)

stats_known = Table(  # the same over all time
    "stats_known",
    metadata,
    Column("client", Text, primary_key=True),
    Column("source", Integer, primary_key=True),
    Column("calls", Integer, nullable=False),
    Index("ix_stats_known_source", "source"),
    sqlite_with_rowid=False,
)

BACK = text("back_key IS NOT NULL")

stats_missed = Table(
    "stats_missed",
    metadata,
    Column("call_key", Text, primary_key=True),
    Column("at", Moment, nullable=False),
    Column("client", Text, nullable=False),
    Column("source", Integer, nullable=False),
    Column("queue", Text, nullable=False),
    Column("wait", Integer, nullable=False),  # seconds until they gave up
    Column("back", Moment),  # the next answered call with this client, whoever called
    Column("back_key", Text),
    Column("back_direction", Text),
    Column("back_by", Text),  # extension
    Index("ix_stats_missed_at", "at"),
    Index("ix_stats_missed_client", "client", "at"),
    Index("ix_stats_missed_back", "back_key", sqlite_where=BACK, postgresql_where=BACK),
)

# In which hours there are calls of a kind: see `store.marks`.
call_marks = Table(
    "call_marks",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("hour", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

# Which calls are in the summaries: those up to this place of the journal, in the order of their beginning. No place:
# all. The rest is counted by and by.
stats_state = Table(
    "stats_state",
    metadata,
    Column("id", Integer, primary_key=True),  # there is one
    Column("started", Moment),
    Column("key", Text, nullable=False),
    Column("counted", Integer, nullable=False),  # calls so far
    Column("total", Integer, nullable=False),  # calls that were to be counted
)
