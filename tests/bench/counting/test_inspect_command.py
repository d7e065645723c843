"""`anatomy inspect`: pure JSON, readable tables, one-line errors."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

import anatomy.bench as ab
from anatomy.bench.backends.available import installed_backends
from anatomy.bench.cli.commands.inspect import inspect
from anatomy.bench.cross_check import CrossCheck, Row

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(inspect)


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command chooses a backend through the environment; undo it after each test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


@pytest.mark.long
def test_json_is_one_object() -> None:
    done = run("alexnet:towers=1", "--json")
    found = json.loads(done.stdout)
    assert (found["model"], found["name"], found["options"]["towers"]) == ("alexnet", "alexnet:towers=1", 1)
    assert (found["macs"], found["units"]) == (1_135_256_096, 659_272)
    assert next(layer["parameters"] for layer in found["layers"] if layer["macs"]) == 34_944


@pytest.mark.long
def test_tables_have_separators_and_notes() -> None:
    done = run("rcnn:words=none")
    assert "531,801" in done.stdout
    assert "?×100" in done.stdout
    assert "Not counted: left_context (LSTM): a length is unknown" in done.stdout
    assert re.search(r"MACs, every open length n +[\d,]+·n", done.stdout)
    assert "26,500,100" in run("rcnn:words=none", "--input-shape", "50x100").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["alexnt"], "did you mean 'alexnet'?"),
        (["vgg:dept=11"], "did you mean 'depth'?"),
        (["rcnn", "--input-shape", "50y100"], 'expected positive lengths joined by "x"'),
        (["rcnn", "--input-shape", "60x100"], "which takes 50×100"),
        (["rcnn", "--input-shape", "60,a=7"], "several shapes need names"),
        (["rcnn", "--input", "a=60", "--input", "a=7"], "gives a twice"),
        (["mlp", "--dtype", "float23"], "did you mean 'float32'?"),
        (["mlp", "--backend", "pytorch"], "did you mean 'torch'?"),
        (["no_such.module:build"], "no module 'no_such.module'"),
    ],
)
def test_mistake_is_one_line_with_a_remedy(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        ("RuntimeError('no\\nfile')", "raised RuntimeError: no file"),
        ("KeyError('a')", "raised KeyError: 'a'"),
        ("ValueError('not so')", "not so"),
    ],
)
def test_whatever_a_users_function_raises_is_one_line(tmp_path: Path, raised: str, message: str) -> None:
    place = tmp_path / "mine.py"
    place.write_text(f"def build():\n    raise {raised}\n")
    done = run(f"{place}:build")
    assert (done.exit_code, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr
    assert ("ValueError" in raised) or done.stderr.endswith("mine.py, line 2)\n")


BUILT = """
import keras
def build():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model
"""


def test_a_built_optimizer_needs_no_weights(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(BUILT)
    done = run(f"{tmp_path}/mine.py:build", "--json", "--batch-size", "2")
    found = json.loads(done.stdout)
    assert (found["macs"], found["parameters"], found["memory"]["optimizer_bytes"]) == (8, 10, 2 * 4 * 10)


MODELS = Path(__file__).with_name("counted_models.py")


@pytest.mark.long
def test_what_is_not_seen_is_never_called_0() -> None:
    found = json.loads(run(f"{MODELS}:scanned", "--json").stdout)
    assert (found["macs"], found["flops"], found["training_flops"], found["counted_macs"]) == (None, None, None, 0)
    assert found["uncounted"][0]["reason"] == "the work of operation Scan is not known"
    shown = run(f"{MODELS}:scanned").stdout
    assert re.search(r"^MACs +not known$", shown, re.MULTILINE)
    assert re.search(r"^FLOPs +not known$", shown, re.MULTILINE)
    assert re.search(r"^MACs +not known, ≥ 20$", run(f"{MODELS}:values_of_the_backend").stdout, re.MULTILINE)


NESTED = """
import keras
from keras import layers, ops
def build():
    i = {
        "text": {"ids": keras.Input((None,), dtype="int32", name="words"), "mask": keras.Input((None,), name="mask")},
        "img": keras.Input((None, None, 3), name="img"), "scale": keras.Input((), name="scale"),
    }
    e = layers.Embedding(700, 8)(i["text"]["ids"]) * i["text"]["mask"][..., None]
    image = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(i["img"])) * i["scale"][:, None]
    return keras.Model(i, layers.Dense(2)(layers.Concatenate()([ops.mean(e, 1), image])))
