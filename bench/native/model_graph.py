"""The calls of a Keras model in the order in which they run, with nested models inlined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anatomy.bench.native.activations import activation_of, without_activation

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class Tensor:
    """One value that passes between calls.

    Attributes:
        number: its place among the tensors of the graph; equal numbers are the same tensor.
        shape: as in Keras, with the batch axis first and `None` where a size is open.
        dtype: name of its dtype.
    """

    number: int
    shape: Shape
    dtype: str


@dataclass(frozen=True)
class Call:
    """One use of a layer, of an operation or of an activation.

    Attributes:
        operation: the Keras layer or operation, or an `Activation`.
        path: names of the model's layers that lead to it, such as `encoder/conv1`; of an activation, the layer's.
        args: positional arguments, `Tensor` where Keras has a symbolic tensor.
        kwargs: keyword arguments likewise, without `training` and `mask`.
        outputs: what it returns, flattened.
        training: the flag that the call was given, by itself or by a model around it; `None` for the step's own.
    """

    operation: Any
    path: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    outputs: tuple[Tensor, ...]
    training: bool | None = None

    @property
    def inputs(self) -> list[Tensor]:
        """All tensors among its arguments, in order."""
        return list(_tensors_in((*self.args, *self.kwargs.values())))

    @property
    def input(self) -> Tensor:
        """The first of them."""
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]


@dataclass(frozen=True)
class ModelGraph:
    """The calls of a model.

    Attributes:
        inputs: in the order of `model.inputs`.
        calls: each after those whose outputs it takes.
        outputs: in the order of `model.outputs`.
    """

    inputs: tuple[Tensor, ...]
    calls: tuple[Call, ...]
    outputs: tuple[Tensor, ...]

    def uses(self, tensor: Tensor) -> int:
        """How often a tensor is an argument of a call or an output of the model."""
        return sum(call.inputs.count(tensor) for call in self.calls) + self.outputs.count(tensor)

    def maker(self, tensor: Tensor) -> Call | None:
        """The call whose output a tensor is; `None` for an input."""
        return next((call for call in self.calls if tensor in call.outputs), None)


def model_graph(model: Any) -> ModelGraph:
    """The calls of a functional or Sequential model that is built.

    Raises:
        NotImplementedError: the model has a `call` of its own, which only Python knows.
    """
    builder = _Builder()
    inputs = [builder.new(tensor) for tensor in _functional(model, model.name).inputs]
    outputs = builder.run(model, inputs, "", None)
    return ModelGraph(tuple(inputs), tuple(builder.calls), tuple(outputs))


def is_graph(operation: Any) -> bool:
    """Whether it is a model that is nothing but the graph of its layers."""
    import keras
    from keras.src.models.functional import Functional

    bases = (keras.Sequential, Functional)
    return isinstance(operation, bases) and any(type(operation).call is base.call for base in bases)


def _functional(model: Any, name: str) -> Any:
    import keras

    if not is_graph(model):
        raise NotImplementedError(
            f"{name} has a call of its own ({type(model).__name__}), which cannot be translated: only functional and"
            " Sequential models can; return the framework's own module from the builder to measure that"
        )
    if isinstance(model, keras.Sequential):
        if model._functional is None:
            raise NotImplementedError(f"{name} is a Sequential without an input shape; begin it with keras.Input")
        return model._functional
    return model


class _Builder:
    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._count = 0

    def new(self, tensor: Any) -> Tensor:
        self._count += 1
        return Tensor(self._count - 1, tuple(tensor.shape), str(tensor.dtype))

    def run(self, model: Any, inputs: Sequence[Tensor], path: str, training: bool | None) -> list[Tensor]:
        """Append the calls of `model` on `inputs`; return its outputs."""
        import keras

        graph = _functional(model, path or model.name)
        known = {id(symbol): tensor for symbol, tensor in zip(graph.inputs, inputs, strict=True)}
        for nodes in (graph._nodes_by_depth[depth] for depth in sorted(graph._nodes_by_depth, reverse=True)):
            for node in nodes:
                if not node.is_input:
                    outputs = self._call(node, known, path, training)
                    known |= {id(symbol): tensor for symbol, tensor in zip(node.outputs, outputs, strict=True)}
        return [known[id(symbol)] for symbol in keras.tree.flatten(graph.outputs)]

    def _call(self, node: Any, known: Mapping[int, Tensor], path: str, training: bool | None) -> list[Tensor]:
        import keras

        def fill(value: Any) -> Any:
            return known[id(value)] if isinstance(value, keras.KerasTensor) else value

        args = keras.tree.map_structure(fill, node.arguments.args)
        kwargs = dict(keras.tree.map_structure(fill, node.arguments.kwargs))
        # A functional model gives the flag of its step to every layer, also to one that was called with another.
        kwargs.pop("training", None)
        kwargs = {name: value for name, value in kwargs.items() if value is not None}
        operation = node.operation
        here = f"{path}/{operation.name}" if path else operation.name
        if is_graph(operation):
            given = list(_tensors_in((*args, *kwargs.values())))
            return self.run(operation, given, here, training)
        return self._operation(operation, here, tuple(args), kwargs, node.outputs, training)

    def _operation(
        self,
        operation: Any,
        path: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        symbols: Sequence[Any],
        training: bool | None,
    ) -> list[Tensor]:
        """A call, and its activation as a call of its own."""
        activation = activation_of(operation)
        if activation is None:
            outputs = tuple(self.new(symbol) for symbol in symbols)
            self.calls.append(Call(operation, path, args, kwargs, outputs, training))
            return list(outputs)
        (symbol,) = symbols
        before = next(_tensors_in((*args, *kwargs.values())))
        if without_activation(operation):
            before = self.new(symbol)
            self.calls.append(Call(operation, path, args, kwargs, (before,), training))
        if activation.name == "linear":
            return [before]
        after = self.new(symbol)
        self.calls.append(Call(activation, path, (before,), {}, (after,), training))
        return [after]


def leaves(structure: Any) -> Iterator[Any]:
    """What stands in a structure of dicts, lists and tuples, in Keras's order: a dict's by its keys."""
    if isinstance(structure, Mapping):
        for name in sorted(structure):
            yield from leaves(structure[name])
    elif isinstance(structure, list | tuple):
        for part in structure:
            yield from leaves(part)
    elif structure is not None:
        yield structure


def _tensors_in(structure: Any) -> Iterator[Tensor]:
    return (leaf for leaf in leaves(structure) if isinstance(leaf, Tensor))


def fill_tensors(structure: Any, value: Callable[[Tensor], Any]) -> Any:
    """The same structure with something else in each tensor's place."""
    if isinstance(structure, Tensor):
        return value(structure)
    if isinstance(structure, Mapping):
        return {name: fill_tensors(part, value) for name, part in structure.items()}
    if isinstance(structure, list | tuple):
        return type(structure)(fill_tensors(part, value) for part in structure)
    return structure
