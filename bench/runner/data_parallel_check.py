"""Before several devices are timed: do they train as one does? Answered once per case, in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from anatomy.bench.parallel.device_group import require_shareable
from anatomy.bench.parallel.equivalence import compare
from anatomy.bench.protocol.trajectory import Trajectory
from anatomy.bench.records.case import LOOPS, OF_A_STEP, Case
from anatomy.bench.records.record_parts import Equality
from anatomy.bench.runner.worker_handle import PartialResult

# Trains the reference steps of a case; what is known where it did not get there.
TakeSteps = Callable[[Case], Trajectory | PartialResult]


@dataclass
class DataParallelCheck:
    """Compares the reference steps of a case with the same steps on one device, and remembers both."""

    _on_one: dict[str, Trajectory | PartialResult] = field(default_factory=dict)
    _verdicts: dict[str, Equality | PartialResult] = field(default_factory=dict)

    def verdict(self, case: Case, take_steps: TakeSteps) -> Equality | PartialResult | None:
        """The verdict; what ended the several devices, where they did not get through; `None` where none is due."""
        mode = LOOPS.get(case.mode, case.mode)
        if case.devices == 1 or mode != "train":
            return None
        try:
            require_shareable(case)
        except NotImplementedError:
            # Its own worker says why; no other needs to be started to hear it.
            return None
        trained = case.model_copy(update={"mode": mode, **OF_A_STEP})
        if trained.key not in self._verdicts:
            self._verdicts[trained.key] = self._compare(trained, take_steps)
        return self._verdicts[trained.key]

    def _compare(self, case: Case, take_steps: TakeSteps) -> Equality | PartialResult:
        several = take_steps(case)
        if isinstance(several, PartialResult):
            return several
        alone = case.model_copy(update={"devices": 1, "nodes": 1, "model_parallel": 1, "layout_map": ""})
        if alone.key not in self._on_one:
            self._on_one[alone.key] = take_steps(alone)
        one = self._on_one[alone.key]
        if isinstance(one, PartialResult):
            return Equality(verdict="not checked", reason=f"on one device: {one.outcome}: {one.reason}")
        return compare(several, one, case.dtype, case.devices)
