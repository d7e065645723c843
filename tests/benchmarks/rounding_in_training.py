"""How far rounding alone moves trained weights apart: Keras beside itself, and its native program beside it.

    python -m tests.benchmarks.rounding_in_training MODEL [--framework torch] [--batch 4] [--steps 1,2,5]

Keras trains a model twice from the same weights, the second time with each of them nudged by about one rounding of
float32, and the native program trains once. Prints, for each number of steps, the largest difference of a weight beside
the largest change of its tensor, and the median of that over the tensors. Where Keras differs from itself by as much as
from the native program, the comparison tells nothing about the program, and has to be made in float64.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

# The last of the comparisons of `agreement`, at a hundredth of the learning rate.
LAST = 2
# Of each weight: float32 has 24 binary digits.
NUDGE = 1e-7


def trained(case: Any, steps: int, nudge: float, native: bool) -> tuple[list[Any], list[Any]]:
    """Weights before and after some steps of Keras, or of the native program."""
    from anatomy.bench.native import agreement

    built, _ = agreement._prepared(case, agreement.Trial(LAST))
    rng = np.random.default_rng(0)
    for variable in built.model.trainable_variables if nudge else ():
        value = np.array(variable.numpy())
        variable.assign((value * (1 + nudge * rng.choice([-1, 1], value.shape))).astype(value.dtype))
    before = agreement._weights(built.model)
    if native:
        step = agreement._step(case, built)
        for _ in range(steps):
            step.drain([step.launch()])
        step.restore()
    else:
        for _ in range(steps):
            built.model.train_on_batch(built.batch.x, built.batch.y)
    return before, agreement._weights(built.model)


def apart(one: Sequence[Any], other: Sequence[Any], moved: Sequence[float]) -> tuple[float, float]:
    """The largest and the median difference of the changes, beside the largest change of each tensor."""
    least = 0.01 * max(moved)
    shares = [float(np.abs(a - b).max(initial=0)) / max(d, least) for a, b, d in zip(one, other, moved, strict=True)]
    return max(shares), float(np.median(shares))


def changes(run: tuple[list[Any], list[Any]]) -> list[Any]:
    """What the steps added to each weight."""
    return [after - before for before, after in zip(*run, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a row for each number of steps."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--framework", default="torch", choices=("torch", "jax", "tensorflow"))
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--steps", default="1,2,5")
    given = parser.parse_args(arguments)
    os.environ["KERAS_BACKEND"] = given.framework

    from anatomy.bench.suites.axis_options import parse_axes
    from anatomy.bench.suites.plan import plan
    from anatomy.bench.suites.suite import Suite

    axes = {"backend": [f"native-{given.framework}"], "mode": ["train"], "batch_size": [str(given.batch)]}
    suite = Suite.model_validate({"name": "one", "matrix": [{"model": [given.model]}]})
    (case,) = plan(suite, parse_axes(axes))  # type: ignore[arg-type]  # lists of strings
    print("| steps | Keras nudged: largest | median | native: largest | median |")
    print("|---:|---:|---:|---:|---:|")
    for steps in map(int, given.steps.split(",")):
        own = changes(trained(case, steps, 0.0, native=False))
        moved = [float(np.abs(change).max(initial=0)) for change in own]
        nudged = apart(changes(trained(case, steps, NUDGE, native=False)), own, moved)
        native = apart(changes(trained(case, steps, 0.0, native=True)), own, moved)
        print(f"| {steps} | {nudged[0]:.2g} | {nudged[1]:.2g} | {native[0]:.2g} | {native[1]:.2g} |", flush=True)


if __name__ == "__main__":
    main()
