"""Models as text: read, written, and read again."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anatomy.models import ModelSpec, allow_code, find, format_model, parse_model, zoo
from anatomy.models.literals import format_value, parse_value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(JSON)
def test_values_survive_being_written(value):
    assert parse_value(format_value(value)) == value


@pytest.mark.long
@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), JSON, max_size=4))
def test_models_of_the_user_survive_being_written(options):
    assert parse_model(format_model("package.module:make", options)) == ModelSpec("package.module:make", options)


SIDES = st.integers(67, 300)
VALUES: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "mlp": {"hidden": st.lists(st.integers(1, 99), max_size=3), "dropout": st.floats(0, 0.99)},
    "lstm": {"stateful": st.booleans(), "batch_size": st.none() | st.integers(1, 64)},
    "alexnet": {"input_shape": st.tuples(SIDES, SIDES, st.integers(1, 3)), "towers": st.sampled_from([1, 2])},
    "vgg": {"depth": st.sampled_from([11, 13, 16, 19]), "classes": st.sampled_from([10, 1000])},
    "resnet": {
        "depth": st.sampled_from([50, 101, 20, 1202]),
        "input_shape": st.sampled_from([(32, 32, 3), (224, 224, 3), (64, 64, 1)]),
        "classes": st.sampled_from([10, 1000, 7]),
    },
    "unet": {"padding": st.just("valid"), "input_shape": st.just((188, 188, 1)), "classes": st.integers(1, 3)},
    "rcnn": {"words": st.none() | st.integers(1, 99), "literal": st.booleans()},
}


@given(st.data(), st.sampled_from(sorted(VALUES)))
def test_models_of_the_zoo_survive_being_written(data, name):
    options = data.draw(st.fixed_dictionaries({}, optional=VALUES[name]))
    if name == "unet" and options.get("padding") == "valid":
        options["input_shape"] = (188, 188, 1)
    elif name == "unet":
        options.pop("input_shape", None)
    complete = find(name)[0].complete(options)
    assert parse_model(format_model(name, complete)) == ModelSpec(name, complete)


@pytest.mark.parametrize(
    ("text", "model", "options"),
    [
        ("vgg:depth=11,classes=10", "vgg", {"depth": 11, "classes": 10}),
        ("vgg19", "vgg", {"depth": 19}),
        ("vgg19:classes=3", "vgg", {"depth": 19, "classes": 3}),
        ("mlp:hidden=64x32,classes=1", "mlp", {"hidden": [64, 32], "classes": 1}),
        ("mlp:hidden=64", "mlp", {"hidden": [64]}),
        ("mlp:hidden=[]", "mlp", {"hidden": []}),
        ("unet:input_shape=188x188x1,padding=valid", "unet", {"input_shape": [188, 188, 1], "padding": "valid"}),
        ("rcnn:words=none", "rcnn", {"words": None}),
        ("lstm:stateful=true", "lstm", {"stateful": True, "batch_size": 32}),
        ("resnet:depth=20", "resnet", {"depth": 20, "input_shape": [32, 32, 3], "classes": 10}),
        ("wide_resnet:dropout=0", "wide_resnet", {"dropout": 0.0}),
    ],
)
def test_options_of_the_zoo_are_complete(text, model, options):
    assert parse_model(text) == ModelSpec(model, {**dict(find(model)[0].defaults), **options})


@pytest.mark.parametrize(
    ("text", "model", "options"),
    [
        ("package.module:make", "package.module:make", {}),
        ("single:make", "single:make", {}),
        ("folder/file.py:make:n=3", "folder/file.py:make", {"n": 3}),
        ("m:Maker.make:a=1e-3,b=TRUE,c=x=y", "m:Maker.make", {"a": 0.001, "b": True, "c": "x=y"}),
        ('m:f:a="1,2",b=[1, {"c": 2}],d=nan', "m:f", {"a": "1,2", "b": [1, {"c": 2}], "d": "nan"}),
        ("keras.applications.MobileNetV3Small", "keras.applications:MobileNetV3Small", {}),
        ("keras.applications.ResNet50:weights=none,n=1", "keras.applications:ResNet50", {"weights": None, "n": 1}),
        ("hub.models.Bert.from_preset:preset=a/b", "hub.models:Bert.from_preset", {"preset": "a/b"}),
        ("package.models.build", "package.models:build", {}),
        ("package.keras:build:n=1", "package.keras:build", {"n": 1}),
        ("package.module:f:path=x/model.keras", "package.module:f", {"path": "x/model.keras"}),
        ("package.module:f:path=x.py:y", "package.module:f", {"path": "x.py:y"}),
        ("runs/12:00/file.py:make:n=3", "runs/12:00/file.py:make", {"n": 3}),
        ("model.keras", "model.keras", {}),
        ("../a/model.h5:safe_mode=true", "../a/model.h5", {}),
        ("/a/b.json:safe_mode=false", "/a/b.json", {"safe_mode": False}),
        ("runs/12:00/model.keras", "runs/12:00/model.keras", {}),
        ("saved/", "./saved", {}),
        ("a/saved", "a/saved", {}),
    ],
)
def test_options_of_the_user_are_as_given(text, model, options):
    spec = parse_model(text)
    assert spec == ModelSpec(model, options)
    assert parse_model(format_model(spec.model, spec.options)) == spec


def test_a_folder_of_a_saved_model_needs_no_slash(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "saved").mkdir()
    with pytest.raises(ValueError, match="unknown model 'saved'"):
        parse_model("saved")
    (tmp_path / "saved" / "saved_model.pb").touch()
    assert parse_model("saved") == ModelSpec("./saved", {})


def test_code_is_allowed_to_saved_files_alone():
    assert [allow_code(text) for text in ("a.keras", "m:f:n=1", "vgg16")] == [
        "a.keras:safe_mode=false",
        "m:f:n=1",
        "vgg16",
    ]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("vgg16", "vgg"),
        ("resnet1202", "resnet:depth=1202"),
        ("resnet:depth=110,classes=10", "resnet:depth=110"),
        ("resnet:depth=50,input_shape=32x32x3,classes=10", "resnet:input_shape=32x32x3,classes=10"),
        ("binary", "mlp:input_size=100,hidden=32,classes=1,dropout=0.0"),
    ],
)
def test_only_what_differs_is_written(text, written):
    spec = parse_model(text)
    assert format_model(spec.model, spec.options) == written


@pytest.mark.parametrize("variant", [v for a in zoo() for v in a.variants])
def test_variants_survive_being_written(variant):
    spec = parse_model(variant)
    assert parse_model(format_model(spec.model, spec.options)) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("vggg:depth=11", "did you mean 'vgg'"),
        ("", "unknown model ''"),
        ("vgg:depth", "expected option=value, got 'depth'"),
        ("vgg:depth=11,depth=13", "given twice"),
        ("vgg:dept=11", "did you mean 'depth'"),
        ("mlp:hidden=[64", "starts like JSON"),
        ("mlp:dropout=high", "valid number"),
        ("model.keras:units=3", "is a saved model, complete as it is: it takes no options, got 'units=3'"),
        ("a/model.json:build", "it takes no options, got 'build'"),
        ("./saved:safe_mode=false", "it takes no options"),
        ("model.keras:safe_mode=no", "it takes no options"),
        ("mine.py", "name the function in it that builds the model, mine.py:build"),
        ("mine.py:", "expected the name of a function after mine.py:"),
        ("mine.ipynb", "is a notebook"),
        ("a/model.onnx", "is no file that Keras builds a model from"),
        ("a/saved_model.pb", "name its folder, a/"),
        ("a/b:build", "a/b is no Python file"),
    ],
)
def test_mistakes_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_model(text)


def test_what_is_not_json_cannot_be_written():
    with pytest.raises(ValueError, match="expected a JSON value"):
        format_model("m:f", {"a": float("nan")})
