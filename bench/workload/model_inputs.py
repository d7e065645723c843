"""The inputs of a model in the structure that it takes: path, shape and dtype of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.input_spec import InputSpec, parse_spec

# What every refusal ends with: the way that works where drawing fails.
OWN_DATA = "or return the data with the model, (model, inputs) or (model, inputs, targets)"


_NOTHING = InputSpec()


@dataclass(frozen=True)
class ModelInput:
    """One input of a model.

    Attributes:
        path: its place in the structure, such as `tokens`, `image/left` or `0`; empty for the only input of a model.
        shape: with the batch axis.
        dtype: name of a Keras dtype.
        spec: what the user gave of it.
        tensor: the model's own symbolic tensor; `None` where the model does not declare its inputs.
    """

    path: str
    shape: tuple[int, ...]
    dtype: str
    spec: InputSpec = _NOTHING
    tensor: Any = None

    @property
    def is_integral(self) -> bool:
        """Whether its values are integers."""
        return self.dtype.startswith(("int", "uint"))


def model_inputs(model: Any, batch_size: int, given: Mapping[str, str]) -> Any:
    """The structure that `model` takes, with a `ModelInput` in each place.

    Args:
        given: path → what the user says of that input; see `InputSpec`.

    Raises:
        UsageError: a path or a shape does not fit the model.
        NotImplementedError: a length is open or an input unknown, and not given; or the batch size is fixed to another.
    """
    import keras

    specs = {path: parse_spec(text) for path, text in given.items()}
    structure = declared_structure(model)
    if structure is None:
        return _undeclared(model, batch_size, specs)
    named = list(_named_leaves(structure))
    chosen = _by_path([path for path, _ in named], [tensor.name for _, tensor in named], specs, model.name)
    leaves = [_declared(path, tensor, batch_size, chosen.get(path, _NOTHING), model.name) for path, tensor in named]
    _require_closed(leaves, model.name)
    return keras.tree.pack_sequence_as(structure, leaves)


def declared_structure(model: Any) -> Any:
    """The symbolic inputs that a model declares, in its structure; `None` where it declares none.

    A list of one stands for its item, as Keras takes it.
    """
    import keras

    if not getattr(model, "inputs", None):
        return None
    structure = model.input if isinstance(model, keras.Function) else list(model.inputs)
    if isinstance(structure, list | tuple) and len(structure) == 1:
        return structure[0]
    return structure


def input_leaves(structure: Any) -> list[ModelInput]:
    """The inputs, flat and in Keras's order."""
    import keras

    leaves: list[ModelInput] = keras.tree.flatten(structure)
    return leaves


def shapes_to_count(model: Any, inputs: Any) -> Any:
    """The shape of each input without the batch axis, as the counter takes them.

    Args:
        inputs: arrays or `ModelInput`s, in the structure that the model takes.
    """
    import keras

    if not getattr(model, "inputs", None):
        return keras.tree.map_structure(lambda leaf: leaf.shape[1:], inputs)
    # By the names of the model's own tensors.
    declared = keras.tree.flatten(declared_structure(model))
    leaves = keras.tree.flatten(inputs)
    return {tensor.name: leaf.shape[1:] for tensor, leaf in zip(declared, leaves, strict=True)}


def _named_leaves(structure: Any) -> Iterator[tuple[str, Any]]:
    """Each leaf with its path; an item of a flat list goes by the name of its tensor, if the user gave it one."""
    import keras

    for path, leaf in keras.tree.flatten_with_path(structure):
        text = "/".join(map(str, path))
        own = isinstance(structure, list | tuple) and len(path) == 1 and not leaf.name.startswith(_KERAS_NAMES)
        yield (leaf.name if own else text), leaf


# Names that Keras gives to inputs itself.
_KERAS_NAMES = ("keras_tensor", "input_layer", "input_")


def _by_path(
    paths: Sequence[str], names: Sequence[str], specs: Mapping[str, InputSpec], model: str
) -> dict[str, InputSpec]:
    """Path → what is given; a path may be given as the input's name, and left out for an only input."""
    chosen = {}
    for wanted, spec in specs.items():
        if wanted in paths:
            path = wanted
        elif wanted in names:
            path = paths[names.index(wanted)]
        elif not wanted and len(paths) == 1:
            path = paths[0]
        else:
            known = ", ".join(path or name for path, name in zip(paths, names, strict=True))
            said = f"no input {wanted!r}" if wanted else f"{len(paths)} inputs, so name the one"
            raise UsageError(f"model {model!r} has {said}; its inputs are {known}: --input NAME={spec}")
        chosen[path] = spec
    return chosen


