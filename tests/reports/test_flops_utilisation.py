"""FLOPs, bytes, utilisation and the roofline."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from anatomy.bench.doctor.ceilings import PRODUCT, ceilings_of
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.answers.answer_panels import answer_panels
from anatomy.reports.flops_utilisation import NOT_MEASURED, utilisation
from anatomy.reports.report_charts import charts
from anatomy.reports.roofline import roofline_charts
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import case_table, utilisation_table

from .conftest import make_ceiling, make_counts
from .drawn import axes_of, written, x_of, y_of

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]
H100 = "NVIDIA H100 80GB HBM3"
ON_CPU = {"device": "cpu", "matmul_precision": "float32", "optimizer": "SGD"}
COUNTS = make_counts(1_000, macs=2_000_000, flops=4_000_000, activation_bytes=10_000)


def measured(record: MakeRecord, mode: str = "train", **fields: Any) -> Record:
    case = {"mode": mode, "backend": "jax", "batch_size": 10, **fields.pop("case", {})}
    return record(**({"speed": 1_000.0, "settings": ON_CPU, "counts": COUNTS} | fields), case=case)


@pytest.mark.parametrize(("mode", "passes"), [("train", 3), ("fit", 3), ("infer", 1), ("predict", 1)])
def test_flops_follow_the_convention(mode: str, passes: int, record: MakeRecord) -> None:
    use = utilisation(measured(record, mode), [make_ceiling()])
    assert use is not None
    assert use.flops == passes * 4_000_000 * 10
    assert use.flops_per_s == pytest.approx(passes * 4e6 * 1_000)
    assert use.mfu == pytest.approx(passes * 4e9 / 1e12)


def test_frozen_layers_are_not_counted_as_trained(record: MakeRecord) -> None:
    counts = COUNTS.model_copy(update={"training_flops": 5_000_000})
    assert (use := utilisation(measured(record, "train", counts=counts), []))
    assert use.flops == 5_000_000 * 10
    assert (use := utilisation(measured(record, "infer", counts=counts), []))
    assert use.flops == 4_000_000 * 10


@pytest.mark.parametrize(
    ("mode", "optimizer", "policy", "moved"),
    [
        ("infer", None, "float32", 4 * 1_000 + 2 * 100_000),
        ("train", "SGD", "float32", 4 * 1_000 * 8 + 6 * 100_000),
        ("train", "Adam", "float32", 4 * 1_000 * 10 + 6 * 100_000),
        ("infer", None, "mixed_bfloat16", 4 * 1_000 + 2 * 100_000),
        ("infer", None, "bfloat16", 2 * 1_000 + 2 * 100_000),
    ],
)
def test_bytes_follow_the_model(mode: str, optimizer: str | None, policy: str, moved: int, record: MakeRecord) -> None:
    use = utilisation(measured(record, mode, settings={**ON_CPU, "optimizer": optimizer}, case={"dtype": policy}), [])
    assert use is not None
    assert use.moved_bytes == moved
    assert use.intensity == pytest.approx(use.flops / moved)


def test_what_the_optimizer_keeps_is_taken_from_the_record(record: MakeRecord) -> None:
    stated = {**ON_CPU, "optimizer": "LossScaleOptimizer", "optimizer_bytes": 12_345}
    use = utilisation(measured(record, settings=stated, case={"dtype": "mixed_float16"}), [])
    assert use is not None
    assert use.moved_bytes == 4 * 1_000 * 6 + 2 * 12_345 + 6 * 100_000


@pytest.mark.parametrize("optimizer", ["LossScaleOptimizer", "Adafactor", "Sofia"])
def test_an_optimizer_of_which_nothing_is_known_gives_no_intensity(
    optimizer: str, record: MakeRecord, run: MakeRun
) -> None:
    """Older records name it and no more."""
    known, unknown = (
        measured(record, case={"batch_size": 20}),
        measured(record, settings={**ON_CPU, "optimizer": optimizer}),
    )
    assert (use := utilisation(measured(record, "infer", settings=unknown.settings), []))
    assert use.intensity
    runs = label_runs([run([unknown], ceilings=[make_ceiling()])])
    table = utilisation_table(runs)
    column = next(column for column in table.columns if column.key == "intensity")
    assert table.cell(0, column) == "not known"
    assert optimizer in table.absence(0, column).reason
    assert table.frame["mfu"][0] == pytest.approx(3 * 4e9 / 1e12)
    (chart,) = roofline_charts(runs)
    assert chart.figure is None
    assert optimizer in chart.empty
    (chart,) = roofline_charts(label_runs([run([known, unknown], "both", ceilings=[make_ceiling()])]))
    assert written(chart) == ["mlp train"]


def test_the_ceiling_is_that_of_the_precision_in_effect(record: MakeRecord) -> None:
    ceiling = make_ceiling(not_measured={"float16": "no such product on this CPU"})
    by_precision = {
        name: utilisation(measured(record, settings={**ON_CPU, "matmul_precision": name}), [ceiling])
        for name in ("f32", "bf16", "f16")
    }
    assert [use.ceiling_flops_per_s for use in by_precision.values() if use] == [1e12, 2e12, None]
    assert by_precision["f16"] is not None
    assert by_precision["f16"].reason == "no such product on this CPU"


@pytest.mark.parametrize("ceilings", [[], [make_ceiling("torch")], [make_ceiling("jax", "NVIDIA H100")]])
def test_ceilings_of_others_do_not_count(ceilings: list[Any], record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([measured(record)], ceilings=ceilings)])
    table = utilisation_table(runs)
    column = next(column for column in table.columns if column.key == "mfu")
    assert table.cell(0, column) == "not measured"
    assert table.absence(0, column).reason == NOT_MEASURED
    (chart,) = roofline_charts(runs)
    assert chart.figure is None
    assert "run anatomy doctor" in chart.empty


def test_the_latest_ceiling_counts(record: MakeRecord) -> None:
    later = make_ceiling(matmul_flops_per_s={"float32": 5e11}, measured_at="2026-02-01T00:00:00Z")
    use = utilisation(measured(record), [later, make_ceiling()])
    assert use is not None
    assert use.ceiling_flops_per_s == 5e11


def test_the_best_of_any_backend_stands_beside_its_own(record: MakeRecord, run: MakeRun) -> None:
    other = make_ceiling("torch", matmul_flops_per_s={"float32": 4e12})
    elsewhere = make_ceiling("torch", "NVIDIA H100", matmul_flops_per_s={"float32": 9e12})
    runs = label_runs([run([measured(record)], ceilings=[make_ceiling(), other, elsewhere])])
    (row,) = utilisation_table(runs).frame.to_dict("records")
    assert (row["ceiling_flops_per_s"], row["machine_flops_per_s"]) == (1e12, 4e12)
    (panel,) = answer_panels(runs)
    assert "through jax on this machine, 1,000 GFLOP/s." in panel.facets["Limit"].said
    assert "The machine's own limit is higher: torch reached 4,000 GFLOP/s." in panel.facets["Limit"].said


def test_a_datasheet_is_asked_for_the_gpu_and_dtype(record: MakeRecord, run: MakeRun) -> None:
    def peak(device: str, dtype: str) -> float | None:
        return {("G100", "tensorfloat32"): 1e14}.get((device, dtype))

    on_gpu = measured(record, settings={"device": "gpu", "tf32": True}, case={"devices": 2})
    runs = label_runs([run([on_gpu], gpus=["G100"])])
    (row,) = utilisation_table(runs, peak).frame.to_dict("records")
    assert row["mfu_of_peak"] == pytest.approx(3 * 4e9 / 2e14)
    assert "mfu_of_peak" not in utilisation_table(runs).frame


@pytest.mark.parametrize("device", ["gpu", H100])
def test_a_ceiling_that_was_made_on_a_gpu_is_found(device: str, record: MakeRecord, run: MakeRun) -> None:
    """TensorFlow calls its device `gpu`, in the probes' records as in the cases'; both mean the run's first GPU."""
    on_gpu = {**ON_CPU, "device": device, "tf32": False}
    probed = measured(record, "infer", settings=on_gpu, case={"backend": "tensorflow"})
    product = probed.case.model_copy(update={"model": PRODUCT, "options": {"size": 2_000}})
    (ceiling,) = ceilings_of([probed.model_copy(update={"case": product})])
    case = measured(record, settings=on_gpu, case={"backend": "tensorflow"})
    runs = label_runs([run([case], ceilings=[ceiling], gpus=[H100, H100])])
    (row,) = utilisation_table(runs).frame.to_dict("records")
    # The probe and the case have the same FLOPs and speed, and training is three passes.
    assert row["mfu"] == pytest.approx(3)
    (chart,) = roofline_charts(runs)
    assert chart.figure is not None
    roof, point = chart.figure.axes[0].lines
    assert max(y_of(roof)) == pytest.approx(ceiling.matmul_flops_per_s["float32"])
    assert y_of(point)[0] == pytest.approx(3 * ceiling.matmul_flops_per_s["float32"])


