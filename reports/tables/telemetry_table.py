"""What the devices did while each case was measured: memory, power, clocks, throttling, traffic, energy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

from anatomy.bench.records.caveats import THROTTLED, is_throttled
from anatomy.bench.records.gpu_use import GpuUse
from anatomy.bench.records.record import Record
from anatomy.reports.run_labels import LabelledRecord, LabelledRun, labelled_records, with_run
from anatomy.reports.table import MEBI, Absence, Column, Table, build_table, with_details
from anatomy.reports.tables.case_cells import CASE_COLUMNS, case_cells

# Columns that are fields of `GpuUse` by the same name.
_OF_USE = (
    Column("utilisation", "kernels ran", "%", "number", 100, group="use"),
    Column("sm_utilisation", "SMs busy", "%", "number", 100, group="use"),
    Column("sm_occupancy", "SM occupancy", "%", "number", 100, group="use"),
    Column("tensor_utilisation", "tensor cores", "%", "number", 100, group="use"),
    Column("dram_utilisation", "DRAM", "%", "number", 100, group="use"),
    Column("memory_used_peak_bytes", "device, all", "MiB", "number", 1 / MEBI, group="memory peak"),
    Column("process_memory_peak_bytes", "this case", "MiB", "number", 1 / MEBI, group="memory peak"),
    Column("power_mean_w", "mean", "W", "number", group="power"),
    Column("power_max_w", "highest", "W", "number", group="power"),
    Column("sm_clock_mean_mhz", "SM", "MHz", "number", group="clock"),
    Column("sm_clock_min_mhz", "SM, lowest", "MHz", "number", group="clock"),
    Column("sm_clock_unthrottled_mean_mhz", "SM, not throttled", "MHz", "number", group="clock"),
    Column("memory_clock_mean_mhz", "memory", "MHz", "number", group="clock"),
    Column("temperature_max_c", "hottest", "°C", "number"),
    Column("throttled_share", "of the samples", "%", "number", 100, group="throttled"),
    Column("pcie_rx_bytes_per_s", "PCIe in", "MiB/s", "number", 1 / MEBI, group="traffic"),
    Column("pcie_tx_bytes_per_s", "PCIe out", "MiB/s", "number", 1 / MEBI, group="traffic"),
    Column("nvlink_rx_bytes_per_s", "NVLink in", "MiB/s", "number", 1 / MEBI, group="traffic"),
    Column("nvlink_tx_bytes_per_s", "NVLink out", "MiB/s", "number", 1 / MEBI, group="traffic"),
    Column("energy_j", "by the counter", "J", "number", group="device's energy"),
    Column("power_energy_j", "by the power", "J", "number", group="device's energy"),
)
# Columns that are fields of `Record` by the same name: of the whole case, and so in its first row only.
_OF_RECORD = (
    Column("peak_device_bytes", "framework's allocator", "MiB", "number", 1 / MEBI, group="memory peak"),
    Column("energy_per_step_j", "GPU, a step", "J", "number", group="case's energy"),
    Column("examples_per_joule", "GPU", "examples/J", "number", group="case's energy"),
    Column("cpu_energy_per_step_j", "CPU packages, a step", "J", "number", group="case's energy"),
)
_ALL = (
    *CASE_COLUMNS,
    Column("gpu", "GPU", missing="none"),
    Column("used", "ran on it", missing="not known"),
    *_OF_USE[:7],
    _OF_RECORD[0],
    *_OF_USE[7:15],
    Column("throttle_reasons", "by", group="throttled", missing="nothing"),
    *_OF_USE[15:],
    *_OF_RECORD[1:],
    Column("samples", "samples", kind="number", whole=True),
    Column("ended", "ended early", missing="no"),
)
# What a row of the page has room for.
_ON_THE_PAGE = (
    *(column.key for column in CASE_COLUMNS),
    "gpu",
    "utilisation",
    "sm_utilisation",
    "process_memory_peak_bytes",
    "power_mean_w",
    "temperature_max_c",
    "throttled_share",
    "energy_per_step_j",
    "cpu_energy_per_step_j",
)
_COLUMNS = with_details(_ALL, *(column.key for column in _ALL if column.key not in _ON_THE_PAGE))
# Figures whose readings include throttled samples.
_WITH_THROTTLED = (
    "utilisation",
    "power_mean_w",
    "sm_clock_mean_mhz",
    "throttled_share",
    "energy_j",
    "power_energy_j",
    "energy_per_step_j",
    "examples_per_joule",
)


class _Row(NamedTuple):
    """A device beside a case; no device where only the CPU's energy is known."""

    labelled: LabelledRecord
    use: GpuUse | None
    first: bool


