"""Precisions side by side, with planted differences."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables.precision_table import precision_tables, verdict
from tests.reports.answers.test_backend_race import timed

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


@pytest.mark.parametrize(
    ("speed", "said"), [(100.0, "too close"), (103.0, "too close"), (150.0, "faster"), (60.0, "slower")]
)
def test_a_difference_within_the_intervals_is_too_close(speed: float, said: str) -> None:
    assert verdict(timed("jax", speed, spread=0.02), timed("jax", 100.0, spread=0.02)) == said


def test_a_case_stands_beside_itself_in_float32(record: MakeRecord, run: MakeRun) -> None:
    def case(dtype: str, speed: float, **fields: object) -> Record:
        return record(speed=speed, case={"mode": "infer", "backend": "jax", "dtype": dtype, **fields})

    records = [
        case("float32", 100.0),
        case("mixed_bfloat16", 250.0),
        case("mixed_bfloat16", 70.0, batch_size=64),
    ]
    (table,) = precision_tables(label_runs([run(records)]))
    (row,) = table.frame.to_dict("records")
    assert (row["dtype"], row["ratio"], row["verdict"]) == ("mixed_bfloat16", pytest.approx(2.5), "faster")


def test_one_precision_has_no_table(record: MakeRecord, run: MakeRun) -> None:
    assert precision_tables(label_runs([run([record(case={"mode": "infer", "backend": "jax"})])])) == ()
