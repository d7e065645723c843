"""Random models beside their programs, on the backend of KERAS_BACKEND; ends with an error at the first that deviates.

Run as a program: `python -m tests.bench.native.compare_random_models NUMBER`.
"""

from __future__ import annotations

import sys
from typing import Any

import keras
from hypothesis import HealthCheck, given, settings

from anatomy.bench.native.model_graph import model_graph
from anatomy.bench.native.translate import translate
from anatomy.bench.workload.numpy_initialisers import numpy_initialisers
from tests.bench.native.compare_programs import BACKEND, compare_outputs
from tests.bench.native.random_models import models

TOLERANCE = 1e-5
kinds: set[str] = set()


@given(models())
def compare(model: Any) -> None:
    deviation = compare_outputs(model)["outputs"]
    kinds.update(type(call.operation).__name__ for call in model_graph(model).calls)
    if deviation > TOLERANCE:
        raise AssertionError(f"{deviation}\n{model.to_json()}\n{translate(model, BACKEND, False).source}")


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    number = int(sys.argv[1])
    checks = list(HealthCheck)
    with numpy_initialisers():
        settings(max_examples=number, deadline=None, derandomize=True, database=None, suppress_health_check=checks)(
            compare
        )()
    print(number, *sorted(kinds))
