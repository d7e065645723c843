"""Measure items of pytest: each becomes a case, and its record goes into a run's folder."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.errors.printable import first_mistake
from anatomy.bench.machine import collect_environment
from anatomy.bench.pytest_plugin.builders import options_of, reference_of, reference_to
from anatomy.bench.records.case import KERAS_BACKENDS, LOOPS, Case
from anatomy.bench.records.new_run import new_run
from anatomy.bench.records.record import Record
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.look_at_machine import look_at_machine
from anatomy.bench.runner.session import Session, Silent
from anatomy.bench.runner.supervisor import usable_memory_bytes
from anatomy.bench.suites.plan import points
from anatomy.bench.suites.suite import Axes, validation_message

# One combination of the values of a marker's axes: fields of a case.
Point = Mapping[str, Any]


def point_id(point: Point) -> str:
    """The id of a combination's item, e.g. `jax-train-b32-float32`."""
    return (
        f"{point['backend']}-{point['mode']}-b{point['batch_size']}-{point['dtype']}"
        + ("" if point["jit"] == "auto" else f"-jit_{point['jit']}")
        + ("" if point["feed"] == "numpy" else f"-{point['feed']}")
        + (f"-{point['source'].rpartition(':')[2]}" if point["source"] else "")
        + (f"-{point['workers']}workers" if point["workers"] else "")
        + (f"-{point['steps_per_execution']}steps" if point["steps_per_execution"] else "")
        + ("" if point["devices"] == 1 else f"-{point['devices']}dev")
        + ("" if point["model_parallel"] == 1 else f"-mp{point['model_parallel']}")
        + ("" if not point["layout_map"] else f"-{point['layout_map'].rpartition(':')[2]}")
    )


def points_of(marker: pytest.Mark) -> Sequence[Point]:
    """Every combination of the values of a marker's axes; by default all backends, both modes, 32 examples.

    Backends that are not installed are included: their items are skipped with the command that installs them.

    Raises:
        UsageError: an argument or a value is not one of an axis, or no combination is left.
    """
    if marker.args:
        raise UsageError("@pytest.mark.anatomy takes keywords only, e.g. backend=['jax']")
    try:
        axes = Axes.model_validate({name: value for name, value in marker.kwargs.items() if name != "tolerate"})
    except ValidationError as error:
        raise UsageError(
            "; ".join(validation_message("@pytest.mark.anatomy", item) for item in error.errors())
        ) from error
    backends = axes.backend or KERAS_BACKENDS
    found = sorted(points(axes, backends), key=lambda point: backends.index(point["backend"]))
    if not found:
        raise UsageError(
            f"no combination is left: feeds and steps_per_execution are for the modes {', '.join(LOOPS)}; set mode"
        )
    return found


class PytestRun:
    """The run that a session of pytest measures into; it begins with the first measurement.

    Attributes:
        folder: of the run; None before the first measurement.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.folder: Path | None = None
        self._config = config
        self._session: Session | None = None

    def case_of(self, item: pytest.Function, point: Point) -> Case:
        """The case of a marked function; its other parameters become options of the builder.

        Raises:
            UsageError: it takes fixtures, or parameters that are no JSON values.
        """
        return self._case(reference_of(item), options_of(item), point)

    def case_for(self, item: pytest.Item, model: str | Callable[[], Any], point: Point) -> Case:
        """The case of a call of the `anatomy` fixture.

        Raises:
            UsageError: there is no such model, or a value is not one of its axis.
        """
        from anatomy.models import parse_model

        if not isinstance(model, str):
            return self._case(reference_to(model, item), {}, point)
        try:
            spec = parse_model(model)
        except ValueError as error:
            raise UsageError(str(error)) from error
        return self._case(spec.model, dict(spec.options), point)

    def measure(self, case: Case) -> Record:
        """Measure a case in a fresh process; its record is on disk when this returns."""
        if self._session is None:
            self._session = self._begin()
            look_at_machine(self._session.writer.path, "start")
        return self._session.measure(case, Silent())

    def close(self) -> None:
        """End the fork servers."""
        if self._session is not None:
            self._session.__exit__()
            look_at_machine(self._session.writer.path, "end")
            self._session = None

    def _begin(self) -> Session:
        seconds = self._config.getoption("--anatomy-seconds")
        given = {} if seconds is None else {"seconds": seconds}
        try:
            settings = MeasureSettings(memory_limit_bytes=usable_memory_bytes(), **given)
        except ValidationError as error:
            raise UsageError(f"--anatomy-{first_mistake(error)}") from error
        out = self._config.getoption("--anatomy-out")
        here = collect_environment.collect()
        writer = new_run(
            Path(out) if out else None,
            suite="pytest",
            command=["pytest", *map(str, self._config.invocation_params.args)],
            settings=settings,
            environment=here,
        )
        self.folder = writer.path
        return Session(writer, settings, here.fingerprint, self._config.rootpath, tuple(sys.path))

    def _case(self, model: str, options: Mapping[str, Any], point: Point) -> Case:
        try:
            return Case(model=model, options=dict(options), **point)
        except (ValidationError, TypeError) as error:
            why = first_mistake(error) if isinstance(error, ValidationError) else error
            raise UsageError(f"{model}: not a case: {why}") from error
