"""The layers that Keras lacks, against numpy."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anatomy.models.local_response_normalization import LocalResponseNormalization
from anatomy.models.tensor_layers import ArgMaxTime, FlipTime, ZeroPadShortcut


def normalised_by_loop(x, radius, bias, alpha, beta):
    out = np.empty_like(x)
    channels = x.shape[-1]
    for c in range(channels):
        window = x[..., max(0, c - radius) : min(channels, c + radius + 1)]
        out[..., c] = x[..., c] / (bias + alpha * (window**2).sum(-1)) ** beta
    return out


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 9), st.integers(0, 4), st.floats(0.5, 3), st.floats(0, 1), st.sampled_from([0.5, 0.75, 1.0]))
def test_local_response_normalization_equals_a_loop(channels, radius, bias, alpha, beta):
    x = np.random.default_rng(0).normal(scale=3, size=(2, 3, 2, channels)).astype("float32")
    layer = LocalResponseNormalization(radius, bias, alpha, beta)
    expected = normalised_by_loop(x, radius, bias, alpha, beta)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(layer(x)), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares with TensorFlow's own")
def test_local_response_normalization_and_its_gradient_equal_tensorflow():
    import tensorflow as tf

    x = tf.random.stateless_normal((2, 4, 4, 16), seed=(1, 2)) * 20
    layer = LocalResponseNormalization()
    results = []
    for function in (layer, lambda v: tf.nn.local_response_normalization(v, 2, 2.0, 1e-4, 0.75)):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            loss = tf.reduce_sum(y**3)
        results.append((y, tape.gradient(loss, x)))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_squares_of_low_precision_do_not_overflow(policy):
    x = np.full((1, 1, 1, 5), 1000.0, "float32")
    y = LocalResponseNormalization(dtype=policy)(x)
    assert keras.backend.standardize_dtype(y.dtype) == policy.removeprefix("mixed_")
    expected = normalised_by_loop(x, 2, 2.0, 1e-4, 0.75)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")), expected, rtol=1e-2)


@pytest.mark.parametrize("side", [4, 5])
def test_option_a_shortcut(side):
    x = np.random.default_rng(0).normal(size=(2, side, side, 3)).astype("float32")
    layer = ZeroPadShortcut(8, stride=2)
    y = keras.ops.convert_to_numpy(layer(x))
    assert y.shape == layer.compute_output_shape(x.shape)
    np.testing.assert_array_equal(y[..., 2:5], x[:, ::2, ::2])
    assert not y[..., :2].any()
    assert not y[..., 5:].any()


def test_flip_and_positions():
    x = np.random.default_rng(0).normal(size=(2, 7, 3)).astype("float32")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(FlipTime()(x)), x[:, ::-1])
    positions = keras.ops.convert_to_numpy(ArgMaxTime()(x))
    np.testing.assert_array_equal(positions, x.argmax(axis=1))
    assert positions.dtype == "int32"


@pytest.mark.parametrize(
    "layer",
    [LocalResponseNormalization(1, 1.0, 0.5, 0.5, name="a"), ZeroPadShortcut(8, 3), FlipTime(), ArgMaxTime()],
)
def test_layers_are_restored_from_their_configuration(layer):
    restored = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert type(restored) is type(layer)
    assert restored.get_config() == layer.get_config()
