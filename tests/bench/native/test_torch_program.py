"""What a program in PyTorch looks like: the code that an engineer would write."""

from __future__ import annotations

from typing import Any

import keras
import pytest
from keras import Input, layers

from anatomy.bench.native.model_graph import model_graph
from anatomy.bench.native.program import Program
from anatomy.bench.native.torch_program import torch_program
from anatomy.bench.native.training_plan import Loss, Optimizer, TrainingPlan

PLAN = TrainingPlan(
    (Loss("mean_squared_error", False, 1.0),), Optimizer("SGD", 0.1, {"momentum": 0.9, "nesterov": False})
)


def _program(model: Any, plan: TrainingPlan | None = None) -> Program:
    return torch_program(model_graph(model), plan)


def _lines(program: Program, method: str) -> list[str]:
    lines = program.source.splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"    def {method}("))
    rest = lines[start + 1 :]
    end = next((number for number, line in enumerate(rest) if not line.startswith("        ")), len(rest))
    return [line.strip() for line in rest[:end]]


def _classifier() -> Any:
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(inputs)
    x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.5, name="drop")(layers.Flatten()(x))
    return keras.Model(inputs, layers.Dense(5, activation="softmax", name="predictions")(x))


def test_a_classifier() -> None:
    program = _program(_classifier())
    assert _lines(program, "__init__") == [
        "super().__init__()",
        "self.conv1 = nn.Conv2d(3, 4, 3, padding=1)",
        "self.predictions = nn.Linear(64, 5)",
    ]
    assert _lines(program, "forward") == [
        "(x,) = inputs",
        "x = self.conv1(x)",
        "x = F.relu(x, inplace=True)",
        "x = F.max_pool2d(x, 2)",
        "x = x.flatten(1)",
        "x = self.predictions(x)",
        "x = F.softmax(x, dim=1)",
        "return (x,)",
    ]
    assert program.input_axes == ((0, 3, 1, 2),)
    assert program.output_axes == (None,)


def test_dropout_is_there_in_training_alone() -> None:
    assert "Dropout" not in _program(_classifier()).source
    assert "self.drop = nn.Dropout(0.5)" in _program(_classifier(), PLAN).source


def test_an_image_that_is_returned_has_channels_first() -> None:
    inputs = Input((8, 8, 3))
    program = _program(keras.Model(inputs, layers.Conv2D(4, 3)(inputs)))
    assert program.output_axes == ((0, 2, 3, 1),)


def test_a_convolution_pads_for_the_layer_before_it() -> None:
    inputs = Input((8, 8, 3))
    x = layers.Conv2D(4, 3, strides=2, name="conv")(layers.ZeroPadding2D(1)(inputs))
    assert _lines(_program(keras.Model(inputs, x)), "forward") == ["(x,) = inputs", "x = self.conv(x)", "return (x,)"]


def test_padding_that_two_layers_take_stays() -> None:
    inputs = Input((8, 8, 3))
    x = layers.ZeroPadding2D(1)(inputs)
    ends = [layers.Conv2D(4, 3)(x), layers.Conv2D(4, 3)(x)]
    assert "F.pad(" in _program(keras.Model(inputs, ends)).source


def test_zeros_are_left_to_a_pool_of_positive_values_alone() -> None:
    def network(active: bool) -> str:
        inputs = Input((8, 8, 3))
        x = layers.Conv2D(4, 3, activation="relu" if active else None)(inputs)
        return _program(keras.Model(inputs, layers.MaxPooling2D(3)(layers.ZeroPadding2D(1)(x)))).source

    assert "F.max_pool2d(x, 3, padding=1)" in network(True)
    assert "F.pad(" in network(False)


def test_a_sum_is_written_over_what_nothing_else_needs() -> None:
    inputs = Input((8, 8, 4))
    x = layers.BatchNormalization()(layers.Conv2D(4, 3, padding="same")(inputs))
    source = _program(keras.Model(inputs, layers.Add()([inputs, x]))).source
    assert " += " in source
    # The data of the step are no memory to write on.
    source = _program(keras.Model(inputs, layers.Add()([inputs, layers.Activation("sigmoid")(x)]))).source
    assert " += " not in source


