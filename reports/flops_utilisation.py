"""How close a case comes to what its backend can do: model FLOPs utilisation and arithmetic intensity.

FLOPs of a step are a convention, not a measurement: 2 × MACs of convolution, dense and recurrent kernels forward, and
three times that for training, since the backward pass multiplies once for the gradients of the inputs and once for
those of the weights (Kaplan et al. 2020, "Scaling laws for neural language models", section 2.1; Chowdhery et al. 2022,
"PaLM", appendix B, where the utilisation is defined). Recomputation and all other operations count as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from anatomy.bench.records.case import Mode
from anatomy.bench.records.ceiling import Ceiling, ceiling_of, device_name, matmul_ceiling
from anatomy.bench.records.record import Record
from anatomy.bench.records.record_parts import Counts

# Forward passes that have as many FLOPs as a step.
PASSES: dict[Mode, int] = {"train": 3, "fit": 3, "infer": 1, "predict": 1}
# Times that a step moves the parameters: forward reads them; training also reads them backward, writes and reads their
# gradients, and reads and writes them at the update.
PARAMETER_MOVES: dict[Mode, int] = {"train": 6, "fit": 6, "infer": 1, "predict": 1}
# Values that an optimizer keeps per parameter, for older records without `optimizer_bytes`; SGD with momentum, as the
# zoo trains. What Adafactor and Muon keep depends on the shapes. Source: https://keras.io/api/optimizers/.
OPTIMIZER_SLOTS = {
    **dict.fromkeys(("SGD", "RMSprop", "Adagrad", "Lion"), 1),
    **dict.fromkeys(("Adam", "AdamW", "Nadam", "Adamax", "Adadelta", "Ftrl", "Lamb", "ScheduleFreeAdamW"), 2),
}
ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
NOT_MEASURED = "the ceilings were not measured: run anatomy doctor"

# (device, dtype of products) → dense FLOP/s of the datasheet, `None` for an unknown device.
Peak = Callable[[str, str], float | None]


@dataclass(frozen=True)
class Utilisation:
    """Work and speed of one case.

    Attributes:
        flops: FLOPs of one step, by the convention.
        moved_bytes: bytes that one step moves, by the function `moved_bytes`; `None` where that is not known.
        flops_per_s: FLOP/s at the measured throughput.
        dtype: dtype of the operands of products, which chooses the ceiling.
        ceiling_flops_per_s: best matrix product of the backend, over all devices; `None` where it was not measured.
        machine_flops_per_s: the best of any backend on that device, likewise.
        machine_backend: the backend that reached it.
        peak_flops_per_s: dense peak of the datasheet, over all devices; `None` where it is unknown.
        bandwidth_bytes_per_s: memory bandwidth through the backend, over all devices; `None` where it was not measured.
        dispatch_s: seconds to launch one operation and wait for it; `None` where it was not measured.
        reason: why there is no ceiling.
        no_intensity: why `moved_bytes` is not known.
    """

    flops: int
    moved_bytes: int | None
    flops_per_s: float
    dtype: str
    ceiling_flops_per_s: float | None
    peak_flops_per_s: float | None
    bandwidth_bytes_per_s: float | None = None
    dispatch_s: float | None = None
    machine_flops_per_s: float | None = None
    machine_backend: str = ""
    reason: str = ""
    no_intensity: str = ""

    @property
    def step_s(self) -> float:
        """Seconds of a step at the measured throughput."""
        return self.flops / self.flops_per_s

    @property
    def intensity(self) -> float | None:
        """Arithmetic intensity: FLOPs per byte moved."""
        return self.flops / self.moved_bytes if self.moved_bytes is not None else None

    @property
    def mfu(self) -> float | None:
        """Model FLOPs utilisation against the measured ceiling, 0…1; a value above 1 shows an error."""
        return self.flops_per_s / self.ceiling_flops_per_s if self.ceiling_flops_per_s else None

    @property
    def mfu_of_peak(self) -> float | None:
        """Model FLOPs utilisation against the dense peak of the datasheet, 0…1."""
        return self.flops_per_s / self.peak_flops_per_s if self.peak_flops_per_s else None


def utilisation(
    record: Record, ceilings: Sequence[Ceiling], peak: Peak | None = None, gpus: Sequence[str] = ()
) -> Utilisation | None:
    """Return the utilisation of a case; `None` where it was not measured, or no product was counted in its model.

    Args:
        record: a record of any outcome or mode.
        ceilings: ceilings of the run.
        peak: dense peaks of the datasheets.
        gpus: names of the run's GPUs, for backends that call theirs `gpu`.
    """
    counts, speed = record.counts, record.throughput_examples_per_s
    if record.outcome != "ok" or record.case.mode not in PASSES or not speed or not counts or not counts.flops:
        return None
    flops = _flops(counts, record.case.mode) * record.case.batch_size
    found = record.manifest
    dtype, device = found.product_dtype, device_of(record, gpus)
    ceiling = ceiling_of(ceilings, record.case.backend, device, gpus)
    best = matmul_ceiling(ceiling, dtype) if ceiling else None
    moved = moved_bytes(record, counts)
    machine_backend, machine_best = _best_of_any(ceilings, device, gpus, dtype)
    of_datasheet = peak(device, dtype) if peak and device != "cpu" else None
    return Utilisation(
        flops=flops,
        moved_bytes=moved,
        flops_per_s=flops * speed / record.case.batch_size,
        dtype=dtype,
        ceiling_flops_per_s=best * record.case.devices if best else None,
        peak_flops_per_s=of_datasheet * record.case.devices if of_datasheet else None,
        bandwidth_bytes_per_s=ceiling.bandwidth_bytes_per_s * record.case.devices
        if ceiling and ceiling.bandwidth_bytes_per_s
        else None,
        dispatch_s=ceiling.dispatch_s if ceiling else None,
        machine_flops_per_s=machine_best * record.case.devices if machine_best else None,
        machine_backend=machine_backend,
        reason="" if best else _why_none(ceiling, dtype),
        no_intensity=""
        if moved is not None
        else f"what {found.optimizer or 'the optimizer'} keeps for a weight is not in the record",
    )


def _best_of_any(ceilings: Sequence[Ceiling], device: str, gpus: Sequence[str], dtype: str) -> tuple[str, float | None]:
    """The backend with the best matrix product on a device, and its FLOP/s; `None` where none was measured."""
    backends = dict.fromkeys(ceiling.backend for ceiling in ceilings)
    found = {backend: ceiling_of(ceilings, backend, device, gpus) for backend in backends}
    known = {name: best for name, one in found.items() if one and (best := matmul_ceiling(one, dtype))}
    best_backend = max(known, key=known.__getitem__, default="")
    return best_backend, known.get(best_backend)


def _flops(counts: Counts, mode: Mode) -> int:
    """FLOPs of one example in a step; by the convention where the training step was not counted."""
    if PASSES[mode] == 1:
        return counts.flops
    return counts.training_flops if counts.training_flops is not None else PASSES[mode] * counts.flops


def moved_bytes(record: Record, counts: Counts) -> int | None:
    """Return the bytes that a step moves, by a model without caches; `None` where the optimizer's state is unknown.

    A step moves the parameters once (training: six times, and the optimizer's state twice), and writes and reads the
    output of every layer (training: three times that). Parameters have four bytes unless the dtype policy itself has
    two; activations have the dtype in which they are computed. Fusion and large caches move less, convolutions that
    read their input several times move more.
    """
    policy, mode = record.case.dtype, record.case.mode
    stored = ITEM_BYTES.get(policy, 4)
    kept = _optimizer_bytes(record, counts.parameters * stored) if PASSES[mode] > 1 else 0
    if kept is None:
        return None
    activations = counts.activation_bytes * record.case.batch_size
    return counts.parameters * stored * PARAMETER_MOVES[mode] + 2 * kept + 2 * PASSES[mode] * activations


def _optimizer_bytes(record: Record, parameter_bytes: int) -> int | None:
    stated = record.settings.get("optimizer_bytes")
    if stated is not None:
        return int(stated)
    slots = OPTIMIZER_SLOTS.get(str(record.settings.get("optimizer")))
    return slots * parameter_bytes if slots is not None else None


def device_of(record: Record, gpus: Sequence[str]) -> str:
    """Return the name of the device that a case ran on: `cpu`, or the GPU's name."""
    return device_name(str(record.settings.get("device") or ""), gpus)


def _why_none(ceiling: Ceiling | None, dtype: str) -> str:
    if ceiling is None:
        return NOT_MEASURED
    return ceiling.not_measured.get(dtype, f"the ceilings have no matrix product in {dtype}")
