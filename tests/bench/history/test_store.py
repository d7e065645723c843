"""The store: written and read back on both databases, migrated, shared, and its troubles named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history import history_store
from anatomy.bench.history.find_trends import find_trends
from anatomy.bench.history.history_store import History, default_url, series_of_points
from anatomy.bench.history.history_tables import METADATA
from tests.bench.history.conftest import numbered_run, record_at
from tests.factories import make_counts, make_record


def test_what_is_written_is_read_back_in_order(url: str) -> None:
    with History(url) as history:
        for number in (2, 0, 1):
            records = [record_at(0.010 + number / 1000), make_record("vgg:depth=11", outcome="oom", reason="no room")]
            assert history.add(numbered_run(number, records), "mine", "main") == 2
        points = history.points("mine")
    assert [point.step_s for point in points] == [0.010, 0.011, 0.012]
    first = points[0]
    assert (first.run_id, first.branch, first.commit, first.dirty) == ("run-000", "main", "0" * 40, False)
    assert first.machine == "Imaginary CPU @ 2 GHz, 2 cores"
    assert (first.parameters, first.peak_host_bytes, first.compile_s) == (1_000, 420 * 2**20, 2.0)


def test_a_run_that_is_there_already_is_replaced(url: str) -> None:
    with History(url) as history:
        history.add(numbered_run(0, [record_at(0.010), record_at(0.020, "lstm")]), "mine")
        history.add(numbered_run(0, [record_at(0.030)]), "mine")
        assert [point.step_s for point in history.points("mine")] == [0.030]
        assert [(row["run_id"], row["cases"]) for row in history.runs("mine")] == [("run-000", 1)]


def test_projects_branches_and_machines_are_kept_apart(url: str) -> None:
    with History(url) as history:
        history.add(numbered_run(0), "mine", "main")
        history.add(numbered_run(1), "mine", "other")
        history.add(numbered_run(0), "yours", "main")
        history.add(numbered_run(0, cpu="Another CPU"), "mine", "main")
        assert history.projects() == ["mine", "yours"]
        assert len(history.points("mine")) == 3
        assert len(history.points("mine", "main")) == 2
        assert sorted(map(len, series_of_points(history.points("mine")).values())) == [1, 2]


def test_a_lower_bound_is_no_figure(url: str) -> None:
    partly = [record_at(0.010, counts=make_counts(uncounted=["scan (Scan)"])), record_at(0.010, "lstm")]
    with History(url) as history:
        history.add(numbered_run(0, partly), "mine")
        found = {point.flops for point in history.points("mine")}
        assert found == {None, 4_000}
        assert {point.parameters for point in history.points("mine")} == {1_000}


def test_numbers_beyond_32_bits_fit(url: str) -> None:
    big = record_at(0.010, peak_host_bytes=2**40)
    with History(url) as history:
        history.add(numbered_run(0, [big]), "mine")
        assert history.points("mine")[0].peak_host_bytes == 2**40


def test_opening_again_keeps_what_is_there(url: str) -> None:
    with History(url) as history:
        history.add(numbered_run(0), "mine")
    with History(url) as history:
        assert len(history.points("mine")) == 1


WRITER = """
import sys
from anatomy.bench.history.find_trends import find_trends
from anatomy.bench.history.history_store import History
from tests.bench.history.conftest import numbered_run
with History(sys.argv[1]) as history:
    history.add(numbered_run(int(sys.argv[2])), "mine")
"""


@pytest.mark.process
def test_one_run_that_several_add_at_once_is_there_once(url: str) -> None:
    """As of two jobs that hand in one artifact; the one that comes later replaces the other's."""
    root = Path(__file__).parents[3]
    History(url).__exit__()
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, "3"], cwd=root) for _ in range(4)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    with History(url) as history:
        assert [(row["run_id"], row["cases"]) for row in history.runs("mine")] == [("run-003", 1)]


def test_a_run_is_removed_with_its_cases_alone(url: str) -> None:
    with History(url) as history:
        for number in range(3):
            history.add(numbered_run(number), "mine")
        history.add(numbered_run(1), "yours")
        assert history.remove("mine", "run-001") == 1
        assert history.remove("mine", "run-001") == 0
        assert [point.run_id for point in history.points("mine")] == ["run-000", "run-002"]
        assert [point.run_id for point in history.points("yours")] == ["run-001"]


@pytest.mark.parametrize("damage", ["step_s = 'nan'", "step_s = -1", "step_s = 0", "step_s = 9e999"])
def test_a_damaged_figure_stops_no_reader(tmp_path: Path, damage: str) -> None:
    with History(f"sqlite:///{tmp_path / 'h.sqlite'}") as history:
        for number in range(3):
            history.add(numbered_run(number), "mine")
        with history._engine.begin() as connection:
            connection.execute(sa.text(f"UPDATE figures SET {damage} WHERE id = 2"))
            connection.execute(sa.text("UPDATE runs SET environment = '[1]' WHERE id = 2"))
        (found,) = find_trends(history, "mine", "step_s")
        assert [point.run_id for point in found.points] == ["run-000", "run-002"]


@pytest.mark.process
def test_several_that_open_a_new_store_at_once(url: str) -> None:
    """Each migrates it, or waits for the one that does."""
    root = Path(__file__).parents[3]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, str(n)], cwd=root) for n in range(4)]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0, 0, 0]
    with History(url) as history:
        assert len(history.points("mine")) == 4


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    with History(url) as history, history._engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


