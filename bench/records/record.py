"""A record: what came of one case. One line of `records.jsonl`.

History of the format (`schema_version`):
    1   first version.
    2   series, clock, checks, recompilations, warm-up steps, losses before and after, sample of the
        outputs, repeats in fresh processes; modes fit and predict.
    3   several devices: equality, all_reduce. Telemetry: more of each GPU, with a reason for each figure that is
        missing and the raw samples; cpu_energy; window_s, window_steps.
    4   the peak of the steps by themselves; host_use; stateful, checks and sample of the outputs of the loops.

Raw values are stored; every statistic is derived from them when the record is read or written.
"Not measured" is null, with the reason under the same name in `not_measured`, and never 0.
"""

from __future__ import annotations

from functools import cached_property
from statistics import median
from typing import Any, Literal

import numpy as np
from pydantic import Field, computed_field

from anatomy.bench.records.case import Case
from anatomy.bench.records.frozen import FrozenWithComputedFields
from anatomy.bench.records.gpu_use import CpuEnergy, EnergySource, GpuUse, gpu_energy
from anatomy.bench.records.parity import Manifest, manifest
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record_parts import AllReduce, Block, ClockCheck, Counts, Equality, Phases, Series
from anatomy.bench.statistics.interval import between_blocks, between_processes, median_interval

SCHEMA_VERSION = 4

Outcome = Literal["ok", "oom", "timeout", "crashed", "unsupported", "invalid"]


