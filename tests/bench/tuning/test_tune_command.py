"""`anatomy tune` and `anatomy.bench.tune`, from the model's name to the answer, with a scripted step."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

import anatomy.bench as ab
from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes
from anatomy.bench.history.find_trends import find_trends
from anatomy.bench.history.history_store import VARIABLE, History
from anatomy.bench.history.keep_run import project_of
from anatomy.bench.records.run_store import load_run
from anatomy.bench.records.tuning import TUNING_FILE, read_tuning
from anatomy.bench.runner import fork_client
from tests.bench.conftest import TESTS

# Batches above 37 do not fit; every step takes the same time.
LIMITED = f"{TESTS / 'data' / 'scripted_steps.py'}:limited"
OPTIONS = ["--backend", "tensorflow,jax", "--dtype", "float32", "--mode", "infer"]


@pytest.fixture(autouse=True)
def fake_server(monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{TESTS.parent}{os.pathsep}{before}" if before else str(TESTS.parent))
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    monkeypatch.setattr(fork_client, "SERVER_MODULE", "tests.fake_fork_server")


@pytest.mark.process
def test_the_answer_is_printed_kept_and_reported(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["tune", LIMITED, *OPTIONS, "--out", str(tmp_path / "run")])
    assert done.exit_code == exit_codes.OK, done.output
    said = " ".join(done.output.split())
    assert "limited, infer: TensorFlow, float32, batch 32: 1,600 examples/s" in said
    assert "This is what you get by default" in said
    assert "Too close to tell apart (within 3 %): TensorFlow, compiled as a whole, float32, batch 32 (1.00 ×)" in said
    assert "batch 64: oom: " in said
    page = (tmp_path / "run" / "report.html").read_text()
    assert "This is what you get by default" in page
    # Three kinds of settings at three batch sizes. What is said of a suite is not said of one model's settings.
    assert "Fastest backend, infer: " not in page
    assert "Each case was measured in one process" not in page
    assert "6 of 9 settings could be measured." in page
    run = load_run(tmp_path / "run")
    assert {record.case.batch_size for record in run.records} == {16, 32, 64}


@pytest.mark.process
def test_the_history_has_what_was_raced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, f"sqlite:///{tmp_path / 'history.sqlite'}")
    done = CliRunner().invoke(app, ["tune", LIMITED, *OPTIONS, "--no-report", "--out", str(tmp_path / "run")])
    assert done.exit_code == exit_codes.OK, done.output
    tuning = read_tuning(tmp_path / "run")
    assert tuning is not None
    raced = {one.case.key for one in tuning.contenders if one.rounds}
    assert 0 < len(raced) < len(tuning.contenders)
    project = project_of(Path.cwd())
    with History() as history:
        assert {one.points[-1].case_key for one in find_trends(history, project, "step_s")} == raced
    # `history add` of the same folder does the same, and takes no search without an answer.
    assert CliRunner().invoke(app, ["history", "add", str(tmp_path / "run")]).exit_code == exit_codes.OK
    with History() as history:
        assert {one.points[-1].case_key for one in find_trends(history, project, "step_s")} == raced
    (tmp_path / "run" / TUNING_FILE).unlink()
    cut_short = CliRunner().invoke(app, ["history", "add", str(tmp_path / "run")])
    assert cut_short.exit_code == exit_codes.USAGE
    assert "a search that was cut short" in cut_short.output


@pytest.mark.process
def test_from_python_and_as_json(tmp_path: Path) -> None:
    tuning = ab.tune(
        LIMITED, mode="infer", backends=["jax"], dtypes=["float32"], max_latency="30ms", out=tmp_path / "a"
    )
    assert tuning.winner is not None
    assert (tuning.winner.case.backend, tuning.winner.case.batch_size) == ("jax", 32)
    options = ["--backend", "jax", "--max-latency", "1ms", "--mode", "infer", "--json", "--out", str(tmp_path / "b")]
    done = CliRunner().invoke(app, ["tune", LIMITED, *options])
    assert done.exit_code == exit_codes.NOTHING_MEASURED
    nothing = ab.Tuning.model_validate(json.loads(done.stdout))
    assert nothing.winner is None
    assert all("1 ms are allowed" in one.reason for one in nothing.contenders)


@pytest.mark.process
def test_what_is_not_given_is_as_the_project_has_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = """
        for = "throughput"
        batch_size = 16
        backend = ["tensorflow", "jax"]
        dtype = "float32"
        mode = "infer"
        max_latency = "30ms"
    """
    (tmp_path / "pyproject.toml").write_text(f"[tool.anatomy.tune]{table}")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["tune", LIMITED, "--backend", "jax", "--json", "--no-report", "--out", "run"])
    assert done.exit_code == exit_codes.OK, done.output
    tuning = ab.Tuning.model_validate(json.loads(done.stdout))
    assert (tuning.goal.max_latency_s, tuning.default.batch_size) == (0.03, 16)
    assert {(one.case.backend, one.case.dtype, one.case.mode) for one in tuning.contenders} == {
        ("jax", "float32", "infer")
    }


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("minuets = 3", "did you mean 'minutes'"),
        ('backends = ["jax"]', "did you mean 'backend'"),
        ('minutes = "soon"', "minutes"),
        ('backend = "caffe"', "backend 'caffe': expected tensorflow"),
        ('for = "beauty"', "what is sought: name"),
        ("min_batch = 0", "what is sought: min_batch_size"),
    ],
)
def test_a_mistake_in_the_projects_table_is_one_line(
    table: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(f"[tool.anatomy.tune]\n{table}\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["tune", "mlp"])
    assert done.exit_code == exit_codes.USAGE, done.output
    assert words in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--mode", "count"], "mode 'count': expected train, infer, fit, predict"),
        (["--mode", "fit", "--max-latency", "5ms"], "tells neither the latency nor the memory"),
        (["--batch-size", "0"], "batch_size = 0: expected 1 or more"),
        (["--mode", "predict", "--for", "latency"], "tells neither the latency nor the memory"),
        (["--backend", "caffe"], "backend 'caffe': expected tensorflow"),
        (["--backend", "openvino", "--mode", "train"], "none of openvino can do train"),
        (["--dtype", "float8"], "dtype 'float8': expected float32"),
        (["--for", "beauty"], "what is sought: name"),
        (["--max-latency", "5"], "'5' is not a time"),
        (["--max-memory", "much"], "'much' is not a size"),
        (["--min-batch", "0"], "what is sought: min_batch_size"),
        (["--minutes", "0"], "minutes = 0.0: expected a number above 0"),
        (["--tolerance", "-1"], "tolerance = -1.0"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_measured(options: list[str], words: str) -> None:
    done = CliRunner().invoke(app, ["tune", "mlp", *options])
    assert done.exit_code == exit_codes.USAGE, done.output
    assert words in " ".join(done.stderr.split())
