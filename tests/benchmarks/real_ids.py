"""Do drawn ids cost what words of a text cost? `python -m tests.benchmarks.real_ids [--rounds 6]`.

A bag of words over a table of 50,000 rows of 256 numbers, beside a table of 16 positions: inference on torch, where an
embedding is one gather. Three sides take turns, each in a fresh process: a loop written by hand on passages of the
documentation that comes with Python, Anatomy on the ids that it draws, and Anatomy on ids from 0 to 15, which every
table of the model has. Prints the ratio of each to the loop by hand, with its 95 % interval.
"""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

import numpy as np

ROWS, WIDTH, POSITIONS, LENGTH, BATCH = 50_000, 256, 16, 128, 64
SECONDS = 2.0


def build() -> Any:
    """The model."""
    import keras
    from keras import layers, ops

    words = keras.Input((LENGTH,), dtype="int32", name="words")
    places = keras.Input((LENGTH,), dtype="int32", name="places")
    x = layers.Embedding(ROWS, WIDTH)(words) + layers.Embedding(POSITIONS, WIDTH)(places)
    return keras.Model([words, places], layers.Dense(4)(ops.mean(x, axis=1)))


def text_ids() -> np.ndarray[Any, Any]:
    """Passages of a text as ids, frequent words first; words beyond the table are none."""
    from pydoc_data.topics import topics

    words = re.findall(r"[a-z']+|[0-9]|[^\w\s]", " ".join(topics.values()).lower())
    rank = {word: number for number, (word, _) in enumerate(Counter(words).most_common())}
    ids = np.array([rank[word] for word in words], np.int32)
    starts = np.random.default_rng(0).integers(0, len(ids) - LENGTH, BATCH)
    return np.stack([ids[start : start + LENGTH] for start in starts])


def by_hand() -> float:
    """Median seconds of a step on the text."""
    import torch

    model = build()
    words = torch.from_numpy(text_ids())
    places = torch.from_numpy(np.tile(np.arange(LENGTH, dtype=np.int32) % POSITIONS, (BATCH, 1)))
    times = []
    with torch.no_grad():
        end = time.perf_counter() + 2 * SECONDS
        while time.perf_counter() < end:
            start = time.perf_counter()
            model([words, places], training=False)
            times.append(time.perf_counter() - start)
    return float(np.median(times[len(times) // 2 :]))


def by_anatomy(inputs: dict[str, str]) -> float:
    """Median seconds of a step that Anatomy measures."""
    import anatomy.bench as ab

    options: Any = {"backend": "torch", "mode": "infer", "batch_size": BATCH, "inputs": inputs, "seconds": SECONDS}
    record = ab.measure("tests.benchmarks.real_ids:build", **options)
    if record.step_median_s is None:
        raise SystemExit(record.reason)
    return record.step_median_s


def main() -> None:
    """Take turns and print the ratios."""
    from tests.ratios import half_width

    parser = ArgumentParser()
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--by-hand", action="store_true", help="one side, in this process")
    given = parser.parse_args()
    if given.by_hand:
        print(by_hand())
        return
    logs: dict[str, list[float]] = {"drawn ids": [], "ids of the smallest table": []}
    command = [sys.executable, "-m", "tests.benchmarks.real_ids", "--by-hand"]
    for _ in range(given.rounds):
        done = subprocess.run(command, env={**os.environ, "KERAS_BACKEND": "torch"}, capture_output=True, check=True)
        hand = float(done.stdout.split()[-1])
        small = f"0..{POSITIONS - 1}"
        for side, inputs in zip(logs, ({}, {"words": small, "places": small}), strict=True):
            logs[side].append(math.log(by_anatomy(inputs) / hand))
    for side, values in logs.items():
        mean, half = float(np.mean(values)), half_width(values)
        low, ratio, high = (math.exp(mean + sign * half) for sign in (-1, 0, 1))
        print(f"{side} / text by hand: {ratio:.3f} [{low:.3f}, {high:.3f}], {len(values)} rounds")


if __name__ == "__main__":
    main()