"""


@pytest.mark.parametrize("ids", ["text/ids", "words"])
def test_inputs_are_named_as_in_run(tmp_path: Path, ids: str) -> None:
    (tmp_path / "mine.py").write_text(NESTED)
    options = ["--input", f"{ids}=11:int32:0..699", "--input", "text/mask=11,img=10x10x3,scale=scalar"]
    found = json.loads(run(f"{tmp_path}/mine.py:build", *options, "--json").stdout)
    assert (found["macs"], found["uncounted"]) == (64 * 4 * 27 + 12 * 2, [])
    wrong = run(f"{tmp_path}/mine.py:build", "--input", "text/idx=11")
    assert wrong.stderr.endswith("but the model's inputs are ['img', 'scale', 'text/ids', 'text/mask']\n")


DATA = """
import keras, numpy as np
from keras import layers
class Towers(keras.Model):
    def __init__(self):
        super().__init__()
        self.one, self.other = layers.GRU(8), layers.GRU(8)
    def call(self, inputs):
        return self.one(inputs["query"]) * self.other(inputs["found"])
class Pair(keras.Model):
    def train_step(self, *data):
        raise NotImplementedError
def towers():
    return Towers(), {"query": np.ones((4, 6, 3)), "found": np.ones((4, 9, 3))}, np.ones((4, 8))
def open_length():
    return keras.Sequential([keras.Input((None, 6)), layers.GRU(8), layers.Dense(2)]), np.ones((64, 9, 6), "float32")
def pair():
    return Pair(), np.ones((4, 3))
def closed():
    return keras.Sequential([keras.Input((6,)), layers.Dense(2)]), "what nobody reads"
"""


@pytest.mark.parametrize(
    ("name", "options", "macs"),
    [
        ("towers", [], 15 * (8 * 3 * 3 + 8 * 8 * 3)),
        ("towers", ["--input", "query=1x3,found=2x3"], 3 * 264),
        ("open_length", [], 9 * (6 * 24 + 8 * 24) + 16),
        ("open_length", ["--input", "4x6"], 4 * 336 + 16),
        ("closed", [], 12),
    ],
)
def test_shapes_of_data_that_came_with_the_model(tmp_path: Path, name: str, options: list[str], macs: int) -> None:
    (tmp_path / "mine.py").write_text(DATA)
    assert json.loads(run(f"{tmp_path}/mine.py:{name}", *options, "--json").stdout)["macs"] == macs
    if not options:
        assert ab.count(f"{tmp_path}/mine.py:{name}").macs == macs


def test_a_model_without_a_call_is_said_to_have_none(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(DATA)
    assert "has no call(), so there is no forward pass to count" in run(f"{tmp_path}/mine.py:pair").stderr


REFUSED = """
import keras
from keras import layers, ops
class Product(layers.Layer):
    def call(self, x):
        return ops.matmul(x, ops.ones((3, 2)))
def of_the_backend():
    i = keras.Input((4,))
    return keras.Model(i, Product()(i))
def closed(steps=4):
    i = keras.Input((None, 2), name="steps")
    return keras.Model(i, layers.Dense(3)(layers.Reshape((int(i.shape[1]) * 2,))(i)))