def test_what_is_used_twice_is_not_written_over() -> None:
    inputs = Input((8, 8, 4))
    x = layers.Conv2D(4, 3)(inputs)
    source = _program(keras.Model(inputs, layers.Add()([x, layers.ReLU()(x)]))).source
    assert "inplace" not in source


def test_frozen_statistics_stay_in_training() -> None:
    inputs = Input((8, 8, 3))
    norm = layers.BatchNormalization(name="norm")
    model = keras.Model(inputs, norm(layers.Conv2D(4, 3)(inputs)))
    norm.trainable = False
    assert _lines(_program(model, PLAN), "train") == ["super().train(mode)", "self.norm.train(False)", "return self"]
    model.trainable = False
    with pytest.raises(NotImplementedError, match="no weight to train"):
        _program(model, PLAN)


def test_a_frozen_layer() -> None:
    inputs = Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(layers.Dense(3, name="frozen")(inputs)))
    model.get_layer("frozen").trainable = False
    assert "self.frozen.requires_grad_(False)" in _program(model, PLAN).source


def test_names_that_a_module_has_already() -> None:
    pytest.importorskip("torch")
    inputs = Input((4,))
    x = inputs
    for name in ("train", "forward", "a-b", "a.b", "1st"):
        x = layers.Dense(4, name=name)(x)
    program = _program(keras.Model(inputs, x))
    assert [weight.layer for weight in program.weights[::2]] == ["train_2", "forward_2", "a_b", "a_b_2", "layer_1st"]
    assert program.load()["Network"]().training


def test_a_layer_called_twice_is_one_module() -> None:
    left, right = Input((4,)), Input((4,))
    dense = layers.Dense(3, name="shared")
    program = _program(keras.Model([left, right], layers.Subtract()([dense(left), dense(right)])))
    assert _lines(program, "__init__")[1:] == ["self.shared = nn.Linear(4, 3)"]
    assert len(program.weights) == 2


@pytest.mark.parametrize(
    ("optimizer", "written"),
    [
        (Optimizer("SGD", 0.1, {"momentum": 0.9, "nesterov": True}), "momentum=0.9, nesterov=True"),
        (Optimizer("Adam", 0.1, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-7}), "betas=(0.8, 0.9), eps=1e-07"),
        (
            Optimizer("AdamW", 0.1, {"beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-7, "weight_decay": 0.01}),
            "weight_decay=0.01",
        ),
        (Optimizer("RMSprop", 0.1, {"rho": 0.9, "momentum": 0.0, "epsilon": 1e-7}), "class RMSprop"),
    ],
)
def test_optimizers(optimizer: Optimizer, written: str) -> None:
    inputs = Input((4,))
    program = _program(keras.Model(inputs, layers.Dense(2)(inputs)), TrainingPlan(PLAN.losses, optimizer))
    assert written in program.source
    pytest.importorskip("torch")
    assert {"make_optimizer", "train_step"} <= program.load().keys()


@pytest.mark.parametrize(
    ("layer", "shape", "what"),
    [
        (lambda: layers.GRU(3, reset_after=False), (6, 3), "reset_after=False"),
        (lambda: layers.LSTM(3, activation="relu"), (6, 3), "the activations relu sigmoid"),
        (lambda: layers.UpSampling2D(2, interpolation="bicubic"), (4, 4, 3), "interpolation bicubic"),
        (lambda: layers.LayerNormalization(axis=1), (4, 3), "axis"),
        (lambda: layers.Lambda(lambda x: x), (4,), "no translation to torch is known for Lambda"),
    ],
)
def test_refused_in_torch(layer: Any, shape: tuple[int, ...], what: str) -> None:
    inputs = Input(shape)
    with pytest.raises(NotImplementedError, match=what):
        _program(keras.Model(inputs, layer()(inputs)))


def test_a_mask_that_a_layer_uses() -> None:
    inputs = Input((6,), dtype="int32")
    x = layers.LSTM(3)(layers.Embedding(9, 4, mask_zero=True)(inputs))
    with pytest.raises(NotImplementedError, match="a mask"):
        _program(keras.Model(inputs, x))
