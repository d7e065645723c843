"""Run by Alembic: migrate over the connection that the store has opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from anatomy.bench.history.history_tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True)
context.run_migrations()
