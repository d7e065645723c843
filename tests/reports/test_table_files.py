"""Tables as files that other programs read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from anatomy.bench.cli.main import app
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports import write_report
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import all_tables

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


@pytest.mark.long
def test_parquet_has_each_table_with_its_types(big_run: Run, tmp_path: Path) -> None:
    written = write_report([big_run.path], ["parquet"], tmp_path)
    tables = all_tables(label_runs([big_run]))
    assert [path.stem for path in written] == [table.key for table in tables]
    for table in tables:
        frame = pd.read_parquet(tmp_path / f"{table.key}.parquet")
        assert list(frame.columns) == list(table.frame.columns)
        for column in table.columns:
            if column.kind == "number":
                pd.testing.assert_series_equal(frame[column.key], table.frame[column.key])


@pytest.mark.long
def test_a_workbook_has_a_sheet_for_each_table_and_no_formula(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    reason = '=HYPERLINK("http://example.com","x")'
    made = run([record(outcome="crashed", reason=reason, case={"mode": "train", "backend": "jax"})])
    (path,) = write_report([made.path], ["xlsx"], tmp_path)
    book = openpyxl.load_workbook(path)
    assert {"cases", "failures"} <= set(book.sheetnames)
    cells = [cell for row in book["failures"].iter_rows() for cell in row if cell.value == reason]
    assert [cell.data_type for cell in cells] == ["s"]


@pytest.mark.parametrize(("format_", "package"), [("parquet", "pyarrow"), ("xlsx", "xlsxwriter")])
def test_a_missing_package_is_named(format_: str, package: str, run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=f"{format_} needs {package}; pip install"):
        write_report([run([]).path], [format_])


@pytest.mark.long
def test_a_site_has_pages_and_tables(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    made = run([record(case={"mode": "train", "backend": "jax"})])
    done = CliRunner().invoke(app, ["report", str(made.path), "--site", str(tmp_path / "site")])
    assert done.exit_code == 0, done.output
    found = {path.name for path in (tmp_path / "site").iterdir()}
    assert {"report.html", "cases", "cases.csv", "trust.csv"} <= found
    refused = CliRunner().invoke(app, ["report", str(made.path), "--site", "x", "--format", "md"])
    assert refused.exit_code == 2


def test_the_talk_alone(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    made = run([record("vgg:depth=11", case={"mode": "train", "backend": "jax"})])
    done = CliRunner().invoke(app, ["report", str(made.path), "--talk", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "talk.html").read_text()
    assert not (tmp_path / "report.html").exists()
    for words in ("Framework comparison", "Claims of the slides", "Architectures and their papers", "Theano", "VGG"):
        assert words in page
