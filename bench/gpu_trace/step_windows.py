"""The steps of a trace as times of a device, on which the device lags behind the host."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from anatomy.bench.gpu_trace.device_timeline import NOT_RECORDED, DeviceTimeline
from anatomy.bench.gpu_trace.recorded_work import HostSpan, RecordedTrace


@dataclass(frozen=True, slots=True)
class StepWindow:
    """The time of a device that a step took."""

    name: str
    start_ns: int
    end_ns: int


def step_windows(trace: RecordedTrace, timeline: DeviceTimeline) -> list[StepWindow]:
    """The steps, in order and without overlap; empty if the trace marks none.

    A step that the profiler marks on the device is taken as it is. One that it marks on the host begins on the device
    when its annotation begins or the step before has ended, and ends with its annotation or with the last work that it
    launched, whichever is later.
    """
    marked = [step for step in trace.device_steps if step.device == timeline.device]
    if marked:
        return _in_order([StepWindow(step.name, step.start_ns, step.end_ns) for step in marked])
    spans = sorted((span for span in trace.spans if span.type == "step"), key=lambda span: span.start_ns)
    ended = _ends_of_work(spans, timeline)
    return _in_order(
        [
            StepWindow(span.name, span.start_ns, max(span.end_ns, ended[number]))
            for number, span in enumerate(spans)
            if ended[number] > span.start_ns
        ]
    )


def _ends_of_work(spans: list[HostSpan], timeline: DeviceTimeline) -> list[int]:
    """Of each span, when the last work that was launched within it ended; 0 if none was."""
    starts = [span.start_ns for span in spans]
    ended = [0] * len(spans)
    for launch_ns, end_ns in zip(timeline.launch_ns.tolist(), timeline.ends.tolist(), strict=True):
        number = bisect_right(starts, launch_ns) - 1
        if launch_ns != NOT_RECORDED and number >= 0 and launch_ns < spans[number].end_ns:
            ended[number] = max(ended[number], end_ns)
    return ended


def _in_order(windows: list[StepWindow]) -> list[StepWindow]:
    """Each begins when the one before has ended."""
    found: list[StepWindow] = []
    for window in sorted(windows, key=lambda one: (one.start_ns, one.end_ns)):
        begin = max(window.start_ns, found[-1].end_ns) if found else window.start_ns
        if window.end_ns > begin:
            found.append(StepWindow(window.name, begin, window.end_ns))
    return found