class Record(FrozenWithComputedFields):
    """One case and what came of it.

    Attributes:
        case: what was asked.
        name: readable, e.g. `vgg:depth=11 train jax b32`.
        outcome: `ok`, or why there is no figure.
        reason: one line for people, empty when ok.
        repeat: which of the case's processes this is, from 0.
        started_at: ISO 8601, UTC.
        environment: fingerprint of the run's environment.
        settings: in effect, not as asked: jit, dtype policy, threads, matmul precision, layout, …
        versions: of Python, Keras and the backend's packages.
        step_s: synchronised steps, raw seconds in order: launch, wait for outputs and state.
        blocks: pipelined blocks, raw, in order; in the modes fit and predict, the epochs.
        warmup_steps: synchronised steps before the window.
        warmup_settled: whether their times had settled, or warm-up ended with its budget.
        series: whether `step_s` had settled.
        clock: whether the two clocks agree.
        checks: name of a check → `passed`, or `not checked: ` and why. A check that fails makes the
            outcome `invalid`.
        recompilations: programs compiled during the measured window.
        loss_first: the loss of the first step in the modes train and fit.
        loss_last: the mean loss of the steps of the measured window in train mode; in fit of those of the last epoch.
        output_sample: evenly spaced values of the outputs, in order; equal weights and inputs on every backend, so that
            they can be compared. In infer mode of the first step, or of the second where a state is carried into it; in
            predict mode of the last batch of the second call, the first with several batches.
        stateful: whether a layer carries a state from one batch to the next.
        process_medians_s: median synchronised step of each process (`--processes`), one entry without.
        process_throughputs: examples/s of each process.
        base_host_bytes: resident memory of the worker before the model was built.
        peak_host_bytes: highest resident memory of the worker (VmHWM), absolute, from before the model was built to the
            end of the warm-up.
        step_peak_host_bytes: the same over the steps of the warm-up alone: without what building and compiling took and
            gave back. In the modes fit and predict null.
        host_use: memory and CPU time of the worker over its life.
        peak_device_bytes: the framework allocator's peak on the device.
        cpu_cores_used: CPU seconds of the worker per second of the measured window.
        window_s: length of the measured window. In the modes fit and predict it goes from the start of the first
            measured epoch to the end of the last.
        window_steps: steps of all kinds that were launched in it, and drained.
        gpu: what NVML said of each visible GPU over the measured window.
        cpu_energy: of all CPU packages of the machine over the measured window.
        equality: in training on several devices, whether they train as one does.
        all_reduce: in training on several devices, what adding up the gradients takes by itself.
        host: name of the machine, where a cluster has measured it.
        lost_nodes: names of the machines of a cluster that were lost while they measured it, before.
        not_measured: field → why it is null.
        log: path of the worker's output, relative to the run's folder.
    """

    schema_version: int = SCHEMA_VERSION
    case: Case
    name: str
    outcome: Outcome
    reason: str = ""
    started_at: str
    environment: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    phases: Phases = Phases()
    step_s: list[float] = Field(default_factory=list)
    blocks: list[Block] = Field(default_factory=list)
    warmup_steps: int | None = None
    warmup_settled: bool | None = None
    series: Series | None = None
    clock: ClockCheck | None = None
    checks: dict[str, str] = Field(default_factory=dict)
    recompilations: int | None = None
    output_sample: list[float] | None = None
    stateful: bool | None = None
    repeat: int = 0
    process_medians_s: list[float] = Field(default_factory=list)
    process_throughputs: list[float] = Field(default_factory=list)
    loss_first: float | None = None
    loss_last: float | None = None
    counts: Counts | None = None
    base_host_bytes: int | None = None
    peak_host_bytes: int | None = None
    step_peak_host_bytes: int | None = None
    host_use: HostUse | None = None
    peak_device_bytes: int | None = None
    cpu_cores_used: float | None = None
    window_s: float | None = None
    window_steps: int | None = None
    gpu: list[GpuUse] | None = None
    cpu_energy: CpuEnergy | None = None
    equality: Equality | None = None
    all_reduce: AllReduce | None = None
    host: str | None = None
    lost_nodes: list[str] = Field(default_factory=list)
    not_measured: dict[str, str] = Field(default_factory=dict)
    log: str | None = None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented use of property
    @property
    def key(self) -> str:
        """The case's key."""
        return self.case.key

    @computed_field  # type: ignore[prop-decorator]
    @property
    def parity(self) -> Manifest | None:
        """What was in effect, in one spelling for all backends; null where nothing was measured."""
        return manifest(self) if self.settings else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def throughput_examples_per_s(self) -> float | None:
        """Pipelined: batch size / median over the longer blocks of (seconds per step); over processes, their median."""
        if len(self.process_throughputs) > 1:
            return median(self.process_throughputs)
        if not self.blocks:
            return None
        return median(self._block_rates())

    @computed_field  # type: ignore[prop-decorator]
    @property
    def step_median_s(self) -> float | None:
        """Median of the synchronised steps; over processes, the median of their medians."""
        if len(self.process_medians_s) > 1:
            return median(self.process_medians_s)
        return self._quantile(0.5)

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def step_interval_s(self) -> tuple[float, float] | None:
        """95 % interval of the median step: between processes where there are several, else within the series."""
        if len(self.process_medians_s) > 1:
            return between_processes(self.process_medians_s)
        return median_interval(self.step_s)

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def throughput_interval_examples_per_s(self) -> tuple[float, float] | None:
        """95 % interval of the throughput, from processes or else from blocks."""
        if len(self.process_throughputs) > 1:
            return between_processes(self.process_throughputs)
        return between_blocks(self._block_rates())

    @computed_field  # type: ignore[prop-decorator]
    @property
    def step_p90_s(self) -> float | None:
        """90th percentile of the synchronised steps."""
        return self._quantile(0.9)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def step_p99_s(self) -> float | None:
        """99th percentile of the synchronised steps; null below 100 steps."""
        return self._quantile(0.99) if len(self.step_s) >= 100 else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def step_min_s(self) -> float | None:
        """Fastest synchronised step."""
        return min(self.step_s) if self.step_s else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def peak_host_above_base_bytes(self) -> int | None:
        """Peak above the level before the model was built."""
        if self.peak_host_bytes is None or self.base_host_bytes is None:
            return None
        return self.peak_host_bytes - self.base_host_bytes

    @computed_field  # type: ignore[prop-decorator]
    @property
    def step_peak_host_above_base_bytes(self) -> int | None:
        """The steps' own peak above the level before the model was built."""
        if self.step_peak_host_bytes is None or self.base_host_bytes is None:
            return None
        return self.step_peak_host_bytes - self.base_host_bytes

    @computed_field  # type: ignore[prop-decorator]
    @property
    def gpu_energy_source(self) -> EnergySource | None:
        """Whence the GPUs' energy is: their own counters, or the power that the sampler integrated."""
        energy = gpu_energy(self.gpu)
        return energy[1] if energy else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_per_step_j(self) -> float | None:
        """Joules of the GPUs that the case ran on, over the window, for each step in it. The CPU's are not in it."""
        # On several nodes the devices of one are read, and the steps are of all.
        energy = gpu_energy(self.gpu) if self.case.nodes == 1 else None
        return energy[0] / self.window_steps if energy and self.window_steps else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def examples_per_joule(self) -> float | None:
        """Examples of the whole batch for each joule of the GPUs that the case ran on."""
        step_j = self.energy_per_step_j
        return self.case.batch_size / step_j if step_j else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_energy_per_step_j(self) -> float | None:
        """Joules of all CPU packages of the machine, whatever ran on them, for each step in the window."""
        if not self.cpu_energy or not self.window_steps or self.case.nodes > 1:
            return None
        return self.cpu_energy.energy_j / self.window_steps

    def _block_rates(self) -> list[float]:
        """Examples/s of the longer blocks: of the shorter ones, what a block costs once is a larger share."""
        longest = max((block.steps for block in self.blocks), default=0)
        return [self.case.batch_size * b.steps / b.seconds for b in self.blocks if b.steps == longest]

    def _quantile(self, q: float) -> float | None:
        """Linear interpolation between order statistics (Hyndman and Fan 1996, type 7); `None` without steps."""
        return float(np.quantile(self.step_s, q)) if self.step_s else None
