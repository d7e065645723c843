"""Saved models are built from their files."""

from pathlib import Path
from typing import Any

import keras
import pytest

from anatomy.models import build_any, parse_model

# Keras 3.15 reads variables with numpy's older protocol when it saves them.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def model(*layers: Any) -> Any:
    made = keras.Sequential([keras.Input((4,)), *layers, keras.layers.Dense(2)])
    made.compile("adam", "mse", metrics=["mae"])
    return made


def save(made: Any, name: str) -> None:
    if name.endswith(".json"):
        Path(name).write_text(made.to_json())
    else:
        made.save(name)


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.json"])
def test_a_file_is_the_model_that_was_saved(folder: Path, name: str) -> None:
    save(made := model(), name)
    loaded = build_any(name, {})
    assert (loaded.output_shape, loaded.compiled) == ((None, 2), True)
    assert type(loaded.optimizer).__name__ == "Adam"
    if not name.endswith(".json"):
        assert (loaded.get_weights()[0] == made.get_weights()[0]).all()


@pytest.mark.long
@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.json"])
def test_code_in_a_file_runs_only_if_it_may(folder: Path, name: str) -> None:
    save(model(keras.layers.Lambda(lambda row: row * 2)), name)
    with pytest.raises(ValueError, match="holds code, which Keras does not run in its safe mode: add --unsafe"):
        build_any(name, {})
    spec = parse_model(f"{name}:safe_mode=false")
    assert build_any(spec.model, spec.options).output_shape == (None, 2)


def test_classes_that_are_not_imported_are_named(folder: Path) -> None:
    class Mine(keras.layers.Layer):
        def call(self, row: Any) -> Any:
            return row

    model(Mine()).save("a.keras")
    with pytest.raises(
        ValueError, match=r"cannot build a model from a\.keras: .* Classes of your own must be imported"
    ):
        build_any("a.keras", {})


@pytest.mark.parametrize("name", ["absent.keras", "./absent"])
def test_what_is_not_there_is_named(folder: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"no file or folder {name}"):
        build_any(name, {})


@pytest.mark.long
def test_the_folder_of_a_saved_model_is_run_on_tensorflow(folder: Path) -> None:
    if keras.backend.backend() != "tensorflow":
        (folder / "saved").mkdir()
        (folder / "saved" / "saved_model.pb").touch()
        with pytest.raises(NotImplementedError, match="--backend tensorflow"):
            build_any("./saved", {})
        return
    made = model()
    made.export("saved", verbose=False)
    loaded = build_any(parse_model("saved").model, {})
    row = keras.ops.ones((3, 4))
    assert (loaded.input_shape, loaded.output_shape) == ((None, 4), (None, 2))
    assert keras.ops.convert_to_numpy(loaded(row)) == pytest.approx(keras.ops.convert_to_numpy(made(row)))


@pytest.mark.long
def test_a_saved_model_of_several_named_inputs_gets_them_by_name(folder: Path) -> None:
    if keras.backend.backend() != "tensorflow":
        pytest.skip("a SavedModel is a graph of TensorFlow")
    import tensorflow as tf

    class Sum(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, 3), tf.float32, name=name) for name in ("a", "b")])
        def __call__(self, a: Any, b: Any) -> Any:
            return a + b

    made = Sum()
    tf.saved_model.save(made, "sums", signatures=made.__call__.get_concrete_function())
    loaded = build_any("./sums", {})
    (found,) = keras.tree.flatten(loaded({"a": keras.ops.ones((1, 3)), "b": keras.ops.ones((1, 3))}))
    assert keras.ops.convert_to_numpy(found).tolist() == [[2, 2, 2]]
