"""TensorFloat-32 on torch, which has a switch for products and one for cuDNN; they are real here, CUDA is a fake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from anatomy.bench.records.parity import manifest
from anatomy.bench.script.preamble import setting_lines
from tests.when_used import WhenUsed

keras = WhenUsed("keras")
layers = WhenUsed("keras.layers")
torch = WhenUsed("torch")


@pytest.fixture(autouse=True)
def _switches_as_they_were() -> Iterator[None]:
    yield
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True


@pytest.fixture
def on_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA H100")


def model(*inner: Any) -> Any:
    """A model whose layers are these, never built."""
    return keras.Sequential(list(inner))


def settings(built: Any) -> dict[str, Any]:
    from anatomy.bench.backends.torch_step import settings

    built.jit_compile = False
    return settings(built, None)  # type: ignore[arg-type]  # not looked at


def product_dtype(found: dict[str, Any]) -> str:
    return manifest({**found, "dtype_policy": "float32"}, None).product_dtype


@pytest.mark.usefixtures("on_cuda")
@pytest.mark.parametrize(
    "inner",
    [
        lambda: layers.Conv2D(2, 3),
        lambda: layers.DepthwiseConv2D(3),
        lambda: layers.Conv1DTranspose(2, 3),
        lambda: layers.LSTM(2),
        lambda: layers.Bidirectional(layers.GRU(2)),
        lambda: layers.TimeDistributed(keras.Sequential([layers.Conv2D(2, 3)])),
    ],
)
def test_a_default_model_with_cudnn_s_layers_may_use_it(inner: Any) -> None:
    found = settings(model(inner(), layers.Dense(2)))
    assert (found["tf32"], found["cudnn_tf32"]) == (False, True)
    assert product_dtype(found) == "tensorfloat32"
    torch.backends.cudnn.allow_tf32 = False
    found = settings(model(inner()))
    assert found["cudnn_tf32"] is False
    assert product_dtype(found) == "float32"


@pytest.mark.usefixtures("on_cuda")
def test_without_such_layers_the_products_switch_decides() -> None:
    """So a ceiling, of a dense layer alone, stays one of float32."""
    dense = model(layers.Dense(2), layers.SimpleRNN(2))
    found = settings(dense)
    assert (found["tf32"], found["cudnn_tf32"]) == (False, None)
    assert product_dtype(found) == "float32"
    torch.set_float32_matmul_precision("high")
    assert product_dtype(settings(dense)) == "tensorfloat32"


@pytest.mark.usefixtures("on_cuda")
def test_switches_that_differ_within_cudnn_count_as_on() -> None:
    """Torch refuses to answer with one value then; one of them is on."""
    if not hasattr(torch.backends.cudnn, "conv"):
        pytest.skip("this torch has one switch for cuDNN")
    torch.backends.cudnn.conv.fp32_precision = "ieee"
    assert settings(model(layers.Conv2D(2, 3)))["cudnn_tf32"] is True
    assert setting_lines("torch")[1:] == [
        'torch.backends.cudnn.conv.fp32_precision = "ieee"',
        'torch.backends.cudnn.rnn.fp32_precision = "tf32"',
    ]


def test_a_cpu_has_none() -> None:
    found = settings(model(layers.Conv2D(2, 3)))
    assert (found["tf32"], found["cudnn_tf32"], found["device"]) == (None, None, "cpu")
    assert manifest(found, None).cudnn_tf32 is False


def test_a_script_sets_both_as_they_were() -> None:
    assert setting_lines("torch")[1:] == []
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cuda.matmul.allow_tf32 = True
    lines = setting_lines("torch")[1:]
    assert lines == ['torch.set_float32_matmul_precision("high")', "torch.backends.cudnn.allow_tf32 = False"]
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True
    exec("\n".join(lines), {"torch": torch})
    assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == (True, False)
