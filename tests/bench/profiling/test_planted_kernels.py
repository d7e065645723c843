"""Steps that frameworks trace on the CPU, with kernels of a GPU planted, which reach the layers of the CPU's work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.gpu_trace.kineto_file import read_kineto
from anatomy.bench.profiling.hlo_work import instruction_work
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex
from anatomy.bench.profiling.torch_kernels import torch_device_trace
from anatomy.bench.profiling.xla_kernels import xla_device_trace
from anatomy.bench.profiling.xspace_trace import read_device_work
from anatomy.bench.xla.xspace import load_xspace
from tests.bench.gpu_trace.test_xla_layers import add_kernel
from tests.bench.profiling.recorded_steps import found

pytestmark = pytest.mark.process

# Makes a marked training step of a small model; prints the model's layers. In a program of its own: the marks cannot be
# taken off.
_MARKED_STEP = """
import json, sys
from pathlib import Path
import keras
from anatomy.bench.backends.step import Batch, load
from anatomy.bench.profiling.annotate_layers import annotate_layers
from anatomy.bench.profiling.layer_index import LayerEntry, LayerIndex, LayerPlace
from anatomy.bench.profiling.tracer import open_tracer
from anatomy.bench.profiling.trace_events import LAUNCH
import numpy as np

backend, folder = sys.argv[1], Path(sys.argv[2])
inputs = keras.Input((8, 8, 3))
x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
x = keras.layers.BatchNormalization(name="norm")(x)
x = keras.layers.Flatten(name="flat")(x)
model = keras.Model(inputs, keras.layers.Dense(5, name="dense")(x))
loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
# Keras multiplies the loss outside all marks.
model.compile(keras.optimizers.SGD(loss_scale_factor=2.0), loss, jit_compile=backend == "jax")
model.optimizer.build(model.trainable_variables)
names = ["conv", "norm", "flat", "dense"]
entries = [LayerEntry(name, "", "normalisation" if name == "norm" else None, 1, 1) for name in names]
layers = LayerIndex(entries, [LayerPlace(name, name, model.get_layer(name)) for name in names])
tracer = open_tracer(backend)
batch = Batch(np.ones((2, 8, 8, 3), "float32"), np.ones((2,), "int32"))
framework = load(backend)
framework.initialise(1)
annotate_layers(model, layers, tracer.scope)
step = framework.prepare(model, batch, "train")
for _ in range(2):
    step.drain([step.launch()])
"""
_TRACE_TORCH = """
from torch.profiler import ProfilerActivity, profile
from anatomy.bench.profiling.torch_trace import _operations

with profile(activities=[ProfilerActivity.CPU], acc_events=True) as recorded:
    with tracer.step(0), tracer.annotation(LAUNCH):
        outputs = step.launch()
    step.drain([outputs])
recorded.export_chrome_trace(str(folder / "kineto.json"))
works = [one.work for one in _operations(recorded.events(), layers) if one.level == "operation"]
print(json.dumps([[work.layer, work.name, work.pass_] for work in works]))
"""
_TRACE_JAX = """
with tracer.recording(folder):
    with tracer.step(0), tracer.annotation(LAUNCH):
        outputs = step.launch()
    step.drain([outputs])
(folder / "step.hlo").write_text(step.hlo_text())
owners = {name: layers.layer_of_weight(variable) for name, variable in step.weight_arguments().items()}
print(json.dumps(owners))
"""
NAMES = ("conv", "norm", "flat", "dense")
LAYERS = LayerIndex([LayerEntry(name, "", "normalisation" if name == "norm" else None, 1, 1) for name in NAMES])


def trace(backend: str, program: str, folder: Path) -> Any:
    """What the program prints last."""
    environment = os.environ | {"KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", _MARKED_STEP + program, backend, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.skipif(find_spec("torch") is None, reason="torch is not installed")
def test_kernels_of_torch_belong_to_what_launched_them(tmp_path: Path) -> None:
    by_cpu = {tuple(row) for row in trace("torch", _TRACE_TORCH, tmp_path)}
    path = tmp_path / "kineto.json"
    _plant_kernels(path)
    by_gpu = {(layer, name, pass_) for layer, name, _, pass_ in found(torch_device_trace(read_kineto(path), LAYERS))}
    assert by_gpu == by_cpu
    assert (None, "MulBackward0", "backward") in by_gpu
    for layer in ("conv", "norm", "dense"):
        assert {pass_ for owner, _, pass_ in by_gpu if owner == layer} == {"forward", "backward"}


def _plant_kernels(path: Path) -> None:
    """A launch where each operation begins, before it calls others, and a kernel."""
    recorded = json.loads(path.read_text())
    operations = [event for event in recorded["traceEvents"] if event.get("cat") == "cpu_op"]
    for number, event in enumerate(operations):
        call = {"cat": "cuda_runtime", "name": "cudaLaunchKernel", "dur": 0, "args": {"correlation": number}}
        facts = {"device": 0, "stream": 7, "correlation": number}
        kernel = {"ph": "X", "cat": "kernel", "name": "k", "ts": event["ts"] + 9, "dur": 1, "pid": 0, "tid": 7}
        recorded["traceEvents"] += [event | call, kernel | {"args": facts}]
    path.write_text(json.dumps(recorded))


@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_kernels_of_jax_belong_to_their_instructions(tmp_path: Path) -> None:
    owners = trace("jax", _TRACE_JAX, tmp_path)
    text = (tmp_path / "step.hlo").read_text()
    weights = {name: owner for name, owner in owners.items() if owner}
    known = {name: work for name, (work, holds) in instruction_work(text, LAYERS, weights).items() if not holds}
    (path,) = tmp_path.rglob("*.xplane.pb")
    space = load_xspace(path)
    for instruction in known:
        add_kernel(space, hlo_op=instruction, hlo_module="jit_train_step")
    path.write_bytes(space.SerializeToString())
    by_gpu = xla_device_trace(read_device_work(path), text, LAYERS, weights)
    # As by the program's text, though the trace has its own scopes of the same program.
    assert [row[::3] for row in found(by_gpu)] == [(work.layer, work.pass_) for work in known.values()]
    assert len(by_gpu.steps) == 1
    owned = {(layer, pass_) for layer, _, _, pass_ in found(by_gpu)}
    assert {(layer, pass_) for layer in ("conv", "norm", "dense") for pass_ in ("forward", "backward")} <= owned
