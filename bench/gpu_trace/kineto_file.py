"""Reads the JSON of PyTorch's profiler (Kineto), plain or compressed by gzip.

Form: https://github.com/pytorch/kineto/blob/main/libkineto/src/output_json.cpp, in the Trace Event Format
(https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU). Its times are microseconds whatever
`displayTimeUnit` says, which is for viewers; `baseTimeNanoseconds` moves all times alike.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TextIO

from anatomy.bench.gpu_trace.json_stream import JsonStream, JsonStreamError
from anatomy.bench.gpu_trace.recorded_work import (
    DeviceWork,
    EventWait,
    HostCall,
    HostSpan,
    NoDeviceWorkError,
    RecordedTrace,
    SpanType,
    TraceFileError,
    WorkType,
    recorded_name,
)

GZIP = b"\x1f\x8b"
# Decompressed; what is kept of a larger file would not fit the memory of a usual machine.
LARGEST_CHARACTERS = 4 << 30
# Categories of several releases: before torch 2.0 they were capitalised, "Memcpy".
_WORK: Mapping[str, WorkType] = {
    "kernel": "kernel",
    "gpu_memcpy": "copy",
    "memcpy": "copy",
    "gpu_memset": "fill",
    "memset": "fill",
}
_CALLS = frozenset({"cuda_runtime", "cuda_driver", "runtime", "driver", "hip_runtime", "hip_driver"})
_SPANS: Mapping[str, SpanType] = {"cpu_op": "operation", "operator": "operation", "user_annotation": "annotation"}
# Synchronisation, which Kineto records if asked: `_ExperimentalConfig(enable_cuda_sync_events=True)`.
_SYNC, _STREAM_WAIT = "cuda_sync", "Stream Wait Event"
_MODULE = "nn.Module: "
_STEP = re.compile(r"ProfilerStep\s*#\s*(\d+)$")
_DIRECTION = re.compile(r"\b([HDPA]to[HDPA])\b")
_HOST_MEMORY = re.compile(r"\b(pageable|pinned)\b", re.IGNORECASE)
# Microseconds since 1970 reach this in the year 5138: larger ones are nanoseconds.
_SURELY_NANOSECONDS = 10**17
# What 64 bits hold, with room for sums.
_LARGEST_NS, _MOST_DIGITS = 2**62, 20


def read_kineto(path: Path) -> RecordedTrace:
    """Read a trace of PyTorch's profiler.

    Raises:
        TraceFileError: the file is damaged, too large, or no trace.
    """
    events = _Events(path)
    with _open(path) as text:
        stream = JsonStream(_limited(text.read, path))
        try:
            _read_file(stream, events)
        except JsonStreamError as error:
            raise _no_json(path, error, events) from error
        except EOFError as error:
            raise _ends_early(path, stream.line, events) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise TraceFileError(f"{path} is damaged behind line {stream.line}: {error}; copy it again") from error
    return events.trace()


def _open(path: Path) -> TextIO:
    with path.open("rb") as opened:
        packed = opened.read(2) == GZIP
    if packed:
        return gzip.open(path, "rt", encoding="utf-8-sig", errors="replace")
    return path.open(encoding="utf-8-sig", errors="replace")


def _limited(read: Callable[[int], str], path: Path) -> Callable[[int], str]:
    seen = 0

    def read_some(count: int) -> str:
        nonlocal seen
        text = read(count)
        seen += len(text)
        if seen > LARGEST_CHARACTERS:
            raise TraceFileError(
                f"{path} has more than {LARGEST_CHARACTERS >> 30} GiB of text, unpacked: record fewer steps, with "
                "torch.profiler.schedule(active=3), and without with_stack"
            )
        return text

    return read_some


def _read_file(stream: JsonStream, events: _Events) -> None:
    if stream.peek() == "[":
        events.seen_list = True
        for event in stream.items():
            events.add(event, stream)
        return
    for key in stream.keys():  # noqa: SIM118  # a method of the stream, no mapping
        if key == "traceEvents":
            events.seen_list = True
            for event in stream.items():
                events.add(event, stream)
        else:
            events.head[key] = stream.value()


def _no_json(path: Path, error: JsonStreamError, events: _Events) -> TraceFileError:
    if error.ended:
        return _ends_early(path, error.line, events)
    return TraceFileError(f"{path}, line {error.line}: no JSON: {error}; expected the trace of a profiler")


def _ends_early(path: Path, line: int, events: _Events) -> TraceFileError:
    return TraceFileError(
        f"{path} ends in line {line}, behind event {events.number:,}, in the middle; copy or record it again"
    )


class _Events:
    """Sorts events as they come."""

    def __init__(self, path: Path) -> None:
        self.head: dict[str, Any] = {}
        self.number = 0
        self.seen_list = False
        self._path = path
        self._work: list[DeviceWork] = []
        self._calls: dict[int, HostCall] = {}
        self._spans: list[HostSpan] = []
        # Device, stream, correlation of the wait's call, stream waited for, correlation of the event's recording.
        self._waits: list[tuple[int, str, int, str, int | None]] | None = None
        self._factor: int | None = None
        self._whole = True
        self._unfinished = 0
        # Equal texts are held once.
        self._texts: dict[str, str] = {}

    def add(self, event: Any, stream: JsonStream) -> None:
        """Keep what an event says of a device or of the host."""
        self.number += 1
        if not isinstance(event, dict):
            raise TraceFileError(
                f"{self._path}, line {stream.line}, event {self.number:,}: expected an object, got {str(event)[:60]!r}"
            )
        if event.get("ph") != "X":
            return
        category = str(event.get("cat", "")).lower()
        name = str(event.get("name", ""))
        kept = category in _WORK or category in _CALLS or category in _SPANS or category == _SYNC
        if not kept and not (category == "python_function" and name.startswith(_MODULE)):
            return
        try:
            start_ns, duration_ns = self._ns(event.get("ts")), self._ns(event.get("dur", 0))
            if duration_ns < 0:
                self._unfinished += 1
                return
            self._keep(category, self._once(name), start_ns, start_ns + duration_ns, event)
        except (TypeError, ValueError, OverflowError) as error:
            raise TraceFileError(
                f"{self._path}, line {stream.line}, event {self.number:,} ({name[:40]!r}): {error}; expected "
                "times in microseconds and numbers of devices and calls as a profiler writes them"
            ) from error

    def _keep(self, category: str, name: str, start_ns: int, end_ns: int, event: dict[str, Any]) -> None:
        args = event.get("args")
        args = args if isinstance(args, dict) else {}
        if category in _WORK:
            self._work.append(self._device_work(_WORK[category], name, start_ns, end_ns, event, args))
            return
        if category == _SYNC:
            self._keep_wait(name, args)
            return
        thread = self._once(f"{event.get('pid')}/{event.get('tid')}")
        if category in _CALLS:
            if (correlation := _whole(args.get("correlation"))) is not None:
                self._calls[correlation] = HostCall(name, thread, start_ns, end_ns)
            return
        step = _STEP.search(name)
        sequence = _whole(args.get("Sequence number"))
        span = HostSpan(
            type="step" if step else _SPANS.get(category, "module"),
            name=step[1] if step else self._once(name.removeprefix(_MODULE)),
            thread=thread,
            start_ns=start_ns,
            end_ns=end_ns,
            external=_whole(args.get("External id", args.get("external id"))),
            sequence=-1 if sequence is None else sequence,
            backward=bool(_whole(args.get("Fwd thread id"))),
        )
        self._spans.append(span)

    def _keep_wait(self, name: str, args: dict[str, Any]) -> None:
        self._waits = [] if self._waits is None else self._waits
        called, stream, on_stream = (_whole(args.get(one)) for one in ("correlation", "stream", "wait_on_stream"))
        if name == _STREAM_WAIT and called is not None and stream is not None:
            recorded = _whole(args.get("wait_on_cuda_event_record_corr_id"))
            waited_for = "" if on_stream is None else self._once(str(on_stream))
            device = _whole(args.get("device")) or 0
            self._waits.append((device, self._once(str(stream)), called, waited_for, recorded))

    def _event_waits(self) -> tuple[EventWait, ...] | None:
        """The waits whose call was recorded; one for an event from before the trace names no stream."""
        if self._waits is None:
            return None
        found = []
        for device, stream, called, on_stream, recorded in self._waits:
            call, record = self._calls.get(called), self._calls.get(-1 if recorded is None else recorded)
            if call is not None:
                known = (on_stream, record.start_ns) if record is not None else ("", 0)
                found.append(EventWait(device, stream, call.start_ns, *known))
        return tuple(found)

    def _device_work(
        self, type_: WorkType, name: str, start_ns: int, end_ns: int, event: dict[str, Any], args: dict[str, Any]
    ) -> DeviceWork:
        device = _whole(args.get("device", event.get("pid")))
        occupancy = args.get("est. achieved occupancy %")
        direction = _DIRECTION.search(name) if type_ == "copy" else None
        memory = _HOST_MEMORY.search(name) if type_ == "copy" else None
        return DeviceWork(
            type=type_,
            name=name,
            device=0 if device is None else device,
            stream=self._once(str(args.get("stream", event.get("tid")))),
            start_ns=start_ns,
            end_ns=end_ns,
            correlation=_whole(args.get("correlation")),
            external=_whole(args.get("External id", args.get("external id"))),
            bytes=_whole(args.get("bytes")),
            direction=direction[1] if direction else "",
            host_memory=memory[1].lower() if memory else "",
            # Kineto writes 0 where it cannot estimate it: for kernels with much shared memory, and NCCL's.
            occupancy=float(occupancy) / 100 if occupancy and float(occupancy) > 0 else None,
            in_graph=bool(_whole(args.get("graph node id"))),
        )

    def _ns(self, value: Any) -> int:
        """Nanoseconds of a time as the file writes it."""
        if isinstance(value, str):
            whole, _, part = value.partition(".")
            if self._factor == 1000 and 0 < len(part) <= 3 and whole.isdecimal() and part.isdecimal():
                part_ns = int(part.ljust(3, "0"))
                self._whole = self._whole and part_ns == 0
                return _in_range(int(whole) * 1000 + part_ns, value)
        exact = _exact(value)
        if self._factor is None and exact != 0:
            self._factor = 1 if exact >= _SURELY_NANOSECONDS else 1000
        exact *= self._factor or 1000
        self._whole = self._whole and exact % 1000 == 0
        return _in_range(round(exact), value)

    def _once(self, text: str) -> str:
        found = self._texts.get(text)
        if found is None:
            found = self._texts[text] = recorded_name(text)
        return found

    def trace(self) -> RecordedTrace:
        """What was kept."""
        if not self.seen_list:
            raise TraceFileError(
                f"{self._path} is JSON without traceEvents: expected what torch.profiler's export_chrome_trace writes"
            )
        if not self._work:
            raise NoDeviceWorkError(
                f"{self._path} has {self.number:,} events and no kernel or copy of a GPU: record with "
                "torch.profiler.profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])"
            )
        distributed = self.head.get("distributedInfo")
        distributed = distributed if isinstance(distributed, dict) else {}
        left_out = f"left out, since they end before they begin: {self._unfinished:,} of {self.number:,} events"
        return RecordedTrace(
            source="Kineto",
            work=tuple(self._work),
            calls=self._calls,
            spans=tuple(self._spans),
            device_names=_device_names(self.head.get("deviceProperties")),
            rank=_whole_or_none(distributed.get("rank")),
            ranks=_whole_or_none(distributed.get("world_size")),
            resolution_ns=1000 if self._whole and self._factor != 1 else 1,
            event_waits=self._event_waits(),
            notes=(left_out,) if self._unfinished else (),
        )


def _exact(value: Any) -> Decimal:
    """A finite number as the file writes it."""
    try:
        exact = Decimal(value) if isinstance(value, int | str) and not isinstance(value, bool) else Decimal("NaN")
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or exact.adjusted() > _MOST_DIGITS:
        raise ValueError(f"a time is {str(value)[:40]!r}")
    return exact


def _in_range(time_ns: int, value: Any) -> int:
    if abs(time_ns) >= _LARGEST_NS:
        raise ValueError(f"a time is {str(value)[:40]!r}")
    return time_ns


def _whole(value: Any) -> int | None:
    """A whole number; `None` for none and for a negative one, by which profilers say "none"."""
    if value is None or isinstance(value, dict | list):
        return None
    try:
        number = int(value)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"a number is {str(value)[:40]!r}") from error
    return number if number >= 0 else None


def _whole_or_none(value: Any) -> int | None:
    """A whole number of the file's head, without which its events can be read all the same."""
    try:
        return _whole(value)
    except ValueError:
        return None


def _device_names(properties: Any) -> dict[int, str]:
    rows = properties if isinstance(properties, list) else []
    return {
        number: recorded_name(str(row["name"]))
        for row in rows
        if isinstance(row, dict) and row.get("name") and (number := _whole_or_none(row.get("id"))) is not None
    }
