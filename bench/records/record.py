"""A record: the result of one case. One line of `records.jsonl`.

History of the format (`schema_version`):
    1   first version.
    2   series, clock, checks, recompilations, warm-up steps, losses before and after, sample of the
        outputs, repeats in fresh processes; modes fit and predict.
    3   several devices: equality, all_reduce. Telemetry: more of each GPU, with a reason for each figure that is
        missing and the raw samples; cpu_energy; window_s, window_steps.
    4   the peak of the steps alone; host_use; stateful, checks and sample of the outputs of the loops; load by others.

Raw values are stored; every statistic is derived from them when the record is read or written. A figure that was not
measured is null, never 0, with the reason under its name in `not_measured`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cached_property
from statistics import median
from typing import Any, Literal

from pydantic import Field, computed_field, field_validator

from anatomy.bench.records.case import Case
from anatomy.bench.records.checked_numbers import (
    ByteCount,
    Count,
    Finite,
    NotNegative,
    Positive,
    Seconds,
    Timestamp,
)
from anatomy.bench.records.frozen import FrozenWithComputedFields
from anatomy.bench.records.gpu_use import CpuEnergy, EnergySource, GpuUse, gpu_energy
from anatomy.bench.records.input_figures import InputFigures
from anatomy.bench.records.parity import Manifest, manifest
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record_parts import (
    AllReduce,
    Block,
    ClockCheck,
    Counts,
    DrawnInput,
    Equality,
    Phases,
    ScaledOutputs,
    Series,
    StageFigures,
)
from anatomy.bench.statistics.interval import (
    between_blocks,
    between_blocks_of_each,
    between_processes,
    median_interval,
    median_intervals,
)
from anatomy.bench.statistics.quantiles import quantile

SCHEMA_VERSION = 4

Outcome = Literal["ok", "oom", "timeout", "crashed", "unsupported", "invalid"]


class Record(FrozenWithComputedFields):
    """One case and its result.

    Attributes:
        schema_version: version of the format.
        case: the measured case.
        name: readable name, e.g. `vgg:depth=11 train jax b32`.
        outcome: `ok`, or why there is no figure.
        reason: the reason in one line, empty when ok.
        started_at: start of the case, ISO 8601, UTC.
        environment: fingerprint of the run's environment.
        settings: settings in effect, not as asked: jit, dtype policy, threads, matmul precision, layout, …
        versions: versions of Python, Keras and the backend's packages.
        phases: seconds of each phase.
        step_s: raw seconds of the synchronised steps, in order: launch, wait for outputs and state.
        blocks: raw pipelined blocks, in order; in the modes fit and predict, the epochs.
        warmup_steps: number of synchronised steps before the window.
        warmup_settled: whether the times of these steps had settled; else warm-up ended with its budget.
        series: whether `step_s` had settled.
        clock: whether the two clocks agree.
        checks: name of a check → `passed`, after a semicolon with what is to be known beside it, or `not checked: ` and
            why. A check that fails makes the outcome `invalid`.
        recompilations: number of programs compiled during the measured window.
        output_sample: evenly spaced values of the outputs, in order, for equal weights and inputs on every backend. In
            infer mode those of the first step, or of the second where a state is carried into it; in predict mode those
            of the last batch of the second call, the first with several batches.
        scaled_outputs: the same with smaller weights in the last layers, where the sample is all but saturated; null
            where it is not.
        stateful: whether a layer carries a state from one batch to the next.
        repeat: number of this process among the case's processes, from 0.
        process_medians_s: median synchronised step of each process (`--processes`), one entry without.
        process_throughputs: examples/s of each process.
        loss_first: loss of the first step in the modes train and fit.
        loss_last: mean loss of the steps of the measured window in train mode; in fit of those of the last epoch.
        counts: counts of the model.
        stage: of a stage of an application, what it went through; `step_s` then is its time, and the steps of its block
            are its examples.
        inputs: the inputs that were drawn or given; empty in records from before they were recorded.
        input_figures: what the input of a loop costs; null where its batches are copies of one in memory.
        base_host_bytes: resident memory of the worker before the model was built, and after its module was imported.
        peak_host_bytes: highest resident memory of the worker (VmHWM), absolute, from before the model was built to the
            end of the warm-up.
        step_peak_host_bytes: highest resident memory over the steps of the warm-up alone, without what building and
            compiling took and gave back; null in the modes fit and predict.
        host_use: memory and CPU time of the worker over its life.
        peak_device_bytes: peak of the framework's allocator on the device.
        cpu_cores_used: CPU seconds of the worker per second of the measured window.
        others_cores: CPU seconds of processes that are not Anatomy's per second of the measured window, on the CPUs
            that the worker may use.
        steal_share: share of these CPUs' time that the hypervisor took in the window.
        window_s: length of the measured window; in the modes fit and predict, from the start of the first measured
            epoch to the end of the last.
        window_steps: number of steps of all kinds that were launched and drained in the window.
        gpu: NVML's figures of each visible GPU over the measured window.
        cpu_energy: energy of all CPU packages of the machine over the measured window.
        equality: in training on several devices, whether they train as one device does.
        all_reduce: in training on several devices, the time to add up the gradients, measured on its own.
        host: name of the machine, for cases that a cluster measured.
        lost_nodes: names of a cluster's machines that were lost while they measured this case.
        not_measured: field → why it is null.
        log: path of the worker's output, relative to the run's folder.
    """

    schema_version: int = SCHEMA_VERSION
    case: Case
    name: str
    outcome: Outcome
    reason: str = ""
    started_at: Timestamp
    environment: str = ""
    settings: dict[str, Any] = Field(default_factory=dict)
    versions: dict[str, str] = Field(default_factory=dict)
    phases: Phases = Phases()
    step_s: list[Seconds] = Field(default_factory=list)
    blocks: list[Block] = Field(default_factory=list)
    warmup_steps: Count | None = None
    warmup_settled: bool | None = None
    series: Series | None = None
    clock: ClockCheck | None = None
    checks: dict[str, str] = Field(default_factory=dict)
    recompilations: Count | None = None
    output_sample: list[Finite] | None = None
    scaled_outputs: ScaledOutputs | None = None
    stateful: bool | None = None
    repeat: Count = 0
    process_medians_s: list[Seconds] = Field(default_factory=list)
    process_throughputs: list[Positive] = Field(default_factory=list)
    loss_first: Finite | None = None
    loss_last: Finite | None = None
    counts: Counts | None = None
    stage: StageFigures | None = None
    inputs: list[DrawnInput] = Field(default_factory=list)
    input_figures: InputFigures | None = None
    base_host_bytes: ByteCount | None = None
    peak_host_bytes: ByteCount | None = None
    step_peak_host_bytes: ByteCount | None = None
    host_use: HostUse | None = None
    peak_device_bytes: ByteCount | None = None
    cpu_cores_used: NotNegative | None = None
    others_cores: NotNegative | None = None
    steal_share: NotNegative | None = None
    window_s: Seconds | None = None
    window_steps: Count | None = None
    gpu: list[GpuUse] | None = None
    cpu_energy: CpuEnergy | None = None
    equality: Equality | None = None
    all_reduce: AllReduce | None = None
    host: str | None = None
    lost_nodes: list[str] = Field(default_factory=list)
    not_measured: dict[str, str] = Field(default_factory=dict)
    log: str | None = None

    @field_validator("settings")
    @classmethod
    def _json_only(cls, settings: dict[str, Any]) -> dict[str, Any]:
        json.dumps(settings, allow_nan=False)
        return settings

    @property
    def lacks(self) -> str:
        """The figures that its outcome promises and that it has not; empty where it has them."""
        if self.outcome != "ok":
            return ""
        if self.case.mode == "count":
            return "" if self.counts is not None else "counts"
        return "" if self.step_s or self.blocks or self.process_medians_s else "step_s and blocks"

    @computed_field  # type: ignore[prop-decorator]  # pydantic's documented use of property
    @property
    def key(self) -> str:
        """Key of the case."""
        return self.case.key

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def parity(self) -> Manifest | None:
        """Settings in effect, in one spelling for all backends; null where nothing was measured."""
        return self.manifest if self.settings else None

    @cached_property
    def manifest(self) -> Manifest:
        """Settings in effect, in one spelling for all backends; of a record without settings one that states none."""
        return manifest(self.settings, self.counts)

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def throughput_examples_per_s(self) -> float | None:
        """Examples/s of pipelined steps: the median over the longer blocks; over processes, the median of theirs."""
        if len(self.process_throughputs) > 1:
            return median(self.process_throughputs)
        if not self.blocks:
            return None
        return median(self._block_rates())

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def step_median_s(self) -> float | None:
        """Median seconds of the synchronised steps; over processes, the median of theirs."""
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
        """95 % interval of the throughput: between processes where there are several, else between blocks."""
        if len(self.process_throughputs) > 1:
            return between_processes(self.process_throughputs)
        return between_blocks(self._block_rates())

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def step_p90_s(self) -> float | None:
        """90th percentile of the synchronised steps, in seconds."""
        return self._quantile(0.9)

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def step_p99_s(self) -> float | None:
        """99th percentile of the synchronised steps, in seconds; null below 100 steps."""
        return self._quantile(0.99) if len(self.step_s) >= 100 else None

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def step_min_s(self) -> float | None:
        """Seconds of the fastest synchronised step."""
        return min(self.step_s) if self.step_s else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def peak_host_above_base_bytes(self) -> int | None:
        """Peak of host memory above the level before the model was built."""
        if self.peak_host_bytes is None or self.base_host_bytes is None:
            return None
        return self.peak_host_bytes - self.base_host_bytes

    @computed_field  # type: ignore[prop-decorator]
    @property
    def step_peak_host_above_base_bytes(self) -> int | None:
        """Peak of host memory over the steps above the level before the model was built."""
        if self.step_peak_host_bytes is None or self.base_host_bytes is None:
            return None
        return self.step_peak_host_bytes - self.base_host_bytes

    @computed_field  # type: ignore[prop-decorator]
    @property
    def gpu_energy_source(self) -> EnergySource | None:
        """Source of the GPU energy: hardware counter, or sampled power integrated over time."""
        energy = gpu_energy(self.gpu)
        return energy[1] if energy else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_per_step_j(self) -> float | None:
        """Joules per step of the GPUs that the case ran on, over the window; without the CPU's."""
        # On several nodes, only the devices of one node are read, but all nodes share the steps.
        energy = gpu_energy(self.gpu) if self.case.nodes == 1 else None
        return energy[0] / self.window_steps if energy and self.window_steps else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def examples_per_joule(self) -> float | None:
        """Examples per joule of the GPUs that the case ran on."""
        step_j = self.energy_per_step_j
        return self.case.batch_size / step_j if step_j else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_energy_per_step_j(self) -> float | None:
        """Joules per step of all CPU packages of the machine, whatever ran on them, over the window."""
        if not self.cpu_energy or not self.window_steps or self.case.nodes > 1:
            return None
        return self.cpu_energy.energy_j / self.window_steps

    @classmethod
    def derive_intervals(cls, records: Sequence[Record]) -> None:
        """Compute the intervals of many records at once, in a fraction of the time that each takes when it is asked."""
        singly = [record for record in records if len(record.process_medians_s) <= 1]
        for record, interval in zip(singly, median_intervals([r.step_s for r in singly]), strict=True):
            record.__dict__["step_interval_s"] = interval
        singly = [record for record in records if len(record.process_throughputs) <= 1]
        rates = [record._block_rates() for record in singly]
        for record, interval in zip(singly, between_blocks_of_each(rates), strict=True):
            record.__dict__["throughput_interval_examples_per_s"] = interval

    def _block_rates(self) -> list[float]:
        """Examples/s of the longer blocks; in shorter ones the fixed cost of a block is a larger share."""
        longest = max((block.steps for block in self.blocks), default=0)
        return [self.case.batch_size * b.steps / b.seconds for b in self.blocks if b.steps == longest]

    def _quantile(self, q: float) -> float | None:
        return quantile(self.step_s, q) if self.step_s else None