def test_more_than_the_ceiling_is_marked_as_impossible(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([measured(record, speed=1e6)], ceilings=[make_ceiling()])])
    for table in (utilisation_table(runs), case_table(runs)):
        column = next(column for column in table.columns if column.key == "mfu")
        assert float(table.cell(0, column).replace(",", "")) == pytest.approx(1200)
        # One block has no interval.
        assert table.signs(0, column) == "~¶"
        assert "¶ above 100 %, which is impossible" in table.footnotes[-1]
    (chart,) = roofline_charts(runs)
    assert written(chart) == ["mlp train ¶"]
    assert "impossible" in chart.caption


def test_the_roof_is_bandwidth_then_peak(record: MakeRecord, run: MakeRun) -> None:
    (chart,) = roofline_charts(label_runs([run([measured(record)], ceilings=[make_ceiling()])]))
    assert chart.figure is not None
    roof, point = chart.figure.axes[0].lines
    low, ridge, high = x_of(roof)
    assert ridge == pytest.approx(1e12 / 1e10)
    assert y_of(roof) == pytest.approx([1e10 * low, 1e12, 1e12])
    assert low < x_of(point)[0] < high
    assert [entry.name for entry in chart.entries] == ["jax"]


@pytest.mark.long
def test_two_runs_have_two_rooflines(record: MakeRecord, run: MakeRun) -> None:
    runs = [run([measured(record)], name, identifier=name, ceilings=[make_ceiling()]) for name in ("a", "b")]
    keys = [chart.key for chart in charts(label_runs(runs))]
    assert len(keys) == len(set(keys))
    assert [key for key in keys if key.startswith("roofline")] == ["roofline-0", "roofline-1"]


