"""Native PyTorch beside torchvision's own networks: is what Anatomy writes as fast as what experts wrote?

    python -m tests.benchmarks.native_against_torchvision [--mode infer|train] [--batch 8] [--pairs 12] [NETWORK…]

The same network on the same input, in both memory formats. Blocks of steps of the two alternate in one process; the
figure is the mean ratio of neighbouring blocks, native by torchvision, with its 95 % interval (Student's t on
logarithms). Run it on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
from collections.abc import Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")

import torch

from anatomy.bench.native.translate import translate
from tests.benchmarks.alternating_blocks import Step, log_ratios
from tests.benchmarks.torchvision_networks import NETWORKS
from tests.ratios import half_width

FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}
CLASSES = 1000
RATE, MOMENTUM = 0.01, 0.9

_LIBRARY = torch.library.Library("torchvision", "FRAGMENT")


@cache
def torchvision_models() -> Any:
    """`torchvision.models`, also where torchvision was built for CUDA and torch was not.

    Its compiled operations, which no classifier uses, cannot be loaded then, and importing it describes two of them.
    """
    found = find_spec("torchvision")
    if found is None or found.origin is None:
        raise SystemExit("torchvision is not installed: pip install keras-anatomy[test]")
    try:
        torch.ops.load_library(str(Path(found.origin).with_name("_C.so")))
    except OSError:
        for name in ("nms", "qnms"):
            _LIBRARY.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return import_module("torchvision.models")


def theirs(name: str) -> Any:
    """The network, with new weights and without auxiliary heads."""
    options = {"aux_logits": False, "init_weights": False} if name == "googlenet" else {}
    return getattr(torchvision_models(), name)(weights=None, **options)


def shapes(network: Any) -> list[tuple[int, ...]]:
    """Of all parameters, sorted."""
    return sorted(tuple(parameter.shape) for parameter in network.parameters())


def steps_of(name: str, mode: str, batch: int, memory_format: Any) -> tuple[Step, Step]:
    """A step of the native program and one of torchvision's network, on the same data."""
    trains = mode == "train"
    keras_model = NETWORKS[name]()
    if trains:
        import keras

        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        keras_model.compile(keras.optimizers.SGD(RATE, momentum=MOMENTUM), loss)
    names = translate(keras_model, "torch", trains).load()
    ours, other = names["Network"](), theirs(name)
    assert shapes(ours) == shapes(other), f"{name}: the Keras model is not torchvision's"
    for network in (ours, other):
        network.train(trains).to(memory_format=memory_format)
    x = torch.randn(batch, 3, 224, 224).contiguous(memory_format=memory_format)
    target = torch.randint(CLASSES, (batch,))
    if not trains:
        return (lambda: _infer(ours, (x,))), (lambda: _infer(other, x))
    optimizer = names["make_optimizer"](ours)
    other_optimizer = torch.optim.SGD(other.parameters(), lr=RATE, momentum=MOMENTUM)

    def train_theirs() -> None:
        other_optimizer.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(other(x), target).backward()
        other_optimizer.step()

    return (lambda: names["train_step"](ours, optimizer, (x,), (target,))), train_theirs


def _infer(network: Any, x: Any) -> Any:
    with torch.inference_mode():
        return network(x)


def _finished(result: Any) -> None:
    """On a CPU a step is done when it returns."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per network and memory format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=list(NETWORKS), help=", ".join(NETWORKS))
    parser.add_argument("--mode", choices=("infer", "train"), default="infer")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=12)
    given = parser.parse_args(arguments)
    print(
        f"| network, {given.mode}, batch {given.batch} | memory format | native / torchvision | 95 % interval | pairs |"
    )
    print("| --- | --- | --- | --- | --- |")
    for name in given.networks:
        for label, memory_format in FORMATS.items():
            ours, other = steps_of(name, given.mode, given.batch, memory_format)
            logs = log_ratios(ours, other, given.pairs, _finished)
            mean, half = statistics.fmean(logs), half_width(logs)
            low, high = math.exp(mean - half), math.exp(mean + half)
            print(f"| {name} | {label} | {math.exp(mean):.3f} | {low:.3f} to {high:.3f} | {len(logs)} |", flush=True)


if __name__ == "__main__":
    main()
