"""Data that the user gives with a model: a batch, arrays of examples, or a dataset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.workload.model_inputs import shapes_to_count

FORMS = "(model, inputs), (model, inputs, targets), (model, inputs, targets, sample_weight) or (model, dataset)"


def read_own_data(data: Any, batch_size: int, *, datasets_own: bool = False) -> Batch:
    """The batch of one step, from what a builder returned beside its model.

    Args:
        data: inputs; a tuple of inputs, targets and sample weights; or a `tf.data.Dataset`, a `PyDataset` or torch's
            `DataLoader` that yields such.
        batch_size: examples of a step.
        datasets_own: whether a dataset's first batch is taken as it is, in place of `batch_size` examples.

    Returns:
        The first `batch_size` examples, and the dataset if it is one.

    Raises:
        UsageError: there are fewer examples, or the parts have different numbers of them.
    """
    if not is_dataset(data):
        return _batch(data, batch_size)
    taken: list[Any] = []
    examples = 0
    for element in _elements(data):
        # A DataLoader's batches are lists, which Keras reads as tuples.
        taken.append(_as_numpy(tuple(element) if isinstance(element, list) else element))
        examples += _examples(taken[-1])
        if datasets_own:
            batch_size = examples
        if examples >= batch_size:
            break
    if not taken:
        raise UsageError(f"the dataset {type(data).__name__} that came with the model has no batch")
    import keras

    joined = keras.tree.map_structure(lambda *parts: np.concatenate(parts), *taken)
    batch = _batch(joined, batch_size)
    return Batch(batch.x, batch.y, batch.sample_weight, data, _examples(taken[0]))


def shapes_of_data(model: Any, data: Any) -> Any:
    """The shapes of the inputs in what a builder returned beside its model, as `anatomy run` reads it."""
    return shapes_to_count(model, read_own_data(data, 1).x)


def is_dataset(data: Any) -> bool:
    """Whether Keras reads batches from this object: a `tf.data.Dataset`, a `PyDataset`, or torch's `DataLoader`."""
    import keras

    kinds = {(base.__module__.partition(".")[0], base.__name__) for base in type(data).__mro__}
    of_frameworks = {
        ("tensorflow", "DatasetV2"),
        ("torch", "DataLoader"),
        ("grain", "DataLoader"),
        ("grain", "IterDataset"),
    }
    return isinstance(data, keras.utils.PyDataset) or bool(kinds & of_frameworks)


def _elements(data: Any) -> Iterator[Any]:
    import keras

    if isinstance(data, keras.utils.PyDataset):
        # Its length may be unknown, as a generator's is.
        count = getattr(data, "num_batches", None)
        return (data[number] for number in (range(count) if count is not None else itertools.count()))
    return iter(data.as_numpy_iterator() if hasattr(data, "as_numpy_iterator") else data)


def _batch(data: Any, batch_size: int) -> Batch:
    import keras

    parts = data if isinstance(data, tuple) else (data,)
    if not 1 <= len(parts) <= 3:
        raise UsageError(f"{len(parts) + 1} things came from the builder; expected {FORMS}")
    arrays = [None if part is None else _as_numpy(part) for part in parts]
    sizes = {len(leaf) for part in arrays if part is not None for leaf in keras.tree.flatten(part)}
    if len(sizes) != 1:
        raise UsageError(f"the inputs, targets and weights that came with the model have {sorted(sizes)} examples")
    if batch_size > min(sizes):
        raise UsageError(
            f"{min(sizes)} examples came with the model, and a step takes {batch_size}: give more, or --batch-size"
            f" {min(sizes)}"
        )
    cut = [None if part is None else keras.tree.map_structure(lambda leaf: leaf[:batch_size], part) for part in arrays]
    x, y, weight = (*cut, None, None)[:3]
    return Batch(x, y, weight)


def _as_numpy(part: Any) -> Any:
    """Arrays on the host, of tensors of any backend."""
    import keras

    return keras.tree.map_structure(
        lambda leaf: np.asarray(leaf.detach().cpu() if hasattr(leaf, "detach") else leaf), part
    )


def _examples(element: Any) -> int:
    import keras

    return len(keras.tree.flatten(element)[0])
