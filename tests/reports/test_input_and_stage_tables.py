"""Input pipelines, and the stages of applications: tables and sentences from records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.case import Case
from anatomy.bench.records.input_figures import InputFigures
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import StageFigures
from anatomy.reports import write_report
from anatomy.reports.run_labels import label_runs
from anatomy.reports.summary import summary_sentences
from anatomy.reports.tables import all_tables, count_table, input_tables, stage_tables
from tests.factories import STARTED_AT, make_counts, make_record, make_run


def fed(workers: int, added_s: float, alone_s: float) -> Record:
    figures = InputFigures(
        fed_step_s=[0.1 + added_s] * 5,
        ready_step_s=[0.1] * 5,
        alone_step_s=[alone_s] * 5,
        prepare_s={"read": 0.001, "decode": 0.003},
    )
    case = {"mode": "fit", "batch_size": 8, "backend": "jax", "feed": "dataloader", "source": "jpeg"}
    return make_record("mlp", case={**case, "workers": workers}, input_figures=figures)


def stage(
    name: str, backend: Any, outcome: str = "ok", reason: str = "", seconds: float = 2.0, **figures: Any
) -> Record:
    case = Case(
        model="lifecycle", options={"network": "mlp", "stage": name}, mode="stage", backend=backend, batch_size=1
    )
    values: dict[str, Any] = {
        "case": case,
        "name": name,
        "outcome": outcome,
        "reason": reason,
        "started_at": STARTED_AT,
    }
    if outcome == "ok":
        values |= {"step_s": [seconds], "stage": StageFigures(**figures)}
    return Record.model_validate(values)


@pytest.mark.long
def test_the_workers_that_are_enough_are_named(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [fed(0, 0.2, 0.2), fed(1, 0.1, 0.2), fed(2, 0.001, 0.05), make_record("lstm")])
    labelled = label_runs([run])
    (table,) = input_tables(labelled)
    assert table.frame["workers"].tolist() == [0, 1, 2]
    assert table.frame["limit"].tolist() == [
        "input-bound: decode takes 75 % of preparing an example",
        "input-bound: decode takes 75 % of preparing an example",
        "model-bound",
    ]
    assert table.frame["with_input"].tolist() == pytest.approx([8 / 0.3, 8 / 0.2, 8 / 0.101])
    assert table.frame["added_s"].tolist() == pytest.approx([0.2, 0.1, 0.001])
    assert (
        "mlp, fit on jax, batch 8, jpeg through dataloader: input-bound below 2 workers; decode is the slowest step."
        in summary_sentences(labelled)
    )
    write_report([run.path])
    page = (run.path / "report.html").read_text()
    assert '<section id="inputs"' in page or 'id="inputs"' in page
    assert not input_tables(label_runs([make_run(tmp_path / "other", [make_record("mlp")])]))


def test_an_exported_models_row_has_its_speed_and_deviation(tmp_path: Path) -> None:
    records = [
        stage("predict", "jax", examples=8),
        stage("infer ONNX", "jax", seconds=0.5, examples=8, beside_s=2.0, deviation=2e-6),
        stage("export ONNX", "jax", size_bytes=3_000_000),
        stage("export OpenVINO", "jax", "unsupported", "no rule"),
        stage("load OpenVINO", "jax", "unsupported", "no .xml was written"),
    ]
    labelled = label_runs([make_run(tmp_path / "run", records)])
    (table,) = stage_tables(labelled)
    frame = table.frame.set_index("stage")
    assert frame.loc["infer ONNX", "times_keras"] == 4.0
    assert frame.loc["infer ONNX", "deviation"] == pytest.approx(2e-6)
    assert frame.loc["export ONNX", "size_bytes"] == 3_000_000
    assert frame.loc["export OpenVINO", "reason"] == "no rule"
    assert [one.key for one in all_tables(labelled)] == ["stages", "machine", "failures"]
    assert summary_sentences(labelled) == (
        "lifecycle mlp, on jax: beside Keras's predict_on_batch, ONNX 4.00 ×; without a result: export OpenVINO "
        "(reasons in the table).",
    )
    write_report([tmp_path / "run"])


def test_a_count_that_leaves_layers_out_is_not_shown_as_a_whole(tmp_path: Path) -> None:
    records = [
        make_record("mlp", case={"mode": "count"}, counts=make_counts(uncounted=["lambda"])),
        make_record("lstm", case={"mode": "count"}, counts=make_counts()),
    ]
    frame = count_table(label_runs([make_run(tmp_path / "run", records)])).frame.set_index("model")
    assert frame["macs"].isna().tolist() == [True, False]
    assert frame["flops"].isna().tolist() == [True, False]
    assert frame["units"].isna().tolist() == [True, False]
    assert frame["parameters"].notna().all()
