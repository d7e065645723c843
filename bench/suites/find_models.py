"""Mistakes in the models of a plan, found before anything is measured and before a backend starts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Case


def require_models(cases: Iterable[Case], directory: Path | None = None) -> tuple[str, ...]:
    """Look up the models of cases, and their layout maps, by name; no module is imported.

    Args:
        cases: of a plan.
        directory: where workers will run; `None` for the current directory.

    Returns:
        Sentences for the user on how models will be built, each once.

    Raises:
        UsageError: there is no such model, or it cannot be imported or loaded.
    """
    from anatomy.models import check_model

    place = directory or Path.cwd()
    named = {(case.model, repr(case.options)): (case.model, case.options) for case in cases}
    maps = {(case.layout_map, None) for case in cases if case.layout_map}
    try:
        notes = [note for model, options in [*named.values(), *maps] for note in check_model(model, options, place)]
    except ValueError as error:
        raise UsageError(str(error)) from error
    return tuple(dict.fromkeys(notes))
