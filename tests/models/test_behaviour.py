"""What the networks compute, beyond their counts."""

from typing import Any

import keras
import numpy as np
import pytest

from anatomy.models import build
from anatomy.models.rcnn import keywords_model

TINY_RCNN: dict[str, Any] = {"words": 6, "embedding_dim": 3, "lstm_units": 4, "dense_units": 5}


def call(model, x):
    return keras.ops.convert_to_numpy(model(x))


def context_of_words(name, literal):
    """Which words each word's context depends on: (word, changed word) → bool."""
    model = build("rcnn", **TINY_RCNN, literal=literal)
    layer = model.get_layer(name)
    contexts = keras.Model(model.input, layer.output)
    x = np.random.default_rng(0).normal(size=(1, 6, 3)).astype("float32")
    depends = np.zeros((6, 6), bool)
    for word in range(6):
        changed = x.copy()
        changed[0, word] += 1
        depends[:, word] = np.abs(call(contexts, changed) - call(contexts, x))[0].max(-1) > 1e-7
    return depends


@pytest.mark.long
def test_rcnn_contexts_are_of_the_words_before_and_after():
    np.testing.assert_array_equal(context_of_words("left_shifted", False), np.tri(6, k=-1, dtype=bool))
    np.testing.assert_array_equal(context_of_words("right_shifted", False), np.tri(6, k=-1, dtype=bool).T)


@pytest.mark.long
def test_literal_rcnn_has_the_bug_of_the_slides():
    np.testing.assert_array_equal(context_of_words("left_context", True), np.tri(6, dtype=bool))
    # Reversed in time: the first place holds the context of the last word.
    np.testing.assert_array_equal(context_of_words("right_context", True), np.tri(6, dtype=bool)[:, ::-1])


@pytest.mark.long
def test_rcnn_keywords_are_the_words_of_the_maxima():
    model = build("rcnn", **TINY_RCNN)
    keywords = keywords_model(model)
    x = np.random.default_rng(1).normal(size=(3, 6, 3)).astype("float32")
    semantic = call(keras.Model(model.input, model.get_layer("semantic").output), x)
    np.testing.assert_array_equal(call(keywords, x), semantic.argmax(axis=1))
    assert keywords.get_layer("semantic") is model.get_layer("semantic")
    assert keywords.outputs[0].dtype == "int32"
    assert build("rcnn", **TINY_RCNN, keywords=True).output_shape == (None, 5)


@pytest.mark.long
def test_rcnn_takes_any_number_of_words():
    model = build("rcnn", words=None, embedding_dim=3, lstm_units=4, dense_units=5, classes=3)
    for words in (1, 4, 9):
        assert call(model, np.zeros((2, words, 3), "float32")).shape == (2, 3)


@pytest.mark.long
def test_text_cnn_takes_any_length():
    model = build("text_cnn", vocabulary=9, embedding_dim=3, length=None, classes=2)
    for length in (149, 200):
        assert call(model, np.zeros((2, length), "int32")).shape == (2, 2)


def test_text_cnn_uses_the_given_word_vectors():
    matrix = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    model = build("text_cnn", vocabulary=9, embedding_dim=3, embedding_matrix=matrix, trainable_embedding=False)
    np.testing.assert_array_equal(model.get_layer("embedding").get_weights()[0], matrix)
    with pytest.raises(ValueError, match=r"expected an array .* = 9x4, got 9x3"):
        build("text_cnn", vocabulary=9, embedding_dim=4, embedding_matrix=matrix)


@pytest.mark.long
def test_googlenet_normalises_where_the_paper_does():
    names = [layer.name for layer in build("googlenet", input_shape=(32, 32, 3), classes=2).layers]
    stem = names[: names.index("inception_3a_1x1")]
    expected = ["conv1_7x7", "pool1", "pool1_lrn", "conv2_reduce", "conv2_3x3", "conv2_lrn", "pool2"]
    assert [name for name in stem if name in expected] == expected


@pytest.mark.long
def test_googlenet_heads_come_after_the_main_output():
    model = build("googlenet", input_shape=(32, 32, 3), classes=2, auxiliary=True)
    assert model.output_names == ["predictions", "auxiliary_1", "auxiliary_2"]


