"""The tables of the history. `migrations/versions` has one file per change of them."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

# Fixed names of constraints, which migrations can refer to on every database.
METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# One row per run of `anatomy run` or pytest. `started_at` is ISO 8601 in UTC, which sorts as text.
RUNS = Table(
    "runs",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("project", String(200), nullable=False),
    Column("run_id", String(200), nullable=False),
    Column("started_at", String(32), nullable=False),
    Column("suite", String(200), nullable=False),
    Column("commit_hash", String(64)),
    Column("branch", String(200)),
    Column("dirty", Boolean),
    Column("fingerprint", String(12), nullable=False),
    Column("machine", String(500), nullable=False, server_default=""),
    Column("environment", JSON, nullable=False),
    UniqueConstraint("project", "run_id", "fingerprint"),
    Index(None, "project", "started_at"),
)

# One row per case of a run, in base units (seconds, bytes); NULL where not measured.
FIGURES = Table(
    "figures",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("run", Integer, ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    Column("case_key", String(12), nullable=False),
    Column("name", String(500), nullable=False),
    Column("case", JSON, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("step_s", Float),
    Column("step_low_s", Float),
    Column("step_high_s", Float),
    Column("throughput_examples_per_s", Float),
    Column("compile_s", Float),
    Column("peak_host_bytes", BigInteger),
    Column("peak_device_bytes", BigInteger),
    Column("parameters", BigInteger),
    Column("flops", BigInteger),
    UniqueConstraint("run", "case_key"),
    # All that a search for cases by words of their names reads; and from a case to its figures.
    Index(None, "case_key", "name", "run"),
)


def machine_words(cpu: str, usable_cores: int | str, gpus: Sequence[str]) -> str:
    """`Imaginary CPU, 2 cores`: the machine of a run as its points name it, in the column `machine`."""
    return ", ".join([cpu, f"{usable_cores} cores", *gpus])[:500]
