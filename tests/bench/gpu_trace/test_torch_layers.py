"""Layers and parts of a step in a trace that torch itself writes, with a kernel planted under each operation."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.gpu_trace.host_spans import find_origins
from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace

# In a program of its own: torch's tracer of Python calls follows the frames of whatever calls it.
_TRAIN = """
import sys, torch
net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x = torch.randn(3, 4)
with torch.profiler.profile(
    activities=[torch.profiler.ProfilerActivity.CPU],
    schedule=torch.profiler.schedule(wait=0, warmup=1, active=2),
    with_stack=True,
    with_modules=True,
    on_trace_ready=lambda done: done.export_chrome_trace(sys.argv[1]),
) as profiler:
    for _ in range(3):
        optimizer.zero_grad()
        net(x).sum().backward()
        optimizer.step()
        profiler.step()
"""


@pytest.mark.process
@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_every_product_is_at_its_layer(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    subprocess.run([sys.executable, "-c", _TRAIN, str(path)], check=True, stderr=subprocess.DEVNULL)
    _plant_kernels(path)
    trace = read_gpu_trace(path)
    origins = find_origins(trace)
    found = Counter(
        (one.operation, one.module, one.part) for one in origins if one.operation in ("aten::addmm", "aten::mm")
    )
    steps = 2
    assert found == {
        ("aten::addmm", "Sequential_0/Linear_0", "forward"): steps,
        ("aten::addmm", "Sequential_0/Linear_1", "forward"): steps,
        # The gradient of the first layer's input is not needed.
        ("aten::mm", "Sequential_0/Linear_0", "backward"): steps,
        ("aten::mm", "Sequential_0/Linear_1", "backward"): 2 * steps,
    }
    assert {one.part for one in origins} >= {"forward", "backward", "optimizer"}
    assert [span.name for span in trace.spans if span.type == "step"] == ["1", "2"]


def _plant_kernels(path: Path) -> None:
    """Give each operation a launch when it begins, before it calls others, and a kernel behind it."""
    trace = json.loads(path.read_text())
    planted: list[dict[str, Any]] = []
    for number, event in enumerate(trace["traceEvents"]):
        if event.get("cat") == "cpu_op" and event["name"] in ("aten::addmm", "aten::mm", "aten::add_"):
            at = event["ts"]
            launch = {
                "cat": "cuda_runtime",
                "name": "cudaLaunchKernel",
                "ts": at,
                "dur": 0,
                "args": {"correlation": number},
            }
            args = {"device": 0, "stream": 7, "correlation": number}
            kernel = {"cat": "kernel", "name": "gemm", "ts": at + 5, "dur": 1, "pid": 0, "tid": 7, "args": args}
            planted += [{**event, **launch}, {"ph": "X", **kernel}]
    trace["traceEvents"] += planted
    path.write_text(json.dumps(trace))
