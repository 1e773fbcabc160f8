"""Copies of a journal's one week, made by SQL: a call takes microseconds.

Calls and sums are moved in time. What hangs on who called is put together anew, since other clients call in each week.
The tables are then those that counting all calls one by one would have made. Every tenth incoming call brings a deal.
Each call's story tells of its client.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

MOVED = ("stats_calls", "stats_calls_days", "stats_people", "stats_people_days", "call_marks")
"""Sums that do not say who called."""

A_WEEK = {"day": 7, "hour": 7 * 24, "started": 7 * 86400 * 1_000_000}
"""What a week is in a column of theirs."""


def copy_week(path: Path, weeks: int, moved: Callable[[str, int], str], told: Callable[[str], str]) -> None:
    """Put `weeks` - 1 copies of the database's one week before it. `moved`: a client's number and the count of weeks
    before the last -> the number that calls then. `told`: a client's number -> a line of their call's story. The
    database is open nowhere else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.create_function("moved", 2, moved, deterministic=True)
        connection.create_function("told", 1, told, deterministic=True)
        connection.create_function("backwards", 1, lambda text: text[::-1], deterministic=True)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-500000", "foreign_keys=OFF"):
            connection.execute(f"PRAGMA {pragma}")
        indexes = without_indexes(connection)
        copy_calls(connection, weeks)
        for table in MOVED:
            copy_sums(connection, table, weeks)
        for statement in (*CLIENTS, *MISSED, DEALS, STORY, STATE):
            connection.execute(statement)
        for statement in indexes.values():
            connection.execute(statement)
        connection.execute("PRAGMA journal_mode=WAL")


def without_indexes(connection: sqlite3.Connection) -> Mapping[str, str]:
    """Takes them away; gives how each is made. To build one in the end is quicker than to keep it."""
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    indexes = {name: sql for name, sql in found if name.startswith(("ix_calls", "ix_stats", "ix_story"))}
    for name in indexes:
        connection.execute(f"DROP INDEX {name}")
    return indexes


def copy_calls(connection: sqlite3.Connection, weeks: int) -> None:
    """In the order of time, as they would have come."""
    connection.execute("CREATE TEMP TABLE week AS SELECT * FROM calls ORDER BY started, key")
    connection.execute("DELETE FROM calls")
    for week in reversed(range(weeks)):
        connection.execute(CALLS, {"week": week, "off": week * 7 * 86400, "days": f"-{7 * week} days"})


def copy_sums(connection: sqlite3.Connection, table: str, weeks: int) -> None:
    told = list(connection.execute(f"PRAGMA table_info({table})"))
    columns = [f"{name} - {A_WEEK[name]} * value AS {name}" if name in A_WEEK else name for _, name, *_ in told]
    key = ", ".join(name for _, name, *_, place in sorted(told, key=lambda one: one[-1]) if place)
    connection.execute(f"CREATE TEMP TABLE of_a_week AS SELECT * FROM {table}")
    connection.execute(f"DELETE FROM {table}")
    all_weeks = (
        "(WITH RECURSIVE n(value) AS (VALUES(0) UNION ALL SELECT value + 1 FROM n LIMIT :weeks) SELECT * FROM n)"
    )
    copied = f"SELECT {', '.join(columns)} FROM of_a_week CROSS JOIN {all_weeks} ORDER BY {key}"
    connection.execute(f"INSERT INTO {table} {copied}", {"weeks": weeks})
    connection.execute("DROP TABLE of_a_week")


# LIMIT: without it each row's other number would be looked for at every place where it stands.
CALLS = """
INSERT INTO calls (
    key, pbx, started, ended, direction, external, number_reversed, did, trunk, disposition, employees, talk, snapshot
)
SELECT 'office-' || other_id, pbx, started - :off * 1000000, ended - :off * 1000000, direction, other, backwards(other),
       did, trunk, disposition, employees, talk,
       replace(replace(replace(snapshot, '"id":"' || id || '"', '"id":"' || other_id || '"'),
                       external, other), day, date(day, :days))
  FROM (SELECT *, (CAST(id AS INTEGER) - :off) || '.' || :week || substr(id, 12) AS other_id
          FROM (SELECT *, substr(key, 8) AS id, moved(external, :week) AS other,
                       date(started / 1000000, 'unixepoch') AS day
                  FROM week LIMIT -1)
         LIMIT -1)
"""

