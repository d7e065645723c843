"""Traces of GPUs as one self-contained HTML page: a bar for each step, and every table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from anatomy.bench.gpu_trace.trace_summary import DeviceSummary, TraceSummary, WindowSummary
from anatomy.reports.gpu_traces.trace_tables import PART_WORDS, device_sentences, device_tables, title_of
from anatomy.reports.page import render_page, trusted_asset

# Steps of one device that are drawn; the table has all.
MOST_BARS = 60
# Operations and layers in a table; `--json` has all.
MOST_ROWS = 40


def render_traces(traces: Sequence[TraceSummary]) -> str:
    """Render traces as one page."""
    names = ", ".join(trace.file.rpartition("/")[2] for trace in traces)
    return render_page(
        "trace.html",
        "trace.css",
        title=f"Anatomy trace: {names}",
        names=names,
        traces=[
            {
                "file": trace.file,
                "source": trace.source,
                "notes": trace.notes,
                "devices": [_device(trace, device, f"{number}-{device.device}") for device in trace.devices],
            }
            for number, trace in enumerate(traces)
        ],
        parts=PART_WORDS,
        script=trusted_asset("report.js"),
    )


def _device(trace: TraceSummary, device: DeviceSummary, key: str) -> dict[str, Any]:
    windows = device.steps[:MOST_BARS] or (device.whole,)
    longest_ns = max(window.duration_ns for window in windows) or 1
    return {
        "key": key,
        "title": title_of(trace, device),
        "sentences": device_sentences(device),
        "bars": [_bar(window, longest_ns) for window in windows],
        "left_out": max(0, len(device.steps) - MOST_BARS),
        "tables": device_tables(device, MOST_ROWS),
    }


def _bar(window: WindowSummary, longest_ns: int) -> dict[str, Any]:
    """The parts of a step as pieces of a bar, each with its place and width in percent of the longest step."""
    pieces, at = [], 0
    for part, time_ns in window.parts_ns.items():
        if time_ns:
            share = 100 * time_ns / (window.duration_ns or 1)
            said = f"{PART_WORDS[part]}: {time_ns / 1e6:,.3f} ms ({share:.1f} %)"
            pieces.append(
                {"part": part, "at": 100 * at / longest_ns, "width": 100 * time_ns / longest_ns, "said": said}
            )
        at += time_ns
    name = "the whole trace" if window.name == "all" else f"step {window.name}"
    return {"name": name, "time": f"{window.duration_ns / 1e6:,.3f} ms", "pieces": pieces}
