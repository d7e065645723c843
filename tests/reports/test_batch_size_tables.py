"""The table of batch sizes: from the records of a search, and of a run with several sizes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from anatomy.bench.records.batch_sizes import group_by_case, summarise_batch_sizes, why_too_large, with_batch_size
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import Run
from anatomy.reports.run_labels import label_runs
from anatomy.reports.tables import all_tables, batch_size_tables
from tests.factories import make_record

MakeRun = Callable[..., Run]


def tried(batch_size: int, speed: float | None = None, **fields: Any) -> Record:
    return make_record(speed=speed, case={"mode": "train", "backend": "jax", "batch_size": batch_size}, **fields)


def search() -> list[Record]:
    """Doubling to 16, which does not fit, then halving; the rows stand in the order of the tries."""
    speeds = {1: 10.0, 2: 20.0, 4: 39.0, 8: 40.0, 12: 40.0}
    failed = tried(16, outcome="oom", reason="used 2 of a limit of 1")
    return [*(tried(size, speed) for size, speed in speeds.items()), failed]


@pytest.mark.long
def test_a_search_has_one_row(run: MakeRun) -> None:
    (table,) = batch_size_tables(label_runs([run(search())]))
    (row,) = table.frame.to_dict("records")
    assert row["tried"] == "1, 2, 4, 8, 12, 16"
    assert (row["largest"], row["too_large"], row["why"]) == (12, 16, "oom: used 2 of a limit of 1")
    assert row["best"] == 8
    assert row["growth"].startswith("stops growing")
    assert "batch_sizes" in [table.key for table in all_tables(label_runs([run(search(), name="again")]))]


def test_one_size_a_case_has_no_table(run: MakeRun) -> None:
    other = make_record("lstm", case={"mode": "train", "backend": "jax", "batch_size": 8})
    assert batch_size_tables(label_runs([run([tried(4, 1.0), other])])) == ()


def test_two_sizes_do_not_say_where_it_stops(run: MakeRun) -> None:
    (table,) = batch_size_tables(label_runs([run([tried(4, 1.0), tried(8, 2.0)])]))
    (row,) = table.frame.to_dict("records")
    assert pd.isna(row["growth"])
    assert pd.isna(row["too_large"])


def test_a_peak_above_the_limit_does_not_fit_though_it_was_measured() -> None:
    record = tried(8, 5.0, peak_host_bytes=3 * 2**30)
    assert why_too_large(record, 4 * 2**30) == ""
    assert why_too_large(record, 2**31) == "a peak of 3.00 GiB above the limit of 2.00 GiB"
    found = summarise_batch_sizes([tried(4, 5.0, peak_host_bytes=2**30), record], 2**31)
    assert (found.largest, found.too_large) == (4, record)


def test_an_invalid_case_has_run() -> None:
    found = summarise_batch_sizes(
        [tried(4, outcome="invalid", reason="no loss"), tried(8, outcome="timeout", reason="long")], None
    )
    assert (found.largest, found.why) == (4, "timeout: long")
    nothing = summarise_batch_sizes([tried(1, outcome="crashed", reason="broken")], None)
    assert (nothing.largest, nothing.why) == (None, "crashed: broken")


def test_cases_that_differ_in_more_than_the_batch_are_apart() -> None:
    inference = make_record(case={"mode": "infer", "backend": "jax", "batch_size": 4})
    assert [len(group) for group in group_by_case([*search(), inference])] == [6, 1]
    stateful = tried(2).case.model_copy(update={"options": {"stateful": True, "batch_size": 2}})
    assert with_batch_size(with_batch_size(stateful, 64), 2) == stateful
