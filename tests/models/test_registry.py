"""The registry: complete, free of Keras, and helpful where a name or a value is wrong."""

import json

import pytest

from anatomy.models import build, find, names, zoo


def test_zoo_is_in_the_order_of_the_slides():
    expected = "mlp lstm alexnet vgg googlenet resnet wide_resnet unet rcnn text_cnn"
    assert [a.name for a in zoo()] == expected.split()


@pytest.mark.parametrize("architecture", zoo(), ids=lambda a: a.name)
def test_facts_are_complete(architecture):
    assert "https://" in architecture.paper
    assert str(architecture.year) in architecture.paper
    assert json.loads(json.dumps(architecture.defaults)) == architecture.defaults
    assert architecture.complete({}) == architecture.defaults
    for variant, options in architecture.variants.items():
        assert find(variant) == (architecture, options)
        assert architecture.complete(options).keys() == architecture.defaults.keys()


def test_names_are_unique():
    everything = [name for a in zoo() for name in (a.name, *a.variants)]
    assert len(set(everything)) == len(everything) == len(names())


def test_loss_weights_are_those_of_the_auxiliary_heads():
    weighted = {a.name: a.loss_weights for a in zoo() if a.loss_weights}
    assert weighted == {"googlenet": {"auxiliary_1": 0.3, "auxiliary_2": 0.3}}


def test_variants_can_be_named_in_two_ways():
    assert build("binary").count_params() == build("mlp", variant="binary").count_params() == 3265


def test_options_override_a_variant():
    assert build("binary", input_size=10).input_shape == (None, 10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: build("vggg"), "unknown model 'vggg'; did you mean 'vgg'"),
        (lambda: build("zzz"), "expected one of mlp, lstm"),
        (lambda: build("vgg", dept=11), "did you mean 'depth'"),
        (lambda: build("mlp", variant="vgg19"), "unknown variant of mlp 'vgg19'"),
        (lambda: build("vgg", depth=12), "11, 13, 16 or 19"),
        (lambda: build("vgg", classes=0), "greater than or equal to 1"),
        (lambda: build("vgg", classes=True), "vgg: classes=True: Input should be a valid integer"),
        (lambda: build("vgg", dropout=1.0), "less than 1"),
        (lambda: build("vgg", input_shape=(32, 32)), "height x width x channels"),
        (lambda: build("vgg", input_shape=(3, 224, 224)), "did you mean 224x224x3"),
        (lambda: build("vgg", input_shape=(31, 40, 3)), "the smallest is 32x40x3"),
        (lambda: build("alexnet", input_shape=(66, 67, 3)), "the smallest is 67x67x3"),
        (lambda: build("alexnet", towers=3), "1 or 2"),
        (lambda: build("resnet", depth=51), "the nearest is 50 or 56"),
        (lambda: build("wide_resnet", depth=30), "the nearest is 28 or 34"),
        (lambda: build("wide_resnet", depth=3), "the nearest is 10"),
        (lambda: build("unet", padding="full"), "'same' or 'valid'"),
        (lambda: build("text_cnn", length=148), "the shortest is 149"),
        (lambda: build("mlp", hidden=[64, 0]), r"hidden\[1\]=0"),
    ],
)
def test_mistakes_are_named_with_the_remedy(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_numpy_integers_are_integers():
    import numpy as np

    assert build("mlp", classes=np.int64(3), hidden=np.array([4, 5])).output_shape == (None, 3)


@pytest.mark.long
def test_channels_stay_last_whatever_the_configuration_says():
    import keras

    keras.config.set_image_data_format("channels_first")
    try:
        assert build("resnet", depth=8).count_params() == 75_770
        assert keras.config.image_data_format() == "channels_first"
    finally:
        keras.config.set_image_data_format("channels_last")
