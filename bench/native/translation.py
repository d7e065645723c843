"""Which function writes which layer for which framework, and what has none."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal, TypeVar, get_args

from anatomy.bench.native.activations import Activation
from anatomy.bench.native.model_graph import Call, ModelGraph

Framework = Literal["tensorflow", "jax", "torch"]
FRAMEWORKS: tuple[Framework, ...] = get_args(Framework)

# Writes one call: takes the call and the framework's writer.
Translator = Callable[[Call, Any], None]
_Function = TypeVar("_Function", bound=Translator)

_TRANSLATORS: dict[tuple[type | str, Framework], Translator] = {}
# Modules whose import registers the translations of Keras's layers and of the zoo's.
_BUILT_IN: dict[Framework, str] = {
    "jax": "anatomy.bench.native.functional_layers",
    "tensorflow": "anatomy.bench.native.functional_layers",
    "torch": "anatomy.bench.native.torch_layers",
}


def translates(*kinds: type | str, frameworks: tuple[Framework, ...]) -> Callable[[_Function], _Function]:
    """Register a function as the translation of layers, operations or activations.

    Args:
        kinds: classes of layers and operations; names of activations.
        frameworks: for which it writes code.

    A translation of a layer of one's own, in the module that defines the layer:

        @translates(Shift, frameworks=("jax", "tensorflow"))
        def shift(call, writer):
            writer.assign(call, f"{writer.value(call.input)} + {writer.parameter('shift', call.operation.shift)}")

    A class has the translation of its base as long as it has that base's `call`.
    """

    def register(function: _Function) -> _Function:
        for kind in kinds:
            for framework in frameworks:
                _TRANSLATORS[kind, framework] = function
        return function

    return register


def translator_of(operation: Any, framework: Framework) -> Translator | None:
    """The function that writes an operation; `None` if there is none."""
    import_module(_BUILT_IN[framework])
    if isinstance(operation, Activation):
        return _TRANSLATORS.get((operation.name, framework))
    own = type(operation)
    bases = (base for base in own.__mro__ if getattr(base, "call", None) is own.call)
    return next((_TRANSLATORS[base, framework] for base in bases if (base, framework) in _TRANSLATORS), None)


def require_translatable(graph: ModelGraph, framework: Framework) -> None:
    """Raise with the whole list where a model has what no translation is known for.

    Raises:
        NotImplementedError: it has.
    """
    missing = dict.fromkeys(
        _name_of(call.operation) for call in graph.calls if translator_of(call.operation, framework) is None
    )
    if missing:
        raise NotImplementedError(
            f"no translation to {framework} is known for {', '.join(missing)}; register one with"
            f' @translates(Layer, frameworks=("{framework}",)) of anatomy.bench.native.translation'
        )


def untranslatable(call: Call, what: str) -> NotImplementedError:
    """The error of a translation that lacks an option of its layer."""
    return NotImplementedError(f"{call.path} ({_name_of(call.operation)}) has {what}, which is not translated")


def _name_of(operation: Any) -> str:
    return f"the activation {operation.name}" if isinstance(operation, Activation) else type(operation).__name__
