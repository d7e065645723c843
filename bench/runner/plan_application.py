"""The plan of a run of the text application: its stages on each backend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from anatomy.bench.application import text_folder
from anatomy.bench.application.lifecycle_options import LifecycleOptions
from anatomy.bench.application.newsgroups_options import NewsgroupsOptions
from anatomy.bench.application.synthetic_newsgroups import corpus_of, is_synthetic
from anatomy.bench.backends.available import availability, supports
from anatomy.bench.errors.anatomy_error import UsageError
from anatomy.bench.records.case import Backend, Case
from anatomy.bench.records.settings import MeasureSettings
from anatomy.bench.runner.application_records import stage_cases
from anatomy.bench.runner.run_plan import RunPlan
from anatomy.bench.suites.find_models import require_models


def plan_newsgroups(
    options: NewsgroupsOptions,
    backends: Sequence[Backend],
    settings: MeasureSettings,
    advance: Callable[[int], None] = lambda count: None,
) -> RunPlan:
    """Plan the stages on each backend; what every worker would stumble over is found before the first begins.

    Args:
        settings: how many processes run the application (each has another seed), and their limits.
        advance: called with the number of texts of a made-up corpus that were written, for a progress bar.

    Raises:
        UsageError: a backend is missing or does not train, the folder or the file is not what is expected, or the
            extra `application` is not installed.
    """
    for package in ("pyarrow", "polars"):
        if find_spec(package) is None:
            raise UsageError(f"the text application needs {package}; pip install 'keras-anatomy[application]'")
    for backend in backends:
        _require_backend(backend)
        if not supports(backend, "train"):
            raise UsageError(f"Keras on {backend} does not train; use another --backend")
    if is_synthetic(options.data):
        corpus_of(options.data, advance)
    text_folder.scan(options.folder)
    if (vectors := options.vectors_file) is not None and not vectors.is_file():
        raise UsageError(f"{vectors}: no such file; expected word vectors as text, such as glove.6B.100d.txt")
    cases = [case for backend in backends for case in stage_cases(options, backend)]
    return RunPlan(options.application, cases, settings)


def plan_lifecycle(
    options: Sequence[LifecycleOptions], backends: Sequence[Backend], settings: MeasureSettings
) -> RunPlan:
    """Plan the life of each model on each backend.

    Raises:
        UsageError: a backend is missing, or a model is not found by its name.
    """
    for backend in backends:
        _require_backend(backend)
    notes = require_models(_named(one) for one in options)
    cases = [case for one in options for backend in backends for case in stage_cases(one, backend)]
    return RunPlan("lifecycle", cases, settings, notes=notes)


def _named(options: LifecycleOptions) -> Case:
    from anatomy.models import parse_model

    try:
        spec = parse_model(options.network)
    except ValueError as error:
        raise UsageError(str(error)) from error
    return Case(model=spec.model, options=spec.options, batch_size=options.batch_size)


def _require_backend(backend: Backend) -> None:
    if not (here := availability(backend)).installed:
        raise UsageError(f"{backend} is not installed; {here.remedy}")
