"""The files for CI services and the issue forms, against the published schemas; what they call is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CALL_THE_GATE = {
    "action.yml": "vendor.github-actions",
    "docs/ci/github.yml": "vendor.github-workflows",
    "docs/ci/gitlab.yml": "vendor.gitlab-ci",
}
FORMS = (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")
SCHEMAS = CALL_THE_GATE | {str(form.relative_to(ROOT)): "vendor.github-issue-forms" for form in FORMS}


@pytest.mark.process
@pytest.mark.parametrize("file", SCHEMAS)
def test_the_file_is_what_its_schema_says(file: str) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[file], str(ROOT / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", CALL_THE_GATE)
def test_every_option_of_the_gate_that_it_uses_is_one(file: str) -> None:
    from typer.main import get_command

    from anatomy.bench.cli.main import app

    gate = get_command(app).commands["gate"]  # type: ignore[attr-defined]  # typer's group has commands
    known = {option for parameter in gate.params for option in parameter.opts}
    text = (ROOT / file).read_text()
    call = re.search(r"(?:anatomy|anatomy\.bench\.cli) gate ((?:.|\n)*?)(?:\n\s*\n|\n\s*- |\n\S|\Z)", text)
    assert call is not None
    used = set(re.findall(r"(?<!\S)--[a-z-]+", call[1]))
    assert used
    assert used <= known


@pytest.mark.process
def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "anatomy.bench.cli", "gate", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "--against" in done.stdout


def test_the_environment_without_frameworks_has_every_other_dependency() -> None:
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    listed = set(tox["testenv:py3{11,12,13}-no-frameworks"]["deps"].split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    needed = {name for name in project["dependencies"] if not name.startswith(("tensorflow", "tensorboard", "keras"))}
    assert listed - set(project["optional-dependencies"]["test"]) == needed


def test_the_environment_without_tensorflow_has_every_other_dependency() -> None:
    tox = ConfigParser(interpolation=None)
    tox.read(ROOT / "tox.ini")
    listed = set(tox["testenv:no-tensorflow"]["deps"].split())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    frameworks = {*project["optional-dependencies"]["jax"], *project["optional-dependencies"]["torch"]}
    needed = {*project["dependencies"], *frameworks}
    assert {name for name in needed - listed if not name.startswith("tensorflow")} == set()
    assert not any(name.startswith("tensorflow") for name in listed)
    assert listed - needed <= set(project["optional-dependencies"]["test"])
