"""A network as an `nn.Module`: a module for each layer with weights, and a line of `forward` for each call.

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 3, padding=1)

        def forward(self, inputs):
            (x,) = inputs
            x = self.conv1(x)
            x = F.relu(x, inplace=True)
            return (x,)

Images have channels first inside. What `torch.nn` lacks is in `torch_functions`.
"""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Sequence
from functools import cache

from anatomy.bench.native.masks import require_no_masks
from anatomy.bench.native.model_graph import Call, ModelGraph, Tensor
from anatomy.bench.native.program import Weight
from anatomy.bench.native.scope_lines import ScopeName, in_scope
from anatomy.bench.native.torch_layout import Layout, channels_first_inputs, first_axes, last_axes, permuted
from anatomy.bench.native.torch_weights import Parameter
from anatomy.bench.native.translation import require_translatable, translator_of, untranslatable
from anatomy.bench.native.variable_names import VariableNames


class TorchWriter:
    """Writes `Network`, a call at a time.

    Args:
        graph: what is written.
        trains: whether the program trains.
        scope: names the operations of a layer in a trace; `None` for no names.

    Attributes:
        trains: whether the program trains.
        weights: the variables that the modules hold.
    """

    def __init__(self, graph: ModelGraph, trains: bool, scope: ScopeName | None = None) -> None:
        self.trains = trains
        self.weights: list[Weight] = []
        self._graph, self._scope = graph, scope
        self._names = VariableNames(graph)
        self._layouts: dict[Tensor, Layout] = {}
        self._flattened: dict[Tensor, tuple[int, ...]] = {}
        self._padded: dict[Tensor, tuple[int, ...]] = {}
        self._uses = Counter(tensor for call in graph.calls for tensor in call.inputs) + Counter(graph.outputs)
        self._calls_of = Counter(id(call.operation) for call in graph.calls)
        self._makers = {tensor: call for call in graph.calls for tensor in call.outputs}
        self._takers: dict[Tensor, list[Call]] = {}
        for call in graph.calls:
            for tensor in call.inputs:
                self._takers.setdefault(tensor, []).append(call)
        self._attributes: dict[tuple[int, str], str] = {}
        self._modes: dict[str, bool] = {}
        self._definitions: list[str] = []
        self._lines: list[str] = []
        self._scratch = 0

    def network(self) -> list[str]:
        """The lines of the class.

        Raises:
            NotImplementedError: a layer or one of its options has no translation.
        """
        require_translatable(self._graph, "torch")
        require_no_masks(self._graph, self.trains)
        first = channels_first_inputs(self._graph)
        names = [self._names.new(tensor) for tensor in self._graph.inputs]
        self._layouts |= {tensor: "first" if tensor in first else "keras" for tensor in self._graph.inputs}
        for call in self._graph.calls:
            translator = translator_of(call.operation, "torch")
            assert translator is not None
            before, self._lines = self._lines, []
            translator(call, self)
            self._lines = before + self._scoped(call.path)
        outputs = [self.keras(t) if self.layout(t) == "flat" else self.value(t) for t in self._graph.outputs]
        return [
            "class Network(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            *(f"        {line}" for line in self._definitions),
            "",
            *self._train_method(),
            "    def forward(self, inputs):",
            f"        ({', '.join(names)},) = inputs",
            *(f"        {line}" for line in self._lines),
            f"        return ({', '.join(outputs)},)",
        ]

    def input_axes(self) -> tuple[tuple[int, ...] | None, ...]:
        """For each input, its axes as numbers of Keras's."""
        inputs = self._graph.inputs
        return tuple(first_axes(len(t.shape)) if self.layout(t) == "first" else None for t in inputs)

    def output_axes(self) -> tuple[tuple[int, ...] | None, ...]:
        """For each output, Keras's axes as numbers of its own."""
        outputs = self._graph.outputs
        return tuple(last_axes(len(t.shape)) if self.layout(t) == "first" else None for t in outputs)

    # What translations read.

    def value(self, tensor: Tensor) -> str:
        """The variable of a tensor, in whatever layout it has."""
        return self._names.of(tensor)

    def layout(self, tensor: Tensor) -> Layout:
        """The layout of a tensor's variable."""
        return self._layouts[tensor]

    def keras(self, tensor: Tensor) -> str:
        """The expression of a tensor with its axes in Keras's order."""
        name = self.value(tensor)
        if self.layout(tensor) == "flat":
            channels_first = self.flattened(tensor)
            moved = permuted(f"{name}.unflatten(1, {channels_first})", last_axes(len(channels_first) + 1))
            return f"{moved}.flatten(1)"
        return permuted(name, last_axes(len(tensor.shape))) if self.layout(tensor) == "first" else name

    def first(self, tensor: Tensor) -> str:
        """The expression of a tensor with its last axis behind the batch."""
        name = self.value(tensor)
        return name if self.layout(tensor) == "first" else permuted(name, first_axes(len(tensor.shape)))

    def flattened(self, tensor: Tensor) -> tuple[int, ...]:
        """The shape of one example, channels first, from which a tensor of the layout `flat` was flattened."""
        return self._flattened[tensor]

    def maker(self, tensor: Tensor) -> Call | None:
        """The call that returns a tensor; `None` for an input of the model."""
        return self._makers.get(tensor)

    def takers(self, tensor: Tensor) -> list[Call]:
        """The calls that take a tensor; nothing where the model also returns it, so that all of them are known."""
        return [] if tensor in self._graph.outputs else self._takers.get(tensor, [])

    def is_shared(self, call: Call) -> bool:
        """Whether the layer is called more than once."""
        return self._calls_of[id(call.operation)] > 1

    def may_overwrite(self, tensor: Tensor) -> bool:
        """Whether the call that takes a tensor may write over it: nothing else takes it, nor does its own gradient."""
        maker = self.maker(tensor)
        return self._uses[tensor] == 1 and maker is not None and isinstance(maker.operation, _returns_new_memory())

    def scratch(self, like: Tensor, shape: tuple[int | None, ...]) -> Tensor:
        """A tensor between two lines of one call, which the graph does not know; in Keras's order until assigned."""
        self._scratch += 1
        tensor = Tensor(-self._scratch, shape, like.dtype)
        self._layouts[tensor] = "keras"
        self._names.new(tensor)
        return tensor

    def scratch_names(self, count: int) -> list[str]:
        """Names of values between two lines of one call."""
        self._scratch += count
        return [f"h{number}" for number in range(self._scratch - count + 1, self._scratch + 1)]

    # What translations write.

    def assign(self, call: Call, expression: str, layout: Layout = "keras") -> None:
        """Write the line that computes the outputs of a call, whose arguments may not be used after it."""
        targets = self._names.of_outputs(call)
        if targets != [expression]:
            self._lines.append(f"{', '.join(targets)} = {expression}")
        self._layouts |= dict.fromkeys(call.outputs, layout)

    def assign_like(self, call: Call, expression: str) -> None:
        """`assign` with the layout of the call's first argument."""
        layout, source = self.layout(call.input), call.input
        self.assign(call, expression, layout)
        if layout == "flat":
            self._flattened[call.output] = self._flattened[source]

    def assign_flat(self, call: Call, expression: str, channels_first: tuple[int, ...]) -> None:
        """`assign` of rows that were flattened with channels first."""
        self._flattened[call.output] = channels_first
        self.assign(call, expression, "flat")

    def update(self, call: Call, tensor: Tensor, operator: str, expression: str) -> None:
        """Write the line of a call that writes its output over one of its arguments: `x += y`."""
        name = self._names.take_over(call, tensor)
        self._lines.append(f"{name} {operator} {expression}")
        self._layouts[call.output] = self._layouts[tensor]

    def line(self, text: str) -> None:
        """Write a line of another kind, such as one that makes a value for the next."""
        self._lines.append(text)

    def leave_padding(self, call: Call, padding: tuple[int, ...]) -> None:
        """Leave a padding with zeros to the only call that takes it."""
        name = self.value(call.input)
        layout = self.layout(call.input)
        self.assign(call, name, layout)
        self._padded[call.output] = padding

    def padding_left(self, tensor: Tensor) -> tuple[int, ...] | None:
        """The padding that the call of a tensor left to its taker; `None` for none."""
        return self._padded.get(tensor)

    def module(self, call: Call, constructor: str, *parameters: Parameter, part: str = "") -> str:
        """The expression of the module of a layer, which is constructed at its first call: `self.conv1`.

        Args:
            call: of the layer.
            constructor: such as `nn.Linear(64, 10)`.
            parameters: what it holds.
            part: name of the module within the layer, where one layer is several modules.
        """
        key = (id(call.operation), part)
        if key not in self._attributes:
            name = self._attributes[key] = self._new_attribute(f"{call.path}_{part}" if part else call.path)
            self._definitions.append(f"self.{name} = {constructor}")
            self._hold(name, parameters)
        return f"self.{self._attributes[key]}"

    def parameter(self, call: Call, parameter: Parameter, shape: Sequence[int]) -> str:
        """The expression of a tensor that the network itself holds: `self.scale_gamma`."""
        key = (id(parameter.variable), "")
        if key not in self._attributes:
            path = call.path if parameter.name in call.path else f"{call.path}_{parameter.name}"
            name = self._attributes[key] = self._new_attribute(path)
            zeros = f"torch.zeros({', '.join(map(str, shape))})"
            if parameter.variable.trainable:
                self._definitions.append(f"self.{name} = nn.Parameter({zeros})")
            else:
                self._definitions.append(f'self.register_buffer("{name}", {zeros})')
            self.weights.append(Weight(parameter.variable, "", name, parameter.to_native, parameter.to_keras))
        return f"self.{self._attributes[key]}"

    def buffer(self, path: str, value: str) -> str:
        """The expression of a constant that the network holds: `self.normalization_mean`."""
        name = self._attributes[len(self._attributes), path] = self._new_attribute(path)
        self._definitions.append(f'self.register_buffer("{name}", {value}, persistent=False)')
        return f"self.{name}"

    def define_once(self, line: str) -> None:
        """Write a line of `__init__`, at the first call of a layer."""
        if line not in self._definitions:
            self._definitions.append(line)

    def keep_mode(self, call: Call, module: str, training: bool) -> None:
        """Let a module train or not for good, whatever the step does."""
        if self._modes.setdefault(module, training) != training or (self.is_shared(call) and not self._agree(call)):
            raise untranslatable(call, "calls with training=True and without")
        self._modes[module] = training

    def training(self, call: Call) -> str:
        """The expression of the flag of a call: `self.training`, or what the model says for good."""
        return "self.training" if call.training is None else str(bool(call.training))

    def _scoped(self, path: str) -> list[str]:
        return in_scope(self._lines, "torch", path, self._scope)

    def _agree(self, call: Call) -> bool:
        flags = {other.training for other in self._graph.calls if other.operation is call.operation}
        return len(flags) == 1

    def _hold(self, module: str, parameters: Sequence[Parameter]) -> None:
        held = [p for p in parameters if p.variable is not None]
        self.weights += [Weight(p.variable, module, p.name, p.to_native, p.to_keras) for p in held]
        trained = [p for p in parameters if p.name not in ("running_mean", "running_var")]
        fixed = [p.name for p in trained if p.variable is None or not p.variable.trainable]
        if fixed and len(fixed) == len(trained):
            self._definitions.append(f"self.{module}.requires_grad_(False)")
        else:
            self._definitions += [f"self.{module}.{name}.requires_grad_(False)" for name in fixed]

    def _new_attribute(self, path: str) -> str:
        name = re.sub(r"\W", "_", path)
        if not name or name[0].isdigit() or keyword.iskeyword(name):
            name = f"layer_{name}"
        taken = {*self._attributes.values(), *_names_of_module()}
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name}_{number}", number + 1
        return unique

    def _train_method(self) -> list[str]:
        if not self._modes:
            return []
        lines = [f"        {module}.train({mode})" for module, mode in self._modes.items()]
        return ["    def train(self, mode=True):", "        super().train(mode)", *lines, "        return self", ""]


@cache
def _names_of_module() -> frozenset[str]:
    import torch

    return frozenset({*dir(torch.nn.Module()), "training"})


@cache
def _returns_new_memory() -> tuple[type, ...]:
    """Layers that return a tensor of their own, which their gradient does not need."""
    from keras import layers
    from keras.src.layers.convolutional.base_conv import BaseConv
    from keras.src.layers.convolutional.base_depthwise_conv import BaseDepthwiseConv
    from keras.src.layers.convolutional.base_separable_conv import BaseSeparableConv

    return (BaseConv, BaseDepthwiseConv, BaseSeparableConv, layers.Dense, layers.BatchNormalization, layers.Add)
