"""Store the history in a SQLite file by default, or in PostgreSQL by URL (SQLAlchemy; Alembic migrates on opening)."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history.history_points import HistoryPoint
from anatomy.bench.history.history_tables import FIGURES, RUNS, machine_words
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run

# Environment variable with the URL of the store; `off` for no history.
VARIABLE = "ANATOMY_HISTORY"
# Advisory lock on PostgreSQL: of two processes that migrate at the same time, one waits.
_LOCK = 4_172_021
_BUSY_S = 30
# Cases that a query names one by one; of more, the project's are read and the others dropped.
_MOST_NAMED = 500
_PASSWORD = re.compile(r"((?:password|passwd|pwd)=)[^&\s]*", re.IGNORECASE)


def default_url(environment: dict[str, str] | None = None) -> str:
    """URL of the store: `ANATOMY_HISTORY`, else a SQLite file in the user's data folder."""
    given = (os.environ if environment is None else environment).get(VARIABLE)
    return given or f"sqlite:///{platformdirs.user_data_path('anatomy') / 'history.sqlite'}"


class History:
    """The history in one store. Use as a context manager."""

    def __init__(self, url: str | None = None) -> None:
        """Open the store, create it if it is new, and migrate its tables.

        Args:
            url: of SQLAlchemy (`postgresql://user@host/name`, `sqlite:///file`); by default `default_url()`.

        Raises:
            UsageError: no such database or driver, or a store of a newer Anatomy.
        """
        self._engine = _engine(url or default_url())
        self.name = self._engine.url.render_as_string(hide_password=True)
        try:
            with self._writing() as connection:
                _migrate(connection)
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> History:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.dispose()

    def add(self, run: Run, project: str, branch: str | None = None) -> int:
        """Add a run with all its cases; a run with the same project, id and machine is replaced.

        Returns:
            The number of cases.
        """
        header = run.header
        environment = header.environment
        identity = {"project": project, "run_id": header.id, "fingerprint": environment.fingerprint}
        row = identity | {
            "started_at": header.started_at,
            "suite": header.suite,
            "commit_hash": environment.commit,
            "branch": branch,
            "dirty": environment.dirty,
            "machine": machine_words(environment.cpu, environment.usable_cores, environment.gpus),
            "environment": environment.model_dump(),
        }
        with self._writing() as connection:
            # Of two processes that add the same run at once, the second waits here for the first, and replaces it.
            insert = _insert(connection)(RUNS).values(row)
            upsert = insert.on_conflict_do_update(
                index_elements=list(identity), set_={name: insert.excluded[name] for name in row}
            )
            connection.execute(upsert)
            # RETURNING needs SQLite 3.35.
            same = sa.and_(*(RUNS.c[name] == value for name, value in identity.items()))
            number = connection.scalar(sa.select(RUNS.c.id).where(same))
            connection.execute(sa.delete(FIGURES).where(FIGURES.c.run == number))
            figures = [figures_of_record(record) | {"run": number} for record in run.records]
            if figures:
                connection.execute(sa.insert(FIGURES), figures)
        return len(figures)

    def remove(self, project: str, run_id: str) -> int:
        """Remove a run with all its cases; returns how many runs of this id there were, one for each machine."""
        with self._writing() as connection:
            held = sa.select(RUNS.c.id).where(RUNS.c.project == project, RUNS.c.run_id == run_id)
            connection.execute(sa.delete(FIGURES).where(FIGURES.c.run.in_(held)))
            gone = connection.execute(sa.delete(RUNS).where(RUNS.c.project == project, RUNS.c.run_id == run_id))
        return gone.rowcount

    def projects(self) -> list[str]:
        """Names of the projects that have runs."""
        with self._reading() as connection:
            return list(connection.scalars(sa.select(RUNS.c.project).distinct().order_by(RUNS.c.project)))

    def runs(self, project: str) -> list[dict[str, Any]]:
        """The runs of a project, oldest first, each with the number of its cases; without the environment."""
        cases = sa.select(sa.func.count()).where(FIGURES.c.run == RUNS.c.id).scalar_subquery().label("cases")
        query = (
            sa.select(*(column for column in RUNS.c if column.name != "environment"), cases)
            .where(RUNS.c.project == project)
            .order_by(RUNS.c.started_at, RUNS.c.id)
        )
        with self._reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def points(self, project: str, branch: str | None = None, words: Sequence[str] = ()) -> list[HistoryPoint]:
        """The points of the measured cases of a project, oldest first.

        Args:
            branch: only runs of this branch; by default of all.
            words: words of a case's name, or its key; by default all cases.
        """
        query = (
            sa.select(*_POINT)
            .join_from(FIGURES, RUNS, FIGURES.c.run == RUNS.c.id)
            .where(RUNS.c.project == project, FIGURES.c.outcome == "ok")
            .order_by(RUNS.c.started_at, RUNS.c.id, FIGURES.c.id)
        )
        if branch is not None:
            query = query.where(RUNS.c.branch == branch)
        with self._reading() as connection:
            named = _named_cases(connection, words) if words else None
            if named is not None and len(named) <= _MOST_NAMED:
                query = query.where(sa.tuple_(FIGURES.c.case_key, FIGURES.c.name).in_(named))
            points = map(HistoryPoint._make, connection.execute(query))
            return [point for point in points if named is None or (point.case_key, point.name) in named]

    def points_of(self, keys: Sequence[str], fingerprint: str) -> dict[str, list[HistoryPoint]]:
        """Key → the points of these cases on one machine, oldest first, of all projects."""
        found: dict[str, list[HistoryPoint]] = {}
        with self._reading() as connection:
            for first in range(0, len(keys), _MOST_NAMED):
                query = (
                    sa.select(*_POINT)
                    .join_from(FIGURES, RUNS, FIGURES.c.run == RUNS.c.id)
                    .where(FIGURES.c.case_key.in_(keys[first : first + _MOST_NAMED]), FIGURES.c.outcome == "ok")
                    .where(RUNS.c.fingerprint == fingerprint)
                    .order_by(RUNS.c.started_at, RUNS.c.id, FIGURES.c.id)
                )
                for point in map(HistoryPoint._make, connection.execute(query)):
                    found.setdefault(point.case_key, []).append(point)
        return found

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            said = " ".join(str(error.orig).split())
            if password := self._engine.url.password:
                said = said.replace(str(password), "***")
            raise UsageError(f"the history {self.name} cannot be used: {said}") from error
        except CommandError as error:
            raise UsageError(
                f"the history {self.name} was written by a newer Anatomy ({error}); upgrade keras-anatomy"
            ) from error
        except SQLAlchemyError as error:
            raise UsageError(f"the history {self.name}: {error}") from error


