"""The zoo's published figures, and two counters that share nothing with ours beside them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from anatomy.bench.counting import count_to_dict, inspect
from tests.marks import extended_but

ROOT = Path(__file__).parents[3]

CNNS = (
    "alexnet",
    "alexnet:towers=1",
    "vgg:depth=16",
    "vgg:depth=19",
    "googlenet:auxiliary=false",
    "googlenet:auxiliary=true",
    "wide_resnet",
    "wide_resnet:depth=28,width=10,conv_bias=false",
    "resnet:depth=110",
    "resnet:depth=1202",
    "resnet:depth=50",
    "unet",
    "unet:base_filters=64,padding=valid,upsampling=transpose,classes=2,input_shape=572x572x1",
    "text_cnn",
)
MORE_CNNS = ("vgg:depth=11", "vgg:depth=13", "resnet:depth=20", "resnet:depth=101", "unet:depth=3,base_filters=8")
MLPS = ("intro", "functional", "sequential", "binary", "multiclass", "mlp-softmax", "mlp-binary")
ZOO = (*MLPS, "lstm", "lstm:stateful=true,batch_size=32", *CNNS, "rcnn")
# Half of the published multiply-adds of the papers' tables, to their digits: ResNet-50 3.8·10⁹ (He et al.,
# table 1), MobileNetV2 300 M (Sandler et al., table 4), EfficientNet-B0 0.39·10⁹ (Tan and Le, table 2).
APPLICATIONS = {"ResNet50": (3.86e9, 0.01e9), "MobileNetV2": (300e6, 1e6), "EfficientNetB0": (0.39e9, 0.005e9)}


# Attention, every kind of recurrence, and transposed, dilated, grouped, separable, 1D and 3D convolutions.
OWN_FILE = ROOT / "tests" / "data" / "cross_check_models.py"
OWN = ["attention", "recurrent", "convolutions", "one_dimension", "volumes", "maps_over_time"]


@cache
def beside(backend: str, *names: str) -> dict[str, list[int]]:
    """name → [our MACs, those of the backend's counter], from a process on that backend."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.counting.independent_counters", *names],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, list[int]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.long
@pytest.mark.parametrize(
    ("text", "depth", "weight_layers"),
    [
        ("alexnet", 8, 8),
        ("vgg:depth=16", 16, 16),
        ("vgg:depth=19", 19, 19),
        ("googlenet:auxiliary=false", 22, 58),
        ("resnet:depth=50", 50, 54),
        ("resnet:depth=110", 110, 110),
        ("wide_resnet", 50, 53),
        ("lstm", 4, 4),
    ],
)
def test_depth_is_the_longest_path(text: str, depth: int, weight_layers: int) -> None:
    counts = inspect(text)
    assert (counts.depth, counts.weight_layers) == (depth, weight_layers)


@pytest.mark.parametrize("words", [1, 10, 123])
def test_rcnn_is_linear_in_its_length(words: int) -> None:
    assert inspect("rcnn:words=none", input_shape=(words, 100)).macs == 530_000 * words + 100


@pytest.mark.extended
@pytest.mark.backends
@pytest.mark.parametrize("text", [*ZOO, *(f"{OWN_FILE}:{name}" for name in OWN)])
def test_model_agrees_with_the_program_that_jax_compiles(text: str) -> None:
    pytest.importorskip("jax")
    ours, in_program = beside("jax", *ZOO, *(f"{OWN_FILE}:{name}" for name in OWN))[text]
    assert ours == in_program > 0


@pytest.mark.extended
@pytest.mark.backends
@pytest.mark.parametrize("text", [*CNNS, *MORE_CNNS])
def test_cnn_agrees_with_torch(text: str) -> None:
    pytest.importorskip("torch")
    ours, torchs = beside("torch", *CNNS, *MORE_CNNS)[text]
    assert ours == torchs


@pytest.mark.backends
@pytest.mark.parametrize("name", APPLICATIONS)
def test_keras_applications_agree_with_torch_and_the_papers(name: str) -> None:
    pytest.importorskip("torch")
    ours, torchs = beside("torch", *(f"applications:{each}" for each in APPLICATIONS))[f"applications:{name}"]
    published, tolerance = APPLICATIONS[name]
    assert ours == torchs
    assert ours == pytest.approx(published, abs=tolerance)


@pytest.mark.backends
@pytest.mark.parametrize("backend", extended_but(["torch", "jax"], "torch"))
def test_single_layers_agree(backend: str) -> None:
    pytest.importorskip(backend)
    found = beside(backend, "layers")
    assert len(found) > 20
    assert {name: ours for name, (ours, _) in found.items()} == {name: theirs for name, (_, theirs) in found.items()}


@pytest.mark.backends
@pytest.mark.parametrize("backend", ["tensorflow", "jax", "torch"])
def test_every_backend_gives_the_same_counts(backend: str) -> None:
    pytest.importorskip(backend)
    program = (
        "import json; from anatomy.bench.counting import inspect, count_to_dict;"
        "print(json.dumps([count_to_dict(inspect(m)) for m in ('googlenet', 'rcnn', 'unet', 'lstm')]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    expected = [count_to_dict(inspect(m)) for m in ("googlenet", "rcnn", "unet", "lstm")]
    assert [_unnamed(c) for c in json.loads(done.stdout)] == [_unnamed(c) for c in expected]


def _unnamed(counts: dict[str, object]) -> str:
    """Without the numbers that Keras gives to layers without a name of their own."""
    return json.dumps({key: value for key, value in counts.items() if key != "layers"})
