"""Turn a recording into fields of a record, with a reason for each field that has no figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from anatomy.bench.machine.telemetry.sample_series import Recording, UnmeasurableError
from anatomy.bench.machine.telemetry.telemetry_window import Window, cpu_energy, gpu_use
from anatomy.bench.records.case_facts import CaseFacts
from anatomy.bench.records.gpu_use import CpuEnergy, GpuUse

GPU_ENERGY = ("energy_per_step_j", "examples_per_joule")
PER_STEP_ENERGY = (*GPU_ENERGY, "cpu_energy_per_step_j")


def telemetry_facts(
    recording: Recording, window: Window | None, device: str | None, devices: int, steps: int | None
) -> CaseFacts:
    """What the devices did, and a reason for each figure that is missing.

    Args:
        recording: all readings of the sampler.
        window: start and end of the measured window in seconds; `None` where the case did not get so far.
        device: the backend's setting of that name: `cpu`, or the GPU's name; `None` if unknown.
        devices: how many devices the case ran on.
        steps: steps that were launched in the window.
    """
    reasons: dict[str, str] = {}
    uses: list[GpuUse] | None = None
    cpu: CpuEnergy | None = None
    none = "the case has no measured window" if window is None else ""
    if recording.gpus and window is not None:
        used = _used(recording, device, devices)
        uses = [gpu_use(series, window, one) for series, one in zip(recording.gpus, used, strict=True)]
    else:
        reasons["gpu"] = recording.gpu_reason or none or "no sample was taken"
    try:
        if recording.cpu_reason or window is None:
            raise UnmeasurableError(recording.cpu_reason or none)
        cpu = cpu_energy(recording.cpu, window)
    except UnmeasurableError as why:
        reasons["cpu_energy"] = str(why)
    if not steps:
        reasons |= dict.fromkeys(PER_STEP_ENERGY, none or "no step was counted")
    reasons |= _why_no_energy(recording, uses or [], device, reasons)
    return CaseFacts(gpu=uses, cpu_energy=cpu, not_measured=reasons)


def _used(recording: Recording, device: str | None, devices: int) -> list[bool | None]:
    """Whether the case ran on each GPU, `None` if unknown. Frameworks use the first GPUs that CUDA shows."""
    count = len(recording.gpus)
    if device is None or (recording.doubt and device != "cpu" and devices < count):
        return [None] * count
    return [device != "cpu" and place < devices for place in range(count)]


def _why_no_energy(
    recording: Recording, uses: Sequence[GpuUse], device: str | None, reasons: Mapping[str, str]
) -> dict[str, str]:
    """Figure → reason, for the energy figures that the record cannot derive."""
    used = [use for use in uses if use.used]
    missing = [use for use in used if use.energy_j is None and use.power_energy_j is None]
    mixed = {name for name in ("energy_j", "power_energy_j") if any(getattr(use, name) is None for use in used)}
    why = ""
    if device == "cpu":
        why = "the case ran on the CPU, whose energy is cpu_energy"
    elif not uses:
        why = reasons.get("gpu", "")
    elif not used:
        why = recording.doubt or "it is not known on which devices the case ran"
    elif any(use.mig for use in used):
        why = "a MIG instance has no energy of its own: the whole GPU's is shared with other instances"
    elif missing:
        why = missing[0].not_measured.get("energy_j", "no device has a figure")
    elif len(mixed) == 2:
        why = "the devices have energy by different ways, which are not added up"
    elif "energy_per_step_j" in reasons:
        why = reasons["energy_per_step_j"]
    found = dict.fromkeys(GPU_ENERGY, why) if why else {}
    if "cpu_energy" in reasons:
        found["cpu_energy_per_step_j"] = reasons["cpu_energy"]
    return found
