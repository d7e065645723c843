"""TensorFlow's profiler on the frozen graph of the forward pass. Needs `KERAS_BACKEND=tensorflow`.

It adds up the figures that TensorFlow registers for an operation (`tensorflow/python/profiler/internal/
flops_registry.py`, `nn_ops.py`).
"""

from __future__ import annotations

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from anatomy.bench.cross_check.counter_row import Row
from anatomy.bench.cross_check.subject import Subject, build, forward_with_specs

_CONVENTIONS = (
    "counts nothing for loop bodies, functions and products without a registered figure (Einsum), counts positions "
    "that transposed and dilated convolutions throw away, and adds biases, pooling, softmax and the convolutions that "
    "cut patches"
)


def rows(subject: Subject) -> list[Row]:
    """One row."""
    forward, specs = forward_with_specs(*build(subject, weights=False), tf.TensorSpec)
    concrete = tf.function(forward, jit_compile=False).get_concrete_function(*specs)
    graph = convert_variables_to_constants_v2(concrete, lower_control_flow=False).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder
    quiet = options(options.float_operation()).with_empty_output().build()
    flops = int(tf.compat.v1.profiler.profile(graph, options=quiet).total_float_ops)
    return [Row("TensorFlow profiler", tf.__version__, flops, _CONVENTIONS)]
