from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import pytest

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, Phases
from anatomy.bench.records.run_store import Run
from anatomy.models.frameworks import SLIDE_ROWS
from anatomy.reports.run_labels import LabelledRun, label_runs
from anatomy.reports.table import Table, is_missing
from anatomy.reports.tables import (
    all_tables,
    architecture_table,
    case_table,
    claims_table,
    count_table,
    failure_table,
    framework_table,
    machine_table,
    model_table,
    speed_table,
)

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]
CNN = "resnet:depth=20"
RNN = "lstm"


def point(mode: str, backend: str, **fields: Any) -> dict[str, Any]:
    return {"mode": mode, "backend": backend, "batch_size": 8, **fields}


def rows(table: Table, **wanted: Any) -> pd.DataFrame:
    frame = table.frame
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    return frame


@pytest.fixture
def labelled(big_run: Run) -> tuple[LabelledRun, ...]:
    return label_runs([big_run])


@pytest.mark.long
def test_every_column_is_in_the_frame_and_numbers_are_numbers(labelled: tuple[LabelledRun, ...]) -> None:
    for table in all_tables(labelled):
        assert list(table.frame.columns) == [column.key for column in table.columns], table.key
        for column in table.columns:
            if column.kind == "number":
                assert pd.api.types.is_numeric_dtype(table.frame[column.key]), (table.key, column.key)


@pytest.mark.long
def test_no_cell_says_nan(labelled: tuple[LabelledRun, ...]) -> None:
    for table in all_tables(labelled):
        cells = {table.cell(row, column) for row in range(len(table.frame)) for column in table.columns}
        assert not cells & {"nan", "NaN", "None", "<NA>", "inf"}, table.key


def test_model_row_has_figures(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record("vgg:depth=11", speed=40.0, steps=[0.3, 0.1, 0.2], case=point("train", "jax")),
        record("vgg:depth=11", speed=80.0, case=point("infer", "torch")),
        record("vgg", case={"mode": "count", "batch_size": 1}),
    ]
    table = model_table(label_runs([run(records)]))
    (row,) = table.frame.to_dict("records")
    assert row["model"] == "vgg:depth=11"
    assert row["train_jax_throughput_examples_per_s"] == pytest.approx(40)
    assert row["train_jax_step_median_s"] == pytest.approx(0.2)
    assert row["infer_torch_peak_host_above_base_bytes"] == 120 * 2**20
    assert "infer_jax_throughput_examples_per_s" not in row


def test_an_architecture_has_its_paper_and_both_sizes(record: MakeRecord, run: MakeRun) -> None:
    counted = record("vgg", case={"mode": "count", "batch_size": 1})
    runs = label_runs([run([record("vgg:depth=11", case=point("train", "jax")), counted])])
    (row,) = architecture_table(runs).frame.to_dict("records")
    assert (row["architecture"], row["year"], row["measured"]) == ("VGG", 2014, "vgg:depth=11")
    assert row["full_parameters_claimed"] == 138_000_000
    assert counted.counts is not None
    assert row["full_parameters"] == counted.counts.parameters


def test_a_published_error_is_quoted_with_its_source(labelled: tuple[LabelledRun, ...]) -> None:
    quoted = rows(architecture_table(labelled), architecture="AlexNet")["published_error"].iloc[0]
    assert quoted.startswith("“")
    assert "Krizhevsky" in quoted


def test_a_failed_case_shows_its_outcome_and_reason(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(case=point("train", "jax")),
        record(outcome="oom", reason="no memory left", case=point("train", "torch")),
    ]
    table = model_table(label_runs([run(records)]))
    column = next(c for c in table.columns if c.key == "train_torch_throughput_examples_per_s")
    assert table.cell(0, column) == "oom"
    assert table.absence(0, column).reason == "no memory left"


def test_batch_sizes_are_rows_of_their_own(record: MakeRecord, run: MakeRun) -> None:
    records = [record(case=point("train", "jax") | {"batch_size": size}) for size in (8, 16)]
    assert list(model_table(label_runs([run(records)])).frame["batch_size"]) == [8, 16]


def test_rows_with_unlike_settings_say_which(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(settings={"jit": True, "threads_intra": 2}, case=point("train", "jax")),
        record(settings={"jit": False, "threads_intra": 2}, case=point("train", "torch")),
        record(settings={"jit": False}, case=point("infer", "jax")),
        record(settings={"jit": False}, case=point("infer", "torch")),
    ]
    (note,) = model_table(label_runs([run(records)])).frame["settings"]
    assert note == "train: jit: on (jax), off (torch)"


