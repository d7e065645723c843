"""Every row of the table of facts, and closed formulas for other values of the knobs."""

import importlib
import re
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anatomy.bench.counting import abstract_model, count_model
from anatomy.models import build, parse_model, zoo

# From the papers, keras.applications and independent builds: parameters, trainable, MACs, output.
FACTS: dict[str, tuple[Any, ...]] = {
    "intro": (7_114, 7_114, 7_040, [10]),
    "functional": (55_050, 55_050, 54_912, [10]),
    "sequential": (25_450, 25_450, 25_408, [10]),
    "binary": (3_265, 3_265, 3_232, [1]),
    "multiclass": (3_562, 3_562, 3_520, [10]),
    "mlp-softmax": (6_154, 6_154, 6_016, [10]),
    "mlp-binary": (5_569, 5_569, 5_440, [1]),
    "lstm": (23_242, 23_242, 180_544, [10]),
    "alexnet": (60_965_224, 60_965_224, 724_406_816, [1000]),
    "alexnet-one-tower": (62_378_344, 62_378_344, 1_135_256_096, [1000]),
    "vgg11": (132_863_336, 132_863_336, 7_609_090_048, [1000]),
    "vgg13": (133_047_848, 133_047_848, 11_308_466_176, [1000]),
    "vgg16": (138_357_544, 138_357_544, 15_470_264_320, [1000]),
    "vgg19": (143_667_240, 143_667_240, 19_632_062_464, [1000]),
    "googlenet": (6_998_552, 6_998_552, 1_582_671_872, [1000]),
    "googlenet-auxiliary": (13_378_280, 13_378_280, 1_591_044_096, [[1000]] * 3),
    "wrn-52-4": (12_071_370, 12_057_002, 1_751_566_848, [10]),
    "wrn-52-4-no-bias": (12_063_738, 12_049_370, 1_751_566_848, [10]),
    "wrn-28-10": (36_497_146, 36_479_194, 5_243_328_768, [10]),
    "resnet110": (1_736_058, 1_727_962, 252_887_680, [10]),
    "resnet1202": (19_510_906, 19_421_274, 2_829_238_912, [10]),
    "resnet50": (25_636_712, 25_583_592, 3_857_973_248, [1000]),
    "unet": (7_846_081, 7_846_081, 13_912_506_368, [256, 256, 1]),
    "unet-paper": (31_030_658, 31_030_658, 150_428_424_448, [388, 388, 2]),
    "rcnn": (531_801, 531_801, 26_500_100, [1]),
    "rcnn-literal": (531_801, 531_801, 26_500_100, [1]),
    "rcnn-keywords": (531_700, 531_700, 26_500_000, [100]),
    "text_cnn": (2_247_316, 2_247_316, 82_604_544, [20]),
    "text-cnn-frozen": (2_247_316, 247_316, 82_604_544, [20]),
}

# Only deeper than others: as many seconds of building as all the rest.
EXTENDED = ("resnet1202", "resnet152", "resnet101")
MARKS = dict.fromkeys(EXTENDED, pytest.mark.extended)

SHAPES_ONLY = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.too_slow])


def counted(name, **options):
    return at_full_size(name) if not options else counted_anew(name, **options)


@cache
def at_full_size(name):
    return counted_anew(name)


def counted_anew(name, **options):
    with abstract_model():
        return count_model(build(name, **options))


@pytest.mark.long
@pytest.mark.parametrize("name", [pytest.param(n, marks=MARKS.get(n, ())) for n in FACTS])
def test_figures_are_those_of_the_table(name):
    recursion_limit = sys.getrecursionlimit()
    counts = counted(name)
    found = (counts.parameters, counts.trainable_parameters, counts.macs, counts.output_shape)
    assert found == FACTS[name]
    assert counts.uncounted == ()
    assert counts.parameters == sum(layer.parameters for layer in counts.layers)
    # The deepest need more while they are built.
    assert sys.getrecursionlimit() == recursion_limit


@pytest.mark.parametrize("architecture", zoo(), ids=lambda a: a.name)
def test_docstring_holds_the_parameter_count(architecture):
    text = importlib.import_module(architecture.module).__doc__ or ""
    figures = re.search(r"^Parameters: ([\d,]*\d)(?:, trainable ([\d,]*\d))?", text, re.MULTILINE)
    assert figures
    total, trainable = (int((f or figures[1]).replace(",", "")) for f in figures.groups())
    counts = counted(architecture.name)
    assert (counts.parameters, counts.trainable_parameters) == (total, trainable)


