"""Counts a Keras model: parameters, MACs, units, layers with kernels, depth, activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from anatomy.bench.counting.call_arguments import inference
from anatomy.bench.counting.interpreter import Interpreter
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.model_counts import ModelCounts
from anatomy.bench.counting.open_lengths import count_open
from anatomy.bench.counting.parameters import element_count, packed_elements
from anatomy.bench.counting.shapes import without_batch
from anatomy.bench.counting.tensor_origin import Origin

InputShape = Sequence[int] | Sequence[Sequence[int]] | Mapping[str, Sequence[int]]


def count_model(model: keras.Model, input_shape: InputShape | None = None) -> ModelCounts:
    """Count a model from shapes alone; nothing is computed and the model is not changed.

    Args:
        model: any Keras 3 model. A subclassed model that was never called needs `input_shape`.
        input_shape: of one example, without the batch axis; fills in lengths that the model leaves
            open. For several inputs, a list of shapes in the order of `model.inputs`, or a
            dictionary by input name.

    Returns:
        Figures of one example, forward, in inference. MACs are those of conv, dense and recurrent
        kernels and of the products of attention. Layers that could not be counted are in `uncounted`.

    Raises:
        ValueError: `input_shape` is missing or does not fit the model, or a layer of the model cannot
            be run on shapes.
    """
    inputs = symbolic_inputs(model, input_shape)
    if any(None in tensor.shape for tensor in symbolic_tensors(inputs)):
        counts = count_open(lambda length: _count(model, _filled(inputs, length)))
        return replace(counts, input_shape=without_batch(inputs))
    return _count(model, inputs)


def _count(model: keras.Model, inputs: Any) -> ModelCounts:
    interpreter = Interpreter(symbolic_tensors(inputs)[0].shape[0])
    interpreter.set_origin(inputs, Origin(from_input=True))
    with interpreter.active():
        outputs = model(inputs, **inference(model))
    return ModelCounts(
        parameters=element_count(model.weights, packed_elements(model)),
        trainable_parameters=element_count(model.trainable_weights),
        depth=interpreter.find_origin(outputs).depth,
        input_shape=without_batch(inputs),
        output_shape=without_batch(outputs),
        layers=tuple(interpreter.counts.rows),
    )


def _filled(inputs: Any, length: int | None) -> Any:
    """The symbolic inputs with a length for all that are open."""
    return keras.tree.map_structure(
        lambda tensor: keras.KerasTensor([axis or length for axis in tensor.shape], dtype=tensor.dtype), inputs
    )


def symbolic_inputs(model: keras.Model, input_shape: InputShape | None, batch_size: int = 1) -> Any:
    """Symbolic tensors in the structure that the model takes, of `batch_size` examples unless the model fixes it.

    Raises:
        ValueError: `input_shape` is missing or does not fit the model.
    """
    declared = getattr(model, "inputs", None)
    if not declared:
        return _undeclared_inputs(model, input_shape, batch_size)
    shapes = _shapes_by_position(declared, input_shape)
    tensors = {
        id(tensor): keras.KerasTensor((tensor.shape[0] or batch_size, *shape), dtype=tensor.dtype)
        for tensor, shape in zip(declared, shapes, strict=True)
    }
    structure = model.input if isinstance(model, keras.Function) else list(declared)
    if isinstance(structure, (list, tuple)) and len(structure) == 1:
        structure = structure[0]
    return keras.tree.map_structure(lambda tensor: tensors[id(tensor)], structure)


def _shapes_by_position(declared: list[Any], given: InputShape | None) -> list[tuple[int | None, ...]]:
    """The shape of each declared input, completed by the given one."""
    own = [tuple(tensor.shape[1:]) for tensor in declared]
    if given is None:
        return own
    if isinstance(given, Mapping):
        names = [tensor.name for tensor in declared]
        unknown = sorted(set(given) - set(names))
        if unknown:
            raise ValueError(f"input_shape names {unknown}, but the model's inputs are {names}")
        wanted = [tuple(given.get(name, shape)) for name, shape in zip(names, own, strict=True)]
    else:
        wanted = [tuple(shape) for shape in _shape_list(given)]
    if len(wanted) != len(own):
        raise ValueError(f"the model has {len(own)} inputs, but input_shape gives {len(wanted)} shapes")
    for tensor, shape, declared_shape in zip(declared, wanted, own, strict=True):
        if not _fits(shape, declared_shape):
            raise ValueError(
                f"input_shape {_text(shape)} does not fit input {tensor.name!r}, which takes "
                f"{_text(declared_shape)}: give the open lengths (?) and keep the others"
            )
    return wanted


def _undeclared_inputs(model: keras.Model, given: InputShape | None, batch_size: int) -> Any:
    """Inputs of a subclassed model: as given, else as it was built."""
    if given is None:
        built = model.get_build_config() if model.built else None
        shape = (built or {}).get("input_shape")
        if shape is None:
            raise ValueError(
                f"model {model.name!r} does not declare its inputs: give input_shape (--input-shape), without the batch"
                " axis"
            )
        given = _drop_batch(shape)
    if isinstance(given, Mapping):
        return {name: keras.KerasTensor((batch_size, *shape)) for name, shape in given.items()}
    tensors = [keras.KerasTensor((batch_size, *shape)) for shape in _shape_list(given)]
    return tensors[0] if len(tensors) == 1 else tensors


def _shape_list(given: Any) -> list[Any]:
    """A flat sequence of lengths is one shape."""
    return [given] if all(isinstance(length, (int, type(None))) for length in given) else list(given)


def _drop_batch(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {name: tuple(lengths)[1:] for name, lengths in shape.items()}
    if all(isinstance(length, (int, type(None))) for length in shape):
        return tuple(shape)[1:]
    return [tuple(lengths)[1:] for lengths in shape]


def _fits(shape: tuple[int | None, ...], declared: tuple[int | None, ...]) -> bool:
    return len(shape) == len(declared) and all(
        own is None or own == length for length, own in zip(shape, declared, strict=True)
    )


def _text(shape: tuple[int | None, ...]) -> str:
    return "×".join("?" if length is None else str(length) for length in shape) or "scalar"
