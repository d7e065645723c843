"""Sentences and tables of a device, in the singular, with nothing to say, and cut."""

from __future__ import annotations

from anatomy.bench.gpu_trace.recorded_work import HostSpan, RecordedTrace
from anatomy.bench.gpu_trace.trace_summary import DeviceSummary, summarise_trace
from anatomy.reports.gpu_traces import TraceTable, device_sentences, device_tables
from tests.bench.gpu_trace.hand_made import GEMM, NCCL, traced, work

COPY = "Memcpy HtoD (Pinned -> Device)"


def device(trace: RecordedTrace) -> DeviceSummary:
    (found,) = summarise_trace(trace, "x").devices
    return found


def tables(found: DeviceSummary, most: int | None = None, most_steps: int | None = None) -> dict[str, TraceTable]:
    return {table.key: table for table in device_tables(found, most, most_steps)}


def test_one_of_each_is_singular() -> None:
    said = " ".join(device_sentences(device(traced([work(GEMM, 1000, 3000, launch=0), work(NCCL, 2000, 4000, "9")]))))
    assert "2 kernels: 0.004 ms in all, in the 0.003 ms from the first to the last." in said
    assert "Communication: 1 kernel, 0.002 ms" in said
    assert "1 launch, 0.0 µs of the host each on average." in said
    assert "The launch of 1 piece of work was not recorded." in said


def test_a_device_that_copies_only() -> None:
    found = device(traced([work(COPY, 0, 1_000_000, direction="HtoD", host_memory="pinned")]))
    assert device_sentences(found) == [
        "No kernel ran in 1.000 ms, only copies and fills.",
        "No launch was recorded: what a gap waited for is not known.",
        "To be gained at most, of 1.000 ms: 1.000 ms (100.0 %) with all copies overlapped.",
    ]
    assert list(tables(found)) == ["parts", "streams", "copies"]
    assert [cell.text for cell in tables(found)["copies"].rows[0]] == ["host to device", "pinned", "1", "", "1.000", ""]


def test_nothing_to_gain() -> None:
    assert device_sentences(device(traced([work(GEMM, 0, 10, launch=0)])))[-2].endswith("of 0.000 ms: nothing.")


def test_gains_are_those_of_the_steps() -> None:
    steps = [HostSpan("step", "0", "main", 0, 1_000_000), HostSpan("step", "1", "main", 3_000_000, 4_000_000)]
    pieces = [work(GEMM, 0, 900_000, launch=0), work(GEMM, 3_500_000, 4_000_000, launch=3_400_000)]
    said = device_sentences(device(traced(pieces, steps)))
    assert "To be gained at most, of 2.000 ms in 2 steps: 0.600 ms (30.0 %) with CUDA graphs or a faster host." in said


def test_long_tables_are_cut_and_say_so() -> None:
    steps = [HostSpan("step", str(n), "main", 100 * n, 100 * n + 100) for n in range(5)]
    pieces = [work(GEMM, 100 * n + 20, 100 * n + 90, launch=100 * n, operation=f"op{n}") for n in range(5)]
    found = device(traced(pieces, steps))
    cut, whole = tables(found, 2, 3), tables(found)
    assert (cut["steps"].title, len(cut["steps"].rows)) == ("Steps, in ms, the first 3 of 5", 3)
    assert (cut["operations"].title, len(cut["operations"].rows)) == ("Kernels by operation, the 2 longest of 5", 2)
    assert (whole["steps"].title, len(whole["steps"].rows)) == ("Steps, in ms", 5)
    assert (whole["operations"].title, len(whole["operations"].rows)) == ("Kernels by operation", 5)


def test_numbers_are_sorted_by_their_values() -> None:
    (row, *_) = tables(device(traced([work(GEMM, 0, 12_345_678, launch=0)])))["parts"].rows
    assert [(cell.text, cell.value) for cell in row] == [
        ("computing", "computing"),
        ("12.346", 12_345_678.0),
        ("100.0 %", 1.0),
    ]
