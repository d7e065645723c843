"""The table of what Keras costs, from pairs and from records."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.records.case import Case
from anatomy.bench.records.keras_cost import KerasCost, append_cost
from anatomy.reports.report_page import render_html
from anatomy.reports.run_labels import label_runs
from anatomy.reports.summary import summary_sentences
from anatomy.reports.tables.keras_cost_table import keras_cost_tables
from tests.reports.conftest import MakeRecord, MakeRun

KERAS = Case(model="mlp", backend="torch", mode="infer", batch_size=8)
NATIVE = Case(model="mlp", backend="native-torch", mode="infer", batch_size=8)


def cost(*effects: float, **fields: object) -> KerasCost:
    steps = {"keras_step_s": [2e-3] * len(effects), "native_step_s": [1e-3] * len(effects), "effects": list(effects)}
    return KerasCost.model_validate({"keras": KERAS, "native": NATIVE, **steps, **fields})


@pytest.mark.parametrize(
    ("effects", "words"),
    [
        ((0.70, 0.69, 0.68), "Keras takes 1.99 × as long"),
        ((0.02, -0.02, 0.01), "no difference can be told"),
        ((-0.40, -0.41, -0.42), "Keras is faster"),
    ],
)
def test_pairs_say_what_keras_costs(effects: tuple[float, ...], words: str, run: MakeRun, tmp_path: Path) -> None:
    made = run([]).model_copy(update={"path": tmp_path})
    append_cost(tmp_path, cost(*effects))
    runs = label_runs([made])
    (table,) = keras_cost_tables(runs)
    assert table.frame["pairs"].tolist() == [3]
    assert words in " ".join(summary_sentences(runs))
    page = render_html(runs)
    assert "What Keras costs" in page
    assert "0 of 0" not in page


def test_records_of_both_make_a_row_without_an_interval(record: MakeRecord, run: MakeRun) -> None:
    records = [
        record(speed=speed, case={"backend": case.backend, "mode": "infer", "batch_size": 8})
        for case, speed in ((KERAS, 50.0), (NATIVE, 100.0))
    ]
    (table,) = keras_cost_tables(label_runs([run(records)]))
    assert table.frame["ratio"].tolist() == [pytest.approx(2.0, rel=0.3)]
    assert table.frame["low"].isna().all()
    assert table.cell(0, next(c for c in table.columns if c.key == "pairs")) == "one after the other"


def test_a_refused_case_has_its_reason_and_no_ratio(run: MakeRun, tmp_path: Path) -> None:
    append_cost(tmp_path, cost(outcome="unsupported", reason="no translation to torch is known for Own"))
    (table,) = keras_cost_tables(label_runs([run([]).model_copy(update={"path": tmp_path})]))
    assert table.frame["ratio"].isna().all()
    assert "Own" in table.frame["agreement"][0]


def test_a_run_without_native_cases_has_no_such_table(record: MakeRecord, run: MakeRun) -> None:
    assert keras_cost_tables(label_runs([run([record()])])) == ()
