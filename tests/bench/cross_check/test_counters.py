"""Every counter in a process of its own backend: the conventions that its sentence names, on models of one layer."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from anatomy.bench.cross_check import CrossCheck, Row, Subject, cross_check_all

DATA = Path(__file__).parents[2] / "data"
# FLOPs by Anatomy, by XLA of JAX's program, by TensorFlow's profiler and by torch.
ONE_LAYER = {
    "dense": (70, 70, 70, 70),
    # One addition per output.
    "biased": (70, 77, 77, 70),
    # Along each axis of length 6, padding leaves 3·6 − 2 of 18 pairs of a position and a kernel element.
    "padded": (2 * 36 * 9 * 32, 2 * 16 * 16 * 32, 2 * 36 * 9 * 32, 2 * 36 * 9 * 32),
    "dilated": (2 * 81 * 9 * 32, 2 * 23 * 23 * 32, 57_600, 2 * 81 * 9 * 32),
    "transposed": (2 * 16 * 9 * 6, 2 * 16 * 9 * 6, 2_187, 2 * 16 * 9 * 6),
    # Five steps of 216 FLOPs. XLA counts one of them, six additions, and the loop's counter twice; torch runs six.
    "looped": (5 * 216, 216 + 6 + 2, 0, 6 * 216),
    "grouped": (2 * 16 * 9 * 16, 2 * 16 * 9 * 16, 0, 2 * 16 * 9 * 16),
    "einsum": (840, 840, 0, 840),
}
ZOO = ["mlp-softmax", "lstm", "lstm:stateful=true,batch_size=4", "unet:depth=3,base_filters=4,input_shape=32x32x1"]
# What Keras 3.15 cannot run on torch without values.
NEED_VALUES = ("grouped_queries", "repeated")
OTHERS = [
    f"{DATA / 'cross_check_models.py'}:{name}"
    for name in ("subclassed", "attention", "maps_over_time", *NEED_VALUES, "only_on_jax")
]
SUBJECTS = [Subject(f"{DATA / 'one_layer_models.py'}:{name}") for name in ONE_LAYER] + [Subject(text) for text in ZOO]
SUBJECTS += [Subject(text, (12,) if text.endswith("subclassed") else None) for text in OTHERS]
COUNTERS = [
    ("jax", "XLA, program of JAX", 1),
    ("tensorflow", "TensorFlow profiler", 2),
    ("torch", "torch FlopCounterMode", 3),
]

pytestmark = pytest.mark.backends


@cache
def tables() -> dict[str, CrossCheck]:
    names = (subject.model.rpartition(".py:")[2] for subject in SUBJECTS)
    return dict(zip(names, cross_check_all(SUBJECTS), strict=True))


def row(name: str, counter: str) -> Row:
    found = next(row for row in tables()[name].rows if row.counter == counter)
    assert found.reason == ""
    return found


@pytest.mark.parametrize("name", ONE_LAYER)
@pytest.mark.parametrize(("backend", "counter", "place"), COUNTERS)
def test_one_layer(name: str, backend: str, counter: str, place: int) -> None:
    pytest.importorskip(backend)
    expected = ONE_LAYER[name]
    found = row(name, counter)
    assert (found.anatomy, found.flops) == (expected[0], expected[place])
    assert bool(found.note) == (expected[0] != expected[place])


@pytest.mark.parametrize("name", [*ZOO, "subclassed", "attention", *NEED_VALUES])
def test_torch_counts_whole_models_as_anatomy_does(name: str) -> None:
    pytest.importorskip("torch")
    assert row(name, "torch FlopCounterMode").ratio == 1


def test_a_model_that_one_counter_cannot_build_leaves_the_others_alone() -> None:
    pytest.importorskip("torch")
    rows = {row.counter: row for row in tables()["only_on_jax"].rows}
    torchs = rows["torch FlopCounterMode"]
    assert (torchs.flops, torchs.anatomy) == (None, 20)
    assert torchs.reason.startswith("RuntimeError: this model is (cross_check_models.py, line ")
    assert torchs.version
    assert rows["XLA, program of JAX"].flops == 20 + 2


def test_torch_runs_one_step_more_of_maps_over_time() -> None:
    pytest.importorskip("torch")
    assert row("maps_over_time", "torch FlopCounterMode").ratio == pytest.approx(6 / 5)


def test_xlas_optimiser_leaves_the_products_of_a_convolution_alone() -> None:
    pytest.importorskip("jax")
    assert row("padded", "XLA, compiled").flops == row("padded", "XLA, program of JAX").flops
    assert "490 exponentials" in row("lstm", "XLA, program of JAX").note


def test_weights_as_arguments_give_the_profilers_usual_figure() -> None:
    """The recipe found everywhere freezes the variables; here they are arguments, which need no values."""
    text = "unet:depth=3,base_filters=4,input_shape=32x32x1"
    program = f"""
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
from anatomy.models import build_any, parse_model
spec = parse_model({text!r})
model = build_any(spec.model, spec.options)
concrete = tf.function(lambda x: model(x, training=False)).get_concrete_function(tf.TensorSpec((1, 32, 32, 1)))
builder = tf.compat.v1.profiler.ProfileOptionBuilder
options = builder(builder.float_operation()).with_empty_output().build()
frozen = convert_variables_to_constants_v2(concrete).graph
print(tf.compat.v1.profiler.profile(frozen, options=options).total_float_ops)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert int(done.stdout.split()[-1]) == row(text, "TensorFlow profiler").flops
