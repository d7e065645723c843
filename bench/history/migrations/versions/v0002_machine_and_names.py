"""The machine of a run in words as a column, and an index that holds the names of cases and finds their figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from anatomy.bench.history.history_tables import machine_words

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Forward."""
    op.add_column("runs", sa.Column("machine", sa.String(500), nullable=False, server_default=""))
    runs = sa.table("runs", sa.column("id"), sa.column("environment", sa.JSON), sa.column("machine"))
    connection = op.get_bind()
    for number, environment in connection.execute(sa.select(runs.c.id, runs.c.environment)).all():
        connection.execute(sa.update(runs).where(runs.c.id == number).values(machine=_machine(environment)))
    op.drop_index("ix_figures_case_key", "figures")
    op.create_index("ix_figures_case_key_name_run", "figures", ["case_key", "name", "run"])


def _machine(environment: object) -> str:
    """The machine in words, of as much of a stored environment as is there."""
    known = environment if isinstance(environment, dict) else {}
    gpus = known.get("gpus")
    cpu, cores = str(known.get("cpu", "unknown CPU")), known.get("usable_cores", "?")
    return machine_words(cpu, cores, [str(gpu) for gpu in gpus] if isinstance(gpus, list) else [])


def downgrade() -> None:
    """Back."""
    op.drop_index("ix_figures_case_key_name_run", "figures")
    op.create_index("ix_figures_case_key", "figures", ["case_key"])
    op.drop_column("runs", "machine")
