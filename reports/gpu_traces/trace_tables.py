"""What a trace says of a device, as sentences and as tables with texts for people and values to sort by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from anatomy.bench.gpu_trace.trace_summary import (
    DeviceSummary,
    NamedTime,
    TraceSummary,
)
from anatomy.reports.number_words import plural

# What each part of a device's time, and each cause of a stream's wait, is called.
PART_WORDS = {
    "computing": "computing",
    "communication": "communication, exposed",
    "copy": "copies, exposed",
    "host-bound": "host-bound: nothing launched",
    "launch": "launched, on its way",
    "queued": "launched earlier, not begun",
    "unknown": "idle, launch not recorded",
}
_STEP_HEADS = {
    "computing": "computing",
    "communication": "commu\u00adnication",
    "copy": "copies",
    "host-bound": "host-bound",
    "launch": "launch",
    "queued": "queued",
    "unknown": "unknown",
}
_WAIT_SOURCES = {
    "recorded": "What a stream waited for on another is known from the events that the trace records.",
    "inferred": (
        "What a stream waited for on another is inferred from times: the trace does not record by which events streams "
        "wait."
    ),
}
_WAIT_HEADS = {
    "not launched": "not launched",
    "communication": "commu\u00adnication",
    "copy": "copy",
    "another stream": "other stream",
    "launch": "launch",
    "queued": "queued",
    "unknown": "unknown",
}


@dataclass(frozen=True)
class Cell:
    """A cell: its text, the value it is sorted by, and a longer text where the first is a short form."""

    text: str
    value: float | str
    whole: str = ""


@dataclass(frozen=True)
class TraceTable:
    """A table.

    Attributes:
        heads: may be broken at spaces, hyphens and soft hyphens.
        kinds: of each column, `text` or `number`.
    """

    key: str
    title: str
    heads: tuple[str, ...]
    kinds: tuple[Literal["text", "number"], ...]
    rows: tuple[tuple[Cell, ...], ...]


def title_of(trace: TraceSummary, device: DeviceSummary) -> str:
    """`GPU 0 (NVIDIA A100), rank 0 of 2`."""
    name = f" ({device.name})" if device.name else ""
    rank = "" if trace.rank is None else f", rank {trace.rank}" + (f" of {trace.ranks}" if trace.ranks else "")
    return f"GPU {device.device}{name}{rank}"


def device_sentences(device: DeviceSummary) -> list[str]:
    """What matters of a device, a fact a sentence."""
    whole = device.whole
    found = [_kernel_sentence(device)]
    if whole.overlap_ns:
        found.append(f"Two streams or more work at once for {_ms(whole.overlap_ns)} ms.")
    communication = whole.communication
    if communication.kernels:
        found.append(
            f"Communication: {plural(communication.kernels, 'kernel')}, {_ms(communication.busy_ns)} ms, of which "
            f"{_ms(communication.exposed_ns)} ms are exposed and {_ms(communication.hidden_ns)} ms hidden behind "
            "other kernels."
        )
    found.extend(_launch_sentences(device))
    if len(whole.streams) > 1:
        found.append(_WAIT_SOURCES[device.stream_waits])
    found.append(_gains(device))
    if whole.kernels:
        share = 100 * device.attributed_kernels / whole.kernels
        found.append(f"The operation is known of {device.attributed_kernels:,} kernels ({share:.1f} %).")
    return found


def _kernel_sentence(device: DeviceSummary) -> str:
    whole = device.whole
    if not whole.kernels:
        return f"No kernel ran in {_ms(whole.duration_ns)} ms, only copies and fills."
    return (
        f"{plural(whole.kernels, 'kernel')}: {_ms(whole.kernel_ns)} ms in all, in the {_ms(device.kernel_span_ns)} ms "
        f"from the first to the last. At least one runs for {_ms(whole.kernel_busy_ns)} ms."
    )


def _launch_sentences(device: DeviceSummary) -> list[str]:
    launches = device.whole.launches
    if not launches.calls:
        return ["No launch was recorded: what a gap waited for is not known."]
    per_step = ""
    if device.steps:
        mean = sum(step.launches.calls for step in device.steps) / len(device.steps)
        per_step = f", {mean:,.0f} a step"
    call = "" if launches.mean_call_ns is None else f", {_us(launches.mean_call_ns)} µs of the host each on average"
    found = [f"{launches.calls:,} {'launch' if launches.calls == 1 else 'launches'}{per_step}{call}."]
    if launches.mean_latency_ns is not None and launches.median_latency_ns is not None:
        found.append(
            f"A launch onto an idle stream reaches the device after {_us(launches.median_latency_ns)} µs at the median "
            f"({_us(launches.mean_latency_ns)} µs on average, {launches.idle_launches:,} of them)."
        )
    if launches.mean_queue_depth is not None:
        found.append(f"On average, {launches.mean_queue_depth:,.1f} pieces of work are launched and have not begun.")
    if launches.unrecorded:
        found.append(f"The launch of {_pieces(launches.unrecorded)} was not recorded.")
    return found


def _gains(device: DeviceSummary) -> str:
    """Bounds for the steps together; for the whole trace if it marks none."""
    windows = device.steps or (device.whole,)
    total_ns = sum(window.duration_ns for window in windows)
    named = (
        ("with CUDA graphs or a faster host", sum(window.gains.launches_ns for window in windows)),
        ("with all communication overlapped", sum(window.gains.overlap_ns for window in windows)),
        ("with all copies overlapped", sum(window.gains.copies_ns for window in windows)),
    )
    said = [f"{_ms(time_ns)} ms ({_share(time_ns, total_ns)}) {how}" for how, time_ns in named if time_ns]
    of = f"{_ms(total_ns)} ms" + (f" in {plural(len(windows), 'step')}" if device.steps else "")
    return f"To be gained at most, of {of}: {'; '.join(said) or 'nothing'}."


def device_tables(device: DeviceSummary, most: int | None = None, most_steps: int | None = None) -> list[TraceTable]:
    """All tables that have rows.

    Args:
        most_steps: rows of steps; all by default.
        most: rows of kernels, operations and layers; all that the summary has by default.
    """
    tables = (
        _parts(device),
        _steps(device, most_steps),
        _streams(device),
        _step_parts(device),
        _kinds(device),
        _copies(device),
        _kernels(device, most),
        _named("operations", "Kernels by operation", "operation", device.operations, device.whole.kernel_ns, most),
        _named("layers", "Kernels by layer", "layer", device.modules, device.whole.kernel_ns, most),
    )
    return [table for table in tables if table.rows]


def _parts(device: DeviceSummary) -> TraceTable:
    whole = device.whole
    rows = [
        (_text(PART_WORDS[part]), _time(time_ns), _part_of(time_ns, whole.duration_ns))
        for part, time_ns in whole.parts_ns.items()
        if time_ns
    ]
    total = (_text("sum"), _time(whole.duration_ns), _part_of(whole.duration_ns, whole.duration_ns))
    return _table("parts", "What the time is made of", ("part", "ms", "share"), [*rows, total])


def _steps(device: DeviceSummary, most: int | None) -> TraceTable:
    used = [part for part in PART_WORDS if any(step.parts_ns[part] for step in device.steps)]  # type: ignore[index]
    heads = ("step", "ms", *(_STEP_HEADS[part] for part in used), "launches")
    rows = [
        (
            _text(step.name),
            _time(step.duration_ns),
            *(_time(step.parts_ns[part]) for part in used),  # type: ignore[index]
            _count(step.launches.calls),
        )
        for step in device.steps[:most]
    ]
    title = "Steps, in ms"
    if most is not None and most < len(device.steps):
        title += f", the first {most:,} of {len(device.steps):,}"
    return _table("steps", title, heads, rows)


def _streams(device: DeviceSummary) -> TraceTable:
    streams = device.whole.streams
    used = [cause for cause in (streams[0].waits_ns if streams else ()) if any(one.waits_ns[cause] for one in streams)]
    heads = ("stream", "kernels", "busy", "over\u00adlapped", *(_WAIT_HEADS[cause] for cause in used))
    rows = [
        (
            _text(one.stream),
            _count(one.kernels),
            _time(one.busy_ns),
            _time(one.overlapped_ns),
            *(_time(one.waits_ns[cause]) for cause in used),
        )
        for one in streams
    ]
    return _table("streams", "Streams, in ms: busy, of that overlapped, and what gaps waited for", heads, rows)


def _step_parts(device: DeviceSummary) -> TraceTable:
    named = [part for part in device.whole.step_parts if part.name]
    parts = device.whole.step_parts if named else ()
    return _named("step-parts", "Kernels by part of the step", "part", parts, device.whole.kernel_ns)


def _kinds(device: DeviceSummary) -> TraceTable:
    rows = [
        (
            _text(one.kind),
            _count(one.kernels),
            _time(one.time_ns),
            _part_of(one.time_ns, device.whole.kernel_ns),
            _time(one.tensor_core_ns) if one.tensor_core_ns or one.other_core_ns else Cell("", -1.0),
            _time(one.other_core_ns) if one.tensor_core_ns or one.other_core_ns else Cell("", -1.0),
        )
        for one in device.whole.kinds
    ]
    heads = ("kind", "kernels", "ms", "share", "tensor cores", "other cores")
    return _table("kinds", "Kernels by kind", heads, rows)


def _copies(device: DeviceSummary) -> TraceTable:
    rows = [
        (
            _text(one.direction),
            _text(one.host_memory),
            _count(one.count),
            Cell("", -1.0) if one.bytes is None else Cell(f"{one.bytes / 1e6:,.3f}", float(one.bytes)),
            _time(one.time_ns),
            Cell("", -1.0) if one.bytes_per_s is None else Cell(f"{one.bytes_per_s / 1e9:,.2f}", one.bytes_per_s),
        )
        for one in device.whole.copies
    ]
    heads = ("copies", "host memory", "count", "MB", "ms", "GB/s")
    table = _table("copies", "Copies and fills", heads, rows)
    return TraceTable(
        table.key, table.title, heads, ("text", "text", "number", "number", "number", "number"), table.rows
    )


def _kernels(device: DeviceSummary, most: int | None) -> TraceTable:
    rows = [
        (
            Cell(one.short_name, one.short_name, one.name),
            _count(one.count),
            _time(one.time_ns),
            _part_of(one.time_ns, device.whole.kernel_ns),
            _time(one.longest_ns),
            Cell("", -1.0) if one.occupancy is None else Cell(f"{100 * one.occupancy:.0f} %", one.occupancy),
            {True: Cell("yes", 2.0), False: Cell("no", 1.0), None: Cell("", 0.0)}[one.tensor_cores],
        )
        for one in device.longest_kernels[:most]
    ]
    heads = ("kernel", "calls", "ms", "share", "longest", "occu\u00adpancy", "tensor cores")
    return _table("kernels", "Longest kernels", heads, rows)


def _named(
    key: str, title: str, head: str, named: Sequence[NamedTime], kernel_ns: int, most: int | None = None
) -> TraceTable:
    rows = [
        (_text(one.name or "(not known)"), _count(one.kernels), _time(one.time_ns), _part_of(one.time_ns, kernel_ns))
        for one in named[:most]
    ]
    title += f", the {most:,} longest of {len(named):,}" if most is not None and most < len(named) else ""
    return _table(key, title, (head, "kernels", "ms", "share"), rows)


def _table(key: str, title: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> TraceTable:
    numbers: list[Literal["text", "number"]] = ["number"] * (len(heads) - 1)
    return TraceTable(key, title, tuple(heads), ("text", *numbers), tuple(tuple(row) for row in rows))


def _text(text: str) -> Cell:
    return Cell(text, text)


def _pieces(number: int) -> str:
    return f"{plural(number, 'piece')} of work"


def _count(number: int) -> Cell:
    return Cell(f"{number:,}", float(number))


def _time(time_ns: int) -> Cell:
    return Cell(_ms(time_ns), float(time_ns))


def _part_of(time_ns: int, total_ns: int) -> Cell:
    return Cell(_share(time_ns, total_ns), time_ns / total_ns if total_ns else 0.0)


def _ms(time_ns: int) -> str:
    return f"{time_ns / 1e6:,.3f}"


def _us(time_ns: float) -> str:
    return f"{time_ns / 1e3:,.1f}"


def _share(time_ns: int, total_ns: int) -> str:
    return f"{100 * time_ns / total_ns:.1f} %" if total_ns else "–"
