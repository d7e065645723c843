"""The figures of `counted_models.py`, worked out by hand, and beside them counters that share nothing with ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest

from anatomy.bench.counting import ModelCounts, count_model, inspect
from tests.bench.counting.counted_models import running_mean
from tests.bench.counting.test_cross_checks import beside
from tests.marks import extended_but

# Reading values, Keras 3.15 on TensorFlow and JAX meets numpy 2 with the older `__array__`.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

FILE = Path(__file__).with_name("counted_models.py")


class Figures(NamedTuple):
    """What a model counts; `None` for what is not asked."""

    macs: int
    parameters: int | None = None
    trainable_parameters: int | None = None
    training_flops: int | None = None
    product_macs: int | None = None


# Models of one input shape whose layers are all counted. The comments say how a figure comes about.
COUNTED = {
    "depthwise": Figures(13 * 13 * 49 * 512, 512 * 50),
    "depthwise_dilated": Figures(8 * 10 * 9 * 4 * 3),
    "depthwise_by_groups": Figures(16 * 16 * (9 * 3 * 24 + 9 * 24)),
    "strided": Figures(7 * 8 * 9 * 3 * 8),
    "grouped": Figures(100 * 9 * 2 * 12, 228),
    # Padding counts as data: 98 without it.
    "padded": Figures(16 * 4 * 2),
    "transposed": Figures(15 * 4 * 7 * 4),
    "transposed_to_one_channel": Figures(9 * 40),
    "separable": Figures(99 * (9 * 14 + 14 * 5), 201),
    # Resizing is no product.
    "upsampled": Figures(24 * 24 * 9 * 4 * 6),
    "volumes": Figures(216 * 27 * 2 * 4 + 27 * 27 * 4 * 8),
    "normalised": Figures(64 * 9 * 3 * 6, 168 + 24, 168 + 12),
    "xception": Figures(1_924_397_456, 20_861_480),
    "operation_in_groups": Figures(49 * 9 * 3 * 8),
    "operation_in_groups_channels_last": Figures(49 * 9 * 3 * 8),
    # Cutting patches is a copy; the backends' convolution with 48×48 ones would be 16·48·48 more.
    "cut_into_patches": Figures(16 * 48 * 20),
    # 11 frames, 64 long, 33 frequencies, real and imaginary; Keras counts the Fourier kernels among the trained.
    "spectrogram": Figures(11 * 64 * 66, 4_224, 4_224, 6 * 11 * 64 * 66),
    "cross_attention": Figures(9 * 32 * 64 + 13 * 20 * 64 + 13 * 20 * 96 + 9 * 13 * 4 * 40 + 9 * 96 * 32),
    "many_heads": Figures(24_890_880),
    "many_heads:heads=4": Figures(24_890_880),
    "grouped_queries": Figures(45_408),
    "fused_attention": Figures(2 * 20 * 20 * 12 * 8),
    "written_attention": Figures(16_896, training_flops=6 * 16_896, product_macs=2 * 8 * 8 * 24),
    "masked_tokens": Figures(7 * 4 * 64 + 2 * 49 * 8 + 24, product_macs=2 * 49 * 8),
    "windows": Figures(64 * 24 + 2 * 4 * 16 * 16 * 4, product_macs=2 * 4 * 16 * 16 * 4),
    "einsum_with_ellipsis": Figures(42 * 45),
    # Two at a time: 4·6·10 and 4·10·7, where all labels together are 1,680.
    "einsum_of_three": Figures(520, training_flops=6 * 520),
    "einsum_of_four": Figures(7 * 2 * 10 + 10 * 2 * 6 + 4 * 6 * 2),
    "tensordot_and_inner": Figures(6 * 35 + 6 * 21),
    "transposed_kernel": Figures(6 * 35 + 6 * 21),
    "broadcast_product": Figures(420, product_macs=420),
    # 8·8·16 a step of 8 examples.
    "product_over_the_batch": Figures(128, product_macs=128),
    "sums": Figures(0),
    "both_directions": Figures(51_200, 5_280),
    "unlike_directions": Figures(7 * (3 * (40 + 64) + 4 * (30 + 36))),
    "stacked_cells": Figures(6 * (4 * (35 + 49) + 3 * (63 + 81) + 4 * (36 + 16))),
    # A look-up, and a product with the same table.
    "tied_embedding": Figures(9 * 800, 800),
    "encoder_called_twice": Figures(2 * (600 + 150), 785),
    "transfer": Figures(72, 81, 81, 6 * 72),
    "transfer:training=true": Figures(72),
    "transfer:training=none": Figures(72),
    "transfer:joint=Concatenate": Figures(64 + 16),
    "transfer_from_an_application": Figures(24_451_072, trainable_parameters=2_562),
    # Without the inputs: a graph, queries, a table of distances, a kernel of factors.
    "graph": Figures(100 * 8 * 16 + 100 * 16 * 7),
    "adjacency": Figures(30 * 40 + 30 * 30 * 5, training_flops=2 * (3 * 1_200 + 2 * 4_500)),
    "adjacency:left=tensor": Figures(30 * 40 + 30 * 30 * 5),
    "constants_alone": Figures(30 * 10 * 8),
    "queries": Figures(10 * 64 + 5 * 8 * 10),
    "relative_bias": Figures(9 * 64 + 9 * 128),
    "weights_alone": Figures(8 * 4 * 12 + 30 * 8 * 12, training_flops=6 * 3_264),
    "weight_on_the_left": Figures(32),
    "added_loss": Figures(32),
    "running_mean": Figures(32),
    "noisy": Figures(32),
    "cut_positions": Figures(32),
    "cut_positions:length=none": Figures(32),
    "counted_positions": Figures(7 * 32),
    # The factors are multiplied at every step: 64·4·32.
    "low_rank_adapted": Figures(64 * 32 + 64 * 4 * 32, 2_464, 416, 6 * 10_240),
    "low_rank_adapted:layer=Conv2D": Figures(36 * 9 * 6 * 10 + 9 * 6 * 4 * 10),
    "low_rank_adapted:layer=EinsumDense": Figures(5 * 12 * 12 + 12 * 3 * 4 * 4),
    # Four bits are an element like any other, though two share a byte; a scale for each output is a weight.
    "quantised": Figures(25_600, 64 * 32 + 32 * 16 + 32 + 32 + 16, 32),
    # A scale and a zero point for each group, here of all inputs of an output, and the group of each input.
    "quantised:mode=int4": Figures(25_600, 64 * 32 + 32 * 16 + 32 + 2 * (32 + 16) + 64 + 32, 32),
    "quantised_table": Figures(7_200),
    "quantised_table:mode=int8": Figures(7_200),
    "frozen_kernel": Figures(2_048, 2_112, 32, 2 * 2_048),
    "frozen_kernel_behind": Figures(128, training_flops=2 * (3 * 64 + 2 * 64)),
    # A first layer that trains counts three passes, though its inputs need no gradient: 8,400 without.
    "frozen_trunk": Figures(3_700, 3_800, 510, 9_400),
    "frozen_branch": Figures(102, training_flops=2 * (48 + 3 * 48 + 2 * 6)),
    "stopped_gradient": Figures(54, training_flops=2 * (3 * 48 + 2 * 6)),
    # To the choice of a code no gradient goes, and through what is stopped none.
    "straight_through": Figures(108, training_flops=2 * (3 * 48 + 30 + 30)),
    "nearest_code": Figures(108, training_flops=2 * (3 * 48 + 30 + 2 * 30)),
    "vector_quantised": Figures(126, training_flops=2 * (3 * 48 + 30 + 2 * 30 + 3 * 18)),
    "gated_by_a_comparison": Figures(114, training_flops=2 * (48 + 3 * 48 + 3 * 18)),
    "left_unused": Figures(64, training_flops=2 * (40 + 3 * 24)),
    "steps_of_cells": Figures(7 * 16 + 2 * 7 * 63 + 12, training_flops=6 * (112 + 882 + 12)),
    "cut_table": Figures(7 * 4 * 5, training_flops=6 * 140),
    "crossed": Figures(20),
    "squeezed": Figures(10),
    "towers": Figures(396, training_flops=6 * 396),
    "called_again": Figures(800, training_flops=6 * 800),
    "rematerialised": Figures(1_024, training_flops=6 * 1_024),
    "chosen_by_a_weight": Figures(24),
}
# Where a backend does something else: it has another figure, or cannot run the model (`None`).
ELSEWHERE: dict[str, dict[str, int | None]] = {
    "jax": {
        "cut_into_patches": 16 * 48 * 20 + 16 * 48 * 48,
        # Resized by products, and transposed by a convolution of the padded input.
        "upsampled": 24 * 24 * 9 * 4 * 6 + 24 * 12 * 12 * 4 + 24 * 12 * 24 * 4,
        "transposed_to_one_channel": 9 * 9 * 40,
        # Keras 3.15 on JAX cannot run attention whose values have another size than its keys.
        "cross_attention": None,
        # Keras runs cells that it does not know once more, to learn the structure of their outputs.
        "stacked_cells": 5_856 + 4 * (35 + 49) + 3 * (63 + 81),
        # Of one example, every axis of length 1 is left out; look-ups are TensorFlow's.
        "squeezed": None,
        "crossed": None,
    },
    "torch": {
        "cut_into_patches": 16 * 48 * 20 + 16 * 48 * 48,
        "stacked_cells": 5_856 + 2 * (4 * (35 + 49) + 3 * (63 + 81)),
        "steps_of_cells": 1_006 + 16,
        "squeezed": None,
    },
}
OPEN = ("cut_positions:length=none",)
# What Keras 3.15 does not build.
NOT_BUILT = {"tensorflow": ("tensordot_and_inner",), "jax": OPEN, "torch": OPEN}
TRAINED = (
    *("strided", "written_attention", "windows", "einsum_of_three", "called_again", "towers", "adjacency", "queries"),
    *("weights_alone", "low_rank_adapted", "frozen_kernel_behind", "stopped_gradient", "transfer"),
    *("straight_through", "nearest_code", "gated_by_a_comparison", "left_unused"),
)


def counted(name: str, **options: Any) -> ModelCounts:
    if name in NOT_BUILT[keras.config.backend()]:
        pytest.skip(f"Keras does not build it on {keras.config.backend()}")
    return inspect(f"{FILE}:{name}", **options)


@pytest.mark.long
@pytest.mark.parametrize("name", COUNTED)
def test_figures(name: str) -> None:
    found = counted(name)
    assert found.uncounted == ()
    assert {figure: getattr(found, figure) for figure in asked(name)} == asked(name)


def asked(name: str) -> dict[str, int]:
    return {figure: value for figure, value in COUNTED[name]._asdict().items() if value is not None}


@pytest.mark.backends
@pytest.mark.parametrize("name", [name for name in COUNTED if name not in OPEN])
@pytest.mark.parametrize("backend", extended_but(["torch", "jax"], "torch"))
def test_agrees_with_the_products_that_a_backend_carries_out(backend: str, name: str) -> None:
    pytest.importorskip(backend)
    unlike = ELSEWHERE[backend]
    if unlike.get(name, 0) is None:
        pytest.skip(f"{backend} cannot run it")
    names = (f"{FILE}:{each}" for each in COUNTED if each not in OPEN and unlike.get(each, 0) is not None)
    ours, theirs = beside(backend, *names)[f"{FILE}:{name}"]
    assert theirs == unlike.get(name, ours)


@pytest.mark.backends
@pytest.mark.parametrize("name", TRAINED)
def test_training_agrees_with_torch(name: str) -> None:
    pytest.importorskip("torch")
    ours, torchs = beside("torch", *(f"training:{FILE}:{each}" for each in TRAINED))[f"training:{FILE}:{name}"]
    assert ours == torchs


def test_a_shared_layer_of_a_subclassed_model() -> None:
    found = counted("shared_by_three_parents", input_shape=(300,))
    assert (found.macs, found.parameters, found.weight_layers) == (30_000, 10_100, 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "macs", "reasons"),
    [
        ("scanned", 0, ["the work of operation Scan is not known"]),
        ("values_of_the_backend", 12 + 8, ["RuntimeError: this layer needs (counted_models.py, line "]),
        ("multiplied_by_the_backend", 0, ["it reads the values of its weight 'w0'"]),
        ("open_recurrence", 0, ["a length is unknown (None): give it by --input-shape"]),
        ("counted_positions:length=none", 0, ["a length is unknown (None): give it by --input-shape"]),
    ],
)
def test_what_is_not_counted_says_why(name: str, macs: int, reasons: list[str]) -> None:
    found = counted(name)
    assert found.macs == macs
    assert len(found.uncounted) == len(reasons)
    assert all(reason in layer.note for layer, reason in zip(found.uncounted, reasons, strict=True))


@pytest.mark.long
def test_open_lengths_leave_open_what_depends_on_them() -> None:
    found = counted("cut_positions:length=none")
    assert (found.input_shape, found.output_shape, found.parameters) == ([None], [4], 400 + 256 + 36)
    assert [row.output_shape for row in found.layers] == [[None, 8], [None, 8], [8], [4]]
    assert [row.units for row in found.layers] == [None, None, 8, 4]
    assert counted("open_recurrence", input_shape=(25, 6)).macs == 16_000


def test_counting_changes_no_value_of_a_weight() -> None:
    model = running_mean()
    before = model.get_weights()
    count_model(model)
    assert all(map(np.array_equal, before, model.get_weights()))
    assert tuple(model(np.ones((2, 8), "float32")).shape) == (2, 4)
