"""Mistakes in names of models, found without importing anything."""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import pytest

from anatomy.models import check_model, parse_model

FILES = {
    "mine.py": """
import keras
from helper import UNITS
N = 1
model = keras.Sequential()
def build(units=UNITS): ...
def needs(a, *, b): ...
class Own(keras.Model):
    def __init__(self, weights="imagenet"): ...
""",
    "helper.py": "UNITS = 3",
    "opened.py": "from helper import *",
    "made.py": "globals()['build'] = print",
    "wrong.py": "import os\ndef build(:",
    "nulls.py": "x = '\0'",
    "lacks.py": "import os\nimport not_there.at_all",
    "lacks_name.py": "from helper import LAYERS",
    "imports_wrong.py": "import wrong",
    "optional.py": "try:\n    import not_there\nexcept ImportError:\n    pass\ndef build(): import not_there",
    "finds.py": "import sys\nsys.path.append('x')\nimport not_there\ndef build(): ...",
    "two.py": "if 1:\n    def build(): ...\nelse:\n    build = None",
    "either.py": "if 1:\n    def build(a): ...\nelse:\n    def build(b): ...\ndef later():\n    global N\nN = 1",
    "package/__init__.py": "from .inner import build\nfrom package import part",
    "package/inner.py": "def build(weights='imagenet'): ...",
    "package/part/__init__.py": "",
    "package/part/deep.py": "from ..inner import build as make\nfrom ...above import more",
    "package/__main__.py": "import not_there",
    "bare/one.py": "def build(): ...",
    "package/lacking.py": "from .absent import build",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def check(text: str, folder: Path) -> list[str]:
    spec = parse_model(text)
    return check_model(spec.model, spec.options, folder)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "mlp",
            "mine:build",
            "mine.py:build:units=2",
            "mine.py:model",
            "mine:needs:a=1,b=2",
            "opened:x",
            "made:build",
        ),
        *("optional:build", "finds.py:build", "two:build", "bare.one.build", "either:build:a=1", "either:N"),
        *("mine.py:Own:weights=none", "json.dumps:obj=1", "math:sin", "keras.applications.ResNet50:weights=none"),
        *("os.path:join", "xml.dom.minidom:Node", "package.part.deep:make.attribute", "keras.Sequential"),
    ],
)
def test_what_is_there_is_let_through(folder: Path, text: str) -> None:
    assert check(text, folder) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "mine.py:biuld",
            "unknown function in mine.py 'biuld'; expected one of build, needs, Own, model; did you mean 'build'",
        ),
        ("mien.py:build", "no file mien.py (looked in {folder}); did you mean 'mine.py'?"),
        ("mine:build:unts=2", "unknown option of mine:build 'unts'; expected one of units; did you mean 'units'?"),
        ("mine:needs:a=1", "mine:needs needs b: mine:needs:b=…"),
        ("mine:N", "N in {folder}/mine.py is a value of type int: expected a function that returns a keras.Model"),
        ("wrong.py:build", "{folder}/wrong.py, line 2: SyntaxError: "),
        ("nulls:build", "{folder}/nulls.py: SyntaxError: source code string cannot contain null bytes"),
        ("imports_wrong:build", "{folder}/wrong.py, line 2: SyntaxError: "),
        ("lacks:build", "{folder}/lacks.py, line 2: ModuleNotFoundError: No module named 'not_there'"),
        (
            "lacks_name.py:build",
            "{folder}/lacks_name.py, line 1: ImportError: cannot import name 'LAYERS' from 'helper'",
        ),
        ("package.lacking:build", "package/lacking.py, line 1: ModuleNotFoundError: No module named 'package.absent'"),
        (
            "mien:build",
            "no module 'mien' in {folder} or among the installed packages; run from the folder that holds it",
        ),
        ("package.prat:build", "unknown function in package 'prat'; expected one of build, part, inner"),
        ("package.part:make", "unknown function in package.part 'make'; expected one of deep"),
        ("package.part.deep.mkae", "unknown function in deep.py 'mkae'"),
        ("package.part", "package.part is a module: name the function in it"),
        ("bare.two:build", "unknown module in bare 'two'; expected one of one"),
        ("keras.applications:ResNet5O", "unknown function in keras.applications 'ResNet5O'; did you mean 'ResNet50'?"),
        ("keras.aplications.ResNet50", "did you mean 'applications'?"),
        ("no_such_framework.Model", "no module 'no_such_framework'"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(folder: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011  # the message is compared below
        check(text, folder)
    assert said.format(folder=folder) in str(raised.value)


@pytest.mark.parametrize(
    "text", ["keras.applications:ResNet50", "package:build", "package.part.deep:make", "mine.py:Own"]
)
def test_what_would_download_weights_is_said(folder: Path, text: str) -> None:
    (said,) = check(text, folder)
    assert "weights=None, since speed does not depend on them and nothing is downloaded; give weights=…" in said


def test_nothing_is_imported(folder: Path) -> None:
    before = set(sys.modules)
    check("package:build", folder)
    check("keras.applications.MobileNetV2", folder)
    assert not {"package", "keras.applications"} & (set(sys.modules) - before)


SEQUENTIAL: dict[str, Any] = {"class_name": "Sequential", "config": {"layers": []}}
LAMBDA = {"class_name": "Lambda", "config": {"function": {"class_name": "__lambda__", "config": {"code": "…"}}}}


def write(path: Path, config: Any) -> None:
    """A saved model with a configuration, or without one."""
    if path.suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json" if config else "other", json.dumps(config))
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs.update({"model_config": json.dumps(config)} if config else {})
    else:
        path.write_text(json.dumps(config))


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.json"])
def test_saved_models_are_looked_into(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, SEQUENTIAL)
    assert check(name, tmp_path) == []
    write(tmp_path / name, {**SEQUENTIAL, "config": {"layers": [LAMBDA]}})
    with pytest.raises(ValueError, match=r"holds the code of a Python lambda, .* add --unsafe"):
        check(name, tmp_path)
    assert check(f"{name}:safe_mode=false", tmp_path) == []
    write(tmp_path / name, None)
    with pytest.raises(ValueError, match=r"weights alone|is no \.keras file|does not describe a model"):
        check(name, tmp_path)
    (tmp_path / name).write_text("no such thing")
    with pytest.raises(ValueError, match=r"is no|is not JSON"):
        check(name, tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(ValueError, match=f"no file {name}"):
        check(name, tmp_path)


def test_folders_are_those_of_saved_models(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no folder \./saved"):
        check("./saved", tmp_path)
    (tmp_path / "saved").mkdir()
    with pytest.raises(ValueError, match=r"a folder without saved_model\.pb"):
        check("saved/", tmp_path)
    (tmp_path / "saved" / "saved_model.pb").touch()
    assert check("./saved", tmp_path) == []
