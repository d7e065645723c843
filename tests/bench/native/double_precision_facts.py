"""What a comparison in float64 shows on a backend. Prints one line of JSON: names of facts and whether they hold."""

from __future__ import annotations

import json
import re

import keras
import numpy as np

from anatomy.bench.errors.anatomy_error import InvalidCaseError
from anatomy.bench.native.agreement import Trial, _amplifies_rounding, _compare_again, _compare_training
from anatomy.bench.native.learning_rates import slow_down
from anatomy.bench.native.program import Array
from anatomy.bench.records.case import Case
from anatomy.bench.workload.build_case import build
from anatomy.bench.workload.double_precision import double_precision

BACKEND = keras.config.backend()
MODELS = "tests.bench.native.double_models"
# Of the change of a weight; float64 rounds at 1e-16.
CLOSE = 1e-7


def case_of(name: str) -> Case:
    return Case(model=f"{MODELS}:{name}", backend=f"native-{BACKEND}", mode="train", batch_size=4)  # type: ignore[arg-type]


def agrees(name: str) -> bool:
    """In float64, closer than float32 could tell."""
    text = _compare_again(case_of(name), 1)
    found = re.search(r"agree within (\S+) %", text)
    return text.endswith("in float64") and found is not None and float(found[1]) / 100 < CLOSE


def few_steps_agree(name: str) -> bool:
    """So closely as is asked of them."""
    with double_precision():
        return "after 2 steps" in _compare_training(case_of(name), Trial(1, double=True, few=True))


def grows(name: str) -> bool:
    """Whether Keras differs from itself after five steps."""
    with double_precision():
        return _amplifies_rounding(case_of(name), Trial(1, double=True))


def one_of_another_rate_differs(name: str, few: bool = False) -> bool:
    """A planted fault of 5 %."""

    class Faster(Trial):
        """Keras's side, which is built second, at another learning rate."""

        builds = 0

        def build(self, case: Case):  # type: ignore[no-untyped-def]
            built = super().build(case)
            Faster.builds += 1
            if Faster.builds == 2:
                slow_down(built.model.optimizer, 1.05)
            return built

    try:
        with double_precision():
            _compare_training(case_of(name), Faster(1, double=True, few=few))
    except InvalidCaseError:
        return True
    return False


def dtypes(double: bool) -> set[str]:
    """Of the weights, the outputs and the batch of a model that names float32."""
    built = build(case_of("naming_float32"), double=double)
    output: Array = keras.ops.convert_to_numpy(built.model(built.batch.x))
    weights = {variable.dtype for variable in built.model.trainable_variables}
    return {*weights, str(output.dtype), str(built.batch.x.dtype)}


def own_network_stays() -> bool:
    """A network of the user's own, whose weights are float32, is not said to be compared in float64."""
    case = Case(
        model="tests.bench.native.own_networks:" + {"torch": "cnn_with_data", "jax": "mlp_with_data"}[BACKEND],
        backend=f"native-{BACKEND}",  # type: ignore[arg-type]
        mode="train",
        batch_size=8,
    )
    try:
        with double_precision():
            build(case, double=True)
    except NotImplementedError as error:
        return "stay in the dtype" in str(error)
    return False


def default_float() -> str:
    """Return the dtype that the framework gives to floats."""
    if BACKEND == "torch":
        import torch

        return str(torch.ones(1).dtype).removeprefix("torch.")
    if BACKEND == "jax":
        import jax

        return str(jax.numpy.asarray(np.ones(1)).dtype)
    return "float32"


def main() -> None:
    with double_precision():
        in_double = dtypes(double=True)
    facts = {
        "a model that names float32 is float64": in_double == {"float64", "uint8"},
        "a deep network agrees": agrees("deep"),
        "Adam with a schedule agrees": agrees("deep_with_adam"),
        "a model that names float32 agrees": agrees("naming_float32"),
        "few steps agree": few_steps_agree("deep"),
        "its rounding does not grow so far": not grows("deep"),
        "another learning rate is found": one_of_another_rate_differs("deep"),
        "it is found in few steps": one_of_another_rate_differs("deep", few=True),
        "another learning rate of Adam is found": one_of_another_rate_differs("deep_with_adam"),
        "afterwards all is float32": dtypes(double=False) == {"float32", "uint8"} and default_float() == "float32",
    }
    if BACKEND != "tensorflow":
        facts["a network of the user's own stays as it is"] = own_network_stays()
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
