"""Run the part of each script that builds the model, and hold it against the original: `rebuild.py SCRIPT…`.

Anatomy cannot be imported here. Prints one line of JSON a script.
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

sys.modules["anatomy"] = None  # type: ignore[assignment]  # so that importing it fails


def layer_configs(config):
    """Configurations of the layers by name, of those that write theirs down."""
    return {entry["config"]["name"]: entry["config"] for entry in config["layers"]}


def rebuild(path):
    """Parameters, differing configurations and the largest difference of the outputs for equal weights."""
    text = path.read_text()
    end = text.index("\nassert model.count_params()")
    line = text[end:].split("\n")[1]
    names: dict[str, Any] = {"__name__": "script"}
    exec(compile(text[:end] + "\n" + line + "\n", str(path), "exec"), names)
    model = names["model"]
    own = {layer.name for layer in model.layers if type(layer).__module__ == "script"}
    saved = np.load(path.with_suffix(".npz"))
    model.set_weights([saved[name] for name in sorted(saved) if name.startswith("weight_")])
    x = saved["x"]
    outputs = keras.tree.flatten(model.predict(x, batch_size=len(x), verbose=0))
    expected = [saved[f"output_{n}"] for n in range(len(outputs))]
    theirs = layer_configs(json.loads(path.with_suffix(".json").read_text()))
    ours = layer_configs(json.loads(json.dumps(keras.saving.serialize_keras_object(model.get_config()))))
    return {
        "script": str(path),
        "parameters": model.count_params(),
        "missing": sorted(set(theirs) ^ set(ours)),
        "differing": [n for n in theirs if n not in own and ours.get(n) != theirs[n]],
        "deviation": max(float(np.abs(a.astype("float64") - b).max()) for a, b in zip(outputs, expected, strict=True)),
    }


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(json.dumps(rebuild(Path(argument))), flush=True)
