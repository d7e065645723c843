"""Every counter on every kind of network, each in a process of its own backend."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from anatomy.bench.cross_check import CrossCheck, Row, Subject, cross_check_all

OWN = Path(__file__).parents[2] / "data" / "cross_check_models.py"
ZOO = [
    "mlp-softmax",
    "lstm",
    "lstm:stateful=true,batch_size=4",
    "rcnn:words=7",
    "text_cnn:vocabulary=50,length=200",
    "alexnet:input_shape=67x67x3,classes=10",
    "vgg:depth=11,input_shape=32x32x3,classes=10",
    "googlenet:classes=10",
    "resnet:depth=20",
    "unet:depth=3,base_filters=4,input_shape=32x32x1",
    "unet:depth=2,base_filters=4,padding=valid,upsampling=transpose,classes=2,input_shape=60x60x1",
]
OWN_MODELS = ["subclassed", "attention", "recurrent", "convolutions", "one_dimension", "volumes", "maps_over_time"]
SUBJECTS = [Subject(text) for text in ZOO]
SUBJECTS += [Subject(f"{OWN}:{name}", (12,) if name == "subclassed" else None) for name in OWN_MODELS]
MODELS = [subject.model for subject in SUBJECTS]
LOOPED = [text for text in MODELS if text.startswith(("lstm", "rcnn")) or text.endswith(("recurrent", "over_time"))]

pytestmark = pytest.mark.backends


@cache
def tables() -> dict[str, CrossCheck]:
    return dict(zip(MODELS, cross_check_all(SUBJECTS), strict=True))


def row(text: str, counter: str) -> Row:
    found = next(row for row in tables()[text].rows if row.counter == counter)
    assert found.reason == ""
    return found


def causes(text: str, counter: str) -> set[str]:
    return {term.cause for term in row(text, counter).terms}


@pytest.mark.parametrize("text", MODELS)
@pytest.mark.parametrize(
    ("backend", "counter"),
    [
        ("jax", "XLA, program of JAX"),
        ("jax", "XLA, compiled"),
        ("tensorflow", "TensorFlow profiler"),
        ("torch", "torch FlopCounterMode"),
    ],
)
def test_every_difference_is_explained(text: str, backend: str, counter: str) -> None:
    pytest.importorskip(backend)
    assert row(text, counter).unexplained == 0


@pytest.mark.parametrize("text", MODELS)
def test_anatomy_foresees_what_xla_counts_for_products(text: str) -> None:
    pytest.importorskip("jax")
    found = row(text, "XLA, program of JAX")
    assert found.products == found.expected_products == row(text, "Anatomy, as XLA counts").flops


@pytest.mark.parametrize("text", LOOPED)
def test_loops_are_seen_once_by_xla_and_not_at_all_by_tensorflow(text: str) -> None:
    assert "loops" in causes(text, "XLA, program of JAX")
    assert "loops" in causes(text, "TensorFlow profiler")


def test_torch_counts_as_anatomy_does_but_for_one_step_more() -> None:
    different = {text for text in MODELS if row(text, "torch FlopCounterMode").ratio != 1}
    assert different == {f"{OWN}:recurrent", f"{OWN}:maps_over_time"}
    assert causes(f"{OWN}:maps_over_time", "torch FlopCounterMode") == {"extra steps"}
    assert row(f"{OWN}:maps_over_time", "torch FlopCounterMode").ratio == pytest.approx(6 / 5)


def test_blind_spots_of_tensorflows_profiler() -> None:
    assert {"functions", "unknown shapes"} <= causes("alexnet:input_shape=67x67x3,classes=10", "TensorFlow profiler")
    assert "no statistics" in causes(f"{OWN}:attention", "TensorFlow profiler")
    expected = {"transposed convolutions", "dilated convolutions"}
    assert expected <= causes(f"{OWN}:convolutions", "TensorFlow profiler")


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
