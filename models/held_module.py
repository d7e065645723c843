"""A `torch.nn.Module` in a Keras model."""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import keras

from anatomy.models.held_network import HeldNetwork


class HeldModule(HeldNetwork):
    """Holds a module in `keras.layers.TorchModuleWrapper`.

    Inputs are the module's arguments: one tensor is the first, a list or tuple the positional ones, a dict those by
    name.
    """

    framework = "torch"
    what = "a torch module"
    example_shape = "3x32x32"

    def make_layer(self) -> Any:
        """The wrapper, whose variables are the parameters themselves."""
        return NamedModuleWrapper(self.network)

    def run(self, inputs: Any, training: bool) -> Any:
        """Call the wrapper."""
        args, kwargs = as_arguments(inputs)
        return self.layer(*args, **kwargs, training=training)

    def weight_specs(self) -> Iterator[tuple[str, tuple[int, ...], str, bool]]:
        """One for each parameter. Buffers are not weights."""
        for name, parameter in self.network.named_parameters():
            yield plain_name(name), tuple(parameter.shape), dtype_name(parameter), parameter.requires_grad

    def places(self) -> list[tuple[Any, str]]:
        """By the names of `named_parameters`."""
        names = {id(parameter): name for name, parameter in self.network.named_parameters()}
        return [(variable, names[id(variable.value)]) for variable in self.layer.weights]

    def trace(self, inputs: Any) -> Any:
        """Run the module on torch's meta device."""
        import torch

        outputs = run_on_meta(self.network, inputs, torch.no_grad())
        return keras.tree.map_structure(
            lambda tensor: keras.KerasTensor(tuple(tensor.shape), dtype=dtype_name(tensor)), outputs
        )

    def still(self) -> None:
        """Set the rate of dropout layers, and of the recurrent and attention layers that have one, to 0."""
        for one in self.network.modules():
            for rate in ("dropout", "p") if "Dropout" in type(one).__name__ else ("dropout",):
                if isinstance(vars(one).get(rate), float):
                    setattr(one, rate, 0.0)

    def state(self) -> Any:
        """Of parameters, frozen ones among them, and buffers, with the state of torch's generators."""
        import torch

        on_cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        tensors = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        return tensors, torch.get_rng_state(), on_cuda

    def put_state(self, state: Any) -> None:
        """The tensors stay the ones that Keras's variables have."""
        import torch

        tensors, on_cpu, on_cuda = state
        self.network.load_state_dict(tensors)
        torch.set_rng_state(on_cpu)
        if on_cuda:
            torch.cuda.set_rng_state_all(on_cuda)

    def table_sizes(self) -> list[int]:
        """Rows of each `nn.Embedding` and `nn.EmbeddingBag`."""
        return [int(found) for one in self.network.modules() if (found := getattr(one, "num_embeddings", None))]


class NamedModuleWrapper(keras.layers.TorchModuleWrapper):  # type: ignore[misc]  # Keras has no types
    """Keras's wrapper, whose variables have the parameters' names."""

    def _track_module_parameters(self) -> None:
        for name, parameter in self.module.named_parameters():
            self._track_variable(keras.Variable(parameter, trainable=parameter.requires_grad, name=plain_name(name)))
        self.built = True


def plain_name(name: str) -> str:
    """`layers_0_weight` of `layers.0.weight`: on torch, a variable's name has no dots."""
    return name.replace(".", "_")


def as_arguments(inputs: Any) -> tuple[list[Any], dict[str, Any]]:
    """Inputs as a module's positional arguments and those by name."""
    if isinstance(inputs, Mapping):
        return [], dict(inputs)
    return (list(inputs), {}) if isinstance(inputs, list | tuple) else ([inputs], {})


def dtype_name(tensor: Any) -> str:
    """`float32` of a tensor of torch."""
    return str(tensor.dtype).removeprefix("torch.")


def run_on_meta(module: Any, inputs: Any, scope: AbstractContextManager[Any]) -> Any:
    """What a module returns in inference on tensors without values; it is left as it was.

    Args:
        inputs: objects with a shape and a dtype. Where the module does not take floats, they are tried as int64, since
            a shape alone says no dtype.
        scope: in which it runs.
    """
    modes = [(one, one.training) for one in module.modules()]
    module.eval()
    try:
        return _run_on_meta(module, inputs, scope)
    finally:
        for one, mode in modes:
            one.training = mode


def _run_on_meta(module: Any, inputs: Any, scope: AbstractContextManager[Any]) -> Any:
    import torch
    from torch.func import functional_call

    state: dict[str, Any] = {name: torch.empty_like(buffer, device="meta") for name, buffer in module.named_buffers()}
    for name, parameter in module.named_parameters():
        empty = torch.empty_like(parameter, device="meta")
        state[name] = torch.nn.Parameter(empty, requires_grad=parameter.requires_grad)
    failures = []
    with torch.device("meta"), scope:
        for forced in (None, torch.int64):
            empty_inputs = keras.tree.map_structure(
                lambda leaf, dtype=forced: torch.zeros(tuple(leaf.shape), dtype=dtype or getattr(torch, leaf.dtype)),
                inputs,
            )
            try:
                return functional_call(module, state, *as_call(empty_inputs))
            except Exception as error:  # noqa: BLE001  # a user's forward may raise anything
                failures.append(error)
    raise failures[0]


def as_call(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """As `as_arguments`, in the form that torch takes."""
    args, kwargs = as_arguments(inputs)
    return tuple(args), kwargs
