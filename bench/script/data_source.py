"""The lines that draw a batch: the structure, shapes, dtypes and ranges that Anatomy uses, plain values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from anatomy.bench.script.code_layout import call
from anatomy.bench.script.expression import InexpressibleError
from anatomy.bench.workload.build_case import Built
from anatomy.bench.workload.input_parts import runs, split_axis
from anatomy.bench.workload.input_values import InputPart, InputValues
from anatomy.bench.workload.learnable_data import NO_LOSS
from anatomy.bench.workload.model_inputs import ModelInput, input_leaves
from anatomy.bench.workload.synthetic_batch import shortest_length
from anatomy.bench.workload.zipf import EXPONENT, FREQUENT_WORDS, LEAST_VOCABULARY, STEEPER

# Most numbers that an array of means may have in a script.
LONGEST_ARRAY = 16
FREQUENCIES = (
    "",
    "",
    "def frequencies(rows):  # Zipf's law: a few words are most of a text",
    "    ranks = np.arange(1, rows + 1)",
    f"    weights = ranks**-{EXPONENT} * np.maximum(1, ranks / {FREQUENT_WORDS}) ** -{STEEPER}",
    "    return weights / weights.sum()",
    "",
    "",
)


def data_lines(built: Built) -> list[str]:
    """Code that sets `x` and, in training, `y`; `rng` is numpy's generator.

    Raises:
        InexpressibleError: the inputs are drawn from strings or by tables that would fill pages.
    """
    import keras

    assert built.plan is not None
    drawn = [
        _input(leaf, values) for leaf, values in zip(input_leaves(built.plan.structure), built.plan.values, strict=True)
    ]
    lines = [
        *(FREQUENCIES if any("frequencies(" in part for part in drawn) else ()),
        "rng = np.random.default_rng(0)",
        *_assigned("x", keras.tree.pack_sequence_as(built.plan.structure, drawn)),
    ]
    if built.targets is not None:
        targets = [_target(output.shape, loss) for output, loss in zip(built.outputs, built.targets, strict=True)]
        lines += _assigned("y", targets[0] if len(targets) == 1 else targets)
    return lines


def _assigned(name: str, parts: Any) -> list[str]:
    """One array, or a list or dict of several, at most one level deep."""
    if isinstance(parts, str):
        return [f"{name} = {parts}"]
    if isinstance(parts, dict):
        return call(f"{name} = {{", [f'"{key}": {_nested(part)}' for key, part in parts.items()], "}")
    if len(parts) > 1 and len(set(map(str, parts))) == 1:
        return [f"{name} = [{_nested(parts[0])} for _ in range({len(parts)})]"]
    return call(f"{name} = [", [_nested(part) for part in parts], "]")


def _nested(part: Any) -> str:
    if isinstance(part, dict):
        return "{" + ", ".join(f'"{key}": {_nested(inner)}' for key, inner in part.items()) + "}"
    return part if isinstance(part, str) else "[" + ", ".join(map(_nested, part)) + "]"


def _input(leaf: ModelInput, values: InputValues) -> str:
    shape, dtype = _tuple(leaf.shape), "float32" if leaf.dtype == "bfloat16" else leaf.dtype
    match values.kind:
        case "ids" | "integers":
            drawn = _ids(leaf, values)
            return (
                f'({drawn} * {_real(leaf.shape)}).astype("{dtype}")' if values.padded else f'{drawn}.astype("{dtype}")'
            )
        case "mask":
            return f'{_real(leaf.shape)}.astype("{dtype}")'
        case "uniform":
            return f'rng.uniform({values.low:g}, {values.high:g}, {shape}).astype("{dtype}")'
        case "normal" if np.ndim(values.mean) == 0 and (values.mean, values.deviation) == (0.0, 1.0):
            return _normal(leaf.shape) if dtype == "float32" else f'{_normal(leaf.shape)}.astype("{dtype}")'
        case "normal" if np.size(values.mean) <= LONGEST_ARRAY:
            mean, deviation = (
                np.round(np.asarray(part, float), 6).tolist() for part in (values.mean, values.deviation)
            )
            return f'({mean} + np.array({deviation}) * {_normal(leaf.shape)}).astype("{dtype}")'
        case "one_hot":
            *rows, classes = leaf.shape
            return f'np.eye({classes}, dtype="{dtype}")[rng.integers(0, {classes}, {_tuple(rows)})]'
        case "parts":
            return _in_parts(leaf, values)
        case _:
            raise InexpressibleError(f"input {leaf.path!r} is drawn from the {values.why}")


def _in_parts(leaf: ModelInput, values: InputValues) -> str:
    """Runs of columns side by side."""
    split = split_axis(leaf.shape[1:], values.parts)
    if split is None:
        raise InexpressibleError(f"input {leaf.path!r} is drawn in parts that do not lie side by side")
    axis, indices = split
    found = sorted(
        ((*run, part) for part, own in zip(values.parts, indices, strict=True) for run in runs(own)),
        key=lambda run: run[0],
    )
    if len(found) > LONGEST_ARRAY:
        raise InexpressibleError(f"input {leaf.path!r} is drawn in {len(found)} parts")
    drawn = [_run(leaf, axis + 1, last + 1 - first, part) for first, last, part in found]
    return f"np.concatenate([{', '.join(drawn)}], axis={axis + 1})"


def _run(leaf: ModelInput, axis: int, length: int, part: InputPart) -> str:
    """Neighbouring columns that are drawn alike."""
    shape = (*leaf.shape[:axis], length, *leaf.shape[axis + 1 :])
    if np.prod(shape[1:]) < len(part.places):
        if np.ndim(part.values.mean):
            raise InexpressibleError(f"input {leaf.path!r} is drawn in parts of {part.values.why}")
        return _input(replace(leaf, shape=shape), part.values)
    drawn = _input(replace(leaf, shape=(leaf.shape[0], *part.shape)), part.values)
    return drawn if (leaf.shape[0], *part.shape) == shape else f"{drawn}.reshape{_tuple(shape)}"


def _ids(leaf: ModelInput, values: InputValues) -> str:
    low, size, shape = int(values.low), int(values.high) - int(values.low) + 1, _tuple(leaf.shape)
    if values.kind == "integers" or size < LEAST_VOCABULARY:
        return f"rng.integers({low}, {low + size}, {shape})"
    drawn = f"rng.choice({size}, {shape}, p=frequencies({size}))"
    return f"({low} + {drawn})" if low else drawn


def _real(shape: Sequence[int]) -> str:
    """The places of each row up to a length, which the rest only fills up."""
    if len(shape) < 2:
        return f"np.ones({_tuple(shape)}, bool)"
    lengths = f"rng.integers({shortest_length(shape[-1])}, {shape[-1] + 1}, {_tuple([*shape[:-1], 1])})"
    return f"(np.arange({shape[-1]}) < {lengths})"


# Part of a loss's name → its targets for an output of this shape. The first that fits counts.
_TARGETS: tuple[tuple[str, Callable[[Sequence[int]], str]], ...] = (
    ("sparse", lambda s: f'rng.integers(0, {s[-1]}, {_tuple(s[:-1])}).astype("int32")'),
    ("categorical", lambda s: f'np.eye({s[-1]}, dtype="float32")[rng.integers(0, {s[-1]}, {_tuple(s[:-1])})]'),
    ("hinge", lambda s: f'(2 * rng.integers(0, 2, {_tuple(s)}) - 1).astype("float32")'),
    ("ctc", lambda s: f'rng.integers(1, {max(2, s[-1])}, ({s[0]}, {max(1, (s[1] - 1) // 3)})).astype("int32")'),
    ("circle", lambda s: f'rng.integers(0, {max(2, s[0] // 4)}, {s[0]}).astype("int32")'),
    ("poisson", lambda s: f'rng.poisson(1.0, {_tuple(s)}).astype("float32")'),
    ("divergence", lambda s: f'rng.dirichlet(np.ones({s[-1]}), {_tuple(s[:-1])}).astype("float32")'),
    ("percentage", lambda s: f'rng.uniform(0.5, 1.5, {_tuple(s)}).astype("float32")'),
    ("logarithmic", lambda s: f'rng.uniform(0.5, 1.5, {_tuple(s)}).astype("float32")'),
    *((name, lambda s: f'rng.integers(0, 2, {_tuple(s)}).astype("float32")') for name in ("binary", "dice", "tversky")),
)


def _target(shape: Sequence[int], loss: str) -> str:
    name = loss.lower() if loss != NO_LOSS else ""
    return next((write(shape) for part, write in _TARGETS if part in name), _normal(shape))


def _normal(shape: Sequence[int]) -> str:
    return f'rng.standard_normal({_tuple(shape)}, dtype="float32")'


def _tuple(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
