"""The text of single scripts: what is written out, what is packed, what is left to the user's function."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.script.expression import InexpressibleError
from anatomy.bench.script.generate_script import script_of
from anatomy.bench.workload.build_case import build

DATA = Path(__file__).parents[2] / "data"
USER_FILE = DATA / "scripted_models.py"
SETTINGS = MeasureSettings(seconds=1.5, warmup_s=2.0)


def _script(function: str, settings: MeasureSettings = SETTINGS, **point: Any) -> str:
    import keras

    model = f"{USER_FILE}:{function}" if ":" not in function else function
    case = Case.model_validate({"model": model, "backend": keras.backend.backend(), "batch_size": 4, **point})
    return script_of(build(case), case, settings)


def _model_of(text: str) -> Any:
    """The model that a script builds and compiles."""
    names: dict[str, Any] = {}
    exec(text[: text.index("\nrng = ")], names)
    return names["model"]


@pytest.mark.long
def test_a_user_compiled_model_keeps_its_optimizer_and_loss() -> None:
    text = _script("plain", options={"units": 5})
    assert "scripted_models" not in text.split('"""')[2]
    model = _model_of(text)
    assert model.count_params() == 5 * 4 + 5 + 2 * 5 + 2
    assert type(model.optimizer).__name__ == "Adam"
    assert model.optimizer.get_config()["beta_1"] == 0.8
    assert model.loss.get_config()["label_smoothing"] == 0.1
    assert model.get_compile_config()["metrics"] == ["accuracy"]


@pytest.mark.long
@pytest.mark.parametrize("function", ["with_lambda", "with_own_loss"])
def test_code_of_the_users_own_is_imported(function: str) -> None:
    options = {"factor": 3.0} if function == "with_lambda" else {}
    text = _script(function, options=options)
    assert "The model has code of its own" in text.split('"""')[1].replace("\n", " ")
    assert f"user_module.{function}({'factor=3.0' if options else ''})" in text
    assert str(DATA) in text
    assert _model_of(text).jit_compile is False


def test_code_of_a_method_cannot_be_called_by_a_script() -> None:
    with pytest.raises(InexpressibleError, match=r"TestNets\.test_lambda: a method, whose class needs setting up"):
        _script("TestNets.test_lambda", mode="infer")


@pytest.mark.long
def test_a_shared_layer_is_packed() -> None:
    text = _script("shared", mode="infer")
    assert "PACKED = " in text
    assert len(_model_of(text).layers) == 2


@pytest.mark.long
def test_the_settings_are_the_cases() -> None:
    text = _script("plain", mode="infer", jit="off")
    assert "+ 2  # the first compiles" in text
    assert "1.5 / min(warm[-3:])" in text
    assert "jit_compile=False" in text
    by_steps = _script("plain", MeasureSettings(steps=60), mode="infer")
    assert "rounds, size = 10, 2" in by_steps


def test_flags_of_the_environment_are_set_before_keras_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    text = _script("plain", mode="infer")
    assert '"OMP_NUM_THREADS": "3"' in text[: text.index("import keras")]


@pytest.mark.long
def test_the_dtype_policy_is_the_cases() -> None:
    import keras

    before = keras.config.dtype_policy()
    try:
        text = _script("plain", mode="train", dtype="mixed_bfloat16")
        model = _model_of(text)
    finally:
        keras.config.set_dtype_policy(before)
    assert 'set_dtype_policy("mixed_bfloat16")' in text
    assert {layer.dtype_policy.name for layer in model.layers} == {"mixed_bfloat16"}
