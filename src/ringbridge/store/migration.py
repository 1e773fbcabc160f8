"""Bring the schema up to this version, once, whoever else starts at the same moment.

The check and all steps run in one write transaction: a second process waits for it and then finds nothing to do, and
a process killed half-way leaves the schema as it was.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from ringbridge import migrations
from ringbridge.store.errors import SchemaTooNew


def upgrade(connection: Connection) -> None:
    """Run what is missing. The connection is in a write transaction that the caller commits."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    script = ScriptDirectory.from_config(config)
    at = MigrationContext.configure(connection).get_current_heads()
    refuse_newer(script, at)
    if set(at) != set(script.get_heads()):
        command.upgrade(config, "head")


def refuse_newer(script: ScriptDirectory, at: tuple[str, ...]) -> None:
    ours = {step.revision for step in script.walk_revisions()}
    unknown = [revision for revision in at if revision not in ours]
    if unknown:
        raise SchemaTooNew(
            f"A newer Ringbridge wrote this database (schema {', '.join(unknown)}, this version knows up to "
            f"{script.get_current_head()}). Install that version again, or restore the backup made before it."
        )
