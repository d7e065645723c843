import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.models import googlenet, vgg
from anatomy.reports import network_arithmetic

counts = st.integers(min_value=1, max_value=10**9)


@pytest.mark.parametrize(
    ("claimed", "counted", "verdict"),
    [
        (8, 8, "true"),
        (60e6, 60_965_224, "true, rounded"),
        (650e3, 659_272, "true, rounded down"),
        (138e6, 138_357_544, "true, rounded"),
        (19.4e6, 19_421_274, "true, rounded"),
        (4e6, 6_998_552, "false"),
        (4e6, 4_500_000, "true, rounded down"),
        (4e6, 3_500_000, "true, rounded"),
        (4e6, 3_499_999, "false"),
        (22, 23, "false"),
    ],
)
def test_agreement(claimed: float, counted: float, verdict: str) -> None:
    assert network_arithmetic.agreement(claimed, counted) == verdict


def last_digit(claimed: int) -> int:
    """The place of the last digit other than 0."""
    unit = 1
    while claimed % (unit * 10) == 0:
        unit *= 10
    return unit


@given(counts, counts)
def test_agreement_is_within_one_unit_of_the_claims_last_digit(claimed: int, counted: int) -> None:
    unit = last_digit(claimed)
    near = claimed - unit / 2 <= counted < claimed + unit
    assert (network_arithmetic.agreement(claimed, counted) != "false") == near


@given(counts, st.integers(min_value=0, max_value=8))
def test_a_count_agrees_with_itself_rounded(counted: int, digits: int) -> None:
    unit = 10**digits
    rounded = (counted + unit // 2) // unit * unit
    if rounded:
        assert network_arithmetic.agreement(rounded, counted).startswith("true")


def test_vgg_of_the_paper_and_of_the_slides() -> None:
    sizes = {16: (138_357_544, 16), 19: (143_667_240, 19)}
    for depth, size in sizes.items():
        assert network_arithmetic.vgg(list(zip(vgg.FILTERS, vgg.CONVOLUTIONS[depth], strict=True))) == size
    assert network_arithmetic.vgg(network_arithmetic.VGG19_AS_DESCRIBED) == (143_077_160, 18)


@pytest.mark.parametrize(
    ("channels", "module", "parameters", "out"),
    [
        (192, googlenet.MODULES[0], 163_696, 256),
        (256, googlenet.MODULES[1], 388_736, 480),
        (480, googlenet.MODULES[2], 376_176, 512),
    ],
)
def test_inception_modules(channels: int, module: googlenet.Inception, parameters: int, out: int) -> None:
    assert network_arithmetic.inception(channels, module) == (parameters, out)


def test_truncated_googlenet_is_mostly_head() -> None:
    assert network_arithmetic.truncated_googlenet() == (4_241_864, 3_188_840)


@pytest.mark.parametrize(
    ("kernels", "strides", "field"),
    [((3, 3), None, 5), ((3, 3, 3), None, 7), ((7,), None, 7), ((3, 3), (2, 1), 7), ((), None, 1)],
)
def test_receptive_field(kernels: tuple[int, ...], strides: tuple[int, ...] | None, field: int) -> None:
    assert network_arithmetic.receptive_field(kernels, strides) == field
