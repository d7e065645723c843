"""Before several devices are timed: do they train as one would? Asked once a case, in processes of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from anatomy.bench.parallel.device_group import require_shareable
from anatomy.bench.parallel.equivalence import compare
from anatomy.bench.parallel.reference_steps import Trajectory
from anatomy.bench.records.case import LOOPS, Case
from anatomy.bench.records.record_parts import Equality
from anatomy.bench.runner.fork_client import HostChannel
from anatomy.bench.runner.supervisor import Supervisor
from anatomy.bench.runner.worker_handle import Findings


@dataclass
class EqualityCheck:
    """Compares five training steps of a case with the same five on one device, which are remembered."""

    supervisor: Supervisor
    _on_one: dict[str, Trajectory | Findings] = field(default_factory=dict)
    _verdicts: dict[str, Equality | Findings] = field(default_factory=dict)

    def ask(self, host: HostChannel, case: Case) -> Equality | Findings | None:
        """The verdict; what ended the several devices, where they did not get through; null where none is due."""
        mode = LOOPS.get(case.mode, case.mode)
        if case.devices == 1 or mode != "train":
            return None
        try:
            require_shareable(case)
        except NotImplementedError:
            # Its own worker says why, and no others need be started to hear it.
            return None
        trained = case.model_copy(update={"mode": mode, "feed": "numpy"})
        if trained.key not in self._verdicts:
            self._verdicts[trained.key] = self._verdict(host, trained)
        return self._verdicts[trained.key]

    def _verdict(self, host: HostChannel, case: Case) -> Equality | Findings:
        several = self.supervisor.trajectory(host, case)
        if isinstance(several, Findings):
            return several
        alone = case.model_copy(update={"devices": 1, "nodes": 1, "model_parallel": 1, "layout_map": ""})
        if alone.key not in self._on_one:
            self._on_one[alone.key] = self.supervisor.trajectory(host, alone)
        one = self._on_one[alone.key]
        if isinstance(one, Findings):
            return Equality(verdict="not checked", reason=f"on one device: {one.outcome}: {one.reason}")
        return compare(several, one, case.dtype, case.devices)
