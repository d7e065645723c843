"""A network as a pure function of weights, state and inputs: the body is the same for JAX and TensorFlow.

    def forward(params, state, inputs, training, key):
        state = dict(state)
        (x,) = inputs
        x = conv(x, params["conv1"], strides=(1, 1), padding="SAME")
        x, state["bn1"] = batch_norm(x, params["bn1"], state["bn1"], training, momentum=0.99, epsilon=0.001)
        …
        return (x,), state

What `conv` and the others are is in `jax_functions` and `tensorflow_functions`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from anatomy.bench.native.masks import require_no_masks
from anatomy.bench.native.model_graph import Call, ModelGraph, Tensor
from anatomy.bench.native.program import Array, Weight
from anatomy.bench.native.scope_lines import ScopeName, in_scope
from anatomy.bench.native.translation import Framework, require_translatable, translator_of
from anatomy.bench.native.variable_names import VariableNames

# The frameworks whose programs share one body.
BOTH: tuple[Framework, ...] = ("jax", "tensorflow")


class FunctionalWriter:
    """Writes the body of `forward`, a call at a time.

    Args:
        graph: what is written.
        framework: `jax` or `tensorflow`.
        trains: whether the program trains.
        scope: names the operations of a layer in a trace; `None` for no names.

    Attributes:
        weights: the variables that the lines refer to.
        random: whether one of the lines draws random numbers.
    """

    def __init__(self, graph: ModelGraph, framework: Framework, trains: bool, scope: ScopeName | None) -> None:
        self.framework, self.trains = framework, trains
        self.weights: list[Weight] = []
        self.random = 0
        self._graph, self._scope = graph, scope
        self._names = VariableNames(graph)
        self._lines: list[str] = []
        self._stands_for: dict[Tensor, str] = {}

    def body(self) -> list[str]:
        """The lines of `forward` after its docstring.

        Raises:
            NotImplementedError: a layer or one of its options has no translation.
        """
        require_translatable(self._graph, self.framework)
        require_no_masks(self._graph, self.trains)
        inputs = [self._names.new(tensor) for tensor in self._graph.inputs]
        lines = ["    state = dict(state)", f"    ({', '.join(inputs)},) = inputs"]
        for call in self._graph.calls:
            self._lines = []
            translator = translator_of(call.operation, self.framework)
            assert translator is not None
            translator(call, self)
            lines += self._scoped(call.path)
        outputs = ", ".join(self.value(tensor) for tensor in self._graph.outputs)
        return [*lines, f"    return ({outputs},), state"]

    def value(self, tensor: Tensor) -> str:
        """The expression of a tensor."""
        return self._stands_for.get(tensor) or self._names.of(tensor)

    @contextmanager
    def standing_for(self, tensor: Tensor, expression: str) -> Iterator[None]:
        """Let an expression be the value of a tensor that is not of the graph."""
        self._stands_for[tensor] = expression
        yield
        del self._stands_for[tensor]

    def choose(self, jax: str, tensorflow: str) -> str:
        """The one that is written for the framework."""
        return jax if self.framework == "jax" else tensorflow

    def weight(
        self,
        layer: str,
        name: str,
        variable: Any,
        to_native: Callable[[Array], Array] | None = None,
        to_keras: Callable[[Array], Array] | None = None,
    ) -> str:
        """The expression of a variable of the model: `params["conv1"]["kernel"]`, in `state` if it is not trained.

        Args:
            layer: the path of the call.
            name: what the variable is to the layer.
            variable: of Keras.
            to_native: from its array to the one that the expression has; the same array if it is left out.
            to_keras: back again.
        """
        known = next((weight for weight in self.weights if weight.variable is variable), None)
        if known is None:
            own = {} if to_native is None else {"to_native": to_native}
            back = {} if to_keras is None else {"to_keras": to_keras}
            known = Weight(variable, layer, name, **own, **back)
            self.weights.append(known)
        group = "params" if variable.trainable else "state"
        return f'{group}["{known.layer}"]["{known.name}"]'

    def layer(self, call: Call, **variables: Any) -> str:
        """The expression of a layer's weights as a dict: `params["conv1"]`; variables that are `None` are left out.

        Where only some are trained it is `params["bn1"] | state["bn1"]`.
        """
        given = {name: variable for name, variable in variables.items() if variable is not None}
        keys = dict.fromkeys(self.weight(call.path, name, v).rpartition("[")[0] for name, v in given.items())
        return " | ".join(sorted(keys)) or "{}"

    def training(self, call: Call) -> str:
        """The expression of the flag of a call: `training`, or what the model says for good."""
        return "training" if call.training is None else str(bool(call.training))

    def randomness(self) -> str:
        """The expression that a random operation takes: a key of its own in JAX, `None` in TensorFlow."""
        self.random += 1
        return f"jax.random.fold_in(key, {self.random})" if self.framework == "jax" else "None"

    def assign(self, call: Call, expression: str, *further: str) -> None:
        """Write the line that computes the outputs of a call.

        Args:
            call: whose arguments may not be used after this.
            expression: one value, or a tuple of as many as there are targets.
            further: targets beside the outputs, such as `state["bn1"]`.
        """
        targets = [*self._names.of_outputs(call), *further]
        if targets != [expression]:
            self._lines.append(f"    {', '.join(targets)} = {expression}")

    def line(self, text: str) -> None:
        """Write a line of another kind, such as one that makes a value for the next."""
        self._lines.append(f"    {text}")

    def _scoped(self, path: str) -> list[str]:
        return in_scope(self._lines, self.framework, path, self._scope)
