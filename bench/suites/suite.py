"""Suites: TOML files that describe what to measure as matrices with includes and excludes.

name = "quick"
description = "one line"
seconds = 1.0                      # longest measured window of each case; also target, warmup_s,
                                   # warmup_budget_s, processes, timeout_s
mode = ["train", "infer"]          # axes here hold for every matrix …
exclude = [{ model = "vgg", backend = "openvino" }]
count = ["vgg:depth=16"]           # counted only, at any size
tolerate = { step = "3%" }         # for `anatomy gate`; see anatomy.bench.regression_gate.policy

[[matrix]]
model = ["vgg:depth=11,input_shape=32x32x3,classes=10"]
batch_size = [8, 16]               # … unless a matrix has its own; of one device
inputs = { tokens = "128" }        # what the model leaves open, as `--input` has it
devices = [1, 2, 4]                # with scaling = "weak" (default) each has that batch, with "strong" they share it

[[include]]                        # added after the excludes
model = ["mlp"]
jit = ["on", "off"]
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.machine.pyproject import parse_toml, read_pyproject
from anatomy.bench.records.case import DTYPES, Backend, Case, CaseMode, Feed, Jit, Scaling
from anatomy.bench.records.frozen import Frozen
from anatomy.bench.records.input_spec import parse_inputs
from anatomy.models.suggestion import unknown_name

# Fields of a suite that are settings of measuring, by the same names.
SUITE_BUDGETS = ("seconds", "target", "warmup_s", "warmup_budget_s", "processes", "timeout_s")

# What `anatomy run` takes in place of a batch size.
MAX_BATCH = "max"


def _as_list(value: Any) -> Any:
    return value if value is None or isinstance(value, list | tuple) else [value]


def _known_dtype(value: Any) -> Any:
    for name in _as_list(value) or ():
        if name not in DTYPES:
            raise ValueError(f"expected one of {', '.join(DTYPES)}")
    return value


def _known_batch(value: Any) -> Any:
    if MAX_BATCH in (_as_list(value) or ()):
        raise ValueError(
            "the largest batch is found by trying; that is what `anatomy run MODEL --batch-size max` does, and no"
            " other command or file: give numbers here"
        )
    return value


def _as_inputs(value: Any) -> Any:
    """A table of inputs as lines, and the lines checked: `{ tokens = "128" }` is `tokens=128`."""
    lines = [f"{path}={said}" for path, said in value.items()] if isinstance(value, Mapping) else _as_list(value)
    if lines is not None:
        parse_inputs(lines)
    return lines


Several = BeforeValidator(_as_list)


class Share(NamedTuple):
    """How devices share a step; see `Case` for the fields."""

    devices: int
    model_parallel: int
    scaling: Scaling
    layout_map: str

    def batch_of(self, batch_size: int) -> int:
        """Examples a step over all devices: each part of the batch has `batch_size` of them, or they share as many."""
        return batch_size * (self.devices // self.model_parallel) if self.scaling == "weak" else batch_size

    def fields(self) -> dict[str, Any]:
        """Those of a case."""
        return {"devices": self.devices, "model_parallel": self.model_parallel, "layout_map": self.layout_map}


class Axes(Frozen):
    """Values of each axis; null leaves it to the next level: command line, matrix, suite, default."""

    backend: Annotated[tuple[Backend, ...] | None, Several] = None
    mode: Annotated[tuple[CaseMode, ...] | None, Several] = None
    batch_size: Annotated[tuple[Annotated[int, Field(ge=1)], ...] | None, Several, BeforeValidator(_known_batch)] = None
    dtype: Annotated[tuple[str, ...] | None, Several, BeforeValidator(_known_dtype)] = None
    jit: Annotated[tuple[Jit, ...] | None, Several] = None
    feed: Annotated[tuple[Feed, ...] | None, Several] = None
    source: Annotated[tuple[str, ...] | None, Several] = None
    workers: Annotated[tuple[Annotated[int, Field(ge=0)], ...] | None, Several] = None
    steps_per_execution: Annotated[tuple[Annotated[int, Field(ge=0)], ...] | None, Several] = None
    devices: Annotated[tuple[Annotated[int, Field(ge=1)], ...] | None, Several] = None
    scaling: Annotated[tuple[Scaling, ...] | None, Several] = None
    model_parallel: Annotated[tuple[Annotated[int, Field(ge=1)], ...] | None, Several] = None
    layout_map: Annotated[tuple[str, ...] | None, Several] = None
    # No axis: all of them are given to every case.
    inputs: Annotated[tuple[str, ...] | None, BeforeValidator(_as_inputs)] = None

    def shares(self) -> tuple[Share, ...]:
        """Every way to share a step that the axes give, each once: on one device there is but one."""
        found = {
            Share(devices, split, scaling if devices > split else "weak", layout_map if split > 1 else "")
            for devices in self.devices or (1,)
            for split in (self.model_parallel or (1,) if devices > 1 else (1,))
            if devices % split == 0
            for scaling in self.scaling or ("weak",)
            for layout_map in self.layout_map or ("",)
        }
        given = list(self.devices or (1,))

        def place(share: Share) -> tuple[int, int, bool, str]:
            return given.index(share.devices), share.model_parallel, share.scaling == "strong", share.layout_map

        return tuple(sorted(found, key=place))

    def over(self, lower: Axes) -> Axes:
        """These axes, and the lower level's where these have none."""
        merged = {name: getattr(self, name) or getattr(lower, name) for name in Axes.model_fields}
        return Axes(**merged)


