"""Which of what a builder returns is a network of another framework that can be held and measured."""

import sys
from typing import TYPE_CHECKING, Any, TypeGuard

from anatomy.models.returned_object import NotAModelError, foreign_object, is_torch_module

if TYPE_CHECKING:
    from anatomy.models.held_network import HeldNetwork


def hold_network(model: str, returned: Any) -> "tuple[HeldNetwork, tuple[Any, ...]] | None":
    """The network that a builder returned in a Keras model, and what came after it; `None` where it returned none.

    A module is alone or first in a tuple: `module, inputs, targets`. A function is followed by its parameters:
    `function, params, inputs, targets`.

    Args:
        model: name of the builder.
        returned: by it.

    Raises:
        NotAModelError: the network is not ready; the message says what to do.
    """
    first, *rest = returned if isinstance(returned, tuple) and returned else (returned,)
    if is_torch_module(first):
        from anatomy.models.held_module import HeldModule

        _require_initialized(model, first)
        return HeldModule(first), tuple(rest)
    if rest and _is_function(first) and _is_parameters(rest[0]):
        from anatomy.models.held_function import FunctionWithParameters, HeldFunction

        return HeldFunction(FunctionWithParameters(first, rest[0])), tuple(rest[1:])
    return None


def is_held(model: Any) -> "TypeGuard[HeldNetwork]":
    """Whether a model holds a network of the user's; Keras is not imported for it."""
    module = sys.modules.get("anatomy.models.held_network")
    return module is not None and isinstance(model, module.HeldNetwork)


def _require_initialized(model: str, module: Any) -> None:
    import torch

    lazy = [name for name, one in module.named_parameters() if torch.nn.parameter.is_lazy(one)]
    if lazy:
        raise NotAModelError(
            f"{model} returned a torch module whose parameter {lazy[0]} has no shape yet: call the module once before"
            " it is returned"
        )


def _is_function(value: Any) -> bool:
    import keras

    is_object = isinstance(value, type | keras.layers.Layer) or foreign_object(value) is not None
    return callable(value) and not is_object


def _is_parameters(value: Any) -> bool:
    """Whether a value is a structure of arrays; JAX knows the classes that are registered with it."""
    try:
        import jax
    except ImportError:
        return False
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(hasattr(leaf, "shape") or isinstance(leaf, int | float) for leaf in leaves)