def test_stateful_lstm_has_the_figures_of_the_stateless_one():
    model = build("lstm-stateful")
    counts = count_model(model)
    assert model.input_shape == (32, 8, 16)
    assert (counts.parameters, counts.trainable_parameters, counts.macs) == (23_242, 23_242, 180_544)


def test_alexnet_layer_by_layer():
    expected = [34_944, 307_456, 885_120, 663_936, 442_624, 37_752_832, 16_781_312, 4_097_000]
    counts = counted("alexnet")
    assert [layer.parameters for layer in counts.layers if layer.parameters] == expected
    assert (counts.units, counts.weight_layers, counts.depth) == (659_272, 8, 8)


@pytest.mark.long
def test_googlenet_module_by_module():
    expected = {
        "3a": 163_696, "3b": 388_736, "4a": 376_176, "4b": 449_160, "4c": 510_104,
        "4d": 605_376, "4e": 868_352, "5a": 1_043_456, "5b": 1_444_080,
    }  # fmt: skip
    counts = counted("googlenet", auxiliary=True)
    assert counts.depth == 22

    def parameters(prefix):
        return sum(layer.parameters for layer in counts.layers if layer.name.startswith(prefix))

    assert {module: parameters(f"inception_{module}_") for module in expected} == expected
    assert (parameters("auxiliary_1"), parameters("auxiliary_2")) == (3_188_840, 3_190_888)


@pytest.mark.long
@pytest.mark.parametrize("depth", [50, *(pytest.param(depth, marks=pytest.mark.extended) for depth in (101, 152))])
def test_resnet_is_that_of_keras_applications(depth):
    import keras

    with abstract_model():
        expected = count_model(getattr(keras.applications, f"ResNet{depth}")(weights=None, input_shape=(64, 64, 3)))
    counts = counted("resnet", depth=depth, input_shape=(64, 64, 3))
    assert (counts.parameters, counts.trainable_parameters, counts.macs, counts.activation_bytes) == (
        expected.parameters,
        expected.trainable_parameters,
        expected.macs,
        expected.activation_bytes,
    )


def documented_rows():
    text = (Path(__file__).parents[2] / "docs" / "architectures.md").read_text()
    return re.findall(r"^\| `(.+?)` \| (.+?) \| (.+?) \| (.+?) \|", text, re.MULTILINE)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "layers", "parameters", "macs"),
    [pytest.param(*row, marks=MARKS.get(row[0], ()), id=row[0]) for row in documented_rows()],
)
def test_documented_figures_are_counted(name, layers, parameters, macs):
    # Built only where the table of facts has no row; a stateful network has no abstract model.
    known = FACTS.get({"mlp": "mlp-softmax", "lstm-stateful": "lstm"}.get(name, name))
    if known is None:
        counts = counted(name)
        assert counts.weight_layers == int(layers)
        known = (counts.parameters, counts.trainable_parameters, counts.macs)
    total, trainable, multiplications, *_ = known
    expected = f"{total:,}" if total == trainable else f"{total:,} / {trainable:,}"
    assert (parameters, macs) == (expected, f"{multiplications:,}")


def test_every_architecture_is_documented():
    assert {a.name for a in zoo()} <= {name for name, *_ in documented_rows()}


@SHAPES_ONLY
@given(st.integers(1, 50), st.lists(st.integers(1, 50), max_size=4), st.integers(1, 9), st.booleans(), st.booleans())
def test_mlp(inputs, hidden, classes, drop, functional):
    widths = [inputs, *hidden, classes]
    macs = sum(a * b for a, b in pairwise(widths))
    counts = counted(
        "mlp", input_size=inputs, hidden=hidden, classes=classes, dropout=0.1 * drop, functional=functional
    )
    assert (counts.parameters, counts.macs) == (macs + sum(widths[1:]), macs)


@pytest.mark.long
@SHAPES_ONLY
@given(st.integers(1, 9), st.integers(1, 20), st.integers(1, 20), st.integers(1, 4), st.integers(1, 5))
def test_lstm(timesteps, features, units, layers, classes):
    kernels = [4 * (d * units + units**2) for d in [features] + [units] * (layers - 1)]
    counts = counted("lstm", timesteps=timesteps, features=features, units=units, layers=layers, classes=classes)
    assert counts.parameters == sum(kernels) + layers * 4 * units + units * classes + classes
    assert counts.macs == timesteps * sum(kernels) + units * classes


