"""What Keras's loops read their batches from: arrays, `tf.data`, `PyDataset`, torch's `DataLoader`, or Grain.

Each is made as its own guide has it. `workers` prepare examples while the model computes; without them the loop
prepares each batch itself.

- tf.data: `map(num_parallel_calls=workers)` and `prefetch`, https://www.tensorflow.org/guide/data_performance
- PyDataset: threads. Keras prepares in the loop up to one worker, https://keras.io/api/utils/python_utils/
- DataLoader: processes that stay, https://docs.pytorch.org/docs/stable/data.html
- Grain: threads that read, https://google-grain.readthedocs.io
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from anatomy.bench.input_pipeline.examples import ArrayExamples, Examples, stacked
from anatomy.bench.records.case import Feed

# Batches that a worker of `PyDataset` may have ready.
QUEUED = 2

# Positional and keyword arguments of `fit` or `predict`.
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


@dataclass(frozen=True)
class Fed:
    """How a loop gets its batches.

    Attributes:
        feed: what hands them out.
        workers: threads or processes that prepare examples.
        examples: those of a source; `None` for copies of one batch in memory.
    """

    feed: Feed = "numpy"
    workers: int = 0
    examples: Examples | None = None

    def ready(self) -> Fed:
        """The same examples, prepared beforehand and kept in memory."""
        return Fed(examples=self.examples)

    def epoch(self, data: tuple[Any, ...], steps: int, batch_size: int) -> Arguments:
        """Arguments of `fit` or `predict` for an epoch of `steps` batches.

        Args:
            data: `(x, y)` or `(x,)` of one batch, trees of arrays.

        Raises:
            NotImplementedError: the feed's package is not installed.
        """
        if self.feed == "numpy":
            return self._arrays(data, steps, batch_size), {"batch_size": batch_size}
        if self.feed == "tf.data":
            return (self._dataset(data, steps, batch_size),), {}
        examples = self.examples or ArrayExamples(data, batch_size)
        made = {"pydataset": _pydataset, "dataloader": _data_loader, "grain": _grain}[self.feed]
        return (made(examples, steps, batch_size, self.workers),), {}

    def _arrays(self, data: tuple[Any, ...], steps: int, batch_size: int) -> tuple[Any, ...]:
        import keras

        if self.examples is None:
            return tuple(keras.tree.map_structure(lambda array: np.concatenate([array] * steps), data))
        return stacked([self.examples[number] for number in range(steps * batch_size)])

    def _dataset(self, data: tuple[Any, ...], steps: int, batch_size: int) -> Any:
        tf = _tensorflow()
        if self.examples is None:
            dataset = tf.data.Dataset.from_tensor_slices(tuple(_tupled(part) for part in data)).repeat(steps)
            dataset = dataset.batch(batch_size, drop_remainder=True)
            # The batch is ready: prefetching alone hides what slicing takes.
            return dataset.prefetch(tf.data.AUTOTUNE)
        load = _native(self.examples) or _called(self.examples)
        dataset = tf.data.Dataset.range(steps * batch_size).map(load, num_parallel_calls=self.workers or None)
        dataset = dataset.batch(batch_size, drop_remainder=True)
        return dataset.prefetch(tf.data.AUTOTUNE) if self.workers else dataset


def batches_alone(given: Any, steps: int) -> Iterator[Any]:
    """The batches of a feed, or of a dataset of the user's, without a model."""
    import keras

    if not isinstance(given, keras.utils.PyDataset):
        yield from islice(iter(given), steps)
        return
    # As Keras does: in the loop, or by a pool of threads.
    if given.workers <= 1:
        yield from (given[number] for number in range(steps))
        return
    with ThreadPoolExecutor(given.workers) as pool:
        yield from pool.map(given.__getitem__, range(steps))


def _pydataset(examples: Any, steps: int, batch_size: int, workers: int) -> Any:
    import keras

    class Batches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras has no types
        def __len__(self) -> int:
            return steps

        def __getitem__(self, number: int) -> tuple[Any, ...]:
            return stacked([examples[number * batch_size + place] for place in range(batch_size)])

    return Batches(workers=max(1, workers), max_queue_size=QUEUED * max(1, workers))


def _data_loader(examples: Any, steps: int, batch_size: int, workers: int) -> Any:
    try:
        from torch.utils.data import DataLoader
    except ImportError as error:
        raise NotImplementedError("the feed dataloader is PyTorch's; pip install 'keras-anatomy[torch]'") from error
    # A process that was forked from one with threads of a backend may never come to work.
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["torch.utils.data", Examples.__module__])
    several = {"num_workers": workers, "persistent_workers": True, "multiprocessing_context": processes}
    return DataLoader(
        _Sized(examples, steps * batch_size),
        batch_size=batch_size,
        collate_fn=_tensors,
        drop_last=True,
        **(several if workers else {}),
    )


def _grain(examples: Any, steps: int, batch_size: int, workers: int) -> Any:
    try:
        import grain
    except ImportError as error:
        raise NotImplementedError("the feed grain needs grain; pip install 'keras-anatomy[input]'") from error
    batches = grain.MapDataset.source(_Sized(examples, steps * batch_size)).batch(
        batch_size, drop_remainder=True, batch_fn=stacked
    )
    return batches.to_iter_dataset(grain.ReadOptions(num_threads=workers, prefetch_buffer_size=QUEUED * workers))


class _Sized:
    """So many of the examples."""

    def __init__(self, examples: Any, count: int) -> None:
        self._examples, self._count = examples, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> tuple[Any, ...]:
        found: tuple[Any, ...] = self._examples[int(number)]
        return found


def _tensors(examples: list[tuple[Any, ...]]) -> Any:
    import optree
    import torch

    return optree.tree_map(torch.from_numpy, stacked(examples))


def _native(examples: Examples) -> Any:
    """A function of an example's number in TensorFlow's own operations; `None` where the source has none."""
    if examples.source.tensorflow is None or examples.brings_targets:
        return None
    import keras

    tf = _tensorflow()
    load = examples.source.tensorflow()
    items = tf.constant(list(examples.source.items))
    targets = None if examples.targets is None else keras.tree.map_structure(tf.constant, _tupled(examples.targets))

    def example(number: Any) -> tuple[Any, ...]:
        x = load(items[number % len(examples.source.items)])
        x = tf.ensure_shape(x, examples.form.shape)
        if targets is None:
            return (x,)
        return x, keras.tree.map_structure(lambda tensor: tensor[number % examples.batch_size], targets)

    return example


def _called(examples: Examples) -> Any:
    """A function of an example's number that calls Python, which one thread at a time does."""
    import keras

    tf = _tensorflow()
    first = tuple(_tupled(part) for part in examples[0])
    leaves = [np.asarray(leaf) for leaf in keras.tree.flatten(first)]

    def flat(number: Any) -> list[Any]:
        return [np.asarray(leaf) for leaf in keras.tree.flatten(examples[int(number)])]

    def example(number: Any) -> Any:
        found = tf.numpy_function(flat, [number], [leaf.dtype for leaf in leaves])
        shaped = [tf.ensure_shape(tensor, leaf.shape) for tensor, leaf in zip(found, leaves, strict=True)]
        return keras.tree.pack_sequence_as(first, shaped)

    return example


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
