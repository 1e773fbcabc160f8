"""How alembic runs our migrations: always on the connection that `store.migration` gives, in its transaction."""

from __future__ import annotations

from alembic import context

from ringbridge.store.schema import metadata
from ringbridge.store.statistics import summaries  # noqa: F401 -- its tables are among the metadata's

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
