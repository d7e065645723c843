"""Facts of a case that arrive one by one while it runs, and add up to the fields of its record."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from anatomy.bench.records.checked_numbers import (
    ByteCount,
    Count,
    Finite,
    NotNegative,
    Seconds,
)
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse
from anatomy.bench.records.input_figures import InputFigures
from anatomy.bench.records.layer_outline import LayerOutline
from anatomy.bench.records.process_usage import HostUse
from anatomy.bench.records.record_parts import AllReduce, Block, ClockCheck, Counts, DrawnInput, Phases, ScaledOutputs


class CaseFacts(Frozen):
    """Facts of a case so far: only those that were set are known. Names and units are those of `Record`.

    Attributes:
        layers: outline of the model's layers, which the gate compares.
        programs: compiled programs of the step before the measured turns; the gate compares them.
        window: start and end of the measured window in seconds of `time.perf_counter`.
    """

    phases: Phases = Phases()
    not_measured: dict[str, str] = Field(default_factory=dict)
    settings: dict[str, Any] = Field(default_factory=dict)
    counts: Counts | None = None
    layers: list[LayerOutline] = Field(default_factory=list)
    inputs: list[DrawnInput] = Field(default_factory=list)
    input_figures: InputFigures | None = None
    step_s: list[Seconds] = Field(default_factory=list)
    blocks: list[Block] = Field(default_factory=list)
    warmup_steps: Count | None = None
    warmup_settled: bool | None = None
    clock: ClockCheck | None = None
    checks: dict[str, str] = Field(default_factory=dict)
    recompilations: Count | None = None
    programs: Count | None = None
    output_sample: list[Finite] | None = None
    scaled_outputs: ScaledOutputs | None = None
    stateful: bool | None = None
    loss_first: Finite | None = None
    loss_last: Finite | None = None
    base_host_bytes: ByteCount | None = None
    peak_host_bytes: ByteCount | None = None
    step_peak_host_bytes: ByteCount | None = None
    host_use: HostUse | None = None
    peak_device_bytes: ByteCount | None = None
    cpu_cores_used: NotNegative | None = None
    others_cores: NotNegative | None = None
    steal_share: NotNegative | None = None
    window: tuple[Finite, Finite] | None = None
    window_s: Seconds | None = None
    window_steps: Count | None = None
    gpu: list[GpuUse] | None = None
    cpu_energy: CpuEnergy | None = None
    all_reduce: AllReduce | None = None

    def merged(self, later: CaseFacts) -> CaseFacts:
        """Merge later facts into these: a later fact replaces an earlier one, phases and reasons are joined."""
        new = {name: getattr(later, name) for name in later.model_fields_set}
        joined = {
            "phases": self.phases.model_copy(update=later.phases.model_dump(exclude_unset=True)),
            "not_measured": self.not_measured | later.not_measured,
        }
        return self.model_copy(update=new | joined)

    def known(self) -> dict[str, Any]:
        """Return the facts that were set, as JSON values, without phases, reasons and the window (no figures)."""
        return self.model_dump(mode="json", exclude_unset=True, exclude={"phases", "not_measured", "window"})
