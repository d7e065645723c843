"""`anatomy app newsgroups` from the command line to records, terminal, report and comparison."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import anatomy.bench as ab
from anatomy.bench.cli.main import app
from anatomy.bench.errors import exit_codes

TRAINING = ["build", "compile", "input", "epoch 1", "evaluate 1", "predict"]
TEXTS = ["scan", "read", "decode", "tokenise", "pad"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["app", "newsgroups", *map(str, arguments)])


@pytest.mark.backends
def test_every_stage_is_a_record_and_a_run_that_was_cut_short_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "run"
    small = ["--length", 20, "--words", 300, "--batch-size", 16, "--epochs", 1, "--model", "rcnn"]
    done = call("--corpus", "synthetic:60", *small, "--backend", "jax", "--seeds", 2, "--out", out, "--no-history")
    assert done.exit_code == 0, done.output
    assert "newsgroups rcnn, data=synthetic:60, no vectors" in done.output
    run = ab.load_run(out)
    stages = {record.case.options["stage"]: record for record in run.records}
    assert list(stages) == [*TEXTS, *TRAINING]
    assert all(record.outcome == "ok" for record in run.records)
    assert stages["read"].stage is not None
    assert stages["read"].stage.size_bytes > 60 * 100
    assert stages["epoch 1"].stage is not None
    assert len(stages["epoch 1"].stage.accuracies) == 2
    assert len(stages["tokenise"].process_throughputs) == 2
    page = (out / "report.html").read_text()
    assert "The application, stage by stage" in page
    assert "Relative speed of the backends" not in page

    # The second process was killed after it had read its texts.
    lines = (out / "records.jsonl").read_text().splitlines()
    kept = [line for line in lines if json.loads(line)["repeat"] == 0]
    kept += [line for line in lines if json.loads(line)["repeat"] == 1][:2]
    (out / "records.jsonl").write_text("\n".join(kept) + "\n")
    again = call("--resume", out, "--no-history", "--no-report", "--json")
    assert again.exit_code == 0, again.output
    added = [json.loads(line) for line in again.stdout.splitlines() if line.startswith("{")]
    assert [record["case"]["options"]["stage"] for record in added] == [*TEXTS[2:], *TRAINING]
    assert (out / "records.jsonl").read_text().splitlines()[: len(kept)] == kept

    compared = ab.compare(out, out)
    assert set(compared["verdict"]) == {"too close"}
    assert compared.loc["newsgroups rcnn build jax", "ratio"] == 1


@pytest.mark.backends
def test_a_broken_file_of_vectors_ends_its_stage_and_keeps_the_others(tmp_path: Path) -> None:
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("a 1.0 2.0\nb 1.0\n")
    out = tmp_path / "run"
    done = call("--corpus", "synthetic:60", "--glove", vectors, "--backend", "jax", "--out", out, "--no-history")
    assert done.exit_code == exit_codes.NOT_ALL_MEASURED, done.output
    records = {record.case.options["stage"]: record for record in ab.load_run(out).records}
    assert [name for name, record in records.items() if record.outcome == "ok"] == TEXTS
    assert "vectors.txt:2: expected a word and 2 numbers" in records["load vectors"].reason
    assert records["predict"].reason.startswith("not reached: load vectors ended with: ")
    assert "ended with" in (out / "report.html").read_text()
    assert "load vectors: crashed: " in done.output
    assert "not reached: embed, build, compile" in done.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --data DIR with your copy of 20 Newsgroups, or --corpus synthetic"),
        (["--data", "a", "--corpus", "synthetic"], "give --data DIR"),
        (["--data", "/nowhere"], "/nowhere: no such folder"),
        (["--corpus", "real"], "--corpus real: expected synthetic"),
        (["--corpus", "synthetic:5"], "5 texts do not give each of 20 classes one"),
        (["--data", "synthetic_texts"], "synthetic_texts: no such folder"),
        (["--data", "synthetic"], "synthetic: no such folder"),
        (["--corpus", "synthetic:many"], "synthetic:many: expected synthetic, or synthetic:2000"),
        (["--corpus", "synthetic:60", "--timeout", "0"], "--timeout 0: expected seconds above 0"),
        (["--corpus", "synthetic:60", "--seeds", "0"], "--seeds 0: expected 1 or more"),
        (["--corpus", "synthetic:60", "--backend", "openvino"], "Keras on openvino does not train"),
        (["--corpus", "synthetic:60", "--glove", "/no.txt"], "/no.txt: no such file"),
        (["--resume", "x", "--corpus", "synthetic"], "leave out --corpus"),
    ],
)
def test_mistakes_are_named_before_anything_runs(arguments: list[str], said: str) -> None:
    done = call(*arguments)
    assert done.exit_code == exit_codes.USAGE
    assert said in done.output
