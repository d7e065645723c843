"""Where a script's model comes from: written out, packed, or the user's own function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anatomy.bench.records.case import Case
from anatomy.bench.script.code_layout import call
from anatomy.bench.script.expression import InexpressibleError, expression
from anatomy.bench.script.graph_source import written_out
from anatomy.bench.script.layer_source import sources_of
from anatomy.bench.script.packed_config import packed
from anatomy.models.find_object import find_object
from anatomy.models.model_name import kind_of, split_function
from anatomy.models.pretrained_weights import without_download
from anatomy.models.user_method import UserMethod

# Below this a graph of the zoo is built without a higher limit.
_USUAL_RECURSION_LIMIT = 1000


@dataclass(frozen=True)
class Origin:
    """Code for a model.

    Attributes:
        imports: statements, without those of Keras.
        definitions: of custom layers.
        lines: that set `model`.
        note: a sentence for the reader, empty where there is nothing to say.
        by_function: whether the user's function, module or file has it, with what they compiled it for.
    """

    lines: list[str]
    imports: list[str] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    note: str = ""
    by_function: bool = False


def origins_of(model: Any, case: Case) -> Iterable[Callable[[], Origin]]:
    """Ways to make the model, the most readable first; each may raise `InexpressibleError`."""
    yield lambda: _written_out(model)
    yield lambda: _packed(model)
    kind = kind_of(case.model)
    if kind == "function":
        yield lambda: _imported(case)
    elif kind == "file":
        yield lambda: _loaded(case)


def _written_out(model: Any) -> Origin:
    own = _own_layers(model)
    sources = sources_of(list(own.values()))
    return Origin(written_out(model, own), sources.imports, sources.definitions)


def _packed(model: Any) -> Origin:
    own = _own_layers(model)
    sources = sources_of(list(own.values()))
    given = [f"custom_objects={{{', '.join(f'{expression(name, {})}: {name}' for name in own)}}}"] if own else []
    lines = [
        f'PACKED = "{packed(model, own)}"',
        "CONFIG = zlib.decompress(base64.b85decode(PACKED))",
        *call("model = keras.models.model_from_json(", ["CONFIG", *given]),
    ]
    imports = ["import base64", "import zlib", *sources.imports]
    if len(model.layers) > _USUAL_RECURSION_LIMIT:
        # Rebuilt and traced layer by layer, each a few frames deep.
        imports.append("import sys")
        lines.insert(1, f"sys.setrecursionlimit({10 * len(model.layers)})")
    note = f"CONFIG is `model.to_json()`, {len(model.layers)} layers, packed."
    return Origin(lines, imports, sources.definitions, note)


def _imported(case: Case) -> Origin:
    """The user's function or model, found as Anatomy found it: from the working directory, or from its file.

    Raises:
        InexpressibleError: it is a method, which needs an instance that is set up.
    """
    if isinstance(find_object(case.model), UserMethod):
        raise InexpressibleError("a method, whose class needs setting up; make it a function of its module")
    place, name = split_function(case.model)
    if place.endswith(".py"):
        path = Path(place).resolve()
        folder, module = path.parent, path.stem
    else:
        folder, module = Path.cwd(), place
    return Origin(
        lines=[
            f"sys.path.insert(0, {expression(str(folder), {})})",
            f"user_module = importlib.import_module({expression(module, {})})",
            *_taken(case, f"user_module.{name}"),
        ],
        imports=["import importlib", "import sys"],
        note=f"The model has code of its own, so that it is built by {case.model}.",
        by_function=True,
    )


def _taken(case: Case, name: str) -> list[str]:
    """Lines that set `model` to an object of a module, or to what it builds."""
    import keras

    found = find_object(case.model)
    if isinstance(found, keras.Model):
        return [f"model = {name}"]
    options = without_download(case.model, found, case.options)
    return [
        *call(f"built = {name}(", [f"{option}={expression(value, {})}" for option, value in options.items()]),
        "model = built[0] if isinstance(built, tuple) else built  # its data may follow it",
    ]


def _loaded(case: Case) -> Origin:
    """A saved model, read from its file."""
    path = Path(case.model).resolve()
    safe = [f"safe_mode={expression(value, {})}" for value in case.options.values()]
    if path.suffix == ".json":
        imports = ["import json", "from pathlib import Path"]
        lines = [
            f"CONFIG = json.loads(Path({expression(str(path), {})}).read_text())",
            *call("model = keras.saving.deserialize_keras_object(", ["CONFIG", *safe]),
        ]
    else:
        imports, lines = [], call("model = keras.saving.load_model(", [expression(str(path), {}), *safe])
    note = f"The model has code of its own, so that it is read from {case.model}."
    return Origin(lines, imports, note=note, by_function=True)


def _own_layers(model: Any) -> dict[str, type]:
    """Classes of the zoo's layers in `model`, by name.

    Raises:
        InexpressibleError: a layer that is neither Keras's nor the zoo's.
    """
    import keras

    own: dict[str, type] = {}
    for layer in model._flatten_layers(include_self=False):
        kind = type(layer)
        if kind is keras.layers.Lambda or not kind.__module__.startswith(("keras.", "anatomy.models.")):
            raise InexpressibleError(f"{kind.__module__}.{kind.__qualname__} is not one of Keras's layers")
        if kind.__module__.startswith("anatomy.models."):
            own[kind.__name__] = kind
    if type(model).__name__ not in ("Functional", "Sequential") or not type(model).__module__.startswith("keras."):
        raise InexpressibleError(f"{type(model).__qualname__} is a class of the user's")
    return own
