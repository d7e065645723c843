"""Generate scripts on the backend of KERAS_BACKEND: `write_scripts.py FOLDER MODE MODEL…`.

Beside each script: the model's weights, an input and the outputs (`.npz`), its configuration (`.json`).
"""

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.script.generate_script import script_of
from anatomy.bench.workload.build_case import build
from anatomy.models import parse_model

BATCH_SIZE = 8


def write(text, mode, folder):
    """One model; prints where its script is."""
    spec = parse_model(text)
    mode = "infer" if spec.options.get("keywords") else mode
    case = Case(
        model=spec.model, options=spec.options, mode=mode, backend=keras.backend.backend(), batch_size=BATCH_SIZE
    )
    built = build(case)
    script = script_of(built, case, MeasureSettings(steps=6, warmup_s=0.0))
    path = folder / f"{case.key}.py"
    path.write_text(script)
    outputs = keras.tree.flatten(built.model.predict(built.batch.x, batch_size=BATCH_SIZE, verbose=0))
    weights: dict[str, Any] = {f"weight_{n:04}": np.array(w) for n, w in enumerate(built.model.get_weights())}
    np.savez(path.with_suffix(".npz"), x=built.batch.x, **weights, **{f"output_{n}": o for n, o in enumerate(outputs)})
    config = keras.saving.serialize_keras_object(built.model.get_config())
    path.with_suffix(".json").write_text(json.dumps(config))
    print(json.dumps({"model": text, "script": str(path)}), flush=True)


if __name__ == "__main__":
    for model in sys.argv[3:]:
        write(model, sys.argv[2], Path(sys.argv[1]))
