"""Whether drawn ids cost what those of a text cost: `python -m tests.benchmarks.ids_of_text [--rounds 300]`.

The text is the docstrings of installed packages; its vocabulary is all of their words, the frequent ones first. A model
looks up its tokens and averages their vectors. Three sides take turns in this process: a loop by hand on passages of
the text, the same loop on ids below the length of the position table (what Anatomy drew once), and Anatomy's step on
the batch that it draws. Prints the rows that each touches, its median step and its ratio to the text's, with the 95 %
interval.
"""

from __future__ import annotations

import os
import re
import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from anatomy.bench.backends import step as step_module
from anatomy.bench.records.case import KerasBackend
from anatomy.bench.statistics.interval import between_processes
from anatomy.bench.workload.synthetic_batch import draw_batch, plan_inputs

EXAMPLES, LENGTH, DIMENSION = 256, 256, 64
BACKEND: KerasBackend = "jax"
PACKAGES = ("keras", "numpy", "pandas", "tensorflow", "torch", "jax")
STEPS = 20

Step = Callable[[], None]


def main() -> None:
    """Take turns, print the table."""
    parser = ArgumentParser()
    parser.add_argument("--rounds", type=int, default=300)
    rounds = parser.parse_args().rounds
    os.environ["KERAS_BACKEND"] = BACKEND
    text = text_ids()
    words = int(text.max()) + 1
    print(f"{len(text):,} words, {words:,} different ones; {BACKEND}, {EXAMPLES} passages of {LENGTH}")
    model = build(words)
    plan = plan_inputs(model, EXAMPLES, {})
    rng = np.random.default_rng(0)
    starts = rng.integers(0, len(text) - LENGTH, EXAMPLES)
    batches = {
        "text": np.stack([text[start : start + LENGTH] for start in starts]),
        "below the positions": rng.integers(0, LENGTH, (EXAMPLES, LENGTH), np.int32),
        "Anatomy": np.asarray(draw_batch(plan, (), None).x),
    }
    steps = {side: by_hand(model, ids) for side, ids in batches.items() if side != "Anatomy"}
    steps["Anatomy"] = anatomys(model, draw_batch(plan, (), None))
    found: dict[str, list[float]] = {side: [] for side in steps}
    for _ in range(rounds):
        for side, step in steps.items():
            found[side].append(seconds_of(step))
    for side, seconds in found.items():
        ratios = [own / of_text for own, of_text in zip(seconds, found["text"], strict=True)]
        interval = between_processes(ratios) if side != "text" else None
        said = f"  {median(ratios):.3f} [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
        print(f"{side:20} {len(np.unique(batches[side])):6,} rows {median(seconds) * 1e3:8.2f} ms{said}")


def text_ids() -> np.ndarray[Any, Any]:
    """The rank of each word of the docstrings, by how often it occurs."""
    words = [word for package in PACKAGES for word in re.findall(r"\w+|[^\w\s]", docstrings(package))]
    rank = {word: number for number, (word, _) in enumerate(Counter(words).most_common())}
    return np.array([rank[word] for word in words], np.int32)


def docstrings(package: str) -> str:
    """All docstrings of an installed package."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"{package} is not installed")
    sources = (path.read_text("utf-8", "replace") for path in sorted(Path(spec.origin).parent.rglob("*.py")))
    return "\n".join(text for source in sources for text in re.findall(r'"""(.*?)"""', source, re.DOTALL))


def build(words: int) -> Any:
    """The mean of word and position vectors, and a classifier."""
    import keras

    tokens, positions = keras.Input((LENGTH,), dtype="int32"), keras.ops.arange(LENGTH)
    placed = keras.layers.Embedding(words, DIMENSION)(tokens) + keras.layers.Embedding(LENGTH, DIMENSION)(positions)
    mean = keras.layers.GlobalAveragePooling1D()(placed)
    return keras.Model(tokens, keras.layers.Dense(4, activation="softmax")(mean))


def by_hand(model: Any, ids: np.ndarray[Any, Any]) -> Step:
    """A step as one writes it with JAX alone."""
    import jax

    weights = ([v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables])
    step = jax.jit(lambda weights, x: model.stateless_call(*weights, x, training=False)[0])
    x = jax.device_put(ids)
    return lambda: jax.block_until_ready(step(weights, x))


def anatomys(model: Any, batch: step_module.Batch) -> Step:
    """The step that Anatomy times."""
    model.compile()
    step = step_module.load(BACKEND).prepare(model, batch, "infer")
    return lambda: step.drain([step.launch()])


def seconds_of(step: Step) -> float:
    """Median of a few steps after one that warms the caches."""
    step()
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return median(seconds)


if __name__ == "__main__":
    main()
