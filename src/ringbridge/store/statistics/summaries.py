"""The tables of summaries: what the pages of analytics read.

An hour is a count of hours since 1970, UTC, a day one of days, an amount a sum over the calls that began in it. Kept in
the order of their keys (WITHOUT ROWID), as the mirror is.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text, UniqueConstraint, text

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

stats_calls_days = Table(  # the same by day, for long periods
    "stats_calls_days",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("source", Integer, primary_key=True),
    Column("queue", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    *(Column(c.name, Integer, nullable=False) for c in stats_calls.c if not c.primary_key),
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

stats_people_days = Table(
    "stats_people_days",
    metadata,
    Column("day", Integer, primary_key=True),
    Column("extension", Text, primary_key=True),
    Column("direction", Text, primary_key=True),
    *(Column(c.name, Integer, nullable=False) for c in stats_people.c if not c.primary_key),
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

BROUGHT = text("call_key IS NOT NULL")
WHAT = ("kind", "state", "currency", "amount")

# Leads and deals as a CRM has them, each with the client's call that brought it: see `store.sales.kept`.
stats_deals = Table(
    "stats_deals",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # lead, deal
    Column("id", Text, primary_key=True),
    Column("client", Text, nullable=False),  # by whose number it came, else one of the clients'; empty: none is known
    Column("responsible", Text),  # id of the CRM's user
    Column("created", Moment, nullable=False),
    Column("hour", Integer, nullable=False),  # of the call's beginning, else of the deal's
    Column("source", Integer),  # NULL: no call brought it
    Column("call_key", Text),
    Column("called", Moment),  # when that call began
    Column("extension", Text),  # who spoke first in it; NULL: nobody did
    Column("state", Text, nullable=False),  # open, won, lost
    Column("closed", Moment),
    Column("amount", BigInteger, nullable=False),  # hundredths of the currency
    Column("currency", Text, nullable=False),  # RUB; empty: the CRM tells none
    Column("changed", Moment, nullable=False),  # as the CRM says
    Column("earliest", Moment, nullable=False),  # a call that began before it brought nothing
    Column("found_by", Text, nullable=False),  # its rows of stats_deal_keys
    Column("generation", Integer, nullable=False),  # the reading that saw it last
    # In the orders in which `store.statistics.conversion` counts, with all that it reads: the rows are long, and far
    # from one another.
    Index("ix_stats_deals_hour", "hour", "source", "extension", "client", "call_key", *WHAT),
    Index("ix_stats_deals_client", "client", "source", "kind", "state"),
    Index("ix_stats_deals_source", "source", "client", *WHAT),
    Index("ix_stats_deals_extension", "extension", "call_key", *WHAT, sqlite_where=BROUGHT, postgresql_where=BROUGHT),
    Index("ix_stats_deals_closed", "closed"),
    Index("ix_stats_deals_call", "call_key", sqlite_where=BROUGHT, postgresql_where=BROUGHT),
    sqlite_with_rowid=False,
)

stats_deal_keys = Table(
    "stats_deal_keys",
    metadata,
    Column("key", Text, primary_key=True),  # a client's number, the last digits backwards; or a client: "contact 12"
    Column("portal", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

stats_deal_readings = Table(
    "stats_deal_readings",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("terms", Text, nullable=False),  # what the kept deals depend upon: other settings need another reading
    Column("since", Moment, nullable=False),  # what was made before it is not read
    Column("generation", Integer, nullable=False),
    Column("begun", Moment),  # NULL: not all is being read
    Column("cursor", Text),  # where it goes on; NULL: at the beginning
    Column("read", Integer, nullable=False),
    Column("total", Integer),
    Column("finished", Moment),  # when all had been read; NULL: never yet
    Column("seen", Moment),  # what was changed before it has been read
    Column("newest", Moment),  # the latest change that was met
)

# When calls of a kind began: see `store.statistics.marks`.
call_marks = Table(
    "call_marks",
    metadata,
    Column("mark", Text, primary_key=True),
    Column("started", Moment, primary_key=True),
    sqlite_with_rowid=False,
)

# How far work is that goes through the whole journal: up to this place, in the order of the calls' beginning. No place:
# to its end. See `store.statistics.walks`.
stats_state = Table(
    "stats_state",
    metadata,
    Column("id", Integer, primary_key=True),  # which work
    Column("started", Moment),
    Column("key", Text, nullable=False),
    Column("counted", Integer, nullable=False),  # calls so far
    Column("total", Integer, nullable=False),  # calls that there were
)
