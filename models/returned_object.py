"""What an object that should be a Keras model is, and the way to measure it; no other framework is imported for it."""

import inspect
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

_WRAP = "keras.Sequential([keras.Input(shape), {layer}])"
_RETURN = "return (lambda params, x: {call}, {params}), and measure that with --backend native-jax"


class NotAModelError(TypeError):
    """An object is no Keras model; the message says what it is, and the way to measure it."""


class _Foreign(NamedTuple):
    """Objects of another library, known by a class among their bases.

    Attributes:
        module: of that base class, or a module above it.
        names: of that base class; empty for any.
        what: what such an object is.
        remedy: how it can be measured.
    """

    module: str
    names: tuple[str, ...]
    what: str
    remedy: str


_FOREIGN = (
    _Foreign(
        "torch",
        ("Module",),
        "a torch module",
        "return it from a function, alone or before its data, and measure it with --backend native-torch; within a"
        " Keras model, keras.layers.TorchModuleWrapper(module, output_shape=(None, …)) holds it",
    ),
    _Foreign(
        "flax.linen",
        ("Module",),
        "a module of Flax",
        f"{_RETURN.format(call='module.apply(params, x)', params='params')}; within a Keras model,"
        " keras.layers.FlaxLayer(module) holds it",
    ),
    _Foreign(
        "flax",
        ("Module", "Object", "Pytree"),
        "a module of Flax NNX",
        f"graph, state = nnx.split(module), {_RETURN.format(call='nnx.merge(graph, params)(x)', params='state')}",
    ),
    _Foreign("tf_keras", (), "an object of Keras 2", "build it with Keras 3: import keras instead of tf_keras"),
    _Foreign(
        "tensorflow",
        ("Module",),
        "a tf.Module",
        "call it in a keras.layers.Layer of your own, or save it by tf.saved_model.save and name the folder; measure"
        " that with --backend tensorflow",
    ),
    _Foreign(
        "equinox",
        ("Module",),
        "a module of Equinox",
        "params, static = eqx.partition(module, eqx.is_array),"
        f" {_RETURN.format(call='eqx.combine(params, static)(x)', params='params')}",
    ),
)


def class_name(kind: type) -> str:
    """A class by the name that its users know: `torch.nn.Sequential` for `torch.nn.modules.container.Sequential`."""
    module = kind.__module__.removeprefix("_anatomy_user_")
    for private, public in (("torch.nn.modules", "torch.nn"), ("keras.src.layers", "keras.layers")):
        if module == private or module.startswith(f"{private}."):
            module = public
    for package in ("flax.linen", "flax.nnx"):
        if module.startswith(f"{package}."):
            module = package
    if module.startswith("tensorflow.python.") and kind.__name__ == "Module":
        module = "tf"
    return kind.__qualname__ if module in ("builtins", "__main__") else f"{module}.{kind.__qualname__}"


def foreign_object(value: Any) -> str | None:
    """What an object or class of another framework is and how to measure it; `None` for any other."""
    bases = value.__mro__ if isinstance(value, type) else type(value).__mro__
    # On torch, Keras's own layers are torch modules as well.
    if any(base.__module__.partition(".")[0] == "keras" for base in bases):
        return None
    for foreign in _FOREIGN:
        for base in bases:
            within = base.__module__ == foreign.module or base.__module__.startswith(f"{foreign.module}.")
            if within and (not foreign.names or base.__name__ in foreign.names):
                return _foreign_sentence(bases[0], base, foreign)
    return None


def is_torch_module(value: Any) -> bool:
    """Whether a value is a module of torch, or a class of such, and no layer of Keras; torch is not imported for it."""
    torch = sys.modules.get("torch")
    module = getattr(getattr(torch, "nn", None), "Module", None)
    kind = value if isinstance(value, type) else type(value)
    if module is None or not issubclass(kind, module):
        return False
    return not any(base.__module__.partition(".")[0] == "keras" for base in kind.__mro__)


def _foreign_sentence(kind: type, base: type, foreign: _Foreign) -> str:
    name, own = class_name(kind), class_name(base)
    what = f", {foreign.what}" if name != own and not kind.__module__.startswith(f"{foreign.module}.") else ""
    return f"a {name}{what}, not a Keras model: {foreign.remedy}"


def describe(value: Any, is_layer: Callable[[Any], bool]) -> str:
    """What an object that is no Keras model is, and what to return instead.

    Args:
        value: the object.
        is_layer: whether an object is a Keras layer.
    """
    foreign = foreign_object(value)
    if foreign is not None and not isinstance(value, type):
        return foreign
    if value is None:
        return "None, not a Keras model: does it end with `return model`?"
    if isinstance(value, type):
        return f"the class {class_name(value)}, not a Keras model: call it, and return what it makes"
    if inspect.isawaitable(value) or inspect.isasyncgen(value):
        return "a coroutine, not a Keras model: make it a plain function, since nothing awaits it"
    if inspect.isgenerator(value):
        return "a generator, not a Keras model: return the model instead of yielding it"
    if inspect.isroutine(value):
        return (
            f"a function, {getattr(value, '__name__', value)}, not a Keras model: call it, and return what it makes; of"
            " a function of JAX, return the parameters too: return function, params"
        )
    if inspect.ismodule(value):
        return f"the module {value.__name__}, not a Keras model: name a function or a model in it"
    if is_layer(value):
        return f"a {class_name(type(value))}, a layer and not a model: {_WRAP.format(layer='layer')} makes one of it"
    if isinstance(value, dict):
        return (
            "a dict, not a Keras model: if it is a model's configuration, return"
            " keras.Sequential.from_config(config), keras.Model.from_config(config) or, of to_json(),"
            " keras.models.model_from_json(text)"
        )
    if isinstance(value, tuple | list):
        if value and not isinstance(value[0], type) and (first := foreign_object(value[0])) is not None:
            return f"a {type(value).__name__} that begins with {first}"
        inside = ", ".join(class_name(type(item)) for item in value[:4]) + (", …" if len(value) > 4 else "")
        return (
            f"a {type(value).__name__} of ({inside}), not a Keras model; a tuple may follow a model with its data:"
            " return model, data"
        )
    if isinstance(value, str):
        return f"a str, not a Keras model; of a saved model's path, return keras.saving.load_model({value[:40]!r})"
    return f"{_article(class_name(type(value)))}, not a Keras model: return a keras.Model"


def _article(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"