"""


def test_what_a_backend_refuses_another_may_take(tmp_path: Path) -> None:
    import keras

    (tmp_path / "mine.py").write_text(REFUSED)
    done = run(f"{tmp_path}/mine.py:of_the_backend")
    others = [name for name in ("jax", "torch", "tensorflow") if name in installed_backends()]
    others.remove(keras.config.backend())
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert f"raised on {keras.config.backend()} " in done.stderr
    assert "(mine.py, line 6)" in done.stderr
    assert not others or done.stderr.endswith(f"another backend may take it: --backend {' or '.join(others)}\n")


@pytest.mark.long
def test_an_open_length_that_keeps_a_model_from_being_built(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(REFUSED)
    done = run(f"{tmp_path}/mine.py:closed")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "TypeError: int() argument" in done.stderr
    assert done.stderr.endswith("give it, --input 16x2\n")
    for option in ("5x2", "steps=5x2"):
        found = json.loads(run(f"{tmp_path}/mine.py:closed", "--input", option, "--json").stdout)
        assert (found["macs"], found["input_shape"]) == (30, [5, 2])
    assert "give it, --input 16x2" in run(f"{tmp_path}/mine.py:closed", "--input", "5x3").stderr


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
@pytest.mark.parametrize("name", ["mine.keras", "mine.h5", "mine.json"])
def test_a_saved_model_is_counted(tmp_path: Path, name: str) -> None:
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("adam", "mse")
    place = tmp_path / name
    if name.endswith(".json"):
        place.write_text(model.to_json())
    else:
        model.save(place)
    found = json.loads(run(str(place), "--json").stdout)
    assert (found["model"], found["macs"], found["parameters"]) == (str(place), 8, 10)


def test_a_saved_graph_of_tensorflow_needs_tensorflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "saved_model.pb").touch()
    monkeypatch.setattr("keras.backend.backend", lambda: "jax")
    done = run(f"{tmp_path}/", "--backend", "tensorflow")
    assert done.exit_code == 2
    assert done.stderr.endswith("which Keras runs on TensorFlow alone: --backend tensorflow\n")


@pytest.mark.long
def test_no_weights_are_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a download")

    monkeypatch.setattr("keras.utils.get_file", refuse)
    monkeypatch.setattr("anatomy.models.pretrained_weights._said", set())
    done = run("keras.applications.MobileNetV3Small:input_shape=32x32x3", "--json")
    assert json.loads(done.stdout)["parameters"] == 2_554_968
    assert done.stderr.startswith("keras.applications.MobileNetV3Small: weights=None, since speed")
    assert done.stderr.count("\n") == 1


def test_mistakes_of_the_zoo_are_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("a fault of Anatomy")

    monkeypatch.setattr("anatomy.bench.cli.commands.inspect._count", broken)
    assert str(run("alexnet").exception) == "a fault of Anatomy"


@pytest.mark.parametrize(("arguments", "has_table"), [(["--cross-check"], True), (["--cross-check", "--json"], False)])
def test_cross_check_option(monkeypatch: pytest.MonkeyPatch, arguments: list[str], has_table: bool) -> None:
    table = CrossCheck(1, (Row("XLA", reason="jax is not installed"),))
    monkeypatch.setattr("anatomy.bench.cross_check.cross_check", lambda _: table)
    done = run("intro", *arguments)
    assert (", forward, batch 1" in done.stdout) == has_table
    if not has_table:
        assert json.loads(done.stdout)["cross_check"] == table.to_dict()


@pytest.mark.backends
def test_nothing_but_json_reaches_stdout(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(
        "import keras\nprint('loading')\n"
        "def build(units=2):\n    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])\n"
    )
    program = "from anatomy.bench.cli.commands.inspect import inspect; import typer; typer.run(inspect)"
    done = subprocess.run(
        [sys.executable, "-c", program, "mine.py:build:units=5", "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(done.stdout)
    assert (found["model"], found["options"], found["parameters"]) == ("mine.py:build", {"units": 5}, 20)


@pytest.mark.long
def test_memory_of_a_batch_beside_a_limit() -> None:
    done = run("mlp", "--batch-size", "64", "--memory-limit", "64GiB", "--json")
    memory = json.loads(done.stdout)["memory"]
    assert (memory["mode"], memory["batch_size"], memory["optimizer"]) == ("train", 64, "SGD")
    assert memory["parameter_bytes"] == memory["optimizer_bytes"] == 4 * 6154
    resident = memory["parameter_bytes"] + memory["optimizer_bytes"] + memory["batch_bytes"]
    assert memory["least_bytes"] == resident + max(memory["gradient_bytes"], memory["activation_bytes"])
    assert memory["fit"]["may_fit"]
    assert memory["fit"]["needed_bytes"] == memory["least_bytes"] + memory["fit"]["framework_bytes"]
    shown = " ".join(run("mlp", "--batch-size", "64", "--memory-limit", "64GiB").stdout.split())
    assert re.search(r"Above [\d,]+ it hardly will", shown)


@pytest.mark.long
def test_what_will_not_fit_is_said_and_is_no_error() -> None:
    done = run("vgg", "--batch-size", "4096", "--memory-limit", "16GiB")
    assert done.exit_code == 0
    assert "Will hardly fit: batch 4096 needs" in " ".join(done.stdout.split())
    assert "Hardly one example will" in run("vgg", "--batch-size", "1", "--memory-limit", "1MiB").stdout


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mlp", "--memory-limit", "4GiB"], "give --batch-size too"),
        (["mlp", "--batch-size", "4", "--memory-limit", "4 bananas"], "is not a size"),
        (["mlp", "--batch-size", "4", "--mode", "trian"], "did you mean 'train'?"),
        (["rcnn:keywords=true", "--batch-size", "4"], "use --mode infer"),
    ],
)
def test_a_wrong_memory_option_is_one_line(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert message in done.output
