"""Counts a Keras model: parameters, MACs, units, layers with kernels, depth, activations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import keras

from anatomy.bench.counting.call_arguments import inference
from anatomy.bench.counting.interpreter import Interpreter
from anatomy.bench.counting.layer_counts import symbolic_tensors
from anatomy.bench.counting.length_formula import macs_formula
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
            dictionary by input name; of a model that declares none, the structure that it takes, or a
            dictionary by place in it (`text/ids`).

    Returns:
        Figures of one example, forward, in inference. MACs are those of conv, dense and recurrent
        kernels and of the products of attention. Layers that could not be counted are in `uncounted`.

    Raises:
        ValueError: `input_shape` is missing or does not fit the model, a layer of the model cannot
            be run on shapes, or the model has no `call`.
    """
    _require_call(model)
    inputs = symbolic_inputs(model, input_shape)
    if any(None in tensor.shape for tensor in symbolic_tensors(inputs)):
        counts = count_open(lambda length: _count(model, _filled(inputs, length)))
        return replace(counts, input_shape=without_batch(inputs))
    return _count(model, inputs)


def needs_shape(model: keras.Model) -> bool:
    """Whether a model declares no inputs, or leaves a length of them open."""
    declared = getattr(model, "inputs", None)
    return not declared or any(None in tensor.shape[1:] for tensor in declared)


def formula_of_open_length(model: keras.Model, input_shape: InputShape | None = None) -> str:
    """The MACs of a model where every open length is n, as in `384·n + 16`; empty where there is no such formula."""
    inputs = symbolic_inputs(model, input_shape)
    return macs_formula(lambda length: _count(model, _filled(inputs, length)))


def by_input_name(model: keras.Model, given: InputShape) -> InputShape:
    """Shapes by place in the structure that a model takes (`text/ids`), or by name, as shapes by the inputs' names."""
    declared = getattr(model, "inputs", None)
    if not declared or not isinstance(given, Mapping):
        return given
    names = {tensor.name: tensor.name for tensor in declared}
    if isinstance(model, keras.Function):
        paths = keras.tree.flatten_with_path(model.input)
        names |= {"/".join(map(str, path)): tensor.name for path, tensor in paths if path}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise ValueError(f"input_shape names {unknown}, but the model's inputs are {_known(names)}")
    return {names[path]: shape for path, shape in given.items()}


def _known(names: Mapping[str, str]) -> list[str]:
    """One way to name each input: its place, where it has one."""
    return list({name: path for path, name in names.items()}.values())


def _require_call(model: keras.Model) -> None:
    """Refuse a model that only trains, such as a pair of adversarial networks."""
    containers = (keras.Function, keras.Sequential)
    if not isinstance(model, containers) and type(model).call in (keras.Layer.call, keras.Model.call):
        raise ValueError(
            f"model {model.name!r} has no call(), so there is no forward pass to count: name a network of it"
        )


def _count(model: keras.Model, inputs: Any) -> ModelCounts:
    interpreter = Interpreter(symbolic_tensors(inputs)[0].shape[0])
    interpreter.set_origin(inputs, Origin(from_input=True))
    interpreter.kept.hold_batch(symbolic_tensors(inputs))
    with interpreter.active():
        outputs = model(inputs, **inference(model))
    interpreter.settle_training(outputs)
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
        shape = _built_shape(model)
        if shape is None:
            raise ValueError(
                f"model {model.name!r} does not declare its inputs: give input_shape (--input-shape), without the batch"
                " axis"
            )
        given = _drop_batch(shape)
    if not isinstance(given, Mapping):
        tensors = [_tensors(shape, batch_size) for shape in _shape_list(given)]
        return tensors[0] if len(tensors) == 1 else tensors
    if all(path.isdigit() for path in given):
        return [_tensors(given[path], batch_size) for path in sorted(given, key=int)]
    made: dict[str, Any] = {}
    for path, shape in given.items():
        *parents, name = path.split("/")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = _tensors(shape, batch_size)
    return made


def _tensors(shape: Any, batch_size: int) -> Any:
    """A symbolic tensor for each shape of a structure."""
    if isinstance(shape, Mapping):
        return {name: _tensors(inner, batch_size) for name, inner in shape.items()}
    if all(isinstance(length, int | None) for length in shape):
        return keras.KerasTensor((batch_size, *shape))
    return [_tensors(inner, batch_size) for inner in shape]


def _built_shape(model: keras.Model) -> Any:
    """The shape, or the shapes by argument of `call`, that a subclassed model was built for; `None` if it was not."""
    built = (model.get_build_config() if model.built else None) or {}
    if "input_shape" in built:
        return built["input_shape"]
    # `call(self, image, tokens)` is built from `image_shape` and `tokens_shape`.
    shapes = {str(name).removesuffix("_shape"): shape for name, shape in built.get("shapes_dict", {}).items()}
    return next(iter(shapes.values())) if len(shapes) == 1 else shapes or None


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
