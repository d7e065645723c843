"""The lines that build a model layer by layer, as one writes it by hand."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from typing import Any

from anatomy.bench.script.code_layout import call
from anatomy.bench.script.expression import InexpressibleError, construct


def written_out(model: Any, names: Mapping[str, Any]) -> list[str]:
    """Code that makes `model` from `keras` and `layers`.

    Args:
        model: a Sequential, or a Functional whose layers are each used once.
        names: custom layers that the script defines, by class name.

    Raises:
        InexpressibleError: another kind of model, or a layer for which there is no plain call.
    """
    import keras

    if type(model) is keras.Sequential:
        return _sequential(model, names)
    if type(model).__name__ == "Functional" and type(model).__module__.startswith("keras."):
        return _functional(model, names)
    raise InexpressibleError(f"{type(model).__name__} is neither Sequential nor functional")


def _sequential(model: Any, names: Mapping[str, Any]) -> list[str]:
    (tensor,) = model.inputs
    lines = [f"    {_input(model.get_config()['layers'][0]['config'], tensor)},"]
    for layer in model.layers:
        path, arguments = construct(layer, names)
        lines += call(f"{path}(", arguments, "),", indent=4)
    return ["stack = [", *lines, "]", f'model = keras.Sequential(stack, name="{model.name}")']


def _functional(model: Any, names: Mapping[str, Any]) -> list[str]:
    config = model.get_config()
    variables = _variables(config)
    lines = []
    layers = {layer.name: layer for layer in model.layers}
    for entry in config["layers"]:
        if entry["name"] not in layers:
            raise InexpressibleError(f"{entry['name']} is an operation, not a layer")
        layer = layers[entry["name"]]
        target = variables[entry["name"]]
        if entry["class_name"] == "InputLayer":
            lines.append(f"{target} = {_input(entry['config'], layer.output)}")
            continue
        path, arguments = construct(layer, names)
        lines += call(f"{target} = {path}(", arguments, f")({_argument(entry, variables)})")
    inputs, outputs = (_tensors(config[key], variables) for key in ("input_layers", "output_layers"))
    if set(variables.values()) == {"x"}:
        # A chain: the input's name is the one that must survive.
        lines[0] = lines[0].replace("x = ", "inputs = x = ", 1)
        inputs = "inputs"
    return [*lines, f'model = keras.Model({inputs}, {outputs}, name="{model.name}")']


def _variables(config: Mapping[str, Any]) -> dict[str, str]:
    """A name for the output of each layer: `x` all along a chain, else the layer's own."""
    names = [entry["name"] for entry in config["layers"]]
    before = [_sources(entry) for entry in config["layers"]]
    if all(sources == [name] for sources, name in zip(before[1:], names, strict=False)):
        return dict.fromkeys(names, "x")
    variables = {name: re.sub(r"\W", "_", name) for name in names}
    taken = {"keras", "layers", "model", "np", "x", "y", "rng"}
    if len(set(variables.values())) < len(names) or any(
        keyword.iskeyword(v) or not v.isidentifier() or v in taken for v in variables.values()
    ):
        return {name: f"t{number}" for number, name in enumerate(names)}
    return variables


def _sources(entry: Mapping[str, Any]) -> list[str]:
    """Names of the layers whose outputs this one takes."""
    nodes = entry["inbound_nodes"]
    if entry["class_name"] == "InputLayer":
        return []
    if len(nodes) != 1:
        raise InexpressibleError(f"layer {entry['name']} is used {len(nodes)} times")
    arguments = nodes[0]["args"]
    if len(arguments) != 1 or any(value not in (None, True, False) for value in nodes[0]["kwargs"].values()):
        raise InexpressibleError(f"layer {entry['name']} is called with more than its inputs")
    tensors = arguments[0] if isinstance(arguments[0], list) else arguments
    histories = [tensor["config"]["keras_history"] for tensor in tensors]
    if any(node or output for _, node, output in histories):
        raise InexpressibleError(f"layer {entry['name']} takes one of several outputs")
    return [name for name, *_ in histories]


def _argument(entry: Mapping[str, Any], variables: Mapping[str, str]) -> str:
    """What a layer is called with: a tensor or a list of them, and flags such as `training=False`."""
    (node,) = entry["inbound_nodes"]
    taken = ", ".join(variables[name] for name in _sources(entry))
    flags = "".join(f", {name}={value}" for name, value in node["kwargs"].items() if value is not None)
    return (f"[{taken}]" if isinstance(node["args"][0], list) else taken) + flags


def _tensors(history: Any, variables: Mapping[str, str]) -> str:
    """One tensor, a list or a dict of them; Keras writes one as `[name, node, output]`."""
    if isinstance(history, dict):
        return "{" + ", ".join(f'"{key}": {_tensors(part, variables)}' for key, part in history.items()) + "}"
    if isinstance(history[0], str):
        return variables[history[0]]
    return "[" + ", ".join(_tensors(part, variables) for part in history) + "]"


def _input(config: Mapping[str, Any], tensor: Any) -> str:
    import keras

    if config.get("sparse") or config.get("ragged") or config.get("optional"):
        raise InexpressibleError("sparse, ragged and optional inputs have no plain call")
    batch, *shape = tensor.shape
    sizes = f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"
    parts = [sizes, f'name="{config["name"]}"']
    if batch is not None:
        parts.append(f"batch_size={batch}")
    if config["dtype"] != keras.config.floatx():
        parts.append(f'dtype="{config["dtype"]}"')
    return f"keras.Input({', '.join(parts)})"