@pytest.mark.parametrize(
    "fields", [{"counts": None}, {"counts": make_counts(flops=0)}, {"outcome": "oom"}, {"speed": None}]
)
def test_what_was_not_counted_or_measured_has_no_utilisation(fields: dict[str, Any], record: MakeRecord) -> None:
    assert utilisation(measured(record, **fields), [make_ceiling()]) is None


@pytest.mark.parametrize("seed", [1, 2])
def test_names_of_the_roofline_lie_on_nothing(seed: int, record: MakeRecord, run: MakeRun) -> None:
    """Neither on one another, nor on a line, nor outside the axes."""
    drawn = Random(seed)
    records = [measured(record, speed=10 ** drawn.uniform(2, 4.9), case={"batch_size": size}) for size in range(1, 26)]
    (chart,) = roofline_charts(label_runs([run(records, ceilings=[make_ceiling()])]))
    axes = axes_of(chart)
    room = axes.get_window_extent()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert 2 <= len(boxes) <= 10
    for number, box in enumerate(boxes):
        # Letters are a little wider or narrower than reckoned.
        assert room.x0 - 12 <= box.x0
        assert box.x1 <= room.x1 + 12
        assert not any(box.shrunk(0.8, 0.7).overlaps(other.shrunk(0.8, 0.7)) for other in boxes[:number])
        for line in axes.lines:
            path = line.get_transform().transform_path(line.get_path())
            assert not path.intersects_bbox(box.shrunk(0.8, 0.6), filled=False)