def telemetry_table(runs: Sequence[LabelledRun]) -> Table:
    """A row for each case and device that was sampled."""
    rows = [row for labelled in labelled_records(runs) for row in _rows(labelled)]
    return build_table(
        with_run(_COLUMNS, runs),
        rows,
        _cells,
        _absence,
        caveats=lambda row: dict.fromkeys(_WITH_THROTTLED, (THROTTLED,)) if row.use and is_throttled(row.use) else {},
        case=lambda row: row.labelled.case_id,
        key="telemetry",
        title="Devices' telemetry",
        caption="What NVML, the frameworks and RAPL said of the devices over each case's measured window.",
        notes=(
            "Kernels ran: the share of time in which any kernel ran, however small. SMs busy, occupancy, tensor cores "
            "and DRAM: GPM, on Hopper and later. Memory of this case: of its processes, by NVML; the framework's "
            "allocator counts what it handed out and not what it keeps.",
            "Energy by the counter is the device's own; by the power, the sampler's readings integrated. A step's "
            "energy is that of the GPUs that the case ran on, over the window, by the steps in it; the CPU's is of all "
            "packages of the machine, whatever ran on them. They are not added up.",
            *_mig_note(rows),
        ),
        empty=_why_empty(runs),
        section="model",
    )


def mean_utilisation(record: Record) -> float | None:
    """Return the mean utilisation of the GPUs that the case ran on, or of all where a record does not say, 0…1."""
    shares = [gpu.utilisation for gpu in record.gpu or () if gpu.used is not False and gpu.utilisation is not None]
    return fmean(shares) if shares else None


def why_no_utilisation(record: Record) -> str:
    """Return why `mean_utilisation` is `None`; empty where the record does not say."""
    if not record.gpu:
        return record.not_measured.get("gpu", "")
    own = [gpu.not_measured.get("utilisation", "") for gpu in record.gpu if gpu.used is not False]
    return own[0] if own else "the case did not run on a GPU"


def _rows(labelled: LabelledRecord) -> list[_Row]:
    record = labelled.record
    if record.case.mode == "count" or record.outcome != "ok":
        return []
    if record.gpu:
        return [_Row(labelled, use, place == 0) for place, use in enumerate(record.gpu)]
    return [_Row(labelled, None, True)] if record.cpu_energy else []


def _cells(row: _Row) -> dict[str, Any]:
    record, use = row.labelled.record, row.use
    shares = use.throttle_reasons if use else {}
    return {
        **case_cells(row.labelled),
        "gpu": f"{use.index}: {use.name}" if use else None,
        "used": {True: "yes", False: "no"}.get(use.used) if use and use.used is not None else None,
        "throttle_reasons": ", ".join(f"{name} {share:.0%}" for name, share in shares.items()) or None,
        **{column.key: getattr(use, column.key) if use else None for column in _OF_USE},
        **{column.key: getattr(record, column.key) if row.first else None for column in _OF_RECORD},
        "samples": use.samples if use else None,
        "ended": (use.ended or None) if use else None,
    }


def _absence(row: _Row, key: str) -> Absence | None:
    record = row.labelled.record
    if key in {column.key for column in _OF_RECORD}:
        if not row.first:
            return Absence("as above", "of the whole case")
        return Absence("not measured", record.not_measured[key]) if key in record.not_measured else None
    if row.use is None:
        of_use = key in {"samples", "throttle_reasons", *(column.key for column in _OF_USE)}
        return Absence("not measured", record.not_measured.get("gpu", "")) if of_use else None
    if key == "throttle_reasons" and row.use.throttled_share is None:
        key = "throttled_share"
    return Absence("not measured", row.use.not_measured[key]) if key in row.use.not_measured else None


def _mig_note(rows: Sequence[_Row]) -> tuple[str, ...]:
    if not any(row.use is not None and row.use.mig for row in rows):
        return ()
    return (
        "Of a MIG instance, memory and GPM are its own; power, energy, clocks and temperature are the whole GPU's.",
    )


def _why_empty(runs: Sequence[LabelledRun]) -> str:
    """The sentence for a table without rows, with the commonest reasons."""
    records = [record for _, record in labelled_records(runs, lambda record: record.case.mode != "count")]
    said = []
    for name, words in (("gpu", "GPUs"), ("cpu_energy", "CPU energy")):
        reasons = Counter(record.not_measured[name] for record in records if name in record.not_measured)
        said += [f"{words}: {reason}" for reason, _ in reasons.most_common(1)]
    return f"No device was sampled. {'. '.join(said)}." if said else "No device was sampled."
