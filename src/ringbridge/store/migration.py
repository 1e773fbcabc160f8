"""Bring the schema up to this version, once, whoever else starts at the same moment.

The check and all steps run in one write transaction: a second process waits for it and then finds nothing to do, and
a process killed half-way leaves the schema as it was. Alembic is loaded only when there is something to do, which is
once in a version's life: it would be a good part of every start.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from ringbridge import migrations
from ringbridge.store.errors import SchemaTooNew

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade(connection: Connection) -> None:
    """Run what is missing. The connection is in a write transaction that the caller commits."""
    at = revision_of(connection)
    if at == migrations.HEAD:
        return
    if at is not None:
        known(at)
    from alembic import command

    config = configuration()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def known(revision: str) -> None:
    """Raises `SchemaTooNew` where it is none of this version's."""
    from alembic.script import ScriptDirectory

    if revision not in {step.revision for step in ScriptDirectory.from_config(configuration()).walk_revisions()}:
        raise SchemaTooNew(
            f"A newer Ringbridge wrote this database (schema {revision}, this version knows up to {migrations.HEAD}). "
            "Install that version again, or restore the backup made before it."
        )


def configuration() -> Config:
    """Where alembic finds the steps."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    return config


def revision_of(connection: Connection) -> str | None:
    """Where the database stands, None for an empty one. Read from alembic's own table."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