CLIENTS = (
    "DELETE FROM stats_clients",
    "DELETE FROM stats_known",
    """
INSERT INTO stats_clients (hour, source, client, calls, last, last_any)
SELECT hour, source, client, calls, lag(hour) OVER (PARTITION BY client, source ORDER BY hour),
       lag(hour) OVER (PARTITION BY client ORDER BY hour, source)
  FROM (SELECT started / 3600000000 AS hour, stats_sources.id AS source, substr(number_reversed, 1, 10) AS client,
               count(*) AS calls
          FROM calls JOIN stats_sources
            ON stats_sources.trunk = calls.trunk AND stats_sources.did = coalesce(calls.did, '')
         WHERE direction = 'inbound' GROUP BY 1, 2, 3)
 ORDER BY hour, source, client
""",
    """
INSERT INTO stats_known (client, source, calls)
SELECT client, source, sum(calls) FROM stats_clients GROUP BY client, source
""",
)

MISSED = (
    """
CREATE TEMP TABLE spoken AS
SELECT substr(number_reversed, 1, 10) AS client, started, key, direction, substr(employees, 2, 3) AS by
  FROM calls WHERE disposition = 'answered'
""",
    "CREATE INDEX temp.ix_spoken ON spoken (client, started, key)",
    "DELETE FROM stats_missed",
    """
INSERT INTO stats_missed (call_key, at, client, source, queue, wait, back, back_key, back_direction, back_by)
SELECT call.key, at, call.client, source, queue, wait, spoken.started, spoken.key, spoken.direction, spoken.by
  FROM (SELECT calls.key, started AS at, substr(number_reversed, 1, 10) AS client, stats_sources.id AS source,
               coalesce(json_extract(snapshot, '$.queue'), '') AS queue, (ended - started) / 1000000 AS wait
          FROM calls JOIN stats_sources
            ON stats_sources.trunk = calls.trunk AND stats_sources.did = coalesce(calls.did, '')
         WHERE disposition = 'missed') AS call
  LEFT JOIN spoken ON spoken.rowid = (
       SELECT later.rowid FROM spoken AS later
        WHERE later.client = call.client AND later.started > at AND later.started <= at + 7 * 86400000000
        ORDER BY later.started, later.key LIMIT 1)
""",
    "DROP TABLE spoken",
)

DEALS = """
INSERT INTO stats_deals (
    portal, kind, id, client, created, hour, source, call_key, called, extension, state, closed, amount, currency,
    changed, earliest, found_by, generation
)
SELECT 'acme', CASE calls.rowid % 40 WHEN 0 THEN 'lead' ELSE 'deal' END, calls.rowid, substr(number_reversed, 1, 10),
       ended, started / 3600000000, stats_sources.id, key, started,
       CASE disposition WHEN 'answered' THEN substr(employees, 2, 3) END,
       CASE calls.rowid / 10 % 4 WHEN 1 THEN 'won' WHEN 2 THEN 'lost' ELSE 'open' END, ended + 7 * 86400000000,
       calls.rowid % 100000 * 100, CASE calls.rowid % 50 WHEN 0 THEN 'EUR' ELSE 'RUB' END, ended, started,
       json_object('', json_array(substr(number_reversed, 1, 10))), 1
  FROM calls JOIN stats_sources
    ON stats_sources.trunk = calls.trunk AND stats_sources.did = coalesce(calls.did, '')
 WHERE direction = 'inbound' AND calls.rowid % 10 = 0
"""

STORY = """
INSERT INTO story (call_key, at, kind, text)
SELECT key, ended, 'decided', told(external) FROM calls ORDER BY rowid
"""

STATE = "UPDATE stats_state SET counted = (SELECT count(*) FROM calls), total = (SELECT count(*) FROM calls)"
