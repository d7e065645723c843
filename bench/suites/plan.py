"""From a suite to cases: every point of its matrices, in an order that compares backends fairly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from anatomy.bench.backends.available import installed_backends, supports
from anatomy.bench.errors.anatomy_error import NothingSelectedError, UsageError
from anatomy.bench.machine.pyproject import ModelTable, read_pyproject
from anatomy.bench.records.case import LOOPS, Backend, Case, Mode
from anatomy.bench.records.input_spec import parse_inputs
from anatomy.bench.suites.suite import Axes, Exclusion, Matrix, Suite

if TYPE_CHECKING:
    from anatomy.models import ModelSpec

# What an axis has when neither the suite nor the command line says otherwise.
DEFAULT_MODES: tuple[Mode, ...] = ("train", "infer")
DEFAULT_BATCH_SIZE = 32
# Counting needs no device; TensorFlow is the backend that is always installed.
COUNT_BACKEND: Backend = "tensorflow"


def plan(suite: Suite, overrides: Axes, models: Sequence[str] = (), nodes: int = 1) -> list[Case]:
    """All cases of `suite`, without repetitions.

    Backends vary fastest, so that the figures that are compared are taken close in time.
    `overrides` replaces axes for every matrix; `models` keeps the matrices' models of these names. On several `nodes`
    the devices of a case are equally many on each, but for one device.

    Raises:
        UsageError: an unknown model or option.
        NothingSelectedError: a selection that leaves nothing.
    """
    own = read_pyproject(Path.cwd()).tool.anatomy.models
    cases = {
        case.key: case
        for matrix in (*suite.matrix, *suite.include)
        for case in _expand(matrix, suite, overrides, nodes, own)
        if not (matrix in suite.matrix and _excluded(case, suite.exclude)) and _selected(case, models)
    }
    of_loops = {"--feed": set(overrides.feed or ()) - {"numpy"}, "--steps-per-execution": overrides.steps_per_execution}
    given = [option for option, values in of_loops.items() if values]
    if not cases and given:
        raise NothingSelectedError(f"{' and '.join(given)}: for Keras's own loops; add --mode {', '.join(LOOPS)}")
    if not cases and not suite.count:
        raise NothingSelectedError(f"suite {suite.name}: no case is left; loosen its excludes or the options")
    if models and not cases:
        raise NothingSelectedError(f"suite {suite.name} has no model named {', '.join(models)}")
    counted = [] if models else [count_case(text, own) for text in suite.count]
    return [*cases.values(), *counted]


def count_case(text: str, own: Mapping[str, ModelTable] = MappingProxyType({})) -> Case:
    """The case that counts a model without running it.

    Args:
        own: model → its table in `pyproject.toml`.
    """
    point = {"mode": "count", "backend": COUNT_BACKEND, "batch_size": 1, "dtype": "float32", "jit": "auto"}
    return _case(text, _parsed(text), point, own)


def points(axes: Axes, backends: Sequence[Backend], nodes: int = 1) -> Iterator[dict[str, Any]]:
    """Every combination of the axes' values, as fields of a case; backends vary fastest.

    Args:
        axes: an axis without values has its default.
        backends: those of `axes`, or the ones to take without; impossible combinations with these are left out.
        nodes: how many share a case on several devices.
    """
    inputs = parse_inputs(axes.inputs or ())
    seen = set()
    for mode, batch_size, dtype, jit, feed, source, workers, together, share, backend in product(
        axes.mode or DEFAULT_MODES,
        axes.batch_size or (DEFAULT_BATCH_SIZE,),
        axes.dtype or ("float32",),
        axes.jit or ("auto",),
        axes.feed or ("numpy",),
        axes.source or ("",),
        axes.workers or (0,),
        axes.steps_per_execution or (0,),
        axes.shares(),
        backends,
    ):
        # Asked for by name, an impossible pair becomes a record that says so. Keras on OpenVINO runs on one device.
        possible = supports(backend, mode) and not (share.devices > 1 and backend == "openvino")
        # The compiled step has its data on the device: it is measured once, whatever the loops are fed from.
        if (possible or axes.backend is not None) and ((feed == "numpy" and not together) or mode in LOOPS):
            in_memory = feed == "numpy" or (feed == "tf.data" and not source)
            point = {
                "mode": mode,
                "backend": backend,
                "batch_size": share.batch_of(batch_size),
                "dtype": dtype,
                "jit": jit,
                "feed": feed,
                "source": source if mode in LOOPS else "",
                # What is in memory is measured once, whatever the workers of other feeds.
                "workers": 0 if in_memory else workers,
                "steps_per_execution": together,
                "nodes": nodes if share.devices > 1 else 1,
                **share.fields(),
            }
            if (values := tuple(point.values())) not in seen:
                seen.add(values)
                yield point | {"inputs": inputs}


def _expand(matrix: Matrix, suite: Suite, overrides: Axes, nodes: int, own: Mapping[str, ModelTable]) -> Iterator[Case]:
    axes = overrides.over(matrix).over(suite)
    if nodes > 1 and axes.devices is None:
        axes = axes.model_copy(update={"devices": (1, nodes)})
    of_each = list(points(axes, axes.backend or installed_backends(), nodes))
    for text in matrix.model:
        spec = _parsed(text)
        for point in of_each:
            case = _case(text, spec, point, own)
            if not _left_out(case, axes):
                yield case


def _left_out(case: Case, axes: Axes) -> bool:
    """Whether a SavedModel cannot be measured so, and nobody asked: it is a graph of TensorFlow, of inference alone."""
    from anatomy.models import kind_of

    if kind_of(case.model) != "folder":
        return False
    other_backend = axes.backend is None and case.backend != "tensorflow"
    return other_backend or (axes.mode is None and case.mode not in ("infer", "predict"))


def _parsed(text: str) -> ModelSpec:
    from anatomy.models import parse_model

    try:
        return parse_model(text)
    except ValueError as error:
        raise UsageError(str(error)) from error


def _case(text: str, spec: ModelSpec, point: Mapping[str, Any], own: Mapping[str, ModelTable]) -> Case:
    options, inputs = dict(spec.options), point.get("inputs")
    if options.get("stateful"):
        # A stateful model is built for one batch size: the step's.
        options["batch_size"] = point["batch_size"]
    if not inputs and spec.model in own:
        inputs = own[spec.model].inputs
    try:
        return Case(model=spec.model, options=options, **{**point, "inputs": inputs or {}})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{text}: {where}: {first['msg']} (got {first['input']!r})") from error


def _excluded(case: Case, exclusions: Sequence[Exclusion]) -> bool:
    return any(exclusion.matches(case) for exclusion in exclusions)


def _selected(case: Case, models: Sequence[str]) -> bool:
    """Whether a model of a suite is one of those named on the command line, in any spelling of the user's own."""
    return not models or case.model in models or case.model in map(_spelling, models)


def _spelling(text: str) -> str:
    from anatomy.models import kind_of, parse_model

    try:
        model = parse_model(text).model
    except ValueError:
        return text
    # A variant of the zoo has options, which the name alone does not tell.
    return text if kind_of(model) == "zoo" else model