def _declared(path: str, tensor: Any, batch_size: int, spec: InputSpec, model: str) -> ModelInput:
    own = tuple(tensor.shape)
    if own[0] is not None and own[0] != batch_size:
        raise NotImplementedError(f"the model's batch size is fixed to {own[0]}; measure it with --batch-size {own[0]}")
    shape = own[1:] if spec.shape is None else spec.shape
    fits = len(shape) == len(own) - 1 and all(a in (None, b) for a, b in zip(own[1:], shape, strict=True))
    if not fits:
        raise UsageError(
            f"{spec} does not fit input {path or tensor.name!r} of model {model!r}, which takes {_text(own[1:])}:"
            " give the open lengths (?) and keep the others"
        )
    return ModelInput(path, (batch_size, *shape), spec.dtype or str(tensor.dtype), spec, tensor)


def _require_closed(leaves: Sequence[ModelInput], model: str) -> None:
    """Make sure that the size of every input is known.

    Raises:
        NotImplementedError: some are open; the message has the options for all of them.
    """
    open_ones = [leaf for leaf in leaves if None in leaf.shape]
    if not open_ones:
        return
    said = ", ".join(f"{leaf.path or leaf.tensor.name!r} ({_text(leaf.shape[1:])})" for leaf in open_ones)
    wanted = " ".join(_option(leaf.path, "x".join(str(size or 128) for size in leaf.shape[1:])) for leaf in open_ones)
    several = len(open_ones) > 1
    raise NotImplementedError(
        f"input{'s' if several else ''} {said} of model {model!r} {'are' if several else 'is'} open: give"
        f" {'their sizes' if several else 'its size'}, for instance {wanted}, {OWN_DATA}"
    )


def _option(path: str, example: str) -> str:
    return f"--input {path}={example}" if path else f"--input-shape {example}"


def _undeclared(model: Any, batch_size: int, specs: Mapping[str, InputSpec]) -> Any:
    """Inputs of a model that declares none: as given, else as it was built."""
    if not specs:
        return _as_built(model, batch_size)
    if unshaped := [path for path, spec in specs.items() if spec.shape is None]:
        raise UsageError(
            f"model {model.name!r} declares no inputs: give a shape for {', '.join(unshaped) or 'its input'}"
        )
    leaves = {
        path: ModelInput(path, (batch_size, *(spec.shape or ())), spec.dtype or "float32", spec)
        for path, spec in specs.items()
    }
    if set(leaves) == {""}:
        return leaves[""]
    if all(path.isdigit() for path in leaves):
        return [leaves[path] for path in sorted(leaves, key=int)]
    return _nested(leaves)


def _nested(leaves: Mapping[str, ModelInput]) -> dict[str, Any]:
    """Dicts within dicts, by the parts of each path."""
    made: dict[str, Any] = {}
    for path, leaf in leaves.items():
        *parents, name = path.split("/")
        place = made
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = leaf
    return made


def _as_built(model: Any, batch_size: int) -> Any:
    """The inputs that a subclassed model was built for.

    Raises:
        NotImplementedError: it was not built, or for another batch size or an open length.
    """
    config = (model.get_build_config() or {}) if model.built else {}
    shapes = config.get("input_shape") or config.get("shapes_dict")
    if not shapes:
        example = getattr(model, "example_shape", "32x32x3")
        raise NotImplementedError(
            f"model {model.name!r} does not declare its inputs: give --input-shape, for instance --input-shape"
            f" {example} for its only input, or --input NAME=SHAPE for each of a dict, {OWN_DATA}"
        )
    if isinstance(shapes, Mapping):
        # `call(self, image, tokens)` is built from `image_shape` and `tokens_shape`.
        named = {str(name).removesuffix("_shape"): shape for name, shape in shapes.items()}
        if len(named) == 1:
            return _built_leaf(next(iter(named)), next(iter(named.values())), batch_size, model.name)
        return {name: _built_leaf(name, shape, batch_size, model.name) for name, shape in named.items()}
    if all(isinstance(size, int | None) for size in shapes):
        return _built_leaf("", shapes, batch_size, model.name)
    return [_built_leaf(str(number), shape, batch_size, model.name) for number, shape in enumerate(shapes)]


def _built_leaf(path: str, shape: Sequence[int | None], batch_size: int, model: str) -> ModelInput:
    if None in shape[1:]:
        raise NotImplementedError(
            f"input {path or 'of its call'!r} of model {model!r} is open, {_text(shape[1:])}: give --input-shape,"
            f" {OWN_DATA}"
        )
    return ModelInput(path, (batch_size, *(size for size in shape[1:] if size is not None)), "float32")


def _text(shape: Sequence[int | None]) -> str:
    return "x".join("?" if size is None else str(size) for size in shape) or "a scalar"
