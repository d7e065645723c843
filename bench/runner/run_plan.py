"""The plan of a run: which cases are to be measured, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case
from anatomy.bench.records.settings import MeasureSettings, checked_settings
from anatomy.bench.runner.largest_batch import smallest_cases
from anatomy.bench.suites.axis_options import parse_axes, wants_largest_batch
from anatomy.bench.suites.find_models import require_models
from anatomy.bench.suites.plan import plan
from anatomy.bench.suites.suite import SUITE_BUDGETS, Axes, Suite, load_suite


class RunPlan(NamedTuple):
    """What is to be measured, and how.

    Attributes:
        suite: name of the suite.
        cases: in the order in which they are measured; with `largest_batch` each stands for a search.
        settings: how cases are measured.
        largest_batch: whether the largest batch that fits is searched for each case.
        notes: sentences for the user on how models will be built.
    """

    suite: str
    cases: list[Case]
    settings: MeasureSettings
    largest_batch: bool = False
    notes: tuple[str, ...] = ()

    def as_search(self) -> RunPlan:
        """The plan of a search for the largest batch of each case: it says the batch sizes, whatever a dataset has."""
        settings = self.settings.model_copy(update={"batch_of_dataset": False})
        return self._replace(cases=smallest_cases(self.cases), settings=settings, largest_batch=True)


def plan_run(
    models: Sequence[str],
    suite_name: str | None,
    axes: Mapping[str, list[str] | None],
    budgets: Mapping[str, Any],
    nodes: int = 1,
) -> RunPlan:
    """Plan the cases of a suite, or of models given by name.

    Args:
        models: names of models; of a suite they are the ones to keep.
        suite_name: `quick`, …, or a TOML file; `None` for `quick` where no model is named.
        axes: axis → values as text, as on the command line.
        budgets: fields of `MeasureSettings`; `None` for what is not given.
        nodes: how many nodes share a case on several devices.

    Raises:
        UsageError: a value is not one of its axis, or a model or an option cannot be turned into a case.
    """
    is_search = wants_largest_batch(axes.get("batch_size"))
    overrides = parse_axes({**axes, "batch_size": ["1"]} if is_search else axes)
    if models and suite_name is None:
        suite = Suite.model_validate({"name": "command line", "matrix": [{"model": list(models)}]})
        models = ()
    else:
        suite = load_suite(suite_name or "quick")
    planned = plan_suite(suite, overrides, models, budgets, nodes)
    return planned.as_search() if is_search else planned


def plan_suite(
    suite: Suite,
    overrides: Axes,
    models: Sequence[str],
    budgets: Mapping[str, Any],
    nodes: int = 1,
    directory: Path | None = None,
) -> RunPlan:
    """Plan the cases of a suite; axes and budgets that are given win over its own.

    Raises:
        UsageError: a model or an option cannot be turned into a case, there is no such model in `directory` (`None` for
            the current one), or a budget is out of its bounds.
    """
    cases = plan(suite, overrides, models, nodes)
    notes = require_models(cases, directory)
    given = {name: value for name, value in budgets.items() if value is not None}
    of_suite = {name: value for name in SUITE_BUDGETS if (value := getattr(suite, name)) is not None}
    said = any(axes.batch_size for axes in (overrides, suite, *suite.matrix, *suite.include))
    of_suite["batch_of_dataset"] = not said
    return RunPlan(suite.name, cases, checked_settings(of_suite | given), notes=notes)


def refuse_profiled_search() -> NoReturn:
    """Raise `UsageError`: a search tries many batch sizes, and a profile is of one."""
    raise UsageError(
        "--batch-size max tries many sizes; find the largest with anatomy run MODEL --batch-size max, then profile"
        " it: anatomy profile MODEL --batch-size N"
    )
