"""`pyproject.toml`: what is read of it, and each kind of mistake with the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.history.keep_run import project_of
from anatomy.bench.machine.pyproject import read_pyproject
from anatomy.bench.regression_gate.gate_table import GateTable, read_gate_table
from anatomy.bench.regression_gate.overlay_venv import dependencies_differ, requirements_of
from anatomy.bench.suites.suite import load_suite

WHOLE = """
[project]
name = "mine"
dependencies = ["keras>=3"]
[project.optional-dependencies]
all = ["torch"]
[tool.ruff]
line-length = 100
[tool.anatomy.suites.ci]
model = 1
[tool.anatomy.gate]
minutes = 30
install = ["-r", "requirements-gate.txt"]
tolerate = { step = "3%" }
case = [{ model = "lstm", tolerate = { step = "5%" } }]
"""


def write(folder: Path, text: str | bytes) -> Path:
    (folder / "pyproject.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def test_what_is_read(tmp_path: Path) -> None:
    found = read_pyproject(write(tmp_path, WHOLE))
    assert (found.project.name, found.project.dependencies) == ("mine", ["keras>=3"])
    assert found.project.optional_dependencies == {"all": ["torch"]}
    assert found.tool.anatomy.suites == {"ci": {"model": 1}}
    table = read_gate_table(tmp_path)
    assert (table.minutes, table.install) == (30, ["-r", "requirements-gate.txt"])
    assert requirements_of(tmp_path) == ["keras>=3"]


def test_without_the_file_everything_is_empty(tmp_path: Path) -> None:
    assert read_gate_table(tmp_path) == GateTable()
    assert dependencies_differ(tmp_path, tmp_path) == []


ANYWHERE = {
    "no TOML": (b"[tool", "not valid TOML"),
    "not UTF-8": (b'[project]\nname = "\xff"', "byte 19 is not UTF-8"),
    "nested too deep": (b"x = " + b"[" * 5000 + b"]" * 5000, "nested too deep"),
    "tool is a number": (b"tool = 3", "tool: "),
    "anatomy is a number": (b"tool.anatomy = 3", "tool.anatomy: "),
    "gate is a list": (b"[tool.anatomy]\ngate = [1]", r"tool.anatomy.gate: .*got \[1\]"),
    "suites is a text": (b'[tool.anatomy]\nsuites = "ci"', "tool.anatomy.suites: .*got 'ci'"),
    "a suite is a number": (b"[tool.anatomy.suites]\nci = 3", "tool.anatomy.suites.ci: .*got 3"),
    "project is a number": (b"project = 3", "project: "),
}


@pytest.mark.parametrize(("text", "said"), ANYWHERE.values(), ids=ANYWHERE)
def test_mistakes_that_every_reader_names(tmp_path: Path, text: bytes, said: str) -> None:
    write(tmp_path, text)
    for read in (read_pyproject, read_gate_table, lambda folder: load_suite("ci", folder)):
        with pytest.raises(UsageError, match=rf"^\S+pyproject\.toml: .*{said}") as caught:
            read(tmp_path)
        assert "\n" not in str(caught.value)
    # A run is kept in the history all the same.
    assert project_of(tmp_path) == tmp_path.name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('minutes = "x"', "minutes: .*got 'x'"),
        ("minutes = true", "minutes: .*got True"),
        ("minutes = -5", "minutes: .*greater than 0"),
        ("minutes = 0", "minutes: .*greater than 0"),
        ("minutes = nan", "minutes: .*finite"),
        ('install = "keras"', "install: .*got 'keras'"),
        ("install = [1]", "install.0: .*got 1"),
        ("tolerate = 3", "tolerate: .*got 3"),
        ('tolerate = ["step"]', "tolerate: "),
        ("case = 3", "case: .*got 3"),
        ('case = ["mlp"]', "case.0: .*got 'mlp'"),
        ("case = { model = 'mlp' }", "case: "),
        ("case = [{ batchsize = 1 }]", "case.0: unknown key 'batchsize'.*did you mean 'batch_size'"),
        ('case = [{ backend = "jx" }]', "case.0.backend: unknown value 'jx'.*did you mean 'jax'"),
        ("case = [{ tolerate = 3 }]", "case.0.tolerate: .*got 3"),
        ("minute = 3", "unknown key 'minute'.*did you mean 'minutes'"),
    ],
)
def test_mistakes_in_the_gate_s_table(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, f"[tool.anatomy.gate]\n{text}\n")
    with pytest.raises(UsageError, match=rf"^pyproject\.toml \[tool\.anatomy\.gate\]: {said}") as caught:
        read_gate_table(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_suite_s_file_that_is_not_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b'description = "\xff"\n')
    with pytest.raises(UsageError, match=r"x\.toml: byte 16 is not UTF-8"):
        load_suite(str(file))
