"""What Keras costs: each model through Keras and in the framework's own layers, with the ratio of their steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

from anatomy.bench.profiling.keras_difference import difference_sentence, explain_cost, layers_sentence, ratio_sentence
from anatomy.bench.records.case import NATIVE_BACKENDS, keras_backend
from anatomy.bench.records.case_profile import Profile, read_profiles
from anatomy.bench.records.keras_cost import KerasCost, read_costs
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.bench.records.sureness import Figure, median_step
from anatomy.reports.model_labels import case_text, model_text
from anatomy.reports.run_labels import LabelledRun, with_run
from anatomy.reports.settings_differences import key_without_backend
from anatomy.reports.table import Column, Table, build_table

_COLUMNS = (
    Column("model", "model"),
    Column("mode", "mode"),
    Column("framework", "framework"),
    Column("batch", "batch", kind="number", whole=True),
    Column("keras_s", "through Keras", "ms", "number", 1e3, group="median step"),
    Column("native_s", "own layers", "ms", "number", 1e3, group="median step"),
    Column("ratio", "ratio", "× as long", "number"),
    Column("low", "from", "×", "number", group="95 % interval", missing="not known"),
    Column("high", "to", "×", "number", group="95 % interval", missing="not known"),
    Column("pairs", "pairs of processes", kind="number", whole=True, missing="one after the other"),
    Column("difference", "what makes up the difference", missing="not profiled"),
    Column("agreement", "both compute the same"),
)


class _Row(NamedTuple):
    run: str
    cost: KerasCost
    profiles: Sequence[Profile]
    steps: Mapping[str, Figure]


def keras_cost_tables(runs: Sequence[LabelledRun]) -> tuple[Table, ...]:
    """A row for each model, mode and framework that was measured both ways; no table where there is none."""
    rows = [row for item in runs for row in _rows(item)]
    if not rows:
        return ()
    table = build_table(
        with_run(_COLUMNS, runs),
        rows,
        _cells,
        figures=_figures,
        key="keras-costs",
        title="What Keras costs",
        caption="The same model, with the same weights, through Keras and in the framework's own layers. A ratio of 2 "
        "means that a step takes twice as long through Keras.",
        notes=(
            "A ratio is printed where both compute the same: outputs from equal weights within rounding or, in "
            "training, the weights after five steps.",
            "In pairs of processes (anatomy compare-frameworks) both processes are alive and take turns of "
            "synchronised steps. The ratio is the median over the pairs, its interval Student's t between them. "
            "Without pairs the two were measured one after the other: what else the machine did is in the ratio.",
            "What makes up the difference comes from a profile of each side, scaled to the measured steps.",
        ),
    )
    return (table,)


def keras_costs(item: LabelledRun) -> list[KerasCost]:
    """What a run measured of Keras's cost, in pairs of processes or one after the other."""
    return [row.cost for row in _rows(item)]


def cost_sentences(run: Run) -> list[str]:
    """For each cost in pairs, a sentence: `vgg, infer on torch, batch 16: Keras takes 2.61 × as long …`."""
    sentences = []
    for row in _rows(LabelledRun("", run)):
        if not row.cost.effects:
            continue
        difference = _difference(row)
        detail = f"; of the difference: {difference}" if difference else ""
        case = row.cost.keras
        name = f"{case_text(case)}, {case.mode} on {case.backend}, batch {case.batch_size}"
        sentences.append(f"{name}: {ratio_sentence(row.cost)}{detail}.")
    return sentences


def _rows(item: LabelledRun) -> list[_Row]:
    costs, profiles = read_costs(item.run.path), read_profiles(item.run.path)
    paired = {(cost.keras.key, cost.native.key) for cost in costs}
    further = (c for c in _from_records(item.run.records) if (c.keras.key, c.native.key) not in paired)
    steps = {record.key: median_step(record) for record in item.run.records}
    return [_Row(item.label, cost, profiles, steps) for cost in (*costs, *further)]


def _from_records(records: Sequence[Record]) -> list[KerasCost]:
    """Costs from records of both sides that were measured in one run."""
    native = [r for r in records if r.case.backend in NATIVE_BACKENDS and r.case.backend != "onnxruntime"]
    if not native:
        return []
    keras = {(key_without_backend(record), record.case.backend): record for record in records}
    costs = []
    for record in native:
        other = keras.get((key_without_backend(record), keras_backend(record.case.backend)))
        if other is None:
            continue
        cost = KerasCost(keras=other.case, native=record.case, agreement=record.checks.get("agrees with Keras", ""))
        failed = next((one for one in (record, other) if one.outcome != "ok"), None)
        if failed is not None:
            costs.append(cost.model_copy(update={"outcome": failed.outcome, "reason": failed.reason}))
        elif record.step_median_s and other.step_median_s:
            steps = {"keras_step_s": [other.step_median_s], "native_step_s": [record.step_median_s]}
            costs.append(cost.model_copy(update=steps))
    return costs


def _figures(row: _Row) -> dict[str, Figure]:
    """The steps of two records and their ratio; of pairs of processes the ratio has its interval beside it."""
    cost = row.cost
    keras, native = (row.steps.get(case.key, Figure(None)) for case in (cost.keras, cost.native))
    if cost.effects or keras.value is None or native.value is None:
        return {}
    return {"keras_s": keras, "native_s": native, "ratio": keras.over(native)}


def _cells(row: _Row) -> dict[str, Any]:
    cost = row.cost
    measured = bool(cost.keras_step_s and cost.native_step_s)
    keras_s = median(cost.keras_step_s) if measured else None
    native_s = median(cost.native_step_s) if measured else None
    low, high = cost.interval or (None, None)
    return {
        "run": row.run,
        "model": model_text(cost.keras.model, cost.keras.options),
        "mode": cost.keras.mode,
        "framework": cost.keras.backend,
        "batch": cost.keras.batch_size,
        "keras_s": keras_s,
        "native_s": native_s,
        "ratio": cost.ratio or (keras_s / native_s if keras_s and native_s else None),
        "low": low,
        "high": high,
        "pairs": len(cost.effects) or None,
        "difference": _difference(row),
        "agreement": cost.agreement or (f"{cost.outcome}: {cost.reason}" if cost.outcome != "ok" else None),
    }


def _difference(row: _Row) -> str | None:
    interval = row.cost.interval
    explanation = explain_cost(row.cost, row.profiles) if interval and interval[0] > 1 else None
    if explanation is None or explanation.difference <= 0:
        return None
    layers = layers_sentence(explanation)
    return difference_sentence(explanation) + (f"; most of it in {layers}" if layers else "")