@pytest.mark.long
@SHAPES_ONLY
@given(
    st.sampled_from([(11, (1, 1, 2, 2, 2)), (13, (2,) * 5), (16, (2, 2, 3, 3, 3)), (19, (2, 2, 4, 4, 4))]),
    st.integers(32, 100),
    st.integers(32, 100),
    st.integers(1, 4),
    st.integers(1, 20),
)
def test_vgg(configuration, height, width, channels, classes):
    depth, stages = configuration
    parameters = macs = 0
    inputs, size = channels, (height, width)
    for filters, convolutions in zip((64, 128, 256, 512, 512), stages, strict=True):
        for _ in range(convolutions):
            parameters += 9 * inputs * filters + filters
            macs += 9 * inputs * filters * size[0] * size[1]
            inputs = filters
        size = (size[0] // 2, size[1] // 2)
    for inputs, units in ((512 * size[0] * size[1], 4096), (4096, 4096), (4096, classes)):
        parameters += inputs * units + units
        macs += inputs * units
    counts = counted("vgg", depth=depth, input_shape=(height, width, channels), classes=classes)
    assert (counts.parameters, counts.macs, counts.weight_layers) == (parameters, macs, depth)


@pytest.mark.long
@SHAPES_ONLY
@given(st.integers(67, 140), st.integers(1, 4), st.sampled_from([1, 2]), st.integers(1, 20))
def test_alexnet(side, channels, towers, classes):
    def pooled(size):
        return (size - 3) // 2 + 1

    first = (side - 11) // 4 + 1
    second = pooled(first)
    third = pooled(second)
    flat = 256 * pooled(third) ** 2
    convolutions = [
        (11 * 11 * channels * 96, 96, first),
        (5 * 5 * 96 * 256 // towers, 256, second),
        (3 * 3 * 256 * 384, 384, third),
        (3 * 3 * 384 * 384 // towers, 384, third),
        (3 * 3 * 384 * 256 // towers, 256, third),
    ]
    dense = [(flat * 4096, 4096, 1), (4096 * 4096, 4096, 1), (4096 * classes, classes, 1)]
    counts = counted("alexnet", input_shape=(side, side, channels), towers=towers, classes=classes)
    assert counts.parameters == sum(kernel + bias for kernel, bias, _ in convolutions + dense)
    assert counts.macs == sum(kernel * size**2 for kernel, _, size in convolutions + dense)


@pytest.mark.long
@SHAPES_ONLY
@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.integers(8, 33), st.integers(1, 20))
def test_wide_resnet(blocks, width, bias, side, classes):
    kernels, biases, normalised, macs = 9 * 3 * 16, 16, 0, 9 * 3 * 16 * side**2
    inputs, size = 16, side
    for stage, base in enumerate((16, 32, 64)):
        filters = base * width
        for block in range(blocks):
            if stage and not block:
                size = -(-size // 2)
            shortcut = inputs * filters if inputs != filters else 0
            kernel = 9 * inputs * filters + 9 * filters**2 + shortcut
            kernels += kernel
            macs += kernel * size**2
            biases += 2 * filters + (filters if shortcut else 0)
            normalised += inputs + filters
            inputs = filters
    normalised += inputs
    options = {"depth": 6 * blocks + 4, "width": width, "conv_bias": bias, "classes": classes}
    counts = counted("wide_resnet", input_shape=(side, side, 3), **options)
    assert counts.trainable_parameters == kernels + bias * biases + 2 * normalised + inputs * classes + classes
    assert counts.parameters == counts.trainable_parameters + 2 * normalised
    assert counts.macs == macs + inputs * classes


@pytest.mark.long
@SHAPES_ONLY
@given(st.integers(1, 7), st.integers(4, 40), st.integers(2, 20))
def test_resnet_of_cifar(blocks, side, classes):
    depth = 6 * blocks + 2
    kernels = [(3 * 16 * 9, side)]
    inputs, size = 16, side
    for stage, filters in enumerate((16, 32, 64)):
        for block in range(blocks):
            if stage and not block:
                size = -(-size // 2)
            kernels += [(9 * inputs * filters, size), (9 * filters**2, size)]
            inputs = filters
    normalised = 16 + sum(2 * blocks * filters for filters in (16, 32, 64))
    head = 64 * classes + classes
    counts = counted("resnet", depth=depth, input_shape=(side, side, 3), classes=classes)
    assert counts.trainable_parameters == sum(k for k, _ in kernels) + 2 * normalised + head
    assert counts.parameters == counts.trainable_parameters + 2 * normalised
    assert counts.macs == sum(k * s**2 for k, s in kernels) + 64 * classes
    assert counts.weight_layers == depth


@pytest.mark.long
@SHAPES_ONLY
@given(
    st.integers(1, 5),
    st.integers(1, 12),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from(["same", "valid"]),
    st.sampled_from(["repeat", "transpose"]),
)
def test_unet(depth, base, channels, classes, padding, upsampling):
    from anatomy.models.unet import fits

    side = next(s for s in range(2 ** (depth + 2), 10_000) if fits(s, depth, padding))
    lost = 2 if padding == "valid" else 0
    parameters = macs = 0

    def convolve(inputs, filters, kernel, size):
        nonlocal parameters, macs
        parameters += kernel**2 * inputs * filters + filters
        macs += kernel**2 * inputs * filters * size**2

    inputs, size = channels, side
    for level in range(depth):
        if level:
            size //= 2
        for _ in range(2):
            size -= lost
            convolve(inputs, base * 2**level, 3, size)
            inputs = base * 2**level
    for level in reversed(range(depth - 1)):
        filters = base * 2**level
        if upsampling == "transpose":
            # Each input pixel is multiplied with the whole 2×2 kernel.
            convolve(inputs, filters, 2, size)
            inputs = filters
        size *= 2
        inputs += filters
        for _ in range(2):
            size -= lost
            convolve(inputs, filters, 3, size)
            inputs = filters
    convolve(inputs, classes, 1, size)
    options = {"padding": padding, "upsampling": upsampling, "classes": classes}
    counts = counted("unet", depth=depth, base_filters=base, input_shape=(side, side, channels), **options)
    assert (counts.parameters, counts.macs) == (parameters, macs)
    assert counts.output_shape == [size, size, classes]


@pytest.mark.long
@SHAPES_ONLY
@given(*[st.integers(1, 20)] * 4, st.integers(1, 5))
def test_rcnn(words, embedding, units, dense, classes):
    recurrent = 2 * 4 * (embedding * units + units**2)
    semantic = (2 * units + embedding) * dense
    options = {"words": words, "embedding_dim": embedding, "lstm_units": units, "dense_units": dense}
    counts = counted("rcnn", classes=classes, **options)
    assert counts.parameters == recurrent + 8 * units + semantic + dense + dense * classes + classes
    assert counts.macs == words * (recurrent + semantic) + dense * classes
    keywords = counted("rcnn", keywords=True, **options)
    assert keywords.macs == words * (recurrent + semantic)


@pytest.mark.long
@SHAPES_ONLY
@given(st.integers(1, 90), st.integers(1, 20), st.integers(149, 1200), st.integers(1, 9), st.booleans())
def test_text_cnn(vocabulary, embedding, length, classes, trainable):
    first = length - 4
    second = first // 5 - 4
    third = second // 5 - 4
    macs = 640 * embedding * first + 640 * 128 * (second + third) + 128 * 128 + 128 * classes
    biases = 4 * 128 + classes
    kernels = 640 * embedding + 2 * 640 * 128 + 128 * 128 + 128 * classes
    options = {"vocabulary": vocabulary, "embedding_dim": embedding, "length": length, "classes": classes}
    counts = counted("text_cnn", trainable_embedding=trainable, **options)
    assert counts.trainable_parameters == kernels + biases + trainable * vocabulary * embedding
    assert counts.parameters == kernels + biases + vocabulary * embedding
    assert counts.macs == macs


@pytest.mark.long
@pytest.mark.parametrize("shape", [(64, 64, 3), (65, 97, 1), (33, 32, 3)])
def test_googlenet_of_small_inputs(shape):
    counts = counted("googlenet", input_shape=shape, classes=7, auxiliary=True)
    plain = counted("googlenet", input_shape=shape, classes=7)
    # Without classifier and first convolution nothing depends on the input or the classes.
    core = 6_998_552 - 1_025_000 - 9_472
    assert plain.parameters == core + 49 * shape[2] * 64 + 64 + 1024 * 7 + 7
    assert counts.output_shape == [[7], [7], [7]]
    assert counts.parameters > plain.parameters


def test_counts_follow_the_text_of_a_model():
    spec = parse_model("vgg:depth=11,classes=10,input_shape=32x32x3")
    assert counted(spec.model, **spec.options).parameters == 28_144_010
