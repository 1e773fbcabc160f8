"""The tables. Migrations make them; a test keeps both the same.

Types are those that every SQL database has. A moment is a count of microseconds since 1970, UTC: exact, sortable, and
the same in SQLite and PostgreSQL. Values that are read only whole are JSON text.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as microseconds since 1970 UTC. A naive one is refused: it would lie elsewhere."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only for INTEGER

metadata = MetaData(
    naming_convention={
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

calls = Table(
    "calls",
    metadata,
    Column("key", Text, primary_key=True),  # <pbx>-<call id>
    Column("pbx", Text, nullable=False),
    Column("started", Moment, nullable=False),
    Column("ended", Moment),
    Column("direction", Text, nullable=False),
    Column("external", Text),
    Column("number_reversed", Text, nullable=False),  # the client's digits backwards: a search knows the last digits
    Column("did", Text),
    Column("trunk", Text),
    Column("disposition", Text),
    Column("employees", Text, nullable=False),  # " 101 102 ": rung, spoken or calling, each between blanks
    Column("talk", Integer, nullable=False),  # seconds
    Column("snapshot", Text, nullable=False),  # the whole Call
    Index("ix_calls_started", "started", "key"),
    Index("ix_calls_number", "number_reversed"),
    Index("ix_calls_open", "pbx", sqlite_where=text("ended IS NULL"), postgresql_where=text("ended IS NULL")),
)

story = Table(
    "story",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("call_key", Text, ForeignKey("calls.key", ondelete="CASCADE"), nullable=False),
    Column("at", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Index("ix_story_call", "call_key", "id"),
)

# A partial index is used only by a query that has its condition, word for word.
HEADS = text("state = 'waiting' AND head")
OPEN = text("state IN ('waiting', 'sending')")
GIVEN_UP = text("state = 'given_up'")

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("portal", Text, nullable=False),
    Column("call_key", Text, ForeignKey("calls.key", ondelete="CASCADE"), nullable=False),
    Column("record", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("key", Text, nullable=False),  # the idempotency key
    Column("kind", Text, nullable=False),  # class of the intent
    Column("intent", Text, nullable=False),
    Column("rank", SmallInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("head", Boolean, nullable=False),  # nothing of its lane is before it: see order.py
    Column("attempts", Integer, nullable=False),
    Column("due", Moment, nullable=False),
    Column("uncertain", Boolean, nullable=False),
    Column("facts", Text),
    Column("sent", Text),  # the last exchange with the portal, secrets masked
    Column("answered", Text),
    Column("reason", Text),
    Column("created", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("answered_at", Moment),
    Column("settled", Moment),
    UniqueConstraint("key", "portal"),  # in this order: no query by portal alone may take it for a good index
    Index("ix_deliveries_call", "call_key", "id"),
    Index("ix_deliveries_heads", "portal", "rank", "due", sqlite_where=HEADS, postgresql_where=HEADS),
    Index("ix_deliveries_open", "portal", "created", sqlite_where=OPEN, postgresql_where=OPEN),
    Index("ix_deliveries_refused", "portal", "id", sqlite_where=GIVEN_UP, postgresql_where=GIVEN_UP),
)

portals = Table(
    "portals",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("parked_since", Moment),
    Column("parked_until", Moment),
    Column("parked_reason", Text),
    Column("tokens", Text),  # sealed
    Column("facts", Text),
)

settings = Table(
    "settings",
    metadata,
    Column("section", Text, primary_key=True),
    Column("document", Text, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("changed_by", Text, nullable=False),
)

settings_audit = Table(
    "settings_audit",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("section", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),  # NULL: the section was removed
    Column("changed", Moment, nullable=False),
    Column("changed_by", Text, nullable=False),
    Index("ix_settings_audit_section", "section", "id"),
)

crm_users = Table(
    "crm_users",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("user", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("extensions", Text, nullable=False),
    Column("phones", Text, nullable=False),
    Column("departments", Text, nullable=False, server_default="[]"),
    Column("working_day", Text),
    Column("email", Text, nullable=False, server_default=""),
)

dials = Table(
    "dials",
    metadata,
    Column("id", Text, primary_key=True),  # names the channel and the action
    Column("portal", Text, nullable=False),
    Column("source", Text, nullable=False),  # the request's name where it came from
    Column("kind", Text, nullable=False),
    Column("caller", Text, nullable=False),  # by whom requests are counted
    Column("number", Text, nullable=False),  # one spelling for each
    Column("crm_call_id", Text),
    Column("request", Text, nullable=False),
    Column("pbx", Text, nullable=False),
    Column("extension", Text, nullable=False),  # whose phone was to ring; empty when it was refused
    Column("state", Text, nullable=False),
    Column("asked", Moment, nullable=False),
    Column("decided", Moment, nullable=False),
    Column("reason", Text),
    UniqueConstraint("portal", "source"),
    Index("ix_dials_caller", "portal", "caller", "asked"),
    Index("ix_dials_decided", "decided"),
)

OPEN_ORDERS = text("state IN ('waiting', 'dialling')")
WAITING_ORDERS = text("state = 'waiting'")

orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("portal", Text, nullable=False),
    Column("source", Text, nullable=False),  # the order's name where it came from
    Column("number", Text, nullable=False),  # one spelling for each
    Column("request", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due", Moment, nullable=False),  # of the next attempt
    Column("dial", Text),  # of the last attempt
    Column("created", Moment, nullable=False),
    Column("ended", Moment),
    Column("reason", Text),
    UniqueConstraint("portal", "source"),
    # A number has one open order: nobody is called twice at once.
    Index("uq_orders_open", "number", unique=True, sqlite_where=OPEN_ORDERS, postgresql_where=OPEN_ORDERS),
    Index("ix_orders_number", "number", "created"),
    Index("ix_orders_dial", "dial"),
    Index("ix_orders_due", "due", sqlite_where=WAITING_ORDERS, postgresql_where=WAITING_ORDERS),
)

# The mirror. SQLite keeps the first two in the order of their keys and needs no second copy (WITHOUT ROWID).

mirror_things = Table(
    "mirror_things",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("kind", Text, primary_key=True),  # contact, company, lead, deal
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("responsible", Text),
    Column("company", Text),  # id of the one a contact works for
    Column("company_name", Text, nullable=False),  # where the CRM told it with the client
    Column("found_by", Text, nullable=False),  # a client's numbers as written, a deal's clients
    Column("generation", Integer, nullable=False),  # the reading that saw it last
    sqlite_with_rowid=False,
)

mirror_keys = Table(
    "mirror_keys",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("key", Text, primary_key=True),  # digits, one spelling for each number; or a deal's client: "contact 12"
    Column("kind", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    sqlite_with_rowid=False,
)

mirror_readings = Table(
    "mirror_readings",
    metadata,
    Column("portal", Text, primary_key=True),
    Column("region", Text, nullable=False),  # the office's country: the numbers are kept as it reads them
    Column("generation", Integer, nullable=False),
    Column("begun", Moment),  # NULL: nothing is being read
    Column("cursor", Text),  # where it goes on; NULL: at the beginning
    Column("read", Integer, nullable=False),
    Column("total", Integer),
    Column("differing", Integer, nullable=False),  # that it found to be otherwise than they were kept
    Column("finished", Moment),  # when all had been read; NULL: never yet
    Column("drift", Integer),  # what the last sweep found to be otherwise
)

dealt = Table(
    "dealt",
    metadata,
    Column("day", Text, primary_key=True),  # the office's, 2026-11-25
    Column("phone", Text, primary_key=True),
    Column("clients", Integer, nullable=False),  # new ones, whose call it was given first
)

users = Table(
    "users",
    metadata,
    Column("name", Text, primary_key=True),
    Column("role", Text, nullable=False),
    Column("extensions", Text, nullable=False),
    Column("password", Text, nullable=False),  # its argon2 hash
    Column("created", Moment, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("digest", Text, primary_key=True),  # of what the browser holds: a copy of the database opens no page
    Column("user", Text, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("started", Moment, nullable=False),
    Column("ends", Moment, nullable=False),
    Index("ix_sessions_user", "user"),
    Index("ix_sessions_ends", "ends"),
)

api_tokens = Table(
    "api_tokens",
    metadata,
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False, unique=True),  # of what the program shows
    Column("may", Text, nullable=False),
    Column("origins", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("created_by", Text, nullable=False),
)

api_token_uses = Table(
    "api_token_uses",
    metadata,
    Column("token", Text, primary_key=True),  # its name; of one in the configuration too
    Column("used", Moment, nullable=False),
)
