"""Runs and their figures."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Forward."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project", sa.String(200), nullable=False),
        sa.Column("run_id", sa.String(200), nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("suite", sa.String(200), nullable=False),
        sa.Column("commit_hash", sa.String(64)),
        sa.Column("branch", sa.String(200)),
        sa.Column("dirty", sa.Boolean),
        sa.Column("fingerprint", sa.String(12), nullable=False),
        sa.Column("environment", sa.JSON, nullable=False),
        sa.UniqueConstraint("project", "run_id", "fingerprint", name="uq_runs_project_run_id_fingerprint"),
    )
    op.create_index("ix_runs_project_started_at", "runs", ["project", "started_at"])
    op.create_table(
        "figures",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "run", sa.Integer, sa.ForeignKey("runs.id", ondelete="CASCADE", name="fk_figures_run"), nullable=False
        ),
        sa.Column("case_key", sa.String(12), nullable=False),
        sa.Column("name", sa.String(500), nullable=False),
        sa.Column("case", sa.JSON, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("step_s", sa.Float),
        sa.Column("step_low_s", sa.Float),
        sa.Column("step_high_s", sa.Float),
        sa.Column("throughput_examples_per_s", sa.Float),
        sa.Column("compile_s", sa.Float),
        sa.Column("peak_host_bytes", sa.BigInteger),
        sa.Column("peak_device_bytes", sa.BigInteger),
        sa.Column("parameters", sa.BigInteger),
        sa.Column("flops", sa.BigInteger),
        sa.UniqueConstraint("run", "case_key", name="uq_figures_run_case_key"),
    )
    op.create_index("ix_figures_case_key", "figures", ["case_key"])


def downgrade() -> None:
    """Back."""
    op.drop_table("figures")
    op.drop_table("runs")