def test_a_store_of_a_newer_version_is_refused(url: str) -> None:
    with History(url) as history, history._engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UsageError, match="written by a newer Anatomy"):
        History(url)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "is no URL of a database"),
        ("oracle+nothing://x/y", "no driver for"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be used"),
    ],
)
def test_a_store_that_cannot_be_opened(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        History(text)


def test_a_password_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        History("postgresql://me:secret@127.0.0.1:1/none")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "me:secret@host/none",
        "postgresql://me:secret@host:port/none",
        "postgres//me:secret@host",
        "nonsense?user=me&password=secret",
        "mysql+nothing://me:secret@host/none",
        "postgresql://me:secret@127.0.0.1:1/none?nothing=1",
    ],
)
def test_a_password_in_what_is_no_url_is_not_shown(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        History(text)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "x.sqlite"
    file.write_text("not a database, but long enough to be taken for one by its size\n" * 20)
    with pytest.raises(UsageError, match="file is not a database"):
        History(f"sqlite:///{file}")


def test_where_it_is_by_default(tmp_path: Path) -> None:
    assert default_url({"ANATOMY_HISTORY": "postgresql://x/y"}) == "postgresql://x/y"
    assert default_url({}).startswith("sqlite:///")
    assert default_url({}).endswith("anatomy/history.sqlite")


def statements_of(history: History, plan: bool = False) -> list[str]:
    """Filled with every SELECT of a history, or with the database's plan for it."""
    found: list[str] = []

    def keep(connection: sa.Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith(("SELECT", "WITH")):
            found.append(statement)
            if plan:
                explained = connection.connection.cursor()
                explained.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
                found[-1] = "; ".join(row[-1] for row in explained.fetchall())

    sa.event.listen(history._engine, "before_cursor_execute", keep)
    return found


def test_a_trend_reads_its_own_rows_by_index(tmp_path: Path) -> None:
    with History(f"sqlite:///{tmp_path / 'history.sqlite'}") as history:
        history.add(numbered_run(0, [record_at(0.010), record_at(0.020, "lstm")]), "mine")
        plans = statements_of(history, plan=True)
        assert [point.step_s for point in history.points("mine", words=["lstm"])] == [0.020]
    names, points = (text for text in plans if "ix_figures" in text)
    assert "COVERING INDEX ix_figures_case_key_name_run" in names
    assert "SCAN figures" not in names
    assert "SCAN" not in points.replace("SCAN CONSTANT ROW", "")
    assert "INDEX" in points


def test_points_read_no_json(tmp_path: Path) -> None:
    with History(f"sqlite:///{tmp_path / 'history.sqlite'}") as history:
        history.add(numbered_run(0), "mine")
        read = statements_of(history)
        history.points("mine")
        history.runs("mine")
    columns = [name.strip() for text in read for name in text.partition("FROM figures")[0].split(",")]
    assert len(read) == 2
    assert not [name for name in columns if name.endswith((".environment", '."case"', ".case"))]


def test_cases_are_found_by_whole_words_or_their_key(url: str) -> None:
    one, other = record_at(0.010, "vgg:depth=11"), record_at(0.020, "lstm")
    with History(url) as history:
        history.add(numbered_run(0, [one, other]), "mine")
        for words in (
            ["vgg:depth=11"],
            ["VGG:depth=11"],
            ["vgg"],
            ["%"],
            ["train", "lstm"],
            [one.key],
            ["lstm", one.key],
        ):
            expected = [r for r in (one, other) if set(words) <= {*r.name.split(), r.key}]
            assert [point.case_key for point in history.points("mine", words=words)] == [r.key for r in expected]


def test_many_cases_are_chosen_without_naming_each(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anatomy.bench.history.history_store._MOST_NAMED", 1)
    with History(url) as history:
        history.add(numbered_run(0, [record_at(0.010), record_at(0.020, "lstm"), record_at(0.030, "vgg")]), "mine")
        assert len(history.points("mine", words=["train"])) == 3
        assert [point.step_s for point in history.points("mine", words=["lstm"])] == [0.020]


def test_a_store_of_the_first_version_gets_the_machine_of_its_runs(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'history.sqlite'}"
    with History(url) as history:
        history.add(numbered_run(0), "mine")
        config = Config()
        config.set_main_option("script_location", str(Path(history_store.__file__).parent / "migrations"))
        with history._writing() as connection:
            config.attributes["connection"] = connection
            command.downgrade(config, "0001")
    with History(url) as history:
        assert [point.machine for point in history.points("mine")] == ["Imaginary CPU @ 2 GHz, 2 cores"]


def test_a_case_whose_name_has_changed_is_found_by_either(url: str) -> None:
    old = record_at(0.010)
    with History(url) as history:
        history.add(numbered_run(0, [old]), "mine")
        history.add(numbered_run(1, [old.model_copy(update={"name": "perceptron train jax b32"})]), "mine")
        history.add(numbered_run(2, [old.model_copy(update={"name": "network train jax b32"})]), "mine")
        for word, number in (("mlp", 1), ("perceptron", 1), ("network", 1), ("train", 3), (old.key, 3), ("lstm", 0)):
            assert len(history.points("mine", words=[word])) == number, word
