"""Bring the schema up to this version, once, whoever else starts at the same moment.

The check and all steps run in one write transaction: a second process waits for it and then finds nothing to do, and
a process killed half-way leaves the schema as it was. Alembic is loaded only when there is something to do, which is
once in a version's life: it would be a good part of every start.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from ringbridge import migrations
from ringbridge.store.errors import SchemaTooNew


def upgrade(connection: Connection) -> None:
    """Run what is missing. The connection is in a write transaction that the caller commits."""
    at = revision_of(connection)
    if at == migrations.HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    if at is not None and at not in {step.revision for step in ScriptDirectory.from_config(config).walk_revisions()}:
        raise SchemaTooNew(
            f"A newer Ringbridge wrote this database (schema {at}, this version knows up to {migrations.HEAD}). "
            "Install that version again, or restore the backup made before it."
        )
    command.upgrade(config, "head")


def revision_of(connection: Connection) -> str | None:
    """Where the database stands, None for an empty one. Read from alembic's own table."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
