"""Each known way to a wrong figure, planted into a real worker, ends as `invalid` or is flagged; honest cases pass."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from anatomy.bench.backends.available import installed_backends
from anatomy.bench.records.case import Case
from anatomy.bench.records.record import Record
from tests.bench.conftest import Measure, cases_of
from tests.marks import extended_but

pytestmark = pytest.mark.backends

FAULTS = "data/faults.py"
BATCH = 64

# A step that returns early gives the outputs of the step before: either of two checks may see it first.
BACKLOG = "after its outputs were said to be ready"
INVALID = {
    ("undrained", "train"): BACKLOG,
    ("undrained", "infer"): BACKLOG,
    ("returns_early", "train"): f"{BACKLOG}|not waited for|weights as they were|it must go down",
    ("returns_early", "infer"): f"{BACKLOG}|not waited for|folded into a constant",
    ("skips", "infer"): "not waited for, or not done",
    ("skips", "train"): "not waited for, or not done",
    ("folded", "infer"): "folded into a constant",
    ("folded", "train"): "left all weights as they were",
    ("does_not_update", "train"): "left all weights as they were",
    ("climbs", "train"): "it must go down|must be finite",
    ("does_not_update", "fit"): "left all weights as they were",
    ("climbs", "fit"): "it must go down|must be finite",
    ("not_finite", "predict"): "values of the outputs of the second epoch are not finite",
    ("not_finite", "infer"): "640 of 640 values of the outputs of the first step are not finite",
    ("becomes_infinite", "infer"): "640 of 640 values of the outputs of the last step are not finite",
}


@pytest.mark.quiet
@pytest.mark.extended
@pytest.mark.parametrize("backend", installed_backends())
def test_every_planted_fault_is_caught(measure: Measure, backend: str) -> None:
    trains = backend != "openvino"
    planted = {point: why for point, why in INVALID.items() if trains or point[1] in ("infer", "predict")}
    cases = [
        case
        for name, mode in planted
        for case in cases_of([f"{FAULTS}:{name}"], backend=backend, mode=mode, batch_size=BATCH)
    ]
    # Steps that seem to take no time are planned by the thousand: minutes on a machine with other work.
    records = _checked(measure, cases, seconds=0.2, warmup_budget_s=0.5, timeout_s=400)
    for record, (point, why) in zip(records, planted.items(), strict=True):
        assert record.outcome == "invalid", f"{point}: {record.outcome} {record.reason} {record.clock}"
        assert re.search(why, record.reason), f"{point}: {record.reason}"


@pytest.mark.quiet
@pytest.mark.parametrize("backend", extended_but(installed_backends(), "jax"))
def test_honest_cases_pass_every_check(measure: Measure, backend: str) -> None:
    modes = ["infer"] if backend == "openvino" else ["train", "infer"]
    cases = cases_of([f"{FAULTS}:honest"], backend=backend, mode=modes, batch_size=BATCH)
    records = _checked(measure, cases, seconds=0.2, warmup_budget_s=0.5)
    assert len(records) == len(cases)
    for record in records:
        assert record.outcome == "ok", record.reason
        assert record.clock is not None
        if record.clock.reason.startswith("too noisy"):
            pytest.skip(f"this machine is too noisy to say: {record.clock.reason}")
        assert record.clock.verdict in ("agrees", "overlaps"), record.clock
        assert set(record.checks.values()) == {"passed"}
        assert record.recompilations == 0


def _checked(measure: Measure, cases: Sequence[Case], **settings: Any) -> list[Record]:
    """Records of the cases, in order.

    What noise kept the clock from checking is measured once more, for longer: a fault shows the better.
    """
    records = measure(cases, **settings)
    again = [record.case for record in records if record.clock is not None and record.clock.verdict == "not checked"]
    anew = {record.key: record for record in measure(again, "again", **settings | {"seconds": 2.0})} if again else {}
    return [anew.get(record.key, record) for record in records]


def test_clocks_must_disagree_in_two_windows(measure: Measure) -> None:
    (case,) = cases_of([f"{FAULTS}:disagrees_once"], backend="jax", mode="infer", batch_size=BATCH)
    (record,) = measure([case], seconds=0.2, warmup_budget_s=0.5)
    assert record.outcome == "ok", record.reason
    assert record.clock is not None
    assert record.clock.reason != "planted"
    assert record.clock.earlier == "planted"


def test_a_step_that_xla_folded_is_caught(measure: Measure) -> None:
    (case,) = cases_of([f"{FAULTS}:folded_by_xla"], backend="jax", mode="infer", batch_size=BATCH)
    (record,) = measure([case], seconds=0.2, warmup_budget_s=0.5)
    assert record.outcome == "invalid"
    assert "folded into a constant" in record.reason


@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_recompilations_are_counted(measure: Measure, backend: str) -> None:
    (case,) = cases_of([f"{FAULTS}:recompiles"], backend=backend, mode="infer", batch_size=BATCH)
    (record,) = measure([case], steps=60, warmup_s=0.0)
    assert record.recompilations, record.reason
