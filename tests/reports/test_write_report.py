import json
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

EXAMPLE = Path(__file__).parents[2] / "reports" / "examples" / "quick"

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


@pytest.mark.long
def test_formats_go_to_the_runs_folder(big_run: Run, tmp_path: Path) -> None:
    paths = write_report([big_run.path], ["html", "md", "csv"], tmp_path / "new")
    names = [path.name for path in paths]
    assert names[:2] == ["report.html", "report.md"]
    assert set(names[2:]) == {
        f"{key}.csv"
        for key in (
            "answers",
            "architectures",
            "races",
            "machine",
            "models",
            "speeds",
            "frameworks",
            "loops",
            "agreement",
            "claims",
            "trust",
            "failures",
        )
    } | {"cases.csv", "counts.csv", "phases.csv", "scaling.csv", "telemetry.csv", "utilisation.csv"}
    assert all(path.parent == tmp_path / "new" and path.stat().st_size for path in paths)


SECOND_VERSION = [
    "parity",
    "series",
    "clock",
    "checks",
    "recompilations",
    "warmup_steps",
    "output_sample",
    "repeat",
    "process_medians_s",
    "process_throughputs",
    "step_interval_s",
    "throughput_interval_examples_per_s",
]


@pytest.mark.long
def test_records_of_the_first_version_still_have_a_report(big_run: Run, tmp_path: Path) -> None:
    lines = [json.loads(line) for line in (big_run.path / "records.jsonl").read_text().splitlines()]
    old = [{key: value for key, value in line.items() if key not in SECOND_VERSION} for line in lines]
    header = json.loads((big_run.path / "run.json").read_text()) | {"schema_version": 1}
    del header["ceilings"]
    (tmp_path / "run.json").write_text(json.dumps(header))
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(line | {"schema_version": 1}) + "\n" for line in old))
    html, markdown = write_report([tmp_path], ["html", "md"])
    assert html.stat().st_size > 5e5
    assert "run anatomy doctor" in html.read_text()
    assert "## How far the figures can be trusted" in markdown.read_text()


@pytest.mark.long
def test_the_example_has_a_report(tmp_path: Path) -> None:
    html, *tables = write_report([EXAMPLE], ["html", "csv"], tmp_path, pages=False)
    assert 5e5 < html.stat().st_size < 1e6
    assert len(tables) == 18


def test_the_default_folder_is_the_first_runs(run: MakeRun) -> None:
    made = run([])
    assert write_report([made.path], ["md"]) == [made.path / "report.md"]


@pytest.mark.long
def test_csv_keeps_base_units_and_gaps(record: MakeRecord, run: MakeRun, tmp_path: Path) -> None:
    records = [
        record(steps=[0.25, 0.25], case={"mode": "train", "backend": "jax"}),
        record(outcome="oom", case={"mode": "train", "backend": "torch"}),
    ]
    write_report([run(records).path], ["csv"], tmp_path)
    frame = pd.read_csv(tmp_path / "cases.csv")
    assert frame["step_median_s"].iloc[0] == 0.25
    assert frame["peak_host_bytes"].iloc[0] == 420 * 2**20
    assert frame["throughput_examples_per_s"].isna().tolist() == [False, True]


@pytest.mark.long
def test_markdown_rows_have_as_many_cells_as_heads(big_run: Run, tmp_path: Path) -> None:
    (path,) = write_report([big_run.path], ["md"], tmp_path)
    blocks = [block for block in path.read_text().split("\n\n") if block.startswith("| ")]
    assert len(blocks) == 16
    for block in blocks:
        counts = {line.replace("\\|", "").count("|") for line in block.splitlines()}
        assert len(counts) == 1
    assert "<script>" not in path.read_text().replace("\\<script\\>", "")


@pytest.mark.parametrize(
    ("runs", "formats", "words"),
    [([], ["html"], "no run"), (["x"], ["htm"], "did you mean 'html'"), (["x"], ["pdf"], "expected one of html")],
)
def test_wrong_requests(runs: list[str], formats: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write_report([Path(name) for name in runs], formats)


def test_a_folder_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        write_report([tmp_path])


@pytest.mark.long
def test_command_prints_what_it_wrote(run: MakeRun, tmp_path: Path) -> None:
    made = run([])
    result = CliRunner().invoke(
        app, ["report", str(made.path), "--format", "md,csv", "--out", str(tmp_path / "o"), "--json"]
    )
    assert result.exit_code == 0
    written = json.loads(result.stdout)
    assert len(written) == 17
    assert all(Path(path).exists() for path in written)


def test_command_refuses_with_exit_code_2(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["report", str(tmp_path)])
    assert result.exit_code == 2
    assert "holds no run" in result.output
