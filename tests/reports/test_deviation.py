"""The reference, the tolerance and the verdict of the outputs' comparison."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import ScaledOutputs
from anatomy.bench.records.rounding_tolerance import relative_deviation, rounding_tolerance
from anatomy.bench.records.run_store import Run
from anatomy.reports.deviation import SAME, Deviation, deviations
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import agreement_table, case_table

from .conftest import make_counts

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]
SAMPLE = (0.1, -0.7, 1.0)


def sampled(record: MakeRecord, backend: str, values: Sequence[float], precision: str = "float32") -> Record:
    return record(
        settings={"matmul_precision": precision, "device": "cpu"},
        output_sample=list(values),
        case={"mode": "infer", "backend": backend},
    )


def by_backend(records: Sequence[Record]) -> dict[str, Deviation]:
    found = deviations(records)
    return {record.case.backend: found[record.key] for record in records if record.key in found}


def test_the_median_finds_the_one_that_is_wrong(record: MakeRecord) -> None:
    wrong = [value + 0.01 for value in SAMPLE]
    found = by_backend(
        [
            sampled(record, "tensorflow", wrong),
            sampled(record, "jax", SAMPLE),
            sampled(record, "torch", SAMPLE),
            sampled(record, "openvino", [value + 1e-3 for value in SAMPLE], "bf16"),
        ]
    )
    assert {name: one.verdict for name, one in found.items()} == {
        "tensorflow": "deviates",
        "jax": "agrees",
        "torch": "agrees",
        "openvino": "agrees",
    }
    assert found["tensorflow"].deviation == pytest.approx(0.01)
    assert found["openvino"].against == "median of tensorflow, jax, torch"


def predicted(record: MakeRecord, backend: str, values: Sequence[float], stateful: bool | None = True) -> Record:
    one = sampled(record, backend, values)
    case = one.case.model_copy(update={"mode": "predict"})
    return one.model_copy(update={"case": case, "stateful": stateful})


def test_a_loop_that_is_known_to_drop_the_state_deviates_and_has_no_vote(record: MakeRecord, run: MakeRun) -> None:
    records = [predicted(record, "jax", [v + 0.01 for v in SAMPLE]), predicted(record, "torch", SAMPLE)]
    found = by_backend(records)
    assert found["torch"].against == "torch"
    assert found["jax"].verdict == "deviates"
    assert "Keras on JAX does not carry the state from batch to batch" in found["jax"].cause
    table = agreement_table(label_runs([run(records)]))
    assert list(table.frame["mode"]) == ["predict", "predict"]
    assert "does not carry the state" in table.frame["cause"][0]


@pytest.mark.parametrize("stateful", [False, None])
def test_without_a_state_no_cause_is_known(record: MakeRecord, stateful: bool | None) -> None:
    found = by_backend(
        [predicted(record, "torch", SAMPLE, stateful), predicted(record, "jax", [v + 0.01 for v in SAMPLE], stateful)]
    )
    assert (found["jax"].verdict, found["jax"].cause) == ("deviates", "")


def test_two_cannot_outvote_each_other(record: MakeRecord) -> None:
    found = by_backend([sampled(record, "jax", SAMPLE), sampled(record, "torch", [v + 0.01 for v in SAMPLE])])
    assert (found["jax"].deviation, found["jax"].verdict) == (None, None)
    assert found["torch"].verdict == "deviates"


def test_coarse_backends_have_no_vote(record: MakeRecord) -> None:
    coarse = [sampled(record, name, [v + 0.02 for v in SAMPLE], "bf16") for name in ("tensorflow", "jax", "openvino")]
    found = by_backend([*coarse, sampled(record, "torch", SAMPLE)])
    assert found["torch"].against == "torch"
    assert all(found[name].deviation == pytest.approx(0.02) for name in ("tensorflow", "jax", "openvino"))


def test_saturated_outputs_say_little(record: MakeRecord) -> None:
    sure = (1.0, 1e-18, 0.0)
    found = by_backend([sampled(record, "jax", sure), sampled(record, "torch", sure)])
    assert found["torch"].verdict == SAME


@pytest.mark.parametrize(("scaled", "verdict"), [((0.6, 0.3, 0.1), "agrees"), ((0.6, 0.1, 0.3), "deviates")])
def test_saturated_outputs_are_compared_where_they_are_not(
    record: MakeRecord, scaled: tuple[float, ...], verdict: str
) -> None:
    sure, between = (1.0, 1e-18, 0.0), ScaledOutputs(scale=0.01, sample=[0.6, 0.3, 0.1])
    records = [
        sampled(record, "jax", sure).model_copy(update={"scaled_outputs": between}),
        sampled(record, "torch", sure).model_copy(
            update={"scaled_outputs": ScaledOutputs(scale=0.01, sample=list(scaled))}
        ),
        sampled(record, "openvino", sure),
    ]
    found = by_backend(records)
    assert found["torch"].verdict == verdict
    assert found["openvino"].verdict == SAME


def test_the_tolerance_is_the_formula() -> None:
    counts = make_counts(macs=9_000, units=90, depth=4)
    assert rounding_tolerance(counts, "float32", "float32") == pytest.approx(4 * (2 + 10) * 2**-24 * 2)
    assert rounding_tolerance(counts, "bfloat16", "float32") == pytest.approx(4 * (2 * 2**-8 + 10 * 2**-24) * 2)
    assert rounding_tolerance(None, "float32") is None


@given(st.integers(1, 100), st.integers(1, 10**6))
def test_coarser_products_may_deviate_more(depth: int, terms: int) -> None:
    counts = make_counts(macs=terms, units=1, depth=depth)
    allowed = [rounding_tolerance(counts, name) or 0.0 for name in ("float32", "float16", "bfloat16")]
    assert allowed == sorted(allowed)
    assert len(set(allowed)) == 3


finite = st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-6)


@given(st.lists(finite, min_size=1, max_size=20), st.floats(0.1, 10))
def test_the_deviation_is_relative(values: list[float], factor: float) -> None:
    assert relative_deviation(values, values) == 0
    scaled = relative_deviation([factor * value for value in values], values)
    assert scaled == pytest.approx(abs(factor - 1) if any(values) else 0, abs=1e-9)
    assert math.isfinite(scaled)


def test_a_deviation_is_marked_in_the_case_table(record: MakeRecord, run: MakeRun) -> None:
    runs = label_runs([run([sampled(record, "jax", SAMPLE), sampled(record, "torch", [v + 0.01 for v in SAMPLE])])])
    for table in (case_table(runs), agreement_table(runs)):
        column = next(column for column in table.columns if column.key == "deviation")
        assert table.cell(0, column) == "reference"
        assert (table.cell(1, column), table.signs(1, column)) == ("10,000", "#")
        assert "#" in table.footnotes[-1]


def test_without_counts_there_is_no_verdict(record: MakeRecord) -> None:
    records = [sampled(record, name, SAMPLE).model_copy(update={"counts": None}) for name in ("jax", "torch")]
    found = by_backend(records)
    assert (found["torch"].deviation, found["torch"].verdict, found["torch"].tolerance) == (0, None, None)
