"""The largest batch that fits: what the search does with what it is told, and once with real processes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.bench.cli.screens.run_listeners import largest_batch_sentence
from anatomy.bench.errors import exit_codes
from anatomy.bench.records.batch_sizes import with_batch_size
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from anatomy.bench.records.run_store import load_run
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.largest_batch import LARGEST_BATCH, measure_largest
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.statistics.batch_size_search import RESOLUTION
from tests.factories import make_record


class Scripted:
    """A session in which batches up to a size fit, and long measurements up to a smaller one."""

    def __init__(self, brief_fits: int, long_fits: int, beyond: str) -> None:
        self.settings = MeasureSettings(memory_limit_bytes=2**40, seconds=3)
        self.asked: list[tuple[int, bool]] = []
        self._fits = {True: brief_fits, False: long_fits}
        self._beyond = beyond

    def measure(self, case: Case, listener: object, repeat: int = 0, settings: MeasureSettings | None = None) -> Record:
        brief = settings is not None
        self.asked.append((case.batch_size, brief))
        outcome: Any = "ok" if case.batch_size <= self._fits[brief] else self._beyond
        fields = {"backend": case.backend, "mode": case.mode, "batch_size": case.batch_size}
        return make_record("mlp", case=fields, outcome=outcome, reason="" if outcome == "ok" else "too much")


def found(brief_fits: int, long_fits: int, beyond: str = "oom") -> tuple[Any, list[Record], Scripted]:
    session = Scripted(brief_fits, long_fits, beyond)
    case = Case(model="mlp", mode="infer", backend="jax", batch_size=1)
    sizes, finals = measure_largest(cast("Session", session), case, Silent())
    return sizes, finals, session


def test_the_largest_is_measured_as_any_case_is() -> None:
    sizes, finals, session = found(brief_fits=11, long_fits=11)
    assert sizes.largest == 11
    assert [record.case.batch_size for record in finals] == [11]
    assert session.asked[-1] == (11, False)
    assert all(brief for _, brief in session.asked[:-1])


def test_one_that_fits_only_briefly_is_not_the_answer() -> None:
    sizes, finals, session = found(brief_fits=11, long_fits=9)
    # Tried were 1, 2, 4, 8, 16, 12, 10, 11: measured longer, 11 and 10 do not fit, so that 9 is tried.
    assert [size for size, brief in session.asked if not brief] == [11, 10, 9]
    assert sizes.largest == 9
    assert [(record.case.batch_size, record.outcome) for record in finals] == [(9, "ok")]
    assert sizes.too_large is not None
    assert sizes.too_large.case.batch_size == 10
    assert sizes.why


@pytest.mark.long
@given(st.integers(1, 2**20), st.integers(0, 2**20))
@settings(deadline=None)
def test_the_answer_is_as_near_to_the_limit_when_only_the_longer_measurement_meets_it(a: int, b: int) -> None:
    brief_fits, long_fits = max(a, b), min(a, b)
    sizes, finals, session = found(brief_fits, long_fits)
    if long_fits == 0:
        assert sizes.largest is None
        return
    assert sizes.largest is not None
    assert sizes.largest <= long_fits
    assert [(record.case.batch_size, record.outcome) for record in finals] == [(sizes.largest, "ok")]
    if sizes.largest < LARGEST_BATCH:
        assert sizes.too_large is not None
        assert sizes.too_large.case.batch_size - sizes.largest <= max(1, int(RESOLUTION * sizes.largest))
    assert len(session.asked) == len(set(session.asked))


@pytest.mark.parametrize(
    ("outcome", "brief_fits", "said"),
    [
        ("oom", 0, "no batch fits; oom: too much"),
        ("crashed", 0, "the smallest batch could not be measured; crashed: too much"),
        ("oom", 4, "is the largest batch that fits; 5 does not: oom: too much"),
        ("timeout", 4, "is the largest batch that was measured; 5 could not be: timeout: too much"),
    ],
)
def test_what_is_not_a_matter_of_memory_is_not_said_to_be(outcome: str, brief_fits: int, said: str) -> None:
    sizes, _, _ = found(brief_fits, brief_fits, outcome)
    assert said in largest_batch_sentence(sizes)


def test_where_nothing_fits_the_tries_are_the_answer() -> None:
    sizes, finals, session = found(brief_fits=0, long_fits=0)
    assert sizes.largest is None
    assert [record.outcome for record in finals] == ["oom"]
    assert session.asked == [(1, True)]


def test_a_stateful_model_is_built_for_its_batch() -> None:
    case = Case(model="lstm", options={"stateful": True, "batch_size": 1}, batch_size=1)
    assert with_batch_size(case, 8).options["batch_size"] == with_batch_size(case, 8).batch_size == 8


@pytest.mark.backends
@pytest.mark.extended
def test_real_processes_are_held_to_the_limit(tmp_path: Path) -> None:
    # Few tries: an example is 4 MiB.
    model = "mlp:hidden=4x4,input_size=1048576"
    command = [sys.executable, "-m", "anatomy.bench.cli", "run", model, "--backend", "torch", "--mode", "infer"]
    options = ["--batch-size", "max", "--memory-limit", "900MiB", "--seconds", "0.2", "--no-history", "--no-report"]
    done = subprocess.run(
        [*command, *options, "--out", "run"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=400
    )
    assert done.returncode == exit_codes.OK, done.stdout + done.stderr
    assert "is the largest batch that fits" in done.stdout
    (summary,) = json.loads((tmp_path / "run" / "largest_batch.json").read_text())
    largest = summary["largest_batch_size"]
    assert 1 < largest < summary["too_large_batch_size"] <= largest * 1.2 + 1
    lines = [json.loads(line) for line in (tmp_path / "run" / "records.jsonl").read_text().splitlines()]
    outcomes = {line["case"]["batch_size"]: line["outcome"] for line in lines}
    assert outcomes[largest] == "ok"
    assert outcomes[summary["too_large_batch_size"]] == "oom"
    # The final measurement comes last, after the try of the same size, and is what the run's readers get.
    assert [line["case"]["batch_size"] for line in lines].count(largest) == 2
    assert lines[-1]["case"]["batch_size"] == largest
    (final,) = [record for record in load_run(tmp_path / "run").records if record.case.batch_size == largest]
    assert final.model_dump(mode="json") == lines[-1]
