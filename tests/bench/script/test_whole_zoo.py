"""Every name of the zoo at its full size: its script builds the same model. No weights are drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from anatomy.bench.backends.step import Batch
from anatomy.bench.counting import abstract_model
from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.script.generate_script import script_of
from anatomy.bench.workload.build_case import Built
from anatomy.bench.workload.synthetic_batch import plan_inputs
from anatomy.models import build_any, names, parse_model

# Deeper or wider than others of the same code.
EXTENDED = ("resnet32", "resnet44", "resnet56", "resnet101", "resnet110", "resnet152", "wrn-52-4", "wrn-52-4-no-bias")
MARKS = dict.fromkeys(EXTENDED, pytest.mark.extended) | {"resnet1202": pytest.mark.slow}


@pytest.mark.long
@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name, ())) for name in names()])
def test_builds_the_same_model(name: str) -> None:
    import keras

    spec = parse_model(name)
    case = Case(model=spec.model, options=spec.options, mode="infer", backend=keras.backend.backend())
    with abstract_model():
        model = build_any(spec.model, spec.options)
        model.compile()
        text = script_of(Built(model, Batch(None), plan_inputs(model, case.batch_size, {})), case, MeasureSettings())
        built: dict[str, Any] = {"__name__": "script"}
        # With the script's own check of the number of parameters.
        exec(text[: text.index("\nmodel.compile(")], built)
    ours, theirs = _layers(built["model"]), _layers(model)
    assert ours.keys() == theirs.keys()
    assert [shape for *_, shape in ours.values()] == [shape for *_, shape in theirs.values()]
    own = {layer.name for layer in built["model"].layers if type(layer).__module__ == "script"}
    assert {n: c for n, c in ours.items() if n not in own} == {n: c for n, c in theirs.items() if n not in own}


def _layers(model: Any) -> Mapping[str, tuple[Any, Any]]:
    """Configuration and shapes of weights of each layer; layers of the script do not write theirs down."""
    import keras

    return {
        layer.name: (
            json.loads(json.dumps(keras.saving.serialize_keras_object(layer.get_config()))),
            [tuple(weight.shape) for weight in layer.weights],
        )
        for layer in model.layers
    }