def file_of(url: str) -> str | None:
    """The file of a SQLite store; `None` of any other."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return None
    return parsed.database if parsed.get_backend_name() == "sqlite" else None


def _insert(connection: Connection) -> Any:
    """The `INSERT` of this database that knows `ON CONFLICT`."""
    return postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert


def _engine(text: str) -> Engine:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError) as error:
        raise UsageError(
            f"{_shown(text)} is no URL of a database; expected e.g. sqlite:///history.sqlite or postgresql://user@host/name"
        ) from error
    if url.get_backend_name() == "sqlite":
        _make_folder(url)
        engine = sa.create_engine(url, connect_args={"timeout": _BUSY_S, "isolation_level": None})
        sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys=ON"))
        # The driver begins no transaction before DDL. Of two processes that migrate at the same time, one must wait.
        sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    if url.get_backend_name() == "postgresql" and url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    try:
        return sa.create_engine(url)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise UsageError(f"no driver for {url.drivername}: {error}; pip install 'keras-anatomy[postgres]'") from error
    except (ArgumentError, TypeError, ValueError) as error:
        raise UsageError(
            f"{url.render_as_string(hide_password=True)} is no URL of a database that can be used"
        ) from error


def _shown(text: str) -> str:
    """A text that is no URL, quoted, without what may be a password: what stands before an @ or after `password=`."""
    before, at, after = text.rpartition("@")
    return repr(_PASSWORD.sub(r"\1…", f"…@{after}" if at and before else text))


def _make_folder(url: URL) -> None:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)


# Alembic keeps its context in a global variable.
_MIGRATING = threading.Lock()


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    with _MIGRATING:
        command.upgrade(config, "head")


# The columns of a point, in its order: neither the case nor the environment, which are JSON.
_POINT = [
    (RUNS.c.commit_hash if name == "commit" else RUNS.c[name] if name in RUNS.c else FIGURES.c[name]).label(name)
    for name in HistoryPoint._fields
]


def _named_cases(connection: Connection, words: Sequence[str]) -> set[tuple[str, str]]:
    """The keys and names of the cases, of any project, that have all these words, or the key among them.

    Goes through the index from key to key: what it reads grows with the cases, not with their figures.
    """
    wanted = set(" ".join(words).split())
    key, name = FIGURES.c.case_key, FIGURES.c.name
    keys = sa.select(sa.func.min(key).label("case_key")).cte("keys", recursive=True)
    following = sa.select(sa.func.min(key)).where(key > keys.c.case_key).scalar_subquery()
    keys = keys.union_all(sa.select(following).where(keys.c.case_key.is_not(None)))
    ends = [sa.select(end(name)).where(key == keys.c.case_key).scalar_subquery() for end in (sa.func.min, sa.func.max)]
    found = connection.execute(sa.select(keys.c.case_key, *ends).where(keys.c.case_key.is_not(None))).all()
    named = {(case, first) for case, first, _ in found}
    # A case has one name, unless a later version of Anatomy writes it otherwise.
    for case in (case for case, first, last in found if first != last):
        names = connection.scalars(sa.select(name).where(key == case).distinct())
        named |= {(case, one) for one in names}
    return {(case, one) for case, one in named if wanted <= {*one.split(), case}}


def figures_of_record(record: Record) -> dict[str, Any]:
    """The row of a case, without the number of its run."""
    low, high = record.step_interval_s or (None, None)
    counts = record.counts
    return {
        "case_key": record.key,
        "name": record.name,
        "case": record.case.fields(),
        "outcome": record.outcome,
        "step_s": record.step_median_s,
        "step_low_s": low,
        "step_high_s": high,
        "throughput_examples_per_s": record.throughput_examples_per_s,
        "compile_s": record.phases.compile_s,
        "peak_host_bytes": record.peak_host_bytes,
        "peak_device_bytes": record.peak_device_bytes,
        "parameters": counts.parameters if counts else None,
        "flops": counts.whole("flops") if counts else None,
    }


def series_of_points(points: Sequence[HistoryPoint]) -> dict[tuple[str, str], list[HistoryPoint]]:
    """Case and machine → its points in the given order: a series never mixes machines."""
    found: dict[tuple[str, str], list[HistoryPoint]] = {}
    for point in points:
        found.setdefault((point.case_key, point.fingerprint), []).append(point)
    return found
