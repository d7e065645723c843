"""The matrix of backends beside the fastest."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anatomy.bench.records.run_store import Run
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import race_tables
from tests.reports.answers.test_backend_race import BF16, timed

MakeRun = Callable[..., Run]


def test_each_backend_has_its_ratio_in_its_own_precision(run: MakeRun) -> None:
    infer = {"mode": "infer"}
    records = [
        *(timed(backend, speed, "lstm", case=infer) for backend, speed in (("jax", 100), ("torch", 50))),
        timed("openvino", 300, "lstm", case=infer, settings=BF16),
        timed("jax", 10, "mlp"),
    ]
    (table,) = race_tables(label_runs([run(records)]))
    # Neither the lone bfloat16 figure nor the model of one backend has anything beside it.
    (row,) = table.frame.to_dict("records")
    assert (row["model"], row["mode"], row["jax"], row["torch"]) == ("lstm", "infer", 1.0, pytest.approx(0.5))
    assert "openvino bf16" not in row


def test_what_deviates_has_no_ratio(run: MakeRun) -> None:
    samples = {"jax": [0.0, 1.0], "tensorflow": [0.0, 1.0], "torch": [0.5, 0.2]}
    records = [
        timed(backend, speed, "lstm", case={"mode": "infer"}, output_sample=samples[backend])
        for backend, speed in (("jax", 100), ("tensorflow", 80), ("torch", 500))
    ]
    (table,) = race_tables(label_runs([run(records)]))
    cells = {column.key: table.cell(0, column) for column in table.columns}
    assert (cells["jax"], cells["tensorflow"], cells["torch"]) == ("1.00", "0.800", "deviates")


def test_one_backend_is_no_race(run: MakeRun) -> None:
    assert race_tables(label_runs([run([timed("jax", 10, "mlp")])])) == ()
