"""Kernels of XLA reach the operation, the layer and the pass of their instruction, by the programs in the trace."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

from anatomy.bench.gpu_trace.host_spans import find_origins, module_of_scopes
from anatomy.bench.gpu_trace.read_gpu_trace import read_gpu_trace
from anatomy.bench.xla.hlo_pb2 import HloProto
from anatomy.bench.xla.hlo_scopes import hlo_scopes
from anatomy.bench.xla.xplane_pb2 import XSpace
from anatomy.bench.xla.xspace import load_xspace

DENSE = "jit(step)/jvp(net)/dense_1/dot_general"
GRADIENT = "jit(step)/transpose(jvp(net))/dense_1/dot_general"


def add_program(space: XSpace, name: str, operations: dict[str, str]) -> None:
    """Put a compiled program where the profiler puts it."""
    plane = next((one for one in space.planes if one.name == "/host:metadata"), None) or space.planes.add(
        name="/host:metadata"
    )
    plane.stat_metadata[4].name = "Hlo Proto"
    program = HloProto()
    computation = program.hlo_module.computations.add(name="main")
    for instruction, operation in operations.items():
        computation.instructions.add(name=instruction).metadata.op_name = operation
    kind = plane.event_metadata[len(plane.event_metadata) + 1]
    kind.name = name
    kind.stats.add(metadata_id=4, bytes_value=program.SerializeToString())


def add_kernel(space: XSpace, **facts: str | int) -> None:
    """Put a kernel with these stats on stream 1 of GPU 0."""
    plane = next((one for one in space.planes if "GPU" in one.name), None) or space.planes.add(name="/device:GPU:0")
    line = plane.lines[0] if plane.lines else plane.lines.add(name="Stream #1(Compute)")
    plane.event_metadata[1].name = "gemm"
    event = line.events.add(metadata_id=1, offset_ps=1_000_000 * len(line.events), duration_ps=500_000)
    for name, value in facts.items():
        number = {"hlo_op": 1, "hlo_module": 2, "program_id": 3, "tf_op": 4}[name]
        plane.stat_metadata[number].name = name
        stat = event.stats.add(metadata_id=number)
        setattr(stat, "str_value" if isinstance(value, str) else "uint64_value", value)


def test_an_instruction_is_looked_up_in_its_program(tmp_path: Path) -> None:
    space = XSpace()
    add_program(space, "jit_step(6)", {"fusion.3": DENSE, "fusion.4": GRADIENT, "copy.1": ""})
    add_program(space, "jit_step(7)", {"fusion.3": "jit(step)/other/add"})
    add_kernel(space, hlo_op="fusion.3", hlo_module="jit_step", program_id=6)
    add_kernel(space, hlo_op="fusion.4", hlo_module="jit_step", program_id=6)
    add_kernel(space, hlo_op="fusion.3", hlo_module="jit_step", program_id=7)
    add_kernel(space, hlo_op="copy.1", hlo_module="jit_step", program_id=6)
    add_kernel(space, hlo_op="fusion.3", hlo_module="jit_unknown")
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    found = [(one.operation, one.module, one.part) for one in find_origins(read_gpu_trace(path))]
    assert found == [
        (DENSE, "net/dense_1", "forward"),
        (GRADIENT, "net/dense_1", "backward"),
        ("jit(step)/other/add", "other", "forward"),
        ("copy.1", "", "forward"),
        ("fusion.3", "", "forward"),
    ]


@pytest.mark.parametrize(
    ("facts", "operation", "module"),
    [
        ({"tf_op": "jit(step)/dense/dot_general", "hlo_op": "dot.3"}, "jit(step)/dense/dot_general", "dense"),
        ({"tf_op": GRADIENT, "hlo_op": "dot.3"}, GRADIENT, "net/dense_1"),
        # Only the program around the instruction.
        ({"tf_op": "XlaModule:", "hlo_op": "dot.3"}, "dot.3", ""),
        # The executor's operation that launched the program.
        ({"tf_op": "cluster_0_1/xla_run:_XlaRun", "hlo_op": "dot.3"}, "dot.3", ""),
        ({"tf_op": "net/call:StatefulPartitionedCall", "hlo_op": "dot.3"}, "dot.3", ""),
        ({"tf_op": "net/dense/MatMul:MatMul"}, "net/dense/MatMul:MatMul", "net/dense"),
        ({"tf_op": "XlaModule:"}, "XlaModule:", ""),
        ({"hlo_op": "dot.3"}, "dot.3", ""),
    ],
)
def test_without_the_program_the_name_with_scopes_counts(
    facts: dict[str, str], operation: str, module: str, tmp_path: Path
) -> None:
    space = XSpace()
    add_kernel(space, **facts)
    path = tmp_path / "vm.xplane.pb"
    path.write_bytes(space.SerializeToString())
    assert [(one.operation, one.module) for one in find_origins(read_gpu_trace(path))] == [(operation, module)]


def test_a_damaged_program_is_left_out() -> None:
    space = XSpace()
    add_program(space, "jit_step(6)", {"fusion.3": DENSE})
    space.planes[0].event_metadata[1].stats[0].bytes_value = b"\n\xff"
    assert hlo_scopes(space) == {}


@pytest.mark.parametrize(
    ("operation", "module"),
    [
        (DENSE, "net/dense_1"),
        (GRADIENT, "net/dense_1"),
        ("jit(step)/jit(main)/add", ""),
        ("jit(step)/vmap(jvp(a))/while/body/b/closed_call/mul", "a/b"),
        ("jit(f)/checkpoint/rematted_computation/block/tanh", "block"),
        ("gradient_tape/model/dense/MatMul/MatMul_1:MatMul", "model/dense/MatMul"),
        ("fusion.3", ""),
        ("", ""),
    ],
)
def test_layers_in_the_names_of_operations(operation: str, module: str) -> None:
    assert module_of_scopes(operation) == module


_TRAIN = """
import sys, jax, jax.numpy as jnp
def net(w, x):
    with jax.named_scope("first"):
        x = jnp.tanh(x @ w[0])
    with jax.named_scope("second"):
        return jnp.sum(x @ w[1])
step = jax.jit(jax.grad(net))
w = (jnp.ones((4, 8)), jnp.ones((8, 2)))
x = jnp.ones((3, 4))
jax.block_until_ready(step(w, x))
with jax.profiler.trace(sys.argv[1]):
    jax.block_until_ready(step(w, x))
"""


@pytest.mark.process
@pytest.mark.skipif(find_spec("jax") is None, reason="jax is not installed")
def test_the_programs_that_jax_writes(tmp_path: Path) -> None:
    """Of a CPU: a kernel is planted for each instruction, as JAX names those of a GPU."""
    subprocess.run([sys.executable, "-c", _TRAIN, str(tmp_path)], check=True, stderr=subprocess.DEVNULL)
    (path,) = tmp_path.rglob("*.xplane.pb")
    space = load_xspace(path)
    for instruction, operation in hlo_scopes(space)["jit_net"].items():
        # A product whose result is transposed has the name of the transposition.
        if operation.endswith(("dot_general", "transpose")):
            add_kernel(space, hlo_op=instruction, hlo_module="jit_net")
    path.write_bytes(space.SerializeToString())
    found = Counter((one.module, one.part) for one in find_origins(read_gpu_trace(path)))
    assert set(found) == {("first", "forward"), ("first", "backward"), ("second", "backward")}
