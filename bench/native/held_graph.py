"""A network of the user's as a native program: a graph of one call, which runs the user's own code.

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = user_network

        def forward(self, inputs):
            (x,) = inputs
            x = self.network(x)
            return (x,)

What is around the call, the loss and the optimizer, is written as for every other program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anatomy.bench.native.functional_writer import FunctionalWriter
from anatomy.bench.native.model_graph import Call, ModelGraph, Tensor, leaves
from anatomy.bench.native.program import Weight
from anatomy.bench.native.translation import translates
from anatomy.bench.workload.model_outputs import ModelOutput
from anatomy.models.held_function import HeldFunction
from anatomy.models.held_module import HeldModule
from anatomy.models.held_network import HeldNetwork, Seen

# The user's network, and what makes its outputs a flat tuple, in a program.
NETWORK, FLAT = "user_network", "flat"


def held_graph(network: HeldNetwork) -> ModelGraph:
    """One call, of the inputs that the network was first called on."""
    seen = _seen(network)
    tensors = [Tensor(number, shape, dtype) for number, (shape, dtype) in enumerate((*seen.inputs, *seen.outputs))]
    inputs, outputs = tuple(tensors[: len(seen.inputs)]), tuple(tensors[len(seen.inputs) :])
    return ModelGraph(inputs, (Call(network, "network", inputs, {}, outputs),), outputs)


def held_outputs(network: HeldNetwork) -> list[ModelOutput]:
    """Its outputs, which have no activation that is known."""
    return [ModelOutput(f"output_{n}", shape, dtype) for n, (shape, dtype) in enumerate(_seen(network).outputs)]


def bound_names(network: HeldNetwork) -> Mapping[str, Any]:
    """What the program's source names."""
    if isinstance(network, HeldFunction):
        return {NETWORK: _on_leaves(network)}
    return {NETWORK: network.network, FLAT: flat}


def flat(structure: Any) -> tuple[Any, ...]:
    """The tensors of a structure, in Keras's order."""
    return tuple(leaves(structure))


def _seen(network: HeldNetwork) -> Seen:
    assert network.seen is not None, "a case is built by calling its model"
    return network.seen


def _on_leaves(network: HeldFunction) -> Callable[[Mapping[str, Any], Sequence[Any]], Any]:
    """The user's function of a dict of its parameters' leaves and a tuple of its inputs."""
    import jax

    function, names = network.network.function, [name for _, name in network.places()]
    of_params, seen = jax.tree.structure(network.network.params), _seen(network)
    of_inputs = jax.tree.structure(seen.structure)

    def call(params: Mapping[str, Any], inputs: Sequence[Any]) -> Any:
        given = jax.tree.unflatten(of_params, [params[name] for name in names])
        outputs = function(given, jax.tree.unflatten(of_inputs, inputs))
        return outputs if seen.single else flat(outputs)

    return call


def _arguments(structure: Any, values: Sequence[str]) -> str:
    """Arguments of a module, which takes a list by position and a dict by name."""
    if isinstance(structure, Mapping):
        return ", ".join(f"{key}={_written(part, values)}" for key, part in structure.items())
    parts = structure if isinstance(structure, list | tuple) else [structure]
    return ", ".join(_written(part, values) for part in parts)


def _written(structure: Any, values: Sequence[str]) -> str:
    if isinstance(structure, Mapping):
        return "{" + ", ".join(f'"{key}": {_written(part, values)}' for key, part in structure.items()) + "}"
    if isinstance(structure, list | tuple):
        return "[" + ", ".join(_written(part, values) for part in structure) + "]"
    return values[int(structure)]


@translates(HeldModule, frameworks=("torch",))
def _module(call: Call, writer: Any) -> None:
    network: HeldModule = call.operation
    name = writer.module(call, NETWORK)
    for variable, parameter in network.places():
        inner, _, own = parameter.rpartition(".")
        writer.weights.append(Weight(variable, ".".join(filter(None, [name.removeprefix("self."), inner])), own))
    seen = _seen(network)
    made = f"{name}({_arguments(seen.structure, [writer.value(tensor) for tensor in call.inputs])})"
    if seen.single:
        writer.assign(call, made)
    else:
        writer.assign(call, f"{FLAT}({made})" if len(call.outputs) > 1 else f"{FLAT}({made})[0]")


@translates(HeldFunction, frameworks=("jax",))
def _function(call: Call, writer: FunctionalWriter) -> None:
    network: HeldFunction = call.operation
    params = writer.layer(call, **{name: variable for variable, name in network.places()})
    made = f"{NETWORK}({params}, ({', '.join(writer.value(tensor) for tensor in call.inputs)},))"
    writer.assign(call, made if _seen(network).single or len(call.outputs) > 1 else f"{made}[0]")