@pytest.mark.long
def test_alexnet_normalises_before_it_pools():
    names = [layer.name for layer in build("alexnet", input_shape=(67, 67, 3), classes=2).layers]
    assert names[1:7] == ["conv1", "lrn1", "pool1", "conv2", "lrn2", "pool2"]


@pytest.mark.parametrize(
    ("shape", "padding", "remedy"),
    [
        ((250, 256, 1), "same", "256x256x1"),
        ((257, 16, 3), "same", "272x16x3"),
        ((571, 100, 1), "valid", "572x188x1"),
    ],
)
def test_unet_names_the_next_size_that_fits(shape, padding, remedy):
    with pytest.raises(ValueError, match=f"the next that fits is {remedy}"):
        build("unet", input_shape=shape, padding=padding)


def test_unet_crops_to_the_middle():
    model = build("unet", depth=2, base_filters=2, input_shape=(32, 24, 1), padding="valid", classes=2)
    assert model.get_layer("up1_crop").cropping == ((4, 4), (4, 4))
    assert model.output_shape == (None, 16, 8, 2)


@pytest.mark.long
def test_unet_drops_whole_maps():
    plain = build("unet", depth=2, base_filters=2, input_shape=(8, 8, 1))
    dropping = build("unet", depth=2, base_filters=2, input_shape=(8, 8, 1), spatial_dropout=0.5)
    assert not any(isinstance(layer, keras.layers.SpatialDropout2D) for layer in plain.layers)
    assert sum(isinstance(layer, keras.layers.SpatialDropout2D) for layer in dropping.layers) == 2


@pytest.mark.long
def test_stateful_lstm_has_a_fixed_batch():
    assert build("lstm", stateful=True).input_shape == (32, 8, 16)
    assert build("lstm", stateful=True, batch_size=4).input_shape == (4, 8, 16)
    assert build("lstm").input_shape == (None, 8, 16)


@pytest.mark.long
def test_networks_are_sequential_where_the_slides_are():
    sequential = ("intro", "sequential", "binary", "multiclass", "mlp-softmax", "mlp-binary", "lstm")
    assert all(isinstance(build(name), keras.Sequential) for name in sequential)
    assert not isinstance(build("functional"), keras.Sequential)


SMALL: dict[str, dict[str, Any]] = {
    "mlp": {},
    "lstm": {},
    "alexnet": {"input_shape": (67, 67, 3), "classes": 10},
    "vgg": {"depth": 11, "input_shape": (32, 32, 3), "classes": 10},
    "googlenet": {"input_shape": (32, 32, 3), "classes": 10, "auxiliary": True},
    "resnet": {"depth": 8},
    "wide_resnet": {"depth": 10, "width": 1},
    "unet": {"depth": 2, "base_filters": 2, "input_shape": (8, 8, 1), "classes": 3},
    "rcnn": {**TINY_RCNN, "classes": 3},
    "text_cnn": {"vocabulary": 9, "embedding_dim": 3, "length": 149},
}


@pytest.mark.long
@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", SMALL)
def test_probabilities_are_float32_and_sum_to_one(name, policy):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        model = build(name, **SMALL[name])
    finally:
        keras.config.set_dtype_policy(before)
    assert all("/" not in layer.name for layer in model.layers)
    shape = (2, *model.input_shape[1:])
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    outputs = model(np.abs(x).astype("int32") if name == "text_cnn" else x)
    for output in outputs if isinstance(outputs, list) else [outputs]:
        assert keras.backend.standardize_dtype(output.dtype) == "float32"
        np.testing.assert_allclose(keras.ops.convert_to_numpy(output).sum(-1), 1, rtol=1e-5)


@pytest.mark.long
# Keras 3.15 reads TensorFlow's variables the way of NumPy 1.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_models_survive_saving(tmp_path):
    model = build("googlenet", input_shape=(32, 32, 3), classes=2)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(1, 32, 32, 3)).astype("float32")
    np.testing.assert_allclose(call(loaded, x), call(model, x), rtol=1e-5)
