"""The `pyproject.toml` of a directory: the project that it declares, and Anatomy's own tables, `[tool.anatomy]`."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake

PYPROJECT = "pyproject.toml"


class _Table(BaseModel):
    """A table that other programs read too; their keys are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Project(_Table):
    """`[project]`: its name and what it depends on."""

    name: str = ""
    dependencies: list[str] = Field(default_factory=list)
    optional_dependencies: dict[str, list[str]] = Field(default_factory=dict, alias="optional-dependencies")


class ModelTable(_Table):
    """`[tool.anatomy.models."package.module:function"]`: what a model leaves open; see `Case.inputs`."""

    inputs: dict[str, str] = Field(default_factory=dict)


class AnatomyTables(_Table):
    """`[tool.anatomy]`: tables of the gate and of searches, suites by name, validated by readers; models."""

    gate: dict[str, Any] = Field(default_factory=dict)
    tune: dict[str, Any] = Field(default_factory=dict)
    suites: dict[str, dict[str, Any]] = Field(default_factory=dict)
    models: dict[str, ModelTable] = Field(default_factory=dict)


class _Tool(_Table):
    anatomy: AnatomyTables = AnatomyTables()


class PyProject(_Table):
    """What Anatomy reads of a `pyproject.toml`; everything is empty where the file is missing."""

    project: Project = Project()
    tool: _Tool = _Tool()
    dependency_groups: dict[str, Any] = Field(default_factory=dict, alias="dependency-groups")


def read_pyproject(directory: Path) -> PyProject:
    """Read `pyproject.toml` in a directory.

    Raises:
        UsageError: it is no TOML, or a table has another type.
    """
    path = directory / PYPROJECT
    if not path.exists():
        return PyProject()
    try:
        return PyProject.model_validate(parse_toml(path.read_bytes(), str(path)))
    except ValidationError as error:
        raise UsageError(f"{path}: {first_mistake(error)}") from error


def parse_toml(text: bytes, where: str) -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        UsageError: it is no TOML; the message begins with `where`.
    """
    try:
        return tomllib.loads(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise UsageError(f"{where}: byte {error.start + 1} is not UTF-8") from error
    except RecursionError as error:
        raise UsageError(f"{where}: nested too deep") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{where}: not valid TOML: {error}") from error
