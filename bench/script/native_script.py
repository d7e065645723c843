"""The stand-alone program of a native case: the translated network without Keras, and the same clocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anatomy.bench.native.native_backend import framework_of, resolve_jit
from anatomy.bench.native.program import Program
from anatomy.bench.native.source_layout import import_block, split_imports
from anatomy.bench.native.translate import translate
from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.script.code_layout import call
from anatomy.bench.script.data_source import data_lines
from anatomy.bench.script.expression import OWN_NETWORK, InexpressibleError
from anatomy.bench.script.script_header import docstring_lines
from anatomy.bench.script.timing_source import clock_lines
from anatomy.bench.workload.build_case import Built
from anatomy.models.returned_network import is_held

_NOTE = "The network is in the framework's own layers; its weights are drawn anew."
_IMPORTS = {"torch": "import torch", "jax": "import jax", "tensorflow": "import tensorflow as tf"}
_WEIGHTS = (
    "",
    "",
    "def draw(shapes):",
    '    """Weights of a scale at which values neither vanish nor grow; statistics and scales of 1."""',
    "    if isinstance(shapes, dict):",
    "        return {name: draw_one(name, part) if isinstance(part, tuple) else draw(part)"
    " for name, part in shapes.items()}",
    "",
    "",
    "def draw_one(name, shape):",
    '    if name in ("gamma", "moving_variance", "scale"):',
    "        return np.ones(shape, np.float32)",
    "    fan_in = np.prod(shape[:-1]) if len(shape) > 1 else np.inf",
    "    return (rng.standard_normal(shape) / np.sqrt(fan_in)).astype(np.float32)",
)


def native_script(
    built: Built, case: Case, settings: MeasureSettings, output_bytes: int, in_effect: Mapping[str, Any]
) -> str:
    """A program that prints the throughput and the median step of a native case, without Keras and Anatomy.

    Args:
        in_effect: settings of the step as it was measured, such as the memory format.

    Raises:
        InexpressibleError: ONNX Runtime's graph is a file, or the data came with the model.
        NotImplementedError: the model has no translation.
    """
    if case.backend == "onnxruntime":
        raise InexpressibleError(
            "ONNX Runtime runs an exported file; --backend native-torch has the network that it is of"
        )
    if built.plan is None:
        raise InexpressibleError("its data came with it, and a script draws its own")
    if is_held(built.model):
        raise InexpressibleError(OWN_NETWORK.format(what=built.model.what))
    trains = case.mode == "train"
    framework = framework_of(case)
    program = translate(built.model, framework, trains)
    imports, rest = split_imports(program.source)
    write = {"torch": _torch, "jax": _jax, "tensorflow": _tensorflow}[framework]
    lines = [
        *docstring_lines(case, _NOTE),
        *import_block(["import statistics", "import time", "import numpy as np", _IMPORTS[framework], *imports]),
        *rest,
        "",
        "",
        *data_lines(built),
        *_tuple("inputs", _input_expressions(built.batch.x, program)),
        *(_tuple("targets", _target_expressions(built.targets)) if trains else []),
        *write(program, trains, resolve_jit(case.jit, framework), in_effect),
        "",
        "",
        *clock_lines(case.batch_size, settings, output_bytes),
    ]
    return "\n".join(lines) + "\n"


def _torch(program: Program, trains: bool, jit: bool, in_effect: Mapping[str, Any]) -> list[str]:
    channels_last = in_effect.get("memory_format") == "channels_last"
    lines = [
        'device = "cuda" if torch.cuda.is_available() else "cpu"',
        "network = Network().to(device)",
        "inputs = tuple(torch.from_numpy(array).to(device) for array in inputs)",
    ]
    if channels_last:
        lines += [
            "network = network.to(memory_format=torch.channels_last)",
            "inputs = tuple(x.to(memory_format=torch.channels_last) if x.ndim == 4 else x for x in inputs)",
        ]
    if trains:
        lines += [
            "targets = tuple(torch.from_numpy(array).to(device) for array in targets)",
            "network.train()",
            "optimizer = make_optimizer(network)",
            *(["network = torch.compile(network)"] if jit else []),
        ]
        launch, wait = (
            "train_step(network, optimizer, inputs, targets)",
            ["    for loss in outputs:", "        float(loss)"],
        )
    else:
        lines += ["network.eval()", f"step = {'torch.compile(network)' if jit else 'network'}"]
        launch, wait = "step(inputs)", []
    body = [
        "def timed(steps):",
        "    start = time.perf_counter()",
        f"    outputs = [{launch} for _ in range(steps)]",
        "    if torch.cuda.is_available():",
        "        torch.cuda.synchronize()",
        *wait,
        "    return (time.perf_counter() - start) / steps",
    ]
    return [*lines, "", "", *([] if trains else ["@torch.inference_mode()"]), *body]


def _jax(program: Program, trains: bool, jit: bool, in_effect: Mapping[str, Any]) -> list[str]:
    lines = [*_drawn(program), "params, state, inputs = jax.device_put((params, state, inputs))"]
    if not trains:
        infer = "lambda params, state, inputs: forward(params, state, inputs)[0]"
        return [
            *lines,
            f"step = {f'jax.jit({infer})' if jit else infer}",
            "",
            "",
            "def timed(steps):",
            "    start = time.perf_counter()",
            "    outputs = [step(params, state, inputs) for _ in range(steps)]",
            "    jax.block_until_ready(outputs)",
            "    return (time.perf_counter() - start) / steps",
        ]
    return [
        *lines,
        "targets = jax.device_put(targets)",
        "carried = (params, state, init_optimizer(params))",
        "key = jax.random.key(0)",
        f"step = {'jax.jit(train_step, donate_argnums=(0, 1, 2))' if jit else 'train_step'}",
        "",
        "",
        "def timed(steps):",
        "    global carried",
        "    start = time.perf_counter()",
        "    losses = []",
        "    for _ in range(steps):",
        "        loss, *carried = step(*carried, inputs, targets, key)",
        "        losses.append(loss)",
        "    jax.block_until_ready((losses, carried))",
        "    return (time.perf_counter() - start) / steps",
    ]


def _tensorflow(program: Program, trains: bool, jit: bool, in_effect: Mapping[str, Any]) -> list[str]:
    method, data = ("train_step", "inputs, targets") if trains else ("infer", "inputs")
    return [
        *_drawn(program),
        "params = tf.nest.map_structure(tf.Variable, params)",
        "state = tf.nest.map_structure(lambda array: tf.Variable(array, trainable=False), state)",
        "inputs = tf.nest.map_structure(tf.convert_to_tensor, inputs)",
        *(["targets = tf.nest.map_structure(tf.convert_to_tensor, targets)"] if trains else []),
        "network = Network(params, state)",
        f"step = tf.function(network.{method}, autograph=False, jit_compile={jit}, reduce_retracing=True)",
        "",
        "",
        "def timed(steps):",
        "    start = time.perf_counter()",
        f"    outputs = [step({data}) for _ in range(steps)]",
        "    for tensor in tf.nest.flatten(outputs):",
        "        tensor.numpy()",
        "    return (time.perf_counter() - start) / steps",
    ]


def _drawn(program: Program) -> list[str]:
    """Code that makes `params` and `state`."""
    groups: dict[str, dict[str, dict[str, tuple[int, ...]]]] = {"params": {}, "state": {}}
    for weight in program.weights:
        group = groups["params" if weight.variable.trainable else "state"]
        # Of this shape, and without memory.
        array = weight.to_native(np.broadcast_to(np.float32(0), tuple(weight.variable.shape)))
        group.setdefault(weight.layer, {})[weight.name] = array.shape
    lines: list[str] = []
    for name, layers in groups.items():
        rows = [
            f'"{layer}": {{{", ".join(f"{q!r}: {s}" for q, s in parts.items())}}}' for layer, parts in layers.items()
        ]
        lines += call(f"{name}_shapes = {{", [row.replace("'", '"') for row in rows], "}")
    return [*lines, *_WEIGHTS, "", "", "params, state = draw(params_shapes), draw(state_shapes)"]


def _input_expressions(x: Any, program: Program) -> list[str]:
    """One expression an input, in the program's order and axes."""
    if isinstance(x, dict):
        names = [f'x["{key}"]' for key in sorted(x)]
        parts = [x[key] for key in sorted(x)]
    elif isinstance(x, list | tuple):
        names, parts = [f"x[{number}]" for number in range(len(x))], list(x)
    else:
        names, parts = ["x"], [x]
    if any(isinstance(part, dict | list | tuple) for part in parts):
        raise InexpressibleError("its inputs are nested")
    return [
        name if axes is None else f"np.ascontiguousarray({name}.transpose({axes}))"
        for name, axes in zip(names, program.input_axes, strict=True)
    ]


def _target_expressions(targets: Sequence[str] | None) -> list[str]:
    from anatomy.bench.workload.learnable_data import NO_LOSS

    if targets is None:
        raise InexpressibleError("its targets came with it")
    if len(targets) == 1:
        return ["y"]
    return [f"y[{number}]" for number, loss in enumerate(targets) if loss != NO_LOSS]


def _tuple(name: str, expressions: Sequence[str]) -> list[str]:
    if len(expressions) == 1:
        return [f"{name} = ({expressions[0]},)"]
    return call(f"{name} = (", list(expressions))
