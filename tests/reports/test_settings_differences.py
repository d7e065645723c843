"""No table and no chart sets unlike cases side by side without saying so: every difference is planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.chart import unlike_remark
from anatomy.reports.deviation import deviations
from anatomy.reports.phase_bars import preparation_chart
from anatomy.reports.report_charts import latency_chart, memory_chart, throughput_chart
from anatomy.reports.run_labels import LabelledRun, label_runs
from anatomy.reports.settings_differences import comparable_records, incomparable_cases
from anatomy.reports.summary import summary_sentences
from anatomy.reports.tables import framework_table, loop_table, model_table, speed_table

from .conftest import make_counts
from .drawn import written

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]
ALIKE = {
    "dtype_policy": "float32",
    "layout": "channels_last",
    "optimizer": "SGD",
    "jit": False,
    "threads_intra": 2,
    "threads_inter": 2,
    "tf32": False,
    "matmul_precision": "float32",
    "device": "cpu",
    "donated_buffers": False,
}
PLANTED = [
    ("jit", True, "jit: off (jax), on (torch)"),
    ("tf32", True, "tf32: off (jax), on (torch)"),
    ("matmul_precision", "bf16", "matmul_precision: float32 (jax), bfloat16 (torch)"),
    ("layout", "channels_first", "layout: channels_last (jax), channels_first (torch)"),
    ("dtype_policy", "mixed_float16", "dtype_policy: float32 (jax), mixed_float16 (torch)"),
    ("threads_intra", 64, "threads_intra: 2 (jax), 64 (torch)"),
    ("threads_inter", 1, "threads_inter: 2 (jax), 1 (torch)"),
    ("optimizer", "Adam", "optimizer: SGD (jax), Adam (torch)"),
    ("donated_buffers", True, "donated_buffers: off (jax), on (torch)"),
    ("device", "NVIDIA H100", "device: cpu (jax), NVIDIA H100 (torch)"),
]


def pair(record: MakeRecord, name: str = "jit", value: Any = False, mode: str = "train") -> list[Record]:
    return [
        record(settings=settings, case={"mode": mode, "backend": backend, "batch_size": 8})
        for backend, settings in (("jax", ALIKE), ("torch", {**ALIKE, name: value}))
    ]


def of_two_sizes(record: MakeRecord, mode: str = "train", **fields: Any) -> list[Record]:
    return [
        record(
            settings=ALIKE,
            counts=make_counts(size),
            case={"mode": mode, "backend": backend, "batch_size": 8},
            **fields,
        )
        for backend, size in (("jax", 1000), ("torch", 1001))
    ]


def labelled(run: MakeRun, records: list[Record]) -> tuple[LabelledRun, ...]:
    return label_runs([run(records)])


def said_by(runs: tuple[LabelledRun, ...]) -> dict[str, str]:
    """What each place that sets the two records side by side says of their settings."""
    today = framework_table(runs).frame.set_index("framework")
    return {
        "models": str(model_table(runs).frame["settings"].iloc[0]),
        "speeds": str(speed_table(runs).frame["settings"].iloc[0]),
        "charts": unlike_remark(runs, ["train"]),
        "frameworks, speed": str(today.loc["Keras on PyTorch", "speed"]),
        "summary": " ".join(summary_sentences(runs)),
    }


# Settings that decide in which precision products are computed.
PRECISION = ("matmul_precision", "dtype_policy")


@pytest.mark.parametrize(("name", "value", "words"), PLANTED)
def test_every_place_names_a_planted_difference(
    name: str, value: object, words: str, record: MakeRecord, run: MakeRun
) -> None:
    said = said_by(labelled(run, pair(record, name, value)))
    for place, text in said.items():
        # Sentences name the setting, tables and charts also who has which.
        if place == "summary" and name in PRECISION:
            # What differs in that is not compared: each has an answer of its own.
            assert "products in" in text
            assert "torch computed in another precision" in text
        elif place in ("speeds", "frameworks, speed") and name in (*PRECISION, "tf32"):
            # Nor are these compared there.
            assert words not in text
        else:
            assert (name if place in ("frameworks, speed", "summary") else words) in text, place


def test_every_place_names_the_machines_of_a_sweep_over_a_cluster(record: MakeRecord, run: MakeRun) -> None:
    hosts = {"jax": "node-1", "torch": "node-2"}
    swept = [one.model_copy(update={"host": hosts[one.case.backend]}) for one in pair(record)]
    for place, text in said_by(labelled(run, swept)).items():
        words = "machine" if place in ("frameworks, speed", "summary") else "machine: node-1 (jax), node-2 (torch)"
        assert words in text, place


def test_nothing_is_said_where_all_is_alike(record: MakeRecord, run: MakeRun) -> None:
    for place, text in said_by(labelled(run, pair(record))).items():
        assert "unlike" not in text, place
        assert "jit" not in text, place


def test_rows_of_charts_carry_a_sign(record: MakeRecord, run: MakeRun) -> None:
    chart = throughput_chart(labelled(run, pair(record, "tf32", True)), "train")
    assert written(chart)[0] == "mlp ≠"


def test_models_of_two_sizes_share_no_row(record: MakeRecord, run: MakeRun) -> None:
    table = model_table(labelled(run, of_two_sizes(record)))
    assert list(table.frame["parameters"]) == [1000, 1001]
    jax, torch = (
        table.frame["train_jax_throughput_examples_per_s"],
        table.frame["train_torch_throughput_examples_per_s"],
    )
    assert jax.isna().tolist() == [False, True]
    assert torch.isna().tolist() == [True, False]
    assert any("mlp train (parameters: 1,000 (jax), 1,001 (torch))" in note for note in table.notes)


@pytest.mark.parametrize("build", [speed_table, framework_table])
def test_models_of_two_sizes_are_in_no_mean(build: Any, record: MakeRecord, run: MakeRun) -> None:
    table = build(labelled(run, of_two_sizes(record)))
    assert any("Left out" in note and "1,001 (torch)" in note for note in table.notes)
    if table.key == "speeds":
        assert table.frame["relative_speed"].isna().all()
    else:
        assert "no case was run by all backends" in table.frame.set_index("framework").loc["Keras on JAX", "speed"]


@pytest.mark.parametrize("draw", [throughput_chart, latency_chart, memory_chart, preparation_chart])
def test_models_of_two_sizes_share_no_row_of_a_chart(draw: Any, record: MakeRecord, run: MakeRun) -> None:
    chart = draw(labelled(run, of_two_sizes(record)), "train")
    assert written(chart)[:2] == ["mlp, 1,000 parameters", "mlp, 1,001 parameters"]


def test_outputs_of_models_of_two_sizes_are_not_compared(record: MakeRecord) -> None:
    found = deviations(of_two_sizes(record, "infer", output_sample=[0.0, 1.0]))
    assert len(found) == 2
    for one in found.values():
        assert (one.deviation, one.verdict) == (None, None)
        assert "parameters: 1,000 (jax), 1,001 (torch)" in one.reason


@pytest.mark.parametrize(
    ("change", "refuses", "words"),
    [
        ({"counts": make_counts(7)}, True, "parameters: 7 (fit), 1,000 (train)"),
        ({"settings": {**ALIKE, "jit": True}}, False, "jit: on (fit), off (train)"),
    ],
)
def test_a_loop_is_held_against_its_own_step(
    change: dict[str, Any], refuses: bool, words: str, record: MakeRecord, run: MakeRun
) -> None:
    step = record(settings=ALIKE, case={"mode": "train", "backend": "jax"})
    loop = record(**({"settings": ALIKE} | change), case={"mode": "fit", "backend": "jax"})
    table = loop_table(labelled(run, [loop, step]))
    (row,) = table.frame.to_dict("records")
    assert words in row["unlike"]
    column = next(column for column in table.columns if column.key == "overhead_s")
    assert (table.cell(0, column) == "not the same") is refuses
    assert (words in table.absence(0, column).reason) is refuses


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({}, "85% of as many"),
        ({"counts": make_counts(7)}, "+ 1 case on 2 GPUs"),
        ({"settings": {"jit": True}}, "+ 1 case on 2 GPUs"),
    ],
)
def test_scaling_is_not_taken_from_unlike_cases(
    change: dict[str, Any], text: str, record: MakeRecord, run: MakeRun
) -> None:
    gpu = [GpuUse(index=n, name="G", utilisation=0.9, memory_used_peak_bytes=1, samples=3) for n in range(2)]
    one = record(speed=100.0, case={"backend": "jax"})
    two = record(**({"speed": 170.0, "gpu": gpu} | change), case={"backend": "jax", "devices": 2})
    frame: Any = framework_table(labelled(run, [one, two])).frame.set_index("framework")
    assert text in frame.loc["Keras on JAX", "multi_gpu"]
    assert ("%" in frame.loc["Keras on JAX", "multi_gpu"]) is (not change)


def test_failures_share_the_row_of_their_case(record: MakeRecord) -> None:
    good, other = of_two_sizes(record)
    failed = record(outcome="oom", counts=None, case={"backend": "tensorflow", "batch_size": 8})
    assert [len(rows) for rows in comparable_records([good, failed], backend="tensorflow").values()] == [2]
    assert [len(rows) for rows in comparable_records([failed, good, other], backend="tensorflow").values()] == [2, 1]
    assert incomparable_cases([good, failed]) == []