def test_speeds_use_common_cases_alone(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(CNN, speed=100.0, case=point("train", "jax")),
        record(CNN, speed=25.0, case=point("train", "torch")),
        record(RNN, speed=100.0, case=point("train", "jax")),
        record(RNN, speed=100.0, case=point("train", "torch")),
        record("mlp", speed=1e6, case=point("train", "jax")),
        record("mlp", outcome="crashed", reason="x", case=point("train", "torch")),
    ]
    table = speed_table(label_runs([run(records)]))
    (torch,) = rows(table, mode="train", kind="all", backend="torch").to_dict("records")
    assert torch["relative_speed"] == pytest.approx(0.5)
    assert (torch["common_cases"], torch["measured"], torch["tried"]) == (2, 2, 3)
    (cnn,) = rows(table, mode="train", kind="cnn", backend="torch").to_dict("records")
    assert cnn["relative_speed"] == pytest.approx(0.25)
    assert rows(table, kind="mlp", backend="torch")["relative_speed"].isna().all()


def test_frameworks_repeat_the_slides_and_measure_today(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(CNN, speed=100.0, case=point("train", "jax")),
        record(CNN, speed=90.0, case=point("train", "torch")),
        record(CNN, speed=100.0, case=point("infer", "jax")),
        record(CNN, outcome="crashed", reason="x", phases=Phases(build_s=1), case=point("infer", "torch")),
        record(RNN, outcome="timeout", reason="x", case=point("train", "torch")),
    ]
    frame: Any = framework_table(label_runs([run(records)])).frame
    slides, today = frame.iloc[:7], frame.iloc[7:].set_index("framework")
    assert list(slides["framework"]) == [row.framework for row in SLIDE_ROWS]
    assert list(slides["rnn"]) == ["++", "++", "++", "–", "+", "+", "+++"]
    assert today.loc["Keras on JAX", "cnn"].startswith("+++ build 2/2, infer 1/1, train 1/1")
    assert today.loc["Keras on PyTorch", "cnn"].startswith("++ build 2/2, infer 0/1, train 1/1")
    assert "0.90 train" in today.loc["Keras on PyTorch", "cnn"]
    assert today.loc["Keras on PyTorch", "rnn"].startswith("build 0/1")
    assert today.loc["Keras on PyTorch", "speed"].startswith("+++ train 0.90 of the fastest (1 common case")
    assert today.loc["Keras on JAX", "keras"] == "+ keras 3.15.1, jax 1.2.3"
    assert (today["tutorials"] == "not measured").all()
    assert (today["multi_gpu"] == "not measured").all()
    assert (today.loc["Keras on OpenVINO", ["cnn", "rnn", "speed", "keras"]] == "not measured").all()


BF16 = {"jit": True, "dtype_policy": "float32", "matmul_precision": "bf16", "device": "cpu"}
MODELS = (CNN, RNN, "mlp", "vgg:depth=11")


def three_backends(record: MakeRecord, slower: Sequence[float]) -> list[Record]:
    """JAX at 100, torch as given, and OpenVINO at 900 in another precision, on as many models."""
    return [
        one
        for model, speed in zip(MODELS, slower, strict=True)
        for one in (
            record(model, speed=100.0, case=point("infer", "jax")),
            record(model, speed=speed, case=point("infer", "torch")),
            record(model, speed=900.0, settings=BF16, case=point("infer", "openvino")),
        )
    ]


def test_another_precision_is_no_faster_backend(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run(three_backends(record, [50.0, 52.0, 54.0, 51.0]))])
    today: Any = framework_table(runs).frame.set_index("framework")
    assert today.loc["Keras on JAX", "speed"].startswith("+++ infer 1.00 of the fastest (4 common cases; fastest")
    assert today.loc["Keras on PyTorch", "speed"].startswith("++ infer 0.52 of the fastest (4 common cases; 95 % 0.49")
    alone = today.loc["Keras on OpenVINO", "speed"]
    assert alone == "infer in bfloat16: no other backend was measured in this precision"
    table = speed_table(runs)
    (openvino,) = rows(table, kind="all", backend="openvino").to_dict("records")
    assert openvino["precision"] == "bfloat16"
    assert is_missing(openvino["relative_speed"])


@pytest.mark.parametrize(
    ("slower", "why"), [([30.0, 300.0, 30.0, 300.0], "too close"), ([30.0, 60.0, 40.0, 50.0], "the interval spans")]
)
def test_no_mark_rests_on_what_is_not_known(slower: list[float], why: str, record: MakeRecord, run: MakeRun) -> None:
    today: Any = framework_table(label_runs([run(three_backends(record, slower))])).frame.set_index("framework")
    text = today.loc["Keras on PyTorch", "speed"]
    assert not text.startswith("+")
    assert f"no mark: {why}" in text


@pytest.mark.parametrize(("speed", "marks"), [(90.0, "+ "), (110.0, "++ "), (170.0, "+++ ")])
def test_several_gpus_are_measured_against_single_ones(
    speed: float, marks: str, record: MakeRecord, run: MakeRun
) -> None:
    gpu = [GpuUse(index=n, name="G", utilisation=0.9, memory_used_peak_bytes=1, samples=3) for n in range(2)]
    records = [
        record(speed=100.0, case=point("train", "jax")),
        record(speed=speed, gpu=gpu, case=point("train", "jax", devices=2)),
    ]
    frame = framework_table(label_runs([run(records)])).frame.set_index("framework")
    assert frame.loc["Keras on JAX", "multi_gpu"] == f"{marks}1 case on 2 GPUs, {speed / 2:.0f}% of as many single GPUs"


