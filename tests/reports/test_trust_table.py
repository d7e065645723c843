"""The tables that say how far to trust the others: trust, loops, agreement."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from anatomy.bench.records.caveats import DISTURBED, caveats_of, others_share
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Block, ClockCheck, Series
from anatomy.bench.records.run_store import Run
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import agreement_table, loop_table, trust_table
from anatomy.reports.tables.trust_table import flags

MakeRecord = Callable[..., Record]
MakeRun = Callable[..., Run]


def test_intervals_series_and_clock_are_shown(record: MakeRecord, run: MakeRun) -> None:
    one = record(case={"mode": "train", "backend": "jax"}).model_copy(
        update={
            "step_s": [0.01] * 50 + [0.0101] * 50,
            "series": Series(label="slowing", change_points=[50], last_over_first=1.01),
            "clock": ClockCheck(verdict="overlaps", slope_s=0.005, synchronised_s=0.01),
            "recompilations": 2,
            "checks": {"weights move": "passed", "loss goes down": "not checked: 3 steps"},
        }
    )
    (row,) = trust_table(label_runs([run([one])])).frame.to_dict("records")
    assert row["series"] == "slowing"
    assert row["clock"] == "overlaps"
    assert row["slope_ratio"] == pytest.approx(0.5)
    assert row["flags"] == "slowing, 2 recompilations, loss goes down not checked"


def test_why_the_clock_was_not_checked_is_to_mind(record: MakeRecord) -> None:
    reason = "3 rounds fitted into the budget, 4 needed"
    one = record(case={"mode": "infer"}, clock=ClockCheck(verdict="not checked", reason=reason))
    assert flags(one) == f"clocks not checked ({reason})"


def test_a_second_window_is_told_of(record: MakeRecord, run: MakeRun) -> None:
    clock = ClockCheck(verdict="agrees", earlier="a further pipelined step takes 1.22 of a synchronised one")
    table = trust_table(label_runs([run([record(case={"mode": "infer"}, clock=clock)])]))
    (row,) = table.frame.to_dict("records")
    assert row["clock_reason"] == f"measured twice; the first time {clock.earlier}"


def test_a_loop_is_there_and_says_that_it_is_not_classed(record: MakeRecord, run: MakeRun) -> None:
    checks = {"weights move": "passed", "loss goes down": "not checked: 25 steps"}
    loop = record(case={"mode": "fit", "backend": "torch"}, step_s=[], checks=checks)
    table = trust_table(label_runs([run([loop, record(case={"mode": "count"})])]))
    (row,) = table.frame.to_dict("records")
    assert (row["mode"], row["flags"]) == ("fit", "loss goes down not checked")
    cells = {column.key: table.cell(0, column) for column in table.columns}
    assert (cells["series"], cells["clock"], cells["recompilations"]) == ("not classed", "one clock", "not counted")
    assert "epochs" in table.absent[0, "series"].reason


def test_nothing_to_mind_is_not_flagged(record: MakeRecord) -> None:
    assert (
        flags(record(case={"mode": "infer"}).model_copy(update={"series": Series(label="settled"), "checks": {}}))
        is None
    )


def test_the_interval_of_several_processes_is_theirs(record: MakeRecord, run: MakeRun) -> None:
    one = record(case={"mode": "infer"}).model_copy(
        update={"process_throughputs": [90.0, 100.0, 110.0], "process_medians_s": [0.011, 0.010, 0.009]}
    )
    (row,) = trust_table(label_runs([run([one])])).frame.to_dict("records")
    assert row["processes"] == 3
    # Student's t with 2 degrees of freedom on a spread of 10 %.
    assert 0.2 < row["throughput_spread"] < 0.35


def test_the_loop_is_set_beside_its_step(record: MakeRecord, run: MakeRun) -> None:
    step = record(case={"mode": "train", "backend": "torch", "batch_size": 8})
    step = step.model_copy(update={"blocks": [Block(steps=10, seconds=0.10)]})
    loop = record(case={"mode": "fit", "backend": "torch", "batch_size": 8})
    loop = loop.model_copy(update={"blocks": [Block(steps=10, seconds=0.16)], "settings": step.settings})
    other = record(case={"mode": "fit", "backend": "jax", "batch_size": 8})
    table = loop_table(label_runs([run([step, loop, other])]))
    first, second = table.frame.to_dict("records")
    assert first["overhead_s"] == pytest.approx(0.006)
    assert first["overhead_share"] == pytest.approx(0.375)
    column = next(column for column in table.columns if column.key == "overhead_s")
    assert second["backend"] == "jax"
    assert table.absence(1, column).reason == "the compiled step was not measured in this run"


@pytest.mark.parametrize(
    ("precision", "shift", "verdict"),
    [(None, 1e-7, "agrees"), (None, 1e-3, "deviates"), ("bf16", 1e-3, "agrees"), ("bf16", 0.9, "deviates")],
)
def test_outputs_agree_as_far_as_their_precision_lets_them(
    record: MakeRecord, run: MakeRun, precision: str | None, shift: float, verdict: str
) -> None:
    sample = [0.1, -0.7, 1.0]
    reference = record(case={"mode": "infer", "backend": "tensorflow"}).model_copy(update={"output_sample": sample})
    other = record(case={"mode": "infer", "backend": "openvino"}).model_copy(
        update={
            "output_sample": [value + shift for value in sample],
            "settings": {**reference.settings, "matmul_precision": precision},
        }
    )
    rows = agreement_table(label_runs([run([reference, other])])).frame.to_dict("records")
    assert rows[1]["verdict"] == verdict
    assert rows[1]["deviation"] == pytest.approx(shift)


def test_outputs_of_another_shape_deviate(record: MakeRecord, run: MakeRun) -> None:
    a = record(case={"mode": "infer", "backend": "tensorflow"}).model_copy(update={"output_sample": [1.0, 2.0]})
    b = record(case={"mode": "infer", "backend": "jax"}).model_copy(update={"output_sample": [1.0]})
    rows = agreement_table(label_runs([run([a, b])])).frame.to_dict("records")
    assert rows[1]["verdict"] == "deviates"


def test_load_by_others_in_the_window_is_shown_and_weakens(record: MakeRecord, run: MakeRun) -> None:
    settings = {"cpus": "0-3"}
    quiet = record(case={"mode": "infer", "batch_size": 1}, settings=settings, others_cores=0.39, steal_share=0.049)
    busy = record(case={"mode": "infer", "batch_size": 2}, settings=settings, others_cores=0.4, steal_share=0.0)
    robbed = record(case={"mode": "infer", "batch_size": 3}, settings=settings, others_cores=0.0, steal_share=0.2)
    unknown = record(case={"mode": "infer", "batch_size": 4})
    table = trust_table(label_runs([run([quiet, busy, robbed, unknown])]))
    rows = table.frame.to_dict("records")
    assert [row["others_cores"] for row in rows[:3]] == [0.39, 0.4, 0.0]
    assert [row["steal_share"] for row in rows[:3]] == [0.049, 0.0, 0.2]
    assert "CPUs" not in (flags(quiet) or "") + (flags(unknown) or "")
    assert "other processes used 10 % of its CPUs" in (flags(busy) or "")
    assert "the hypervisor took 20 % of their time" in (flags(robbed) or "")
    assert [DISTURBED in caveats_of(one) for one in (quiet, busy, robbed, unknown)] == [False, True, True, False]


@pytest.mark.parametrize("cpus", [None, 3, "", "many", "3-1"])
def test_cpus_that_another_program_wrote_weaken_nothing(record: MakeRecord, cpus: object) -> None:
    one = record(case={"mode": "infer"}, settings={"cpus": cpus}, others_cores=4.0)
    assert others_share(one) is None
    assert DISTURBED not in caveats_of(one)


def test_older_records_have_no_column_of_gaps(record: MakeRecord, run: MakeRun) -> None:
    older, newer = record(speed=10.0), record(speed=10.0, others_cores=0.2, steal_share=0.0, case={"batch_size": 64})
    keys = [[column.key for column in trust_table(label_runs([run(found, name)])).columns] for name, found in
            {"old": [older], "both": [older, newer]}.items()]  # fmt: skip
    assert [("others_cores" in found, "steal_share" in found) for found in keys] == [(False, False), (True, True)]


def test_notes_name_only_what_the_table_has(record: MakeRecord, run: MakeRun) -> None:
    for name, cores in (("known", 0.1), ("unknown", None)):
        table = trust_table(label_runs([run([record(others_cores=cores)], name)]))
        assert ("others_cores" in table.frame) is (cores is not None)
        notes = " ".join(table.notes)
        assert ("Others in the window:" in notes) is (cores is not None)
        assert ("was not recorded" in notes) is (cores is None)
