"""A report that cannot be written costs no figure: the closing line comes, and how to make the report later."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from anatomy.bench.cli.commands.conclude import conclude
from anatomy.bench.records.run_store import Run
from anatomy.bench.runner.measure_run import FinishedRun
from anatomy.reports import write_report
from tests.bench.records.test_one_writer import disk_of
from tests.command import anatomy
from tests.factories import make_record, make_run


def concluded(run: Run) -> int:
    finished = FinishedRun(run.path, planned=len(run.records), records=run.records)
    with pytest.raises(typer.Exit) as caught:
        conclude([finished], report=True, history=False, silent=False)
    return caught.value.exit_code


@pytest.mark.long
@pytest.mark.parametrize(("outcome", "code"), [("ok", 2), ("crashed", 4)])
def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str], outcome: str, code: int) -> None:
    records = [make_record("mlp"), make_record("lstm", outcome=outcome)]
    run = make_run(tmp_path / "a run", records)
    with disk_of(1000):
        assert concluded(run) == code
    out, err = capsys.readouterr()
    assert f"records in {run.path}\n" in out
    page = run.path / "report.html"
    assert err == f"the report could not be written: {page}: File too large; later: anatomy report '{run.path}'\n"
    assert not list(run.path.glob("*.html"))
    assert anatomy("report", str(run.path), folder=tmp_path).code == 0


@pytest.mark.long
@pytest.mark.parametrize("format_", ["html", "md", "csv", "parquet", "xlsx"])
def test_no_half_file_is_left(tmp_path: Path, format_: str) -> None:
    run = make_run(tmp_path / "run", [make_record("mlp")])
    (before,) = write_report([run.path], ["md"], tmp_path / "out")
    with disk_of(600):
        done = anatomy("report", str(run.path), "--format", format_, "--out", str(tmp_path / "out"), folder=tmp_path)
    assert (done.code, len(done.err.splitlines())) == (2, 1), done.err
    assert "File too large" in done.err
    assert all(file.stat().st_size <= 600 or file == before for file in (tmp_path / "out").iterdir())
    assert not list((tmp_path / "out").glob(".*-*"))