class Matrix(Axes):
    """Models times axes."""

    model: Annotated[tuple[str, ...], Several] = Field(min_length=1)


class Exclusion(Frozen):
    """A pattern of points to leave out: every key given must match."""

    model: str | None = None
    backend: Backend | None = None
    mode: CaseMode | None = None
    batch_size: int | None = None
    dtype: str | None = None
    jit: Jit | None = None
    feed: Feed | None = None
    source: str | None = None
    workers: int | None = None
    steps_per_execution: int | None = None
    devices: int | None = None
    model_parallel: int | None = None

    def matches(self, case: Case) -> bool:
        """Whether every key that is set equals the case's."""
        wanted = self.model_dump(exclude_none=True)
        return bool(wanted) and all(getattr(case, name) == value for name, value in wanted.items())


class Suite(Axes):
    """A suite as read; see the module's docstring for the keys."""

    name: str
    description: str = ""
    seconds: float | None = Field(default=None, gt=0)
    target: float | None = Field(default=None, gt=0, lt=1)
    warmup_s: float | None = Field(default=None, ge=0)
    warmup_budget_s: float | None = Field(default=None, ge=0)
    processes: int | None = Field(default=None, ge=1)
    timeout_s: float | None = Field(default=None, gt=0)
    matrix: tuple[Matrix, ...] = ()
    include: tuple[Matrix, ...] = ()
    exclude: tuple[Exclusion, ...] = ()
    count: Annotated[tuple[str, ...], Several] = ()
    tolerate: dict[str, Any] = {}  # noqa: RUF012  # pydantic copies a default


def built_in_suites() -> tuple[str, ...]:
    """Names of the suites that come with Anatomy."""
    folder = resources.files("anatomy.bench.suites")
    return tuple(sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml")))


def load_suite(name_or_path: str, directory: Path | None = None) -> Suite:
    """Find a suite: a `.toml` file, a name under `[tool.anatomy.suites]` of `pyproject.toml`, or a built-in.

    Raises:
        UsageError: nothing of that name, or the file is not a suite.
    """
    if name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if not path.exists():
            raise UsageError(f"{path}: no such file; built-in suites are {', '.join(built_in_suites())}")
        return _validated(parse_toml(path.read_bytes(), str(path)), str(path), path.stem)
    own = read_pyproject(directory or Path.cwd()).tool.anatomy.suites
    if name_or_path in own:
        return _validated(own[name_or_path], f"pyproject.toml [tool.anatomy.suites.{name_or_path}]", name_or_path)
    if name_or_path in built_in_suites():
        text = (resources.files("anatomy.bench.suites") / f"{name_or_path}.toml").read_bytes()
        return _validated(parse_toml(text, name_or_path), f"suite {name_or_path}", name_or_path)
    raise UsageError(f"{unknown_name('suite', name_or_path, (*built_in_suites(), *own))}; or name a .toml file")


_TABLES: Mapping[str, type[BaseModel]] = {"": Suite, "matrix": Matrix, "include": Matrix, "exclude": Exclusion}


def _validated(data: Mapping[str, Any], where: str, name: str) -> Suite:
    try:
        return Suite.model_validate({"name": name, **data})
    except ValidationError as error:
        raise UsageError("\n".join(validation_message(where, item) for item in error.errors())) from error


def validation_message(where: str, item: Any, tables: Mapping[str, type[BaseModel]] = _TABLES) -> str:
    """One line of a validation error: file, key, what was expected, the nearest valid name.

    Args:
        where: the file, or the option.
        item: one of the error's `errors()`.
        tables: key of a table → its model; under "" the outermost.
    """
    location = [str(part) for part in item["loc"]]
    if item["type"] == "extra_forbidden":
        *table, key = location
        valid = list(tables[table[0] if table else ""].model_fields)
        return ": ".join(filter(None, (where, ".".join(table), unknown_name("key", key, valid))))
    key = ".".join(location)
    if item["type"] == "literal_error":
        valid = re.findall(r"'([^']+)'", item["ctx"]["expected"])
        return f"{where}: {key}: {unknown_name('value', str(item['input']), valid)}"
    return f"{where}: {key}: {item['msg']} (got {item['input']!r})"