def test_claims_table_has_a_verdict_in_every_row(labelled: tuple[LabelledRun, ...]) -> None:
    frame = claims_table(labelled).frame.set_index("statement")
    assert frame["verdict"].notna().all()
    assert frame.loc["60 millions parameters", "counted"] == 60_965_224
    assert frame.loc["60 millions parameters", "difference_percent"] == pytest.approx(1.6087, abs=1e-4)


def test_cases_counts_and_failures_hold_every_record(labelled: tuple[LabelledRun, ...], big_run: Run) -> None:
    records = big_run.records
    assert len(case_table(labelled).frame) + len(count_table(labelled).frame) == len(records)
    failures = failure_table(labelled).frame
    assert len(failures) == sum(record.outcome != "ok" for record in records)
    assert failures["reason"].notna().all()


def test_what_was_not_measured_says_why(record: MakeRecord, run: MakeRun) -> None:
    why = {"peak_device_bytes": "torch has no allocator statistics on a CPU"}
    table = case_table(label_runs([run([record(not_measured=why, case=point("train", "torch"))])]))
    by_key = {column.key: column for column in table.columns}
    assert table.cell(0, by_key["peak_device_bytes"]) == "not measured"
    assert table.absence(0, by_key["peak_device_bytes"]).reason == why["peak_device_bytes"]
    assert table.cell(0, by_key["step_p99_s"]) == "under 100 steps"


def test_several_runs_are_labelled_and_never_merged(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs(
        [
            run([record(speed=10.0, case=point("train", "jax"))], "a", identifier="first"),
            run([record(speed=99.0, case=point("train", "torch"))], "b", identifier="second", cpu="Another CPU"),
        ]
    )
    assert list(model_table(runs).frame["run"]) == ["first", "second"]
    speeds = speed_table(runs).frame
    assert list(speeds[speeds["kind"] == "all"]["relative_speed"]) == [1.0, 1.0]
    assert list(machine_table(runs).frame.columns) == ["fact", "first", "second"]


def test_a_sweep_over_a_cluster_names_who_measured_what_and_what_was_lost(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(case=point("train", backend), host=host, lost_nodes=lost)
        for backend, host, lost in (("jax", "b", ["a"]), ("torch", "a", []), ("tensorflow", "b", []))
    ]
    facts = machine_table(label_runs([run(records)])).frame.set_index("fact").iloc[:, 0]
    assert facts["measured on"] == "a (1 case), b (2 cases)"
    assert facts["lost while measuring"] == "a (1 case)"


@pytest.mark.parametrize(
    ("values", "text"), [([1234.5678, 2.0], "1,234.57"), ([1234.5678], "1,235"), ([0.01234], "0.012")]
)
def test_decimals_follow_the_smallest_value_of_a_column(
    values: list[float], text: str, record: MakeRecord, run: MakeRun
) -> None:
    records = [
        record("mlp", cpu_cores_used=value, case=point("train", "jax") | {"batch_size": n + 1})
        for n, value in enumerate(values)
    ]
    table = case_table(label_runs([run(records)]))
    column = next(c for c in table.columns if c.key == "cpu_cores_used")
    assert table.cell(0, column) == text


def test_digits_of_a_throughput_follow_its_interval(record: MakeRecord, run: MakeRun) -> None:
    blocks = [Block(steps=10, seconds=seconds) for seconds in (0.0648, 0.0647, 0.0649, 0.0648, 0.0647, 0.0649)]
    sure, unsure = (
        record(blocks=found, case=point("train", backend))
        for found, backend in ((blocks, "jax"), (blocks[:1], "torch"))
    )
    table = case_table(label_runs([run([sure, unsure])]))
    column = next(c for c in table.columns if c.key == "throughput_examples_per_s")
    assert [table.cell(row, column) for row in (0, 1)] == ["1,235", "1,200"]


def test_an_invalid_case_shows_no_figure(record: MakeRecord, run: MakeRun) -> None:
    wrong = record(case=point("train", "jax")).model_copy(update={"outcome": "invalid", "reason": "it must go down"})
    assert wrong.throughput_examples_per_s is not None
    table = case_table(label_runs([run([wrong])]))
    for key in ("throughput_examples_per_s", "step_median_s", "peak_host_bytes"):
        column = next(column for column in table.columns if column.key == key)
        assert table.cell(0, column) == "invalid"
        assert table.absence(0, column).reason == "it must go down"


def test_loops_are_among_every_case(record: MakeRecord, run: MakeRun) -> None:
    assert list(case_table(label_runs([run([record(case=point("fit", "jax"))])])).frame["mode"]) == ["fit"]
