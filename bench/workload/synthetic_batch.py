"""Synthetic inputs and targets for any Keras model: values as the model expects them, reproducible, learnable."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anatomy.bench.backends.step import Batch
from anatomy.bench.records.record_parts import DrawnInput
from anatomy.bench.workload.given_range import given_values
from anatomy.bench.workload.input_parts import UsedPart, described, joined_parts
from anatomy.bench.workload.input_values import InputValues, narrowest
from anatomy.bench.workload.learnable_data import NO_LOSS, carry, draw_targets
from anatomy.bench.workload.model_inputs import OWN_DATA, ModelInput, input_leaves, model_inputs
from anatomy.bench.workload.zipf import draw_ids

Array = np.ndarray[Any, Any]

SEED = 20_170_901
# Of the places of a mask, the share that is on: real sequences are padded little.
MASK_SHARE = 0.9
# Standard deviations that the whole range of a uniform input spans.
SPAN = 6.0
BYTE = 255
# Strings where the model takes any.
WORDS = tuple(f"word{number}" for number in range(1000))


@dataclass(frozen=True)
class InputPlan:
    """How the inputs of a model are drawn: the same for every batch of the model.

    Attributes:
        structure: a `ModelInput` in each place of the structure that the model takes.
        values: the values of each, in Keras's order of the leaves.
    """

    structure: Any
    values: tuple[InputValues, ...]

    def drawn(self) -> list[DrawnInput]:
        """What a record says of them."""
        return [
            DrawnInput(path=leaf.path, shape=leaf.shape, dtype=leaf.dtype, range=values.range(), why=values.why)
            for leaf, values in zip(input_leaves(self.structure), self.values, strict=True)
        ]


def plan_inputs(model: Any, batch_size: int, given: Mapping[str, str]) -> InputPlan:
    """Find the inputs of `model`, and which values each of them takes.

    Args:
        given: path → what the user says of an input; see `InputSpec`.

    Raises:
        ValueError: what is given does not fit the model.
        NotImplementedError: an input is unknown or open, or takes strings that this backend has not.
    """
    import keras

    from anatomy.bench.workload.input_uses import find_uses

    structure = model_inputs(model, batch_size, given)
    leaves = input_leaves(structure)
    symbols = [keras.KerasTensor((1, *leaf.shape[1:]), dtype=leaf.dtype) for leaf in leaves]
    paths = {id(symbol): leaf.path for symbol, leaf in zip(symbols, leaves, strict=True)}
    uses = find_uses(model, keras.tree.pack_sequence_as(structure, symbols), paths)
    smallest = min(_table_sizes(model), default=None)
    values = tuple(_values_of(leaf, uses.parts[leaf.path], smallest) for leaf in leaves)
    for leaf, found in zip(leaves, values, strict=True):
        if leaf.dtype == "string" and keras.backend.backend() != "tensorflow":
            raise NotImplementedError(
                f"input {leaf.path or leaf.dtype!r} of model {model.name!r} takes strings, which Keras on"
                f" {keras.backend.backend()} has not: measure it on tensorflow, or move the look-up into the data"
            )
        if leaf.dtype == "string" and not all(part.choices for part in _drawn(found)):
            raise NotImplementedError(
                f"input {leaf.path or leaf.dtype!r} of model {model.name!r} takes strings, and the model does not say"
                f" which: adapt its vocabulary before it is returned, {OWN_DATA}"
            )
    return InputPlan(structure, values)


def draw_batch(
    plan: InputPlan, outputs: Sequence[tuple[int, ...]], losses: Sequence[str] | None, seed: int = SEED
) -> Batch:
    """Draw inputs as planned and, unless `losses` is null, targets fit for them, one per output.

    The data can be learned: the inputs carry a pattern of the targets (`learnable_data`).

    Args:
        outputs: shapes of the model's outputs, with the batch axis.
    """
    import keras

    rng = np.random.default_rng(seed)
    # Only from a target that a loss looks at can anything be learned.
    targets = None if losses is None else draw_targets(rng, outputs, losses)
    told = None
    if targets:
        told = next((t for t, loss in zip(targets, losses or (), strict=True) if loss != NO_LOSS), targets[0])
    drawn = [
        draw_input(rng, leaf, values, told)
        for leaf, values in zip(input_leaves(plan.structure), plan.values, strict=True)
    ]
    x = keras.tree.pack_sequence_as(plan.structure, drawn)
    if targets is None:
        return Batch(x)
    return Batch(x, targets[0] if len(targets) == 1 else targets)


def draw_input(rng: np.random.Generator, leaf: ModelInput, values: InputValues, told: Array | None) -> Array:
    """Values of one input; they carry a pattern of the targets `told`, unless it is null."""
    match values.kind:
        case "mask":
            return _mask(rng, leaf.shape).astype(_numpy_dtype(leaf.dtype))
        case "ids" | "integers":
            low, size = int(values.low), int(values.high) - int(values.low) + 1
            ids = draw_ids(rng, size, leaf.shape) if values.kind == "ids" else rng.integers(0, size, leaf.shape)
            ids = low + (ids if told is None else carry(rng, ids, told, size))
            ids = np.where(_mask(rng, leaf.shape), ids, 0) if values.padded else ids
            return ids.astype(_numpy_dtype(leaf.dtype))
        case "strings" | "members":
            return _chosen(rng, leaf, values, told)
        case "one_hot":
            classes = leaf.shape[-1]
            return np.eye(classes, dtype=_numpy_dtype(leaf.dtype))[rng.integers(0, classes, leaf.shape[:-1])]
        case "parts":
            return _in_parts(rng, leaf, values, told)
        case _:
            z = rng.standard_normal(leaf.shape, dtype=np.float32)
            z = z if told is None or not z.ndim > 1 else carry(rng, z, told, 2)
            return _scaled(z, values, leaf.dtype)


def _in_parts(rng: np.random.Generator, leaf: ModelInput, values: InputValues, told: Array | None) -> Array:
    """Values of each part, in their places."""
    batch = leaf.shape[0]
    drawn = [
        draw_input(rng, replace(leaf, shape=(batch, *part.shape)), part.values, told).reshape(batch, -1)
        for part in values.parts
    ]
    flat = np.empty((batch, math.prod(leaf.shape[1:])), drawn[0].dtype)
    for part, found in zip(values.parts, drawn, strict=True):
        flat[:, part.places] = found
    return flat.reshape(leaf.shape)


def _drawn(values: InputValues) -> list[InputValues]:
    """The values of each part; of an input that has none, its own."""
    return [part.values for part in values.parts] or [values]


def _values_of(leaf: ModelInput, parts: Sequence[UsedPart], smallest: int | None) -> InputValues:
    """The user's range, else what the model's uses ask for, part by part, else what the dtype suggests."""
    if (given := given_values(leaf, parts)) is not None:
        return given
    shape = leaf.shape[1:]
    found = joined_parts([(part, _values_of_part(leaf, part, smallest)) for part in parts], shape)
    if len(found) == 1:
        return found[0].values
    return InputValues("parts", described(shape, found), parts=tuple(found))


def _values_of_part(leaf: ModelInput, part: UsedPart, smallest: int | None) -> InputValues:
    if not part.uses:
        return _values_by_dtype(leaf, smallest)
    found = narrowest(part.uses)
    if found.kind == "one_hot" and (part.shape or (0,))[-1] != found.high + 1:
        found = replace(found, kind="integers", high=1)
    # A ragged input is padded to its length, as `RaggedTensor.to_tensor` does.
    if getattr(leaf.tensor, "ragged", False) and leaf.is_integral:
        found = replace(found, padded=True, why=f"{found.why}, ragged: padded to its length")
    # What takes any integer takes any word: a hash.
    return replace(found, kind="strings", choices=WORDS) if leaf.dtype == "string" and not found.choices else found


def _values_by_dtype(leaf: ModelInput, smallest: int | None) -> InputValues:
    if leaf.dtype == "bool" or "mask" in leaf.path.lower():
        return InputValues("mask", "a mask, mostly true")
    if leaf.dtype == "uint8":
        return InputValues("integers", "bytes", high=BYTE)
    if leaf.is_integral and smallest:
        return InputValues(
            "ids",
            "the model's smallest vocabulary, since it is not seen which table this input reaches",
            high=smallest - 1,
        )
    if leaf.is_integral:
        return InputValues("integers", "nothing in the model says more: give a range, --input PATH=0..N")
    return InputValues("normal", "standard normal")


def _scaled(z: Array, values: InputValues, dtype: str) -> Array:
    """Standard normal values at the scale of an input."""
    if values.kind == "normal":
        scaled = values.mean + values.deviation * z
    else:
        scaled = values.low + (values.high - values.low) * np.clip(0.5 + z / SPAN, 0, 1)
    if dtype.startswith(("int", "uint")):
        scaled = np.rint(scaled)
    return np.asarray(scaled).astype(_numpy_dtype(dtype))


def shortest_length(size: int) -> int:
    """Of lengths up to `size` that are nine tenths of it on average."""
    return max(1, round((2 * MASK_SHARE - 1) * size))


def _mask(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Ones up to a length, drawn per row, that is nine tenths of the last axis on average; then zeros."""
    if len(shape) < 2:
        return np.ones(shape, bool)
    size = shape[-1]
    lengths = rng.integers(shortest_length(size), size + 1, (*shape[:-1], 1))
    real: Array = np.asarray(np.arange(size) < lengths)
    return real


def _chosen(rng: np.random.Generator, leaf: ModelInput, values: InputValues, told: Array | None) -> Array:
    """Members of a vocabulary; several words in each text where a layer splits it."""
    shape = (*leaf.shape, values.words) if values.words > 1 else leaf.shape
    places = draw_ids(rng, len(values.choices), shape)
    if told is not None:
        places = carry(rng, places, told, len(values.choices))
    found: Array = np.asarray(values.choices, dtype=object)[places]
    if values.words > 1:
        found = np.apply_along_axis(lambda words: " ".join(map(str, words)), -1, found).astype(object)
    return found if values.kind == "strings" else found.astype(_numpy_dtype(leaf.dtype))


def _numpy_dtype(dtype: str) -> Any:
    """numpy has no bfloat16: Keras casts float32 inputs to the compute dtype itself."""
    return np.float32 if dtype == "bfloat16" else np.dtype(dtype)


def _table_sizes(model: Any) -> Iterator[int]:
    import keras

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Embedding):
            yield layer.input_dim
    # A network of the user's own has tables that Keras does not know.
    yield from getattr(model, "table_sizes", list)()
