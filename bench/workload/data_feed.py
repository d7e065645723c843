"""What Keras's loops draw their batches from: numpy arrays, or a `tf.data.Dataset` as its guide has it."""

from __future__ import annotations

from typing import Any

import numpy as np

from anatomy.bench.records.case import Feed


def repeated(data: Any, steps: int, feed: Feed, batch_size: int) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Positional and keyword arguments of `fit` or `predict` for one epoch of `steps` copies of a batch.

    A dataset slices examples, batches and prefetches them, as in https://www.tensorflow.org/guide/data_performance:
    batching is the loop's work there, as slicing is with numpy.

    Args:
        data: `(x, y)` or `(x,)`, trees of arrays with `batch_size` examples each.
    """
    import keras

    if feed == "numpy":
        arrays = keras.tree.map_structure(lambda array: np.concatenate([array] * steps), data)
        return tuple(arrays), {"batch_size": batch_size}
    dataset = _tensorflow().data.Dataset.from_tensor_slices(tuple(_tupled(part) for part in data))
    dataset = dataset.repeat(steps).batch(batch_size, drop_remainder=True)
    return (dataset.prefetch(_tensorflow().data.AUTOTUNE),), {}


def _tensorflow() -> Any:
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        # It only reads data here, and would take the GPU's memory from the backend that computes.
        tf.config.set_visible_devices([], "GPU")
    return tf


def _tupled(part: Any) -> Any:
    """`from_tensor_slices` stacks a list into one tensor; a tuple stays several."""
    return tuple(part) if isinstance(part, list) else part
