"""Time and memory that `anatomy trace` takes for a large trace.

python -m tests.benchmarks.large_gpu_trace [EVENTS]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_KERNEL = (
    "void at::native::vectorized_elementwise_kernel<4, at::native::CUDAFunctor_add<float>, at::detail::Array<3> >"
    "(int, at::native::CUDAFunctor_add<float>, at::detail::Array<char*, 3>)"
)
_HOST = {"pid": 100, "tid": 100}
# Kernels of a step.
_PER_STEP = 400


def write_large_trace(path: Path, events: int) -> None:
    """Write a trace in the form of PyTorch's: an operation, its launch, a kernel and two arrows in turn."""
    with path.open("w") as opened:
        opened.write('{"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": [\n')
        for number, event in enumerate(_events(events)):
            opened.write((",\n" if number else "") + json.dumps(event))
        opened.write("]}")


def _events(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count // 5):
        at = 1_700_000_000_000_000 + 20 * number
        is_collective = number % 50 == 49
        name, stream = ("ncclDevKernel_AllReduce_Sum_f32_RING_LL(int)", 20) if is_collective else (_KERNEL, 7)
        numbers = {"External id": number, "correlation": number}
        sizes = {"grid": [8, 16, 5], "block": [128, 1, 1], "est. achieved occupancy %": 25}
        yield _complete("cpu_op", "aten::add", at, 12.5, {"External id": number, "Sequence number": number})
        yield _complete("cuda_runtime", "cudaLaunchKernel", at + 3.25, 5.125, {**numbers, "cbid": 211})
        yield {"ph": "s", "id": number, **_HOST, "ts": at + 3.25, "cat": "ac2g", "name": "ac2g"}
        yield _complete("kernel", name, at + 11.5, 15.25, {**numbers, "device": 0, "stream": stream, **sizes})
        step, place = divmod(number, _PER_STEP)
        if place == 0:
            yield _complete("user_annotation", f"ProfilerStep#{step}", at, 20 * _PER_STEP, {})
        else:
            yield {"ph": "f", "id": number, **_HOST, "ts": at + 11.5, "cat": "ac2g", "name": "ac2g", "bp": "e"}


def _complete(category: str, name: str, start: float, duration: float, args: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "X", "cat": category, "name": name, **_HOST, "ts": start, "dur": duration, "args": args}


def measure(events: int) -> tuple[float, float]:
    """Seconds and largest resident MB of `anatomy trace --json`, Python's start included."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "large.json")
        write_large_trace(path, events)
        begin = time.perf_counter()
        command = [sys.executable, "-m", "anatomy.bench.cli", "trace", str(path), "--json"]
        started = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
        if started.returncode:
            raise subprocess.CalledProcessError(started.returncode, command)
        return time.perf_counter() - begin, used.ru_maxrss / 1e3


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 70_000
    took, held = measure(number)
    print(f"{number:,} events: {took:.2f} s, {held:.0f} MB")
