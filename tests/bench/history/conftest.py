"""The same tests on SQLite and on a real PostgreSQL server."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import sqlalchemy as sa

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run, RunHeader
from tests.bench.history.postgres import programs, server
from tests.factories import make_environment, make_record

MakeRun = Callable[..., Run]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server here; Debian: apt install postgresql")
    pytest.importorskip("psycopg", reason="no driver for PostgreSQL; pip install 'keras-anatomy[postgres]'")
    with server(binaries) as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.process)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'made' / 'history.sqlite'}"
    base = request.getfixturevalue("postgres").replace("postgresql:", "postgresql+psycopg:")
    name = f"test_{uuid.uuid4().hex}"
    engine = sa.create_engine(f"{base}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{base.replace('+psycopg', '')}/{name}"


def numbered_run(number: int, records: Sequence[Record] = (), commit: str | None = None, **environment: object) -> Run:
    """The `number`-th run of a project, an hour after the one before."""
    header = RunHeader(
        id=f"run-{number:03}",
        started_at=f"2026-01-{1 + number // 24:02}T{number % 24:02}:00:00+00:00",
        command=["anatomy", "run"],
        suite="ci",
        environment=make_environment(commit=commit or f"{number:010x}{0:030}", dirty=False, **environment),
        planned=[],
    )
    return Run(path=Path(), header=header, records=list(records) or [record_at(0.010)])


def record_at(step_s: float, model: str = "mlp", **fields: object) -> Record:
    """A case whose median step is so long."""
    return make_record(model, steps=[step_s] * 9, case={"mode": "train", "backend": "jax"}, **fields)  # type: ignore[arg-type]


# A project under git, as the gate's tests have it.
from tests.bench.regression_gate.conftest import project  # noqa: E402, F401
