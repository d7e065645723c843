"""Models of the user, by module and by file."""

import sys

import pytest

from anatomy.models import build_any, build_with_data, resolve_user_function
from anatomy.models.pretrained_weights import say_once, sentence

SOURCE = """
import unittest

import keras
import pytest
from helper_beside_it import UNITS

model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(7)])

class Own(keras.Model):
    def __init__(self, units=4):
        row = keras.Input((2,))
        super().__init__(row, keras.layers.Dense(units)(row))

class Task(keras.Model):
    def __init__(self, backbone, preprocessor="some"):
        row = keras.Input((2,))
        super().__init__(row, backbone(row))
        assert preprocessor is None

def one():
    return model, DATA[0]

def two():
    return model, *DATA

def alone():
    return model,

def pretrained(weights="imagenet"):
    return make(9 if weights is None else 1)

def drawn(weights="he_normal"):
    return make(9 if weights is None else 1)

def make(units=UNITS):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])

def wrong():
    return 42

async def late():
    return make()

def nothing():
    pass

def one_after_another():
    yield make()

def skips():
    pytest.skip("no luck")

def fails():
    pytest.fail("no luck")

class TestPlain:
    units = 1

    def setup_class(cls):
        cls.units = 4

    def setup_method(self, method):
        self.units *= 10

    def test_it(self, more=0):
        return make(self.units + more)

    @staticmethod
    def test_static(units=7):
        return make(units)

    class TestInner:
        def test_it(self):
            return make(6)

class TestHeir(TestPlain):
    @classmethod
    def setup_class(cls):
        cls.units = 5

    def setup_method(self):
        pass

class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.units = 2

    def setUp(self):
        self.units += 1

    def test_it(self):
        self.assertEqual(self.id().rpartition(".")[2], "test_it")
        return make(self.units)

    def test_skips(self):
        self.skipTest("no luck")

NUMBER = 1
LAYER = keras.layers.Dense(1)
DATA = [object(), object()]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "my_models.py").write_text(SOURCE)
    (tmp_path / "helper_beside_it.py").write_text("UNITS = 3")
    (tmp_path / "lacks.py").write_text("import not_there_at_all")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "hub" / "models").mkdir(parents=True)
    (tmp_path / "hub" / "__init__.py").write_text("")
    (tmp_path / "hub" / "models" / "__init__.py").write_text("from my_models import Own, make")
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name in ("my_models", "helper_beside_it", "lacks", "_anatomy_user_my_models", "hub", "hub.models"):
            del sys.modules[name]


@pytest.mark.parametrize("place", ["my_models", "my_models.py", "./my_models.py"])
def test_functions_are_found(folder, place):
    assert build_any(f"{place}:make", {}).output_shape == (None, 3)
    assert build_any(f"{place}:make", {"units": 5}).output_shape == (None, 5)


@pytest.mark.parametrize(
    ("model", "units"),
    [
        ("my_models.py:model", 7),
        ("my_models:Own", 4),
        ("hub.models:Own", 4),
        ("hub.models:make", 3),
        ("hub:models.Own", 4),
        ("hub.models.Own:mro", None),
        ("my_models:pretrained", 9),
        ("my_models:drawn", 1),
    ],
)
def test_objects_and_classes_are_found_wherever_the_colon_is(folder, model, units):
    if units is None:
        assert callable(resolve_user_function(model))
    else:
        assert build_any(model, {}).output_shape == (None, units)


@pytest.mark.parametrize(("function", "given"), [("one", 1), ("two", 2), ("alone", 0), ("make", 0)])
def test_what_is_returned_beside_a_model_is_kept_untouched(folder, function, given):
    built = build_with_data(f"my_models:{function}", {})
    made = sys.modules["my_models"].DATA
    assert type(built.model).__name__ == "Sequential"
    data = built.data if given != 1 else (built.data,)
    assert (data or ()) == tuple(made[:given])
    assert all(kept is one for kept, one in zip(data or (), made, strict=False))


def test_pretrained_weights_are_left_out_and_that_is_said_once(folder, capsys, monkeypatch):
    monkeypatch.setattr("anatomy.models.pretrained_weights._said", set())
    for _ in range(2):
        assert build_any("my_models:pretrained", {}).output_shape == (None, 9)
    assert build_any("my_models:pretrained", {"weights": "mine"}).output_shape == (None, 1)
    said = capsys.readouterr().err
    assert said.startswith("my_models.pretrained: weights=None, since speed does not depend on them")
    assert said.count("\n") == 1


def test_what_is_the_same_of_several_models_is_one_sentence(capsys, monkeypatch):
    monkeypatch.setattr("anatomy.models.pretrained_weights._said", set())
    say_once([sentence(f"net:{letter}") for letter in "abcd"])
    assert capsys.readouterr().err.startswith("net.a, net.b and 2 more: weights=None, since speed")
    say_once([sentence("net:a"), sentence("net:e")])
    assert capsys.readouterr().err.startswith("net.e: weights=None")


def test_a_class_takes_objects_as_keras_serialises_them(folder):
    backbone = {"module": "keras.layers", "class_name": "Dense", "config": {"units": 5}}
    built = build_any("my_models:Task", {"backbone": backbone, "preprocessor": None})
    assert built.output_shape == (None, 5)


def test_a_model_takes_no_options(folder):
    with pytest.raises(ValueError, match="is a model, not a function: it takes no options, got units"):
        build_any("my_models:model", {"units": 2})


@pytest.mark.parametrize(
    ("method", "options", "units"),
    [
        ("TestPlain.test_it", {}, 40),
        ("TestPlain.test_it", {"more": 2}, 42),
        ("TestPlain.test_static", {}, 7),
        ("TestPlain.TestInner.test_it", {}, 6),
        ("TestHeir.test_it", {}, 5),
        ("Cases.test_it", {}, 3),
    ],
)
def test_a_method_is_called_on_a_new_instance_that_is_set_up(folder, method, options, units):
    for _ in range(2):
        assert build_any(f"my_models.py:{method}", options).output_shape == (None, units)


def test_a_file_is_loaded_once(folder):
    assert resolve_user_function("my_models.py:make") is resolve_user_function("./my_models.py:make")


def test_the_zoo_is_built_too():
    assert build_any("mlp", {"classes": 4}).output_shape == (None, 4)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("my_models:mke", "did you mean 'make'"),
        ("my_models:NUMBER", "got int"),
        ("hub:models", "got the module hub.models"),
        ("hub.modelz:Own", "no module 'hub.modelz'"),
        ("my_models:TestPlain.test_if", "did you mean 'test_it'"),
        ("my_modelz:make", "no module 'my_modelz'"),
        ("my_modelz.py:make", "no file my_modelz.py"),
    ],
)
def test_mistakes_are_named(folder, model, message):
    with pytest.raises(ValueError, match=message):
        build_any(model, {})


@pytest.mark.parametrize(
    ("function", "error", "message"),
    [
        ("wrong", TypeError, r"wrong returned an int, not a Keras model"),
        ("nothing", TypeError, "returned None, not a Keras model: does it end with `return model`"),
        ("late", TypeError, "a coroutine, not a Keras model: make it a plain function"),
        ("one_after_another", TypeError, "a generator, not a Keras model: return the model"),
        ("skips", NotImplementedError, "my_models:skips skipped itself: no luck"),
        ("Cases.test_skips", NotImplementedError, "skipped itself: no luck"),
        ("fails", AssertionError, r"called pytest\.fail: no luck"),
    ],
)
def test_what_does_not_return_a_model_is_refused(folder, function, error, message):
    with pytest.raises(error, match=message):
        build_any(f"my_models:{function}", {})


def test_a_layer_is_no_model(folder):
    with pytest.raises(TypeError, match=r"LAYER is a keras\.layers\.Dense, a layer and not a model: keras\.Sequential"):
        build_any("my_models:LAYER", {})


def test_a_module_that_lacks_another_says_so_itself(folder):
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all"):
        build_any("lacks:make", {})
