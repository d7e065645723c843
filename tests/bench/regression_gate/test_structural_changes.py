"""What was changed in a model is named, and a name that Keras made up does not count as a change."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.bench.records.layer_outline import LayerOutline
from anatomy.bench.regression_gate.structural_changes import MOST_LINES, structural_changes


def conv(name: str, kernel: int = 3, filters: int = 8, inputs: int = 8, kind: str = "Conv2D") -> LayerOutline:
    settings = {"kernel_size": f"{kernel}×{kernel}", "filters": str(filters)}
    return LayerOutline(
        name=name, type=kind, settings=settings, weights={"kernel": f"{kernel}×{kernel}×{inputs}×{filters}"}
    )


def plain(name: str, kind: str) -> LayerOutline:
    return LayerOutline(name=name, type=kind)


BASE = [plain("image", "InputLayer"), conv("enc1"), conv("dec1"), plain("dropout", "Dropout"), conv("head", 1)]


@pytest.mark.parametrize(
    ("candidate", "said"),
    [
        (BASE, []),
        ([BASE[0], conv("enc1"), conv("dec1", 5), *BASE[3:]], ["dec1: kernel_size 3×3 → 5×5"]),
        (
            [*BASE[:3], plain("dec1_bn", "BatchNormalization"), *BASE[3:]],
            ["+ dec1_bn (BatchNormalization)"],
        ),
        ([*BASE[:3], BASE[4]], ["− dropout (Dropout)"]),
        ([BASE[0], conv("enc1", kind="SeparableConv2D"), *BASE[2:]], ["enc1: Conv2D → SeparableConv2D"]),
        # Layers before shapes that follow from them.
        (
            [BASE[0], conv("enc1", filters=16), conv("dec1", inputs=16), *BASE[3:]],
            ["enc1: filters 8 → 16", "dec1: weights kernel 3×3×8×8 → 3×3×16×8"],
        ),
        ([BASE[0], conv("enc1", inputs=3), *BASE[2:]], ["enc1: weights kernel 3×3×8×8 → 3×3×3×8"]),
    ],
)
def test_changes_are_named(candidate: list[LayerOutline], said: list[str]) -> None:
    assert structural_changes(BASE, candidate) == said


def test_names_that_keras_made_up_may_shift() -> None:
    base = [conv("conv2d"), conv("conv2d_1"), plain("block_1", "Functional"), conv("block_1/conv2d_2")]
    new = [conv("conv2d"), plain("batch_normalization", "BatchNormalization"), conv("conv2d_1"), *base[2:3]]
    assert structural_changes(base, [*new, conv("block_1/conv2d_7")]) == ["+ batch_normalization (BatchNormalization)"]
    assert structural_changes([conv("conv2d_3"), conv("conv2d_4")], [conv("conv2d_5"), conv("conv2d_6")]) == []


def test_the_inner_names_of_a_bidirectional_layer_may_shift() -> None:
    def both(number: str) -> list[LayerOutline]:
        around = plain(f"bidirectional{number}", "Bidirectional")
        return [around, *(plain(f"{around.name}/{way}_lstm{number}", "LSTM") for way in ("forward", "backward"))]

    assert structural_changes(both(""), [plain("lstm", "LSTM"), *both("_1")]) == ["+ lstm (LSTM)"]


def test_two_large_models_are_compared_in_a_moment() -> None:
    """Models of two thousand layers of few kinds, one of them with twenty more, and two that share nothing."""
    base = [conv(f"conv2d_{n}") if n % 2 else plain(f"re_lu_{n}", "ReLU") for n in range(2_000)]
    more = [*base[:1_000], *(plain(f"dropout_{n}", "Dropout") for n in range(20)), *base[1_000:]]
    said = structural_changes(base, more)
    assert said[:2] == ["+ dropout_0 (Dropout)", "+ dropout_1 (Dropout)"]
    assert said[-1] == f"and {20 - MOST_LINES} more changes"
    other = [plain(f"dense_{n}", "Dense") for n in range(2_000)]
    assert structural_changes(base, other)[-1] == f"and {4_000 - MOST_LINES} more changes"


def test_many_changes_are_counted() -> None:
    said = structural_changes([], [conv(f"layer{number}") for number in range(30)])
    assert len(said) == MOST_LINES + 1
    assert said[-1] == f"and {30 - MOST_LINES} more changes"


LAYERS = st.lists(
    st.builds(conv, st.text("abc", min_size=1, max_size=3), st.integers(1, 3), st.integers(1, 3)), max_size=8
)


@given(LAYERS, LAYERS)
def test_equal_models_and_only_they_are_unchanged(base: list[LayerOutline], candidate: list[LayerOutline]) -> None:
    assert structural_changes(base, base) == []
    assert (structural_changes(base, candidate) == []) == (base == candidate)
