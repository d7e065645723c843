"""Models of the user, by module and by file."""

import sys

import pytest

from anatomy.models import build_any, resolve_user_function

SOURCE = """
import keras
from helper_beside_it import UNITS

def make(units=UNITS):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])

def wrong():
    return 42

NUMBER = 1
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(SOURCE)
    (tmp_path / "helper_beside_it.py").write_text("UNITS = 3")
    (tmp_path / "lacks.py").write_text("import not_there_at_all")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name in ("my_models", "helper_beside_it", "lacks", "_anatomy_user_my_models"):
            del sys.modules[name]


@pytest.mark.parametrize("place", ["my_models", "my_models.py", "./my_models.py"])
def test_functions_are_found(folder, place):
    assert build_any(f"{place}:make", {}).output_shape == (None, 3)
    assert build_any(f"{place}:make", {"units": 5}).output_shape == (None, 5)


def test_a_file_is_loaded_once(folder):
    assert resolve_user_function("my_models.py:make") is resolve_user_function("./my_models.py:make")


def test_the_zoo_is_built_too():
    assert build_any("mlp", {"classes": 4}).output_shape == (None, 4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_models:mke", "did you mean 'make'"),
        ("my_models:NUMBER", "got int"),
        ("my_modelz:make", "no module 'my_modelz'"),
        ("my_modelz.py:make", "no file my_modelz.py"),
    ],
)
def test_mistakes_are_named(folder, model, message):
    with pytest.raises(ValueError, match=message):
        build_any(model, {})


def test_what_is_not_a_model_is_refused(folder):
    with pytest.raises(TypeError, match=r"must return a keras\.Model, returned int"):
        build_any("my_models:wrong", {})


def test_a_module_that_lacks_another_says_so_itself(folder):
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        build_any("lacks:make", {})
