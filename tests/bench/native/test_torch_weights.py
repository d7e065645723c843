"""The way of an array from Keras to PyTorch and back."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from anatomy.bench.native.torch_weights import ToKeras, arranged


class _Variable:
    def __init__(self, *shape: int) -> None:
        self.shape = shape


@pytest.mark.parametrize("axes", list(permutations(range(3))))
def test_there_and_back(axes: tuple[int, ...]) -> None:
    array = np.arange(24.0).reshape(2, 3, 4)
    parameter = arranged("weight", _Variable(2, 3, 4), axes)
    assert parameter.to_native(array).shape == tuple(array.shape[axis] for axis in axes)
    np.testing.assert_array_equal(parameter.to_keras(parameter.to_native(array)), array)


def test_rows_of_a_kernel_after_flatten() -> None:
    """Keras flattens (height, width, channels), the program (channels, height, width): the products are equal."""
    rng = np.random.default_rng(0)
    image, kernel = rng.normal(size=(2, 3, 4)), rng.normal(size=(24, 5))
    parameter = arranged("weight", _Variable(24, 5), (3, 2, 0, 1), (5, 24), (2, 3, 4, 5))
    weight = parameter.to_native(kernel)
    np.testing.assert_allclose(weight @ image.transpose(2, 0, 1).ravel(), image.ravel() @ kernel)
    np.testing.assert_array_equal(parameter.to_keras(weight), kernel)


def test_a_view_of_the_parameter() -> None:
    torch = pytest.importorskip("torch")
    kernel = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    parameter = arranged("weight", _Variable(2, 3, 4, 5), (3, 2, 0, 1))
    assert isinstance(parameter.to_keras, ToKeras)
    for memory_format in (torch.contiguous_format, torch.channels_last):
        native = torch.tensor(parameter.to_native(kernel)).contiguous(memory_format=memory_format)
        view = parameter.to_keras.view(native)
        np.testing.assert_array_equal(view.numpy(), kernel)
        native.mul_(2)
        np.testing.assert_array_equal(view.numpy(), 2 * kernel)


def test_no_view_where_strides_cannot_say_the_order() -> None:
    torch = pytest.importorskip("torch")
    parameter = arranged("weight", _Variable(24, 5), (3, 2, 0, 1), (5, 24), (2, 3, 4, 5))
    assert isinstance(parameter.to_keras, ToKeras)
    assert parameter.to_keras.view(torch.zeros(5, 24)) is None
